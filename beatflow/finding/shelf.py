"""The index: a card for each sound, by its id, made when it is first needed and kept beside the repository.

A cache that may be deleted at any time: what cannot be read is made again, what cannot be written is made every time.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from beatflow.finding.card import Card, make_card
from beatflow.finding.threads import iter_blocks
from beatflow.objects.durable import write_cache
from beatflow.sound.files import AudioReader
from beatflow.sound.formats import Source

FOLDER = "index"

Open = Callable[[], AbstractContextManager[Source]]


class Shelf:
    """Cards by the ids of their sounds, one small file each.

    Parameters
    ----------
    folder : Path or None
        Where they lie; made when first needed. None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, oid: str) -> Card | None:
        """Return a sound's card, None where there is none that can be read."""
        if self._folder is None:
            return None
        try:
            return Card.from_bytes(self._place(self._folder, oid).read_bytes())
        except (OSError, ValueError):
            return None

    def has(self, oid: str) -> bool:
        """Say whether there is a card, without reading it."""
        return self._folder is not None and self._place(self._folder, oid).exists()

    def put(self, oid: str, card: Card) -> None:
        """Keep a sound's card."""
        if self._folder is None:
            return
        place = self._place(self._folder, oid)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_cache(place, card.to_bytes())
        except OSError:
            return

    def make(self, oid: str, name: str, open_: Open) -> Card:
        """Listen to a sound, and keep its card.

        Raises
        ------
        AudioError
            It cannot be read.
        """
        with open_() as source:
            card = read_card(source, name)
        self.put(oid, card)
        return card

    @staticmethod
    def _place(folder: Path, oid: str) -> Path:
        return folder / oid[:2] / oid


def read_card(source: Source, name: str) -> Card:
    """Listen to a sound.

    Raises
    ------
    AudioError
        It cannot be read.
    """
    with AudioReader(source, name) as reader:
        return make_card(iter_blocks(reader))
