"""Which sounds there are to search: every version in a track's history, what is not committed yet, a folder's files.

Says where each is and when it came in. Opens nothing, and fetches nothing that a partial clone has left elsewhere.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.errors import BeatFlowError, UsageError
from beatflow.finding.shelf import FOLDER, Shelf
from beatflow.history import changes_of, find_branch_tips, read_content
from beatflow.objects.git.value import Commit, Signature, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit, list_commits
from beatflow.sharing.partial.previews import find_small_copy
from beatflow.sound.files import hint_missing
from beatflow.soundfolder import SUFFIXES, Mishap, iter_sounds
from beatflow.soundword import NamedSound, on_disk, open_stored


@dataclass(frozen=True, slots=True)
class Version:
    """One content of one path.

    Parameters
    ----------
    path : str
        In the track, or as the folder was named.
    subject : NamedSound
        Opens the sound; its ``oid`` is what cards and facts go by.
    place : Place
        Where it is kept.
    commit : Commit or None
        The one that brought it in; None for what is not committed, and in a folder.
    current : bool
        HEAD has it at this path, or the folder does.
    """

    path: str
    subject: NamedSound
    place: "Place"
    commit: Commit | None = None
    current: bool = True

    @property
    def oid(self) -> str:
        """The sound's id."""
        return self.subject.oid or ""

    @property
    def card_id(self) -> str:
        """What its card is kept by; a small copy has one of its own."""
        return f"{self.oid}.small" if self.subject.small else self.oid

    @property
    def signature(self) -> Signature | None:
        """Who brought it in, and when."""
        return self.commit.author if self.commit else None


@dataclass(slots=True, eq=False)
class Place:
    """A track, or a folder of sounds, with the index that belongs to it.

    Parameters
    ----------
    root : Path
    shelf : Shelf
    repository : Repository or None
        Of a track.
    versions : list of Version
        Newest first.
    elsewhere : int
        How many sounds a partial clone has left elsewhere, with not even a small copy here.
    """

    root: Path
    shelf: Shelf
    repository: Repository | None = None
    versions: list["Version"] = field(default_factory=list)
    elsewhere: int = 0


@dataclass(slots=True)
class Scope:
    """What of a track is to be searched: ``paths`` (files, folders, patterns) in ``commits``; none for everything."""

    paths: list[str] = field(default_factory=list)
    commits: list[str] | None = None
    brought: list[str] | None = None
    """Commits of sets, of which only what each brought in counts."""

    def has(self, path: str) -> bool:
        """Say whether a path is meant."""
        return not self.paths or any(
            path == wanted or path.startswith(wanted.rstrip("/") + "/") or fnmatchcase(path, wanted)
            for wanted in self.paths
        )


def read_scope(
    repository: Repository | None, words: Sequence[str], directory: Path
) -> tuple[Scope, list[str]]:
    """Tell paths of the track, revisions and other folders apart.

    Returns
    -------
    Scope, list of str
        What is of the track; the folders and files that lie outside of it.

    Raises
    ------
    NotFoundError
        A word is none of these.
    """
    scope, outside = Scope(), []
    for word in words:
        path = directory / word
        if repository is None or os.path.lexists(path):
            if not os.path.lexists(path):
                raise UsageError(f"{word} does not exist", hint=hint_missing(word))
            try:
                inside = repository.worktree.relative(path) if repository else None
            except UsageError:
                inside = None
            if inside is None:
                outside.append(word)
            else:
                scope.paths.append(inside or "*")
        else:
            _read_revision(repository, word, scope)
    return scope, outside


def _read_revision(repository: Repository, word: str, scope: Scope) -> None:
    """Take in a revision, a set of them, or a path that is in history only."""
    try:
        if ".." in word or "(" in word or " " in word:
            scope.brought = [*(scope.brought or []), *list_commits(repository, word)]
        else:
            scope.commits = [*(scope.commits or []), get_commit(repository, word)]
    except BeatFlowError:
        known = {change for change in _all_paths(repository) if Scope([word]).has(change)}
        if not known:
            raise
        scope.paths.append(word)


def _all_paths(repository: Repository) -> Iterator[str]:
    for commit in repository.git.iter_history(find_branch_tips(repository)):
        for change in changes_of(repository.git, commit):
            if change.after:
                yield change.path


