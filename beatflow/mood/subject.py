"""Which sounds are to be rated: finding what words name, on the disk and in any revision.

Opens sounds; decodes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from beatflow.delivery import digest
from beatflow.errors import NotFoundError, UsageError
from beatflow.history import read_track
from beatflow.objects.git.value import Entry
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit, get_entry, split_path
from beatflow.sharing.partial.previews import find_small_copy
from beatflow.sound.files import hint_missing
from beatflow.sound.formats import Source
from beatflow.soundfolder import Mishap, iter_sounds


@dataclass(frozen=True, slots=True)
class Subject:
    """A sound that is to be rated.

    Parameters
    ----------
    name : str
        What the user calls it.
    open : callable
        Gives a path, or what is open for reading.
    oid : str or None
        Its id; None where its samples come from elsewhere than a file of this track.
    small : bool
        Only its small copy is here.
    """

    name: str
    open: Callable[[], AbstractContextManager[Source]]
    oid: str | None = None
    small: bool = False


def find_subjects(
    words: Sequence[str],
    directory: Path,
    repository: Repository | None,
    piped: Path | None,
    on_mishap: Callable[[Mishap], None],
) -> list[Subject]:
    """Find what words name: ``FILE``, a folder, ``REV:PATH``, ``REV`` (its mix), ``-``.

    Parameters
    ----------
    piped : Path or None
        Where standard input was put, for ``-``.
    on_mishap : callable
        Told of the files of folders that are no sounds.

    Raises
    ------
    UsageError
        A file is not there, or is no sound of the track.
    NotFoundError
        A revision, or a file in it, does not exist.
    """
    found: list[Subject] = []
    for word in words:
        path = directory / word
        if word == "-":
            assert piped is not None
            found.append(Subject("standard input", lambda: nullcontext(piped)))
        elif path.is_dir():
            found += [on_disk(one.name, one.path) for one in iter_sounds(path, word, on_mishap)]
        elif path.exists() or repository is None:
            if not path.exists():
                raise UsageError(f"{word} does not exist", hint=hint_missing(word))
            found.append(on_disk(word, path))
        else:
            found.append(_find_in_track(repository, word))
    return found


def on_disk(name: str, path: Path) -> Subject:
    """A file."""
    return Subject(name, lambda: nullcontext(path), digest(path) if path.is_file() else None)


def _find_in_track(repository: Repository, word: str) -> Subject:
    revision, path = split_path(word)
    if revision != "HEAD" or path != word:
        return _in_history(repository, word, *get_entry(repository, word))
    try:
        absent = repository.worktree.find_absent(repository.worktree.relative(Path(word)))
    except UsageError:
        absent = None
    if absent:
        return _in_history(repository, word, word, absent)
    commit = find_commit(repository, word)
    if commit is None:
        raise NotFoundError(f"{word!r} is neither a file nor a revision", hint=hint_missing(word))
    tree = repository.tree_of(commit)
    mix = read_track(repository, tree).mix_file
    return _in_history(repository, f"{word}:{mix}", *get_entry(repository, f"{word}:{mix}"))


def _in_history(repository: Repository, name: str, path: str, entry: Entry) -> Subject:
    pointer = read_pointer(repository.git, entry)
    if pointer is None:
        raise UsageError(f"{path} is no sound", hint=f"bf cat {name}")
    return open_stored(repository, name, pointer.oid)


def open_stored(repository: Repository, name: str, oid: str) -> Subject:
    """A sound of the audio store; its small copy where only that is here."""
    if oid not in repository.audio:
        copy = find_small_copy(repository, oid)
        if copy:
            return Subject(name, lambda: nullcontext(copy), oid, small=True)
    return Subject(name, lambda: repository.audio.open(oid), oid)
