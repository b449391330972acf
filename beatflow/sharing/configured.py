"""The remotes that a track knows by name, and which branch follows which of theirs: git's own words in its config.

``remote.NAME.url`` and ``.fetch``, ``branch.NAME.remote`` and ``.merge`` are read by git as well;
``remote.NAME.beatflow-endpoint`` is ours. No secret is ever kept here. Changes are part of operations, so `bf undo`
takes them back; where a track came from is not.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.objects.git.store import GitStore
from beatflow.repository import BRANCHES, REMOTES, Repository
from beatflow.sharing.upstream import find_upstream, stage_upstream
from beatflow.trackconfig import read_settings
from beatflow.transaction import Transaction
from beatflow.worktree import REPOSITORY

ORIGIN, PARENT = "origin", "parent"
_ENDPOINT = "beatflow-endpoint"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Configured:
    """A remote that a track knows by name; ``endpoint`` is where its S3-compatible service answers, if not as usual."""

    name: str
    url: str
    endpoint: str | None = None


def list_remotes(repository: Repository) -> list[Configured]:
    """Return the remotes by name."""
    values = _read(repository)
    return [
        Configured(name, values[f"remote.{name}.url"], values.get(f"remote.{name}.{_ENDPOINT}"))
        for name in _list_names(values)
    ]


def find_remote(repository: Repository, name: str) -> Configured | None:
    """Return the remote of a name, None where there is none."""
    return next((remote for remote in list_remotes(repository) if remote.name == name), None)


def get_remote(repository: Repository, name: str) -> Configured:
    """Return the remote of a name.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = find_remote(repository, name)
    if found:
        return found
    if name == PARENT:
        raise NotFoundError(
            "this track knows no parent: it is no fork, or its parent is a folder elsewhere",
            hint="bf remote add parent URL",
        )
    names = [remote.name for remote in list_remotes(repository)]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        raise NotFoundError(f"no remote {name!r}", hint=f"did you mean {near[0]}?")
    raise NotFoundError(f"no remote {name!r}", hint=f"bf remote add {name} URL")


def complete_remote(start: Path, incomplete: str) -> list[str]:
    """Return the names of remotes of the track around a folder that begin like this."""
    found = next(
        (folder for folder in (start, *start.parents) if (folder / REPOSITORY / "HEAD").is_file()), None
    )
    if found is None:
        return []
    return [name for name in _list_names(read_settings(found / REPOSITORY)) if name.startswith(incomplete)]


def choose_remote(repository: Repository, name: str | None, to_write: bool = False) -> Configured:
    """Return the remote that is meant: the one named, or the current branch's, ``origin``, the only one.

    Parameters
    ----------
    to_write : bool
        A fork's parent is somebody else's: it is written to only when it is named.

    Raises
    ------
    NotFoundError
        There is none, or several to choose from.
    """
    if name is not None:
        return get_remote(repository, name)
    upstream = find_upstream(repository, repository.branch)
    if upstream and (found := find_remote(repository, upstream.remote)):
        return found
    remotes = list_remotes(repository)
    own = [remote for remote in remotes if remote.name != PARENT]
    if remotes and not own:
        if to_write:
            raise NotFoundError(
                f"this fork has no remote of its own yet; its parent is {remotes[0].url}",
                hint="bf remote add origin URL; or bf push parent, where that is yours as well",
            )
        return remotes[0]
    found = next((remote for remote in own if remote.name == ORIGIN), own[0] if len(own) == 1 else None)
    if found:
        return found
    if own:
        names = " or ".join(remote.name for remote in own)
        raise NotFoundError(f"which remote: {names}?", hint=f"name it, such as {own[0].name}")
    raise NotFoundError("this track has no remote yet", hint="bf remote add origin URL")


def add_remote(repository: Repository, remote: Configured, dry_run: bool = False) -> None:
    """Have a track know a remote.

    Raises
    ------
    ConflictError
        It knows one of that name, in whatever case.
    UsageError
        The name cannot be one.
    """
    check_name(remote.name)
    with Transaction(repository, "remote", f"add {remote.name}") as transaction:
        for other in list_remotes(repository):
            # Tracking branches lie in a folder of that name, and some disks know no case.
            if other.name.casefold() == remote.name.casefold():
                raise ConflictError(
                    f"there is a remote {other.name} already: {other.url}",
                    hint=f"bf remote set-url {other.name} URL",
                )
        stage_remote(transaction, remote)
        if not dry_run:
            transaction.publish()


