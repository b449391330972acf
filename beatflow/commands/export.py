"""``bf export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, ForceOption, JsonOption, complete_revision
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.daw.exporting import Report
    from beatflow.repository import Repository
    from beatflow.ui import Ui

_SHOWN = 5


def export(
    invocation: Invocation,
    revision: Annotated[
        str,
        Argument(metavar="[REV]", help="The commit; HEAD if left out.", autocompletion=complete_revision),
    ] = "HEAD",
    reaper: Annotated[
        Path | None, Option("--reaper", metavar="FILE.rpp", help="Write a project for REAPER.")
    ] = None,
    dawproject: Annotated[
        Path | None,
        Option(
            "--dawproject",
            metavar="FILE.dawproject",
            help="Write a project for Bitwig Studio, Studio One, Cubase and others.",
        ),
    ] = None,
    wav: Annotated[
        Path | None,
        Option("--wav", metavar="DIR", help="Write the mix and the stems as Broadcast WAV files."),
    ] = None,
    flac: Annotated[Path | None, Option("--flac", metavar="DIR", help="The same as FLAC.")] = None,
    mp3: Annotated[Path | None, Option("--mp3", metavar="DIR", help="The same as MP3, V0.")] = None,
    ogg: Annotated[
        Path | None, Option("--ogg", metavar="DIR", help="The same as Ogg Vorbis, quality 9.")
    ] = None,
    archive: Annotated[
        Path | None, Option("--zip", metavar="FILE.zip", help="Pack every file of the commit.")
    ] = None,
    git: Annotated[
        Path | None,
        Option("--git", metavar="DIR", help="Write all of the history as a git repository with git-lfs."),
    ] = None,
    since: Annotated[
        str | None,
        Option("--since", metavar="REV", help="Mark what changed since then, not in the last version."),
    ] = None,
    listen: Annotated[
        bool,
        Option(help="Find tempo, sections and changes where they are not known; --no-listen is quicker."),
    ] = True,
    artist: Annotated[
        str | None, Option("--artist", metavar="NAME", help="For tags; else who wrote the commit.")
    ] = None,
    album: Annotated[str | None, Option("--album", metavar="TITLE", help="For tags.")] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Write a commit out for other programs: projects, tagged files, an archive.

    A project has each stem on a track of its own with the faders and the offset of track.toml, a tempo map, markers
    where the last version changed something, and the sections of the piece. The sounds for FILE.rpp lie beside it, in
    FILE-media. Without stems in track.toml, every sound is taken. Files appear only when all of them are whole.

    --git stands alone: all branches and tags, and all sounds of all of them, in a new folder for those who have no
    BeatFlow.

    Examples:
      bf export --reaper mixdown/night-drive.rpp
      bf export v1 --dawproject v1.dawproject --since v0
      bf export --wav stems-for-anna --mp3 listen --artist "Ada"
      bf export HEAD~1 --zip before.zip -n
      bf export --git ../song-git
    """
    from beatflow.daw.arranging import Look
    from beatflow.daw.exporting import Wish, list_uncommitted
    from beatflow.daw.exporting import export as write_out
    from beatflow.repository import make_absolute
    from beatflow.revision.revision import get_commit

    ui = invocation.ui
    repository = invocation.repository()
    folders = {"wav": wav, "flac": flac, "mp3": mp3, "ogg": ogg}
    wish = Wish(
        reaper=make_absolute(reaper) if reaper else None,
        dawproject=make_absolute(dawproject) if dawproject else None,
        archive=make_absolute(archive) if archive else None,
        folders={kind: make_absolute(folder) for kind, folder in folders.items() if folder},
        force=force,
        dry_run=dry_run,
    )
    if not (wish.reaper or wish.dawproject or wish.archive or wish.folders or git):
        raise UsageError(
            "nothing to write", hint="bf export --reaper FILE.rpp; bf export --help shows the others"
        )
    if git and (wish.reaper or wish.dawproject or wish.archive or wish.folders or revision != "HEAD"):
        raise UsageError(
            "--git writes all of the history, and nothing else",
            hint=f"bf export --git {git}; the rest by itself",
        )
    if git:
        return _export_git(invocation, repository, make_absolute(git), dry_run, json)
    commit = get_commit(repository, revision)
    look = Look(listen, get_commit(repository, since) if since else None, artist, album)
    with ui.progress("exporting") as progress:
        report = write_out(repository, commit, wish, look, progress)
    if not dry_run:
        _note(invocation, repository, commit, report)
    left = list_uncommitted(repository, commit) if revision == "HEAD" else []
    if left:
        names = ", ".join(left[:_SHOWN]) + (" …" if len(left) > _SHOWN else "")
        report.remarks.append(f"what is not committed is not in it: {names}")
    if json:
        ui.emit_json("beatflow.export/1", _describe(report, commit, dry_run))
    else:
        _tell(ui, report, invocation.directory, dry_run)
    for failure in report.failures:
        ui.error(failure.message, failure.hint)
    return 1 if report.failures else 0


