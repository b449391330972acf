"""A git repository on this machine's disks: its refs, moved as git itself does, and its LFS folder.

Needs no git. Hooks of that repository are not run.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.durable import fsync_directory, fsync_file, make_directory, publish_file, temporary_name
from beatflow.objects.git.history import copy_history
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.sharing.githost.receiving import Losses
from beatflow.sharing.remote import Moved, MovedError, Progress, RefUpdate, RemoteError
from beatflow.sharing.sounds.intake import Intake, find_absent

_PATIENCE_S = 2.0
_RETRY_S = 0.02
BRANCHES = "refs/heads/"
_GROUP, _ALL = 0o070, 0o075
_SHARED = dict.fromkeys(("group", "true", "1", "0660"), _GROUP) | dict.fromkeys(
    ("all", "world", "everybody", "2", "0664"), _ALL
)


def find_git(path: Path) -> Path | None:
    """Return the git directory of a repository at a path: the path itself of a bare one; None where there is none."""
    for folder in (path / ".git", path):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
            return folder
    return None


class BareRepository:
    """A git directory that others may use at the same time.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sounds = folder / "lfs" / "objects"
        self._rotten: set[str] = set()

    # Sounds ----------------------------------------------------------------------------------------------

    def find(self, sound: Pointer) -> Path | None:
        """Return the file of a sound, if one of its name and size is there that was not found to be another."""
        if sound.oid in self._rotten:
            return None
        path = self._sounds / sound.oid[:2] / sound.oid[2:4] / sound.oid
        with suppress(OSError):
            if path.stat().st_size == sound.size:
                return path
        return None

    def proves(self, sound: Pointer) -> bool:
        """Read a sound's file and say whether it is there as it should be."""
        path = self.find(sound)
        if path is None:
            return False
        with suppress(OSError), path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sound.oid:
                return True
        self._rotten.add(sound.oid)
        return False

    def place(self, sound: Pointer, repository: Repository, progress: Progress | None) -> None:
        """Write a sound's file from the store, read it back, and give it its name."""
        target = self._sounds / sound.oid[:2] / sound.oid[2:4] / sound.oid
        apart = self.folder / "lfs" / "tmp"
        make_directory(apart)
        make_directory(target.parent)
        temporary = temporary_name(apart, "")
        try:
            repository.audio.write_files([(sound.oid, temporary)], progress)
            with temporary.open("r+b") as file:
                fsync_file(file.fileno())
                if hashlib.file_digest(file, "sha256").hexdigest() != sound.oid:
                    raise DamagedError(f"sound {sound.oid[:12]} is not kept by that disk as it was written")
            publish_file(temporary, target)
            self._rotten.discard(sound.oid)
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Make folders there that all may write to whom ``core.sharedRepository`` names, within the block."""
        word = (GitStore(self.folder).read_config("core.sharedrepository") or "").lower()
        before = os.umask(0)
        os.umask(before & ~_SHARED.get(word, 0))
        try:
            yield
        finally:
            os.umask(before)

    # History ---------------------------------------------------------------------------------------------

    def publish(self, git: GitStore, updates: Sequence[RefUpdate]) -> None:
        """Copy history into it, then move its refs, each only from where it is expected: all of them or none.

        Raises
        ------
        MovedError
            One is elsewhere; nothing was moved.
        RemoteError
            A branch is checked out there, or somebody else is at it.
        """
        there = GitStore(self.folder)
        self._refuse_checked_out(there, updates)
        with self.shared():
            self._copy_and_move(git, there, updates)

    def _copy_and_move(self, git: GitStore, there: GitStore, updates: Sequence[RefUpdate]) -> None:
        tips = [update.after for update in updates if update.after]
        with there.receiving():
            copy_history(git, there, tips)
        there.flush()
        with ExitStack() as stack:
            if any(update.after is None for update in updates):
                stack.enter_context(_locked(self.folder / "packed-refs"))
            files = [
                (update, stack.enter_context(_locked(self.folder / update.name)))
                for update in sorted(updates, key=lambda update: update.name)
            ]
            for update, _ in files:
                found = there.read_target(update.name)
                if found != update.before and there.read_ref(update.name) != update.before:
                    raise MovedError(f"{update.name} has moved: somebody else has pushed", "bf pull")
            _refuse_clashes(there, updates)
            for update, lock in sorted(files, key=lambda row: row[0].after is not None):
                self._move(update, lock)
        self._begin_head(there, updates)

    def _move(self, update: RefUpdate, lock: Path) -> None:
        path = self.folder / update.name
        if update.after is None:
            _drop_packed(self.folder / "packed-refs", update.name)
            path.unlink(missing_ok=True)
            return
        if path.is_dir():
            # What git leaves of a branch that had others below it.
            with suppress(OSError):
                path.rmdir()
        lock.write_text(update.after + "\n", encoding="ascii")
        publish_file(lock, path)

    def _refuse_checked_out(self, there: GitStore, updates: Sequence[RefUpdate]) -> None:
        if self.folder.name != ".git":
            return
        head = there.read_head()
        if any(update.name == head for update in updates):
            name = head.removeprefix(BRANCHES)
            raise RemoteError(
                f"{name} is checked out in {self.folder.parent}, whose files would not follow",
                f"push to a bare repository, or another branch: git -C {self.folder.parent} switch -c other",
            )

    def _begin_head(self, there: GitStore, updates: Sequence[RefUpdate]) -> None:
        """Have HEAD name a branch that is there, so that a clone has something to check out."""
        branches = [update.name for update in updates if update.after and update.name.startswith(BRANCHES)]
        head = there.read_head()
        if branches and head.startswith(BRANCHES) and there.read_target(head) is None:
            there.write_head(min(branches, key=lambda name: (name != f"{BRANCHES}main", name)))
            there.flush()


class DiskFetch:
    """A transfer from a repository's LFS folder that has been planned."""

    def __init__(self, bare: BareRepository, repository: Repository, sounds: Sequence[Pointer]) -> None:
        self._bare = bare
        self._repository = repository
        self._absent = find_absent(repository.audio, sounds)

    @property
    def sounds(self) -> int:
        """How many come."""
        return len(self._absent)

    @property
    def bytes(self) -> int:
        """How many bytes come."""
        return sum(sound.size for sound in self._absent)

    def run(self, progress: Progress | None = None) -> Moved:
        """Bring them.

        Raises
        ------
        DamagedError
            Some are not there, or not as they should be; all others are here.
        """
        losses = Losses()
        arrived = moved = 0
        with Intake(self._repository) as intake:
            for sound in self._absent:
                path = self._bare.find(sound)
                try:
                    if path is None:
                        raise DamagedError(
                            f"{self._bare.folder} does not have sound {sound.oid[:12]}",
                            "ask who made that version to push it again",
                        )
                    intake.add_file(sound, path, progress)
                except DamagedError as error:
                    losses.add(error)
                else:
                    arrived, moved = arrived + 1, moved + sound.size
        losses.tell(len(self._absent))
        return Moved(arrived, moved)


