"""``track.toml`` merged by key, so that it can be read at any time, whatever was in conflict."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from beatflow.errors import UsageError
from beatflow.track import edit_track, parse_track

_MISSING = object()
Table = Mapping[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedScore:
    """The text of a merged score, and the dotted names of keys that both sides changed, which have our values."""

    data: bytes
    conflicts: tuple[str, ...]


@dataclass(slots=True)
class _Edits:
    values: dict[Key, Any] = field(default_factory=dict)
    conflicts: list[Key] = field(default_factory=list)


def merge_scores(base: bytes | None, ours: bytes, theirs: bytes, lines: bytes | None) -> MergedScore | None:
    """Merge scores.

    Parameters
    ----------
    base, ours, theirs : bytes
        Texts; None where there was no common one.
    lines : bytes or None
        What merging by lines gave, if it could: taken where it says the same, since it keeps both sides' comments.

    Returns
    -------
    MergedScore or None
        None where a side cannot be read, or the two together make no score.
    """
    try:
        old, one, two = (_parse(data) for data in (base or b"", ours, theirs))
        edits = _Edits()
        _merge_tables(old, one, two, (), edits)
        data = edit_track(ours, edits.values)
        if lines is not None and not edits.conflicts and _says_the_same(lines, data):
            data = lines
        return MergedScore(data, tuple(".".join(key) for key in edits.conflicts))
    except UsageError:
        return None


def decide_scores(now: bytes, takes: Mapping[str, bytes], take: str) -> bytes | None:
    """Give the keys that both sides changed the values of one take; all that is not in conflict stays as it is.

    Parameters
    ----------
    now : bytes
        The score so far.
    takes : mapping
        The texts of ``ours``, ``theirs`` and, if there is one, ``base``.
    take : str
        Which of them decides.

    Returns
    -------
    bytes or None
        None where one cannot be read, or the result would be no score.
    """
    try:
        tables = {name: _parse(data) for name, data in takes.items()}
        edits = _Edits()
        _merge_tables(tables.get("base", {}), tables["ours"], tables["theirs"], (), edits)
        decided = _Edits()
        for key in edits.conflicts:
            found: Any = tables[take]
            for name in key:
                found = found.get(name, _MISSING) if isinstance(found, Mapping) else _MISSING
            _set(key, found, decided)
        return edit_track(now, decided.values)
    except UsageError:
        return None


def _parse(data: bytes) -> Table:
    parse_track(data)
    return tomllib.loads(data.decode("utf-8"))


def _says_the_same(lines: bytes, data: bytes) -> bool:
    try:
        return _parse(lines) == _parse(data)
    except UsageError:
        return False


def _merge_tables(old: Table, one: Table, two: Table, parents: Key, edits: _Edits) -> None:
    """Collect what has to be set in ``one`` so that it has the changes of ``two``."""
    for name in [
        *one,
        *(name for name in two if name not in one),
        *(name for name in old if name not in two),
    ]:
        a, b = one.get(name, _MISSING), two.get(name, _MISSING)
        was = old.get(name, _MISSING)
        key = (*parents, name)
        if a == b or b == was:
            continue
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            _merge_tables(was if isinstance(was, Mapping) else {}, a, b, key, edits)
        elif a == was:
            _set(key, b, edits)
        elif key not in edits.conflicts:
            edits.conflicts.append(key)


def _set(key: Key, value: Any, edits: _Edits) -> None:
    if isinstance(value, Mapping):
        # Leaf by leaf, so that it becomes a table as people write them, not an inline one.
        edits.values |= {key + inner: leaf for inner, leaf in _iter_leaves(value)}
    else:
        edits.values[key] = None if value is _MISSING else value


def _iter_leaves(table: Table) -> Iterator[tuple[Key, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            for inner, leaf in _iter_leaves(value):
                yield (name, *inner), leaf
        else:
            yield (name,), value
