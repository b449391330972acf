"""What changed in the score, ``track.toml``, in a musician's words: faders, tempo, key. Pure text."""

from collections.abc import Iterator

from beatflow.track import Stem, Track
from beatflow.wording import format_number, format_tempo


def tell_score(before: Track, after: Track) -> Iterator[str]:
    """Yield what became of a score: ``bass fader −1.5 dB``, ``drums muted``, ``tempo 90 → 92 BPM``."""
    if after.tempo != before.tempo and before.tempo is not None and after.tempo is not None:
        yield f"tempo {format_tempo(before.tempo).removesuffix(' BPM')} → {format_tempo(after.tempo)}"
    for word, old, new in (("key", before.key, after.key), ("meter", before.meter, after.meter)):
        if old and new and old != new:
            yield f"{word} {old} → {new}"
    if after.master_db != before.master_db:
        yield f"master {_signed(after.master_db - before.master_db)} dB"
    for name in sorted(before.stems.keys() & after.stems.keys()):
        yield from _tell_stem(name, before.stems[name], after.stems[name])


def _tell_stem(name: str, before: Stem, after: Stem) -> Iterator[str]:
    if after.gain_db != before.gain_db:
        yield f"{name} fader {_signed(after.gain_db - before.gain_db)} dB"
    if after.pan != before.pan:
        yield f"{name} panned {_side(after.pan)}"
    if after.mute != before.mute:
        yield f"{name} {'muted' if after.mute else 'unmuted'}"
    if after.solo != before.solo:
        yield f"{name} {'solo' if after.solo else 'no longer solo'}"
    if after.offset != before.offset:
        frames = after.offset - before.offset
        yield f"{name} {abs(frames)} frames {'later' if frames > 0 else 'earlier'}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + format_number(value)


def _side(pan: float) -> str:
    if not pan:
        return "to the centre"
    return f"{abs(pan):.0%} {'right' if pan > 0 else 'left'}".replace("%", " %")
