"""What a user writes to name a commit, or a file in one: ``HEAD~2``, ``take2``, ``3f9a``, ``HEAD~1:stems/bass.wav``."""

import difflib
from dataclasses import dataclass

from beatflow.errors import NotFoundError
from beatflow.objects.git import Entry
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
