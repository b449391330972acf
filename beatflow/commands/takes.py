"""What the commands that make music share: choosing the engine, handing over, showing takes."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.ai.engine import Progress, Setup
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.library.noting import Run
    from beatflow.making.take import SoundFile, Take


def make_setup(
    invocation: Invocation,
    device: str | None = None,
    dtype: str | None = None,
    runtime: str | None = None,
    offline: bool = False,
) -> "Setup":
    """What engines are given of their surroundings: the settings, and the options that go before them.

    Raises
    ------
    UsageError
        An option has a value that its setting cannot have.
    """
    from beatflow.ai.engine import Setup

    given = {"device": device, "dtype": dtype, "runtime": runtime, "offline": "true" if offline else None}
    if any(given.values()):
        invocation.apply(**given)
    settings = invocation.settings
    return Setup(
        device=settings.device,
        dtype=settings.dtype,
        runtime=settings.runtime,
        models=settings.models,
        offline=settings.offline,
        memory_bytes=settings.memory_bytes,
        tell=invocation.ui.say,
        keys=settings.keys,
        addresses=settings.addresses,
        state=settings.state,
    )


def choose(
    invocation: Invocation,
    task: str,
    name: str | None,
    setup: "Setup | None" = None,
    needs: frozenset[str] = frozenset(),
) -> "Choice":
    """Pick the engine, and say which and why when that was left open.

    An engine that is named must do the task; one that is merely set (``bf config engine``) is taken where it can,
    and elsewhere the best one at hand. Where only weights are missing and somebody is there to answer, offers to fetch
    them.
    """
    from beatflow.ai.table import pick
    from beatflow.errors import EngineError

    setup = setup or make_setup(invocation)
    name = name or _find_set(invocation, task, setup)
    try:
        choice = pick(task, name, setup, needs)
    except EngineError as error:
        # Another hint means that weights alone would not do.
        weights_lack = name != "auto" and "bf models pull" in (error.hint or "")
        if not (weights_lack and _fetch_weights(invocation, name, setup)):
            raise
        choice = pick(task, name, setup, needs)
    if name == "auto":
        invocation.ui.say(f"engine {choice.info.name}: {choice.reason}")
    return choice


def _find_set(invocation: Invocation, task: str, setup: "Setup") -> str:
    """The engine of the settings, where it can do the task; otherwise auto."""
    from beatflow.ai.table import get_engine

    name = invocation.settings.engine
    if name == "auto" or task not in ("generate", "accompany", "extend"):
        return "auto"
    return name if task in get_engine(name, setup).info.tasks else "auto"


def _fetch_weights(invocation: Invocation, name: str, setup: "Setup") -> bool:
    """Offer to fetch the weights that an engine lacks; whether they are here now.

    Nothing is ever fetched unasked: without a terminal the answer is no.
    """
    from beatflow.ai.table import get_engine
    from beatflow.ai.weights.catalogue import MODELS
    from beatflow.ai.weights.shelf import find_weights

    ui = invocation.ui
    if setup.offline or not ui.can_ask:
        return False
    missing = [
        weights for weights in get_engine(name, setup).info.weights if not find_weights(weights, setup)
    ]
    if not missing or not set(missing) <= set(MODELS):
        return False
    gigabytes = sum(MODELS[weights].size_bytes for weights in missing) / 1e9
    if not ui.confirm(
        f"the weights of {', '.join(missing)} are not here: fetch about {gigabytes:.1f} GB now?"
    ):
        return False
    from beatflow.ai.weights.pulling import plan_pull, pull

    for weights in missing:
        with ui.progress(f"fetching {weights}") as progress:
            pull(plan_pull(weights, setup), _as_fraction(progress))
    return True


def _as_fraction(progress: "Progress") -> "Callable[[int, int, str], None]":
    return lambda done, total, name: progress(done / total if total else 1.0, name)


class Timed(Protocol):
    """What was made in some seconds, and how many seconds of sound came of each."""

    @property
    def seconds(self) -> float: ...
    @property
    def real_time_factor(self) -> float: ...


def remember_pace(invocation: Invocation, setup: "Setup", choice: "Choice", *made: Timed) -> None:
    """Keep how fast an engine with weights was here once they were loaded, for ``bf models``."""
    name = choice.info.name
    if not choice.info.weights or setup.state is None:
        return
    from beatflow.ai.speed import Speed, remember_speed
    from beatflow.ai.weights.shelf import count_bytes, find_weights

    folder = find_weights(name, setup)
    if folder is None:
        return
    facts = choice.facts
    sound_s = sum(one.seconds * one.real_time_factor for one in made)
    working_s = sum(one.seconds for one in made) - facts.loading_s
    factor = round(sound_s / max(working_s, 1e-3), 2)
    remember_speed(
        setup.state,
        Speed(
            name, facts.device, facts.dtype, factor,
            measured=invocation.clock().time, sound_s=sound_s, weights_bytes=count_bytes(folder),
        ),
    )  # fmt: skip


@contextmanager
def noting(invocation: Invocation, command: str, dry_run: bool = False, **asked: object) -> "Iterator[Run]":
    """Note each result that is added, or why there is none, in the journal that ``bf library`` reads."""
    from beatflow.library.noting import Run
    from beatflow.library.noting import noting as watch

    folder, root = _find_journal(invocation)
    run = Run(None if dry_run else folder, lambda: _iso_time(invocation), command, root, dict(asked))
    with watch(run):
        yield run


def note_takes(run: "Run", choice: "Choice", *takes: "Take") -> None:
    """Add takes, with all their files, to what is noted."""
    for take in takes:
        run.add(take, (*([take.mix] if take.mix else []), *take.stems), choice.facts)


def note(invocation: Invocation, kind: str, **facts: object) -> None:
    """Note that a sound was played (``play``) or taken out (``download``): its ``oid``, ``path``, and what is known.

    A path below the track is given as seen from its root.
    """
    from beatflow.library.journal import note_event

    folder, _ = _find_journal(invocation)
    if folder:
        note_event(folder, kind, _iso_time(invocation), **facts)


def _find_journal(invocation: Invocation) -> tuple[Path | None, Path | None]:
    """Where events are noted: in the track around the folder, and its root, or else among the user's own things."""
    repository = invocation.find_repository()
    return (repository.state, repository.root) if repository else (invocation.settings.state, None)


