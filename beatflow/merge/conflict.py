"""Conflicts that lie in a tree: which paths are in conflict, and which takes of each are kept beside it.

A conflict over ``stems/bass.wav`` is the files ``stems/bass.ours.wav``, ``stems/bass.theirs.wav`` and, where both go
back to one, ``stems/bass.base.wav``. One side that deleted the file has none. A path is in conflict as long as two of
the three are there: no other state is kept, so a conflict can be committed, pushed and resolved whenever one likes.
Knows names only, loads no library, and is quick enough to be asked for every commit of a log.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from beatflow.errors import NotFoundError, UsageError

OURS, THEIRS, BASE = "ours", "theirs", "base"
TAKES = (OURS, THEIRS, BASE)


class Conflict(NamedTuple):
    """A path that was changed in two ways.

    Parameters
    ----------
    path : str
        The file; it has one of the takes until somebody decides.
    takes : tuple of str
        Which of ``ours``, ``theirs`` and ``base`` are there, in this order.
    """

    path: str
    takes: tuple[str, ...]

    @property
    def files(self) -> dict[str, str]:
        """Take to the path of its file."""
        return {take: name_take(self.path, take) for take in self.takes}

    @property
    def deleted_by(self) -> str | None:
        """The side that deleted the file, if one did."""
        return next((side for side in (OURS, THEIRS) if side not in self.takes), None)


def name_take(path: str, take: str) -> str:
    """Return where a take of a path is kept: ``stems/bass.ours.wav``, ``README.ours``."""
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    return f"{folder}{slash}{stem}.{take}{dot}{suffix}"


def split_take(path: str) -> tuple[str, str] | None:
    """Return the path and the take that a file is kept for, or None where its name says nothing of the kind."""
    folder, slash, name = path.rpartition("/")
    head, _, last = name.rpartition(".")
    stem, _, middle = head.rpartition(".")
    if stem and middle in TAKES:
        return f"{folder}{slash}{stem}.{last}", middle
    if head and last in TAKES:
        return folder + slash + head, last
    return None


def find_conflicts(paths: Iterable[str]) -> list[Conflict]:
    """Return the conflicts among paths (a tree, or any iterable of paths), by path."""
    found: dict[str, set[str]] = {}
    for path in paths:
        if ".ours" in path or ".theirs" in path or ".base" in path:
            split = split_take(path)
            if split:
                found.setdefault(split[0], set()).add(split[1])
    return [
        Conflict(path, tuple(take for take in TAKES if take in takes))
        for path, takes in sorted(found.items())
        if len(takes) > 1
    ]


def get_conflict(conflicts: Iterable[Conflict], name: str, stems: Mapping[str, str]) -> Conflict:
    """Return the conflict that a name stands for: a path, a stem of the track, or a file's name without its suffix.

    Parameters
    ----------
    stems : mapping
        The track's stems, name to path.

    Raises
    ------
    NotFoundError
        Nothing of that name is in conflict.
    UsageError
        The name stands for several.
    """
    known = {conflict.path: conflict for conflict in conflicts}
    exact = known.get(name) or known.get(stems.get(name, ""))
    if exact is None:
        split = split_take(name)
        exact = known.get(split[0]) if split else None
    if exact:
        return exact
    near = [path for path in known if name in (PurePosixPath(path).stem, PurePosixPath(path).name)]
    if len(near) > 1:
        raise UsageError(f"{name} may be {' or '.join(near)}", hint=f"bf resolve {near[0]} ...")
    if not near:
        raise NotFoundError(f"{name} is not in conflict", hint="bf resolve lists what is")
    return known[near[0]]
