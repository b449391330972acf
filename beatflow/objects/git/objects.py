"""The objects of a bare git repository: blobs, trees and commits, read, written and made durable.

What lies in plain files is read and written by `files`; for all else libgit2 is loaded (`libgit`). Paths are
``str`` with ``/`` between parts; bytes that are not UTF-8 travel as surrogates (``os.fsdecode``'s convention), so every
name that a file system allows survives. Knows no refs, and nothing of what a commit means to the user.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import BeatFlowError, ConflictError, DamagedError
from beatflow.objects.durable import free_name, fsync_all
from beatflow.objects.git import files
from beatflow.objects.git.files import BLOB, COMMIT, UNKNOWN, GitFiles
from beatflow.objects.git.files import TREE as TREE_KIND
from beatflow.objects.git.value import TREE, Commit, Entry, Signature, Tree

if TYPE_CHECKING:
    from beatflow.objects.git.libgit import LibGit

FEW_OBJECTS = 200
"""What is fetched with no more objects than this is kept as files."""

# Of those that `find_small` keeps at hand: 4 MB of pointers.
_MOST_SMALL = 4096


class GitObjects:
    """The objects of a bare git repository.

    What is written is safe from a power cut after the next `flush`, and not before: one flush for many objects takes
    about as long as one for each of them alone.

    Raises
    ------
    NotFoundError
        The folder holds no git repository.
    DamagedError
        It holds one whose configuration cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = GitFiles(path)
        self._trees: dict[str, tuple[tuple[str, int, str], ...]] = {}
        # A change asks for its pointers and for the commit it stands on half a dozen times each.
        self._small: dict[str, bytes] = {}
        self._last_commit: Commit | None = None
        self._unflushed: set[Path] = set()
        if not self._files.is_plain():
            self._library  # noqa: B018  Opened at once: it knows what this is, or what is wrong with it.

    @cached_property
    def _library(self) -> "LibGit":
        from beatflow.objects.git.libgit import LibGit

        return LibGit(self.path)

    def write_blob(self, data: bytes) -> str:
        """Store bytes and return their id."""
        return self._write(BLOB, data)

    def read_blob(self, oid: str) -> bytes:
        """Return the bytes of a blob.

        Raises
        ------
        DamagedError
            It is missing or does not match its id.
        """
        kind, data = self._read(oid)
        if kind != BLOB:
            raise DamagedError(f"object {oid[:12]} should be a blob", hint="bf check")
        return data

    def find_small(self, oid: str, limit: int) -> bytes | None:
        """Return the bytes of a blob that has fewer than `limit`, None for a longer one. Keeps them for the next time.

        Raises
        ------
        DamagedError
            It is missing or does not match its id.
        """
        data = self._small.get(oid)
        if data is None:
            if self.blob_size(oid) >= limit:
                return None
            data = self.read_blob(oid)
            if len(self._small) >= _MOST_SMALL:
                self._small.clear()
            self._small[oid] = data
        return data if len(data) < limit else None

    def blob_size(self, oid: str) -> int:
        """Return the length of an object in bytes, without reading it.

        Raises
        ------
        DamagedError
            It is missing.
        """
        return self.read_header(oid)[1]

    def read_header(self, oid: str) -> tuple[bytes, int]:
        """Return the kind of an object (``b"blob"`` …) and its length in bytes, without reading all of it.

        Raises
        ------
        DamagedError
            It is missing.
        """
        header = self._files.read_header(oid)
        return self._library.read_header(oid) if header is UNKNOWN else header

    def read_object(self, oid: str) -> tuple[bytes, bytes]:
        """Return the kind and the bytes of an object.

        Raises
        ------
        DamagedError
            It is missing or does not match its id.
        """
        return self._read(oid)

    def write_tree(self, entries: Mapping[str, Entry]) -> str:
        """Store a flattened tree, sub-trees and all, and return the id of its root.

        Raises
        ------
        ConflictError
            A path is a file and a folder at once.
        """
        folders: dict[str, dict[str, Entry]] = {"": {}}
        for path, entry in entries.items():
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, {})[name] = entry
            while folder:
                folder = folder.rpartition("/")[0]
                folders.setdefault(folder, {})
        for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
            if folder:
                parent, _, name = folder.rpartition("/")
                if name in folders[parent]:
                    raise ConflictError(f"{folder} is a file and a folder at once", hint="remove one of them")
                folders[parent][name] = Entry(
                    TREE, self._write(TREE_KIND, files.encode_tree(folders[folder]))
                )
        return self._write(TREE_KIND, files.encode_tree(folders[""]))

    def read_tree(self, oid: str | None) -> Tree:
        """Return a tree flattened; ``None`` is the empty tree."""
        if oid is None:
            return {}
        result: Tree = {}
        waiting = [("", oid)]
        while waiting:
            prefix, tree = waiting.pop()
            for name, mode, child in self._tree_rows(tree):
                if mode == TREE:
                    waiting.append((f"{prefix}{name}/", child))
                else:
                    result[prefix + name] = Entry(mode, child)
        return result

    def diff_trees(self, old: str | None, new: str | None) -> dict[str, tuple[Entry | None, Entry | None]]:
        """Return the paths that differ between two trees; equal sub-trees are never opened."""
        result: dict[str, tuple[Entry | None, Entry | None]] = {}
        waiting = [("", old, new)]
        while waiting:
            prefix, before, after = waiting.pop()
            if before == after:
                continue
            left = {name: (mode, oid) for name, mode, oid in self._tree_rows(before)} if before else {}
            right = {name: (mode, oid) for name, mode, oid in self._tree_rows(after)} if after else {}
            for name in left.keys() | right.keys():
                a, b = left.get(name), right.get(name)
                if a == b:
                    continue
                a_tree = a[1] if a and a[0] == TREE else None
                b_tree = b[1] if b and b[0] == TREE else None
                if a_tree or b_tree:
                    waiting.append((f"{prefix}{name}/", a_tree, b_tree))
                a_entry = Entry(*a) if a and not a_tree else None
                b_entry = Entry(*b) if b and not b_tree else None
                if a_entry or b_entry:
                    result[prefix + name] = (a_entry, b_entry)
        return result

    def iter_folder(self, oid: str) -> Iterator[tuple[str, Entry]]:
        """Yield name and entry of what lies directly in a tree."""
        for name, mode, child in self._tree_rows(oid):
            yield name, Entry(mode, child)

    def read_rows(self, tree: str) -> list[tuple[bytes, bytes, bytes]]:
        """Return mode, name and id of what lies directly in a tree as git writes them, for walks over all of history.

        Nothing of it is kept: the trees of a long history would fill the memory.
        """
        kind, raw = self._read(tree)
        if kind != TREE_KIND:
            raise DamagedError(f"object {tree[:12]} should be a tree", hint="bf check")
        return files.split_tree(tree, raw)

    def find_entry(self, tree: str, path: str) -> Entry | None:
        """Return what stands at a path, a folder (mode ``TREE``) included, or None; ``""`` is the tree itself."""
        entry = Entry(TREE, tree)
        for part in path.split("/") if path else ():
            if entry.mode != TREE:
                return None
            row = next((row for row in self._tree_rows(entry.oid) if row[0] == part), None)
            if row is None:
                return None
            entry = Entry(row[1], row[2])
        return entry

    def write_commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Signature,
        committer: Signature | None = None,
    ) -> str:
        """Store a commit that no ref names yet; the committer is the author unless it is another.

        Its time is never before its parents', so that history stays in order when a clock goes backwards.
        """
        committer = committer or author
        time_s = max([committer.time_s, *(self.read_commit(parent).time_s for parent in parents)])
        committer = committer._replace(time_s=time_s)
        # A message from a command line may hold bytes that are not UTF-8; git's messages are text.
        text = message.strip().encode("utf-8", "replace").decode("utf-8") + "\n"
        if files.is_plain_signature(author) and files.is_plain_signature(committer):
            return self._write(COMMIT, files.encode_commit(tree, tuple(parents), text, author, committer))
        with self._writing():
            return self._note_object(self._library.write_commit(tree, parents, text, author, committer))

    def read_commit(self, oid: str) -> Commit:
        """Return a commit.

        Raises
        ------
        DamagedError
            It is missing, damaged or not a commit.
        """
        known = self._last_commit
        if known is not None and known.oid == oid:
            return known
        self._last_commit = commit = self._load_commit(oid)
        return commit

    def _load_commit(self, oid: str) -> Commit:
        found = self._files.read_object(oid)
        if found is UNKNOWN:
            return self._library.read_commit(oid)
        kind, raw = found
        if kind != COMMIT:
            raise DamagedError(f"object {oid[:12]} should be a commit", hint="bf check")
        commit = files.decode_commit(oid, raw)
        return self._library.read_commit(oid) if commit is UNKNOWN else commit

    def find_attribute(self, commit: str, path: str, name: str) -> str | None:
        """Return what the ``.gitattributes`` of a commit say of a path, None for nothing."""
        return self._library.find_attribute(commit, path, name)

    def has(self, oid: str) -> bool:
        """Say whether an object is here."""
        return self._files.has_object(oid) or self._library.has_object(oid)

    def check_object(self, oid: str) -> None:
        """Read an object and verify its id.

        Raises
        ------
        DamagedError
            It is missing or does not match.
        """
        kind, data = self._read(oid)
        if sha1(b"%s %d\0" % (kind, len(data)) + data, usedforsecurity=False).hexdigest() != oid:
            raise DamagedError(f"object {oid[:12]} does not match its id")

    def check_own_file(self, oid: str) -> None:
        """Refuse an object in a file of its own that ends too early: libgit2 would read on for ever.

        Raises
        ------
        DamagedError
            It does, or does not match its id.
        """
        if self._files.has_own_file(oid):
            self._files.read_object(oid)

    def copy_object(self, oid: str, source: "GitObjects", refuge: Path) -> list[str]:
        """Take an object that is missing or damaged here, and all that it leads to and is not here, from another store.

        What lies in its place goes to `refuge`. Returns the ids of what was copied.
        """
        copied = []
        waiting = [oid]
        seen = set()
        while waiting:
            oid = waiting.pop()
            if oid in seen or self._is_sound(oid):
                continue
            seen.add(oid)
            try:
                source.check_object(oid)
                kind, data = source._read(oid)
            except DamagedError:
                continue
            self.put_aside(oid, refuge)
            self._write(kind, data)
            if not self._is_sound(oid):
                # A damaged copy in one of git's own packs stands before ours.
                continue
            copied.append(oid)
            if kind == COMMIT:
                commit = self.read_commit(oid)
                waiting += [commit.tree, *commit.parents]
            elif kind == TREE_KIND:
                waiting += [entry.oid for _, entry in self.iter_folder(oid)]
        return copied

    def flush(self) -> None:
        """Push everything written since the last flush through to the disk, objects and refs alike."""
        if self._unflushed:
            with self._writing():
                fsync_all(self._unflushed, self.path)
            self._unflushed.clear()

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Have the packs of git that come in meanwhile, whoever writes them, be made durable by the next `flush`.

        Small ones become files, an object each: a pack for every fetch would make each look-up slower than the last.
        """
        folder = self.path / "objects" / "pack"
        before = set(folder.iterdir()) if folder.is_dir() else set()
        yield
        for index in set(folder.glob("*.idx")) - before:
            self._unpack_small(index)
        self._unflushed |= set(folder.iterdir()) - before

    def _unpack_small(self, index: Path) -> None:
        from beatflow.objects.git.packed import read_small_pack

        found = read_small_pack(index, FEW_OBJECTS)
        if found is None:
            return
        for kind, data in found:
            self._write(kind, data)
        # Where somebody has it open and the system minds, it may as well stay.
        with suppress(OSError):
            index.unlink()
            index.with_suffix(".pack").unlink()

    def write_pack(self, oids: Iterable[str], folder: Path) -> Path:
        """Write objects of this store into a pack of git's in a folder, with its index; return the pack.

        Raises
        ------
        DamagedError
            One of them is missing or damaged.
        """
        with self._writing():
            return self._library.write_pack(oids, folder)

    def _note_object(self, oid: str) -> str:
        self._unflushed.add(self._files.place_of(oid))
        return oid

    def put_aside(self, oid: str, refuge: Path) -> None:
        """Move an object's own file, if it has one, to `refuge`, so that it can be written again."""
        path = self._files.place_of(oid)
        if path.exists():
            refuge.mkdir(parents=True, exist_ok=True)
            path.replace(free_name(refuge, oid))
        self._trees.pop(oid, None)
        self._small.pop(oid, None)
        self._last_commit = None

    def iter_commits(self) -> Iterator[str]:
        """Yield the id of every commit that is stored and can be read, in no particular order, reached or not."""
        yield from self._library.iter_commits()

    def _is_sound(self, oid: str) -> bool:
        try:
            self.check_object(oid)
        except DamagedError:
            return False
        return True

    def _read(self, oid: str) -> tuple[bytes, bytes]:
        found = self._files.read_object(oid)
        return self._library.read_object(oid) if found is UNKNOWN else found

    def _write(self, kind: bytes, raw: bytes) -> str:
        with self._writing():
            return self._note_object(self._files.write_object(kind, raw))

    def _tree_rows(self, oid: str) -> tuple[tuple[str, int, str], ...]:
        cached = self._trees.get(oid)
        if cached is not None:
            return cached
        kind, raw = self._read(oid)
        if kind != TREE_KIND:
            raise DamagedError(f"object {oid[:12]} should be a tree", hint="bf check")
        self._trees[oid] = result = files.decode_tree(oid, raw)
        return result

    @staticmethod
    @contextmanager
    def _writing() -> Iterator[None]:
        """Turn complaints about a disk into an error with a way out."""
        try:
            yield
        except OSError as error:
            hint = "free some space or check the permissions, then run it again"
            raise BeatFlowError(f"history cannot be written: {str(error).strip(' :')}", hint) from error