def _iso_time(invocation: Invocation) -> str:
    from beatflow.wording import format_iso_time

    return format_iso_time(invocation.signature())


def make_handover(
    invocation: Invocation,
    output: str | None = None,
    force: bool = False,
    message: str | None = None,
    dry_run: bool = False,
    midi: Path | None = None,
    in_track: bool = False,
) -> "Handover":
    """What -o, --force, -m, --dry-run and --midi ask for; a commit needs a track, as what is ``in_track`` does."""
    from beatflow.delivery import Handover, find_place

    directory = invocation.directory
    needed = in_track or message is not None
    repository = invocation.repository() if needed else invocation.find_repository()
    place = find_place(output, directory) if output else None
    return Handover(directory, repository, place, force, message, dry_run, directory / midi if midi else None)


def show_takes(invocation: Invocation, takes: Sequence["Take"], json: bool, schema: str) -> None:
    """Print what was made: the files to stdout, the figures to stderr; or all of it as JSON."""
    from beatflow.making.take import describe_take

    ui = invocation.ui
    say_promises(invocation, takes)
    if json:
        documents = [take_document(invocation, take) for take in takes]
        ui.emit_json(schema, documents[0] if len(takes) == 1 else {"takes": documents})
        return
    for take in takes:
        ignored = take.parameters.get("ignored_words")
        if ignored:
            genre = take.parameters.get("genre")
            words = " ".join(map(str, ignored)) if isinstance(ignored, list | tuple) else ignored
            ui.warn(
                f"not understood: {words}; this is {genre}", hint="docs/engines.md lists the words it knows"
            )
        pace = f" ({tell_pace(take.seconds, take.real_time_factor)})" if len(takes) == 1 else ""
        ui.say(f"{describe_take(take)}{pace}")
        for path in _paths(take):
            ui.emit(relative(invocation, path))
    if len(takes) > 1:
        # Takes that were drawn at once have no time of their own.
        seconds = sum(take.seconds for take in takes)
        sound_s = sum(take.duration_s for take in takes)
        ui.say(f"{len(takes)} takes ({tell_pace(seconds, sound_s / max(seconds, 1e-6))})")


