"""``bf bisect``: the first bad commit, by ear or by a script."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Group, Option
from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.bisect.audition import Hearing
    from beatflow.bisect.bisect import Trial
    from beatflow.bisect.bisection import Step
    from beatflow.repository import Repository
    from beatflow.ui import Ui

UNDECIDED = 1
_ANSWERS = ("good", "bad", "skip", "again", "quit")

bisect = Group(
    """Find the commit that a fault came in with.

    Half of the commits in doubt fall away with each test. By ear: start, then good, bad or skip for what is heard. By a
    script: run. Neither the folder nor the branch changes.

    Examples:
      bf bisect start HEAD v1
      bf bisect good
      bf bisect run --good v1 sh -c 'bf analyze mix.wav --json | jq -e ".files[0].clipped_samples == 0"'
    """,
)

PathOption = Annotated[
    Path | None,
    Option("--path", metavar="PATH", help="Only commits that changed this file or folder are in doubt."),
]
RevisionsArgument = Annotated[
    list[str] | None, Argument(metavar="[REV]...", help="Commits; the one that was heard if none.")
]


@bisect.command("start")
def bisect_start(
    invocation: Invocation,
    bad: Annotated[str, Argument(metavar="BAD", help="A commit with the fault.")] = "HEAD",
    good: Annotated[
        list[str] | None,
        Argument(metavar="[GOOD]...", help="Commits without it; all older ones if none."),
    ] = None,
    path: PathOption = None,
    json: JsonOption = False,
) -> int:
    """Begin to search by ear.

    The mix of a commit in the middle (or --path) is written to a file and, on a terminal with a player, played; its
    path goes to standard output. Then say what you heard: bf bisect good, bad or skip.

    Examples:
      bf bisect start
      bf bisect start HEAD v1 --path stems/drums.wav
    """
    from beatflow.bisect.audition import start
    from beatflow.revision.revision import get_commit

    repository = invocation.repository()
    commit, goods = get_commit(repository, bad), [get_commit(repository, name) for name in good or []]
    with invocation.ui.progress("checking out") as progress:
        hearing = start(repository, commit, goods, _relative(repository, path), progress)
    return _go_on(invocation, repository, hearing, json)


@bisect.command("good")
def bisect_good(invocation: Invocation, revisions: RevisionsArgument = None, json: JsonOption = False) -> int:
    """Say that a commit has not the fault, and go on.

    Examples:
      bf bisect good
      bf bisect good v1 v2
    """
    return _mark(invocation, "good", revisions, json)


@bisect.command("bad")
def bisect_bad(invocation: Invocation, revisions: RevisionsArgument = None, json: JsonOption = False) -> int:
    """Say that a commit has the fault, and go on.

    Examples:
      bf bisect bad
      aplay "$(bf bisect bad)"
    """
    return _mark(invocation, "bad", revisions, json)


@bisect.command("skip")
def bisect_skip(invocation: Invocation, revisions: RevisionsArgument = None, json: JsonOption = False) -> int:
    """Say that a commit cannot be judged, and go on.

    Examples:
      bf bisect skip
      bf bisect skip HEAD~3
    """
    return _mark(invocation, "skip", revisions, json)


@bisect.command("again")
def bisect_again(invocation: Invocation, json: JsonOption = False) -> int:
    """Show where the search is, and play the sound again.

    Examples:
      bf bisect again
    """
    from beatflow.bisect.audition import resume

    repository = invocation.repository()
    with invocation.ui.progress("checking out") as progress:
        hearing = resume(repository, progress)
    return _go_on(invocation, repository, hearing, json)


@bisect.command("log")
def bisect_log(invocation: Invocation, json: JsonOption = False) -> None:
    """Write what was said so far, as commands that say it again.

    Examples:
      bf bisect log
      bf bisect log > search.sh
    """
    from beatflow.bisect.audition import format_log, read_state

    ui = invocation.ui
    repository = invocation.repository()
    state = read_state(repository)
    if json:
        ui.emit_json("beatflow.bisect.bisect.log/1", {"path": state.path, "marks": list(state.marks)})
        return
    for line in format_log(state, [_title(repository, mark.commit) for mark in state.marks]):
        ui.emit(line)


@bisect.command("reset")
def bisect_reset(invocation: Invocation) -> None:
    """End the search by ear and forget it.

    Examples:
      bf bisect reset
    """
    from beatflow.bisect.audition import reset

    known = reset(invocation.repository())
    invocation.ui.say("the search is forgotten" if known else "no search is under way")


@bisect.command("run", passes_on=True)
def bisect_run(
    invocation: Invocation,
    command: Annotated[list[str], Argument(metavar="CMD...", help="The test: a program and its arguments.")],
    good: Annotated[
        list[str] | None,
        Option("--good", metavar="REV", help="A commit without the fault; may be repeated."),
    ] = None,
    bad: Annotated[str, Option("--bad", metavar="REV", help="A commit with the fault.")] = "HEAD",
    path: PathOption = None,
    json: JsonOption = False,
) -> int:
    """Search by a script, in one go.

    CMD runs in a fresh folder with the files of a commit (with --path, that alone). It ends with 0 for good, 125 for a
    commit that cannot be tested, 1 to 127 for bad; anything else stops the search. Options go before CMD. Both ends are
    tested first. Ends with 1 when commits that cannot be tested hide the answer.

    Examples:
      bf bisect run --good v1 ./has-click.sh
      bf bisect run --path mix.wav sh -c 'bf analyze mix.wav --json | jq -e ".files[0].loudness_lufs < -14"'
    """
    from beatflow.bisect.bisect import make_script_test, search
    from beatflow.revision.revision import get_commit

    ui = invocation.ui
    repository = invocation.repository()
    commit, goods = get_commit(repository, bad), [get_commit(repository, name) for name in good or []]
    program = invocation.directory / command[0]
    if "/" in command[0] and program.is_file():
        command = [str(program), *command[1:]]
    wanted = _relative(repository, path)
    with ui.progress("checking out") as progress:
        test = make_script_test(repository, command, wanted, lambda line: ui.say(f"  {line}"), progress)
        found = search(
            repository,
            commit,
            goods,
            test,
            lambda step, trial: _tell_trial(ui, repository, step, trial),
            wanted,
        )
    if json:
        ui.emit_json(
            "beatflow.bisect.bisect.run/1",
            {**_describe(repository, found.suspects), "trials": list(found.trials)},
        )
    else:
        _show_end(ui, repository, found.suspects)
    return 0 if len(found.suspects) == 1 else UNDECIDED


def _relative(repository: "Repository", path: Path | None) -> str | None:
    return None if path is None else repository.worktree.relative(path) or None


def _tell_trial(ui: "Ui", repository: "Repository", step: "Step", trial: "Trial") -> None:
    why = f" ({trial.problem})" if trial.problem else ""
    said = f"{trial.verdict}: {trial.commit[:7]} {_title(repository, trial.commit)}{why}"
    if trial.problem:
        ui.warn(said)
    else:
        ui.say(said)


def _mark(invocation: Invocation, verdict: str, revisions: list[str] | None, json: bool) -> int:
    from beatflow.bisect.audition import mark
    from beatflow.revision.revision import get_commit

    repository = invocation.repository()
    commits = [get_commit(repository, name) for name in revisions or []]
    with invocation.ui.progress("checking out") as progress:
        hearing = mark(repository, verdict, commits, progress)
    return _go_on(invocation, repository, hearing, json)


def _go_on(invocation: Invocation, repository: "Repository", hearing: "Hearing", json: bool) -> int:
    """Show the next commit to hear; at a terminal play it and ask, until the search or the user is at an end."""
    from beatflow.bisect.audition import mark

    ui = invocation.ui
    while True:
        for passed in hearing.unheard:
            ui.warn(f"skip: {passed.commit[:7]} {_title(repository, passed.commit)} ({passed.problem})")
        if json:
            _emit_hearing(ui, repository, hearing)
        if hearing.file is None:
            if not json:
                _show_end(ui, repository, hearing.step.suspects)
                ui.say("bf bisect reset forgets the search")
            return 0 if len(hearing.step.suspects) == 1 else UNDECIDED
        if json:
            return 0
        _show_candidate(ui, repository, hearing)
        answer = _play_and_ask(ui, hearing.file)
        if answer is None:
            return 0
        with ui.progress("checking out") as progress:
            hearing = mark(repository, answer, [], progress)


def _show_candidate(ui: "Ui", repository: "Repository", hearing: "Hearing") -> None:
    step = hearing.step
    left = f"{plural(len(step.suspects), 'commit')} in doubt, about {plural(step.tests_left, 'test')} left"
    ui.say(
        f"{left}: {step.candidate[:7] if step.candidate else ''} {_title(repository, step.candidate or '')}"
    )
    if step.is_base:
        ui.say("  the good and the bad side part here; it should be good")
    ui.emit(str(hearing.file))


def _play_and_ask(ui: "Ui", file: Path) -> str | None:
    """Play a file and ask what is to be heard; None without a terminal, or when the user stops."""
    from beatflow.playing.programs import Playback

    if not ui.can_ask:
        return None
    while True:
        with Playback(file) as playback:
            if not playback.playing:
                ui.say(f"nothing here can play it: listen to {shlex.quote(str(file))}")
            answer = ui.choose("how is it?", _ANSWERS)
        if answer != "again":
            return None if answer == "quit" else answer


def _emit_hearing(ui: "Ui", repository: "Repository", hearing: "Hearing") -> None:
    step = hearing.step
    end = {} if step.candidate else _describe(repository, step.suspects)
    ui.emit_json(
        "beatflow.bisect/1",
        {
            "candidate": step.candidate,
            "path": hearing.file,
            "tests_left": step.tests_left if step.candidate else 0,
            "suspects": list(step.suspects),
            "skipped": list(hearing.unheard),
            **end,
        },
    )


def _describe(repository: "Repository", suspects: tuple[str, ...]) -> dict[str, Any]:
    """Return what a search came to as an object for JSON."""
    from beatflow.bisect.bisect import tell_changes
    from beatflow.explaining import Explainer
    from beatflow.wording import format_iso_time

    if len(suspects) != 1:
        return {"first_bad": None, "suspects": list(suspects)}
    commit = repository.git.read_commit(suspects[0])
    changes = tell_changes(repository, commit.oid, Explainer(repository).explain)
    first = {
        "oid": commit.oid,
        "author": commit.author.name,
        "email": commit.author.email,
        "time": format_iso_time(commit.author),
        "message": commit.message.strip(),
        "changes": [
            {"path": change.path, "kind": change.kind, "source": change.source, "summary": said}
            for change, said in changes
        ],
    }
    return {"first_bad": first, "suspects": list(suspects)}


def _show_end(ui: "Ui", repository: "Repository", suspects: tuple[str, ...]) -> None:
    """Show the first bad commit and what it changed, or those among which it is."""
    from beatflow.bisect.bisect import tell_changes
    from beatflow.explaining import Explainer
    from beatflow.wording import format_time

    if len(suspects) != 1:
        ui.say("the rest cannot be tested; the first bad commit is one of")
    for oid in suspects:
        ui.emit(f"{ui.style(oid[:7], 'oid')} {_title(repository, oid)}")
    if len(suspects) != 1:
        return
    commit = repository.git.read_commit(suspects[0])
    ui.emit(ui.style(f"        {commit.author.name}, {format_time(commit.author)}", "dim"))
    with ui.progress("listening"):
        changes = tell_changes(repository, commit.oid, Explainer(repository).explain)
    for change, said in changes:
        ui.emit(f"  {change.kind} {change.path}" + (f": {said}" if said else ""))


def _title(repository: "Repository", oid: str) -> str:
    """Return a commit's title; nothing where it cannot be read."""
    from beatflow.errors import DamagedError

    try:
        return repository.git.read_commit(oid).title
    except DamagedError:
        return ""
