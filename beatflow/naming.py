"""Branches, tags and HEAD: making, moving and deleting the names of commits."""

from dataclasses import dataclass

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.history import stage_switch
from beatflow.objects.git.store import GitStore
from beatflow.repository import BRANCHES, TAGS, Repository
from beatflow.revision.lookup import find_former_branch
from beatflow.revision.revision import find_commit, get_commit
from beatflow.sharing.configured import list_remotes
from beatflow.sharing.upstream import Upstream, find_upstream, stage_upstream
from beatflow.transaction import Transaction

MAX_NAME, MAX_NAME_PART = 1000, 200
"""Bytes of a name, and of each of its parts between slashes."""


@dataclass(frozen=True, slots=True)
class Name:
    """A branch or tag, the commit that it names and that commit's title."""

    name: str
    oid: str
    title: str


def list_branches(repository: Repository) -> list[Name]:
    """Return the local branches by name."""
    return _list(repository, BRANCHES)


def list_tags(repository: Repository) -> list[Name]:
    """Return the tags by name."""
    return _list(repository, TAGS)


def create_branch(
    repository: Repository, name: str, revision: str = "HEAD", force: bool = False, dry_run: bool = False
) -> str:
    """Make a branch at a revision and return the commit.

    Raises
    ------
    ConflictError
        It is there already (with ``force``: it is the current one).
    UsageError
        The name is not one that git accepts.
    """
    if force and name == repository.branch:
        raise ConflictError(f"{name} is the current branch", hint="bf switch to another one first")
    return _create(repository, "branch", BRANCHES, name, revision, force, dry_run)


def create_tag(
    repository: Repository, name: str, revision: str = "HEAD", force: bool = False, dry_run: bool = False
) -> str:
    """Make a tag at a revision and return the commit; errors as for a branch."""
    return _create(repository, "tag", TAGS, name, revision, force, dry_run)


def delete_tag(repository: Repository, name: str, dry_run: bool = False) -> str:
    """Delete a tag and return the commit that it named."""
    with Transaction(repository, "tag", f"delete {name}") as transaction:
        oid = _get(repository, TAGS, name)
        transaction.set_ref(TAGS + name, None)
        if not dry_run:
            transaction.publish()
    return oid


def delete_branch(repository: Repository, name: str, force: bool = False, dry_run: bool = False) -> str:
    """Delete a branch and return the commit that it named.

    Raises
    ------
    ConflictError
        It is the current one, or (without ``force``) its commits are on no other branch.
    """
    with Transaction(repository, "branch", f"delete {name}") as transaction:
        oid = _get(repository, BRANCHES, name)
        if name == repository.branch:
            raise ConflictError(f"{name} is the current branch", hint="bf switch to another one first")
        others = [other.oid for other in list_branches(repository) if other.name != name]
        if not force and not any(repository.git.merge_base(oid, other) == oid for other in others):
            hint = f"bf branch --delete {name} --force"
            raise ConflictError(f"{name} has commits that are on no other branch", hint)
        transaction.set_ref(BRANCHES + name, None)
        stage_upstream(transaction, name, None)
        if not dry_run:
            transaction.publish()
    return oid


def rename_branch(repository: Repository, old: str, new: str, dry_run: bool = False) -> None:
    """Rename a branch, the current one too; it goes on following what it follows."""
    with Transaction(repository, "branch", f"rename {old} to {new}") as transaction:
        oid = _get(repository, BRANCHES, old)
        _check_new(repository, BRANCHES, new)
        transaction.set_ref(BRANCHES + old, None)
        transaction.set_ref(BRANCHES + new, oid)
        upstream = find_upstream(repository, old)
        if upstream:
            stage_upstream(transaction, old, None)
            stage_upstream(transaction, new, upstream)
        if repository.branch == old:
            transaction.set_head(BRANCHES + new)
        if not dry_run:
            transaction.publish()


