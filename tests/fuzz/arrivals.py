"""What hostile bytes may do to whatever reads what a remote has: nothing but an error that is meant to be shown.

Targets like those of `targets`. Where a history gets past inspection, it is looked at again by simpler means.
"""

import io
import json
import os
import posixpath
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from beatflow.errors import BeatFlowError
from beatflow.objects.exchange.links import Link, decode_links, encode_links
from beatflow.objects.git.files import decode_tree
from beatflow.objects.git.packindex import write_index
from beatflow.objects.git.value import SYMLINK, decode_path
from beatflow.objects.pointer import decode_pointer
from beatflow.objects.reach import Reach
from beatflow.places.place import Content
from beatflow.sharing.depot import locks, refs
from beatflow.sharing.inspection import check_refs, inspect_history
from beatflow.sharing.interop.lfsagent import _read as read_request
from beatflow.sharing.interop.lfsagent import _read_pointer
from beatflow.sharing.remote import RemoteRefs
from tests.sharing.hostile import (
    BASE_DELTA,
    BLOB,
    FILE,
    LINK,
    SUBMODULE,
    TREE,
    Forger,
    entry,
    number,
    pack,
)

MODES = (FILE, LINK, TREE, SUBMODULE, 0o100755, 0o100666)
CONTENTS = (b"x", b"/etc", b"../x", b"a/../../b", b"a", b"..", b".git/config", b"", b"version x")


@cache
def _forger() -> Forger:
    return Forger(Path(tempfile.mkdtemp(prefix="beatflow-fuzz-")) / "git")


def history(data: bytes) -> None:
    """A commit of any entries: refused, or such that its files go nowhere but where they should."""
    forger = _forger()
    rows: list[list[tuple[int, bytes, str]]] = [[]]
    stream = io.BytesIO(data)
    while head := stream.read(3):
        kind, content, length = head.ljust(3, b"\0")
        name = stream.read(length % 24)
        mode = MODES[kind % len(MODES)]
        if kind & 0x80 and len(rows) < 5:
            rows.append([])
        text = (
            forger.pointer(size=content) if content & 0x40 else forger.blob(CONTENTS[content % len(CONTENTS)])
        )
        rows[-1].append((mode, name, "12" * 20 if mode == SUBMODULE else text))
    oid = forger.tree()
    for level in rows:
        oid = forger.tree(*((mode, name, oid if mode == TREE else text) for mode, name, text in level))
    commit = forger.commit(oid)
    with suppress(BeatFlowError):
        inspect_history(forger.git, [commit])
        _look_again(forger, oid)


def _look_again(forger: Forger, tree: str) -> None:
    files = forger.git.read_tree(tree)
    folded: dict[str, str] = {}
    for path, found in files.items():
        parts = path.split("/")
        assert not os.path.isabs(path)
        assert posixpath.normpath(path) == path
        hidden = parts[1:] if parts[0] == ".provenance" else parts
        assert not {part.lower().rstrip(" .") for part in hidden} & {
            "",
            "..",
            ".git",
            ".beatflow",
            ".provenance",
        }
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            assert folded.setdefault(above.lower(), above) == above
            assert above == path or above not in files
        if found.mode == SYMLINK:
            target = decode_path(forger.git.read_blob(found.oid))
            end = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            assert not os.path.isabs(target)
            assert end != ".."
            assert not end.startswith("../")
        elif pointer := decode_pointer(forger.git.read_blob(found.oid)):
            assert pointer.size >= 0


def git_tree(data: bytes) -> None:
    """A tree's bytes are read to their end, or refused."""
    with suppress(BeatFlowError):
        rows = decode_tree("12" * 20, data)
        assert len(rows) <= len(data) // 23 + 1
        assert all(len(oid) == 40 for _, _, oid in rows)


def git_pack(data: bytes) -> None:
    """A pack of git's is indexed, or refused."""
    with tempfile.TemporaryDirectory(prefix="beatflow-fuzz-") as folder:
        path = Path(folder) / "pack-1.pack"
        path.write_bytes(data)
        with suppress(BeatFlowError):
            write_index(path)


class _Place:
    """A place where these bytes lie under every key."""

    address = "somewhere"

    def __init__(self, data: bytes) -> None:
        self._content = Content(data, "1")

    def read(self, key: str) -> Content:
        return self._content


def depot_refs(data: bytes) -> None:
    """A depot's refs are read, and looked over, or refused."""
    with suppress(BeatFlowError):
        found = refs.read_document(_Place(data))  # type: ignore[arg-type]  # only its `read` is used
        assert found is not None
        check_refs(RemoteRefs(found.refs, found.head))


def ref_names(data: bytes) -> None:
    """Names of refs that pass can be kept beside each other on any disk."""
    names = data.decode("utf-8", "surrogateescape").split("\0")
    with suppress(BeatFlowError):
        check_refs(RemoteRefs(dict.fromkeys(names, "12" * 20)))
        for name in names:
            assert posixpath.normpath(name) == name
            assert name.startswith("refs/")
            assert name.isprintable()
        assert len({name.lower() for name in names}) == len(set(names))


def depot_lock(data: bytes) -> None:
    """A lock is one or none."""
    found = locks._decode(data)
    assert found is None or found.path == str(found.path)
    locks._decode_broken(data)


def pack_links(data: bytes) -> None:
    """A pack's links say what they say, or are refused."""
    with suppress(BeatFlowError):
        found = decode_links(data)
        assert found is None or all(len(id) == 32 for id in found)


def lfs_request(data: bytes) -> None:
    """What git-lfs asks for is a sound's id and size, or refused."""
    with suppress(BeatFlowError):
        assert _read_pointer(read_request(data)).size >= 0


ARRIVALS = {
    "history": history,
    "git_tree": git_tree,
    "git_pack": git_pack,
    "depot_refs": depot_refs,
    "ref_names": ref_names,
    "depot_lock": depot_lock,
    "pack_links": pack_links,
    "lfs_request": lfs_request,
}


def make_arrivals() -> dict[str, list[bytes]]:
    """Return sound input for each target."""
    with tempfile.TemporaryDirectory(prefix="beatflow-fuzz-") as folder:
        delta = number(5) + number(8) + b"\x90\x05" + b"\x03abc"
        made = pack(
            Path(folder) / "p", entry(BLOB, b"hello"), entry(BASE_DELTA, delta, base=bytes(20))
        ).read_bytes()
    document = refs.RefsDocument({"refs/heads/main": "12" * 20}, "refs/heads/main", ("ab" * 32,))
    links = encode_links({bytes(32): Link(Reach(1, 2), (b"\1" * 32,))})
    assert links
    lock = {"path": "a", "owner": "b", "id": "c", "locked_at_s": 1, "expires_at_s": 10**400}
    broken = {**lock, "expires_at_s": None, "broken_by": "d", "broken_at_s": 10**400}
    request = {"event": "download", "oid": "ab" * 32, "size": 5}
    return {
        "history": [
            b"\x00\x40\x05a.wav\x02\x00\x05stems",
            b"\x01\x04\x04link\x82\x00\x01a\x00\x00\x01b",
            b"",
        ],
        "git_tree": [b"100644 a\0" + bytes(20) + b"40000 b\0" + bytes(20)],
        "git_pack": [made],
        "depot_refs": [refs.encode_document(document)],
        "ref_names": [b"refs/heads/main\0refs/tags/v1", b"refs/heads/a\0refs/heads/A"],
        "depot_lock": [json.dumps(lock).encode(), json.dumps(broken).encode()],
        "pack_links": [links.payload],
        "lfs_request": [json.dumps(request).encode()],
    }
