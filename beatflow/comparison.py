"""What differs between two states of some files, told by sound: lengths, loudness, an aligned null test.

Joins trees, the store and ``sound.align``. Files that are no sound are compared as text where they are text.
"""

import difflib
import filecmp
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.errors import AudioError, UsageError
from beatflow.history import MODIFIED, FileChange
from beatflow.objects.gitvalue import Entry
from beatflow.repository import Repository
from beatflow.worktree import read_pointer

if TYPE_CHECKING:
    from beatflow.sound.audio import Audio

MAX_TEXT = 256 * 1024
"""Text above this many bytes is only said to differ."""

MAX_SECONDS = 900
"""Longer sounds are compared over this much of their beginning, which keeps memory bounded; it is said."""

EXPLAINED_DB = -60.0
"""A null this deep leaves nothing to hear: rounding to 16 bits alone costs about -80 dB on music near full scale."""

Opener = Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class Side:
    """One state of a sound; ``loudness_lufs`` and ``true_peak_dbtp`` are None for silence."""

    duration_s: float
    frames: int
    sample_rate: int
    channels: int
    subtype: str
    loudness_lufs: float | None
    true_peak_dbtp: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one file.

    Parameters
    ----------
    path, source : str, str or None
        Where it is, and where it was when it was renamed.
    kind : str
        ``added``, ``deleted``, ``renamed``; for a changed sound what the samples say (``identical``, ``gain``,
        ``moved``, ``changed``, ``new_take``, ``format``); ``text`` or ``binary`` for other files; ``unreadable``.
    before, after : Side or None
        The two sounds; None where there is none, or it cannot be decoded.
    figures : mapping
        What the null test found: ``offset_frames``, ``gain_db``, ``null_depth_db``, ``worst_s`` …
    lines : tuple of str
        A unified diff, for text.
    problem : str or None
        Why a sound could not be compared.
    """

    path: str
    kind: str
    source: str | None = None
    before: Side | None = None
    after: Side | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    problem: str | None = None


def compare_changes(repository: Repository, changes: Iterable[FileChange]) -> Iterator[Difference]:
    """Yield what each change means; the entries may stand for files of the worktree that are not stored."""
    for change in changes:
        before = _open_entry(repository, change.source or change.path, change.before)
        after = _open_entry(repository, change.path, change.after)
        yield _compare(change.path, change.kind, change.source, before, after)


def compare_files(one: Path, two: Path) -> Difference:
    """Compare two files outside any repository.

    Raises
    ------
    UsageError
        One of them is not there, or is a folder.
    """
    for path in (one, two):
        if not path.is_file():
            raise UsageError(f"no file {path}", hint="bf diff OLD NEW")
    if filecmp.cmp(one, two, shallow=False):
        return Difference(str(two), "identical")
    return _compare(str(two), MODIFIED, str(one), lambda: one.open("rb"), lambda: two.open("rb"))


def _open_entry(repository: Repository, path: str, entry: Entry | None) -> Opener | None:
    """Return a way to open what an entry stands for: from history, or else from the worktree."""
    if entry is None:
        return None
    git = repository.git
    if git.has(entry.oid):
        pointer = read_pointer(git, entry)
        if pointer is None:
            return lambda: BytesIO(git.read_blob(entry.oid))
        if pointer.oid in repository.audio:
            return lambda: repository.audio.open(pointer.oid)
    return lambda: (repository.root / path).open("rb")


def _compare(
    path: str, kind: str, source: str | None, before: Opener | None, after: Opener | None
) -> Difference:
    heads = [_read_head(opener) for opener in (before, after) if opener]
    if not all(is_sound(head) for head in heads):
        if kind != MODIFIED:
            return Difference(path, kind, source)
        assert before is not None
        assert after is not None
        return _compare_text(path, before, after)
    try:
        old, new = (_measure(opener) if opener else None for opener in (before, after))
        if kind != MODIFIED or before is None or after is None:
            return Difference(path, kind, source, old, new)
        said, figures = _null_test(before, after)
        return Difference(path, said, source, old, new, figures)
    except AudioError as error:
        return Difference(path, kind if kind != MODIFIED else "unreadable", source, problem=error.message)


def _read_head(opener: Opener) -> bytes:
    with opener() as file:
        return file.read(HEAD_BYTES)


def _measure(opener: Opener) -> Side:
    from beatflow.sound.files import iter_audio, read_info
    from beatflow.sound.loudness import measure_loudness

    with opener() as file:
        info = read_info(file)
    with opener() as file:
        loudness = measure_loudness(iter_audio(file))
    return Side(
        info.duration_s,
        info.frames,
        info.sample_rate,
        info.channels,
        info.subtype,
        loudness.integrated_lufs,
        loudness.true_peak_dbtp,
    )


def _compare_text(path: str, before: Opener, after: Opener) -> Difference:
    texts = []
    for opener in (before, after):
        with opener() as file:
            data = file.read(MAX_TEXT + 1)
        if len(data) > MAX_TEXT or b"\0" in data:
            return Difference(path, "binary")
        texts.append(data.decode("utf-8", "replace").splitlines())
    lines = list(difflib.unified_diff(texts[0], texts[1], lineterm="", n=1))[2:]
    return Difference(path, "text", lines=tuple(lines))


def _null_test(before: Opener, after: Opener) -> tuple[str, dict[str, Any]]:
    """Say how one sound lies on another: the kind, and the figures behind it."""
    from beatflow.sound.align import compare

    (one, cut_one), (two, cut_two) = _read_start(before), _read_start(after)
    result = compare(one, two)
    figures: dict[str, Any] = {"compared_s": MAX_SECONDS} if cut_one or cut_two else {}
    fit = result.alignment
    if result.identical:
        return "identical" if not figures else "changed", figures
    if fit is None:
        return "format", figures
    if fit.new_take:
        return "new_take", figures
    figures |= {
        "sample_rate": two.sample_rate,
        "offset_frames": fit.offset_frames,
        "gain_db": fit.gain_db,
        "polarity": fit.polarity,
        "null_depth_db": fit.null_depth_db,
        "typical_null_db": fit.typical_null_db,
        "worst_s": fit.worst_start_s,
        "length_change_frames": result.length_change_frames,
        "channels_change": result.channels_change,
    }
    return _name_change(figures), figures


def _name_change(figures: Mapping[str, Any]) -> str:
    """Name a change whose figures explain it to the bottom: ``gain``, ``moved``; otherwise ``changed``."""
    if figures["null_depth_db"] > EXPLAINED_DB or figures["channels_change"]:
        return "changed"
    if figures["offset_frames"]:
        return "moved"
    return "changed" if figures["length_change_frames"] else "gain"


def _read_start(opener: Opener) -> "tuple[Audio, bool]":
    """Return a sound's first ``MAX_SECONDS``, and whether there is more of it."""
    from beatflow.sound.files import read_audio, read_info

    with opener() as file:
        info = read_info(file)
    limit = MAX_SECONDS * info.sample_rate
    with opener() as file:
        return read_audio(file, frames=limit), info.frames > limit
