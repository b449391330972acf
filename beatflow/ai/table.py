"""Which engines there are: name to where it is found, and the choice among them.

Loads an engine only when it is in question, and nothing heavy by itself. Knows nothing of what engines do beyond their
identity cards; packages add engines of their own through an entry-point group (see `beatflow.ai.plugin`).
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from beatflow.ai.engine import Demanding, EngineInfo, RunFacts, Sampling, Settling, Setup
from beatflow.ai.plugin import GROUP, PROTOCOLS, check_plugin, find_plugins, make_plugin, package_of
from beatflow.errors import EngineError

__all__ = [
    "ENGINES",
    "GROUP",
    "TASKS",
    "Choice",
    "Listing",
    "engine_names",
    "engines_for",
    "get_engine",
    "pick",
]


@dataclass(frozen=True, slots=True)
class Listing:
    """Where an engine is found and what it is for, known without loading it.

    ``family`` is what its kin share: what keeps all of them away is told once, of the ``starter``, the one to begin
    with.
    """

    path: str
    tasks: tuple[str, ...]
    words: str
    family: str = ""
    starter: bool = False


_SYNTH = "beatflow.ai.synth.engine:SynthEngine"
_MUSICGEN = "beatflow.ai.musicgen.engine:MusicgenEngine"
_DEMUCS = "beatflow.ai.demucs.engine:DemucsEngine"
_CLAP = "beatflow.ai.clap.engine:ClapEngine"
_BEATOVEN = "beatflow.ai.beatoven.engine:BeatovenEngine"


def _musicgen(words: str, starter: bool = False) -> Listing:
    return Listing(_MUSICGEN, ("generate", "extend"), f"MusicGen, {words}", "musicgen", starter)


def _melody(words: str, starter: bool = False) -> Listing:
    tasks = ("generate", "accompany", "extend")
    return Listing(_MUSICGEN, tasks, f"MusicGen that follows a melody, {words}", "musicgen", starter)


def _demucs(words: str, starter: bool = False) -> Listing:
    return Listing(_DEMUCS, ("separate",), f"Demucs, {words}", "demucs", starter)


# The larger model before the smaller, mono before its stereo sister. The melody models come last: without a melody
# musicgen-melody plays no better than musicgen-small (FAD 4.93 and 4.88) and takes five times its memory. htdemucs
# comes before htdemucs_ft, as in Demucs itself: four times as fast for 0.2 dB less.
ENGINES = {
    "musicgen-large": _musicgen("3.3 billion parameters"),
    "musicgen-stereo-large": _musicgen("3.3 billion parameters, stereo"),
    "musicgen-medium": _musicgen("1.5 billion parameters"),
    "musicgen-stereo-medium": _musicgen("1.5 billion parameters, stereo"),
    "musicgen-small": _musicgen("300 million parameters", starter=True),
    "musicgen-stereo-small": _musicgen("300 million parameters, stereo"),
    "musicgen-melody-large": _melody("3.3 billion parameters"),
    "musicgen-stereo-melody-large": _melody("3.3 billion parameters, stereo"),
    "musicgen-melody": _melody("1.5 billion parameters", starter=True),
    "musicgen-stereo-melody": _melody("1.5 billion parameters, stereo"),
    "synth": Listing(_SYNTH, ("generate", "accompany", "extend"), "embedded producer", "synth"),
    "htdemucs": _demucs("four stems", starter=True),
    "htdemucs_ft": _demucs("four stems, a model for each"),
    "htdemucs_6s": _demucs("six stems"),
    "dsp": Listing("beatflow.ai.dsp:DspSeparator", ("separate",), "embedded separator", "dsp"),
    "yin": Listing(
        "beatflow.ai.listening.tracker:PitchTracker", ("transcribe",), "embedded pitch tracker", "yin"
    ),
    "clap": Listing(_CLAP, ("mood",), "CLAP, trained on music", "clap", starter=True),
    "clap-general": Listing(_CLAP, ("mood",), "CLAP, trained on all sound", "clap"),
    "cues": Listing("beatflow.ai.rating:CueRater", ("mood",), "embedded model of musical cues", "cues"),
    "beatoven": Listing(_BEATOVEN, ("generate",), "Beatoven's service", "beatoven"),
}
"""BeatFlow's own engines; for each task the best first."""