def switch_to(
    repository: Repository, name: str, start: str | None = None, detach: bool = False, dry_run: bool = False
) -> int:
    """Go to a branch (``-`` for the one before), or with ``detach`` to any commit; return how many files changed.

    A branch that only one remote has is made here, and follows that one.

    Parameters
    ----------
    start : str, optional
        Make the branch at this revision first.

    Raises
    ------
    ConflictError
        Uncommitted changes would be overwritten.
    NotFoundError
        There is no such branch or revision.
    """
    if name in ("-", "@{-1}") and start is None and not detach:
        name = _get_former_branch(repository)
    followed = None
    with Transaction(repository, "switch", f"to {name}") as transaction:
        if start is not None:
            _check_new(repository, BRANCHES, name)
            if repository.head is None and start == "HEAD":
                transaction.set_head(BRANCHES + name)
                return 0 if dry_run else _publish(transaction, 0)
            target, commit = BRANCHES + name, get_commit(repository, start)
            transaction.set_ref(target, commit)
        elif detach:
            target = commit = get_commit(repository, name)
        else:
            target = BRANCHES + name
            followed = _find_followed(repository, name)
            commit = followed[1] if followed else _get(repository, BRANCHES, name)
            if followed:
                transaction.set_ref(target, commit)
                stage_upstream(transaction, name, followed[0])
        transaction.set_head(target)
        count = stage_switch(transaction, commit)
        transaction.check_places()
        if not dry_run:
            transaction.publish()
        return count


def _find_followed(repository: Repository, name: str) -> tuple[Upstream, str] | None:
    """Return the one remote branch of a name that no branch here has yet, and its commit: going there makes it."""
    git = repository.git
    if not GitStore.is_valid_ref(BRANCHES + name) or git.read_ref(BRANCHES + name):
        return None
    upstreams = [Upstream(remote.name, BRANCHES + name) for remote in list_remotes(repository)]
    found = [(upstream, oid) for upstream in upstreams if (oid := git.read_ref(upstream.tracking))]
    return found[0] if len(found) == 1 else None


def _get_former_branch(repository: Repository) -> str:
    name = find_former_branch(repository)
    if name is None:
        raise NotFoundError("there was no other branch before this one", hint="bf branch lists them")
    return name


def _publish(transaction: Transaction, count: int) -> int:
    transaction.publish()
    return count


def _list(repository: Repository, prefix: str) -> list[Name]:
    refs = repository.git.read_refs(prefix)
    return [
        Name(ref.removeprefix(prefix), oid, repository.git.read_commit(oid).title)
        for ref, oid in sorted(refs.items())
    ]


def _create(
    repository: Repository, kind: str, prefix: str, name: str, revision: str, force: bool, dry_run: bool
) -> str:
    _check_name(prefix, name)
    with Transaction(repository, kind, name) as transaction:
        commit = get_commit(repository, revision)
        if not force:
            _check_new(repository, prefix, name)
        transaction.description = f"{name} at {commit[:7]}"
        transaction.set_ref(prefix + name, commit)
        if not dry_run:
            transaction.publish()
    return commit


def _check_new(repository: Repository, prefix: str, name: str) -> None:
    _check_name(prefix, name)
    for ref in repository.git.read_refs(prefix):
        other = ref.removeprefix(prefix)
        if other == name:
            raise ConflictError(f"{name} is there already", hint="choose another name, or --force")
        # A ref is a file below a folder, so one name cannot be the folder of another.
        if other.startswith(name + "/") or name.startswith(other + "/"):
            raise ConflictError(f"{name} clashes with {other}", hint="choose another name")


def _check_name(prefix: str, name: str) -> None:
    raw = name.encode("utf-8", "replace")
    # Each part becomes a file's name, with room for ".lock"; libgit2 takes UTF-8 only.
    fits = len(raw) <= MAX_NAME and all(len(part) <= MAX_NAME_PART for part in raw.split(b"/"))
    odd = name.startswith("-") or name in ("HEAD", "@") or raw.decode() != name
    if odd or not fits or not GitStore.is_valid_ref(prefix + name):
        raise UsageError(f"{name!r} cannot be a name", hint="short, no spaces, no .., none of ~ ^ : ? * [ \\")


def _get(repository: Repository, prefix: str, name: str) -> str:
    oid = repository.git.read_ref(prefix + name) if GitStore.is_valid_ref(prefix + name) else None
    if oid is not None:
        return oid
    import difflib

    names = [ref.removeprefix(prefix) for ref in repository.git.read_refs(prefix)]
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif find_commit(repository, name):
        hint = f"bf switch --detach {name} goes to a commit without a branch"
    else:
        hint = (
            f"bf switch -c {name} makes it; bf branch lists them"
            if prefix == BRANCHES
            else "bf tag lists them"
        )
    raise NotFoundError(f"no {'branch' if prefix == BRANCHES else 'tag'} {name!r}", hint=hint)
