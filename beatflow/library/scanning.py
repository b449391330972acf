"""Finds the tracks in a folder and the folders below it, and the one around a folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from beatflow.worktree import REPOSITORY


def iter_tracks(folder: Path, watch: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
    """Yield the folders that are tracks, the given one included; links are not followed.

    Folders that may not be read are passed over. ``watch`` is told each folder that is looked into.
    """
    for here, folders, _ in os.walk(folder):
        watch(here)
        if (Path(here) / REPOSITORY / "HEAD").is_file():
            yield Path(here)
            # No track lies within another.
            folders.clear()
        folders[:] = sorted(name for name in folders if name not in (REPOSITORY, ".git"))


def find_root(folder: Path) -> Path:
    """Return the folder of the track that a folder is in, without links; the folder itself where it is in none."""
    start = folder.resolve()
    return next((path for path in (start, *start.parents) if (path / REPOSITORY / "HEAD").is_file()), start)
