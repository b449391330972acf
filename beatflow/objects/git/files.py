"""Git's own files, read and written where they are plain: objects in files of their own or in packs, refs, and HEAD.

Whatever is not plain (odd packs, packed or symbolic refs, tags, headers that BeatFlow does not write) is answered with
`UNKNOWN`, and libgit2 is asked instead. Loading that takes longer than all that most commands do.
"""

import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from beatflow.errors import DamagedError
from beatflow.objects.git.value import TREE as TREE_MODE
from beatflow.objects.git.value import Commit, Entry, Signature, decode_path, encode_path

if TYPE_CHECKING:
    from beatflow.objects.git.packed import GitPacks

LOCK_SUFFIX = ".lock"
BLOB, TREE, COMMIT = b"blob", b"tree", b"commit"
_NO_OID = "0" * 40
_HEADER_BYTES = 32
"""Kind and length of an object are told within so many bytes."""
_ENTRY = re.compile(rb"([0-7]+) ([^\0]*)\0(.{20})", re.DOTALL)
_AROUND = 22
"""Bytes of an entry beside its mode and its name: a space, a zero, and the id."""
_HEX = frozenset("0123456789abcdef")


class _Unknown(Enum):
    UNKNOWN = 0


UNKNOWN: Final = _Unknown.UNKNOWN
"""The answer to what is not for this module to say."""

Unknown = Literal[_Unknown.UNKNOWN]


