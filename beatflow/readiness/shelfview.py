"""Which weights there are, where they lie, whether they run here and how fast: the rows of ``bf models list``.

Joins the catalogue with what is on the disk, with the machine, and with what was measured on it. Does not import torch.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from beatflow.ai.engine import Setup
from beatflow.ai.graphics import find_cards
from beatflow.ai.memory import read_memory
from beatflow.ai.speed import Speed, read_speeds
from beatflow.ai.weights.catalogue import MODELS, Model, get_model
from beatflow.ai.weights.shelf import (
    candidates,
    count_bytes,
    explain_missing,
    find_partial,
    find_weights,
    own_weights,
    weight_files,
)

PACKAGES = {"separate": ("torch", "demucs"), "": ("torch", "transformers")}
"""Task to the packages that run its weights."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """One row.

    Parameters
    ----------
    name, task, words, licence, repository
        As in the catalogue; of the user's own weights only the name is known.
    size_bytes : int
        On the disk where it is here, otherwise to download.
    memory_bytes : int or None
        What it needs on ``device``.
    device : str
        ``cpu``, ``cuda`` or ``mps``: where it would run.
    state : str
        ``ready``; ``partial``: not all of it is here; ``pull``: it would run, were it here; ``too large`` for the
        memory; ``no torch`` (or another package that is missing); ``here``: the user's own, for whatever engine takes
        them.
    path : Path or None
        Where it lies.
    place : str or None
        ``folder`` of the user's, or the hub's ``cache``.
    missing : tuple of str
        What a partial one lacks.
    speed : Speed or None
        As measured on this machine with these weights; on ``device`` if ever, otherwise on another one.
    """

    name: str
    task: str | None
    words: str
    licence: str | None
    repository: str | None
    size_bytes: int
    memory_bytes: int | None
    device: str
    state: str
    path: Path | None = None
    place: str | None = None
    missing: tuple[str, ...] = ()
    speed: Speed | None = None

    @property
    def here(self) -> bool:
        """Whether all of it is on this machine."""
        return self.path is not None and not self.missing


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where weights would run, as far as that is known without torch."""

    device: str
    total_bytes: int
    torch: bool


def look_out(setup: Setup) -> Outlook:
    """Find out where weights would run."""
    torch = is_installed("torch")
    if setup.device != "cpu":
        cards = find_cards()
        if cards:
            limit = max(card.total_bytes for card in cards)
            return Outlook("cuda", min(limit, setup.memory_bytes or limit), torch)
    total = read_memory().total_bytes
    kind = "mps" if setup.device in ("auto", "mps") and sys.platform == "darwin" else "cpu"
    return Outlook(kind, min(total, setup.memory_bytes or total), torch)


def list_models(setup: Setup) -> list[Shelved]:
    """All weights of the catalogue in its order, then the user's own."""
    outlook = look_out(setup)
    speeds = read_speeds(setup.state)
    rows = [_known(model, setup, outlook, speeds) for model in MODELS.values()]
    for name in own_weights(setup):
        path = find_weights(name, setup)
        size = count_bytes(path) if path else 0
        rows.append(
            Shelved(
                name,
                None,
                "your own",
                None,
                None,
                size,
                None,
                outlook.device,
                "here",
                path,
                "folder",
                (),
                _find_speed(name, size, outlook.device, speeds),
            )
        )
    return rows


def _find_speed(name: str, weights_bytes: int, device: str, speeds: Sequence[Speed]) -> Speed | None:
    """The latest speed of these weights, on this device if there is one."""
    fitting = [speed for speed in speeds if (speed.engine, speed.weights_bytes) == (name, weights_bytes)]
    return max(fitting, key=lambda speed: (speed.device.startswith(device), speed.measured), default=None)


def _known(model: Model, setup: Setup, outlook: Outlook, speeds: Sequence[Speed]) -> Shelved:
    path = find_weights(model.name, setup)
    missing: list[str] = []
    if path is None:
        # A folder with nothing of it in it is no part of it.
        parts = [folder for folder in candidates(model.name, setup) if weight_files(folder)]
        path = parts[0] if parts else find_partial(model.name, setup)
        if path:
            missing = explain_missing(path, model.name, setup.runtime)
    needed = model.memory_on(outlook.device)
    size = count_bytes(path) if path and not missing else model.bytes_for(setup.runtime)
    return Shelved(
        model.name,
        model.task,
        model.words,
        model.licence,
        model.repository,
        size,
        needed,
        outlook.device,
        _state(model, path, missing, needed, outlook),
        path,
        None if path is None else "folder" if path.parent == setup.models else "cache",
        tuple(missing),
        _find_speed(model.name, size, outlook.device, speeds) if path and not missing else None,
    )


def _state(model: Model, path: Path | None, missing: Sequence[str], needed: int, outlook: Outlook) -> str:
    for package in PACKAGES.get(model.task, PACKAGES[""]):
        if not is_installed(package):
            return f"no {package}"
    if outlook.total_bytes and needed > outlook.total_bytes:
        return "too large"
    if missing:
        return "partial"
    return "ready" if path else "pull"


def names_to_pull(names: Sequence[str], setup: Setup) -> list[str]:
    """What pulling some models means: each once, and what a runtime needs beside them.

    Raises
    ------
    EngineError
        There is no such model.
    """
    found = dict.fromkeys(get_model(name) for name in names)
    if setup.runtime == "audiocraft" and any(
        model.audiocraft_files and not find_weights(model.name, setup) for model in found
    ):
        found[MODELS["t5-base"]] = None
    return [model.name for model in found]


def names_here(names: Sequence[str], setup: Setup) -> list[str]:
    """The names as they are kept; without any, those of which something is here.

    Raises
    ------
    EngineError
        There is no such model.
    """
    if not names:
        # What an interrupted pull left in the hub's cache is no file of a model yet.
        return [row.name for row in list_models(setup) if row.path and candidates(row.name, setup)]
    own = own_weights(setup)
    return [name if name in own else get_model(name).name for name in dict.fromkeys(names)]


def is_installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False
