"""History in git's own format: blobs, trees, commits and refs in a bare repository.

What lies in plain files is read and written by `gitfiles`; for all else libgit2 is loaded (`libgit`). Paths are
``str`` with ``/`` between parts; bytes that are not UTF-8 travel as surrogates (``os.fsdecode``'s convention), so every
name that a file system allows survives. Knows nothing of audio, the worktree or what a commit means to the user.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import BeatFlowError, ConflictError, DamagedError
from beatflow.objects import gitfiles
from beatflow.objects.durable import free_name, fsync_all
from beatflow.objects.gitfiles import LOCK_SUFFIX, UNKNOWN, GitFiles, is_git_oid
from beatflow.objects.gitpacked import read_small_pack
from beatflow.objects.gitvalue import TREE, Commit, Entry, Signature, Tree, encode_path

if TYPE_CHECKING:
    from beatflow.objects.libgit import LibGit

FEW_OBJECTS = 200
"""What is fetched with no more objects than this is kept as files."""


class GitStore:
    """A bare git repository.

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
        self._unflushed: set[Path] = set()
        if not self._files.is_plain():
            self._library  # noqa: B018  Opened at once: it knows what this is, or what is wrong with it.

    @cached_property
    def _library(self) -> "LibGit":
        from beatflow.objects.libgit import LibGit

        return LibGit(self.path)

    @classmethod
    def create(cls, path: Path, branch: str = "main") -> "GitStore":
        """Make an empty bare repository whose HEAD names an unborn branch."""
        from beatflow.objects import libgit

        libgit.create(path, branch)
        return cls(path)

    @classmethod
    def create_with_files(cls, folder: Path, branch: str) -> "GitStore":
        """Make an empty repository with files beside it, as git's own users have it."""
        from beatflow.objects import libgit

        return cls(libgit.create_with_files(folder, branch))

    def write_index(self, tree: str) -> None:
        """Have git believe that the files beside the repository are those of a tree."""
        self._library.write_index(tree)

    # Objects ---------------------------------------------------------------------------------------------

    def write_blob(self, data: bytes) -> str:
        """Store bytes and return their id."""
        return self._write(gitfiles.BLOB, data)

    def read_blob(self, oid: str) -> bytes:
        """Return the bytes of a blob.

        Raises
        ------
        DamagedError
            It is missing or does not match its id.
        """
        kind, data = self._read(oid)
        if kind != gitfiles.BLOB:
            raise DamagedError(f"object {oid[:12]} should be a blob", hint="bf check")
        return data

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
                folders[parent][name] = Entry(TREE, self._write_folder(folders[folder]))
        return self._write_folder(folders[""])

    def _write_folder(self, rows: Mapping[str, Entry]) -> str:
        def order(name: str) -> bytes:
            # git sorts a tree as if the names of its sub-trees ended in a slash
            return encode_path(name) + (b"/" if rows[name].mode == TREE else b"")

        raw = b"".join(
            b"%o %s\0" % (rows[name].mode, encode_path(name)) + bytes.fromhex(rows[name].oid)
            for name in sorted(rows, key=order)
        )
        return self._write(gitfiles.TREE, raw)

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
        committer = replace(committer, time_s=time_s)
        # A message from a command line may hold bytes that are not UTF-8; git's messages are text.
        text = message.strip().encode("utf-8", "replace").decode("utf-8") + "\n"
        if gitfiles.is_plain_signature(author) and gitfiles.is_plain_signature(committer):
            return self._write(
                gitfiles.COMMIT, gitfiles.encode_commit(tree, tuple(parents), text, author, committer)
            )
        with _writing():
            return self._note_object(self._library.write_commit(tree, parents, text, author, committer))

    def read_commit(self, oid: str) -> Commit:
        """Return a commit.

        Raises
        ------
        DamagedError
            It is missing, damaged or not a commit.
        """
        found = self._files.read_object(oid)
        if found is UNKNOWN:
            return self._library.read_commit(oid)
        kind, raw = found
        if kind != gitfiles.COMMIT:
            raise DamagedError(f"object {oid[:12]} should be a commit", hint="bf check")
        commit = gitfiles.decode_commit(oid, raw)
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
        if self._files.place_of(oid).exists():
            self._files.read_object(oid)

    def copy_object(self, oid: str, source: "GitStore", refuge: Path) -> list[str]:
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
            if kind == gitfiles.COMMIT:
                commit = self.read_commit(oid)
                waiting += [commit.tree, *commit.parents]
            elif kind == gitfiles.TREE:
                waiting += [entry.oid for _, entry in self.iter_folder(oid)]
        return copied

    def flush(self) -> None:
        """Push everything written since the last flush through to the disk, objects and refs alike."""
        if self._unflushed:
            with _writing():
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
        with _writing():
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
        with _writing():
            return self._note_object(self._files.write_object(kind, raw))

    def _tree_rows(self, oid: str) -> tuple[tuple[str, int, str], ...]:
        cached = self._trees.get(oid)
        if cached is not None:
            return cached
        kind, raw = self._read(oid)
        if kind != gitfiles.TREE:
            raise DamagedError(f"object {oid[:12]} should be a tree", hint="bf check")
        self._trees[oid] = result = gitfiles.decode_tree(oid, raw)
        return result

    # History ---------------------------------------------------------------------------------------------

    def iter_history(self, starts: Iterable[str], hidden: Iterable[str] = ()) -> Iterator[Commit]:
        """Yield commits newest first, reading only as far as the caller does.

        A child comes before its parents unless a clock went backwards outside BeatFlow.

        Parameters
        ----------
        starts, hidden : iterable of str
            Commits to begin at; commits that are left out with all their ancestors.
        """
        gone = self._ancestors(hidden)
        seen = set(gone)
        waiting: list[tuple[int, int, Commit]] = []

        def push(oid: str, limit_s: int | None) -> None:
            if oid not in seen:
                seen.add(oid)
                commit = self.read_commit(oid)
                time_s = commit.time_s if limit_s is None else min(commit.time_s, limit_s)
                heapq.heappush(waiting, (-time_s, len(seen), commit))

        for start in starts:
            push(start, None)
        while waiting:
            time_s, _, commit = heapq.heappop(waiting)
            yield commit
            for parent in commit.parents:
                push(parent, -time_s)

    def iter_new_commits(self, tips: Iterable[str], known: Iterable[str] = ()) -> Iterator[str]:
        """Yield the ids of the commits behind ``tips`` and not behind ``known``, in no promised order.

        Reads only what that takes, of commits nothing but their parents. Where clocks went backwards some that are
        behind ``known`` may come as well.

        Raises
        ------
        DamagedError
            One of them, or of their parents, is missing.
        """
        yield from self._library.iter_new_commits(tips, known)

    def iter_topological(self, starts: Iterable[str], hidden: Iterable[str] = ()) -> Iterator[Commit]:
        """Yield commits, children before their parents whatever their clocks said.

        Reads no further than the caller does, once it has been looked at that all is in order (`objects.walk`).
        """
        from beatflow.objects.walk import Walk

        yield from Walk(self.path, self.read_commit, self.path / "state" / "in-order.json").iter_commits(
            starts, hidden
        )

    def _ancestors(self, starts: Iterable[str]) -> set[str]:
        seen: set[str] = set()
        waiting = list(starts)
        while waiting:
            oid = waiting.pop()
            if oid not in seen:
                seen.add(oid)
                waiting.extend(self.read_commit(oid).parents)
        return seen

    def merge_base(self, one: str, two: str) -> str | None:
        """Return the best common ancestor of two commits, or None for unrelated histories."""
        self._ancestors((one, two))  # whatever libgit2 is going to read is whole
        return self._library.merge_base(one, two)

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision names in git's syntax (``HEAD~2``, ``v1``, a prefix), or None.

        Raises
        ------
        DamagedError
            A commit on the way to it is cut short.
        """
        plain = re.fullmatch(r"(@|HEAD|[0-9a-f]{40})((?:~[0-9]{0,6}|\^)*)", revision)
        if plain:
            start = self._follow_head() if plain[1] in ("@", "HEAD") else plain[1]
            if start and self._files.has_object(start) and self._read(start)[0] == gitfiles.COMMIT:
                return self._climb(start, plain[2])
        self._refuse_damaged_way(revision)
        return self._library.resolve(revision)

    def _follow_head(self) -> str | None:
        head = self.read_head()
        return self.read_ref(head) if head.startswith("refs/") else head

    def _climb(self, oid: str, steps: str) -> str | None:
        """Go to a first parent, of that to its first, and so on, as ``~2^`` says."""
        for number in re.findall(r"[~^]([0-9]*)", steps):
            for _ in range(int(number or 1)):
                parents = self.read_commit(oid).parents
                if not parents:
                    return None
                oid = parents[0]
        self.read_commit(oid)
        return oid

    def _refuse_damaged_way(self, revision: str) -> None:
        """Look at the commits that libgit2 passes to resolve a revision, before it does.

        It would read on for ever where the file of an object ends too early.
        """
        base = re.split("[~^]", revision, maxsplit=1)[0]
        generations = sum(int(number or 1) for number in re.findall(r"[~^](\d{0,6})", revision))
        start = self._library.find_start(base)
        if start is None:
            return
        self._files.read_object(start)
        commit = self._library.find_commit(start)
        here = {commit} if commit else set()
        for _ in range(generations + 1):
            here = {parent for oid in here for parent in self.read_commit(oid).parents}

    # Refs ------------------------------------------------------------------------------------------------

    def read_refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Return ref name -> commit id for every ref below a prefix; annotated tags are followed."""
        names = self._files.list_refs()
        result = {}
        for name in self._library.list_refs() if names is UNKNOWN else names:
            if name.startswith(prefix):
                target = self.read_ref(name)
                if target:
                    result[name] = target
        return result

    def list_refs(self) -> list[str]:
        """Return the full names of all refs, those that libgit2 passes over because they are damaged included."""
        names = self._files.list_refs()
        return (
            sorted({*self._files.iter_ref_files(), *self._library.list_refs()}) if names is UNKNOWN else names
        )

    def read_ref(self, name: str) -> str | None:
        """Return the commit that a ref names, or None when there is no such ref.

        Raises
        ------
        DamagedError
            The ref cannot be read, or names a commit that is not here.
        """
        oid = self._files.read_ref(name)
        if oid is None or (oid is not UNKNOWN and self._is_commit_file(oid)):
            return oid
        target = self._library.read_target(name)
        if target is None or (not is_git_oid(target) and not self._library.has_ref(target)):
            return None  # no ref, or a symbolic one to a branch that is not born yet, or gone
        final = self._library.resolve_ref(name)
        if final:
            self._files.read_object(final)
            commit = self._library.find_commit(final)
            if commit:
                return commit
        if is_git_oid(target) and self._library.is_no_commit(target):
            return None
        raise DamagedError(f"{name} names a commit that is missing or damaged", hint="bf check")

    def _is_commit_file(self, oid: str) -> bool:
        found = self._files.read_object(oid)
        return found is not UNKNOWN and found[0] == gitfiles.COMMIT

    def read_target(self, name: str) -> str | None:
        """Return the id that a ref holds, whether or not anything of that id is here; None where it holds none."""
        oid = self._files.read_ref(name)
        if oid is not UNKNOWN:
            return oid
        with suppress(DamagedError):
            target = self._library.read_target(name)
            return target if target and is_git_oid(target) else None
        return None

    def read_reflog(self, name: str) -> list[str]:
        """Return the ids that a ref has held, newest first, as far as its log can be read."""
        try:
            lines = (self.path / "logs" / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        found = [line.split(" ")[1] for line in reversed(lines) if line.count(" ") > 1]
        return [oid for oid in found if len(oid) == 40 and oid.strip("0")]

    def write_ref(self, name: str, oid: str | None, who: Signature | None = None) -> None:
        """Point a ref at a commit, or delete it (None). Both may already be so. Its log says who did it."""
        self._unflushed |= {self.path / name, self.path / "packed-refs"}
        with _writing():
            if oid is None or who is None or not self._files.write_ref(name, oid, who):
                self._library.write_ref(name, oid)

    def read_head(self) -> str:
        """Return what HEAD holds: a ref name, or a commit id when detached.

        Raises
        ------
        DamagedError
            HEAD cannot be read.
        """
        plain = self._files.read_head()
        if plain is not UNKNOWN:
            return plain
        with suppress(DamagedError, UnicodeEncodeError):
            target = self._library.read_target("HEAD")
            if target:
                target.encode()  # a name that is no UTF-8 is nothing that BeatFlow or git wrote
                return target
        raise DamagedError("HEAD cannot be read", hint=f"echo 'ref: refs/heads/main' > {self.path / 'HEAD'}")

    def write_head(self, target: str) -> None:
        """Point HEAD at a ref name (which need not exist yet) or at a commit id."""
        self._unflushed.add(self.path / "HEAD")
        with _writing():
            self._library.write_head(target)

    def break_locks(self) -> None:
        """Remove what a killed writer left locked. Only for who holds the repository's own lock."""
        locks = [self.path / f"{name}{LOCK_SUFFIX}" for name in ("HEAD", "packed-refs", "config")]
        for path in (*locks, *(self.path / "refs").rglob(f"*{LOCK_SUFFIX}")):
            path.unlink(missing_ok=True)

    def write_config(self, key: str, value: str) -> None:
        """Set a value in the repository's configuration file."""
        self._library.write_config(key, value.encode("utf-8", "backslashreplace").decode())

    def read_config(self, key: str) -> str | None:
        """Return a value of the configuration, or None."""
        return self._library.read_config(key)

    def remove_config(self, key: str) -> None:
        """Take a value, or all values of that name, out of the repository's configuration file."""
        with _writing():
            self._library.remove_config(key)

    @staticmethod
    def is_valid_ref(name: str) -> bool:
        """Say whether git accepts this as a full ref name."""
        from beatflow.objects.libgit import is_valid_ref

        return is_valid_ref(name)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn complaints about a disk into an error with a way out."""
    try:
        yield
    except OSError as error:
        hint = "free some space or check the permissions, then run it again"
        raise BeatFlowError(f"history cannot be written: {str(error).strip(' :')}", hint) from error
