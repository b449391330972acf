"""Another track on this machine as a remote.

What is pushed there is one operation of its own, so `bf undo` over there takes it back. Its worktree moves along when
the branch that it is on does; what somebody has not committed there is never overwritten.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

from beatflow.errors import ConflictError, NotFoundError
from beatflow.history import stage_switch
from beatflow.objects.git.history import copy_history
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.places.disk import DiskPlace
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository, Signer
from beatflow.sharing.depot.locks import DepotLocks
from beatflow.sharing.parent import PARENT_REF
from beatflow.sharing.partial.shelf import TrackShelf
from beatflow.sharing.remote import (
    LockKeeper,
    MovedError,
    PreviewShelf,
    Progress,
    RefUpdate,
    RemoteError,
    RemoteRefs,
    Transfer,
)
from beatflow.sharing.sounds.intake import find_absent
from beatflow.sharing.sounds.listing import list_sounds
from beatflow.sharing.track.sounds import TrackSounds
from beatflow.transaction import Transaction
from beatflow.worktree import REPOSITORY


def find_track(path: Path) -> Path | None:
    """Return the track's folder where a path is one, or the ``.beatflow`` of one; else None."""
    if (path / REPOSITORY / "HEAD").is_file():
        return path
    if path.name == REPOSITORY and (path / "HEAD").is_file():
        return path.parent
    return None


class TrackRemote:
    """A track in another folder.

    Parameters
    ----------
    root : Path
        Its folder.
    signer : callable
        Who pushes.
    """

    kind = "track"

    def __init__(self, root: Path, signer: Signer) -> None:
        self._other = Repository(root, signer)

    @property
    def address(self) -> str:
        """Its folder."""
        return str(self._other.root)

    @cached_property
    def _sounds(self) -> TrackSounds:
        return TrackSounds(self._other)

    def read_refs(self) -> RemoteRefs:
        """Return its branches and tags, and what its HEAD names."""
        git = self._other.git
        refs = {
            name: oid
            for name, oid in git.read_refs().items()
            if name.startswith((BRANCHES, TAGS)) or name == PARENT_REF
        }
        head = git.read_head()
        return RemoteRefs(refs, head if head in refs else None)

    def fetch_history(self, git: GitStore, refs: Collection[str], progress: Progress | None = None) -> None:
        """Copy the commits that these refs name, and all behind them."""
        tips = []
        for name in refs:
            oid = self._other.git.read_ref(name)
            if oid is None:
                raise NotFoundError(f"{self.address} has no {name} any more", hint="try again")
            tips.append(oid)
        copy_history(self._other.git, git, tips)

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that it does not have."""
        return self._sounds.find_missing(sounds)

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there."""
        return self._sounds.find_damaged(sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to take sounds from it."""
        return self._sounds.plan_fetch(repository, sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to give it what it lacks of these sounds."""
        return self._sounds.plan_send(repository, sounds)

    def publish(
        self, repository: Repository, updates: Sequence[RefUpdate], progress: Progress | None = None
    ) -> None:
        """Give it the history, then move its refs and, where its branch is among them, its files: one operation there.

        Raises
        ------
        ConflictError
            Uncommitted work is in the way there, or its current branch was to be deleted.
        MovedError
            A ref is not where it was.
        """
        other = self._other
        tips = [update.after for update in updates if update.after]
        names = ", ".join(update.name.split("/", 2)[-1] for update in updates[:3])
        if len(updates) > 3:
            names += " …"
        with Transaction(other, "push", f"{names} from {repository.root.name}") as transaction:
            for update in updates:
                if other.git.read_ref(update.name) != update.before:
                    raise MovedError(f"{update.name} at {self.address} has moved meanwhile", hint="bf pull")
            copy_history(repository.git, other.git, tips)
            self._check_whole(tips)
            for update in updates:
                transaction.set_ref(update.name, update.after)
                if update.name == other.git.read_head():
                    self._stage_worktree(transaction, update)
            try:
                transaction.publish()
            except ConflictError as error:
                raise self._name(error) from error

    def _stage_worktree(self, transaction: Transaction, update: RefUpdate) -> None:
        if update.after is None:
            raise ConflictError(
                f"{self._other.branch} is the branch that {self.address} is on",
                hint=f"bf -C {self.address} switch to another one first",
            )
        try:
            stage_switch(transaction, update.after)
        except ConflictError as error:
            raise self._name(error) from error

    def _name(self, error: ConflictError) -> ConflictError:
        return ConflictError(
            f"in {self.address}: {error.message}", hint=f'bf -C {self.address} commit -m "…", then push again'
        )

    def _check_whole(self, tips: Sequence[str]) -> None:
        """Have every sound that the new commits name there, now that nobody can collect it any more."""
        git = self._other.git
        known = [oid for name, oid in git.read_refs().items() if name.startswith((BRANCHES, TAGS, REMOTES))]
        if find_absent(self._other.audio, list_sounds(git, tips, known)):
            raise RemoteError(f"sounds that were sent to {self.address} are gone again", hint="bf push")

    def locks(self) -> LockKeeper | None:
        """Return who keeps its locks: small documents among what is its own."""
        return DepotLocks(DiskPlace(self._other.state / "shared"), lambda _: None)

    def previews(self) -> PreviewShelf | None:
        """Return what makes previews of its sounds when they are asked for."""
        return TrackShelf(self._other)
