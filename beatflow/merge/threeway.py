"""Three trees into one, path by path: what only one side changed is taken, and what both changed is named.

Knows entries, not what is in them: whether two changes of one file go together is decided elsewhere.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from beatflow.errors import ConflictError
from beatflow.objects.git.value import EXECUTABLE, FILE, Entry, Tree

_Value = TypeVar("_Value", int, str)
_FILES = frozenset({FILE, EXECUTABLE})


@dataclass(frozen=True, slots=True)
class Clash:
    """A path at which both sides changed something in different ways; None where it is not there."""

    path: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


@dataclass(slots=True)
class Threeway:
    """A tree so far, what is left to decide, and what is worth telling.

    ``sources`` has, for renamed paths, where ``base``, ``ours`` and ``theirs`` have them, in this order.
    """

    tree: Tree = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, tuple[str, str, str]] = field(default_factory=dict)


def merge_entries(base: Tree, ours: Tree, theirs: Tree) -> Threeway:
    """Merge trees. A file that one side moved without changing it takes the other side's changes along."""
    result = Threeway()
    here, there = _find_moves(base, ours, theirs), _find_moves(base, theirs, ours)
    left = _put_back(ours, here)
    right = _put_back(theirs, there)
    for path in sorted(base.keys() | left.keys() | right.keys()):
        name = here.get(path) or there.get(path) or path
        old, one, two = base.get(path), left.get(path), right.get(path)
        if name != path:
            result.sources[name] = (path, here.get(path, path), there.get(path, path))
            _note_move(result, path, here.get(path), there.get(path))
            if old and (one is None or two is None):
                result.notes.append(
                    f"{path} was renamed on one side and deleted on the other: {name} is kept"
                )
                one, two = one or old, two or old
        if one == two or two == old:
            entry = one
        elif one == old:
            entry = two
        elif one and two and old and {one.mode, two.mode, old.mode} <= _FILES and _agree(old, one, two):
            entry = Entry(_pick(old.mode, one.mode, two.mode), _pick(old.oid, one.oid, two.oid))
        else:
            result.clashes.append(Clash(name, old, one, two))
            entry = one or two
        if entry:
            result.tree[name] = entry
    return result


def merge_mode(base: Entry | None, ours: Entry, theirs: Entry) -> int:
    """Return the mode of a file whose content both sides changed."""
    return ours.mode if base is None else _pick(base.mode, ours.mode, theirs.mode)


def _agree(base: Entry, ours: Entry, theirs: Entry) -> bool:
    return ours.oid == theirs.oid or base.oid in (ours.oid, theirs.oid)


def _pick(base: _Value, ours: _Value, theirs: _Value) -> _Value:
    return theirs if ours == base else ours


def _find_moves(base: Tree, side: Tree, other: Tree) -> dict[str, str]:
    """Return old path to new for what a side only moved, where that is beyond doubt."""
    gone = {path: entry for path, entry in base.items() if path not in side}
    come = {path: entry for path, entry in side.items() if path not in base}
    times_gone = Counter(entry.oid for entry in gone.values())
    times_come = Counter(entry.oid for entry in come.values())
    targets = {entry.oid: path for path, entry in come.items() if times_come[entry.oid] == 1}
    moves = {
        path: targets[entry.oid]
        for path, entry in gone.items()
        if times_gone[entry.oid] == 1 and entry.oid in targets
    }
    # Where the other side has put something of its own at the new path, following would mix the two up.
    return {
        old: new
        for old, new in moves.items()
        if new not in other or (old not in other and other[new] == base[old])
    }


def _put_back(side: Tree, moves: Mapping[str, str]) -> Tree:
    result = dict(side)
    for old, new in moves.items():
        result[old] = result.pop(new)
    return result


def _note_move(result: Threeway, path: str, here: str | None, there: str | None) -> None:
    if here and there and here != there:
        result.notes.append(f"{path} was renamed to {here} and to {there}: {here} is kept")


def check_folders(tree: Tree) -> None:
    """Refuse a tree in which a path is a file and a folder at once.

    Raises
    ------
    ConflictError
        One side has a file where the other has a folder.
    """
    for path in tree:
        for at, letter in enumerate(path):
            if letter == "/" and path[:at] in tree:
                raise ConflictError(
                    f"{path[:at]} is a file on one side and a folder on the other",
                    hint=f"rename it and commit, then merge again: mv {path[:at]} {path[:at]}.old",
                )
