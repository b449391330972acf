"""``bf fetch``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    DryRunOption,
    EndpointOption,
    JsonOption,
    complete_remote,
    make_access,
    make_keeping,
)
from beatflow.commands.supplying import make_elsewhere
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.repository import Repository
    from beatflow.sharing.partial.supply import Elsewhere


def fetch(
    invocation: Invocation,
    names: Annotated[
        list[str] | None,
        Argument(
            metavar="REMOTE|PATH",
            help="A remote and, if wanted, its branches; or files whose sound was left behind.",
            autocompletion=complete_remote,
        ),
    ] = None,
    all_: Annotated[bool, Option("--all", help="From every remote.")] = False,
    rest: Annotated[
        bool, Option("--rest", help="Bring all that a partial clone left behind: it is whole then.")
    ] = False,
    prune: Annotated[bool, Option("--prune", "-p", help="Forget branches that are gone over there.")] = False,
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Bring what is new at a remote, without touching any branch or file of yours.

    Its branches are then here under its name: bf log origin/main, bf diff HEAD origin/main, bf merge origin/main.
    In a partial clone bf fetch PATH brings the sound of files that was left behind. With -n history is looked at, no
    sound travels and nothing changes.

    Examples:
      bf fetch
      bf fetch origin take2
      bf fetch stems/drums.wav
      bf fetch --rest
    """
    from beatflow.sharing.flows.fetching import FetchRequest
    from beatflow.sharing.flows.fetching import fetch as fetch_from
    from beatflow.sharing.flows.text import incoming_document, tell_moved, tell_moves
    from beatflow.sharing.inspection import Rules
    from beatflow.sharing.locks.locking import refresh
    from beatflow.sharing.opening import choose_sources, open_configured

    ui = invocation.ui
    repository = invocation.repository()
    access = make_access(invocation, endpoint)
    if rest:
        _fetch_rest(invocation, repository, make_elsewhere(repository, access), dry_run, json)
        return
    sources = choose_sources(repository, names or [], all_)
    if sources.paths:
        _fetch_paths(invocation, repository, make_elsewhere(repository, access), sources.paths, dry_run, json)
        return
    rules = Rules.parse(invocation.settings.accept)
    request = FetchRequest(sources.branches, prune, rules=rules, dry_run=dry_run)
    done = []
    for configured in sources.remotes:
        place = open_configured(repository, configured, access)
        with ui.progress(f"fetching {configured.name}") as progress:
            found = fetch_from(repository, configured, place, request, progress)
            refresh(make_keeping(invocation, repository, configured, place))
        done.append(found)
        if json:
            continue
        for line in tell_moves(found.moves, configured.name):
            ui.say(line)
        if told := tell_moved(found.moved, "would fetch" if dry_run else "fetched"):
            ui.say(told)
        if not found.moves:
            ui.say(f"nothing new at {configured.name}")
    if json:
        ui.emit_json(
            "beatflow.fetch/1",
            {"remotes": [incoming_document(found) for found in done], "dry_run": dry_run},
        )


def _fetch_rest(
    invocation: Invocation, repository: "Repository", elsewhere: "Elsewhere", dry_run: bool, json: bool
) -> None:
    """Make a partial clone whole."""
    from beatflow.sharing.partial.supply import fetch_rest
    from beatflow.wording import plural

    with invocation.ui.progress("fetching") as progress:
        count = fetch_rest(repository, elsewhere, progress, dry_run)
    if json:
        invocation.ui.emit_json("beatflow.fetch/1", {"rest": count, "dry_run": dry_run})
    else:
        invocation.ui.say(f"{'would fetch' if dry_run else 'fetched'} {plural(count, 'sound')}")


def _fetch_paths(
    invocation: Invocation,
    repository: "Repository",
    elsewhere: "Elsewhere",
    paths: Sequence[str],
    dry_run: bool,
    json: bool,
) -> None:
    """Bring the sound of files that a partial clone has left behind."""
    from beatflow.sharing.partial.supply import fetch_paths
    from beatflow.wording import plural

    ui = invocation.ui
    wanted = [repository.worktree.relative(invocation.directory / Path(path)) for path in paths]
    with ui.progress("fetching") as progress:
        came = fetch_paths(repository, wanted, elsewhere, progress, dry_run)
    if json:
        ui.emit_json("beatflow.fetch/1", {"paths": came, "dry_run": dry_run})
    else:
        ui.say(f"{'would fetch' if dry_run else 'fetched'} {plural(len(came), 'file')}")
