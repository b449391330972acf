"""What was measured for moods, by the id of a sound: a cache, never believed to be there.

What is kept are the features and not the scores, so that another model costs no listening.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from beatflow.objects.durable import write_cache
from beatflow.repository import Repository
from beatflow.sound.mood.features import Features

VERSION = 1
"""Changes with what `features` measures."""


class FeatureCache:
    """Features per sound and way of dividing it, one small file each.

    Parameters
    ----------
    folder : Path
        Where they lie; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, oid: str, division: str = "") -> list[tuple[float, float, str, Features]] | None:
        """Return the stretches of a sound and their features, as they were put."""
        try:
            document = json.loads(self._path(oid, division).read_bytes())
            if document["version"] != VERSION:
                return None
            return [
                (
                    float(start),
                    float(end),
                    str(label),
                    {str(name): float(value) for name, value in features.items()},
                )
                for start, end, label, features in document["stretches"]
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, oid: str, stretches: list[tuple[float, float, str, Features]], division: str = "") -> None:
        """Remember the stretches of a sound; what cannot be written is not remembered."""
        document: dict[str, Any] = {"version": VERSION, "stretches": stretches}
        try:
            self._folder.mkdir(exist_ok=True)
            write_cache(self._path(oid, division), json.dumps(document).encode())
        except OSError:
            return

    def _path(self, oid: str, division: str) -> Path:
        ending = f"-{hashlib.sha256(division.encode()).hexdigest()[:12]}" if division else ""
        return self._folder / f"{oid}{ending}.json"


def mood_cache(repository: Repository) -> FeatureCache:
    """A repository's cache."""
    return FeatureCache(repository.state / "mood")
