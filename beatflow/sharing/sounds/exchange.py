"""Sounds between a repository and packs elsewhere: joins `objects.exchange` with the lock and the scratch folder.

Knows no place. Planning reads directories and manifests only; the repository is locked for publishing alone.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there."""
        from beatflow.objects.exchange.wholeness import find_damaged

        return find_damaged(self._read_catalogue(), sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what a repository lacks of these sounds into its store."""
        return Fetch(repository, repository.audio.plan_receiving(self._read_catalogue(), sounds))

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

    def __init__(self, repository: Repository, plan: "Receiving") -> None:
        self._repository = repository
        self._plan = plan
        self.sounds = plan.sounds
        self.bytes = plan.bytes

    def run(self, progress: Progress | None = None) -> Moved:
        """Bring them; see `Receiving.run`."""
        if not self.sounds:
            return Moved()
        with _open_scratch(self._repository) as scratch:
            hold = partial(self._repository.locked, "bf fetch")
            return Moved(self.sounds, self._plan.run(scratch.folder, hold, progress))


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
