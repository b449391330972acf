"""Sounds between a repository and packs elsewhere: joins `objects.exchange` with the lock and the scratch folder.

Knows no place. Planning reads directories and manifests only; the repository is locked for publishing alone.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import DamagedError, NotFoundError
from beatflow.objects.exchange.shelf import Shelf
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.sharing.remote import Moved, Progress, Transfer

if TYPE_CHECKING:
    from beatflow.objects.exchange.catalogue import Catalogue
    from beatflow.objects.exchange.receiving import Receiving
    from beatflow.objects.exchange.sending import Put, Sending


class Exchange:
    """What can be done with the packs on a shelf.

    Parameters
    ----------
    shelf : Shelf
    cache : Path or None
        Folder for copies of the packs' directories.
    """

    def __init__(self, shelf: Shelf, cache: Path | None = None) -> None:
        self._shelf = shelf
        self._cache = cache
        self._known: Catalogue | None = None

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of the sounds that are not there with all that they need."""
        from beatflow.objects.exchange.wholeness import Wholeness

        return Wholeness(self._read_catalogue()).find_missing(sounds)

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there.

        What is planned to be sent from now on goes in place of what is damaged.
        """
        from beatflow.objects.exchange.catalogue import Catalogue
        from beatflow.objects.exchange.tail import TailCache
        from beatflow.objects.exchange.wholeness import find_damaged

        # Copies of what was read before would hide what has rotted since.
        self._known = Catalogue(self._shelf, TailCache(None))
        return find_damaged(self._read_catalogue(), sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what a repository lacks of these sounds into its store."""
        return Fetch(repository, self._read_catalogue(), sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer], put: "Put") -> Transfer:
        """Plan to hand over packs of what the shelf lacks of a repository's sounds."""
        return Send(repository, repository.audio.plan_sending(self._read_catalogue(), sounds), put)

    def _read_catalogue(self) -> "Catalogue":
        from beatflow.objects.exchange.catalogue import Catalogue
        from beatflow.objects.exchange.tail import TailCache

        if self._known is None:
            self._known = Catalogue(self._shelf, TailCache(self._cache))
        self._known.refresh()
        return self._known


class Fetch:
    """A planned way of sounds into a repository."""

    def __init__(self, repository: Repository, catalogue: "Catalogue", sounds: Sequence[Pointer]) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._wanted = sounds
        self._plan = repository.audio.plan_receiving(catalogue, sounds)
        self.sounds = self._plan.sounds
        self.bytes = self._plan.bytes

    def run(self, progress: Progress | None = None) -> Moved:
        """Bring them; see `Receiving.run`. Where a record proves damaged, another copy of it may need other sources."""
        if not self.sounds:
            return Moved()
        with _open_scratch(self._repository) as scratch:
            hold = partial(self._repository.locked, "bf fetch")
            while True:
                rotten = len(self._catalogue.rotten)
                try:
                    return Moved(self.sounds, self._plan.run(scratch.folder, hold, progress))
                except DamagedError as error:
                    if len(self._catalogue.rotten) == rotten:
                        raise
                    self._plan = self._plan_again(error)

    def _plan_again(self, error: DamagedError) -> "Receiving":
        try:
            return self._repository.audio.plan_receiving(self._catalogue, self._wanted)
        except NotFoundError:
            # There is no other copy.
            raise error from None


class Send:
    """A planned way of sounds out of a repository."""

    def __init__(self, repository: Repository, plan: "Sending", put: "Put") -> None:
        self._repository = repository
        self._plan = plan
        self._put = put
        self.sounds = plan.sounds
        self.bytes = plan.bytes

    def run(self, progress: Progress | None = None) -> Moved:
        """Hand them over; see `Sending.run`."""
        if not self.sounds:
            return Moved()
        with _open_scratch(self._repository) as scratch:
            return Moved(self.sounds, self._plan.run(scratch.folder, self._put, progress))


def _open_scratch(repository: Repository) -> Scratch:
    repository.scratch.mkdir(exist_ok=True)
    return Scratch(repository.scratch)
