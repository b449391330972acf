"""The refs of a depot: one small document, moved by compare-and-swap, so that a push of several refs is one step.

It also names the history packs, so that nobody has to trust a listing. Says nothing of what refs lead to.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beatflow.errors import DamagedError
from beatflow.places.place import Content, Place
from beatflow.sharing.depot.layout import REFS, refuse_newer
from beatflow.sharing.remote import MovedError, RefUpdate

VERSION = 1
MAX_BYTES = 16 << 20
_OID = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BRANCHES = "refs/heads/"


@dataclass(frozen=True, slots=True)
class RefsDocument:
    """What a depot's refs are at one moment.

    Parameters
    ----------
    refs : mapping
        Full name to id.
    head : str or None
        Full name of the default branch.
    history : sequence of str
        SHA-256 of each pack that holds what they lead to.
    tag : str or None
        The place's tag of the document; None for one that is not there yet.
    """

    refs: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None
    history: Sequence[str] = ()
    tag: str | None = None


def read_document(place: Place) -> RefsDocument | None:
    """Return a depot's refs; None where there is no such document.

    Raises
    ------
    DamagedError
        It does not hold what it should.
    RemoteError
        A later version wrote it.
    """
    content = place.read(REFS)
    return _decode(place, content) if content else None


def encode_document(document: RefsDocument) -> bytes:
    """Return the one encoding of a document, less its tag."""
    value = {
        "version": VERSION,
        "head": document.head,
        "refs": dict(document.refs),
        "history": list(document.history),
    }
    return _encode({**value, "digest": hashlib.sha256(_encode(value)).hexdigest()})


def _encode(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True).encode() + b"\n"


def _decode(place: Place, content: Content) -> RefsDocument:
    damaged = DamagedError(
        f"the refs at {place.address} are damaged ({REFS})",
        f"copy {REFS} back from a backup; or delete it there, and bf push --all --tags from where everything is",
    )
    if len(content.data) > MAX_BYTES:
        raise damaged
    try:
        value = json.loads(content.data)
        version, digest = value.pop("version"), value.pop("digest")
        if version != VERSION and isinstance(version, int):
            raise refuse_newer(place)
        refs, head, history = value.pop("refs"), value.pop("head"), value.pop("history")
        sound = (
            not value
            and all(_OID.fullmatch(oid) for oid in refs.values())
            and all(_DIGEST.fullmatch(name) for name in history)
            and (head is None or isinstance(head, str))
            and isinstance(history, list)
        )
        document = RefsDocument(refs, head, tuple(history), content.tag)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise damaged from error
    if not sound or encode_document(document) != content.data or not isinstance(digest, str):
        raise damaged
    return document


def apply_updates(
    document: RefsDocument, updates: Sequence[RefUpdate], history: Sequence[str], head: str | None
) -> RefsDocument:
    """Return the document with refs moved; ``head`` is what its default branch shall be if it has none.

    A ref that is where it shall go is fine, whatever it was expected at: who asks again after a lost answer succeeds.

    Raises
    ------
    MovedError
        A ref is neither at its ``before`` nor at its ``after``.
    """
    refs = dict(document.refs)
    for update in updates:
        there = refs.get(update.name)
        if there not in (update.before, update.after):
            raise _moved(update.name, there)
        if update.after is None:
            refs.pop(update.name, None)
        else:
            refs[update.name] = update.after
    return RefsDocument(refs, _choose_head(refs, document.head, head), tuple(history), document.tag)


def _choose_head(refs: Mapping[str, str], current: str | None, wanted: str | None) -> str | None:
    branches = sorted(name for name in refs if name.startswith(_BRANCHES))
    for name in (current, wanted, f"{_BRANCHES}main"):
        if name in branches:
            return name
    return branches[0] if branches else None


def _moved(name: str, there: str | None) -> MovedError:
    short = name.removeprefix(_BRANCHES).removeprefix("refs/tags/")
    where = f"is at {there[:10]} now" if there else "is gone"
    return MovedError(f"somebody else has pushed: {short} {where} at the remote", "bf pull, then push again")
