"""``bf pull``."""

from typing import Annotated, Literal

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    DryRunOption,
    EndpointOption,
    FastForwardOnlyOption,
    FastForwardOption,
    JsonOption,
    MessageOption,
    UnrelatedOption,
    complete_remote,
    make_access,
    make_keeping,
)
from beatflow.errors import ConflictError, UsageError
from beatflow.invocation import Invocation


def pull(
    invocation: Invocation,
    remote: Annotated[
        str | None,
        Argument(
            metavar="REMOTE",
            help="A remote, or an address; else what the branch follows.",
            autocompletion=complete_remote,
        ),
    ] = None,
    branch: Annotated[
        str | None, Argument(metavar="BRANCH", help="A branch there; else the one that is followed.")
    ] = None,
    from_parent: Annotated[
        bool, Option("--from-parent", help="From the track that this one is a fork of.")
    ] = False,
    message: MessageOption = None,
    fast_forward: FastForwardOption = None,
    only: FastForwardOnlyOption = False,
    unrelated: UnrelatedOption = False,
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Fetch what is new at a remote and merge it into this branch.

    That is one step, which bf undo takes back. Where nothing happened here meanwhile the branch just goes forward; else
    it is merged as bf merge does: by stem and by time, what cannot be is kept in every take and the exit code is 4.
    Work that is not committed is never overwritten. With -n history is looked at, no sound travels and nothing changes.

    Examples:
      bf pull
      bf pull stick main
      bf pull --from-parent
    """
    from beatflow.explaining import read_clock
    from beatflow.merge.text import outcome_document, tell_outcome
    from beatflow.sharing.configured import PARENT, choose_remote
    from beatflow.sharing.flows.fetching import FetchRequest
    from beatflow.sharing.flows.pulling import PullRequest
    from beatflow.sharing.flows.pulling import pull as pull_from
    from beatflow.sharing.flows.text import incoming_document, tell_moved, tell_moves, tell_pull
    from beatflow.sharing.inspection import Rules
    from beatflow.sharing.locks.locking import refresh
    from beatflow.sharing.opening import open_configured, open_named

    if only and fast_forward is False:
        raise UsageError("--ff-only and --no-ff contradict each other")
    if from_parent and remote is not None:
        raise UsageError("--from-parent is a remote already", hint="bf pull --from-parent")
    ui = invocation.ui
    repository = invocation.repository()
    access = make_access(invocation, endpoint)
    if remote is not None:
        configured, place = open_named(repository, remote, access)
    else:
        configured = choose_remote(repository, PARENT if from_parent else None)
        place = open_configured(repository, configured, access)
    how: Literal["auto", "never", "only"] = "only" if only else "never" if fast_forward is False else "auto"
    fetching = FetchRequest(rules=Rules.parse(invocation.settings.accept), dry_run=dry_run)
    request = PullRequest(fetching, branch, message, how, unrelated)
    with ui.progress("pulling") as progress:
        done = pull_from(
            repository, configured, place, request, progress, lambda path: progress(0.0, f"merging {path}")
        )
        refresh(make_keeping(invocation, repository, configured, place))
    merged = done.merge
    if json:
        document = incoming_document(done.incoming) | {
            "kind": merged.kind,
            "commit": None if dry_run and merged.kind == "merged" else merged.commit,
            "other": merged.other,
            **outcome_document(merged.outcome),
        }
        ui.emit_json("beatflow.pull/1", document | {"dry_run": dry_run})
    else:
        for line in tell_moves(done.incoming.moves, configured.name or place.address):
            ui.say(line)
        if told := tell_moved(done.incoming.moved, "would fetch" if dry_run else "fetched"):
            ui.say(told)
        for line in tell_outcome(merged.outcome, lambda rate: read_clock(repository, merged.commit, rate)):
            ui.say(line)
        ui.say(tell_pull(done, repository.branch or "HEAD", dry_run))
    return ConflictError.exit_code if merged.outcome and merged.outcome.troubles else 0
