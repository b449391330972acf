"""``bf clone``."""

from pathlib import Path
from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import EndpointOption, JsonOption, make_access
from beatflow.invocation import Invocation


def clone(
    invocation: Invocation,
    url: Annotated[str, Argument(metavar="URL", help="A folder, a bucket, a git host.")],
    directory: Annotated[
        Path | None, Argument(metavar="DIR", help="A new folder; else called as the track is.")
    ] = None,
    branch: Annotated[
        str | None, Option("--branch", "-b", metavar="NAME", help="The branch or tag to be on.")
    ] = None,
    name: Annotated[
        str, Option("--origin", "-o", metavar="NAME", help="What to call the remote.")
    ] = "origin",
    no_audio: Annotated[
        bool, Option("--no-audio", help="Leave all sound where it is until it is needed.")
    ] = False,
    stems: Annotated[
        str | None, Option("--stems", metavar="A,B", help="Fetch these stems only: drums,bass.")
    ] = None,
    since: Annotated[
        str | None, Option("--since", metavar="REV", help="Fetch no sound that is older than this.")
    ] = None,
    previews: Annotated[
        bool, Option("--preview", help="Fetch small copies of what is left behind, to hear and see it.")
    ] = False,
    endpoint: EndpointOption = None,
    json: JsonOption = False,
) -> None:
    """Make a track of what is somewhere else: a folder, another track, a bucket, a git host.

    All of its history comes along, and all sound unless part of it is asked for; the rest is fetched when it is first
    needed. What breaks off half-way is gone on with by the same command. bf push and bf pull know the way back.

    Examples:
      bf clone /media/stick/night-drive
      bf clone s3://label/night-drive --endpoint http://nas:8333
      bf clone git@github.com:ada/night-drive.git nd --stems drums,bass
    """
    from beatflow.sharing.flows.cloning import CloneRequest, name_folder
    from beatflow.sharing.flows.cloning import clone as make_clone
    from beatflow.sharing.flows.fetching import FetchRequest
    from beatflow.sharing.flows.text import moved_document, tell_moved
    from beatflow.sharing.inspection import Rules
    from beatflow.sharing.opening import read_address
    from beatflow.sharing.partial.selection import Selection

    ui = invocation.ui
    access = make_access(invocation, endpoint)
    folder = directory or Path(name_folder(read_address(url, access).text))
    wanted = Selection(not (no_audio or previews), _split(stems), since, (), previews)
    fetching = FetchRequest(rules=Rules.parse(invocation.settings.accept))
    request = CloneRequest(branch, name, fetching, wanted)
    with ui.progress("cloning") as progress:
        made = make_clone(url, invocation.directory / folder, request, access, progress)
    invocation.announce(made.root)
    if json:
        document = {"path": made.root, "commit": made.commit, "branch": made.branch}
        ui.emit_json("beatflow.clone/1", document | moved_document(made.moved))
        return
    told = tell_moved(made.moved, "fetched")
    if made.commit is None:
        ui.say(f"cloned into {folder}: there is no commit yet")
    else:
        ui.say(
            f"cloned into {folder}: {made.branch or 'HEAD'} at {made.commit[:7]}" + (f", {told}" * bool(told))
        )


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(word for part in (text or "").split(",") if (word := part.strip()))
