"""Where a sound comes from: a JSON record keyed by the sha256 of the audio that it describes.

A record waits in ``.beatflow/state/provenance`` until a commit brings its sound into history; from then on it also
lies in that commit's tree, as ``.provenance/<oid>.json``, together with the records of everything it was made from.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from beatflow.objects.durable import write_atomic
from beatflow.objects.gitvalue import FILE, Entry, Tree
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
    data = _read_pending(repository, oid)
    if data is None:
        data = _search(repository, oid, commit or repository.head, search)
    if data is None:
        return None
    try:
        record = json.loads(data)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


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
    try:
        inputs = json.loads(data).get("inputs", [])
        return [item["oid"] for item in inputs if item.get("oid")]
    except (ValueError, TypeError, AttributeError, KeyError):
        return []


def _read_pending(repository: Repository, oid: str) -> bytes | None:
    try:
        return (repository.state / "provenance" / f"{oid}.json").read_bytes()
    except FileNotFoundError:
        return None


def _search(repository: Repository, oid: str, commit: str | None, everywhere: bool) -> bytes | None:
    git = repository.git
    first = [git.read_commit(commit)] if commit else []
    for found in chain(first, git.iter_history(git.read_refs().values()) if everywhere else ()):
        entry = git.find_entry(found.tree, f"{FOLDER}{oid}.json")
        if entry:
            return git.read_blob(entry.oid)
    return None
