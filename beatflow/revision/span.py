"""A stretch of a stored sound as it is asked for on a command line: ``PATH:START-END``, ``b33-b34``, ``0:30-0:45``.

Joins the words with the tempo and the sample rate that a commit's sound has.
"""

import re

from beatflow.blame.lineage import get_version
from beatflow.explaining import read_clock
from beatflow.repository import Repository
from beatflow.timecode import Span

_TIME = r"(?:b\d+(?:\.\d+)?|(?:(?:\d+:)?\d+:)?\d+(?:\.\d+)?s?)"
_SPAN = rf"{_TIME}(?:-(?:{_TIME}|\d+)?)?"
_PATH_AND_SPAN = re.compile(rf"(.+?):({_SPAN})", re.DOTALL)


def is_span(text: str) -> bool:
    """Say whether a text is written like a stretch of time; ``Clock.parse_span`` reads it."""
    return re.fullmatch(_SPAN, text) is not None


def split_span(text: str) -> tuple[str, str | None]:
    """Split ``PATH:START-END``; what does not end like a stretch of time is a path alone.

    ``stems/bass.wav:0:30-0:45`` has one; ``C:\\mix.wav`` and ``HEAD:mix.wav`` have none.
    A file whose own name ends like that comes first: ask for it before splitting.
    """
    match = _PATH_AND_SPAN.fullmatch(text)
    return (match[1], match[2]) if match else (text, None)


def get_span(repository: Repository, commit: str, path: str, text: str) -> Span:
    """Read a stretch of time by the tempo and the sample rate that a commit's sound has.

    Raises
    ------
    NotFoundError
        The commit has no such file.
    UsageError
        The file is no sound, or the text no stretch of it.
    AudioError, DamagedError
        The sound cannot be read.
    """
    version = get_version(repository, commit, path)
    sample_rate, _ = read_length(repository, version.oid, path)
    return read_clock(repository, commit, sample_rate).parse_span(text)


def read_length(repository: Repository, oid: str, name: str) -> tuple[int, int]:
    """Return the sample rate and the frames of a stored sound."""
    from beatflow.sound.files import read_info

    with repository.audio.open(oid) as file:
        info = read_info(file, name)
    return info.sample_rate, info.frames


def clip_span(span: Span | None, frames: int) -> tuple[int, int]:
    """Return first frame and end of a span in a sound of so many frames."""
    if span is None:
        return 0, frames
    return min(span.start, frames), frames if span.end is None else min(span.end, frames)
