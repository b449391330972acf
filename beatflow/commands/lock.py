"""``bf lock``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, RemoteOption, make_access, make_keeping
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.sharing.locks.locking import Keeping


def lock(
    invocation: Invocation,
    paths: Annotated[
        list[Path] | None, Argument(metavar="[PATH...]", help="Files; none lists the locks.")
    ] = None,
    period: Annotated[
        str | None, Option("--for", metavar="PERIOD", help="How long at most: 30m, 4h, 2d, 1w.")
    ] = None,
    broken: Annotated[bool, Option("--broken", help="List the locks that somebody broke.")] = False,
    remote: RemoteOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Tell everybody that files are yours to change for now, or list who has which.

    For what cannot be merged: while you hold stems/vocals.wav, pushes of others that change it are refused. The
    remote keeps the lock until you give it up or its time is over; bf status shows it. To lock a file again
    renews it. Locks on git hosts know no end.

    Examples:
      bf lock stems/vocals.wav --for 4h
      bf lock
      bf lock --json | jq -r '.locks[] | select(.mine | not) | .path'
    """
    from beatflow.sharing.configured import choose_remote
    from beatflow.sharing.locks.locking import check_path, lock_files, parse_period
    from beatflow.sharing.locks.text import format_end
    from beatflow.sharing.opening import open_configured

    ui, clock = invocation.ui, invocation.clock()
    repository = invocation.repository()
    length_s = parse_period(period) if period is not None else None
    wanted = [repository.worktree.relative(path) for path in paths or []]
    for path in wanted:
        check_path(repository, path)
    configured = choose_remote(repository, remote)
    opened = open_configured(repository, configured, make_access(invocation))
    keeping = make_keeping(invocation, repository, configured, opened)
    if not wanted:
        _show(invocation, keeping, broken, json)
        return
    done = lock_files(keeping, wanted, clock.time + length_s if length_s is not None else None, dry_run)
    for error in done.refused[:-1]:
        ui.error(error.message, error.hint)
    if json:
        ui.emit_json("beatflow.lock/1", {"locks": [asdict(held) for held in done.locks], "dry_run": dry_run})
    for held in done.locks:
        verb = "would be" if dry_run else "is"
        ui.say(f"{held.path} {verb} yours {format_end(held, clock.offset_minutes)}")
        if length_s is not None and held.expires_at_s is None:
            ui.warn(f"{held.remote} knows no end of a lock: bf unlock {held.path}")
    if done.refused:
        raise done.refused[-1]


def _show(invocation: Invocation, keeping: "Keeping", broken: bool, json: bool) -> None:
    from beatflow.columns import safe_line
    from beatflow.sharing.locks.text import format_broken, format_lock

    ui, offset_min = invocation.ui, invocation.clock().offset_minutes
    traces = keeping.list_broken() if broken else []
    locks = [] if broken else keeping.list_locks()
    if json:
        rows = [
            asdict(one.lock) | {"broken_by": one.broken_by, "broken_at_s": one.broken_at_s} for one in traces
        ]
        ui.emit_json("beatflow.lock/1", {"locks": [asdict(held) for held in locks], "broken": rows})
        return
    for trace in traces:
        ui.emit(safe_line(format_broken(trace, offset_min)))
    for held in locks:
        ui.emit(format_lock(held, offset_min, lambda text, name: ui.style(safe_line(text), name)))
    where = keeping.configured.name
    if broken:
        ui.say(f"{plural(len(traces), 'lock')} broken at {where}")
    else:
        ui.say(f"{plural(len(locks), 'lock')} at {where}")