def tell_pace(seconds: float, real_time_factor: float) -> str:
    """How long the work took, and how that compares with the length of the sound: ``1.2 s, 25x real time``."""
    pace = f"{real_time_factor:.2g}" if real_time_factor < 1 else f"{real_time_factor:.0f}"
    return f"{seconds:.1f} s, {pace}x real time"


def say_promises(invocation: Invocation, takes: Sequence["Take"]) -> None:
    """Tell what became of each thing that was asked for, and of the tries before the one that was taken."""
    from beatflow.contract.text import format_contract

    for take in takes:
        for line in format_contract(take.contract, take.duration_s):
            invocation.ui.say(f"seed {take.seed}: {line}" if len(takes) > 1 else line)


def take_document(invocation: Invocation, take: "Take") -> dict[str, Any]:
    """A take as JSON: keys of the glossary, paths as seen from here."""
    document = {name: getattr(take, name) for name in take.__slots__}
    document["contract"] = take.contract.to_json() if take.contract else None
    document["mix"] = sound_document(invocation, take.mix) if take.mix else None
    document["stems"] = [sound_document(invocation, stem) for stem in take.stems]
    document["midi"] = relative(invocation, take.midi) if take.midi else None
    return document


def sound_document(invocation: Invocation, sound: "SoundFile") -> dict[str, str]:
    """A written sound as JSON."""
    return {"name": sound.name, "path": relative(invocation, sound.path), "oid": sound.oid}


def relative(invocation: Invocation, path: Path) -> str:
    """A path as seen from where the user is."""
    return Path(os.path.relpath(path, invocation.directory)).as_posix()


def say_written(invocation: Invocation, handover: "Handover") -> None:
    """Tell that the result was recorded, or that nothing was written at all."""
    if handover.dry_run:
        invocation.ui.say("a dry run: nothing was written")
    elif handover.message is not None:
        repository = invocation.repository()
        head = (repository.head or "")[:7]
        invocation.ui.say(f"[{repository.branch or 'detached'} {head}] {handover.message}")


def _paths(take: "Take") -> list[Path]:
    sounds = [*([take.mix] if take.mix else []), *take.stems]
    return [*(sound.path for sound in sounds), *([take.midi] if take.midi else [])]


class Target:
    """Where a result goes: a file, put in place when it is whole and undoable inside a track, or standard output.

    ``file`` is where to write it meanwhile.
    """

    def __init__(self, invocation: Invocation, name: str, default: str, force: bool, kind: str) -> None:
        from beatflow.delivery import Delivery, Handover, check_new, find_place

        self._ui = invocation.ui
        self._delivery = None
        if name == "-":
            self._ui.check_output()
            return
        place = find_place(name, invocation.directory)
        self._name = place.file or default
        check_new(place.folder / self._name, force)
        handover = Handover(invocation.directory, invocation.find_repository(), place, force)
        self._delivery = Delivery(handover, kind, f"write {self._name}")

    def __enter__(self) -> "Target":
        with ExitStack() as stack:
            if self._delivery:
                stack.enter_context(self._delivery)
                self.file = self._delivery.new_file(self._name)
            else:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="beatflow-"))
                self.file = Path(folder, "result")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def publish(self) -> None:
        """Put the result where it belongs."""
        if self._delivery is None:
            with self.file.open("rb") as source, self._ui.open_pipe() as out:
                shutil.copyfileobj(source, out, 1 << 20)
        elif self.file.exists():
            self._delivery.add(self._name, self.file)
            self._delivery.publish()
            self._ui.say(f"wrote {self._delivery.folder / self._name}")
