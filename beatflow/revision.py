"""What a user writes to name a commit, or a file in one: ``HEAD~2``, ``take2``, ``3f9a``, ``HEAD~1:stems/bass.wav``."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import NotFoundError, UsageError
from beatflow.objects.gitvalue import Entry
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository


@dataclass(frozen=True, slots=True)
class Range:
    """Commits reachable from ``include`` but not from ``exclude``."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()


def get_commit(repository: Repository, text: str) -> str:
    """Return the commit that a revision names.

    Raises
    ------
    NotFoundError
        It names none; the nearest names are given.
    """
    commit = repository.git.resolve(text) if text and not text.startswith("-") else None
    if commit:
        return commit
    if repository.head is None and text in ("HEAD", "@", repository.branch):
        raise NotFoundError("there is no commit yet", hint='bf commit -m "first take"')
    near = difflib.get_close_matches(text, list_names(repository), n=3, cutoff=0.5)
    if not near:
        raise NotFoundError(f"no revision {text!r}", hint="bf log --oneline")
    raise NotFoundError(f"no revision {text!r}", hint=f"did you mean {' or '.join(near)}?")


def get_range(repository: Repository, text: str) -> Range:
    """Return the commits that ``A..B``, ``A..`` or a single revision stand for."""
    if "..." in text:
        one, two = (get_commit(repository, side or "HEAD") for side in text.split("...", 1))
        base = repository.git.merge_base(one, two)
        return Range((one, two), (base,) if base else ())
    if ".." in text:
        old, new = (get_commit(repository, side or "HEAD") for side in text.split("..", 1))
        return Range((new,), (old,))
    return Range((get_commit(repository, text),))


def list_names(repository: Repository) -> list[str]:
    """Return the short names of all branches and tags."""
    names = ["HEAD"]
    refs = repository.git.read_refs()
    for prefix in (BRANCHES, TAGS, REMOTES):
        names.extend(ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix))
    return names


def split_path(text: str) -> tuple[str, str]:
    """Split ``REV:PATH``; without a colon the text is a path in HEAD."""
    revision, colon, path = text.partition(":")
    return (revision or "HEAD", path) if colon else ("HEAD", text)


def get_entry(repository: Repository, text: str) -> tuple[str, Entry]:
    """Return the path and the entry that ``REV:PATH`` names.

    Raises
    ------
    NotFoundError
        No such revision, or no such file in it; the nearest paths are given.
    """
    revision, path = split_path(text)
    commit = get_commit(repository, revision)
    tree = repository.tree_of(commit)
    path = path.removeprefix("./")
    if path not in tree:
        near = difflib.get_close_matches(path, tree, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"bf ls {revision}"
        raise NotFoundError(f"no file {path!r} in {revision}", hint=hint)
    return path, tree[path]


def parse_log_arguments(repository: Repository, arguments: list[str]) -> tuple[Range, str | None]:
    """Tell revision and path apart: ``[]``, ``[REV]``, ``[PATH]``, ``[REV, PATH]``.

    Raises
    ------
    NotFoundError
        A word is neither; or there is no commit yet.
    UsageError
        There are more than two.
    """
    if len(arguments) > 2:
        raise UsageError("log takes one revision and one path", hint="bf log REV PATH")
    if len(arguments) == 2:
        revision, path = arguments
        return get_range(repository, revision), repository.worktree.relative(Path(path))
    if arguments:
        try:
            return get_range(repository, arguments[0]), None
        except NotFoundError:
            path = repository.worktree.relative(Path(arguments[0]))
            if not _was_ever(repository, path):
                raise
            return get_range(repository, "HEAD"), path
    return get_range(repository, "HEAD"), None


def _was_ever(repository: Repository, path: str) -> bool:
    """Say whether a path is in the worktree or in any commit behind HEAD."""
    git, head = repository.git, repository.head
    if path == "" or repository.worktree.find(path):
        return True
    return head is not None and any(git.find_entry(commit.tree, path) for commit in git.iter_history([head]))
