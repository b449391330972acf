"""What is written into a sound file about it. Plain values, and their names in Vorbis comments and ID3."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SOFTWARE = "BeatFlow"
UNKNOWN = 0x7FFF
"""Stands for a loudness that nobody measured (EBU Tech 3285, version 2)."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A name for a frame of the file."""

    frame: int
    name: str


@dataclass(frozen=True, slots=True)
class Levels:
    """Loudness as broadcasters note it; None where it was not measured."""

    loudness_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    momentary_lufs: float | None = None
    short_term_lufs: float | None = None


@dataclass(frozen=True, slots=True)
class Tags:
    """What is known of a sound.

    Parameters
    ----------
    title, artist : str
    album : str or None
    date, clock : str
        ``2026-11-21``, ``07:10:30``.
    comment : str
    commit, oid : str
        Where it comes from: so that it can be found again.
    tempo : float or None
        Quarter notes per minute.
    key : str or None
        Like ``A:min``.
    time_reference : int
        The frame at which it begins, counted from the start of the piece.
    frames : int
        How long it is.
    cues : sequence of Cue
    levels : Levels
    """

    title: str
    artist: str
    album: str | None
    date: str
    clock: str
    comment: str
    commit: str
    oid: str
    tempo: float | None = None
    key: str | None = None
    time_reference: int = 0
    frames: int = 0
    cues: Sequence[Cue] = ()
    levels: Levels = Levels()


MARK = "BEATFLOW_COMMIT"
"""Who finds this in a file knows that its tags are an older export's: all of them go, even those that have no heir."""

VORBIS_FIELDS: dict[str, Callable[[Tags], str]] = {
    "TITLE": lambda tags: tags.title,
    "ARTIST": lambda tags: tags.artist,
    "ALBUM": lambda tags: tags.album or "",
    "DATE": lambda tags: tags.date,
    "COMMENT": lambda tags: tags.comment,
    "BPM": lambda tags: format_tempo(tags.tempo),
    "INITIALKEY": lambda tags: format_key(tags.key),
    "ENCODED-BY": lambda tags: SOFTWARE,
    MARK: lambda tags: tags.commit,
    "BEATFLOW_OID": lambda tags: tags.oid,
    "TIME_REFERENCE": lambda tags: str(tags.time_reference),
}
"""Vorbis comments, as FLAC and Ogg hold them."""


def chapter_fields(tags: Tags, sample_rate: int) -> list[tuple[str, str]]:
    """Return the cues as Vorbis comments: the chapters that players know."""
    fields = []
    for number, cue in enumerate(tags.cues[:999]):
        seconds = cue.frame / sample_rate
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(int(minutes), 60)
        fields.append((f"CHAPTER{number:03}", f"{hours:02}:{minutes:02}:{rest:06.3f}"))
        fields.append((f"CHAPTER{number:03}NAME", clean(cue.name)))
    return fields


def format_tempo(tempo: float | None) -> str:
    """Write a tempo as ``90`` or ``87.5``; nothing where there is none."""
    return f"{tempo:.2f}".rstrip("0").rstrip(".") if tempo else ""


def format_key(key: str | None) -> str:
    """Write a key as taggers do, in at most three letters: ``Am``, ``F#``, ``Bbm``."""
    if not key:
        return ""
    tonic, _, mode = key.partition(":")
    return (tonic + ("m" if mode.startswith("min") else ""))[:3]


def clean(text: str) -> str:
    """Leave out what no tag can hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