TASKS = tuple(PROTOCOLS)

_PLAIN = Setup()


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
        """On what it runs, or ran; ask again after it has worked."""
        return self.engine.facts if isinstance(self.engine, Demanding) else RunFacts()

    def settle(self) -> None:
        """Tell the engine that what it gave lies where it belongs, if it wants to know."""
        if isinstance(self.engine, Settling):
            self.engine.settle()


def engine_names() -> list[str]:
    """Every name that ``--engine`` takes, ``auto`` aside."""
    return list(dict.fromkeys([*ENGINES, *sorted(find_plugins())]))


def get_engine(name: str, setup: Setup = _PLAIN) -> Any:
    """Make an engine by name; its weights are loaded when they are first needed.

    BeatFlow's own engines go before others of the same name, and ``setup.tell`` hears of it.

    Raises
    ------
    EngineError
        There is no such engine, or what it needs is not installed.
    """
    setup = replace(setup, engine=name)
    plugins = find_plugins()
    if name in ENGINES:
        for point in plugins.get(name, ()):
            setup.tell(f"{package_of(point)} brings an engine {name} as well; BeatFlow's own is used")
        module, _, attribute = ENGINES[name].path.partition(":")
        try:
            return getattr(import_module(module), attribute)(setup)
        except (ImportError, AttributeError) as error:
            message = f"engine {name} cannot be loaded: {error}"
            raise EngineError(message, hint="reinstall beatflow") from error
    if name in plugins:
        return make_plugin(name, plugins[name], setup)
    names = engine_names()
    close = get_close_matches(name, names, 1)
    guess = f"; did you mean {close[0]}?" if close else ""
    raise EngineError(f"no engine {name!r}{guess}", hint=f"there are {', '.join(names)}")


def engines_for(task: str, setup: Setup = _PLAIN) -> dict[str, EngineInfo]:
    """Engines that can do a task and can be loaded here, ready or not, the best first."""
    infos = {}
    for name in engine_names():
        if name in ENGINES and task not in ENGINES[name].tasks:
            continue
        try:
            info: EngineInfo = get_engine(name, setup).info
        except EngineError:
            continue
        if task in info.tasks:
            infos[name] = info
    return infos


def pick(task: str, name: str = "auto", setup: Setup = _PLAIN, needs: Set[str] = frozenset()) -> Choice:
    """Choose the engine for a task.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    name : str
        An engine, or ``auto`` for the best one that is ready: BeatFlow's own, then those of other packages by name.
        An engine that works on somebody else's machine is never taken unasked.
    setup : Setup
        What the engine is made with.
    needs : set of str
        What has to be kept by construction, of `EngineInfo.promises`, and the options that were given, of
        `EngineInfo.options`; ``auto`` takes no engine that does not promise and heed all of it. One that is named is
        taken as it is: what comes out can still be measured and corrected.

    Raises
    ------
    EngineError
        There is no such engine, it cannot do this or is not ready; or with ``auto`` none is.
    """
    if name != "auto":
        return _take_named(task, name, setup)
    passed_over: list[_PassedOver] = []
    for candidate in _candidates(task):
        try:
            engine = get_engine(candidate, setup)
        except EngineError as error:
            passed_over.append(_PassedOver(candidate, error.message, error.hint))
            continue
        info: EngineInfo = engine.info
        if info.remote or task not in info.tasks:
            continue
        missing = needs - info.promises - info.options
        try:
            _check_ready(engine, candidate)
        except EngineError as error:
            passed_over.append(_PassedOver(candidate, error.message, error.hint, hopeless=bool(missing)))
            continue
        if missing:
            passed_over.append(_PassedOver(candidate, f"{candidate} {_tell_missing(missing)}"))
            continue
        # Larger sisters that are not here say nothing against the one that is.
        others = [one for one in passed_over if _find_family(one.name) != _find_family(candidate)]
        return Choice(engine, "; ".join([_praise(candidate, info), *_summarize(others)]))
    promised, heeded = needs - _OPTIONS, _options(needs)
    wanted = [task]
    wanted += [f"promise {_enumerate(promised)}"] if promised else []
    wanted += [f"heed {_enumerate(heeded)}"] if heeded else []
    reasons = _summarize(passed_over)
    hints = [one.hint for one in _representatives(passed_over) if one.hint]
    hints += ["ask for less, or name the engine: --engine NAME"] if needs else []
    message = "; ".join([f"no engine here can {' and '.join(wanted)}", *reasons])
    raise EngineError(message, hint=hints[0] if hints else None)


