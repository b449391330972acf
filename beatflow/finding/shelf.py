"""The index: a card for each sound, by its id, made when it is first needed and kept beside the repository.

A cache that may be deleted at any time: what cannot be read is made again, what cannot be written is made every time.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from pathlib import Path

from beatflow.errors import BeatFlowError
from beatflow.finding.card import Card, make_card
from beatflow.objects.durable import write_cache
from beatflow.sound.files import AudioReader
from beatflow.sound.formats import Source

FOLDER = "index"
_THREADS = 2

Open = Callable[[], AbstractContextManager[Source]]
Progress = Callable[[float, str], None]


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
        return make_card(reader.blocks())


def iter_made(
    wanted: Sequence[tuple[str, str, Open, Shelf]], progress: Progress
) -> Iterator[tuple[str, Card | BeatFlowError]]:
    """Listen to sounds on two threads, keep their cards, and yield each with its id as it is done.

    Parameters
    ----------
    wanted : sequence of (str, str, callable, Shelf)
        Id, name, what opens it, and where its card is kept.
    """

    def work(oid: str, name: str, open_: Open, shelf: Shelf) -> Card | BeatFlowError:
        try:
            with open_() as source:
                card = read_card(source, name)
        except BeatFlowError as error:
            return error
        shelf.put(oid, card)
        return card

    waiting = iter(wanted)
    done = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        running: dict[Future[Card | BeatFlowError], tuple[str, str]] = {}
        try:
            while True:
                while len(running) < _THREADS and (item := next(waiting, None)):
                    running[pool.submit(work, *item)] = item[0], item[1]
                if not running:
                    return
                progress(done / len(wanted), f"listening to {next(iter(running.values()))[1]}")
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    oid, _ = running.pop(future)
                    done += 1
                    yield oid, future.result()
        finally:
            for future in running:
                future.cancel()
