"""What a user writes to name commits, or a file in one: ``HEAD~2``, ``take2``, ``main..``, ``HEAD~1:stems/bass.wav``.

Where one commit is wanted, a set stands for its newest one. ``docs/revisions.md`` has the whole language.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.errors import NotFoundError, UsageError
from beatflow.objects.git.value import Entry
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.revision.lookup import find_named

# The language of sets is loaded by who needs it: most commands are given a name.
if TYPE_CHECKING:
    from beatflow.revision.revset import Node
    from beatflow.revision.selection import Range, Selector

_BRACES = r"\{[^}]*\}|\([^()]*\)"


def find_commit(repository: Repository, text: str) -> str | None:
    """Return the commit that a revision names, None where it names none.

    Raises
    ------
    UsageError
        It is a set that can be read and makes no sense: an unknown function, a range that ends before it begins.
    """
    found = find_named(repository, text)
    if found or not _is_expression(text):
        return found
    from beatflow.revision.revset import parse_set

    try:
        node = parse_set(text)
    except UsageError:
        # What cannot even be read may be anything, most likely a file: song (1).wav
        return None
    selector = _selector(repository)
    try:
        return selector.newest(selector.select(node))
    except NotFoundError:
        return None


def get_commit(repository: Repository, text: str) -> str:
    """Return the commit that a revision names, the newest one of a set.

    Raises
    ------
    NotFoundError
        It names none; the nearest names are given.
    UsageError
        It is a set that makes no sense.
    """
    commit = find_named(repository, text)
    if commit:
        return commit
    if not _is_expression(text):
        raise _not_found(repository, text)
    from beatflow.revision.revset import parse_set
    from beatflow.revision.selection import no_match

    selector = _selector(repository)
    found = selector.newest(selector.select(parse_set(text)))
    if found is None:
        raise no_match(text)
    return found


def get_range(repository: Repository, text: str) -> "Range":
    """Return the commits that ``A..B``, ``A..``, a single revision or a set of them stand for.

    Raises
    ------
    NotFoundError, UsageError
        As for one commit.
    """
    return _selector(repository).select(_read(repository, text))


def list_commits(repository: Repository, text: str) -> list[str]:
    """Return every commit that a text stands for, newest first: one for a name, all of a range or set.

    Raises
    ------
    NotFoundError, UsageError
        As for one commit; or the set has none.
    """
    commit = find_named(repository, text)
    if commit:
        return [commit]
    wanted = get_range(repository, text)
    commits = repository.git.iter_history(wanted.include, wanted.exclude)
    found = [commit.oid for commit in commits if wanted.keep is None or wanted.keep(commit)]
    if not found and wanted.keep:
        from beatflow.revision.selection import no_match

        raise no_match(text)
    return found


def _selector(repository: Repository) -> "Selector":
    from beatflow.revision.selection import Selector

    return Selector(repository, lambda name: _get_named(repository, name))


def _read(repository: Repository, text: str) -> "Node":
    """Read a revision or a set of them; a name that is known stays whole, whatever signs are in it."""
    from beatflow.revision.revset import Word, parse_set

    plain = not _is_expression(text) or find_named(repository, text)
    return Word(text) if plain else parse_set(text)


def _is_expression(text: str) -> bool:
    from beatflow.revision.revset import is_set

    return (
        not text.startswith(("-", ":/"))
        and bool(text)
        and (is_set(text) or ".." in re.sub(_BRACES, "", text))
    )


def _get_named(repository: Repository, text: str) -> str:
    found = find_named(repository, text)
    if found is None:
        raise _not_found(repository, text)
    return found


def _not_found(repository: Repository, text: str) -> NotFoundError:
    if repository.head is None and text in ("HEAD", "@", repository.branch):
        return NotFoundError("there is no commit yet", hint='bf commit -m "first take"')
    if text.startswith(":/"):
        return NotFoundError(f"no message has {text[2:]!r} in it", hint="bf log --oneline --all")
    if "@{" in text:
        return NotFoundError(f"nothing is known of {text!r}", hint="bf op log shows how far back it goes")
    base = re.split("[~^]", text, maxsplit=1)[0]
    if base != text and find_named(repository, base or "HEAD"):
        return NotFoundError(f"{base or 'HEAD'} has no {text[len(base) :]}", hint="bf log --oneline --graph")
    import difflib

    near = difflib.get_close_matches(text, list_names(repository), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "bf log --oneline"
    return NotFoundError(f"no revision {text!r}", hint=hint)


def list_names(repository: Repository) -> list[str]:
    """Return the short names of all branches and tags."""
    names = ["HEAD"]
    refs = repository.git.read_refs()
    for prefix in (BRANCHES, TAGS, REMOTES):
        names.extend(ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix))
    return names


def split_path(text: str) -> tuple[str, str]:
    """Split ``REV:PATH``; without a colon (outside braces and parentheses) the text is a path in HEAD."""
    covered = re.sub(_BRACES, lambda match: "_" * len(match[0]), text)
    at = covered.find(":")
    revision, colon, path = (text[:at], ":", text[at + 1 :]) if at >= 0 else (text, "", "")
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
        import difflib

        near = difflib.get_close_matches(path, tree, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"bf ls {revision}"
        raise NotFoundError(f"no file {path!r} in {revision}", hint=hint)
    return path, tree[path]


def parse_log_arguments(repository: Repository, arguments: list[str]) -> "tuple[Range, str | None]":
    """Tell revisions and a path apart: ``[]``, ``[REV]``, ``[PATH]``, ``[REV, ^REV, PATH]``.

    Of several words the last is a path where there is such a file; a word alone is a revision before it is a path.

    Raises
    ------
    NotFoundError
        A word is neither; or there is no commit yet.
    UsageError
        A set makes no sense.
    """
    *first, last = arguments or ["HEAD"]
    path = _find_path(repository, last) if first else None
    if path is not None:
        return _join(repository, first), path
    try:
        return _join(repository, arguments or ["HEAD"]), None
    except (NotFoundError, UsageError):
        wanted = _join(repository, first)
        path = repository.worktree.relative(Path(last))
        if not _was_ever(repository, path, wanted):
            raise
        return wanted, path


def _join(repository: Repository, words: list[str]) -> "Range":
    """Return what is behind any of some words, but not behind those with a ``^`` before them; HEAD for none."""
    from beatflow.revision.revset import And, Node, Not, Or, Word

    chosen: Node | None = None
    left_out: list[Node] = []
    for word in words:
        if word.startswith("^"):
            left_out.append(_read(repository, word[1:]))
        else:
            node = _read(repository, word)
            chosen = Or(chosen, node) if chosen else node
    for node in left_out:
        chosen = And(chosen or Word("HEAD"), Not(node))
    return _selector(repository).select(chosen or Word("HEAD"))


def _find_path(repository: Repository, text: str) -> str | None:
    """Return the path that a word names in the worktree, None where nothing stands there."""
    try:
        path = repository.worktree.relative(Path(text))
    except UsageError:
        return None
    return path if os.path.lexists(repository.root / path) else None


def _was_ever(repository: Repository, path: str, wanted: "Range") -> bool:
    """Say whether a path is in the worktree or in any commit of a range."""
    git = repository.git
    if path == "" or repository.worktree.find(path):
        return True
    return any(
        git.find_entry(commit.tree, path) for commit in git.iter_history(wanted.include, wanted.exclude)
    )
