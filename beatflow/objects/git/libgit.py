"""What `GitStore` leaves to libgit2: packs and packed refs, git's syntax for revisions, merge bases, configuration.

The only importer of pygit2, and loaded only when it is needed: that takes as long as everything else that a command
loads.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pygit2
from pygit2.enums import AttrCheck, ObjectType, Option, SortMode

from beatflow.errors import DamagedError, NotFoundError
from beatflow.objects.git.memorybound import bounded_memory
from beatflow.objects.git.value import Commit, Signature

# Git refuses the repositories of other users since their configuration can name programs to run; libgit2 runs none.
pygit2.option(Option.SET_OWNER_VALIDATION, 0)

_NOT_HERE = (KeyError, ValueError, pygit2.GitError)
"""The ways in which libgit2 says that it has not got something."""
_KINDS = {
    b"commit": ObjectType.COMMIT,
    b"tree": ObjectType.TREE,
    b"blob": ObjectType.BLOB,
    b"tag": ObjectType.TAG,
}
_NAMES = {int(number): name for name, number in _KINDS.items()}


def create(path: Path, branch: str) -> None:
    """Make an empty bare repository whose HEAD names an unborn branch."""
    repo = pygit2.init_repository(str(path), bare=True, initial_head=branch)
    repo.config["core.logAllRefUpdates"] = True


def create_with_files(folder: Path, branch: str) -> Path:
    """Make an empty repository with files beside it, in ``.git``, and return that."""
    repo = pygit2.init_repository(str(folder), bare=False, initial_head=branch)
    return Path(repo.path)


def is_valid_ref(name: str) -> bool:
    """Say whether git accepts this as a full ref name."""
    return pygit2.reference_is_valid_name(name)


class LibGit:
    """A bare repository as libgit2 sees it.

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

    # Objects ---------------------------------------------------------------------------------------------

    def read_object(self, oid: str) -> tuple[bytes, bytes]:
        """Return the kind and the bytes of an object."""
        try:
            kind, data = self._repo.odb.read(oid)
        except _NOT_HERE as error:
            raise _missing("object", oid, error) from error
        return _NAMES[int(kind)], data

    def read_header(self, oid: str) -> tuple[bytes, int]:
        """Return kind and length in bytes of an object, without reading it."""
        try:
            kind, length = self._repo.odb.read_header(oid)
        except _NOT_HERE as error:
            raise DamagedError(f"object {oid[:12]} is missing or damaged", hint="bf check") from error
        return _NAMES[int(kind)], length

    def has_object(self, oid: str) -> bool:
        """Say whether an object is here."""
        return self._repo.odb.exists(oid)

    def iter_commits(self) -> Iterator[str]:
        """Yield the id of every commit that is stored and can be read, in no particular order, reached or not."""
        for oid in self._repo.odb:
            try:
                if self._repo.odb.read_header(oid)[0] == ObjectType.COMMIT:
                    yield str(oid)
            except _NOT_HERE:
                continue

    def iter_new_commits(self, tips: Iterable[str], known: Iterable[str]) -> Iterator[str]:
        """Yield the ids of the commits behind ``tips`` and not behind ``known``."""
        walker = self._repo.walk(None, SortMode.NONE)
        try:
            for oid in tips:
                walker.push(oid)
            for oid in known:
                walker.hide(oid)
            for commit in walker:
                yield str(commit.id)
        except _NOT_HERE as error:
            raise DamagedError(
                f"history ends in the middle, a commit is missing: {error}",
                hint="have it made whole there: git fetch --unshallow",
            ) from error

    def read_commit(self, oid: str) -> Commit:
        """Return a commit."""
        try:
            commit = self._repo[oid]
        except _NOT_HERE as error:
            raise _missing("commit", oid, error) from error
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

    def write_object(self, kind: bytes, raw: bytes) -> str:
        """Store an object and return its id."""
        with _writing():
            return str(self._repo.write(_KINDS[kind], raw))

    def write_pack(self, oids: Iterable[str], folder: Path) -> Path:
        """Write objects into a pack in a folder, with its index, and return it."""
        builder = pygit2.PackBuilder(self._repo)
        try:
            for oid in oids:
                builder.add(pygit2.Oid(hex=oid))
        except _NOT_HERE as error:
            raise DamagedError(f"an object of the history is missing: {error}", hint="bf check") from error
        # Made apart: how libgit2 names a pack is its own affair.
        with tempfile.TemporaryDirectory(prefix="tmp_pack_", dir=folder) as apart:
            with _writing(), bounded_memory("the history"):
                builder.write(apart)
            pack = next(Path(apart).glob("*.pack"))
            target = folder / pack.name
            pack.replace(target)
            # Last: a pack without an index is not looked at.
            pack.with_suffix(".idx").replace(target.with_suffix(".idx"))
        return target

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Signature, committer: Signature
    ) -> str:
        """Store a commit that no ref names yet."""
        with _writing():
            author_signature, committer_signature = (
                pygit2.Signature(who.name, who.email, who.time_s, who.offset_min)
                for who in (author, committer)
            )
            return str(
                self._repo.create_commit(
                    None, author_signature, committer_signature, message, tree, list(parents)
                )
            )

    # Revisions -------------------------------------------------------------------------------------------

    def merge_base(self, one: str, two: str) -> str | None:
        """Return the best common ancestor of two commits, or None for unrelated histories."""
        base = self._repo.merge_base(one, two)
        return None if base is None else str(base)

    def find_start(self, base: str) -> str | None:
        """Return the id of the object that a revision's first part names, or None."""
        try:
            return str(self._repo.lookup_reference_dwim(base or "HEAD").resolve().target)
        except _NOT_HERE:
            try:
                return str(self._repo.expand_id(base))
            except _NOT_HERE:
                return None

    def find_commit(self, oid: str) -> str | None:
        """Return the commit that an object is, or that a tag leads to, or None."""
        try:
            return str(self._repo[oid].peel(pygit2.Commit).id)
        except _NOT_HERE:
            return None

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision names in git's syntax, or None."""
        try:
            return str(self._repo.revparse_single(revision).peel(pygit2.Commit).id)
        except (*_NOT_HERE, UnicodeEncodeError):
            return None

    def find_attribute(self, commit: str, path: str, name: str) -> str | None:
        """Return what the ``.gitattributes`` of a commit say of a path, None for nothing; knows no quoted patterns."""
        flags = AttrCheck.INDEX_ONLY | AttrCheck.NO_SYSTEM | AttrCheck.INCLUDE_COMMIT
        try:
            found = self._repo.get_attr(path, name, flags=flags, commit=commit)
        except (*_NOT_HERE, UnicodeError):
            return None
        return found if isinstance(found, str) else None

    # Refs ------------------------------------------------------------------------------------------------

    def list_refs(self) -> list[str]:
        """Return the full names of all refs that are not damaged."""
        return list(self._repo.listall_references())

    def read_target(self, name: str) -> str | None:
        """Return what a ref or HEAD holds, an id or another ref's name; None where there is no such ref.

        Raises
        ------
        DamagedError
            The ref cannot be read.
        """
        try:
            return str(self._repo.lookup_reference(name).target)
        except (KeyError, ValueError):
            return None
        except pygit2.GitError as error:
            raise DamagedError(f"{name} cannot be read", hint="bf check") from error

    def has_ref(self, name: str) -> bool:
        """Say whether there is a ref of that name."""
        return name in self._repo.references

    def resolve_ref(self, name: str) -> str | None:
        """Return the id that a ref holds, symbolic ones followed, or None."""
        try:
            return str(self._repo.lookup_reference(name).resolve().target)
        except _NOT_HERE:
            return None

    def is_no_commit(self, oid: str) -> bool:
        """Say whether an object is here and leads to a tree or blob, which git lets a tag name."""
        try:
            found = self._repo[oid]
            while isinstance(found, pygit2.Tag):
                found = found.get_object()
        except _NOT_HERE:
            return False
        return not isinstance(found, pygit2.Commit)

    def write_ref(self, name: str, oid: str | None) -> None:
        """Point a ref at a commit, or delete it (None). Both may already be so."""
        with _writing():
            if oid is not None:
                self._repo.references.create(name, oid, force=True)
            elif name in self._repo.references:
                self._repo.references.delete(name)

    def write_head(self, target: str) -> None:
        """Point HEAD at a ref name (which need not exist yet) or at a commit id."""
        with _writing():
            self._repo.set_head(target if target.startswith("refs/") else pygit2.Oid(hex=target))

    def write_index(self, tree: str) -> None:
        """Have git believe that the files beside the repository are those of a tree."""
        with _writing():
            self._repo.index.read_tree(tree)
            self._repo.index.write()

    # Configuration ---------------------------------------------------------------------------------------

    def write_config(self, key: str, value: str) -> None:
        """Set a value in the repository's configuration file."""
        self._repo.config[key] = value

    def read_config(self, key: str) -> str | None:
        """Return a value of the configuration, or None."""
        return str(self._repo.config[key]) if key in self._repo.config else None

    def remove_config(self, key: str) -> None:
        """Take every value of that name out of the repository's own configuration file."""
        config = pygit2.Config(str(Path(self._repo.path, "config")))
        with _writing():
            if key in config:
                config.delete_multivar(key, ".*")


@contextmanager
def _writing() -> Iterator[None]:
    """Turn libgit2's complaints about a disk, which carry no error number, into an OSError."""
    try:
        yield
    except (pygit2.GitError, UnicodeDecodeError) as error:
        raise OSError(str(error).strip(" :")) from error


def _missing(what: str, oid: str, error: Exception) -> DamagedError:
    return DamagedError(f"{what} {oid[:12]} is missing or damaged: {error}", hint="bf check")
