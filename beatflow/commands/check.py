"""``bf check``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural

if TYPE_CHECKING:
    from beatflow.care.maintenance import Inquiry
    from beatflow.care.problem import Findings
    from beatflow.care.repair import Repair
    from beatflow.repository import Repository
    from beatflow.ui import Ui

DAMAGED = 7


def check(
    invocation: Invocation,
    revisions: Annotated[
        list[str] | None,
        Argument(metavar="[REV]...", help="Only the files of these commits; of A..B, of each in it."),
    ] = None,
    data: Annotated[bool, Option("--data", help="Decode every sound and verify every checksum.")] = False,
    restart: Annotated[
        bool, Option("--restart", help="With --data, begin anew after an interruption.")
    ] = False,
    repair: Annotated[
        bool, Option("--repair", help="Verify all data, then bring back what is lost.")
    ] = False,
    sources: Annotated[
        list[str] | None,
        Option("--from", metavar="DIR", help="With --repair, a track or a folder that may have it."),
    ] = None,
    remote: Annotated[
        str | None,
        Option(
            "--remote",
            metavar="NAME",
            help="Ask NAME as well whether it has what was pushed there, or left there.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Check that all of a track can be read, and mend it.

    Without REV the structure of everything is checked, with --data every byte; an interrupted --data goes on where it
    was. With REV every stored byte of those files is read, with --data each is put together whole. Ends with 7 when
    something is damaged, and tells which commits, files and moments it hurts.

    --repair moves what is damaged to quarantine, deletes nothing, and takes what is lost from the folder and from DIR:
    another track, an audio store, or a folder of sound files such as your bounces. Ends with 0 when all is mended.

    --remote asks a remote whether it has all that its branches need, and what a partial clone has left there; with
    --data that is read through there too, as far as that remote can be read.

    Examples:
      bf check
      bf check --data
      bf check HEAD v1
      bf check --remote origin
      bf check --repair --from ~/bounces --dry-run
      bf check --repair --from /backup/night-drive
    """
    from beatflow.care.maintenance import examine, examine_at_rest, get_commits
    from beatflow.care.repair import open_place
    from beatflow.care.repair import repair as mend
    from beatflow.care.verification import Verification
    from beatflow.repository import Repository
    from beatflow.wording import format_iso_time

    if (sources or dry_run) and not repair:
        raise UsageError("--from and --dry-run are for --repair", hint="bf check --repair --from DIR")
    if restart and not (data or repair):
        raise UsageError("--restart is for --data", hint="bf check --data --restart")
    ui = invocation.ui
    repository = invocation.repository()
    data = data or repair
    places = [open_place(source, invocation.signature) for source in sources or ()]
    commits = get_commits(repository, revisions) if revisions else []
    verification = None
    if data and not commits:
        started = format_iso_time(invocation.signature())
        verification = Verification(repository.state / "check", started, restart)
        if verification.resumed:
            ui.say(
                f"going on with the check of {verification.started}: "
                f"{plural(verification.resumed, 'pack')} done (--restart begins anew)"
            )

    def look(what: str) -> "Findings":
        def examine_now() -> "Findings":
            # Opened anew each time: libgit2 and the store remember what they have read.
            fresh = Repository(repository.root, invocation.signature)
            return examine(fresh, commits, data, verification, progress, inquiry)

        with ui.progress(what) as progress:
            return examine_at_rest(examine_now, repository)

    inquiry = _open_inquiry(invocation, repository, remote, data) if remote else None
    repairs: list[Repair] = []
    try:
        findings = before = look("checking")
        if not json:
            _emit(ui, before)
        if repair and before.problems:
            for done in mend(repository, before, places, lambda: look("checking"), dry_run):
                repairs.append(done)
                ui.say(safe(done.message))
            if not dry_run:
                findings = look("checking again")
        if verification:
            verification.finish()
    except BaseException:
        if verification:
            verification.save()
        raise
    if json:
        document = {"data": data, "commits": commits, "problems": findings.problems}
        document |= {
            "elsewhere": len(findings.elsewhere),
            "elsewhere_bytes": sum(findings.elsewhere.values()),
        }
        if repair:
            document |= {"dry_run": dry_run, "found": before.problems, "repairs": repairs}
        ui.emit_json("beatflow.check/2", document)
    _conclude(ui, findings, repairs if repair and before.problems else None, dry_run)
    return DAMAGED if findings.problems else 0


def _open_inquiry(invocation: Invocation, repository: "Repository", name: str, data: bool) -> "Inquiry":
    from beatflow.care.maintenance import Inquiry
    from beatflow.commands.options import make_access
    from beatflow.sharing.configured import get_remote
    from beatflow.sharing.opening import open_configured

    remote = open_configured(repository, get_remote(repository, name), make_access(invocation))
    return Inquiry(name, remote.find_damaged if data else remote.find_missing)


def _emit(ui: "Ui", findings: "Findings") -> None:
    from beatflow.care.text import format_problems

    for line in format_problems(findings.problems):
        ui.emit(safe(line))


def _conclude(ui: "Ui", findings: "Findings", repairs: "list[Repair] | None", dry_run: bool) -> None:
    """Say how it ended, and what can be done about what is wrong; after repairs, about what still is."""
    from beatflow.care.repair import advise
    from beatflow.care.text import format_problems

    problems = findings.problems
    lines = format_problems(problems)
    hurting = [problem for problem in problems if problem.kind != "pack"]
    if repairs is not None and dry_run:
        ui.say("nothing was changed")
    elif repairs is not None:
        ui.say(f"{plural(len(lines), 'problem')} still there:" if lines else "all is mended")
        for line in lines:
            ui.say(safe(f"  {line}"))
    elif lines:
        ui.say(plural(len(lines), "problem") + ("" if hurting else ", but nothing is lost"))
    else:
        ui.say("no problem found")
    if findings.elsewhere:
        size = format_size(sum(findings.elsewhere.values()))
        ui.say(f"{plural(len(findings.elsewhere), 'sound')} ({size}) not here but elsewhere, as was wanted")
    hints = (advise(problem, repairs, dry_run) for problem in hurting or problems)
    for hint in dict.fromkeys(filter(None, hints)):
        ui.say(f"hint: {hint}")
