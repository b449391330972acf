"""The sounds of a depot: packs below ``audio/`` in a place.

Knows where they lie and what they are called; what is in them, and what of it has to move, is `objects.exchange`'s.
"""

from collections.abc import Sequence
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.exchange.shelf import Listed
from beatflow.objects.ids import is_oid
from beatflow.objects.pack import PACK_SUFFIX
from beatflow.objects.pointer import Pointer
from beatflow.places.place import Place, Progress
from beatflow.repository import Repository
from beatflow.sharing.depot.layout import AUDIO
from beatflow.sharing.remote import Transfer
from beatflow.sharing.sounds.exchange import Exchange

# What a line brings in the time that a request takes.
_GAP_BYTES = 64 * 1024


class DepotSounds:
    """The sounds of one depot.

    Parameters
    ----------
    place : Place
        Where its layout lies.
    cache : Path or None
        Folder for copies of the packs' directories; None to read them anew each time.
    """

    def __init__(self, place: Place, cache: Path | None = None) -> None:
        self._place = place
        self._exchange = Exchange(_PlaceShelf(place), cache)

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that are not there with all that they need."""
        return self._exchange.find_missing(sounds)

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of these sounds; return the oids of those that are missing or damaged there."""
        return self._exchange.find_damaged(sounds, progress)

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what ``repository`` lacks of these sounds into its store."""
        return self._exchange.plan_fetch(repository, sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring what the depot lacks of these sounds there."""
        return self._exchange.plan_send(repository, sounds, self._put)

    def _put(self, name: str, path: Path, progress: Progress) -> None:
        self._place.store(_key(name), path, progress)


class _PlaceShelf:
    """A place's packs of sound, to be read in parts."""

    gap = _GAP_BYTES
    remedy = "from a track that has it: bf push --verify"

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def address(self) -> str:
        return self._place.address

    def list_packs(self) -> list[Listed]:
        found = []
        for item in self._place.list(AUDIO):
            name = item.key.removeprefix(AUDIO).removesuffix(PACK_SUFFIX)
            if is_oid(name) and item.key == _key(name):
                found.append(Listed(name, item.size))
        return found

    def read_range(self, name: str, start: int, length: int) -> bytes:
        data = self._place.read_range(_key(name), start, length)
        if len(data) != length:
            raise DamagedError(f"{self.address} gave {len(data)} bytes in place of {length}")
        return data


def _key(name: str) -> str:
    return f"{AUDIO}{name}{PACK_SUFFIX}"
