"""Opening a remote: which kind an address is, and who speaks to it. Each kind is loaded only when it is met."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from beatflow.errors import NotFoundError, UsageError
from beatflow.places.address import Address, AddressKind, parse_address
from beatflow.repository import Repository
from beatflow.sharing.access import Access
from beatflow.sharing.configured import (
    Configured,
    choose_remote,
    find_remote,
    list_remotes,
)
from beatflow.sharing.remote import Remote, RemoteError
from beatflow.trackconfig import find_cache
from beatflow.worktree import REPOSITORY


def read_address(text: str, access: Access) -> Address:
    """Read an address as somebody gave it.

    Raises
    ------
    UsageError
        It can be none, or has a password in it, which everybody on this machine could read.
    """
    address = parse_address(text, access.directory)
    if address.password is not None:
        raise UsageError(
            f"a password stood in the address of {address.text}",
            hint="leave it out: it comes from git's credential helper, ~/.netrc or BF_TOKEN_<HOST>",
        )
    return address


def open_remote(address: str | Address, access: Access, cache: Path | None = None) -> Remote:
    """Return the remote at an address; nothing is asked of it yet.

    Parameters
    ----------
    address : str or Address
    access : Access
    cache : Path, optional
        A folder in which what is learnt of it may be kept.

    Raises
    ------
    UsageError
        It is no address.
    RemoteError
        It needs the network, which is not wanted.
    EngineError
        What speaks to buckets is not installed.
    """
    where = read_address(address, access) if isinstance(address, str) else address
    if where.kind is AddressKind.FOLDER:
        assert where.path is not None
        return _open_folder(where, where.path, access, cache)
    if access.offline:
        raise RemoteError(f"{where.text} is elsewhere, and BeatFlow is to stay offline", hint="BF_OFFLINE=0")
    if where.kind is AddressKind.GIT:
        return _open_git(where.text, access, cache)
    return _open_depot(where, access, cache)


def _open_folder(where: Address, path: Path, access: Access, cache: Path | None) -> Remote:
    from beatflow.sharing.track.track import TrackRemote, find_track

    root = find_track(path)
    if root:
        return TrackRemote(root, access.signer)
    from beatflow.sharing.githost.remote import is_git

    return _open_git(where.text, access, cache) if is_git(path) else _open_depot(where, access, cache)


def _open_git(url: str, access: Access, cache: Path | None) -> Remote:
    from beatflow.sharing.githost.remote import GitRemote

    return GitRemote(url, access, cache)


def _open_depot(where: Address, access: Access, cache: Path | None) -> Remote:
    from beatflow.places.opening import Access as PlaceAccess
    from beatflow.places.opening import open_place
    from beatflow.sharing.depot.depot import DepotRemote

    place = open_place(where, PlaceAccess(access.endpoint, environment=access.environment, home=access.home))
    return DepotRemote(place, cache)


def open_configured(repository: Repository, remote: Configured, access: Access) -> Remote:
    """Return a remote that a track knows by name. Relative addresses are meant from the track's folder on.

    An endpoint that was asked for goes before the one that is known.

    Raises
    ------
    UsageError
        It is the track itself, by whatever path: its sounds would count as kept twice. Others as in `open_remote`.
    """
    access = replace(access, directory=repository.root, endpoint=access.endpoint or remote.endpoint)
    _refuse_itself(repository, remote, access)
    return open_remote(remote.url, access, find_cache(repository, remote.name))


def _refuse_itself(repository: Repository, remote: Configured, access: Access) -> None:
    where = parse_address(remote.url, access.directory)
    if where.path is None:
        return
    from beatflow.sharing.track.track import find_track

    root = find_track(where.path)
    same = False
    with suppress(FileNotFoundError):
        # The stores are compared: one may be a link to the other's.
        same = bool(root and (root / REPOSITORY / "audio").samefile(repository.directory / "audio"))
    if same:
        raise UsageError(
            f"{remote.name} ({remote.url}) is this very track", hint=f"bf remote set-url {remote.name} URL"
        )


def open_named(repository: Repository, text: str, access: Access) -> tuple[Configured, Remote]:
    """Return the remote that a text means: one that the track knows by that name, else an address, under no name.

    Raises
    ------
    NotFoundError
        It looks like a name, and there is none of it.
    """
    known = find_remote(repository, text)
    if known:
        return known, open_configured(repository, known, access)
    is_path = any(sign in text for sign in ("/", ":", "\\")) or text in (".", "..")
    if not is_path and not (access.directory / text).exists():
        raise NotFoundError(f"no remote {text!r}", hint=f"bf remote add {text} URL")
    remote = open_remote(text, access)
    return Configured("", read_address(text, access).text, access.endpoint), remote


def open_source(repository: Repository | None, text: str | None, access: Access) -> Remote:
    """Return the remote that a text means, in a track or outside of any; None is what the track's branch follows.

    Raises
    ------
    NotFoundError
        There is no such remote, or no track that could know one.
    """
    if repository is None:
        if text is None:
            raise NotFoundError("not in a track, so there is no remote", hint="bf ls-remote URL")
        return open_remote(text, access)
    if text is None:
        return open_configured(repository, choose_remote(repository, None), access)
    return open_named(repository, text, access)[1]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a fetch is to bring: remotes, branches of the one, or files whose sound was left behind."""

    remotes: tuple[Configured, ...] = ()
    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def choose_sources(repository: Repository, names: Sequence[str], everywhere: bool) -> Sources:
    """Tell remotes from files: names whose first is a remote's are that and its branches, any others are files.

    Raises
    ------
    UsageError
        Both every remote and some names were asked for.
    NotFoundError
        There is no remote.
    """
    if everywhere and names:
        raise UsageError("--all means every remote, so it wants no names", hint="bf fetch --all")
    if everywhere:
        return Sources(tuple(list_remotes(repository)))
    if not names:
        return Sources((choose_remote(repository, None),))
    first = find_remote(repository, names[0])
    if first:
        return Sources((first,), tuple(names[1:]))
    return Sources(paths=tuple(names))
