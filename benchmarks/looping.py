"""Measures `bf loop`: which wraps are told, what closing makes of bad cuts, what is found in music of known bars.

Needs Debian's sonic-pi-samples and wesnoth-music, and what `benchmarks.collection` needs. Prints the tables of
docs/loop.md, or puts them there: ``python -m benchmarks.looping [--write] [PART ...]``.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from beatflow.delivery import Handover, Place
from beatflow.errors import BeatFlowError
from beatflow.making.loopfinding import LoopRequest
from beatflow.making.looping import MadeLoop, loop_file
from beatflow.sound.audio import Audio
from beatflow.sound.looping import close_seam
from beatflow.sound.seamlevel import AUDIBLE_DB, measure_seam
from benchmarks.collection import Item, items
from benchmarks.table import replace_part

PAGE = Path(__file__).parents[1] / "docs" / "loop.md"
_LOOPS = Path("/usr/share/sonic-pi/samples")
_MUSIC = Path("/usr/share/games/wesnoth/1.16/data/core/music")
_CLICKING = ("drone_g_97", "perc2", "safari")
"""Published loops with a step in the waveform at their wrap, as looked at in pictures."""
_BARS = {"4/4": 4, "3/4": 3, "6/8": 2}
_WITHIN_S = 0.003


def published() -> Iterator[tuple[str, Audio]]:
    """Loops that were made to be loops."""
    for path in sorted(_LOOPS.glob("loop_*.flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        yield path.stem.removeprefix("loop_"), Audio(samples, rate)


def music(seconds: float = 60.0) -> Iterator[Audio]:
    """A minute of each piece of a soundtrack, from its twentieth second on."""
    for path in sorted(_MUSIC.glob("*.ogg")):
        samples, rate = soundfile.read(
            path, dtype="float32", always_2d=True, start=20 * 44_100, frames=round(seconds * 44_100)
        )
        if len(samples) > 20 * rate:
            yield Audio(samples, rate)


def roll(audio: Audio, by: int) -> Audio:
    """The same loop begun elsewhere: its wrap is then where the music went on by itself."""
    return Audio(np.ascontiguousarray(np.roll(audio.samples, by, axis=0)), audio.sample_rate)


def tell_seams() -> str:
    """Which wraps are told to be heard."""
    rng = np.random.default_rng(7)
    levels: dict[str, list[float]] = {}

    def note(kind: str, audio: Audio) -> None:
        levels.setdefault(kind, []).append(measure_seam(audio).level_db)

    for name, audio in published():
        clicks = name in _CLICKING
        note("published loops that do click" if clicks else "published loops", audio)
        for _ in range(4):
            note("published loops, begun elsewhere", roll(audio, int(rng.integers(audio.frames))))
    for audio in music():
        for _ in range(3):
            frames = round(audio.sample_rate * rng.uniform(2, 8))
            start = int(rng.integers(0, audio.frames - frames))
            cut = Audio(audio.samples[start : start + frames], audio.sample_rate)
            note("music where it goes on by itself", roll(cut, int(rng.integers(frames))))
            note("music cut at random", cut)
    lines = [
        "| wrap | number | level, median | 5 % to 95 % | told to be heard |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind, found in levels.items():
        low, middle, high = np.quantile(found, (0.05, 0.5, 0.95))
        heard = np.mean(np.array(found) > AUDIBLE_DB)
        lines.append(
            f"| {kind} | {len(found)} | {middle:+.1f} dB | {low:+.1f} to {high:+.1f} dB | {heard:.0%} |"
        )
    good = levels["published loops, begun elsewhere"] + levels["music where it goes on by itself"]
    bad = levels["music cut at random"]
    area = np.mean([np.mean(np.array(bad) > one) + 0.5 * np.mean(np.array(bad) == one) for one in good])
    return "\n".join([*lines, "", f"Area under the curve, natural wraps against random cuts: {area:.3f}."])


def tell_closing() -> str:
    """What closing makes of random cuts, by what there is around them."""
    rng = np.random.default_rng(8)
    lines = [
        "| around the cut | cuts | closed by | level before, after (median) | worst after | heard after |",
        "|---|---:|---|---:|---:|---:|",
    ]
    cuts = []
    for audio in music():
        rate = audio.sample_rate
        frames = round(rate * rng.uniform(2, 8))
        cuts.append((audio, int(rng.integers(rate, audio.frames - frames - rate)), frames))
    for around in ("before and after", "only before", "only after", "nothing"):
        done = []
        for audio, start, frames in cuts:
            before = audio.sample_rate if "before" in around else 0
            after = audio.sample_rate if "after" in around else 0
            part = audio.samples[start - before : start + frames + after]
            done.append(close_seam(Audio(part, audio.sample_rate), before, frames))
        ways = ", ".join(
            f"{way} {number}" for way, number in Counter(one.method for one in done).most_common()
        )
        was, now = ([getattr(one, end).level_db for one in done] for end in ("before", "after"))
        heard = sum(one.after.audible for one in done)
        lines.append(
            f"| {around} | {len(done)} | {ways} | {np.median(was):+.1f}, {np.median(now):+.1f} dB | "
            f"{max(now):+.1f} dB | {heard} of {len(done)} |"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Verdict:
    """What was found in one piece: ``whole`` bars, whole ``beats``, ``other`` lengths, or ``none``."""

    what: str
    made: MadeLoop | None = None


def judge(path: Path, tempo: float, beats_of_bar: int, request: LoopRequest) -> Verdict:
    """Find the best loop and compare its length with the bars that are known."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = loop_file(path, path.name, request, Handover(Path(folder), place=Place(Path(folder))))
        except BeatFlowError:
            return Verdict("none")
    loop = done.loops[0]
    for what, beats in (("whole", beats_of_bar), ("beats", 1)):
        period = 60 * beats / tempo
        times = round(loop.duration_s / period)
        if times and abs(loop.duration_s - times * period) <= _WITHIN_S:
            return Verdict(what, loop)
    return Verdict("other", loop)


