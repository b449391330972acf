"""A depot as a remote: joins its refs, history, sounds, locks and previews (docs/format.md)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import DamagedError, NotFoundError
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.places.place import ChangedError, Place, PlaceError
from beatflow.repository import Repository
from beatflow.sharing.depot.history import DepotHistory
from beatflow.sharing.depot.layout import REFS, is_depot, make_depot, require_depot
from beatflow.sharing.depot.locks import DepotLocks
from beatflow.sharing.depot.refs import RefsDocument, apply_updates, encode_document, read_document
from beatflow.sharing.depot.sounds import DepotSounds
from beatflow.sharing.remote import LockKeeper, Moved, Progress, RefUpdate, RemoteRefs, Transfer

if TYPE_CHECKING:
    from beatflow.sharing.partial.shelf import PlaceShelf

_ATTEMPTS = 50
_BEEN_HERE = "depot"


class DepotRemote:
    """A track's depot in a place (`beatflow.sharing.remote.Remote`).

    Parameters
    ----------
    place : Place
    cache : Path or None
        Folder for what is worth remembering of it, ``.beatflow/state/remotes/<name>``; it need not be there.
    """

    def __init__(self, place: Place, cache: Path | None) -> None:
        self._place = place
        self._cache = cache
        self._history = DepotHistory(place, cache)
        self._sounds = DepotSounds(place, cache)

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self._place.address

    @property
    def kind(self) -> str:
        """``depot``."""
        return "depot"

    def read_refs(self) -> RemoteRefs:
        """Return what is there now."""
        document = self._read()
        return RemoteRefs(dict(document.refs), document.head)

    def fetch_history(self, git: GitStore, refs: Collection[str], progress: Progress | None = None) -> None:
        """Bring the commits that these refs name, and all behind them, into ``git``; no ref of ours moves."""
        document = self._read()
        while True:
            tips = [document.refs[name] for name in refs if name in document.refs]
            if not tips:
                return
            try:
                self._history.fetch(git, tips, document.history, progress)
            except (DamagedError, PlaceError):
                # Somebody may have put the packs together meanwhile, and removed those.
                before, document = document, self._read()
                if before.history == document.history:
                    raise
            else:
                return

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that the depot does not have."""
        if not is_depot(self._place):
            return {pointer.oid for pointer in sounds}
        return self._sounds.find_missing(sounds)

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there."""
        if not is_depot(self._place):
            return {pointer.oid for pointer in sounds}
        return self._sounds.find_damaged(sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring sounds that ``repository`` lacks into its store."""
        return self._sounds.plan_fetch(repository, sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to give the depot what it lacks of these sounds; an empty place becomes one when that runs."""
        self._is_there()  # or something else is, which is refused before anything is planned
        return _Sending(self, self._sounds.plan_send(repository, sounds))

    def publish(
        self, repository: Repository, updates: Sequence[RefUpdate], progress: Progress | None = None
    ) -> None:
        """Give it the history behind ``updates``, then move its refs: all of them or none."""
        self._publish(repository, updates, progress)

    def mend_history(
        self, repository: Repository, progress: Progress | None = None, dry_run: bool = False
    ) -> int:
        """Read its history packs through, and write them anew where some are lost or damaged; return how many are.

        Raises
        ------
        DamagedError
            Some are, and not all that its refs name is here.
        """
        document = self._read()
        damaged = self._history.find_damaged(repository.git, document.history, progress)
        if damaged and not all(repository.git.has(oid) for oid in document.refs.values()):
            raise DamagedError(
                f"the history at {self.address} is damaged, and not all of it is here",
                "bf push --verify from a track that has all its branches and tags",
            )
        if damaged and not dry_run:
            self._publish(repository, (), progress, damaged)
        return len(damaged)

    def _publish(
        self,
        repository: Repository,
        updates: Sequence[RefUpdate],
        progress: Progress | None,
        damaged: Collection[str] = (),
    ) -> None:
        self.prepare()
        git = repository.git
        document = read_document(self._place) or RefsDocument()
        head = git.read_head()
        replaced: set[str] = set()
        for _ in range(_ATTEMPTS):
            apply_updates(document, updates, document.history, head)  # refused before anything travels
            tips = sorted({update.after for update in updates if update.after})
            there = sorted(set(document.refs.values()))
            packs = self._history.send(git, tips, there, document.history, progress, damaged)
            replaced |= {*document.history, *packs}
            data = encode_document(apply_updates(document, updates, packs, head))
            if document.tag is not None and data == encode_document(document):
                return
            try:
                self._place.swap(REFS, data, document.tag)
            except ChangedError:
                # Somebody else has pushed; where that was something else, both can stand.
                document = read_document(self._place) or RefsDocument()
                continue
            if all(git.has(oid) for oid in there):
                self._history.remember(packs)
            self._history.drop(replaced - set(packs))
            return
        raise ChangedError(f"{self.address} is being pushed to too often", "try again")

    def locks(self) -> LockKeeper:
        """Return who keeps its locks."""
        return DepotLocks(self._place)

    def previews(self) -> "PlaceShelf":
        """Return where previews lie."""
        from beatflow.sharing.partial.shelf import PlaceShelf

        return PlaceShelf(self._place)

    def prepare(self) -> None:
        """Make an empty place a depot; refuse one that holds other things."""
        if not self._is_there():
            make_depot(self._place)
        self._note()

    def _read(self) -> RefsDocument:
        if not self._is_there():
            require_depot(self._place)
        self._note()
        return read_document(self._place) or RefsDocument()

    def _is_there(self) -> bool:
        """Say whether it is a depot; where one has been and is not, its disk is most likely not plugged in."""
        there = is_depot(self._place)
        if not there and self._cache is not None and (self._cache / _BEEN_HERE).is_file():
            raise NotFoundError(
                f"the depot at {self.address} is gone",
                "plug its disk in; or bf remote rm it and add it again, and the next push makes a new one",
            )
        return there

    def _note(self) -> None:
        if self._cache is not None and not (self._cache / _BEEN_HERE).is_file():
            self._cache.mkdir(parents=True, exist_ok=True)
            (self._cache / _BEEN_HERE).touch()


@dataclass(frozen=True, slots=True)
class _Sending:
    """Sounds on their way to a place that must be a depot before they come."""

    remote: DepotRemote
    transfer: Transfer

    @property
    def sounds(self) -> int:
        """How many sounds travel."""
        return self.transfer.sounds

    @property
    def bytes(self) -> int:
        """About how many bytes travel."""
        return self.transfer.bytes

    def run(self, progress: Progress | None = None) -> Moved:
        """Send them."""
        self.remote.prepare()
        return self.transfer.run(progress)
