"""What ``bf diff`` is asked: telling revisions, paths, files and folders apart, and finding the two sides."""

import filecmp
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from beatflow.diff.comparison import SOUND, find_content
from beatflow.diff.sides import (
    FolderSide,
    Pair,
    RepositorySide,
    Side,
    open_file,
    pair_folders,
    pair_trees,
    read_score,
)
from beatflow.errors import BeatFlowError, NotFoundError, UsageError
from beatflow.explaining import make_clock, read_clock
from beatflow.history import MODIFIED, content_tree, read_content
from beatflow.repository import Repository, make_absolute
from beatflow.revision.revision import find_commit, get_commit
from beatflow.timecode import Clock

Progress = Callable[[float, str], None]

_ENCLOSED = re.compile(r"\{[^}]*\}|\([^()]*\)|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be compared: two sides, and the files that differ between them, by path.

    Parameters
    ----------
    repository : Repository or None
        Where the sides are from; None for files and folders outside.
    clock : Clock
        Of the new side; its sample rate means nothing.
    """

    repository: Repository | None
    old: Side
    new: Side
    pairs: list[Pair]
    clock: Clock

    def get_only_sound(self) -> Pair:
        """Return the one sound that was modified.

        Raises
        ------
        UsageError
            There is none, or more than one.
        """
        found = [pair for pair in self.pairs if _is_modified_sound(pair)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError("no sound was changed, so there is no residual", hint="bf diff")
        names = ", ".join(pair.path for pair in found[:4]) + (" …" if len(found) > 4 else "")
        raise UsageError(
            f"a residual is of one sound, and {len(found)} were changed: {names}",
            hint=f"bf diff {found[0].path} -o residual.wav",
        )


def ask(repository: Repository | None, arguments: Sequence[str], progress: Progress) -> Question:
    """Return what the arguments of ``bf diff`` ask for.

    Raises
    ------
    NotFoundError
        There is no repository and these are neither two files nor two folders; a word is neither a revision nor a
        path; or ``A...B`` have no commit in common.
    UsageError
        There are more than two revisions.
    """
    if len(arguments) == 2 and not any(repository and find_commit(repository, word) for word in arguments):
        one, two = (Path(word) for word in arguments)
        if one.is_file() and two.is_file():
            return _ask_files(one, two)
        if one.is_dir() and two.is_dir() and not _has_paths(repository, one, two):
            return _ask_folders(one, two)
    if repository is None:
        gone = [word for word in arguments if not Path(word).exists()]
        what = f"{gone[0]} is not here" if gone else "these are not two files or two folders"
        raise NotFoundError(f"not in a BeatFlow track, and {what}", hint="bf diff OLD.wav NEW.wav")
    revisions, paths = _split(repository, arguments)
    old = _read_commit(repository, *(revisions[0] if revisions else ("HEAD", repository.head)))
    new = _read_commit(repository, *revisions[1]) if len(revisions) == 2 else _look(repository, progress)
    pairs = [
        pair
        for pair in pair_trees(old, new)
        if not paths or any(_is_below(name, paths) for name in (pair.path, pair.source or pair.path))
    ]
    return Question(repository, old, new, pairs, read_clock(repository, new.commit, 1))


# Files and folders ---------------------------------------------------------------------------------------


def _ask_files(one: Path, two: Path) -> Question:
    same = filecmp.cmp(one, two, shallow=False)
    pair = Pair(str(two), MODIFIED, open_file(one, str(one)), open_file(two, str(two)), str(one))
    old, new = FolderSide(one), FolderSide(two)
    return Question(None, old, new, [] if same else [pair], make_clock(1, None, None))


def _ask_folders(one: Path, two: Path) -> Question:
    old, new = FolderSide(one), FolderSide(two)
    score = read_score(new)
    return Question(None, old, new, pair_folders(old, new), make_clock(1, score.tempo, score.meter))


def _has_paths(repository: Repository | None, one: Path, two: Path) -> bool:
    """Say whether two folders are both inside the track: then they are paths, compared with the last commit."""
    return repository is not None and all(
        make_absolute(path).is_relative_to(repository.root) for path in (one, two)
    )


def _is_modified_sound(pair: Pair) -> bool:
    try:
        return pair.kind == MODIFIED and pair.error is None and find_content(pair) == SOUND
    except (BeatFlowError, OSError):
        return False


# Revisions -----------------------------------------------------------------------------------------------


def _split(
    repository: Repository, arguments: Sequence[str]
) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Tell revisions, each a name and a commit, and paths apart."""
    revisions: list[tuple[str, str | None]] = []
    paths: list[str] = []
    for word in arguments:
        ends = None if os.path.lexists(word) else _split_range(word)
        if ends:
            revisions += _read_range(repository, *ends)
            continue
        commit = find_commit(repository, word) if not paths else None
        if commit and len(revisions) < 2:
            revisions.append((word, commit))
            continue
        path = repository.worktree.relative(Path(word))
        known = os.path.lexists(repository.root / path)
        if not known and not _is_in_a_tree(repository, path, [oid for _, oid in revisions]):
            _check_revision(repository, word)
        paths.append(path)
    if len(revisions) > 2:
        raise UsageError("diff compares two revisions at most", hint="bf diff A B PATH")
    return revisions, paths


def _check_revision(repository: Repository, word: str) -> None:
    """Raise what is wrong with a word that is neither a revision nor a path."""
    try:
        get_commit(repository, word)
    except NotFoundError as error:
        if error.message != f"no revision {word!r}":
            raise
        raise NotFoundError(f"{word!r} is neither a revision nor a path", hint=error.hint) from None


def _split_range(word: str) -> tuple[str, str, str] | None:
    """Split ``A..B`` or ``A...B`` into its ends and the dots between them; None where it is neither.

    Dots in parentheses, braces or quotes, and those of a message, are no range: ``tempo(118..124)``, ``:/a..b``.
    """
    plain = _ENCLOSED.sub(lambda match: "_" * len(match[0]), word)
    at = plain.find("..")
    if at < 0 or word.startswith(":/"):
        return None
    dots = "..." if plain.startswith("...", at) else ".."
    return word[:at] or "HEAD", dots, word[at + len(dots) :] or "HEAD"


def _read_range(
    repository: Repository, old_name: str, dots: str, new_name: str
) -> list[tuple[str, str | None]]:
    """Return the two sides of ``A..B``, or of ``A...B``: what B did since it and A parted."""
    old, new = get_commit(repository, old_name), get_commit(repository, new_name)
    if dots == "...":
        base = repository.git.merge_base(old, new)
        if base is None:
            raise NotFoundError(
                f"{old_name} and {new_name} have no commit in common", hint=f"bf diff {old_name} {new_name}"
            )
        return [(base[:8], base), (new_name, new)]
    return [(old_name, old), (new_name, new)]


def _is_in_a_tree(repository: Repository, path: str, revisions: Sequence[str | None]) -> bool:
    commits = [*revisions, repository.head]
    return any(_is_below(name, [path]) for commit in commits if commit for name in repository.tree_of(commit))


def _is_below(path: str, wanted: Sequence[str]) -> bool:
    return any(name in ("", path) or path.startswith(name + "/") for name in wanted)


def _read_commit(repository: Repository, name: str, commit: str | None) -> RepositorySide:
    # Before the first commit there is nothing on the old side.
    return RepositorySide(repository, name, read_content(repository, commit), commit or "")


def _look(repository: Repository, progress: Progress) -> RepositorySide:
    tree = repository.worktree.look(lambda _, path: progress(0.0, path))
    repository.worktree.save_cache()
    return RepositorySide(repository, "the folder now", content_tree(repository.git, tree), None)
