"""What a sound was made of, and that of what, back to where nothing is known: a graph of records, by ids.

Records may come from anybody's history: they may be malformed, name each other in circles, or name more than anybody
can follow. Knows no licences and reads no sound; how records are found is handed in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from beatflow.objects.ids import is_oid
from beatflow.provenance import Record

MAX_SOUNDS = 20_000
"""How many sounds a walk goes to."""

ASSEMBLED = ("mix", "merge")
"""Kinds of record whose sound is its inputs put together, with nothing of its own."""
COPIED = ("cut", "convert", "loop", "remix")
"""Kinds whose sound is a stretch of its input, or all of it in another format or worked over. What an engine adds to a
remix has a licence of its own in the record."""

_FROM_INPUTS = (*ASSEMBLED, *COPIED, "split", "extend", "hum")

FindRecords = Callable[[Iterable[str]], Mapping[str, Record]]


@dataclass(frozen=True, slots=True)
class Presumed:
    """What a sound without a record was made of, as far as that can be told from elsewhere.

    Parameters
    ----------
    parents : mapping of str to str
        Ids of sounds to their paths.
    how : str
        How that is known, in a few words.
    whole : bool
        Nothing else is in it.
    """

    parents: Mapping[str, str]
    how: str
    whole: bool = True


Presume = Callable[[str], Presumed | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one sound comes from.

    Parameters
    ----------
    oid : str
        Its sha256; for an input that a record names by its path alone, that path.
    path : str
        As the first record on the way calls it; empty for what was asked for.
    record : Record or None
        None where nothing is recorded.
    parents : tuple of str
        Ids of the sounds that it was made of.
    presumed : str
        How the parents are known where no record names them; empty where one does.
    whole : bool
        All that it was made of is known.
    """

    oid: str
    path: str = ""
    record: Record | None = field(default=None, compare=False)
    parents: tuple[str, ...] = ()
    presumed: str = ""
    whole: bool = True

    @property
    def kind(self) -> str:
        """What made it, as its record says: ``generate``, ``split``, ``mix`` …; empty where that is not known."""
        return read_text(self.record, "kind")


def read_text(record: Mapping[str, Any] | None, name: str) -> str:
    """Return a text of a record, empty where there is none."""
    value = (record or {}).get(name)
    return value if isinstance(value, str) else ""


def trace(
    roots: Iterable[str], find_records: FindRecords, presume: Presume = lambda _: None
) -> dict[str, Origin]:
    """Follow sounds through all that they were made of.

    Parameters
    ----------
    roots : iterable of str
        Ids.
    find_records : callable
        Gives the records that there are of some ids.
    presume : callable
        Gives what a sound without a record was made of, as far as that can be told from elsewhere.

    Returns
    -------
    dict of str to Origin
        Every sound that can be reached. Parents that are not in it were one too many to follow.
    """
    origins: dict[str, Origin] = {}
    names = dict.fromkeys(roots, "")
    level = list(names)
    while level:
        records = find_records([oid for oid in level if is_oid(oid)])
        below: dict[str, str] = {}
        for oid in level:
            origin, inputs = _read(oid, names[oid], records.get(oid), presume)
            origins[oid] = origin
            below |= {parent: path for parent, path in inputs.items() if parent not in names}
        room = MAX_SOUNDS - len(names)
        level = list(below)[: max(room, 0)]
        names |= {oid: below[oid] for oid in level}
    return origins


def iter_reached(origins: Mapping[str, Origin], oid: str) -> Iterator[tuple[str, Origin | None]]:
    """Yield a sound and all that it was made of, each once, the nearest first; None for what was not followed."""
    seen, level = {oid}, [oid]
    while level:
        below = []
        for one in level:
            origin = origins.get(one)
            yield one, origin
            for parent in origin.parents if origin else ():
                if parent not in seen:
                    seen.add(parent)
                    below.append(parent)
        level = below


def _read(oid: str, path: str, record: Record | None, presume: Presume) -> tuple[Origin, dict[str, str]]:
    """Return where a sound comes from, and the path of each sound that it was made of."""
    if record is None:
        found = presume(oid) or Presumed({}, "", whole=False)
        parents = {parent: name for parent, name in found.parents.items() if parent != oid}
        return Origin(oid, path, None, tuple(parents), found.how, found.whole), parents
    inputs: dict[str, str] = {}
    whole = not record.get("incomplete")
    for item in record.get("inputs", []):
        name = item.get("path") or ""
        if item.get("oid") or name:
            inputs[item.get("oid") or name] = name
        else:
            whole = False
    # A mix that was made with its stems is what they are.
    stems = record.get("stems")
    for name, stem in stems.items() if isinstance(stems, dict) else ():
        if isinstance(stem, str) and is_oid(stem):
            inputs.setdefault(stem, name)
        else:
            whole = False
    inputs.pop(oid, None)
    if read_text(record, "kind") in _FROM_INPUTS and not inputs:
        whole = False
    return Origin(oid, path, record, tuple(inputs), whole=whole), inputs
