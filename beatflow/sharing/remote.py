"""What a remote is to the commands that share: refs, history and sounds, whatever it lies on.

Three kinds, each a package or module beside this one: a *depot* (our own layout on a disk or in a bucket), another
*track* on this machine, and a *git* host with LFS. The order of every push is sounds, then history, then refs; of every
fetch history, then sounds, then refs, so that whoever dies on the way leaves both sides valid.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from beatflow.errors import BeatFlowError, ConflictError
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository

Progress = Callable[[int], None]
"""Called with the bytes moved since the last call; raising in it interrupts the work."""


class RemoteError(BeatFlowError):
    """A remote that cannot be reached or is not what it should be."""


class MovedError(ConflictError):
    """A ref at the remote is not where it was expected: somebody else has pushed."""


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """What a remote has: full ref name (branches, tags) to commit, and the full name of its default branch."""

    refs: Mapping[str, str]
    head: str | None = None


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """A ref that shall move: from ``before`` (None: it must not be there) to ``after`` (None: delete it)."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer moved: sounds, and bytes over the wire as far as they are known."""

    sounds: int = 0
    bytes: int = 0


class Transfer(Protocol):
    """A transfer that has been planned: what it would move is known, nothing has moved yet."""

    @property
    def sounds(self) -> int:
        """How many sounds travel, whole or in part."""
        ...

    @property
    def bytes(self) -> int:
        """About how many bytes travel."""
        ...

    def run(self, progress: Progress | None = None) -> Moved:
        """Move them. What has arrived when this is interrupted need not travel again."""
        ...


@runtime_checkable
class Mending(Protocol):
    """A remote whose kept history can be read through and written anew where it is damaged."""

    def mend_history(
        self, repository: Repository, progress: Progress | None = None, dry_run: bool = False
    ) -> int:
        """Write anew what is damaged there of history that ``repository`` has; return how many files were."""
        ...


class Remote(Protocol):
    """Somewhere a track is shared. Raises `RemoteError` (or a place's error) with a way out when it fails."""

    @property
    def address(self) -> str:
        """Where it is, for people: never with a secret in it."""
        ...

    @property
    def kind(self) -> str:
        """``depot``, ``track`` or ``git``."""
        ...

    def read_refs(self) -> RemoteRefs:
        """Return what is there now.

        Raises
        ------
        NotFoundError
            There is nothing of ours (yet): an empty folder or prefix, which a push may make a depot of.
        """
        ...

    def fetch_history(self, git: GitStore, refs: Collection[str], progress: Progress | None = None) -> None:
        """Bring the commits that these refs name, and all behind them, into ``git``; no ref of ours moves."""
        ...

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that the remote does not have, verifiably."""
        ...

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of sounds; return the oids of those that are missing or damaged there."""
        ...

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring sounds that ``repository`` lacks into its store. Takes the repository's lock only to publish.

        Its ``run`` raises `DamagedError` for what does not prove to be what was asked for; nothing of it is kept.
        """
        ...

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to give the remote what it lacks of these sounds."""
        ...

    def publish(
        self, repository: Repository, updates: Sequence[RefUpdate], progress: Progress | None = None
    ) -> None:
        """Give it the history behind ``updates``, then move its refs: all of them or none.

        Raises
        ------
        MovedError
            A ref is not at its ``before``. Nothing was changed.
        """
        ...

    def locks(self) -> "LockKeeper | None":
        """Return who keeps its locks; None where there can be none."""
        ...

    def previews(self) -> "PreviewShelf | None":
        """Return where its previews are kept; None where there can be none."""
        ...


@dataclass(frozen=True, slots=True)
class PathLock:
    """Somebody's word that a file is theirs to change for now.

    Parameters
    ----------
    path : str
    owner : str
        A name, as its holder gave it.
    locked_at_s : float
        Unix time.
    expires_at_s : float or None
        Unix time; None for a lock that does not expire (git hosts' never do).
    id : str
        The keeper's own name for it.
    mine : bool or None
        Whether it is the asker's, where the keeper knows; None where the owner's name decides.
    """

    path: str
    owner: str
    locked_at_s: float
    expires_at_s: float | None
    id: str
    mine: bool | None = None


@dataclass(frozen=True, slots=True)
class BrokenLock:
    """A lock that somebody else than its holder took away.

    Parameters
    ----------
    lock : PathLock
    broken_by : str
    broken_at_s : float
        Unix time.
    """

    lock: PathLock
    broken_by: str
    broken_at_s: float


class LockKeeper(Protocol):
    """Keeps a remote's locks. ``now_s`` is Unix time, as the caller's clock has it."""

    def list_locks(self, now_s: float) -> list[PathLock]:
        """Return those that have not expired, by path."""
        ...

    def list_broken(self) -> list[BrokenLock]:
        """Return the traces of locks that were broken, the oldest first; none where none are kept."""
        ...

    def lock(self, path: str, owner: str, now_s: float, expires_at_s: float | None = None) -> PathLock:
        """Lock a path; one's own lock is renewed.

        Raises
        ------
        ConflictError
            Somebody else has it: says who, since when and until when.
        """
        ...

    def unlock(self, path: str, owner: str, now_s: float, force: bool = False) -> PathLock | None:
        """Give a lock up; with ``force`` somebody else's as well, which leaves a trace. None where there was none."""
        ...


class PreviewShelf(Protocol):
    """Keeps previews of sounds: a card (JSON) each, and a small lossy copy to listen to."""

    def list_previews(self) -> set[str]:
        """Return the oids of the sounds that there are previews of."""
        ...

    def fetch_preview(self, oid: str, folder: Path) -> None:
        """Write ``<oid>.json`` and ``<oid>.opus`` into a folder, unverified.

        Raises
        ------
        NotFoundError
            There is none.
        """
        ...

    def store_preview(self, oid: str, folder: Path) -> None:
        """Take a preview from a folder, in place of one that is there."""
        ...
