"""Operations: what each changing command did, kept as git commits so that nothing they name is ever collected.

An operation's tree holds ``op.json`` and two partial trees, ``before/`` and ``after/``, with the paths of the worktree
that it changed. Its parents are the operation before it and every commit that it moved a ref from or to, so git's own
garbage collection keeps what undo needs. Knows nothing of what the kinds mean.
"""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from beatflow.errors import DamagedError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, TREE, Entry, Signature, Tree

OPERATIONS = "refs/beatflow/operations"
"""The ref that names the newest operation."""

VERSION = 1
UNDO, REDO = "undo", "redo"


class Change(NamedTuple):
    """The state of one thing before and after an operation; None for absent."""

    before: str | None
    after: str | None


class Operation(NamedTuple):
    """One change to a repository.

    Parameters
    ----------
    kind, description : str
        The command's name, and one line for people.
    signature : Signature
        Who did it, and when.
    refs : mapping of str to Change
        Refs that moved: commit ids.
    head : Change or None
        What HEAD held, when that changed.
    settings : mapping of str to Change
        Values of git's configuration that changed: remotes, and what follows them.
    target : str or None
        For ``undo`` and ``redo``, the operation that was taken back or done again.
    previous, oid : str or None
        The operation before this one; its own id. Both are decided when it is written.
    """

    kind: str
    description: str
    signature: Signature
    refs: Mapping[str, Change] = {}
    head: Change | None = None
    settings: Mapping[str, Change] = {}
    target: str | None = None
    previous: str | None = None
    oid: str = ""


WorktreeChanges = dict[str, tuple[Entry | None, Entry | None]]


def write_operation(git: GitStore, operation: Operation, worktree: WorktreeChanges) -> str:
    """Store an operation behind the newest one and return its id; no ref moves."""
    previous = git.read_ref(OPERATIONS)
    document = {
        "version": VERSION,
        "kind": operation.kind,
        "description": operation.description,
        "refs": {name: [change.before, change.after] for name, change in operation.refs.items()},
        "head": [operation.head.before, operation.head.after] if operation.head else None,
        "target": operation.target,
        "previous": previous,
    }
    if operation.settings:
        document["settings"] = {key: [one.before, one.after] for key, one in operation.settings.items()}
    data = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=True).encode()
    tree = {"op.json": Entry(FILE, git.write_blob(data))}
    for side, folder in enumerate(("before", "after")):
        entries: Tree = {path: entry for path, change in worktree.items() if (entry := change[side])}
        if entries:
            tree[folder] = Entry(TREE, git.write_tree(entries))
    commits = {
        oid for change in operation.refs.values() for oid in (change.before, change.after) if oid is not None
    }
    for change in (operation.head,) if operation.head else ():
        commits |= {oid for oid in (change.before, change.after) if oid and not oid.startswith("refs/")}
    parents = [*([previous] if previous else []), *sorted(commits)]
    message = f"{operation.kind}: {operation.description}"
    return git.write_commit(git.write_tree(tree), parents, message, operation.signature)


def read_operation(git: GitStore, oid: str) -> Operation:
    """Read an operation.

    Raises
    ------
    DamagedError
        The commit is no operation, or one of a newer BeatFlow.
    """
    commit = git.read_commit(oid)
    entry = git.find_entry(commit.tree, "op.json")
    try:
        document = json.loads(git.read_blob(entry.oid)) if entry else {}
        if document["version"] != VERSION:
            raise DamagedError(
                f"operation {oid[:12]} was written by a newer BeatFlow", hint="upgrade beatflow"
            )
        return Operation(
            kind=document["kind"],
            description=document["description"],
            signature=commit.author,
            refs={name: Change(*change) for name, change in document["refs"].items()},
            head=Change(*document["head"]) if document["head"] else None,
            settings={key: Change(*change) for key, change in document.get("settings", {}).items()},
            target=document["target"],
            previous=document["previous"],
            oid=oid,
        )
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"operation {oid[:12]} cannot be read", hint="bf check") from error


def read_worktree_changes(git: GitStore, oid: str) -> WorktreeChanges:
    """Return what an operation did to the worktree: path -> entries before and after."""
    tree = git.read_commit(oid).tree
    before, after = (
        git.read_tree(entry.oid) if (entry := git.find_entry(tree, folder)) else {}
        for folder in ("before", "after")
    )
    return {path: (before.get(path), after.get(path)) for path in before.keys() | after.keys()}


def iter_operations(git: GitStore) -> Iterator[Operation]:
    """Yield the operations, newest first."""
    oid = git.read_ref(OPERATIONS)
    while oid:
        operation = read_operation(git, oid)
        yield operation
        oid = operation.previous


def find_undoable(git: GitStore) -> Operation | None:
    """Return the operation that ``undo`` takes back: the newest that has not been taken back already."""
    skip = 0
    for operation in iter_operations(git):
        if operation.kind == UNDO:
            skip += 1
        elif skip:
            # A redo stands for the operation that it did again, so it uses up one undo like any other.
            skip -= 1
        else:
            return operation
    return None


def find_redoable(git: GitStore) -> Operation | None:
    """Return the undo that ``redo`` takes back; None after any other change."""
    skip = 0
    for operation in iter_operations(git):
        if operation.kind == REDO:
            skip += 1
        elif operation.kind != UNDO:
            return None
        elif skip:
            skip -= 1
        else:
            return operation
    return None