class DiskSend:
    """A transfer to a repository's LFS folder that has been planned."""

    def __init__(self, bare: BareRepository, repository: Repository, sounds: Sequence[Pointer]) -> None:
        self._bare = bare
        self._repository = repository
        self._missing = [sound for sound in {s.oid: s for s in sounds}.values() if bare.find(sound) is None]

    @property
    def sounds(self) -> int:
        """How many go."""
        return len(self._missing)

    @property
    def bytes(self) -> int:
        """How many bytes go."""
        return sum(sound.size for sound in self._missing)

    def run(self, progress: Progress | None = None) -> Moved:
        """Send them."""
        with self._bare.shared():
            for sound in self._missing:
                self._bare.place(sound, self._repository, progress)
        return Moved(self.sounds, self.bytes)


def _refuse_clashes(there: GitStore, updates: Sequence[RefUpdate]) -> None:
    """Refuse a ref below another: packed ones have no files that would stand in the way."""
    after = {update.name: update.after for update in updates}
    names = {name for name in [*there.list_refs(), *after] if after.get(name, name)}
    for name in names:
        folder = name.rpartition("/")[0]
        while folder:
            if folder in names:
                raise RemoteError(
                    f"{folder} is a branch, and cannot have others below it", "choose another name"
                )
            folder = folder.rpartition("/")[0]


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold git's own lock on a ref, a file beside it; give that file, which may be moved into its place."""
    lock = path.with_name(f"{path.name}.lock")
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            break
        except FileExistsError as error:
            if not lock.exists():
                raise RemoteError(f"{path.parent} is a branch, and cannot have others below it") from error
            if time.monotonic() > until:
                raise RemoteError(
                    f"somebody else is changing {path.name}, or was killed at it",
                    f"try again; else remove {lock}",
                ) from error
            time.sleep(_RETRY_S)
        except NotADirectoryError as error:
            raise RemoteError(f"{path.parent} is a branch, and cannot have others below it") from error
    try:
        yield lock
    finally:
        lock.unlink(missing_ok=True)


def _drop_packed(path: Path, name: str) -> None:
    """Take a ref out of the packed ones, whose lock the caller holds."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    kept: list[bytes] = []
    dropping = False
    for line in lines:
        # A line that begins with ^ says what the tag before it leads to.
        dropping = dropping if line.startswith(b"^") else line.rstrip().endswith(b" " + name.encode())
        if not dropping:
            kept.append(line)
    if kept == lines:
        return
    temporary = temporary_name(path.parent, ".packed-refs")
    temporary.write_bytes(b"".join(kept))
    publish_file(temporary, path)
    fsync_directory(path.parent)
