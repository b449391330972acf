"""What was heard of a sound, by its id: a cache, never believed to be there.

Of the embedded model and of trained ones the features are kept and not the scores, so that another model costs no
listening; of a neural engine its scores, under its weights' digests.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beatflow.measurement import FactCache
from beatflow.objects.durable import write_cache
from beatflow.repository import Repository

VERSION = 1
"""Changes with what `features` measures."""

Document = dict[str, Any]
"""What was heard in a stretch, ready for JSON; empty where there was nothing to hear."""
Stretch = tuple[float, float, str, Document]
"""From, to (seconds), the label of the section, and what was heard."""


class HeardCache:
    """What was heard, per sound, way of dividing it and listener; one small file each.

    Parameters
    ----------
    folder : Path
        Where they lie; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, oid: str, key: str, accept: Callable[[Any], Document]) -> list[Stretch] | None:
        """Return the stretches of a sound as they were put.

        Parameters
        ----------
        oid : str
        key : str
            How it was divided, and who listened.
        accept : callable
            Reads what was heard in one stretch; a ValueError, KeyError, TypeError or AttributeError of it means that
            nothing is remembered.
        """
        try:
            document = json.loads(self._path(oid, key).read_bytes())
            if document["version"] != VERSION:
                return None
            return [
                (float(start), float(end), str(label), accept(heard))
                for start, end, label, heard in document["stretches"]
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def put(self, oid: str, key: str, stretches: list[Stretch]) -> None:
        """Remember the stretches of a sound; what cannot be written is not remembered."""
        document = {"version": VERSION, "stretches": stretches}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_cache(self._path(oid, key), json.dumps(document).encode())
        except OSError:
            return

    def _path(self, oid: str, key: str) -> Path:
        ending = f"-{hashlib.sha256(key.encode()).hexdigest()[:12]}" if key else ""
        return self._folder / f"{oid}{ending}.json"


@dataclass(frozen=True, slots=True)
class Memory:
    """Where things are remembered: what was heard, and what ``bf analyze`` found, sections among it."""

    heard: HeardCache
    facts: FactCache


def find_memory(repository: Repository | None, state: Path | None = None) -> Memory | None:
    """The memory of a track, else of the user; None where there is neither."""
    folder = repository.state if repository else state
    return Memory(HeardCache(folder / "mood"), FactCache(folder / "analysis")) if folder else None
