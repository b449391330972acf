"""Which engines there are: name to where it is found, and the choice among them.

Loads an engine only when it is chosen. Knows nothing of what engines do beyond their identity cards; packages add
engines of their own through the entry-point group ``beatflow.engines``.
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module, metadata
from typing import Any

from beatflow.ai.engine import Demanding, EngineInfo, RunFacts, Setup
from beatflow.errors import EngineError

GROUP = "beatflow.engines"


@dataclass(frozen=True, slots=True)
class Listing:
    """Where an engine is found and what it is for, known without loading it."""

    path: str
    tasks: tuple[str, ...]
    words: str


ENGINES = {
    "synth": Listing("beatflow.ai.synth.engine:SynthEngine", ("generate", "accompany"), "embedded producer"),
    "dsp": Listing("beatflow.ai.dsp:DspSeparator", ("separate",), "embedded separator"),
    "yin": Listing("beatflow.ai.pitch:PitchTracker", ("transcribe",), "embedded pitch tracker"),
}
"""BeatFlow's own engines; for each task the first that can be loaded is the best at hand."""

TASKS = ("generate", "accompany", "extend", "separate", "transcribe")


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and, in a few words, why it was taken."""

    engine: Any
    reason: str

    @property
    def info(self) -> EngineInfo:
        """The engine's identity card."""
        info: EngineInfo = self.engine.info
        return info

    @property
    def facts(self) -> RunFacts:
        """On what it runs."""
        return self.engine.facts if isinstance(self.engine, Demanding) else RunFacts()


def engine_names() -> list[str]:
    """Every name that ``--engine`` takes, ``auto`` aside."""
    return list(dict.fromkeys([*ENGINES, *_entry_points()]))


def get_engine(name: str, setup: Setup | None = None) -> Any:
    """Make an engine by name; its weights are loaded when they are first needed.

    Raises
    ------
    EngineError
        There is no such engine, or what it needs is not installed.
    """
    found = _entry_points()
    if name in ENGINES:
        module, _, attribute = ENGINES[name].path.partition(":")
    elif name in found:
        module, _, attribute = found[name].partition(":")
    else:
        names = engine_names()
        close = get_close_matches(name, names, 1)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise EngineError(f"no engine {name!r}{guess}", hint=f"there are {', '.join(names)}")
    try:
        return getattr(import_module(module), attribute)(replace(setup or Setup(), engine=name))
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"engine {name} cannot be loaded: {error}", hint=f"reinstall {_package(name)}"
        ) from error


def engines_for(task: str) -> dict[str, EngineInfo]:
    """Engines that can do a task and can be loaded here, the best first."""
    infos = {}
    for name in engine_names():
        if name in ENGINES and task not in ENGINES[name].tasks:
            continue
        try:
            info: EngineInfo = get_engine(name).info
        except EngineError:
            continue
        if task in info.tasks:
            infos[name] = info
    return infos


def pick(task: str, name: str = "auto") -> Choice:
    """Choose the engine for a task.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    name : str
        An engine, or ``auto`` for the best one at hand.

    Raises
    ------
    EngineError
        There is no such engine, it cannot do this, or none can.
    """
    if name != "auto":
        engine = get_engine(name)
        if task not in engine.info.tasks:
            able = ", ".join(engines_for(task)) or "none"
            raise EngineError(f"engine {name} cannot {task}", hint=f"these can: {able}")
        return Choice(engine, "as asked")
    passed_over: list[str] = []
    for candidate, listing in ENGINES.items():
        if task not in listing.tasks:
            continue
        try:
            engine = get_engine(candidate)
        except EngineError as error:
            passed_over.append(f"{candidate}: {error.message}")
            continue
        reason = f"{listing.words}, the best one at hand"
        return Choice(engine, "; ".join([reason, *passed_over]))
    raise EngineError("; ".join([f"no engine here can {task}", *passed_over]), hint="pip install beatflow")


def _entry_points() -> dict[str, str]:
    return {point.name: point.value for point in metadata.entry_points(group=GROUP)}


def _package(name: str) -> str:
    return "beatflow" if name in ENGINES else f"the package that brings {name}"
