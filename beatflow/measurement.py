"""What is known of a sound by its id: measured once, then remembered beside the repository.

Provenance is asked first, since a generator measured what it made; then the cache; then the samples themselves.
"""

import json
from pathlib import Path
from typing import Any

from beatflow.objects.durable import write_cache

VERSION = 2

Facts = dict[str, Any]
"""Figures by the glossary's names: ``loudness_lufs``, ``true_peak_dbtp``, ``tempo``, ``key``, ``duration_s`` …"""


class FactCache:
    """Facts per sound, one small file each. A cache: what cannot be read or written is simply not remembered.

    Parameters
    ----------
    folder : Path
        Where they lie; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, oid: str) -> Facts | None:
        """Return what is remembered of a sound."""
        try:
            document = json.loads((self._folder / f"{oid}.json").read_bytes())
            return dict(document["facts"]) if document["version"] == VERSION else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, oid: str, facts: Facts) -> None:
        """Remember more of a sound."""
        document = {"version": VERSION, "facts": (self.get(oid) or {}) | facts}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_cache(self._folder / f"{oid}.json", json.dumps(document, sort_keys=True).encode())
        except OSError:
            return
