"""Taking operations back, and doing them again. Each is an operation itself, so nothing is ever lost by it."""

from beatflow.errors import BeatFlowError, ConflictError
from beatflow.objects.operation import (
    REDO,
    UNDO,
    Operation,
    find_redoable,
    find_undoable,
    read_operation,
    read_worktree_changes,
)
from beatflow.repository import Repository
from beatflow.trackconfig import read_settings
from beatflow.transaction import Transaction

_BEGINNINGS = ("clone", "fork")
"""Before these there was no track: the opposite would be no folder, not an empty one."""


def undo(repository: Repository, dry_run: bool = False) -> Operation:
    """Take back the newest operation that was not taken back yet, and return it.

    Files that were edited since are kept in the new operation: ``redo`` brings them back.

    Raises
    ------
    BeatFlowError
        There is nothing to undo.
    """
    with Transaction(repository, UNDO, "") as transaction:
        operation = find_undoable(repository.git)
        if operation is None:
            raise BeatFlowError("nothing to undo", hint="bf op log")
        if operation.kind in _BEGINNINGS:
            raise BeatFlowError("nothing to undo: this is where the track began", hint="bf op log")
        _stage_opposite(transaction, operation, operation)
        if not dry_run:
            transaction.publish()
        return operation


def redo(repository: Repository, dry_run: bool = False) -> Operation:
    """Do again what the last ``undo`` took back, and return it.

    Raises
    ------
    BeatFlowError
        The last change was no ``undo``.
    """
    with Transaction(repository, REDO, "") as transaction:
        operation = find_redoable(repository.git)
        if operation is None or operation.target is None:
            raise BeatFlowError("nothing to redo", hint="bf op log")
        target = read_operation(repository.git, operation.target)
        _stage_opposite(transaction, operation, target)
        if not dry_run:
            transaction.publish()
        return target


def _stage_opposite(transaction: Transaction, operation: Operation, named: Operation) -> None:
    """Stage refs, HEAD and files as they were before an operation; ``named`` is what the user knows it as.

    Raises
    ------
    ConflictError
        A ref has moved since without an operation, so that going back would lose that.
    """
    git = transaction.repository.git
    transaction.description = f"{named.kind}: {named.description}"
    transaction.target = operation.oid
    for name, change in operation.refs.items():
        if git.read_ref(name) != change.after:
            raise ConflictError(f"{name} was changed since by something else than bf", hint="bf log --graph")
        transaction.set_ref(name, change.before)
    if operation.head and operation.head.before:
        transaction.set_head(operation.head.before)
    known = read_settings(transaction.repository.directory) if operation.settings else {}
    for key, setting in operation.settings.items():
        # What somebody has set since by hand is theirs.
        if known.get(key) == setting.after:
            transaction.set_config(key, setting.before)
    changes = read_worktree_changes(git, operation.oid)
    transaction.put_entries({path: before for path, (before, _) in changes.items()})