def embed(item: Item, folder: Path, strange: Audio) -> Path:
    """A loop four times and more in a row, between stretches of a piece that has nothing to do with it."""
    samples, rate = soundfile.read(item.path, dtype="float32", always_2d=True)
    times = max(4, -(-round(12 * rate) // len(samples)))
    middle = np.tile(samples.mean(axis=1, keepdims=True), (times, 1))
    other = strange.samples.mean(axis=1, keepdims=True) * 0.5
    before, after = other[: round(3.3 * rate)], other[round(8 * rate) : round(12.7 * rate)]
    path = folder / f"{item.name.replace('/', '-')}.wav"
    soundfile.write(path, np.concatenate([before, middle, after]), rate, subtype="PCM_16")
    return path


def shorten(item: Item, folder: Path, seconds: float = 60.0) -> Path:
    """The first minute of a piece."""
    samples, rate = soundfile.read(item.path, dtype="float32", always_2d=True, frames=round(seconds * 48_000))
    path = folder / f"{item.name.replace('/', '-')}.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def tell_found(most: int = 24) -> str:
    """How often what is found is whole bars."""
    strange = next(iter(music(25)))
    lines = [
        "| music | pieces | whole bars | whole beats | another length | no loop | seam heard |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for title, collection in (
            ("real loops, repeated between strange music", "loops"),
            ("rendered grooves", "grooves-b"),
            ("rendered tunes", "tunes"),
        ):
            known = [one for one in items(collection) if one.tempo]
            known = known[:: max(1, len(known) // most)][:most]
            verdicts = []
            for item in known:
                folder = Path(scratch)
                path = embed(item, folder, strange) if collection == "loops" else shorten(item, folder)
                assert item.tempo is not None
                verdict = judge(path, item.tempo, _BARS.get(item.meter or "4/4", 4), LoopRequest())
                verdicts.append(verdict)
                made = verdict.made
                told = f"{made.bars} bars at {made.tempo:.3f}, seam {made.seam_db:+.1f}" if made else ""
                print(f"{collection} {item.name}: {item.tempo:g} BPM: {verdict.what} {told}", file=sys.stderr)
                path.unlink()
            count = Counter(one.what for one in verdicts)
            heard = sum(bool(one.made and one.made.audible) for one in verdicts)
            lines.append(
                f"| {title} | {len(verdicts)} | {count['whole']} | {count['beats']} | {count['other']} | "
                f"{count['none']} | {heard} |"
            )
    return "\n".join(lines)


PARTS = {"seams": tell_seams, "closing": tell_closing, "found": tell_found}


def main(words: list[str]) -> None:
    """Print the parts that are named, or all; or write them into the page."""
    wanted = [word for word in words if word in PARTS] or list(PARTS)
    for part in wanted:
        text = PARTS[part]()
        print(text, "\n")
        if "--write" in words:
            replace_part(PAGE, part, text)


if __name__ == "__main__":
    main(sys.argv[1:])
