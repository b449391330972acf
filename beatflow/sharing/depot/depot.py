"""A depot as a remote: joins its refs, history, sounds, locks and previews (docs/format.md)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import NotFoundError
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.places.place import ChangedError, Place
from beatflow.repository import Repository
from beatflow.sharing.access import Access
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
    access : Access
    cache : Path or None
        Folder for what is worth remembering of it, ``.beatflow/state/remotes/<name>``; it need not be there.
    """

    def __init__(self, place: Place, access: Access, cache: Path | None) -> None:
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
        tips = [document.refs[name] for name in refs if name in document.refs]
        if tips:
            self._history.fetch(git, tips, document.history, progress)

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
        self._expect_depot()
        return _Sending(self, self._sounds.plan_send(repository, sounds))

    def publish(
        self, repository: Repository, updates: Sequence[RefUpdate], progress: Progress | None = None
    ) -> None:
        """Give it the history behind ``updates``, then move its refs: all of them or none."""
        self.prepare()
        document = read_document(self._place) or RefsDocument()
        head = repository.git.read_head()
        for _ in range(_ATTEMPTS):
            apply_updates(document, updates, document.history, head)  # refused before anything travels
            tips = sorted({update.after for update in updates if update.after})
            there = sorted(set(document.refs.values()))
            packs = self._history.send(repository.git, tips, there, document.history, progress)
            moved = apply_updates(document, updates, packs, head)
            data = encode_document(moved)
            if document.tag is not None and data == encode_document(document):
                return
            try:
                self._place.swap(REFS, data, document.tag)
            except ChangedError:
                # Somebody else has pushed; where that was something else, both can stand.
                document = read_document(self._place) or RefsDocument()
                continue
            if all(repository.git.has(oid) for oid in there):
                self._history.remember(packs)
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
        self._expect_depot()
        make_depot(self._place)
        self._note()

    def _read(self) -> RefsDocument:
        document = read_document(self._place)
        if document is None:
            try:
                require_depot(self._place)
            except NotFoundError:
                self._expect_depot()
                raise
            document = RefsDocument()
        self._note()
        return document

    def _expect_depot(self) -> None:
        """Refuse to begin anew where a depot has been: its disk is most likely not plugged in."""
        if self._cache is not None and (self._cache / _BEEN_HERE).is_file() and not is_depot(self._place):
            raise NotFoundError(
                f"the depot at {self.address} is gone",
                "plug its disk in; or bf remote rm it and add it again, and the next push makes a new one",
            )

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
