"""``bf import``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe_line
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatflow.importing.importing import Found
    from beatflow.importing.plan import Plan, Step


def import_(
    invocation: Invocation,
    directory: Annotated[
        Path | None, Argument(metavar="DIR", help="A folder of versions, or a git repository.")
    ] = None,
    to: Annotated[
        Path | None, Option("--to", metavar="TRACKDIR", help="The new track's folder, or a track.")
    ] = None,
    yes: Annotated[bool, Option("--yes", "-y", help="Go on without asking.")] = False,
    listen: Annotated[
        bool, Option(help="Say in the messages what became of each sound; --no-listen is quicker.")
    ] = True,
    git: Annotated[
        bool, Option("--git", help="Take over the history of a git repository, this folder by default.")
    ] = False,
    reaper: Annotated[
        Path | None,
        Option("--reaper", metavar="FILE.rpp", help="Set the faders of track.toml as a project has them."),
    ] = None,
    dawproject: Annotated[
        Path | None,
        Option("--dawproject", metavar="FILE.dawproject", help="The same from a DAWproject."),
    ] = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Make a history of a folder of versions.

    song_v1.wav, song_v2 final.wav and song_FINAL_final2.wav become versions of song.wav, one commit each, in the order
    that numbers, dates and words in the names and the files' own dates tell; drums v3.wav goes with song_v3.wav, and
    what has no version goes in as it is. Folders like v1 or 2024-05-01 are versions as well. Each commit has the date
    of its files and says where they came from. The originals are only read.

    The new track is DIR.track, beside DIR, unless --to names another place. Inside a track, or with --to a track, the
    commits go on its current branch: there the plan is shown first, and -y is wanted unless somebody can answer.

    With --git the folder is a git repository. Its commits, branches, tags and remotes become the track's as they are,
    with the sounds that git-lfs has; the folder itself becomes the track, and its files stay as they are.

    With --reaper or --dawproject, the gains, pans, mutes, solos and offsets of a project that bf export wrote, or any
    with tracks of the stems' names, go into track.toml. It is one change, which bf undo takes back.

    Examples:
      bf import "night drive" -n
      bf import "night drive" --to tracks/night-drive
      bf import ~/bounces -y
      bf import --git
      bf import --git ~/old/song.git --to song
      bf import --reaper mixdown/night-drive.rpp -n
    """
    project = reaper or dawproject
    if project:
        if (reaper and dawproject) or directory or git or to:
            raise UsageError("a project is imported by itself", hint="one of them at a time")
        _bring_faders(invocation, project, dry_run, json)
        return 0
    if git:
        _import_git(invocation, directory or Path(), to, dry_run, json)
        return 0
    if directory is None:
        raise UsageError("which folder?", hint="bf import FOLDER, or for a git repository: bf import --git")
    from beatflow.importing.importing import Ear, find_target, plan_import, read_folder, run_import

    ui = invocation.ui
    here = invocation.find_repository() if to is None else None
    target = find_target(directory, to, here, invocation.signature)
    with ui.progress("reading") as progress:
        found = read_folder(directory)
        ear = Ear(directory, progress)
        plan = plan_import(found, ear, invocation.signature())
    if (dry_run or here) and not json:
        _show_plan(invocation, plan)
    if here and not (dry_run or yes or ui.confirm(f"add this to {target.root}?")):
        raise UsageError("nothing was added", hint="-y adds it; --to NEW makes a track of its own")
    commits: Sequence[tuple[str | None, Step]] = [(None, step) for step in plan.steps]
    if not dry_run:
        with ui.progress("importing") as progress:
            commits = run_import(target, invocation.signature, found, plan, ear if listen else None, progress)
        invocation.announce(target.root)
    _report(invocation, found, plan, commits, target.root, dry_run, json)
    return 1 if any(item.failed for item in found.skipped) else 0


def _bring_faders(invocation: Invocation, project: Path, dry_run: bool, json: bool) -> None:
    from beatflow.daw.bringing import bring_faders
    from beatflow.daw.movetext import describe_moves, format_moves
    from beatflow.repository import make_absolute
    from beatflow.wording import plural

    ui = invocation.ui
    if not project.is_file():
        raise UsageError(f"there is no file {project}", hint="name the project that was saved")
    repository = invocation.repository()
    moves = bring_faders(repository, make_absolute(project), dry_run)
    if json:
        ui.emit_json("beatflow.faders/1", {"dry_run": dry_run} | describe_moves(moves))
        return
    for line in format_moves(moves):
        ui.emit(safe_line(line))
    for remark in moves.remarks:
        ui.warn(safe_line(remark))
    word = "would set" if dry_run else "set"
    ui.say(
        f"{word} {plural(len(moves.moves), 'value')} in track.toml"
        if moves.moves
        else "every fader is where it was"
    )


def _import_git(invocation: Invocation, directory: Path, to: Path | None, dry_run: bool, json: bool) -> None:
    from beatflow.importing.gitfolder import get_git_folder
    from beatflow.importing.gitimport import find_import_place, plan_git_import, run_git_import
    from beatflow.importing.gittext import describe_git_plan, format_git_outcome, format_git_remarks
    from beatflow.sharing.inspection import Rules

    ui = invocation.ui
    source = get_git_folder(invocation.directory / directory)
    place = find_import_place(source, invocation.directory / to if to else None, invocation.signature)
    with ui.progress("reading history") as watch:
        plan = plan_git_import(source, watch, Rules.parse(invocation.settings.accept))
        if not dry_run:
            run_git_import(plan, place, invocation.signature, watch)
            invocation.announce(place)
    if json:
        ui.emit_json("beatflow.import/1", {"path": place, "dry_run": dry_run} | describe_git_plan(plan))
        return
    ui.say(format_git_outcome(plan, str(place), dry_run))
    for remark in format_git_remarks(plan, place):
        ui.say(remark)


def _show_plan(invocation: Invocation, plan: "Plan") -> None:
    from beatflow.importing.text import format_plan

    with invocation.ui.pager():
        for line in format_plan(plan, invocation.clock().offset_minutes):
            invocation.ui.emit(safe_line(line))


def _report(
    invocation: Invocation,
    found: "Found",
    plan: "Plan",
    commits: "Sequence[tuple[str | None, Step]]",
    root: Path,
    dry_run: bool,
    json: bool,
) -> None:
    from beatflow.importing.text import describe_plan, format_outcome, format_remarks

    ui = invocation.ui
    if json:
        rows = describe_plan(plan, invocation.clock().offset_minutes)
        document = {
            "path": root,
            "dry_run": dry_run,
            "commits": [{"oid": oid, **row} for (oid, _), row in zip(commits, rows, strict=True)],
            "duplicates": [{"path": one.path, "same_as": other.path} for one, other in plan.duplicates],
            "apart": plan.apart,
            "damaged": found.damaged,
            "skipped": [{"path": item.path, "reason": item.reason} for item in found.skipped],
        }
        ui.emit_json("beatflow.import/1", document)
        return
    for line in format_remarks(plan):
        ui.say(line)
    for complaint in found.damaged:
        ui.warn(f"{complaint}; kept as it is")
    for item in found.skipped:
        ui.warn(f"{item.path} stays outside: {item.reason}")
    count = sum(len(step.files) for step in plan.steps)
    ui.say(format_outcome(len(plan.steps), count, str(root), dry_run))
