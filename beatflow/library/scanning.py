"""Finds the tracks in a folder and the folders below it."""

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
