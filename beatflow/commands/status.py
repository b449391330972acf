"""``bf status``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Option
from beatflow.commands.options import JsonOption, ZeroOption
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.sharing.upstream import Distance
    from beatflow.status import Status
    from beatflow.ui import Ui

LETTERS = {"added": "A", "modified": "M", "deleted": "D", "renamed": "R"}
STYLES = {"added": "added", "modified": "changed", "deleted": "removed", "renamed": "changed"}


def status(
    invocation: Invocation,
    porcelain: Annotated[bool, Option("--porcelain", help="Stable lines for scripts.")] = False,
    zero: ZeroOption = False,
    json: JsonOption = False,
) -> None:
    """Show what changed since the last commit.

    Files that a merge left in conflict are listed first, committed or not; locks on files, and
    what is to push and to pull, as the remotes told of them last. With --porcelain each line is a letter
    (U in conflict, A added, M modified, D deleted, R renamed), a space and the path; a renamed file's former path
    follows after " <- ". With -z names end in NUL and the former path is a name of its own.

    Examples:
      bf status
      bf status --porcelain
      bf status -z | xargs -0 -n 1 echo
    """
    from beatflow.status import read_status

    ui = invocation.ui
    repository = invocation.repository()
    with ui.progress("reading") as progress:
        found = read_status(repository, invocation.clock().time, lambda _, path: progress(0.0, path))
    if json:
        _emit_json(ui, found)
    elif porcelain or zero:
        _emit_lines(ui, found, zero)
    else:
        _show(invocation, found, len(repository.worktree.list_absent()))


def _emit_json(ui: "Ui", found: "Status") -> None:
    ui.emit_json(
        "beatflow.status/1",
        {
            "branch": found.branch,
            "commit": found.commit,
            "changes": [
                {"path": change.path, "kind": change.kind, "source": change.source}
                for change in found.changes
            ],
            "conflicts": [
                {"path": conflict.path, "takes": conflict.files, "deleted_by": conflict.deleted_by}
                for conflict in found.conflicts
            ],
            "upstream": found.distance,
            "locks": found.locks,
        },
    )


def _emit_lines(ui: "Ui", found: "Status", zero: bool) -> None:
    for conflict in found.conflicts:
        ui.emit(f"U {conflict.path}", end="\0" if zero else "\n")
    for change in found.changes:
        if zero:
            former = f"{change.source}\0" if change.source else ""
            ui.emit(f"{LETTERS[change.kind]} {change.path}\0{former}", end="")
        else:
            former = f" <- {change.source}" if change.source else ""
            ui.emit(f"{LETTERS[change.kind]} {change.path}{former}")


def _show(invocation: Invocation, found: "Status", absent: int) -> None:
    ui = invocation.ui
    where = (
        f"on {ui.style(found.branch, 'branch')}"
        if found.branch
        else f"on no branch, at {(found.commit or '')[:7]}"
    )
    ui.emit(where + ("" if found.commit else ", no commit yet") + _tell_distance(found.distance))
    for conflict in found.conflicts:
        ui.emit(f"  {ui.style('conflict ', 'removed')} {conflict.path} ({', '.join(conflict.takes)})")
    for change in found.changes:
        former = f" (was {change.source})" if change.source else ""
        ui.emit(f"  {ui.style(f'{change.kind:9}', STYLES[change.kind])} {change.path}{former}")
    if found.locks:
        _show_locks(invocation, found)
    if found.conflicts:
        ui.say(f"{plural(len(found.conflicts), 'conflict')}; bf resolve decides them")
    if found.changes:
        ui.say(f'{plural(len(found.changes), "change")}; bf commit -m "..." keeps them')
    elif not found.conflicts:
        ui.say("nothing changed since the last commit" if found.commit else "nothing here yet")
    if absent:
        ui.say(f"{plural(absent, 'file')} left elsewhere; bf fetch PATH brings what you want")


def _tell_distance(distance: "Distance | None") -> str:
    if distance is None:
        return ""
    if distance.ahead is None or distance.behind is None:
        return f", far apart from {distance.name}"
    counts = [
        f"{plural(count, 'commit')} {verb}"
        for count, verb in ((distance.ahead, "to push"), (distance.behind, "to pull"))
        if count
    ]
    return f", {' and '.join(counts)} ({distance.name})" if counts else f", as {distance.name}"


def _show_locks(invocation: Invocation, found: "Status") -> None:
    from beatflow.columns import safe_line
    from beatflow.sharing.locks.text import format_lock

    ui, changed = invocation.ui, {change.path for change in found.changes}
    offset_min = invocation.clock().offset_minutes
    for lock in found.locks:
        line = format_lock(lock, offset_min, lambda text, name: ui.style(safe_line(text), name))
        ui.emit(f"  {ui.style('locked   ', 'changed')} {line}")
    for lock in found.locks:
        if lock.path in changed and not lock.mine:
            ui.warn(
                f"{lock.path} is locked by {lock.owner}, who pushes changes to it; yours would be refused"
            )
