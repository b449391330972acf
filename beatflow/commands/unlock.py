"""``bf unlock``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption, RemoteOption, make_access, make_keeping
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def unlock(
    invocation: Invocation,
    paths: Annotated[list[Path] | None, Argument(metavar="[PATH...]", help="Files.")] = None,
    all_: Annotated[bool, Option("--all", help="Every lock of yours.")] = False,
    force: Annotated[
        bool, Option("--force", "-f", help="Break somebody else's lock; bf lock --broken will say so.")
    ] = False,
    remote: RemoteOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Give up locks, so that others can push their changes to those files.

    Somebody else's lock is broken only with --force. That leaves a trace with your name.

    Examples:
      bf unlock stems/vocals.wav
      bf unlock --all
      bf unlock --force stems/vocals.wav
    """
    from beatflow.sharing.configured import choose_remote
    from beatflow.sharing.locks.locking import unlock_files
    from beatflow.sharing.opening import open_configured

    ui = invocation.ui
    repository = invocation.repository()
    if bool(paths) == all_:
        raise UsageError("which locks?", hint="bf unlock PATH, or bf unlock --all for all of yours")
    if all_ and force:
        raise UsageError(
            "--all is for your own locks", hint="bf unlock --force PATH breaks one of somebody else's"
        )
    wanted = [repository.worktree.relative(path) for path in paths or []]
    configured = choose_remote(repository, remote)
    opened = open_configured(repository, configured, make_access(invocation))
    keeping = make_keeping(invocation, repository, configured, opened)
    if all_:
        wanted = [held.path for held in keeping.list_locks() if held.mine]
    done = unlock_files(keeping, wanted, force, dry_run)
    for error in done.refused[:-1]:
        ui.error(error.message, error.hint)
    if json:
        ui.emit_json(
            "beatflow.unlock/1",
            {"locks": [asdict(held) for held in done.locks], "free": list(done.free), "dry_run": dry_run},
        )
    verb = "would be given up" if dry_run else "given up"
    for held in done.locks:
        whose = "your lock" if held.mine else f"{held.owner}'s lock"
        ui.say(f"{held.path}: {whose} {verb}")
    for path in done.free:
        ui.say(f"{path}: nobody had locked it")
    if all_ and not wanted:
        ui.say(f"no lock of yours at {keeping.configured.name}")
    if done.refused:
        raise done.refused[-1]
