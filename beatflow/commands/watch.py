"""``bf watch``."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.repository import Repository
    from beatflow.watching.draft import Draft, Keeping
    from beatflow.watching.watching import Event

_SPAN = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def watch(
    invocation: Invocation,
    quiet: Annotated[
        str,
        Option("--quiet-time", "--quiet", metavar="TIME", help="Wait for this long a silence: 10s, 2m."),
    ] = "10s",
    keep: Annotated[
        str | None,
        Option(
            "--keep",
            metavar="ALL,HOURLY,DAILY",
            help="For how long all drafts stay, one an hour, one a day; else bf config drafts: 1h,1d,30d.",
        ),
    ] = None,
    now: Annotated[bool, Option("--now", help="Make one draft of what is there, and end.")] = False,
    list_: Annotated[bool, Option("--list", "-l", help="List the drafts, newest first.")] = False,
    drop: Annotated[
        list[str] | None,
        Option("--drop", metavar="DRAFT", help="Drop a draft: draft~2, its name; or all."),
    ] = None,
    prune: Annotated[bool, Option("--prune", help="Drop the drafts that --keep does not keep.")] = False,
    poll: Annotated[bool, Option("--poll", help="Look instead of being told: for network disks.")] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make drafts while other programs write into the folder.

    Whenever files have changed and then been left alone for the quiet time, the folder is kept as a draft: a snapshot
    beside history that log, undo and push do not see. draft is the newest, draft~1 the one before, wherever a commit
    may be named. Of the last hour all stay, of the last day one for each hour, then one for each day, for 30 days;
    commits and tags stay anyway. Unfinished files of other programs and what .bfignore names are left out. Ctrl-C
    ends it. With --json each event is a line.

    Examples:
      bf watch
      bf watch --quiet 30s --json | jq -r 'select(.event == "draft").draft'
      bf watch --list
      bf diff draft~1 draft
      bf restore --source draft~3 mix.wav
      bf watch --drop all
    """
    from beatflow.watching.draft import parse_keeping

    repository = invocation.repository()
    keeping = parse_keeping(keep or invocation.settings.values.get("drafts") or "1h,1d,30d")
    if sum(map(bool, (now, list_, drop, prune))) > 1:
        raise UsageError("--now, --list, --drop and --prune are one each", hint="bf watch --list")
    if list_:
        _show_list(invocation, repository, json)
    elif drop or prune:
        _drop(invocation, repository, drop or [], keeping, json, dry_run)
    elif now or dry_run:
        _make_one(invocation, repository, keeping, json, dry_run)
    else:
        _watch(invocation, repository, _parse_span(quiet), keeping, json, poll)


def _parse_span(text: str) -> float:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no time", hint="--quiet 10s, --quiet 2m")
    return float(match[1]) * _UNITS[match[2] or "s"]


def _show_list(invocation: Invocation, repository: "Repository", json: bool) -> None:
    from beatflow.watching.draft import changes_of_draft, list_drafts
    from beatflow.watching.watching import describe_draft

    drafts = list_drafts(repository)
    if json:
        found = [describe_draft(repository, draft) for draft in drafts]
        invocation.ui.emit_json("beatflow.drafts/1", {"drafts": found})
        return
    for number, draft in enumerate(drafts):
        word = f"draft~{number}" if number else "draft"
        changes = changes_of_draft(repository, draft)
        names = ", ".join(change.path for change in changes[:4]) + (" …" if len(changes) > 4 else "")
        invocation.ui.emit(f"{word:9} {draft.commit[:7]}  {_tell_time(draft)}  {names or 'as its commit'}")
    if not drafts:
        invocation.ui.say("no drafts yet; bf watch makes them")


def _tell_time(draft: "Draft") -> str:
    return datetime.fromtimestamp(draft.time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _drop(
    invocation: Invocation,
    repository: "Repository",
    words: list[str],
    keeping: "Keeping",
    json: bool,
    dry_run: bool,
) -> None:
    from collections.abc import Sequence

    from beatflow.watching.draft import choose_kept, drop_drafts, get_draft, list_drafts

    def choose(drafts: "Sequence[Draft]") -> "list[Draft]":
        if not words:
            kept = {draft.name for draft in choose_kept(drafts, keeping, int(invocation.clock().time))}
            return [draft for draft in drafts if draft.name not in kept]
        if "all" in words:
            return list(drafts)
        return list(dict.fromkeys(get_draft(drafts, word) for word in words))

    dropped = choose(list_drafts(repository)) if dry_run else drop_drafts(repository, choose)
    if json:
        document = {"dropped": [draft.name for draft in dropped], "dry_run": dry_run}
        invocation.ui.emit_json("beatflow.drafts-dropped/1", document)
        return
    verb = "would be dropped" if dry_run else "dropped; bf gc frees their room"
    invocation.ui.say(f"{plural(len(dropped), 'draft')} {verb}")


def _make_one(
    invocation: Invocation, repository: "Repository", keeping: "Keeping", json: bool, dry_run: bool
) -> None:
    from beatflow.history import compare_trees, read_content
    from beatflow.watching.draft import list_drafts, make_draft
    from beatflow.watching.watching import Event, describe_draft

    if dry_run:
        drafts = list_drafts(repository)
        before = read_content(repository, drafts[0].commit if drafts else repository.head)
        for change in compare_trees(before, repository.worktree.look()):
            invocation.ui.emit(f"{change.kind:8} {change.path}")
        return
    draft, dropped = make_draft(repository, keeping, timeout_s=10.0)
    if draft:
        _tell(invocation, Event("draft", describe_draft(repository, draft)), json)
    else:
        invocation.ui.say("nothing is new since the last draft or commit")
    if dropped:
        _tell(invocation, Event("pruned", {"drafts": [one.name for one in dropped]}), json)


def _watch(
    invocation: Invocation,
    repository: "Repository",
    quiet_s: float,
    keeping: "Keeping",
    json: bool,
    poll: bool,
) -> None:
    import threading

    from beatflow.watching.watching import watch_track

    stop = threading.Event()
    try:
        watch_track(repository, quiet_s, keeping, lambda event: _tell(invocation, event, json), stop, poll)
    except KeyboardInterrupt:
        invocation.ui.say("stopped")


def _tell(invocation: Invocation, event: "Event", json: bool) -> None:
    ui = invocation.ui
    facts = event.facts
    if json:
        ui.emit_event({"event": event.kind, **facts})
        return
    if event.kind == "draft":
        names = ", ".join(change["path"] for change in facts["changes"][:4])
        more = " …" if len(facts["changes"]) > 4 else ""
        ui.say(f"draft {facts['commit'][:7]}: {names or 'as the last commit'}{more}")
    elif event.kind == "watching":
        ui.say(f"watching {facts['path']}: a draft after {facts['quiet_s']:g} s of quiet; Ctrl-C ends it")
    elif event.kind == "pruned":
        ui.say(f"{plural(len(facts['drafts']), 'older draft')} dropped")
    elif event.kind == "commit":
        ui.say(f"commit {str(facts['commit'])[:7]}")
    else:
        _warn(ui, facts)


def _warn(ui: Any, facts: dict[str, Any]) -> None:
    if "message" in facts:
        ui.warn(f"no draft: {facts['message']}")
    else:
        ui.say(f"waiting: {facts['reason']}")