def stage_remote(transaction: Transaction, remote: Configured) -> None:
    """Have a track know a remote, in place of what it knows by that name."""
    for key, value in _describe(remote).items():
        transaction.set_config(key, value)


def write_remote(repository: Repository, remote: Configured) -> None:
    """Write where a new track came from into its configuration. Needs the lock."""
    for key, value in _describe(remote).items():
        if value is not None:
            repository.git.write_config(key, value)


def _describe(remote: Configured) -> dict[str, str | None]:
    prefix = f"remote.{remote.name}"
    fetch = f"+{BRANCHES}*:{REMOTES}{remote.name}/*"
    return {f"{prefix}.url": remote.url, f"{prefix}.fetch": fetch, f"{prefix}.{_ENDPOINT}": remote.endpoint}


def change_remote(repository: Repository, remote: Configured, dry_run: bool = False) -> None:
    """Give a remote that is known another address.

    Raises
    ------
    NotFoundError
        None of that name is known.
    """
    get_remote(repository, remote.name)
    with Transaction(repository, "remote", f"set-url {remote.name}") as transaction:
        stage_remote(transaction, remote)
        if not dry_run:
            transaction.publish()


def rename_remote(repository: Repository, old: str, new: str, dry_run: bool = False) -> None:
    """Give a remote another name, its branches here and what follows them included.

    Raises
    ------
    NotFoundError, ConflictError, UsageError
        There is none of the old name; there is one of the new; that cannot be a name.
    """
    remote = get_remote(repository, old)
    check_name(new)
    if find_remote(repository, new):
        raise ConflictError(f"there is a remote {new} already", hint="choose another name")
    with Transaction(repository, "remote", f"rename {old} to {new}") as transaction:
        for ref, oid in repository.git.read_refs(f"{REMOTES}{old}/").items():
            transaction.set_ref(ref, None)
            transaction.set_ref(f"{REMOTES}{new}/{ref.removeprefix(f'{REMOTES}{old}/')}", oid)
        _stage_forgetting(transaction, old)
        stage_remote(transaction, Configured(new, remote.url, remote.endpoint))
        for branch in _list_followers(repository, old):
            transaction.set_config(f"branch.{branch}.remote", new)
        if not dry_run:
            transaction.publish()


def remove_remote(repository: Repository, name: str, dry_run: bool = False) -> None:
    """Have a track forget a remote and the branches that it knew of it. Nothing happens over there.

    Raises
    ------
    NotFoundError
        There is none of that name.
    """
    get_remote(repository, name)
    with Transaction(repository, "remote", f"rm {name}") as transaction:
        for ref in repository.git.read_refs(f"{REMOTES}{name}/"):
            transaction.set_ref(ref, None)
        for branch in _list_followers(repository, name):
            stage_upstream(transaction, branch, None)
        _stage_forgetting(transaction, name)
        if not dry_run:
            transaction.publish()


def _list_followers(repository: Repository, name: str) -> list[str]:
    return [
        key.removeprefix("branch.").removesuffix(".remote")
        for key, value in _read(repository).items()
        if key.startswith("branch.") and key.endswith(".remote") and value == name
    ]


def _stage_forgetting(transaction: Transaction, name: str) -> None:
    for key in _read(transaction.repository):
        if key.startswith(f"remote.{name}.") and "." not in key.removeprefix(f"remote.{name}."):
            transaction.set_config(key, None)


def _list_names(values: dict[str, str]) -> list[str]:
    keys = [key for key in values if key.startswith("remote.") and key.endswith(".url")]
    return sorted(key.removeprefix("remote.").removesuffix(".url") for key in keys)


def _read(repository: Repository) -> dict[str, str]:
    return read_settings(repository.directory)


def check_name(name: str) -> None:
    """Refuse what cannot be a remote's name.

    Raises
    ------
    UsageError
        It is none.
    """
    fits = 0 < len(name.encode("utf-8", "replace")) <= _LONGEST and name.isprintable()
    odd = name.startswith(("-", ".")) or "/" in name or '"' in name or name != name.strip()
    if not fits or odd or not GitStore.is_valid_ref(f"{REMOTES}{name}/main"):
        raise UsageError(f"{name!r} cannot be a remote's name", hint="one short word, such as origin")