def _note(invocation: Invocation, repository: "Repository", commit: str, report: "Report") -> None:
    """Note for the library which sounds were taken out: those that files are of; by an archive, all of them."""
    from beatflow.commands.takes import note
    from beatflow.history import list_files

    sounds = {file.path: file.oid for file in list_files(repository, commit) if file.sound}
    kinds = {file.kind for file in report.files}
    taken = {file.source for file in report.files if file.source}
    if report.session and kinds & {"reaper", "dawproject"}:
        taken |= {lane.path for lane in report.session.lanes}
    if "zip" in kinds:
        taken |= set(sounds)
    for path in sorted(taken & sounds.keys()):
        note(invocation, "download", oid=sounds[path], path=path, commit=commit)


def _export_git(
    invocation: Invocation, repository: "Repository", folder: Path, dry_run: bool, json: bool
) -> int:
    from beatflow.sharing.interop.gitexport import export_git
    from beatflow.wording import format_size, plural

    ui = invocation.ui
    with ui.progress("exporting") as watch:
        done = export_git(repository, folder, watch, dry_run)
    if json:
        document = {"path": done.path, "commits": done.commits, "sounds": done.sounds, "bytes": done.bytes}
        ui.emit_json("beatflow.export/1", document | {"dry_run": dry_run})
        return 0
    told = f"{plural(done.commits, 'commit')}, {plural(done.sounds, 'sound')} ({format_size(done.bytes)})"
    ui.say(f"{'would write' if dry_run else 'wrote'} {told} to {done.path}")
    return 0


def _describe(report: "Report", commit: str, dry_run: bool) -> dict[str, Any]:
    session = report.session
    document: dict[str, Any] = {
        "commit": commit,
        "dry_run": dry_run,
        "files": [
            {"path": file.path, "kind": file.kind, "source": file.source, "size": file.size}
            for file in report.files
        ],
        "renamed": [{"source": before, "path": after} for before, after in report.renamed.items()],
        "remarks": report.remarks,
        "failures": [{"error": failure.message, "hint": failure.hint} for failure in report.failures],
    }
    if session is None:
        return document
    tempo_map = session.tempo_map
    return document | {
        "title": session.title,
        "key": session.key,
        "tempo": tempo_map.tempo if tempo_map.known else None,
        "tempi": [
            {"start_s": point.start_s, "tempo": point.tempo, "meter": "{}/{}".format(*point.meter)}
            for point in tempo_map.points
        ],
        "stems": [
            {
                "name": lane.name,
                "path": lane.path,
                "oid": lane.oid,
                "gain_db": lane.gain_db,
                "pan": lane.pan,
                "mute": lane.mute,
                "solo": lane.solo,
                "offset_frames": lane.offset,
            }
            for lane in session.lanes
        ],
        "markers": [{"start_s": marker.start_s, "name": marker.name} for marker in session.markers],
        "sections": [
            {"start_s": part.start_s, "end_s": part.end_s, "label": part.name} for part in session.parts
        ],
    }


def _tell(ui: "Ui", report: "Report", directory: Path, dry_run: bool) -> None:
    from beatflow.columns import safe_line
    from beatflow.wording import format_size, plural

    for file in report.files:
        shown = file.path.relative_to(directory) if file.path.is_relative_to(directory) else file.path
        ui.emit(safe_line(str(shown)))
    session = report.session
    projects = any(file.kind in ("reaper", "dawproject") for file in report.files)
    if projects and session and not session.tempo_map.known:
        ui.warn("the tempo is not known: the project has 120 BPM; set tempo in track.toml")
    for before, after in report.renamed.items():
        ui.warn(
            safe_line(
                f"{before} is called {after}: some disks cannot hold its name, or not beside the others"
            )
        )
    for remark in report.remarks:
        ui.warn(safe_line(remark))
    count = plural(len(report.files), "file")
    if dry_run:
        ui.say(f"would write {count}")
        return
    told = [count, format_size(sum(file.size or 0 for file in report.files))]
    if session and session.markers:
        told.append(plural(len(session.markers), "marker"))
    if session and session.parts:
        told.append(plural(len(session.parts), "section"))
    ui.say(f"wrote {', '.join(told)}")