class GitFiles:
    """The files of a bare git repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._objects = str(path / "objects")

    @cached_property
    def _packs(self) -> "GitPacks":
        from beatflow.objects.git.packed import GitPacks  # a track of one's own has none

        return GitPacks(self.path / "objects" / "pack")

    def is_plain(self) -> bool:
        """Say whether this surely is a repository of the oldest and simplest format."""
        try:
            config = (self.path / "config").read_bytes().lower()
        except OSError:
            return False
        whole = (self.path / "HEAD").is_file() and (self.path / "objects").is_dir()
        return whole and b"extensions" not in config and b"include" not in config

    # Objects ---------------------------------------------------------------------------------------------

    def place_of(self, oid: str) -> Path:
        """Return where an object lies if it has a file of its own."""
        return self.path / "objects" / oid[:2] / oid[2:]

    def has_own_file(self, oid: str) -> bool:
        """Say whether an object has a file of its own."""
        return os.path.isfile(f"{self._objects}/{oid[:2]}/{oid[2:]}")  # noqa: PTH113  as for `_read_packed`

    def has_object(self, oid: str) -> bool:
        """Say whether an object lies here."""
        return is_git_oid(oid) and (self.has_own_file(oid) or self._packs.has_object(oid))

    def read_object(self, oid: str) -> tuple[bytes, bytes] | Unknown:
        """Return the kind and the bytes of an object.

        Raises
        ------
        DamagedError
            The file of its own that it has is cut short, or not what its name says.
        """
        packed = self._read_packed(oid)
        if packed is UNKNOWN:
            return (self._packs.read_object(oid) if is_git_oid(oid) else None) or UNKNOWN
        stream = zlib.decompressobj()
        try:
            head = stream.decompress(packed, _HEADER_BYTES)
            kind, length = _parse_header(head)
            # No more than it announces: what lies here may have come from elsewhere and unpack without end.
            data = head + stream.decompress(stream.unconsumed_tail, length + _HEADER_BYTES)
        except (zlib.error, ValueError) as error:
            raise _damaged(oid) from error
        raw = data[head.index(b"\0") + 1 :]
        if len(raw) != length or not stream.eof or _hash(data) != oid:
            raise _damaged(oid)
        return kind, raw

    def read_header(self, oid: str) -> tuple[bytes, int] | Unknown:
        """Return kind and length of an object; where it has a file of its own, without unpacking all of it."""
        packed = self._read_packed(oid)
        if packed is UNKNOWN:
            return (self._packs.read_header(oid) if is_git_oid(oid) else None) or UNKNOWN
        with suppress(zlib.error, ValueError):
            return _parse_header(zlib.decompressobj().decompress(packed, _HEADER_BYTES))
        raise _damaged(oid)

    def _read_packed(self, oid: str) -> bytes | Unknown:
        if not is_git_oid(oid):
            return UNKNOWN
        try:
            # Asked a hundred thousand times by a first push: making a path takes longer than not finding it.
            with open(f"{self._objects}/{oid[:2]}/{oid[2:]}", "rb", buffering=0) as file:  # noqa: PTH123
                return file.readall()
        except OSError:
            return UNKNOWN

    def write_object(self, kind: bytes, raw: bytes) -> str:
        """Store an object in a file of its own, unless it has one, and return its id. Not durable."""
        data = b"%s %d\0" % (kind, len(raw)) + raw
        oid = _hash(data)
        if self.has_own_file(oid):
            return oid
        path = self.place_of(oid)
        # Git knows, and one day removes, what writers that died left under such a name.
        temporary = Path(f"{self._objects}/tmp_obj_{os.urandom(8).hex()}")
        try:
            with open(temporary, "xb", opener=_open_read_only) as file:
                file.write(zlib.compress(data, 1))
            path.parent.mkdir(exist_ok=True)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return oid

    # Refs ------------------------------------------------------------------------------------------------

    def read_head(self) -> str | Unknown:
        """Return what HEAD holds: a ref's name, or a commit id when detached."""
        text = self._read_text("HEAD")
        if text is UNKNOWN or text is None:
            return UNKNOWN
        head, _, name = text.rstrip("\n").rpartition("ref: ")
        if text.startswith("ref: ") and not head:
            return name if is_plain_name(name) else UNKNOWN
        return name if is_git_oid(name) else UNKNOWN

    def read_ref(self, name: str) -> str | Unknown | None:
        """Return the id that a ref holds, None where there is no such ref."""
        if not is_plain_name(name):
            return UNKNOWN
        text = self._read_text(name)
        if text is None:
            return UNKNOWN if self._has_packed_refs() else None
        return text[:40] if text is not UNKNOWN and is_git_oid(text.rstrip("\n")) else UNKNOWN

    def list_refs(self) -> list[str] | Unknown:
        """Return the names of all refs, sorted."""
        names = sorted(self.iter_ref_files())
        odd = self._has_packed_refs() or any(not isinstance(self.read_ref(name), str) for name in names)
        return UNKNOWN if odd else names

    def iter_ref_files(self) -> Iterator[str]:
        """Yield the name of every file below ``refs`` that is no lock, whatever it holds."""
        return (name for name in self._walk_refs() if not name.endswith(LOCK_SUFFIX))

    def iter_ref_locks(self) -> Iterator[Path]:
        """Yield every file below ``refs`` that is a lock."""
        return (self.path / name for name in self._walk_refs() if name.endswith(LOCK_SUFFIX))

    def _walk_refs(self) -> Iterator[str]:
        top = str(self.path / "refs")
        for folder, _, files in os.walk(top):
            prefix = "refs" + folder[len(top) :].replace(os.sep, "/")
            yield from (f"{prefix}/{name}" for name in files)

    def write_ref(self, name: str, oid: str, who: Signature) -> bool:
        """Point a ref at a commit, and its log with it; False where that is not for this module to do. Not durable."""
        former = self.read_ref(name)
        logs = self._logs_of(name)
        if former is UNKNOWN or logs is UNKNOWN:
            return False
        if former == oid:
            return True
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + LOCK_SUFFIX)
        with lock.open("xb") as file:
            try:
                file.write(f"{oid}\n".encode())
                file.close()
                line = f"{former or _NO_OID} {oid} {format_signature(who)}\n".encode("utf-8", "replace")
                for log in logs:
                    log.parent.mkdir(parents=True, exist_ok=True)
                    with log.open("ab") as written:
                        written.write(line)
                lock.replace(path)
            except BaseException:
                lock.unlink(missing_ok=True)
                raise
        return True

    def _logs_of(self, name: str) -> list[Path] | Unknown:
        """Return the logs that a ref's moves go into; whether one is to be begun is told by settings that git reads."""
        head = self.read_head()
        own = self.path / "logs" / name
        wanted = [own] if own.is_file() or name.startswith("refs/heads/") else []
        if head == name:
            wanted.append(self.path / "logs" / "HEAD")
        plain = name.startswith(("refs/heads/", "refs/beatflow/")) and head is not UNKNOWN
        return wanted if plain and all(log.is_file() or self._may_begin(log) for log in wanted) else UNKNOWN

    def _may_begin(self, log: Path) -> bool:
        """Say whether git would surely begin a log here: the settings say so, and nothing is in the way."""
        try:
            found = re.findall(rb"logallrefupdates([^\n]*)", (self.path / "config").read_bytes().lower())
        except OSError:
            return False
        above = next(folder for folder in log.parents if os.path.lexists(folder))
        wanted = len(found) == 1 and found[0].strip() in (b"= true", b"=true")
        return wanted and self.is_plain() and above.is_dir() and not os.path.lexists(log)

    def _has_packed_refs(self) -> bool:
        return (self.path / "packed-refs").exists()

    def _read_text(self, name: str) -> str | Unknown | None:
        try:
            # As bytes first: text of another encoding than UTF-8 has that encoding looked for and loaded.
            return (self.path / name).read_bytes().decode("ascii")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            return UNKNOWN


def is_git_oid(text: str) -> bool:
    """Say whether this is a whole id in git's spelling."""
    return len(text) == 40 and _HEX.issuperset(text)


