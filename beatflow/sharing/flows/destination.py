"""Where a clone or fork shall go: a new folder, outside of every track."""

import os
from pathlib import Path

from beatflow.errors import ConflictError, UsageError
from beatflow.repository import Repository, Signer, make_absolute


def check_destination(destination: Path, signer: Signer) -> Path:
    """Return the absolute path of a folder that a track may be made in.

    Raises
    ------
    ConflictError
        Something is there already.
    UsageError
        It lies inside a track.
    """
    destination = make_absolute(destination)
    if os.path.lexists(destination) and not (destination.is_dir() and not any(destination.iterdir())):
        raise ConflictError(f"{destination} is there already", hint="name a new folder")
    outer = Repository.find(destination.parent, signer)
    if outer:
        raise UsageError(f"{destination} lies inside the track {outer.root}", hint="go to a place outside it")
    return destination


def settle(unfinished: Path, destination: Path) -> None:
    """Give a finished track its name, in place of the empty folder that may be there."""
    unfinished.chmod(0o777 & ~_umask())
    if destination.is_dir():
        destination.rmdir()
    unfinished.rename(destination)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
