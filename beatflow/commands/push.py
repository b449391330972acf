"""``bf push``."""

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
from beatflow.invocation import Invocation
from beatflow.wording import plural

DAMAGED = 7

if TYPE_CHECKING:
    from beatflow.repository import Repository
    from beatflow.sharing.remote import Remote
    from beatflow.ui import Progress


def push(
    invocation: Invocation,
    remote: Annotated[
        str | None,
        Argument(
            metavar="REMOTE", help="A remote, or an address; else origin.", autocompletion=complete_remote
        ),
    ] = None,
    branches: Annotated[
        list[str] | None,
        Argument(metavar="BRANCH", help="Branches or tags; HERE:THERE for another name there."),
    ] = None,
    all_: Annotated[bool, Option("--all", help="Push every branch.")] = False,
    tags: Annotated[bool, Option("--tags", help="Push every tag.")] = False,
    delete: Annotated[
        list[str] | None, Option("--delete", "-d", metavar="NAME", help="Delete a branch or tag there.")
    ] = None,
    force: Annotated[
        bool,
        Option(
            "--force-with-lease",
            help="Replace what is there, if it is still what was last fetched from there.",
        ),
    ] = False,
    previews: Annotated[
        bool,
        Option(
            "--previews", help="Send small copies as well, for clones that leave the sounds where they are."
        ),
    ] = False,
    endpoint: EndpointOption = None,
    verify: Annotated[
        bool,
        Option("--verify", help="Read all that is there through, and send anew what is damaged or lost."),
    ] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Give a remote what is new here: sounds first, then history, then its branches.

    All of its branches move, or none. Only what is missing there travels. Where somebody else has pushed meanwhile
    nothing is overwritten: bf pull, then push again. What breaks off half-way is gone on with by the same command. The
    first push of a branch has it follow the one over there. bf undo takes back what is known here of the remote, not
    what is there. With --verify a remote whose disk has rotted is mended from here; sounds that are not here either
    stay lost, are named, and the command ends with 7.

    Examples:
      bf push
      bf push stick --all --tags
      bf push origin take2:main -n
      bf push stick --verify
    """
    from beatflow.sharing.configured import choose_remote
    from beatflow.sharing.flows.pushing import PushRequest
    from beatflow.sharing.flows.pushing import push as push_to
    from beatflow.sharing.flows.text import moved_document, moves_document, tell_moved, tell_moves
    from beatflow.sharing.locks.locking import check_locks
    from beatflow.sharing.opening import open_configured, open_named

    ui = invocation.ui
    repository = invocation.repository()
    access = make_access(invocation, endpoint)
    if remote is None:
        configured = choose_remote(repository, None, to_write=True)
        place = open_configured(repository, configured, access)
    else:
        configured, place = open_named(repository, remote, access)
    request = PushRequest(tuple(branches or ()), all_, tags, tuple(delete or ()), force, dry_run, verify)
    with ui.progress("pushing") as progress:
        check = check_locks(make_keeping(invocation, repository, configured, place))
        done = push_to(repository, configured, place, request, progress, check)
        if previews and not dry_run:
            _send_previews(invocation, repository, place, progress)
    where = configured.name or place.address
    if json:
        document: dict[str, object] = {"remote": configured.name or None, "url": configured.url}
        document |= {"refs": moves_document(done.moves), **moved_document(done.moved)}
        document |= {"damaged": [sound.oid for sound in done.damaged]}
        document |= {"lost": [sound.oid for sound in done.lost], "history_damaged": done.history_damaged}
        ui.emit_json("beatflow.push/1", document | {"dry_run": dry_run})
        return DAMAGED if done.lost else 0
    for line in tell_moves(done.moves, where, pushed=True):
        ui.say(line)
    if verify:
        ui.say(f"{plural(len(done.damaged), 'sound')} missing or damaged at {where}")
    if done.history_damaged:
        packs = plural(done.history_damaged, "file")
        ui.say(f"{packs} of history lost or damaged{'' if dry_run else ', and written anew'}")
    told = tell_moved(done.moved, "would send" if dry_run else "sent")
    if told:
        ui.say(told)
    elif not (done.moves or done.damaged or done.history_damaged):
        ui.say(f"nothing to push: {where} has it all")
    elif dry_run:
        ui.say("would send no sound")
    if done.upstream and not dry_run and done.moves:
        ui.say(f"{repository.branch} follows {done.upstream.remote}/{done.upstream.branch} from now on")
    if done.lost:
        ui.warn(
            f"{plural(len(done.lost), 'sound')} cannot be mended from here, {done.lost[0].oid[:12]} the first",
            _advise(repository, place),
        )
    return DAMAGED if done.lost else 0


def _advise(repository: "Repository", remote: "Remote") -> str:
    if remote.kind == "track":
        return f"in {remote.address}: bf check --repair --from {repository.root}"
    return f"bf check --remote names the files; from a track that has them: bf push --verify {remote.address}"


def _send_previews(
    invocation: Invocation, repository: "Repository", remote: "Remote", progress: "Progress"
) -> None:
    """Make and send the previews that the remote lacks of what it has of this track."""
    from beatflow.sharing.partial.previews import send_all_previews

    if send_all_previews(repository, remote, progress) is None:
        invocation.ui.warn(f"{remote.address} keeps no previews", "a folder, a bucket or another track does")