def is_plain_name(name: str) -> bool:
    """Say whether git surely accepts this name of a ref."""
    return re.fullmatch(r"refs(/[A-Za-z0-9_][A-Za-z0-9_-]*)+", name) is not None


def _open_read_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o444)


def _hash(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()


def _damaged(oid: str) -> DamagedError:
    return DamagedError(f"object {oid[:12]} is cut short or damaged", hint="bf check")


def _parse_header(data: bytes) -> tuple[bytes, int]:
    """Read the kind and the length that an object's first bytes announce."""
    kind, _, length = data[: data.index(b"\0")].partition(b" ")
    if not length.isdigit() or length != b"%d" % int(length):
        raise ValueError(f"a length of {length!r}")
    return kind, int(length)


# Trees ---------------------------------------------------------------------------------------------------


def split_tree(oid: str, raw: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Cut a tree's bytes into mode, name and id of each entry, as git writes them.

    Raises
    ------
    DamagedError
        It is cut short.
    """
    rows: list[tuple[bytes, bytes, bytes]] = _ENTRY.findall(raw)
    if sum(len(mode) + len(name) + _AROUND for mode, name, _ in rows) != len(raw):
        raise _damaged(oid)
    return rows


def decode_tree(oid: str, raw: bytes) -> tuple[tuple[str, int, str], ...]:
    """Read a tree's bytes: name, mode and id of each entry.

    Raises
    ------
    DamagedError
        It is cut short, or two entries have one name.
    """
    rows = [(decode_path(name), int(mode, 8), id.hex()) for mode, name, id in split_tree(oid, raw)]
    if len({name for name, _, _ in rows}) != len(rows):
        raise DamagedError(f"tree {oid[:12]} has two entries of one name", hint="bf check")
    return tuple(rows)


def encode_tree(rows: Mapping[str, Entry]) -> bytes:
    """Write what lies directly in a tree as git writes it."""

    def order(name: str) -> bytes:
        # git sorts a tree as if the names of its sub-trees ended in a slash
        return encode_path(name) + (b"/" if rows[name].mode == TREE_MODE else b"")

    return b"".join(
        b"%o %s\0" % (rows[name].mode, encode_path(name)) + bytes.fromhex(rows[name].oid)
        for name in sorted(rows, key=order)
    )


# Commits -------------------------------------------------------------------------------------------------


def format_signature(who: Signature) -> str:
    """Write a signature as git does."""
    hours, minutes = divmod(abs(who.offset_min), 60)
    sign = "-" if who.offset_min < 0 else "+"
    return f"{who.name} <{who.email}> {who.time_s} {sign}{hours:02}{minutes:02}"


def is_plain_signature(who: Signature) -> bool:
    """Say whether a name and an address go into a commit as they are: git strips odd letters at their ends."""
    plain = r"[^\x00-\x20\x7f.,:;<>\"\\'](?:[^\x00-\x1f\x7f<>\n]*[^\x00-\x20\x7f.,:;<>\"\\'])?"
    return who.time_s >= 0 and all(re.fullmatch(plain, text) for text in (who.name, who.email))


def encode_commit(
    tree: str, parents: tuple[str, ...], message: str, author: Signature, committer: Signature
) -> bytes:
    """Write a commit's bytes."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {format_signature(author)}", f"committer {format_signature(committer)}"]
    return ("\n".join(lines) + "\n\n" + message).encode()


def decode_commit(oid: str, raw: bytes) -> Commit | Unknown:
    """Read a commit's bytes, unless there is more in them than `encode_commit` writes."""
    try:
        head, _, message = raw.decode().partition("\n\n")
    except UnicodeDecodeError:
        return UNKNOWN
    lines = head.split("\n")
    names = [line.partition(" ")[0] for line in lines]
    parents = tuple(line[7:] for line in lines[1:-2])
    if names != ["tree", *["parent"] * len(parents), "author", "committer"]:
        return UNKNOWN
    author, committer = _parse_signature(lines[-2]), _parse_signature(lines[-1])
    tree = lines[0][5:]
    if not (author and committer and all(map(is_git_oid, (tree, *parents)))) or message.startswith("\n"):
        return UNKNOWN
    return Commit(oid, tree, parents, author, message, committer.time_s)


def _parse_signature(line: str) -> Signature | None:
    found = re.fullmatch(r"\w+ ([^<>\0]*) <([^<>\0]*)> ([0-9]{1,12}) ([+-])([0-9]{2})([0-5][0-9])", line)
    if not found:
        return None
    name, email, time, sign, hours, minutes = found.groups()
    offset = int(hours) * 60 + int(minutes)
    who = Signature(name, email, int(time), -offset if sign == "-" else offset)
    return who if is_plain_signature(who) else None
