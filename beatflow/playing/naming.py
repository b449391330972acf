"""What an argument of a listening command names: a file, standard input, a file of a commit, a commit's mix, its stems.

Says which sound is meant and how to open it; reads no samples but those of the stems' heads.
"""

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from beatflow.errors import NotFoundError, UsageError
from beatflow.explaining import make_clock, read_clock
from beatflow.playing.source import FileSource, ScoreSource, Source
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit
from beatflow.soundfolder import SUFFIXES
from beatflow.soundword import (
    STDIN,
    NamedSound,
    find_mix,
    find_part,
    find_sound,
    find_stored_oid,
    read_score,
)
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE, Stem, Track, parse_track
from beatflow.wording import short_name

ALL_STEMS = "all"


@dataclass(frozen=True, slots=True)
class Named:
    """A sound that an argument names.

    Parameters
    ----------
    name : str
        What to call it.
    open : callable
        Opens it as a source; may raise what reading it may raise.
    clock : Clock
        Its bars; the sample rate in it means nothing.
    path : str or None
        In the track, or as it was given.
    oid : str or None
        The sound's id, where it is in history.
    commit : str or None
        The commit that it was named in.
    small : bool
        It is elsewhere, and a small copy is heard in its place.
    """

    name: str
    open: Callable[[], Source]
    clock: Clock
    path: str | None = None
    oid: str | None = None
    commit: str | None = None
    small: bool = False


class Finder:
    """Finds what arguments name.

    Parameters
    ----------
    directory : Path
        Where the user is.
    repository : Repository or None
        The track around it.
    read_input : callable
        Gives standard input.
    """

    def __init__(
        self, directory: Path, repository: Repository | None, read_input: Callable[[], BinaryIO]
    ) -> None:
        self._directory, self._repository, self._read_input = directory, repository, read_input

    def find(self, word: str | None) -> Named:
        """Return the sound that a word names; the mix in the folder for None.

        Files come before commits, so that ``./main`` and ``main`` can be told apart.

        Raises
        ------
        NotFoundError, UsageError
            It names none.
        """
        if word is None:
            return self._find_mix(None, "the folder")
        if word == "-":
            return Named(STDIN, lambda: FileSource(self._read_input(), STDIN), make_clock(1, None, None))
        if (self._directory / word).is_dir():
            raise UsageError(f"{word} is a folder, not a sound", hint=f"bf play {word} --stems all")
        try:
            return _name(find_sound(word, self._directory, self._repository))
        except NotFoundError:
            # A commit without a mix has stems to be mixed.
            commit = find_commit(self._repository, word) if self._repository else None
            if commit is None:
                raise
            return self._find_mix(commit, word)

    def find_stems(self, word: str | None, names: Sequence[str]) -> Named:
        """Return some stems together, as one sound: those of a score, with its faders, or the files of a folder.

        Parameters
        ----------
        word : str or None
            A commit, or a folder; None for the score in the folder.
        names : sequence of str
            Of stems; ``all`` for those that the faders let be heard. Stems that are named are heard though muted.

        Raises
        ------
        NotFoundError, UsageError
            There is no such score, folder or stem.
        """
        track, opener, title, commit, clock = self._find_score(word)
        if list(names) != [ALL_STEMS]:
            track = track._replace(stems={name: _unmute(_choose(track, name, title)) for name in names})
            title = f"{'+'.join(names)}" + (f" of {title}" if word else "")
        return Named(title, lambda: ScoreSource(track, opener, title), clock, commit=commit)

    def _find_score(
        self, word: str | None
    ) -> tuple[Track, Callable[[str], BinaryIO], str, str | None, Clock]:
        repository = self._repository
        folder = self._directory / word if word else None
        if folder and folder.is_dir():
            score = folder / TRACK_FILE
            track = parse_track(score.read_bytes()) if score.is_file() else _read_folder(folder)
            clock = make_clock(1, track.tempo, track.meter)
            return track, lambda path: (folder / path).open("rb"), str(word), None, clock
        if repository is None:
            raise NotFoundError(
                f"{word or 'this'} is no folder of stems, and this is no track",
                hint="bf play DIR --stems all",
            )
        commit = find_commit(repository, word) if word else None
        if word and commit is None:
            raise NotFoundError(
                f"{word!r} is neither a revision nor a folder of stems", hint="bf play HEAD --stems all"
            )
        track = read_score(repository, commit)

        def open_path(path: str) -> BinaryIO:
            return _open_at(repository, commit, path)

        return track, open_path, word or "the stems", commit, read_clock(repository, commit, 1)

    def _find_mix(self, commit: str | None, title: str) -> Named:
        """Return the mix: its file, or where there is none what its stems give."""
        repository = self._repository
        if repository is None:
            raise NotFoundError("this is no track, so there is no mix of it", hint="bf play FILE")
        try:
            return _name(find_mix(repository, commit, title))
        except NotFoundError:
            if not read_score(repository, commit).stems:
                raise NotFoundError(
                    f"there is no mix in {title}, and no stems", hint="bf ls shows what there is"
                ) from None
        return replace(self.find_stems(title if commit else None, [ALL_STEMS]), name=f"the stems of {title}")


def _name(sound: NamedSound) -> Named:
    commit, oid = sound.commit, sound.stored
    repository, path = sound.repository, sound.path
    if repository and path and sound.file and not oid:
        # Of what is not in history the id would cost reading all of it before the first note.
        oid, commit = find_stored_oid(repository, path), _find_unchanged(repository, path)
    return Named(
        sound.name,
        lambda: FileSource(sound.get_source(), sound.name),
        sound.read_clock(),
        path or sound.name,
        oid,
        commit,
        sound.small,
    )


def _open_at(repository: Repository, commit: str | None, path: str) -> BinaryIO:
    """Open a file of the score: of a commit, or of the folder, or as HEAD has it where the folder lacks it."""
    if commit is None and not (repository.root / path).is_file():
        commit = repository.head
    sound = find_part(repository, commit, path, path)
    if sound.small and sound.stored:
        # A mix of small copies is not the mix.
        return repository.audio.open(sound.stored)
    source = sound.get_source()
    return Path(source).open("rb") if isinstance(source, str | os.PathLike) else source


def _read_folder(folder: Path) -> Track:
    """Take each sound of a folder for a stem."""
    files = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"there is no sound in {folder.name}", hint="bf play DIR --stems all")
    return Track(stems={short_name(name): Stem(name) for name in files})


def _choose(track: Track, name: str, title: str) -> Stem:
    if name not in track.stems:
        near = difflib.get_close_matches(name, track.stems, n=1)
        known = ", ".join(track.stems) or "none"
        hint = f"did you mean {near[0]}?" if near else f"stems: {known}"
        raise UsageError(f"there is no stem {name!r} in {title}", hint=hint)
    return track.stems[name]


def _unmute(stem: Stem) -> Stem:
    return stem._replace(mute=False, solo=False)


def _find_unchanged(repository: Repository, path: str) -> str | None:
    """Return the current commit where it has a file as it is in the folder."""
    head = repository.head
    if head is None:
        return None
    entry = repository.git.find_entry(repository.git.read_commit(head).tree, path)
    return head if entry and repository.worktree.identify(path) == entry else None
