"""What this machine can run: its parts one by one, what each engine would do here, and what mends a gap.

Never raises whatever is broken: packages are asked in processes of their own (`beatflow.readiness.probe`).
"""

import platform
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from beatflow import __version__
from beatflow.ai.device import INSTALL
from beatflow.ai.engine import Setup
from beatflow.ai.graphics import Card, find_cards
from beatflow.ai.memory import read_memory
from beatflow.ai.table import ENGINES, TASKS, pick
from beatflow.ai.weights.catalogue import MODELS
from beatflow.ai.weights.shelf import hub_cache
from beatflow.errors import BeatFlowError
from beatflow.native import LIBRARY, SWITCH, is_switched_off, kernels
from beatflow.readiness.probe import Question
from beatflow.readiness.quality import QUALITY
from beatflow.readiness.shelfview import Shelved, is_installed, list_models
from beatflow.wording import format_size, plural

OK, NOTE, GAP, BROKEN = "ok", "note", "gap", "broken"
_PACKAGES = ("numpy", "scipy", "soundfile", "pygit2", "zstandard")
"""Distributions whose versions matter when something sounds different."""
_CORE = ("numpy", "soundfile", "pygit2", "zstandard", "pyfastcdc", "soxr", "tomlkit", "mido", "pathspec")
_PLAYERS = ("ffplay", "afplay", "pw-play", "paplay", "aplay", "play")
_LITTLE_DISK = 5_000_000_000
_NO_DISK = 200_000_000
_LITTLE_MEMORY = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the machine.

    Parameters
    ----------
    part : str
        ``python``, ``torch``, ``disk`` …
    state : str
        ``ok``; ``note``: not needed; ``gap``: something does not run, or runs slower; ``broken``: it is there and
        does not work.
    words : str
        What was found.
    fix : str or None
        The command, or the step, that mends it.
    """

    part: str
    state: str
    words: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Ability:
    """What would do a task here.

    Parameters
    ----------
    task : str
    engine : str or None
        The one that ``auto`` takes; None where there is none.
    reason : str
        Why it is that one, or why there is none.
    fix : str or None
        Where there is none, what mends that.
    better : str or None
        What would bring a better one.
    quality : tuple of str
        How good it is, in figures, where there are any; and the better one.
    """

    task: str
    engine: str | None
    reason: str
    fix: str | None = None
    better: str | None = None
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found."""

    findings: tuple[Finding, ...]
    abilities: tuple[Ability, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken; gaps are no illness."""
        return all(finding.state != BROKEN for finding in self.findings) and all(
            ability.engine for ability in self.abilities if ability.task != "extend"
        )


def diagnose(setup: Setup, directory: Path, quick: bool = False) -> Diagnosis:
    """Look at everything.

    Parameters
    ----------
    directory : Path
        Where the user is: its disk is looked at.
    quick : bool
        Look whether torch and an audio device are there, without trying them.
    """
    questions = {"packages": Question("packages", _CORE)}
    if not quick:
        questions["audio"] = Question("audio")
        if is_installed("torch"):
            questions["torch"] = Question("torch", (setup.device, setup.dtype))
    try:
        rows = list_models(setup)
        findings = [
            *_system(directory),
            *_memory(),
            *_disks(setup, directory),
            *_tools(),
            *_weights(rows, setup),
        ]
        answers = {"packages": questions["packages"].wait()}
        # A numpy that took its process down would take this one down as well.
        abilities = () if "error" in answers["packages"] else tuple(_abilities(setup))
        answers |= {name: question.wait() for name, question in questions.items() if name not in answers}
    finally:
        for question in questions.values():
            question.close()
    findings[2:2] = [
        *_packages(answers["packages"]),
        _kernels(),
        *_engine_packages(answers.get("torch"), find_cards() if setup.device != "cpu" else [], setup, quick),
    ]
    findings.append(_audio(answers["audio"]) if "audio" in answers else _quick_audio())
    return Diagnosis(tuple(findings), abilities)


def _system(directory: Path) -> list[Finding]:
    machine = f"{platform.system()} {platform.release()} {platform.machine()}"
    return [
        Finding("beatflow", OK, __version__),
        Finding("python", OK, f"{platform.python_version()}, {machine}"),
    ]


def _packages(answer: Mapping[str, Any]) -> list[Finding]:
    broken: Mapping[str, str] = answer.get("broken") or {}
    if "error" in answer:
        broken = {"a package": str(answer["error"])}
    if broken:
        return [
            Finding("packages", BROKEN, f"{name} does not import: {why}", _reinstall(name))
            for name, why in broken.items()
        ]
    return [Finding("packages", OK, ", ".join(f"{name} {_version(name) or '?'}" for name in _PACKAGES))]


def _kernels() -> Finding:
    if kernels():
        return Finding("kernels", OK, "compiled for this machine")
    slower = "commits and restores take longer"
    if is_switched_off():
        return Finding("kernels", GAP, f"switched off: {slower}", f"unset {SWITCH}")
    why = "do not load here" if LIBRARY.exists() else "were not compiled"
    fix = "install a C compiler, then: pip install --force-reinstall --no-deps beatflow"
    return Finding("kernels", GAP, f"the loops in C {why}: {slower}", fix)


def _reinstall(name: str) -> str:
    return f"pip install --force-reinstall {name if ' ' not in name else 'beatflow'}"


def _engine_packages(
    torch: Mapping[str, Any] | None, cards: list[Card], setup: Setup, quick: bool
) -> list[Finding]:
    """torch, the device it gives, and the packages that run weights."""
    found = []
    if not is_installed("torch"):
        words = "not installed: MusicGen and Demucs do not run; the embedded engines do"
        found.append(Finding("torch", GAP, words, INSTALL))
    elif torch is None:
        found.append(Finding("torch", OK, f"{_version('torch') or '?'} (not tried: --quick)"))
        found.append(_quick_device(cards))
    else:
        found += _torch(torch, cards, setup)
    missing = [name for name in ("transformers", "demucs", "huggingface-hub") if not _version(name)]
    if is_installed("torch"):
        versions = [f"{name} {_version(name)}" for name in ("transformers", "demucs") if _version(name)]
        if missing:
            found.append(Finding("libraries", GAP, f"not installed: {', '.join(missing)}", INSTALL))
        else:
            found.append(Finding("libraries", OK, ", ".join(versions)))
    if setup.runtime == "audiocraft":
        found.append(_audiocraft())
    return found


def _audiocraft() -> Finding:
    from beatflow.ai.musicgen.audiocraft_install import check_installed

    try:
        check_installed()
    except BeatFlowError as error:
        return Finding("audiocraft", GAP, error.message, error.hint)
    return Finding("audiocraft", OK, _version("audiocraft") or "installed")


def _quick_device(cards: list[Card]) -> Finding:
    if cards:
        return Finding("device", OK, f"{cards[0].name}, {format_size(cards[0].total_bytes)}")
    return Finding("device", NOTE, "no NVIDIA card seen")


def _torch(answer: Mapping[str, Any], cards: list[Card], setup: Setup) -> list[Finding]:
    if "error" in answer:
        fix = str(answer.get("fix") or "") or 'pip install --force-reinstall "beatflow[ai]"'
        return [Finding("torch", BROKEN, str(answer["error"]), fix)]
    cuda = f", CUDA {answer['cuda']}" if answer.get("cuda") else ", for the CPU"
    version = str(answer.get("version")).partition("+")[0]
    found = [Finding("torch", OK, f"{version}{cuda}")]
    found += [Finding("device", BROKEN, one["message"], one["fix"]) for one in answer.get("unfit", ())]
    if refused := answer.get("refused"):
        found.append(Finding("device", BROKEN, refused["message"], refused["fix"]))
        return found
    device = answer["device"]
    memory = f"{format_size(device['total_bytes'])}, {format_size(device['free_bytes'])} free"
    name = device["name"] if device["kind"] == "cpu" else f"{device['name']} {device['model']}"
    words = f"{name}, {device['dtype']}" + ("" if device["kind"] == "cpu" else f", {memory}")
    if device["kind"] == "cpu" and cards and not answer.get("unfit") and setup.device == "auto":
        card = cards[0]
        if answer.get("cuda"):
            words, fix = f"torch cannot use the {card.name} (driver {card.driver})", "update its driver"
        else:
            words, fix = f"this torch cannot use the {card.name}", "install torch with CUDA (pytorch.org)"
        found.append(Finding("device", GAP, f"{words}; engines run on the CPU", fix))
    elif device["kind"] == "cpu":
        found.append(Finding("device", OK, f"{words}; no GPU that torch can use"))
    else:
        found.append(Finding("device", OK, words))
    return found


def _memory() -> list[Finding]:
    memory = read_memory()
    if not memory.total_bytes:
        return [Finding("memory", NOTE, "the system does not tell")]
    words = f"{format_size(memory.total_bytes)}, {format_size(memory.free_bytes)} free"
    if memory.free_bytes < _LITTLE_MEMORY:
        return [Finding("memory", GAP, f"{words}: too little for neural engines", "close other programs")]
    return [Finding("memory", OK, words)]


def _disks(setup: Setup, directory: Path) -> list[Finding]:
    """The disk where the user is, and the one where weights lie if it is another."""
    found, seen = [], set()
    for part, folder in (("disk", directory), ("weights' disk", setup.models or hub_cache())):
        if folder is None:
            continue
        try:
            existing = next(place for place in (folder, *folder.parents) if place.exists())
            free, device = shutil.disk_usage(existing).free, existing.stat().st_dev
        except (OSError, StopIteration) as error:
            found.append(Finding(part, BROKEN, f"{folder}: {error}", "check that it is there, and yours"))
            continue
        if device in seen:
            continue
        seen.add(device)
        words = f"{format_size(free)} free at {existing}"
        if free < _NO_DISK:
            found.append(Finding(part, BROKEN, words, "free some space: bf gc, bf models rm"))
        elif free < _LITTLE_DISK:
            found.append(Finding(part, GAP, words, "free some space: bf gc, bf models rm"))
        else:
            found.append(Finding(part, OK, words))
    return found


def _tools() -> list[Finding]:
    """Programs that BeatFlow can do without."""
    found = []
    if shutil.which("ffmpeg"):
        found.append(Finding("ffmpeg", OK, "there, to convert what cannot be read (M4A, video)"))
    else:
        found.append(
            Finding("ffmpeg", NOTE, "not there; M4A and video sound must be converted elsewhere", _ffmpeg())
        )
    there = [name for name in ("git", "git-lfs") if shutil.which(name)]
    words = f"{' and '.join(there)} there" if there else "not there"
    found.append(Finding("git", OK if there else NOTE, f"{words}; BeatFlow needs neither"))
    return found


def _ffmpeg() -> str:
    if sys.platform == "darwin":
        return "brew install ffmpeg"
    return "winget install ffmpeg" if sys.platform == "win32" else "sudo apt install ffmpeg"


def _weights(rows: list[Shelved], setup: Setup) -> list[Finding]:
    here = [row for row in rows if row.here]
    partial = [row for row in rows if row.path and not row.here]
    found = []
    if setup.models and setup.models.exists() and not setup.models.is_dir():
        words = f"{setup.models} is no folder"
        found.append(Finding("weights", BROKEN, words, "bf config models, or BF_MODELS, names one"))
    for row in partial:
        cut = any(" has " in one for one in row.missing)
        repair = "--repair " if cut else ""
        found.append(
            Finding(
                "weights",
                BROKEN if cut else GAP,
                f"{row.name} is not complete: {row.missing[0] if row.missing else 'an interrupted pull'}",
                f"bf models pull {repair}{row.name}",
            )
        )
    idle = [row for row in here if row.state not in ("ready", "here")]
    found += [Finding("weights", NOTE, f"{row.name} is here, but {row.state}") for row in idle]
    if here:
        size = format_size(sum(row.size_bytes for row in here))
        names = [row.name for row in here]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        found.append(Finding("weights", OK, f"{plural(len(here), 'model')} here, {size}: {shown}"))
    elif not partial:
        words = f"none of the {len(MODELS)} models is here" + (" (offline)" if setup.offline else "")
        state = GAP if is_installed("torch") else NOTE
        found.append(Finding("weights", state, words, "bf models pull musicgen-small htdemucs"))
    return found


def _audio(answer: Mapping[str, Any]) -> Finding:
    player = next((name for name in _PLAYERS if shutil.which(name)), None)
    instead = f"; {player} plays" if player else ""
    if "device" in answer:
        return Finding("audio", OK, f"{answer['device']}, {answer['sample_rate']:g} Hz")
    if answer.get("absent"):
        state = OK if player else GAP
        return Finding(
            "audio",
            state,
            f"sounddevice is not installed{instead}",
            'pip install "beatflow[play]"' if not player else None,
        )
    if answer.get("none"):
        return Finding("audio", NOTE, f"no device to play on ({answer['error']})")
    return Finding(
        "audio",
        NOTE if player else BROKEN,
        f"sounddevice does not work: {answer['error']}{instead}",
        "sudo apt install libportaudio2"
        if sys.platform == "linux"
        else 'pip install --force-reinstall "beatflow[play]"',
    )


def _quick_audio() -> Finding:
    if is_installed("sounddevice"):
        return Finding("audio", OK, "sounddevice is installed (not tried: --quick)")
    return _audio({"absent": True})


def _abilities(setup: Setup) -> list[Ability]:
    found = []
    for task in TASKS:
        try:
            choice = pick(task, "auto", setup)
            name = choice.info.name
            better = _find_better(task, name, setup)
            found.append(Ability(task, name, choice.reason, better=better, quality=_tell_quality(task, name)))
        except BeatFlowError as error:
            found.append(Ability(task, None, error.message, error.hint))
        except Exception as error:
            # A plug-in of somebody else's may do anything.
            found.append(Ability(task, None, f"{type(error).__name__}: {error}", "bf doctor --debug"))
    return found


def _tell_quality(task: str, chosen: str) -> tuple[str, ...]:
    """The figures of an engine, and of the one to begin with that would be better."""
    starters = [name for name, listing in ENGINES.items() if task in listing.tasks and listing.starter]
    names = dict.fromkeys([chosen, *starters])
    return tuple(f"{name}: {QUALITY[name].words}" for name in names if name in QUALITY)


def _find_better(task: str, chosen: str, setup: Setup) -> str | None:
    """What is between us and the neural engine to begin with, where an embedded one was taken."""
    for name, listing in ENGINES.items():
        if name == chosen:
            return None
        if task in listing.tasks and listing.starter:
            try:
                pick(task, name, setup)
            except BeatFlowError as error:
                return error.hint
    return None


def _version(name: str) -> str | None:
    try:
        return re.split(r"[+]", metadata.version(name))[0]
    except metadata.PackageNotFoundError:
        return None