def _take_named(task: str, name: str, setup: Setup) -> Choice:
    engine = get_engine(name, setup)
    info: EngineInfo = engine.info
    if task not in info.tasks:
        raise EngineError(f"engine {name} cannot {task}", hint=_find_way_out(task, setup))
    _check_ready(engine, name)
    return Choice(engine, "; ".join(["as asked", *_warn_of_licence(info)]))


def _find_way_out(task: str, setup: Setup) -> str | None:
    """The engine that would do a task, or what mends that there is none."""
    try:
        return f"--engine {pick(task, setup=setup).info.name} can"
    except EngineError as error:
        return error.hint


def _candidates(task: str) -> Iterator[str]:
    """Engines that may do a task, the best first; others' packages are looked for only when ours are used up."""
    yield from (name for name, listing in ENGINES.items() if task in listing.tasks)
    yield from sorted(set(find_plugins()) - set(ENGINES))


def _check_ready(engine: Any, name: str) -> None:
    if name not in ENGINES:
        check_plugin(engine, name)
    elif isinstance(engine, Demanding):
        engine.check_ready()


@dataclass(frozen=True, slots=True)
class _PassedOver:
    """An engine that was not taken, and why; ``hopeless`` where mending that would not have changed the choice."""

    name: str
    message: str
    hint: str | None = None
    hopeless: bool = False


def _representatives(passed_over: list[_PassedOver]) -> list[_PassedOver]:
    """One engine of each family: of ten models that are not here, only the one to begin with is told of."""
    families: dict[str, list[_PassedOver]] = {}
    for one in passed_over:
        if not one.hopeless:
            families.setdefault(_find_family(one.name), []).append(one)
    starters = {name for name, listing in ENGINES.items() if listing.starter}
    return [next((one for one in kin if one.name in starters), kin[0]) for kin in families.values()]


def _find_family(name: str) -> str:
    return ENGINES[name].family if name in ENGINES else name


def _summarize(passed_over: list[_PassedOver]) -> list[str]:
    """Why engines were passed over, each reason naming its engine."""
    return [
        one.message if one.name in one.message else f"{one.name}: {one.message}"
        for one in _representatives(passed_over)
    ]


def _praise(name: str, info: EngineInfo) -> str:
    """What speaks for an engine, and what its licence forbids."""
    words = ENGINES[name].words if name in ENGINES else "a plug-in"
    return "; ".join([f"{words}, the best one at hand", *_warn_of_licence(info)])


def _warn_of_licence(info: EngineInfo) -> list[str]:
    """Creative Commons and its kin write non-commercial as a part of the name: ``CC-BY-NC-4.0``."""
    if "NC" in info.licence.upper().replace("(", " ").replace(")", " ").replace("-", " ").split():
        return [f"its weights are {info.licence}, not for commercial use"]
    return []


def _tell_missing(missing: Set[str]) -> str:
    """What an engine does not promise, and the options that it does not heed."""
    promised, heeded = missing - _OPTIONS, _options(missing)
    told = [f"promises no exact {_enumerate(promised)}"] if promised else []
    return " and ".join([*told, *([f"has no use for {_enumerate(heeded)}"] if heeded else [])])


def _options(needs: Set[str]) -> Set[str]:
    """The options among what is needed, as they are given."""
    return {"--as" if name == "part" else f"--{name.replace('_', '-')}" for name in needs & _OPTIONS}


def _enumerate(words: Set[str]) -> str:
    """Tempo, key and bars, in the order in which musicians say them."""
    *others, last = sorted(
        words, key=lambda word: (_ORDER.index(word) if word in _ORDER else len(_ORDER), word)
    )
    return f"{', '.join(others)} and {last}" if others else last


_OPTIONS = frozenset((*(field.name for field in fields(Sampling)), "swing", "humanize", "structure", "part"))
_ORDER = ("tempo", "key", "bars", "duration", "loop", "stems", "notes")
