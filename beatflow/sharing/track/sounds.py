"""The sounds of another track on this machine. Its store is read without a lock, and locked only to publish in it."""

from collections.abc import Sequence

from beatflow.objects.exchange.shelf import FolderShelf
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.sharing.remote import Progress, Transfer
from beatflow.sharing.sounds.exchange import Exchange


class TrackSounds:
    """The sounds of another track.

    Parameters
    ----------
    other : Repository
    """

    def __init__(self, other: Repository) -> None:
        self._other = other

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that it does not have with all that they need."""
        return _exchange_with(self._other).find_missing(sounds)

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there."""
        return _exchange_with(self._other).find_damaged(sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what ``repository`` lacks of these sounds into its store."""
        return _exchange_with(self._other).plan_fetch(repository, sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what the other track lacks of these sounds there."""
        return _exchange_with(repository).plan_fetch(self._other, sounds)


def _exchange_with(repository: Repository) -> Exchange:
    return Exchange(FolderShelf(repository.audio.path / "packs", str(repository.root)))
