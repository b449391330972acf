"""Removing weights: from a folder only what is known to be theirs, from the hub's cache their repository.

A folder that BeatFlow does not know is never deleted.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from beatflow.ai.engine import Setup
from beatflow.ai.weights.catalogue import Model, get_model
from beatflow.ai.weights.record import read_record, record_path
from beatflow.ai.weights.shelf import hub_cache, own_weights, repository_folder
from beatflow.errors import EngineError


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing a model means.

    Parameters
    ----------
    name : str
    folder : Path
        Where it lies: a folder of the user's, or its repository in the hub's cache.
    files : tuple of Path
        What goes.
    freed_bytes : int
    kept : tuple of str
        Files in a folder of the user's that are not known and stay.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    freed_bytes: int
    kept: tuple[str, ...] = ()


def plan_removal(name: str, setup: Setup) -> Removal:
    """Find out what would be deleted: of a folder of the user's, otherwise of the hub's cache.

    Raises
    ------
    EngineError
        It is not here, or is the user's own.
    """
    if name in own_weights(setup) and setup.models:
        raise EngineError(
            f"{name} is your own, not from bf models pull: it is not deleted",
            hint=f"delete the folder yourself: {setup.models / name}",
        )
    model = get_model(name)
    if setup.models and (setup.models / model.name).is_dir():
        return _own_folder(model, setup.models / model.name)
    for cache in (setup.models, hub_cache()):
        folder = repository_folder(cache, model.repository) if cache else None
        if folder and folder.is_dir() and not folder.is_symlink():
            files = tuple(path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
            return Removal(model.name, folder, files, _bytes(files))
    raise EngineError(f"the weights of {model.name} are not here", hint="bf models list shows what is")


def remove(removal: Removal) -> None:
    """Delete what the plan says, and the folder when nothing else is in it."""
    if removal.folder.name.startswith("models--"):
        shutil.rmtree(removal.folder)
        shutil.rmtree(removal.folder.parent / ".locks" / removal.folder.name, ignore_errors=True)
        return
    for path in removal.files:
        path.unlink(missing_ok=True)
    for folder in (removal.folder / ".incomplete", removal.folder):
        with suppress(OSError):
            folder.rmdir()


def _own_folder(model: Model, folder: Path) -> Removal:
    known = set(read_record(folder).files)
    patterns = [
        part
        for pattern in (*model.files, *model.audiocraft_files, *model.extras)
        for part in pattern.split("|")
    ]
    files, kept = [], []
    for path in sorted(folder.iterdir()):
        if path == record_path(folder) or (path.name.endswith(".incomplete") and path.is_file()):
            files.append(path)
        elif path.name == ".incomplete" and path.is_dir():
            files += [part for part in path.iterdir() if part.is_file()]
        elif path.is_file() and (path.name in known or any(fnmatchcase(path.name, one) for one in patterns)):
            files.append(path)
        else:
            kept.append(path.name)
    return Removal(model.name, folder, tuple(files), _bytes(files), tuple(kept))


def _bytes(files: "list[Path] | tuple[Path, ...]") -> int:
    return sum(path.stat().st_size for path in files if not path.is_symlink())
