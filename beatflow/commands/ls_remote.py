"""``bf ls-remote``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import EndpointOption, JsonOption, complete_remote, make_access
from beatflow.invocation import Invocation


def ls_remote(
    invocation: Invocation,
    remote: Annotated[
        str | None,
        Argument(metavar="REMOTE|URL", help="A remote, or an address.", autocompletion=complete_remote),
    ] = None,
    endpoint: EndpointOption = None,
    json: JsonOption = False,
) -> None:
    """List the branches and tags that are at a remote now.

    Examples:
      bf ls-remote
      bf ls-remote s3://label/night-drive --json
    """
    from beatflow.sharing.inspection import Rules, check_refs
    from beatflow.sharing.opening import open_source

    ui = invocation.ui
    access = make_access(invocation, endpoint)
    place = open_source(invocation.find_repository(), remote, access)
    found = place.read_refs()
    check_refs(found, Rules(clashes=True))
    if json:
        rows = [{"ref": name, "oid": oid} for name, oid in sorted(found.refs.items())]
        ui.emit_json(
            "beatflow.ls-remote/1",
            {"address": place.address, "kind": place.kind, "head": found.head, "refs": rows},
        )
        return
    for name, oid in sorted(found.refs.items()):
        mark = "  (default)" if name == found.head else ""
        ui.emit(f"{ui.style(oid, 'oid')}  {name}{mark}")
