"""What ``bf diff`` is asked: telling revisions, paths and files apart, and finding the trees to compare."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from beatflow.comparison import Difference, compare_changes, compare_files
from beatflow.errors import NotFoundError, UsageError
from beatflow.history import compare_trees, content_tree, read_content
from beatflow.objects.gitvalue import Tree
from beatflow.repository import Repository
from beatflow.revision import get_commit

Progress = Callable[[float, str], None]


def find_differences(
    repository: Repository | None, arguments: Sequence[str], progress: Progress
) -> Iterator[Difference]:
    """Yield the differences that the arguments of ``bf diff`` ask for.

    Raises
    ------
    NotFoundError
        There is no repository and these are not two files, or a word is neither a revision nor a path.
    """
    two_files = len(arguments) == 2 and all(Path(word).is_file() for word in arguments)
    if two_files and (repository is None or not any(repository.git.resolve(word) for word in arguments)):
        yield compare_files(Path(arguments[0]), Path(arguments[1]))
        return
    if repository is None:
        raise NotFoundError(
            "not in a BeatFlow track, and these are not two files", hint="bf diff OLD.wav NEW.wav"
        )
    revisions, paths = _split(repository, arguments)
    old = _read_side(repository, revisions[0] if revisions else None)
    new = _read_side(repository, revisions[1]) if len(revisions) == 2 else _look(repository, progress)
    changes = [
        change
        for change in compare_trees(old, new)
        if not paths or any(_is_below(name, paths) for name in (change.path, change.source or change.path))
    ]
    for number, change in enumerate(changes):
        progress(number / len(changes), change.path)
        yield from compare_changes(repository, [change])


def _split(repository: Repository, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    revisions: list[str] = []
    paths: list[str] = []
    for word in arguments:
        if ".." in word and not os.path.lexists(word):
            old, _, new = word.partition("..")
            revisions += [
                get_commit(repository, old or "HEAD"),
                get_commit(repository, new.lstrip(".") or "HEAD"),
            ]
            continue
        commit = repository.git.resolve(word) if not paths else None
        if commit and len(revisions) < 2:
            revisions.append(commit)
            continue
        path = repository.worktree.relative(Path(word))
        known = repository.worktree.root.joinpath(path).exists() or _is_in_a_tree(repository, path, revisions)
        if not known:
            get_commit(repository, word)
        paths.append(path)
    if len(revisions) > 2:
        raise UsageError("diff compares two revisions at most", hint="bf diff A B PATH")
    return revisions, paths


def _is_in_a_tree(repository: Repository, path: str, revisions: Sequence[str]) -> bool:
    head = repository.head
    commits = [*revisions, *([head] if head else [])]
    return any(_is_below(name, [path]) for commit in commits for name in repository.tree_of(commit))


def _is_below(path: str, wanted: Sequence[str]) -> bool:
    return any(name in ("", path) or path.startswith(name + "/") for name in wanted)


def _read_side(repository: Repository, commit: str | None) -> Tree:
    return read_content(repository, commit or repository.head)


def _look(repository: Repository, progress: Progress) -> Tree:
    tree = repository.worktree.look(lambda _, path: progress(0.0, path))
    repository.worktree.save_cache()
    return content_tree(repository.git, tree)
