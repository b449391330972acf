"""Bringing files of a commit back, into the worktree or into another folder."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from beatflow.errors import ConflictError, NotFoundError
from beatflow.filename import check_path
from beatflow.history import read_content
from beatflow.objects.durable import temporary_name
from beatflow.objects.git.value import Tree
from beatflow.objects.pointer import read_pointer
from beatflow.placing import make_parents
from beatflow.repository import Repository, make_absolute
from beatflow.transaction import Transaction

Progress = Callable[[float, str], None]


def restore_worktree(
    repository: Repository, commit: str, wanted: Sequence[str], dry_run: bool, progress: Progress
) -> list[str]:
    """Make paths of the worktree what they are in a commit; return those that differed.

    A folder gets back every file that the commit has below it; files that the commit does not have stay.

    Raises
    ------
    NotFoundError
        The commit has nothing at a path.
    """
    tree = _select(repository, commit, wanted)
    worktree = repository.worktree
    with Transaction(repository, "restore", f"from {commit[:7]}") as transaction:
        # What is left elsewhere comes when its name, or its folder's, is given: that is to ask for it.
        asked = "" not in wanted
        absent = worktree.list_absent().keys() & tree.keys() if asked else set()
        differing = [path for path in sorted(tree) if path in absent or worktree.identify(path) != tree[path]]
        if dry_run:
            return differing
        wanted_tree = {path: tree[path] for path in differing}
        advance = _count_bytes(repository, wanted_tree, progress)
        transaction.put_entries(wanted_tree, advance, fetch=asked)
        transaction.publish()
    return differing


def restore_into(
    repository: Repository,
    commit: str,
    wanted: Sequence[str],
    folder: Path,
    force: bool,
    dry_run: bool,
    progress: Progress,
) -> list[str]:
    """Write paths of a commit into another folder; return them.

    Raises
    ------
    ConflictError
        A file is there already, and ``force`` is not given; nothing was written.
    """
    folder = make_absolute(folder).resolve()
    tree = _select(repository, commit, wanted)
    for path in tree:
        check_path(path)
        if not force and os.path.lexists(folder / path):
            raise ConflictError(f"{folder / path} is there already", hint="add --force to overwrite it")
    root = repository.root.resolve()
    if folder.is_relative_to(root):
        # Inside the track it is a change like any other, which undo takes back.
        prefix = "" if folder == root else folder.relative_to(root).as_posix() + "/"
        with Transaction(repository, "restore", f"from {commit[:7]} to {prefix or '.'}") as transaction:
            transaction.put_entries(
                {prefix + path: entry for path, entry in tree.items()},
                _count_bytes(repository, tree, progress),
                fetch=True,
            )
            if not dry_run:
                transaction.publish()
        return sorted(tree)
    if dry_run:
        return sorted(tree)
    unfinished: dict[str, Path] = {}
    try:
        for path in sorted(tree):
            folder.mkdir(parents=True, exist_ok=True)
            make_parents(folder, path)
            unfinished[path] = temporary_name((folder / path).parent, ".part")
        repository.worktree.materialize(
            [(tree[path], file) for path, file in unfinished.items()],
            _count_bytes(repository, tree, progress),
        )
        for path, file in unfinished.items():
            file.replace(folder / path)
    finally:
        for file in unfinished.values():
            file.unlink(missing_ok=True)
    return sorted(tree)


def _count_bytes(repository: Repository, tree: Tree, progress: Progress) -> Callable[[int], None]:
    """Return what turns the bytes of sound written since the last call into a fraction."""
    pointers = [read_pointer(repository.git, entry) for entry in tree.values()]
    total = sum(pointer.size for pointer in pointers if pointer) or 1
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(min(1.0, done / total), "sound")

    return advance


def _select(repository: Repository, commit: str, wanted: Sequence[str]) -> Tree:
    tree = read_content(repository, commit)
    result: Tree = {}
    for name in wanted:
        found = {
            path: entry for path, entry in tree.items() if name in ("", path) or path.startswith(name + "/")
        }
        if not found and name:
            raise NotFoundError(f"no file {name!r} in {commit[:7]}", hint=f"bf ls {commit[:7]}")
        result |= found
    return result
