"""Where a sound comes from: a JSON record keyed by the sha256 of the audio that it describes.

A record waits in ``.beatflow/state/provenance`` until a commit brings its sound into history; from then on it also
lies in that commit's tree, as ``.provenance/<oid>.json``, together with the records of everything it was made from.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from beatflow.objects.durable import write_atomic
from beatflow.objects.git.value import FILE, TREE, Entry, Tree
from beatflow.objects.ids import is_oid
from beatflow.repository import Repository

FOLDER = ".provenance/"
SCHEMA = "beatflow.provenance/1"

Record = dict[str, Any]


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Write a record in its canonical form: sorted keys, two spaces, UTF-8, one line end."""
    text = json.dumps({**record, "schema": SCHEMA}, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    # Names that are not UTF-8 travel as lone surrogates, for which JSON has an escape.
    return text.encode("utf-8", "backslashreplace")


def write_pending(repository: Repository, oid: str, record: Record) -> None:
    """Keep a record for the commit to come."""
    folder = repository.state / "provenance"
    folder.mkdir(exist_ok=True)
    write_atomic(folder / f"{oid}.json", encode_record(record))


def find_record(
    repository: Repository, oid: str, commit: str | None = None, search: bool = True
) -> Record | None:
    """Return what is known of where a sound comes from.

    Parameters
    ----------
    commit : str, optional
        Where to look first after the records that wait; HEAD by default.
    search : bool
        Look through all of history when it is not there.
    """
    return find_records(repository, [oid], commit, search).get(oid)


def find_records(
    repository: Repository, oids: Iterable[str], commit: str | None = None, search: bool = True
) -> dict[str, Record]:
    """Return what is known of where sounds come from, going through history once for all of them."""
    return RecordFinder(repository, commit, search)(oids)


class RecordFinder:
    """Finds records of sounds, going through history once at most, however often it is called.

    Parameters
    ----------
    commit : str, optional
        Where to look first after the records that wait; HEAD by default.
    search : bool
        Look through all of history for what is not there.
    """

    def __init__(self, repository: Repository, commit: str | None = None, search: bool = True) -> None:
        self._repository = repository
        git = repository.git
        first = commit or repository.head
        self._steps = chain(
            [git.read_commit(first)] if first else [],
            git.iter_history(git.read_refs().values()) if search else (),
        )
        self._folders: set[str] = set()
        self._blobs: dict[str, str] = {}

    def __call__(self, oids: Iterable[str]) -> dict[str, Record]:
        """Return the records that there are of some sounds."""
        result = {}
        for oid in oids:
            data = _read_pending(self._repository, oid)
            if data is None and (blob := self._find(oid)):
                data = self._repository.git.read_blob(blob)
            if data is not None and (record := decode_record(data)):
                result[oid] = record
        return result

    def all(self) -> Iterator[tuple[str, Record]]:
        """Go through every record that there is, with the sound that it is of: those that wait, then the newest."""
        waiting = sorted((self._repository.state / "provenance").glob("*.json"))
        told = {path.stem for path in waiting}
        for path in waiting:
            yield from self([path.stem]).items()
        more = True
        while more:
            more = self._step()
            for oid in [oid for oid in self._blobs if oid not in told]:
                told.add(oid)
                yield from self([oid]).items()

    def _find(self, oid: str) -> str | None:
        """Return the blob of a sound's record, reading no more of history than that takes."""
        # Asked before each step, so that history is not begun where nothing is missing.
        while oid not in self._blobs and self._step():
            pass
        return self._blobs.get(oid)

    def _step(self) -> bool:
        """Take in the records of one more commit; whether there was one."""
        git, step = self._repository.git, next(self._steps, None)
        if step is None:
            return False
        folder = git.find_entry(step.tree, FOLDER.rstrip("/"))
        if folder is not None and folder.mode == TREE and folder.oid not in self._folders:
            self._folders.add(folder.oid)
            for name, entry in git.iter_folder(folder.oid):
                if entry.mode == FILE:
                    self._blobs.setdefault(name.removesuffix(".json"), entry.oid)
        return True


def find_measured(repository: Repository, oid: str, commit: str | None = None) -> dict[str, Any]:
    """Return what was measured of a sound when it was made; a stem's record tells that of its mix, not of the stem."""
    record = find_record(repository, oid, commit, search=False) or {}
    return {} if "stem" in record else record.get("measured") or {}


def known_facts(repository: Repository, oid: str, commit: str | None = None) -> dict[str, Any]:
    """Return what is known of a sound without reading it: what was measured when it was made, and later."""
    return find_measured(repository, oid, commit) | (repository.analysis_cache.get(oid) or {})


def decode_record(data: bytes) -> Record | None:
    """Read a record, None when it is none.

    It may come from anybody's history: what is malformed in it is dropped. Where inputs had to be, it says that it is
    ``incomplete``.
    """
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for name, kind in (("inputs", list), ("measured", dict)):
        if not isinstance(record.get(name, kind()), kind):
            del record[name]
            record |= {"incomplete": True} if name == "inputs" else {}
    if "inputs" in record:
        whole = record["inputs"]
        record["inputs"] = [item for item in whole if _is_input(item)]
        if len(record["inputs"]) < len(whole):
            record["incomplete"] = True
    if "measured" in record:
        record["measured"] = {
            name: value for name, value in record["measured"].items() if _is_fact(name, value)
        }
    return record


def _is_input(item: Any) -> bool:
    """Say whether this can be one of the sounds that a sound was made from; its oid becomes a file's name."""
    if not isinstance(item, dict):
        return False
    path, oid = item.get("path") or "", item.get("oid")
    return isinstance(path, str) and (oid is None or (isinstance(oid, str) and is_oid(oid)))


def _is_fact(name: str, value: Any) -> bool:
    """Say whether a figure is of the kind that its name promises, as far as it is shown."""
    if name == "key":
        return value is None or isinstance(value, str)
    return name not in ("tempo", "loudness_lufs") or value is None or isinstance(value, int | float)


def collect_records(
    repository: Repository, oids: Iterable[str], trees: Iterable[str], new: Mapping[str, Record]
) -> Tree:
    """Return the records that a commit with these sounds carries, their inputs' records included.

    Parameters
    ----------
    oids : iterable of str
        The sounds in the commit.
    trees : iterable of str
        Root trees of its parents, where records may lie already.
    new : mapping of str to Record
        Records that are published together with the commit.
    """
    known: Tree = {}
    for tree in trees:
        folder = repository.git.find_entry(tree, FOLDER.rstrip("/"))
        if folder:
            known |= repository.git.read_tree(folder.oid)
    result: Tree = {}
    waiting = list(oids)
    seen: set[str] = set()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        name = f"{oid}.json"
        data = encode_record(new[oid]) if oid in new else _read_pending(repository, oid)
        if data is not None:
            entry = Entry(FILE, repository.git.write_blob(data))
        elif name in known:
            entry = known[name]
            data = repository.git.read_blob(entry.oid)
        else:
            continue
        result[FOLDER + name] = entry
        waiting.extend(_inputs(data))
    return result


def _inputs(data: bytes) -> list[str]:
    record = decode_record(data) or {}
    return [item["oid"] for item in record.get("inputs", []) if item.get("oid")]


def _read_pending(repository: Repository, oid: str) -> bytes | None:
    try:
        return (repository.state / "provenance" / f"{oid}.json").read_bytes()
    except FileNotFoundError:
        return None
