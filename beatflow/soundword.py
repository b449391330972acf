"""Which sound a word of the command line means: a file, standard input, a stem, a file of a commit, a commit's mix.

One rule for every command that takes a sound. Opens sounds and tells what is known of them; decodes nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from beatflow.delivery import digest
from beatflow.errors import NotFoundError, UsageError
from beatflow.explaining import make_clock, read_clock
from beatflow.history import read_content, read_track
from beatflow.objects.git.value import Entry
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import known_facts
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit, get_commit, get_entry, list_names, split_path
from beatflow.sharing.partial.previews import find_small_copy
from beatflow.sound.files import hint_missing
from beatflow.sound.formats import Source
from beatflow.soundfolder import Mishap, iter_sounds
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE, Stem, Track, parse_track

STDIN = "standard input"


# No slots: the id is found when it is first asked for, since that may mean reading the whole file.
@dataclass(frozen=True)
class NamedSound:
    """A sound that a word names.

    Parameters
    ----------
    name : str
        What to call it.
    file : Path or None
        Where its bytes are; None where only the audio store of the repository has them.
    repository : Repository or None
        The track that it is of.
    path : str or None
        In that track.
    commit : str or None
        The commit that it was named in; None in the folder, and outside any track.
    stored : str or None
        Its id, where that is known without reading it.
    stem : Stem or None
        How it stands in the mix, where its stem was asked for.
    small : bool
        Only its small copy is here.
    """

    name: str
    file: Path | None = None
    repository: Repository | None = None
    path: str | None = None
    commit: str | None = None
    stored: str | None = None
    stem: Stem | None = None
    small: bool = False

    @cached_property
    def oid(self) -> str | None:
        """Its id; None for what is no ordinary file."""
        if self.stored:
            return self.stored
        if self.file is None or not self.file.is_file():
            return None
        known = find_stored_oid(self.repository, self.path) if self.repository and self.path else None
        return known or digest(self.file)

    def get_source(self) -> Source:
        """Return its path, or its bytes, open for reading and the caller's to close."""
        if self.file:
            return self.file
        assert self.repository is not None
        assert self.stored is not None
        return self.repository.audio.open(self.stored)

    @contextmanager
    def open(self) -> Iterator[Source]:
        """Give its path, or its bytes for as long as they are needed."""
        source = self.get_source()
        if isinstance(source, str | os.PathLike):
            yield source
        else:
            with source:
                yield source

    def find_facts(self) -> dict[str, Any]:
        """Return what is known of it without listening."""
        if self.repository and self.oid:
            return known_facts(self.repository, self.oid, self.commit)
        return {}

    def keep_facts(self, facts: dict[str, Any]) -> None:
        """Remember what was measured of it; of its small copy nothing is."""
        if self.repository and self.oid and not self.small:
            self.repository.analysis_cache.put(self.oid, facts)

    def read_clock(self) -> Clock:
        """Return how its seconds and bars go together; the sample rate in it means nothing."""
        if self.repository:
            return read_clock(self.repository, self.commit, 1)
        return make_clock(1, None, None)


def find_sound(
    word: str, directory: Path, repository: Repository | None, piped: Path | None = None
) -> NamedSound:
    """Find the sound that a word means: ``-``, a file, ``REV:PATH``, a stem's name or ``REV`` (its mix), in this order.

    Parameters
    ----------
    directory : Path
        Where the user is.
    repository : Repository or None
        The track around it.
    piped : Path or None
        Where standard input was put, for ``-``.

    Raises
    ------
    UsageError
        A file is not there and this is no track; it is a folder; what is named is no sound.
    NotFoundError
        It names none; the nearest names are given.
    """
    if word == "-":
        assert piped is not None
        return NamedSound(STDIN, piped)
    place = directory / word
    if os.path.lexists(place):
        if place.is_dir():
            raise UsageError(f"{word} is a folder, not a sound", hint="name a file in it")
        return on_disk(word, place, repository)
    if repository is None:
        raise UsageError(f"{word} does not exist, and this is no track", hint=hint_missing(word))
    if split_path(word) != ("HEAD", word):
        return _find_entry(repository, word)
    path = _find_path(repository, place)
    absent = repository.worktree.find_absent(path) if path else None
    if path and absent:
        return in_history(repository, word, path, absent, None)
    score = read_score(repository)
    if word in score.stems:
        stem = score.stems[word]
        shown = os.path.relpath(repository.root / stem.file, directory)
        return replace(find_part(repository, None, stem.file, shown), stem=stem)
    commit = find_commit(repository, word)
    if commit:
        return find_mix(repository, commit, word)
    if path and path in read_content(repository, repository.head):
        raise NotFoundError(
            f"{word} is not in the folder now",
            hint=f"HEAD:{path} names it as it was; bf restore {path} brings it back",
        )
    near = get_close_matches(word, dict.fromkeys([*score.stems, *list_names(repository)]), 2)
    raise NotFoundError(
        f"{word!r} is neither a sound nor a revision",
        hint=f"did you mean {' or '.join(near)}?" if near else hint_missing(word),
    )


