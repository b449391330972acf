"""``bf remote``: the places that a track is shared with, by name."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Group
from beatflow.commands.options import (
    DryRunOption,
    EndpointOption,
    JsonOption,
    complete_remote,
    make_access,
)
from beatflow.invocation import Invocation

remote = Group(
    """List, add and remove the places that a track is shared with.

    A place is a folder or a USB disk, another track, a bucket (s3://, gs://, az://) or a git host (https, ssh).
    Passwords and keys belong into none of these addresses: they come from where the services keep them.

    Examples:
      bf remote add origin s3://label/night-drive --endpoint http://nas:8333
      bf remote add stick /media/stick/night-drive
      bf remote
    """,
    alone=lambda invocation: _list(invocation, False),
)

NameArgument = Annotated[str, Argument(metavar="NAME", help="A remote.", autocompletion=complete_remote)]
UrlArgument = Annotated[str, Argument(metavar="URL", help="A folder, a bucket, a git host.")]


@remote.command("ls")
def remote_ls(invocation: Invocation, json: JsonOption = False) -> None:
    """List the remotes, and which branches follow them.

    Examples:
      bf remote ls --json
    """
    _list(invocation, json)


def _list(invocation: Invocation, json: bool) -> None:
    from beatflow.sharing.configured import list_remotes

    found = list_remotes(invocation.repository())
    if json:
        rows = [{"name": item.name, "url": item.url, "endpoint": item.endpoint} for item in found]
        invocation.ui.emit_json("beatflow.remote/1", {"remotes": rows})
    elif found:
        rows_shown = [
            (item.name, item.url + (f" at {item.endpoint}" if item.endpoint else "")) for item in found
        ]
        invocation.ui.table(("", ""), rows_shown)
    else:
        invocation.ui.say("no remote yet: bf remote add origin URL")


@remote.command("add")
def remote_add(
    invocation: Invocation,
    name: Annotated[str, Argument(metavar="NAME", help="What to call it, such as origin.")],
    url: UrlArgument,
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Know a place by a name.

    Nothing is asked of it yet. An empty folder or bucket becomes a place for the track with the first bf push.

    Examples:
      bf remote add origin git@github.com:ada/night-drive.git
      bf remote add nas s3://music/night-drive --endpoint http://nas:8333
    """
    from beatflow.sharing.configured import Configured, add_remote
    from beatflow.sharing.opening import read_address

    address = read_address(url, make_access(invocation, endpoint))
    add_remote(invocation.repository(), Configured(name, address.text, endpoint), dry_run)
    invocation.ui.say(f"{'would know' if dry_run else 'remote'} {name}: {address.text}")


@remote.command("rm")
def remote_rm(invocation: Invocation, name: NameArgument, dry_run: DryRunOption = False) -> None:
    """Forget a place, and what was known of its branches. Nothing happens over there.

    Examples:
      bf remote rm stick
    """
    from beatflow.sharing.configured import remove_remote

    remove_remote(invocation.repository(), name, dry_run)
    invocation.ui.say(f"{'would forget' if dry_run else 'forgot'} {name}")


@remote.command("rename")
def remote_rename(
    invocation: Invocation,
    name: NameArgument,
    new: Annotated[str, Argument(metavar="NEW", help="Another name.")],
    dry_run: DryRunOption = False,
) -> None:
    """Give a place another name.

    Examples:
      bf remote rename origin label
    """
    from beatflow.sharing.configured import rename_remote

    rename_remote(invocation.repository(), name, new, dry_run)
    invocation.ui.say(f"{'would rename' if dry_run else 'renamed'} {name} to {new}")


@remote.command("set-url")
def remote_set_url(
    invocation: Invocation,
    name: NameArgument,
    url: UrlArgument,
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Give a place another address: it has moved, or is reached in another way.

    Examples:
      bf remote set-url origin https://github.com/ada/night-drive.git
    """
    from beatflow.sharing.configured import Configured, change_remote
    from beatflow.sharing.opening import read_address

    address = read_address(url, make_access(invocation, endpoint))
    change_remote(invocation.repository(), Configured(name, address.text, endpoint), dry_run)
    invocation.ui.say(f"{name} {'would be' if dry_run else 'is now'} {address.text}")
