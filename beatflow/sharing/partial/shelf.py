"""Where remotes keep previews: under keys of a place, or in another track, which can also make them."""

from pathlib import Path

from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.objects.ids import is_oid
from beatflow.places.place import Place
from beatflow.repository import Repository
from beatflow.sharing.partial.previews import (
    CARD,
    FOLDER,
    MAX_CARD_BYTES,
    MAX_SOUND_BYTES,
    SOUND,
    find_small_copy,
    make_preview,
)


class PlaceShelf:
    """Previews in a place: ``previews/<oid>.json`` and ``previews/<oid>.opus``; the card comes last."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def list_previews(self) -> set[str]:
        """Return the oids of the sounds that there are cards of."""
        names = (item.key.rpartition("/")[2] for item in self._place.list(f"{FOLDER}/"))
        oids = (name.removesuffix(CARD) for name in names if name.endswith(CARD))
        return {oid for oid in oids if is_oid(oid)}

    def fetch_preview(self, oid: str, folder: Path) -> None:
        """Write a preview into a folder; what is larger than a preview can be is left where it is."""
        for suffix, limit in ((CARD, MAX_CARD_BYTES), (SOUND, MAX_SOUND_BYTES)):
            key = f"{FOLDER}/{oid}{suffix}"
            found = self._place.find(key)
            if found is None or found.size > limit:
                raise NotFoundError(f"{self._place.address} has no preview of sound {oid[:12]}")
            self._place.fetch(key, folder / f"{oid}{suffix}")

    def store_preview(self, oid: str, folder: Path) -> None:
        """Take a preview from a folder."""
        for suffix in (SOUND, CARD):
            self._place.store(f"{FOLDER}/{oid}{suffix}", folder / f"{oid}{suffix}")


class TrackShelf:
    """Previews of another track on this machine, made from its sounds where it has none."""

    def __init__(self, track: Repository) -> None:
        self._track = track

    def list_previews(self) -> set[str]:
        """Return the oids of its sounds, and of those that it has previews of."""
        cards = (self._track.directory / FOLDER).glob(f"*{CARD}")
        return {*self._track.audio.oids(), *(card.stem for card in cards if is_oid(card.stem))}

    def fetch_preview(self, oid: str, folder: Path) -> None:
        """Write a preview into a folder."""
        copy = find_small_copy(self._track, oid)
        if copy:
            for suffix in (SOUND, CARD):
                data = copy.with_suffix(suffix).read_bytes()
                (folder / f"{oid}{suffix}").write_bytes(data)
            return
        try:
            make_preview(self._track, oid, folder)
        except (AudioError, DamagedError) as error:
            raise NotFoundError(f"no preview of sound {oid[:12]}: {error.message}") from error

    def store_preview(self, oid: str, folder: Path) -> None:
        """Pass over it: that track can make its own."""