def read_track_place(repository: Repository, scope: Scope, tick: Callable[[], None] = lambda: None) -> Place:
    """List the versions of sounds in a track.

    Parameters
    ----------
    tick : callable
        Called for each commit, so that progress can be shown.
    """
    found: dict[tuple[str, str], Commit] = {}
    for commit in _find_commits(repository, scope):
        tick()
        for key in _brought(repository, commit, scope):
            # Newest first, so that what remains is the commit which had it first.
            found[key] = commit
    current = dict(_iter_sounds(repository, read_content(repository, repository.head)))
    loose: list[tuple[str, NamedSound]] = []
    if scope.commits is None and scope.brought is None:
        loose, gone = _look_around(repository, current, scope)
        current = {path: oid for path, oid in current.items() if path not in gone}
    place = Place(repository.root, Shelf(repository.state / FOLDER), repository)
    for path, subject in loose:
        if (path, subject.oid) not in found:
            place.versions.append(Version(path, subject, place))
        current[path] = subject.oid or ""
    for (path, oid), commit in found.items():
        if scope.has(path):
            stored = _open_stored(repository, path, oid)
            if stored:
                place.versions.append(Version(path, stored, place, commit, current.get(path) == oid))
            elif stored is None:
                place.elsewhere += 1
    place.versions.sort(key=_newest_first)
    return place


def read_folder_place(
    folder: Path, name: str, cache: Path | None, on_mishap: Callable[[Mishap], None]
) -> Place:
    """List the sounds in a folder, or the one that a file is.

    Parameters
    ----------
    cache : Path or None
        Where the index of all folders that are no tracks is kept.
    """
    place = Place(folder, Shelf(cache))
    if folder.is_dir():
        for sound in iter_sounds(folder, name, on_mishap):
            place.versions.append(Version(sound.name, on_disk(sound.name, sound.path), place))
    else:
        place.versions.append(Version(name, on_disk(name, folder), place))
    return place


def _newest_first(version: Version) -> tuple[bool, int, str]:
    return version.commit is not None, -version.commit.time_s if version.commit else 0, version.path


def _find_commits(repository: Repository, scope: Scope) -> Iterable[Commit]:
    git = repository.git
    if scope.commits is None and scope.brought is None:
        return git.iter_history(find_branch_tips(repository))
    chosen = dict.fromkeys([*(scope.commits or []), *(scope.brought or [])])
    return sorted((git.read_commit(oid) for oid in chosen), key=lambda commit: -commit.time_s)


def _brought(repository: Repository, commit: Commit, scope: Scope) -> Iterator[tuple[str, str]]:
    """The sounds that count of a commit: what it brought in, or, of one that was named, all that it has."""
    if scope.commits and commit.oid in scope.commits:
        yield from _iter_sounds(repository, read_content(repository, commit.oid))
        return
    for change in changes_of(repository.git, commit):
        pointer = read_pointer(repository.git, change.after) if change.after else None
        if pointer:
            yield change.path, pointer.oid


def _iter_sounds(repository: Repository, tree: Tree) -> Iterator[tuple[str, str]]:
    for path, entry in tree.items():
        pointer = read_pointer(repository.git, entry)
        if pointer:
            yield path, pointer.oid


def _look_around(
    repository: Repository, committed: Mapping[str, str], scope: Scope
) -> tuple[list[tuple[str, NamedSound]], set[str]]:
    """The sounds in the folder that HEAD has not, and the paths at which HEAD's are no more."""
    worktree, git = repository.worktree, repository.git
    loose, here = [], set()
    for found in worktree.scan():
        here.add(found.path)
        file = repository.root / found.path
        if not scope.has(found.path) or not _has_sound(lambda file=file: file.open("rb")):  # type: ignore[misc]
            continue
        with suppress(OSError, BeatFlowError):
            entry = worktree.identify(found.path)
            known = read_pointer(git, entry) if entry and git.has(entry.oid) else None
            if known is None or known.oid != committed.get(found.path):
                sound = on_disk(found.path, file)
                if sound.oid:
                    loose.append((found.path, sound))
    worktree.save_cache()
    return loose, set(committed) - here - set(worktree.list_absent())


def _open_stored(repository: Repository, path: str, oid: str) -> NamedSound | Literal[False] | None:
    """What opens a stored sound, or its small copy; False for what is no sound, None for what is elsewhere."""
    if oid in repository.audio:
        if not _may_be_sound(path, lambda: repository.audio.open(oid)):
            return False
    elif find_small_copy(repository, oid) is None:
        return None
    return open_stored(repository, path, oid)


def _may_be_sound(path: str, open_: Callable[[], BinaryIO]) -> bool:
    """Say whether a stored file is one that sound is expected of; only where its name does not say so, it is opened."""
    return PurePosixPath(path).suffix.lower() in SUFFIXES or _has_sound(open_)


def _has_sound(open_: Callable[[], BinaryIO]) -> bool:
    with suppress(OSError, BeatFlowError), open_() as file:
        return is_sound(file.read(HEAD_BYTES))
    return False
