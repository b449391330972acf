"""A bare git repository: refs, HEAD, revisions, and the way back from them, over its `objects`.

Knows nothing of audio, the worktree or what a commit means to the user.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.git.files import COMMIT, LOCK_SUFFIX, UNKNOWN, is_git_oid, is_plain_name
from beatflow.objects.git.objects import GitObjects
from beatflow.objects.git.value import Commit, Signature


class GitStore(GitObjects):
    """A bare git repository. See `GitObjects` for what it raises when opened."""

    @classmethod
    def create(cls, path: Path, branch: str = "main") -> "GitStore":
        """Make an empty bare repository whose HEAD names an unborn branch."""
        from beatflow.objects.git import libgit

        libgit.create(path, branch)
        return cls(path)

    @classmethod
    def create_with_files(cls, folder: Path, branch: str) -> "GitStore":
        """Make an empty repository with files beside it, as git's own users have it."""
        from beatflow.objects.git import libgit

        return cls(libgit.create_with_files(folder, branch))

    def write_index(self, tree: str) -> None:
        """Have git believe that the files beside the repository are those of a tree."""
        self._library.write_index(tree)

    # History ---------------------------------------------------------------------------------------------

    def iter_history(self, starts: Iterable[str], hidden: Iterable[str] = ()) -> Iterator[Commit]:
        """Yield commits newest first, reading only as far as the caller does.

        A child comes before its parents unless a clock went backwards outside BeatFlow.

        Parameters
        ----------
        starts, hidden : iterable of str
            Commits to begin at; commits that are left out with all their ancestors.
        """
        import heapq

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
        from beatflow.objects.git.walk import Walk

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
            if start and self._files.has_object(start) and self._read(start)[0] == COMMIT:
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
        if self._last_commit is not None and self._last_commit.oid == oid:
            return True
        found = self._files.read_object(oid)
        return found is not UNKNOWN and found[0] == COMMIT

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
        with self._writing():
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
        with self._writing():
            self._library.write_head(target)

    def break_locks(self) -> None:
        """Remove what a killed writer left locked. Only for who holds the repository's own lock."""
        locks = [self.path / f"{name}{LOCK_SUFFIX}" for name in ("HEAD", "packed-refs", "config")]
        for path in (*locks, *self._files.iter_ref_locks()):
            path.unlink(missing_ok=True)

    def write_config(self, key: str, value: str) -> None:
        """Set a value in the repository's configuration file."""
        self._unflushed.add(self.path / "config")
        self._library.write_config(key, value.encode("utf-8", "backslashreplace").decode())

    def read_config(self, key: str) -> str | None:
        """Return a value of the configuration, or None."""
        return self._library.read_config(key)

    def remove_config(self, key: str) -> None:
        """Take a value, or all values of that name, out of the repository's configuration file."""
        self._unflushed.add(self.path / "config")
        with self._writing():
            self._library.remove_config(key)

    @staticmethod
    def is_valid_ref(name: str) -> bool:
        """Say whether git accepts this as a full ref name."""
        if is_plain_name(name):
            return True
        from beatflow.objects.git.libgit import is_valid_ref

        return is_valid_ref(name)
