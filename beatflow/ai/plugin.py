"""Engines that other packages bring: finding them, making them, and turning away what is broken.

Whatever a stranger's package does when it is loaded or made (fails to import, raises, exits, gives something that is
no engine) comes out as an `EngineError` that names it. Knows nothing of BeatFlow's own engines.
"""

import traceback
from collections.abc import Mapping
from importlib import metadata
from itertools import chain
from typing import Any

from beatflow.ai.engine import (
    Analyzer,
    Demanding,
    EngineInfo,
    Extender,
    Generator,
    MelodyGenerator,
    Rater,
    Separator,
    Setup,
)
from beatflow.errors import EngineError

GROUP = "beatflow.engines"

PROTOCOLS: Mapping[str, type] = {
    "generate": Generator,
    "accompany": MelodyGenerator,
    "extend": Extender,
    "separate": Separator,
    "transcribe": Analyzer,
    "mood": Rater,
}
"""What an engine must be for each task, the best-known task first."""


def find_plugins() -> dict[str, list[metadata.EntryPoint]]:
    """Names of engines to the entry points that bring them; more than one is a quarrel between packages."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=GROUP):
        rivals = found.setdefault(point.name, [])
        # The same package may be on the path twice (installed, and as sources).
        if point.value not in [rival.value for rival in rivals]:
            rivals.append(point)
    return found


def make_plugin(name: str, points: list[metadata.EntryPoint], setup: Setup) -> Any:
    """Make an engine of another package.

    Raises
    ------
    EngineError
        Two packages bring it, it cannot be loaded or made, or what comes out is no engine.
    """
    packages = " and ".join(package_of(point) for point in points)
    if len(points) > 1:
        raise EngineError(f"{packages} both bring an engine {name}", hint="uninstall one of them")
    mend = f"upgrade or uninstall {packages}"
    try:
        engine = points[0].load()(setup)
        flaw = find_flaw(engine, name)
    except EngineError:
        raise
    # Anything at all may come out of a stranger's code, sys.exit included; only the user's Ctrl-C goes on.
    except (Exception, SystemExit) as error:
        raise EngineError(f"engine {name} cannot be loaded: {_tell(error)}", hint=mend) from error
    if flaw:
        raise EngineError(f"engine {name} cannot be used: {flaw}", hint=mend)
    return engine


def check_plugin(engine: Any, name: str) -> None:
    """Ask an engine of another package whether it is ready.

    Raises
    ------
    EngineError
        It is not, or asking it failed.
    """
    if not isinstance(engine, Demanding):
        return
    try:
        engine.check_ready()
    except EngineError:
        raise
    except (Exception, SystemExit) as error:
        raise EngineError(f"engine {name} cannot tell whether it is ready: {_tell(error)}") from error


def explain_failure(error: BaseException) -> tuple[str, str] | None:
    """Say what failed and what to do, where an error that nobody foresaw came out of another package's engine.

    Told by the traceback: its code is on the way to where the error was raised.
    """
    owners = {
        point.module.partition(".")[0]: package_of(point)
        for points in find_plugins().values()
        for point in points
    }
    traces = [error.__traceback__, *([error.__cause__.__traceback__] if error.__cause__ else [])]
    for frame, _ in chain.from_iterable(traceback.walk_tb(trace) for trace in traces):
        owner = owners.get(str(frame.f_globals.get("__name__")).partition(".")[0])
        if owner:
            return (
                f"the plug-in {owner} failed: {_tell(error)}",
                f"upgrade {owner}, or show its authors --debug",
            )
    return None


def find_flaw(engine: Any, name: str) -> str | None:
    """Say what keeps an object from being the engine ``name``, or None."""
    info = getattr(engine, "info", None)
    if not isinstance(info, EngineInfo):
        return f"its info is {type(info).__name__}, not EngineInfo"
    if info.name != name:
        return f"it calls itself {info.name!r}"
    for field in ("version", "licence"):
        if not isinstance(getattr(info, field), str) or not getattr(info, field):
            return f"info.{field} must be text"
    for field in ("tasks", "weights", "options", "promises"):
        words = getattr(info, field)
        if isinstance(words, str) or not all(isinstance(word, str) for word in words):
            return f"info.{field} must be a set of words"
    if not info.tasks or not set(info.tasks) <= set(PROTOCOLS):
        return f"its tasks are {sorted(info.tasks)}, not of {', '.join(PROTOCOLS)}"
    for task in sorted(info.tasks):
        if not isinstance(engine, PROTOCOLS[task]):
            return f"it says it can {task} but is no {PROTOCOLS[task].__name__}"
    return None


def package_of(point: metadata.EntryPoint) -> str:
    """The package that brings an entry point, as pip knows it; its module where that is not known."""
    return point.dist.name if point.dist else point.value.partition(":")[0].partition(".")[0]


def _tell(error: BaseException) -> str:
    """An error of a stranger in one line."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    if isinstance(error, ImportError) and text:
        return text
    return f"{kind}: {text}" if text else kind
