"""Making sounds again and proving it: which recipes that takes, each run once, each sound compared with its original.

Joins records, engines and the proof.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.ai.engine import Progress, Setup, no_progress
from beatflow.ai.table import get_engine
from beatflow.delivery import digest
from beatflow.errors import BeatFlowError, DamagedError, EngineError, NotFoundError
from beatflow.lineage.ancestry import ASSEMBLED, read_text
from beatflow.lineage.proof import Proof, prove
from beatflow.lineage.recipe import Recipe, read_recipe
from beatflow.lineage.remaking import Pantry, Rendering, choose_engine, run
from beatflow.lineage.state import Wanted
from beatflow.provenance import Record, find_records
from beatflow.repository import Repository


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as it was the first time: ``what`` it is, then and now; None where it was or is not there."""

    what: str
    then: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A sound that was made again.

    Parameters
    ----------
    path, oid : str
        The original.
    kind, engine : str
        What made it.
    file : Path
        The new one, in the scratch folder.
    new_oid : str
    proof : Proof
    differences : tuple of Difference
        Of the surroundings.
    seconds : float
        That the run took, shared by all of its sounds.
    """

    path: str
    oid: str
    kind: str
    engine: str
    file: Path
    new_oid: str
    proof: Proof
    differences: tuple[Difference, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A sound that could not be made again, and why; ``recorded`` says whether anything is known of how it was made."""

    path: str
    oid: str
    error: BeatFlowError
    recorded: bool = True


def reproduce(
    repository: Repository,
    wanted: Wanted,
    setup: Setup,
    scratch: Path,
    remote: bool,
    progress: Progress = no_progress,
) -> Iterator[Reproduction | Failure]:
    """Make sounds again, as far as it is known how; what one run gives is made once.

    Parameters
    ----------
    setup : Setup
        What it leaves open is taken from the records.
    scratch : Path
        Folder for everything that is written.
    remote : bool
        Whether engines on other machines may be asked, which costs money.

    Yields
    ------
    Reproduction or Failure
        One for each sound, in the order of the runs.
    """
    state = wanted.state
    records = find_records(repository, {state.sounds[path] for path in wanted.paths}, state.commit)
    runs: dict[str, list[tuple[str, Recipe]]] = {}
    for path in wanted.paths:
        oid = state.sounds[path]
        try:
            if oid not in records:
                yield Failure(path, oid, _unknown(path), recorded=False)
                continue
            recipe = read_recipe(records[oid], path)
        except BeatFlowError as error:
            yield Failure(path, oid, error)
            continue
        # A mix, a merge and a stem that was fitted to its track, are runs of their own.
        key = f"{path}\0" if recipe.kind in ASSEMBLED or recipe.fitted else ""
        runs.setdefault(key + recipe.run, []).append((path, recipe))
    (scratch / "inputs").mkdir()
    pantry = Pantry(repository, state, scratch / "inputs")
    for number, sounds in enumerate(runs.values()):
        folder = scratch / str(number)
        folder.mkdir()

        def report(fraction: float, what: str, number: int = number, path: str = sounds[0][0]) -> None:
            progress((number + fraction) / len(runs), f"{path}: {what}")

        yield from _reproduce_run(pantry, sounds, setup, folder, remote, report)


def _reproduce_run(
    pantry: Pantry,
    sounds: Sequence[tuple[str, Recipe]],
    setup: Setup,
    folder: Path,
    remote: bool,
    progress: Progress,
) -> Iterator[Reproduction | Failure]:
    # The mix decides the format: stems are always written like it.
    path, recipe = min(sounds, key=lambda item: item[1].stem is not None)
    oids = pantry.state.sounds
    started = time.perf_counter()
    try:
        choice = choose_engine(recipe, setup, remote) if recipe.task else None
        rendering = run(recipe, path, pantry, choice, folder, progress, setup)
    except BeatFlowError as error:
        for one, _ in sounds:
            yield Failure(one, oids[one], error)
        return
    seconds = round(time.perf_counter() - started, 3)
    for one, own in sounds:
        try:
            yield _compare(pantry, one, own, rendering, seconds)
        except BeatFlowError as error:
            yield Failure(one, oids[one], error)


def _compare(pantry: Pantry, path: str, recipe: Recipe, rendering: Rendering, seconds: float) -> Reproduction:
    files = rendering.takes[recipe.index]
    file = files.get(recipe.stem or "")
    if file is None:
        names = ", ".join(name for name in files if name) or "none"
        raise NotFoundError(f"{recipe.engine} made no stem {recipe.stem!r} this time; it made {names}")
    oid = pantry.state.sounds[path]
    new_oid = digest(file)
    same = new_oid == oid
    with ExitStack() as stack:
        then = None if same else _open_original(pantry, path, oid, stack)
        proof = prove(then, file, same, _read_figures(recipe.record), rendering.figures[recipe.index])
    return Reproduction(
        path,
        oid,
        recipe.kind,
        recipe.engine,
        file,
        new_oid,
        proof,
        tuple(find_differences(recipe.record, rendering)),
        seconds,
    )


def _open_original(pantry: Pantry, path: str, oid: str, stack: ExitStack) -> BinaryIO | None:
    try:
        return stack.enter_context(pantry.open(oid, path))
    except (NotFoundError, DamagedError):
        return None


def _read_figures(record: Record) -> dict[str, Any]:
    measured = record.get("measured")
    figures = dict(measured) if isinstance(measured, dict) else {}
    return figures | ({"bars": record["bars"]} if "bars" in record else {})


def find_differences(record: Record, rendering: Rendering) -> Iterator[Difference]:
    """Yield what of the surroundings is not as a record has it: engine, device, number format, libraries, weights."""
    choice = rendering.choice
    if choice is None:
        return
    # Loads what the engine loaded already.
    from beatflow.making.recipe import surroundings

    now = surroundings(choice, 0.0, 0.0)
    if record.get("engine_version") != choice.info.version:
        yield Difference("engine_version", _text(record.get("engine_version")), choice.info.version)
    heard = record.get("heard")
    tracker = read_text(heard, "engine") if isinstance(heard, dict) else ""
    with suppress(EngineError):
        version = get_engine(tracker).info.version if tracker else ""
        if version != (read_text(heard, "engine_version") if tracker else ""):
            yield Difference(tracker, read_text(heard, "engine_version"), version)
    for name in ("device", "dtype", "runtime"):
        if record.get(name) != now.get(name):
            yield Difference(name, _text(record.get(name)), _text(now.get(name)))
    for name, title in (("packages", ""), ("weight_digests", "weights ")):
        then, here = record.get(name), now.get(name)
        then, here = then if isinstance(then, dict) else {}, here if isinstance(here, dict) else {}
        for one in sorted(then.keys() | here.keys()):
            if then.get(one) != here.get(one):
                yield Difference(f"{title}{one}", _text(then.get(one)), _text(here.get(one)))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _unknown(path: str) -> NotFoundError:
    return NotFoundError(
        f"nothing is recorded of how {path} was made",
        hint="only what BeatFlow made can be made again; bf license tells where a sound comes from",
    )