def iter_named(
    word: str,
    directory: Path,
    repository: Repository | None,
    piped: Path | None,
    on_mishap: Callable[[Mishap], None],
) -> Iterator[NamedSound]:
    """Yield what a word means, as `find_sound` does; of a folder all sounds in it.

    Parameters
    ----------
    on_mishap : callable
        Told of the files of a folder that are no sounds.
    """
    path = directory / word
    if word != "-" and path.is_dir():
        for found in iter_sounds(path, word, on_mishap):
            yield on_disk(found.name, found.path, repository)
    else:
        yield find_sound(word, directory, repository, piped)


def on_disk(name: str, file: Path, repository: Repository | None = None) -> NamedSound:
    """A file; of the track where it lies in its folder."""
    path = _find_path(repository, file)
    if repository is None or path is None:
        return NamedSound(name, file)
    return NamedSound(name, file, repository, path)


def find_stored_oid(repository: Repository, path: str) -> str | None:
    """Return the id of a sound in the folder that is as some commit has it; None where it is not."""
    entry = repository.worktree.identify(path)
    known = entry is not None and repository.git.has(entry.oid)
    pointer = read_pointer(repository.git, entry) if entry and known else None
    return pointer.oid if pointer else None


def in_history(repository: Repository, name: str, path: str, entry: Entry, commit: str | None) -> NamedSound:
    """A sound of a commit, by its entry there.

    Raises
    ------
    UsageError
        It is no sound.
    """
    pointer = read_pointer(repository.git, entry)
    if pointer is None:
        raise UsageError(f"{path} is no sound", hint=f"bf cat {name}")
    return open_stored(repository, name, pointer.oid, path, commit)


def open_stored(
    repository: Repository, name: str, oid: str, path: str | None = None, commit: str | None = None
) -> NamedSound:
    """A sound of the audio store; its small copy where only that is here."""
    copy = None if oid in repository.audio else find_small_copy(repository, oid)
    if copy:
        return NamedSound(name, copy, repository, path, commit, stored=oid, small=True)
    return NamedSound(name, None, repository, path, commit, stored=oid)


def find_mix(repository: Repository, commit: str | None, name: str = "") -> NamedSound:
    """Return the mix of a commit, or of the folder for None.

    Raises
    ------
    NotFoundError
        There is none.
    """
    path = read_score(repository).mix_file if commit is None else find_mix_path(repository, commit)
    if path is None:
        raise NotFoundError(f"there is no mix in {name or commit}", hint=f"bf ls {name or commit}")
    return find_part(repository, commit, path, f"{name}:{path}" if commit and name else path)


def find_mix_path(repository: Repository, commit: str) -> str | None:
    """Return the path of a commit's mix: what ``track.toml`` names, or the only sound at the top."""
    tree = read_content(repository, commit)
    mix = read_track(repository, tree).mix_file
    if mix in tree:
        return mix
    tops = [path for path, entry in tree.items() if "/" not in path and read_pointer(repository.git, entry)]
    return tops[0] if len(tops) == 1 else None


def find_part(repository: Repository, commit: str | None, path: str, name: str) -> NamedSound:
    """Return the sound at a path that a score names: in a commit, or in the folder for None.

    Raises
    ------
    NotFoundError
        It is not there.
    """
    if commit:
        return in_history(repository, name, *get_entry(repository, f"{commit[:12]}:{path}"), commit)
    file = repository.root / path
    if file.is_file():
        return on_disk(name, file, repository)
    absent = repository.worktree.find_absent(path)
    if absent:
        return in_history(repository, name, path, absent, None)
    raise NotFoundError(
        f"{path} is not there", hint=f"bf restore {path} brings it back, or name another sound"
    )


def read_score(repository: Repository, commit: str | None = None) -> Track:
    """Return the score of a commit, or of the folder for None; an empty one where there is none."""
    if commit:
        return read_track(repository, read_content(repository, commit))
    file = repository.root / TRACK_FILE
    return parse_track(file.read_bytes()) if file.is_file() else Track()


def _find_entry(repository: Repository, word: str) -> NamedSound:
    path, entry = get_entry(repository, word)
    return in_history(repository, word, path, entry, get_commit(repository, split_path(word)[0]))


def _find_path(repository: Repository | None, file: Path) -> str | None:
    """Return the path of a file within the track; None outside, and inside the folder of BeatFlow's own."""
    if repository is None:
        return None
    root = repository.root.resolve()
    place = file.parent.resolve() / file.name
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else None
