"""``bf mood``."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    DeviceOption,
    EngineOption,
    ForceOption,
    JobsOption,
    JsonOption,
    OfflineOption,
)
from beatflow.commands.takes import Target, choose, make_setup
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.mood.hearing import Division
    from beatflow.mood.judge import Judge
    from beatflow.mood.rating import Rated
    from beatflow.mood.remembering import Memory
    from beatflow.soundfolder import Mishap

TRAIN = "train"
Failure = tuple[str, str, str | None]
"""Path, what is wrong with it, and the way out."""
DEFAULT_MODEL = "mood.skops"


def mood(
    invocation: Invocation,
    files: Annotated[
        list[str],
        Argument(
            metavar="FILE...|STEM|REV:PATH|REV|-|train DIR",
            help="Sounds, folders, versions; or train and a folder.",
        ),
    ],
    sections: Annotated[bool, Option("--sections", help="Section by section as well: a timeline.")] = False,
    every: Annotated[
        float | None,
        Option("--every", metavar="SECONDS", help="A timeline of stretches of one length."),
    ] = None,
    history: Annotated[bool, Option("--history", help="Every version of one file of the track.")] = False,
    limit: Annotated[
        int | None, Option("--limit", metavar="N", help="With --history: the newest N versions.")
    ] = None,
    engine: EngineOption = None,
    model: Annotated[
        str | None,
        Option("--model", metavar="FILE.skops", help="A model of your own, of bf mood train."),
    ] = None,
    labels: Annotated[
        str | None,
        Option("--labels", metavar="WORDS", help="Other moods to choose between, for --engine clap."),
    ] = None,
    device: DeviceOption = None,
    offline: OfflineOption = False,
    output: Annotated[
        str | None, Option("--output", "-o", metavar="FILE.skops", help="train: where the model goes.")
    ] = None,
    force: ForceOption = False,
    jobs: JobsOption = None,
    json: JsonOption = False,
) -> int:
    """Tell the mood of music: seven scores that sum to 1, valence, arousal, and the cues behind them.

    cues, the embedded model, adds up tempo, mode, loudness, brightness, onsets, register, articulation and roughness as
    listeners do; clap compares with words (bf models pull clap). docs/mood.md says how often each is right. A file
    that cannot be read does not stop the others; the exit code is then 1.

    train makes a model of a folder of folders: their names are the labels. What it prints comes from cross-validation.
    (A folder of yours that is called train is ./train.)

    Examples:
      bf mood mix.wav
      bf mood mix.wav --sections
      bf mood main~2:mix.wav main:mix.wav
      bf mood mix.wav --history
      bf mood album/ --json | jq -r '.files[] | [.path, .mood] | @tsv'
      bf mood train labelled/ -o mine.skops
      bf mood mix.wav --model mine.skops
      bf mood mix.wav --engine clap --labels "dreamy,tense,epic"
    """
    from beatflow.mood.hearing import Division

    if files[0] == TRAIN and len(files) == 2:
        return _train(invocation, files[1], output or DEFAULT_MODEL, force, jobs, json)
    if output is not None:
        raise UsageError("only bf mood train writes a file", hint="bf mood train DIR -o MODEL.skops")
    judge = _choose(invocation, engine, model, labels, device, offline)
    division = Division(sections, every)
    if history:
        if division or len(files) > 1:
            raise UsageError("--history is of one file as a whole", hint=f"bf mood {files[0]} --history")
        return _show_history(invocation, files[0], judge, limit, json)
    if limit is not None:
        raise UsageError("--limit is of --history", hint=f"bf mood {files[0]} --history --limit {limit}")
    return _show(invocation, files, judge, division, jobs, json)


def _choose(
    invocation: Invocation,
    engine: str | None,
    model: str | None,
    labels: str | None,
    device: str | None,
    offline: bool,
) -> "Judge":
    from beatflow.mood.judge import MODEL_SUFFIX, judge_by_engine, judge_by_model
    from beatflow.mood.model import load_model
    from beatflow.mood.text import summarize

    if engine is not None and engine.lower().endswith(MODEL_SUFFIX):
        engine, model = None, model or engine
    words = [word.strip() for word in labels.split(",") if word.strip()] if labels is not None else None
    if model is not None:
        if engine is not None or words is not None:
            raise UsageError("a model of your own knows its own labels", hint="give --model alone")
        found = load_model(invocation.directory / model, model)
        invocation.ui.say(f"{model}: {summarize(found.facts)}")
        return judge_by_model(found, model)
    if words is not None and not words:
        raise UsageError("--labels names nothing", hint='--labels "dreamy,tense,epic"')
    setup = make_setup(invocation, device, None, None, offline)
    needs = frozenset({"labels"}) if words else frozenset()
    return judge_by_engine(choose(invocation, "mood", engine, setup, needs), words, setup)


def _show(
    invocation: Invocation,
    files: list[str],
    judge: "Judge",
    division: "Division",
    jobs: int | None,
    json: bool,
) -> int:
    from beatflow.delivery import spool
    from beatflow.mood.rating import rate_all
    from beatflow.soundword import NamedSound, iter_named

    ui = invocation.ui
    repository = invocation.find_repository()
    failures: list[Failure] = []
    sounds: list[NamedSound] = []
    results: list[Rated] = []

    def on_mishap(mishap: "Mishap") -> None:
        if mishap.broken:
            failures.append((mishap.path, mishap.message, mishap.hint))

    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch, ui.progress("listening") as progress:
        for word in files:
            try:
                piped = spool(ui.read_input(), Path(scratch)) if word == "-" else None
                sounds += iter_named(word, invocation.directory, repository, piped, on_mishap)
            except BeatFlowError as error:
                if len(files) == 1:
                    raise
                failures.append((word, error.message, error.hint))
        # A sound by itself is remembered in its track alone: who rates one file is not going through a heap.
        memory = _find_memory(invocation, len(sounds) > 1)
        for outcome in rate_all(sounds, judge, memory, division, jobs, progress):
            wrong = outcome.error
            if outcome.result:
                results.append(outcome.result)
            elif wrong and len(files) == len(sounds) == 1:
                raise wrong
            elif isinstance(wrong, BeatFlowError):
                failures.append((outcome.item.name, wrong.message, wrong.hint))
            else:
                failures.append((outcome.item.name, str(wrong), None))
    if not results and not failures:
        raise UsageError(f"{files[0]} holds no sounds", hint="bf mood FILE")
    _report(invocation, judge, results, failures, bool(division), json)
    return 1 if failures else 0


def _find_memory(invocation: Invocation, many: bool) -> "Memory | None":
    from beatflow.mood.remembering import find_memory

    return find_memory(invocation.find_repository(), invocation.settings.state if many else None)


def _report(
    invocation: Invocation,
    judge: "Judge",
    results: "list[Rated]",
    failures: list[Failure],
    divided: bool,
    json: bool,
) -> None:
    from beatflow.mood.text import list_rated, tell_rated

    ui = invocation.ui
    if json:
        ui.emit_json(
            "beatflow.mood/1",
            {
                "engine": judge.name,
                "engine_version": judge.version,
                "files": [one.to_json() for one in results],
                "failures": [{"path": path, "error": text, "hint": hint} for path, text, hint in failures],
            },
        )
    elif len(results) == 1 or divided:
        for number, one in enumerate(results):
            if number:
                ui.emit()
            for line in tell_rated(one, ui.width, ui.style, ui.unicode):
                ui.emit(line)
    elif results:
        ui.table(*list_rated(results))
    for one in results:
        if one.truncated:
            ui.warn(f"{one.name} breaks off before its announced end: the rest is not heard")
        if one.small:
            ui.warn(f"{one.name} is elsewhere: its small copy was rated", "bf fetch brings it")
    for path, text, hint in failures:
        ui.error(text if path in text else f"{path}: {text}", hint)


def _show_history(invocation: Invocation, file: str, judge: "Judge", limit: int | None, json: bool) -> int:
    from beatflow.mood.history import rate_history
    from beatflow.mood.text import list_history
    from beatflow.revision.revision import get_commit, split_path

    repository, ui = invocation.repository(), invocation.ui
    revision, path = split_path(file)
    if path == file:
        path = repository.worktree.relative(Path(file))
    commit = get_commit(repository, revision)
    with ui.progress("listening") as progress:
        versions = list(rate_history(repository, path, commit, judge, limit, progress))
    if json:
        ui.emit_json(
            "beatflow.mood-history/1",
            {
                "engine": judge.name,
                "engine_version": judge.version,
                "path": path,
                "versions": [version.to_json() for version in versions],
            },
        )
    else:
        ui.table(*list_history(versions))
    return 1 if any(version.problem for version in versions) else 0


def _train(
    invocation: Invocation, folder: str, output: str, force: bool, jobs: int | None, json: bool
) -> int:
    from beatflow.mood.model import save_model
    from beatflow.mood.text import tell_training
    from beatflow.mood.training import gather, train

    ui = invocation.ui
    failures: list[Mishap] = []
    with Target(invocation, output, DEFAULT_MODEL, force, "mood") as target:
        with ui.progress("listening") as progress:
            place = invocation.directory / folder
            memory = _find_memory(invocation, many=True)
            examples = gather(place, folder, memory, failures.append, jobs, progress)
        training = train(examples)
        save_model(training.model, target.file)
        broken = [mishap for mishap in failures if mishap.broken]
        for mishap in broken:
            ui.warn(f"{mishap.path}: {mishap.message}", mishap.hint)
        if json:
            ui.emit_json("beatflow.mood-training/1", {"model": output, **training.to_json()})
        elif output != "-":
            for line in tell_training(training):
                ui.emit(line)
        target.publish()
    return 1 if broken else 0
