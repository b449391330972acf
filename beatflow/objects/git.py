"""History in git's own format: blobs, trees, commits and refs in a bare repository, through libgit2.

The only importer of pygit2. Paths are ``str`` with ``/`` between parts; bytes that are not UTF-8 travel as
surrogates (``os.fsdecode``'s convention), so every name that a file system allows survives. Knows nothing of
audio, the worktree or what a commit means to the user.
"""

import heapq
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha1
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType, Option, SortMode

from beatflow.errors import BeatFlowError, ConflictError, DamagedError, NotFoundError
from beatflow.objects.durable import free_name, fsync_all
from beatflow.objects.gitvalue import TREE, Commit, Entry, Signature, Tree, decode_path, encode_path

# Git refuses the repositories of other users since their configuration can name programs to run; libgit2 runs none.
pygit2.option(Option.SET_OWNER_VALIDATION, 0)

LOCK_SUFFIX = ".lock"


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
        # Backups leave out empty folders, and after `git pack-refs` these are empty.
        for name in ("refs/heads", "objects/pack"):
            with suppress(OSError):
                (path / name).mkdir(parents=True, exist_ok=True)
        try:
            self._repo = pygit2.Repository(str(path))
        except (pygit2.GitError, ValueError) as error:
            if (path / "HEAD").is_file():
                raise DamagedError(
                    f"{path} cannot be opened: {error}", hint=f"mend {path / 'config'}"
                ) from error
            raise NotFoundError(f"{path} is not a git directory: {error}") from error
        self.path = path
        self._trees: dict[str, tuple[tuple[str, int, str], ...]] = {}
        self._unflushed: set[Path] = set()
        self._whole: set[str] = set()

    @classmethod
    def create(cls, path: Path, branch: str = "main") -> "GitStore":
        """Make an empty bare repository whose HEAD names an unborn branch."""
        repo = pygit2.init_repository(str(path), bare=True, initial_head=branch)
        repo.config["core.logAllRefUpdates"] = True
        return cls(path)

    # Objects ---------------------------------------------------------------------------------------------

    def write_blob(self, data: bytes) -> str:
        """Store bytes and return their id."""
        with _writing():
            return self._note_object(str(self._repo.create_blob(data)))

    def read_blob(self, oid: str) -> bytes:
        """Return the bytes of a blob.

        Raises
        ------
        DamagedError
            It is missing or does not match its id.
        """
        kind, data = self._read(oid)
        if kind != ObjectType.BLOB:
            raise DamagedError(f"object {oid[:12]} should be a blob", hint="bf check")
        return data

    def blob_size(self, oid: str) -> int:
        """Return the length of an object in bytes, without reading it.

        Raises
        ------
        DamagedError
            It is missing.
        """
        try:
            return self._repo.odb.read_header(oid)[1]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise DamagedError(f"object {oid[:12]} is missing or damaged", hint="bf check") from error

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
        with _writing():
            return self._note_object(str(self._repo.write(ObjectType.TREE, raw)))

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

    def write_commit(self, tree: str, parents: Sequence[str], message: str, author: Signature) -> str:
        """Store a commit that no ref names yet.

        Its time is never before its parents', so that history stays in order when a clock goes backwards.
        """
        time_s = max([author.time_s, *(self.read_commit(parent).time_s for parent in parents)])
        author_signature = pygit2.Signature(author.name, author.email, author.time_s, author.offset_min)
        committer = pygit2.Signature(author.name, author.email, time_s, author.offset_min)
        # A message from a command line may hold bytes that are not UTF-8; git's messages are text.
        text = message.strip().encode("utf-8", "replace").decode("utf-8") + "\n"
        with _writing():
            oid = self._repo.create_commit(None, author_signature, committer, text, tree, list(parents))
            return self._note_object(str(oid))

    def read_commit(self, oid: str) -> Commit:
        """Return a commit.

        Raises
        ------
        DamagedError
            It is missing, damaged or not a commit.
        """
        self._refuse_cut_short(oid)
        try:
            commit = self._repo[oid]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise DamagedError(
                f"commit {oid[:12]} is missing or damaged: {error}", hint="bf check"
            ) from error
        if not isinstance(commit, pygit2.Commit):
            raise DamagedError(f"object {oid[:12]} should be a commit", hint="bf check")
        author = commit.author
        return Commit(
            oid=str(commit.id),
            tree=str(commit.tree_id),
            parents=tuple(map(str, commit.parent_ids)),
            author=Signature(author.name, author.email, author.time, author.offset),
            message=commit.message,
            time_s=commit.commit_time,
        )

    def has(self, oid: str) -> bool:
        """Say whether an object is here."""
        return self._repo.odb.exists(oid)

    def check_object(self, oid: str) -> None:
        """Read an object and verify its id.

        Raises
        ------
        DamagedError
            It is missing or does not match.
        """
        kind, data = self._read(oid)
        if str(pygit2.hash(data) if kind == ObjectType.BLOB else _hash(kind, data)) != oid:
            raise DamagedError(f"object {oid[:12]} does not match its id")

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
            with _writing():
                self._note_object(str(self._repo.write(kind, data)))
            if not self._is_sound(oid):
                # A damaged copy in one of git's own packs stands before ours.
                continue
            copied.append(oid)
            if kind == ObjectType.COMMIT:
                commit = self.read_commit(oid)
                waiting += [commit.tree, *commit.parents]
            elif kind == ObjectType.TREE:
                waiting += [entry.oid for _, entry in self.iter_folder(oid)]
        return copied

    def flush(self) -> None:
        """Push everything written since the last flush through to the disk, objects and refs alike."""
        if self._unflushed:
            with _writing():
                fsync_all(self._unflushed, self.path)
            self._unflushed.clear()

    def _note_object(self, oid: str) -> str:
        self._unflushed.add(self.path / "objects" / oid[:2] / oid[2:])
        return oid

    def put_aside(self, oid: str, refuge: Path) -> None:
        """Move an object's own file, if it has one, to `refuge`, so that it can be written again."""
        path = self.path / "objects" / oid[:2] / oid[2:]
        if path.exists():
            refuge.mkdir(parents=True, exist_ok=True)
            path.replace(free_name(refuge, oid))
        self._trees.pop(oid, None)

    def iter_commits(self) -> Iterator[str]:
        """Yield the id of every commit that is stored and can be read, in no particular order, reached or not."""
        for oid in self._repo.odb:
            with suppress(KeyError, ValueError, pygit2.GitError):
                if self._repo.odb.read_header(oid)[0] == ObjectType.COMMIT:
                    yield str(oid)

    def _is_sound(self, oid: str) -> bool:
        try:
            self.check_object(oid)
        except DamagedError:
            return False
        return True

    def _read(self, oid: str) -> tuple[int, bytes]:
        self._refuse_cut_short(oid)
        try:
            return self._repo.odb.read(oid)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise DamagedError(
                f"object {oid[:12]} is missing or damaged: {error}", hint="bf check"
            ) from error

    def _refuse_cut_short(self, oid: str) -> None:
        """Raise DamagedError for an object whose file ends too early: libgit2 1.9 would read on for ever."""
        if oid in self._whole:
            return
        try:
            data = (self.path / "objects" / oid[:2] / oid[2:]).read_bytes()
        except (OSError, ValueError):
            return
        stream = zlib.decompressobj()
        with suppress(zlib.error):
            stream.decompress(data)
        if not stream.eof:
            raise DamagedError(f"object {oid[:12]} is cut short or damaged", hint="bf check")
        self._whole.add(oid)

    def _tree_rows(self, oid: str) -> tuple[tuple[str, int, str], ...]:
        cached = self._trees.get(oid)
        if cached is not None:
            return cached
        kind, raw = self._read(oid)
        if kind != ObjectType.TREE:
            raise DamagedError(f"object {oid[:12]} should be a tree", hint="bf check")
        rows = []
        at = 0
        while at < len(raw):
            space, zero = raw.index(b" ", at), raw.index(b"\0", at)
            rows.append(
                (decode_path(raw[space + 1 : zero]), int(raw[at:space], 8), raw[zero + 1 : zero + 21].hex())
            )
            at = zero + 21
        if len({name for name, _, _ in rows}) != len(rows):
            raise DamagedError(f"tree {oid[:12]} has two entries of one name", hint="bf check")
        self._trees[oid] = result = tuple(rows)
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

    def iter_topological(self, starts: Iterable[str], hidden: Iterable[str] = ()) -> Iterator[Commit]:
        """Yield commits, children before their parents whatever their clocks said; reads all of history first.

        That takes libgit2 50 ms for 10,000 commits.
        """
        try:
            walker = self._repo.walk(None, SortMode.TOPOLOGICAL | SortMode.TIME)
            for oid in starts:
                walker.push(oid)
            for oid in hidden:
                walker.hide(oid)
            for commit in walker:
                yield self.read_commit(str(commit.id))
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise DamagedError("history cannot be followed", hint="bf check") from error

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
        base = self._repo.merge_base(one, two)
        return None if base is None else str(base)

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision names in git's syntax (``HEAD~2``, ``v1``, a prefix), or None.

        Raises
        ------
        DamagedError
            A commit on the way to it is cut short.
        """
        self._refuse_damaged_way(revision)
        try:
            found = self._repo.revparse_single(revision)
            return str(found.peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError, UnicodeEncodeError):
            return None

    def _refuse_damaged_way(self, revision: str) -> None:
        """Look at the commits that libgit2 passes to resolve a revision, before it does."""
        base = re.split("[~^]", revision, maxsplit=1)[0]
        generations = sum(int(number or 1) for number in re.findall(r"[~^](\d{0,6})", revision))
        try:
            start = self._repo.lookup_reference_dwim(base or "HEAD").resolve().target
        except (KeyError, ValueError, pygit2.GitError):
            try:
                start = self._repo.expand_id(base)
            except (KeyError, ValueError, pygit2.GitError):
                return
        self._refuse_cut_short(str(start))
        with suppress(KeyError, ValueError, pygit2.GitError):
            here = {str(self._repo[start].peel(pygit2.Commit).id)}
            for _ in range(generations + 1):
                here = {parent for oid in here for parent in self.read_commit(oid).parents}

    # Refs ------------------------------------------------------------------------------------------------

    def read_refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Return ref name -> commit id for every ref below a prefix; annotated tags are followed."""
        result = {}
        for name in self._repo.listall_references():
            if name.startswith(prefix):
                target = self.read_ref(name)
                if target:
                    result[name] = target
        return result

    def list_refs(self) -> list[str]:
        """Return the full names of all refs, those that libgit2 passes over because they are damaged included."""
        loose = (
            path for path in (self.path / "refs").rglob("*") if path.is_file() and path.suffix != LOCK_SUFFIX
        )
        names = {path.relative_to(self.path).as_posix() for path in loose}
        return sorted(names | set(self._repo.listall_references()))

    def read_ref(self, name: str) -> str | None:
        """Return the commit that a ref names, or None when there is no such ref.

        Raises
        ------
        DamagedError
            The ref cannot be read, or names a commit that is not here.
        """
        try:
            ref = self._repo.lookup_reference(name)
        except (KeyError, ValueError):
            return None
        except pygit2.GitError as error:
            raise DamagedError(f"{name} cannot be read", hint="bf check") from error
        if isinstance(ref.target, str) and ref.target not in self._repo.references:
            return None  # a symbolic ref to a branch that is not born yet, or gone
        try:
            self._refuse_cut_short(str(ref.resolve().target))
            return str(ref.peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError) as error:
            if not isinstance(ref.target, str) and self._is_no_commit(str(ref.target)):
                return None
            raise DamagedError(
                f"{name} names a commit that is missing or damaged", hint="bf check"
            ) from error

    def read_target(self, name: str) -> str | None:
        """Return the id that a ref holds, whether or not anything of that id is here; None where it holds none."""
        try:
            target = self._repo.lookup_reference(name).target
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return str(target) if isinstance(target, pygit2.Oid) else None

    def read_reflog(self, name: str) -> list[str]:
        """Return the ids that a ref has held, newest first, as far as its log can be read."""
        try:
            lines = (self.path / "logs" / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        found = [line.split(" ")[1] for line in reversed(lines) if line.count(" ") > 1]
        return [oid for oid in found if len(oid) == 40 and oid.strip("0")]

    def _is_no_commit(self, oid: str) -> bool:
        """Say whether an object is here and leads to a tree or blob, which git lets a tag name."""
        try:
            found = self._repo[oid]
            while isinstance(found, pygit2.Tag):
                found = found.get_object()
        except (KeyError, ValueError, pygit2.GitError):
            return False
        return not isinstance(found, pygit2.Commit)

    def write_ref(self, name: str, oid: str | None) -> None:
        """Point a ref at a commit, or delete it (None). Both may already be so."""
        self._unflushed |= {self.path / name, self.path / "packed-refs"}
        with _writing():
            if oid is not None:
                self._repo.references.create(name, oid, force=True)
            elif name in self._repo.references:
                self._repo.references.delete(name)

    def read_head(self) -> str:
        """Return what HEAD holds: a ref name, or a commit id when detached.

        Raises
        ------
        DamagedError
            HEAD cannot be read.
        """
        try:
            target = str(self._repo.lookup_reference("HEAD").target)
            target.encode()  # a name that is no UTF-8 is nothing that BeatFlow or git wrote
            return target
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise DamagedError(
                "HEAD cannot be read", hint=f"echo 'ref: refs/heads/main' > {self.path / 'HEAD'}"
            ) from error

    def write_head(self, target: str) -> None:
        """Point HEAD at a ref name (which need not exist yet) or at a commit id."""
        self._unflushed.add(self.path / "HEAD")
        with _writing():
            self._repo.set_head(target if target.startswith("refs/") else pygit2.Oid(hex=target))

    def break_locks(self) -> None:
        """Remove what a killed writer left locked. Only for who holds the repository's own lock."""
        locks = [self.path / f"{name}{LOCK_SUFFIX}" for name in ("HEAD", "packed-refs", "config")]
        for path in (*locks, *(self.path / "refs").rglob(f"*{LOCK_SUFFIX}")):
            path.unlink(missing_ok=True)

    def write_config(self, key: str, value: str) -> None:
        """Set a value in the repository's configuration file."""
        self._repo.config[key] = value.encode("utf-8", "backslashreplace").decode()

    def read_config(self, key: str) -> str | None:
        """Return a value of the configuration, or None."""
        return str(self._repo.config[key]) if key in self._repo.config else None

    @staticmethod
    def is_valid_ref(name: str) -> bool:
        """Say whether git accepts this as a full ref name."""
        return pygit2.reference_is_valid_name(name)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn libgit2's complaints about a disk, which carry no error number, into an error with a way out."""
    try:
        yield
    except (OSError, pygit2.GitError, UnicodeDecodeError) as error:
        hint = "free some space or check the permissions, then run it again"
        raise BeatFlowError(f"history cannot be written: {str(error).strip(' :')}", hint) from error


def _hash(kind: int, data: bytes) -> str:
    name = {ObjectType.COMMIT: b"commit", ObjectType.TREE: b"tree", ObjectType.TAG: b"tag"}[ObjectType(kind)]
    return sha1(name + b" %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
