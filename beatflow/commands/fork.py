"""``bf fork``."""

from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import DryRunOption, EndpointOption, JsonOption, make_access
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.sharing.flows.forking import Forked


def fork(
    invocation: Invocation,
    source: Annotated[
        str, Argument(metavar="SRC[@REV]", help="A track, here or at a remote, and a commit in it.")
    ],
    destination: Annotated[
        str, Argument(metavar="DEST", help="A new folder, or an address where nothing is yet.")
    ],
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Start a new track from a commit of another one.

    All of its history comes along. On the same disk the sound is shared, not copied. The new track knows where it
    comes from: bf log --graph shows the parent's branches beside its own, and bf pull --from-parent brings what is new
    there. Source and destination may be folders, buckets or git hosts. A folder with @ in its name is taken as it is
    when it exists.

    Examples:
      bf fork ../night-drive my-remix
      bf fork .@HEAD~1 ../other-way
      bf fork s3://label/night-drive@v1 s3://label/club-mix
    """
    from beatflow.sharing.flows.forking import ForkRequest, fork_track

    access = make_access(invocation, endpoint)
    with invocation.ui.progress("forking") as progress:
        made = fork_track(ForkRequest(source, destination, dry_run), access, progress)
    if made.path and not dry_run:
        invocation.announce(made.path)
    if json:
        document = {"path": made.path, "address": made.address, "parent": made.parent, "commit": made.commit}
        invocation.ui.emit_json("beatflow.fork/1", document | {"dry_run": dry_run})
    else:
        invocation.ui.say(_tell(made, destination, dry_run))


def _tell(made: "Forked", destination: str, dry_run: bool) -> str:
    at = f" at {made.commit[:7]}" if made.commit else ""
    return f"{'would fork' if dry_run else 'forked'} {made.name}{at} into {destination}"
