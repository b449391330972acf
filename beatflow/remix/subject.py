"""Which sound a word means (a file, a stem of the track, a file of a commit, standard input), and what is known of it.

Looks for it and copies it where it is not a file; listens to nothing.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from beatflow.ai.engine import QUARTERS
from beatflow.delivery import digest, spool
from beatflow.errors import NotFoundError, UsageError
from beatflow.history import read_content, read_track
from beatflow.making.surroundings import read_known
from beatflow.making.truestems import TrueStemFinder
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import find_record
from beatflow.remix.hearing import Known
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit, get_entry, split_path
from beatflow.sound.files import hint_missing
from beatflow.track import TRACK_FILE, Track, parse_track

STDIN = "standard input"
_LONGEST_TITLE = 230
"""Bytes; a file's name may have 255."""
_FROM_BAR = ("generate", "hum", "mix")
"""Kinds of records whose sound begins on a bar line."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A sound that was named.

    Parameters
    ----------
    name : str
        What to call it.
    file : Path
        Where its bytes are.
    oid : str
    path : str
        Where it lies, or lay, in the track; empty outside one.
    stem : str
        Which stem of the track it is; empty where it is none.
    here : bool
        It is a file that lies where the user put it, not a copy.
    known : Known
    """

    name: str
    file: Path
    oid: str
    path: str = ""
    stem: str = ""
    here: bool = True
    known: Known = field(default_factory=Known)

    @property
    def title(self) -> str:
        """The first part of a new file's name, short enough for what is put behind it."""
        title = PurePosixPath(self.path or self.name).stem if self.name != STDIN else "input"
        while len(os.fsencode(title)) > _LONGEST_TITLE:
            title = title[:-1]
        return title

    @property
    def suffix(self) -> str:
        """The file's suffix, lower case."""
        return PurePosixPath(self.path or self.name).suffix.lower() if self.name != STDIN else ".wav"


def find_subject(
    word: str, directory: Path, repository: Repository | None, scratch: Path, stdin: BinaryIO | None = None
) -> Subject:
    """Find the sound that a word means: ``-``, a file, a stem's name, or ``REV:PATH``, in this order.

    Parameters
    ----------
    directory : Path
        Where the user is.
    scratch : Path
        For a copy of what is no file.

    Raises
    ------
    UsageError
        There is none; the nearest is named.
    NotFoundError
        No such revision, or no such file in it.
    """
    if word == "-":
        assert stdin is not None
        file = spool(stdin, scratch)
        return _describe(Subject(STDIN, file, digest(file), here=False), repository, None)
    file = directory / word
    if os.path.lexists(file):
        if file.is_dir():
            raise UsageError(f"{word} is a folder, not a sound", hint="name a file in it")
        path = _find_path(file, repository)
        return _describe(Subject(word, file, _digest(file, word), path), repository, _read_score(repository))
    score = _read_score(repository)
    if repository and score and word in score.stems:
        path = score.stems[word].file
        place = repository.root / path
        if not place.is_file():
            raise NotFoundError(f"{path} is not here", hint=f"bf restore {path}")
        shown = os.path.relpath(place, directory)
        return _describe(Subject(shown, place, digest(place), path, word), repository, score)
    if repository and ":" in word:
        return _find_in_history(word, repository, scratch)
    near = get_close_matches(word, score.stems, 1) if score else []
    hint = f"did you mean the stem {near[0]}?" if near else hint_missing(word)
    raise UsageError(f"{word} does not exist", hint=hint)


@dataclass(frozen=True, slots=True)
class Part:
    """A sound that goes into a remix: a file, what to call it, and its id."""

    file: Path
    path: str
    oid: str


def find_parts_without(
    subject: Subject, stem: str, repository: Repository | None, new_file: Callable[[str], Path]
) -> tuple[Part, ...]:
    """The true stems of a mix but one, where the track knows them and they sum to it; else nothing."""
    known = TrueStemFinder(repository).find(subject.file)
    if repository is None or known is None or not known.whole or not {stem} < known.oids.keys():
        return ()
    parts = [
        Part(new_file(".wav"), f"{name}.wav", oid) for name, oid in sorted(known.oids.items()) if name != stem
    ]
    repository.audio.write_files([(part.oid, part.file) for part in parts])
    return tuple(parts)


def _digest(file: Path, word: str) -> str:
    if not file.exists():
        raise UsageError(f"{word} is a link to nothing")
    if not file.is_file():
        raise UsageError(f"{word} is no ordinary file", hint=f"- reads standard input: bf remix - < {word}")
    return digest(file)


def _find_path(file: Path, repository: Repository | None) -> str:
    """The path within the track; empty outside."""
    if repository is None:
        return ""
    root, place = repository.root.resolve(), file.parent.resolve() / file.name
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else ""


def _read_score(repository: Repository | None) -> Track | None:
    if repository is None:
        return None
    path = repository.root / TRACK_FILE
    return parse_track(path.read_bytes()) if path.is_file() else None


def _find_in_history(word: str, repository: Repository, scratch: Path) -> Subject:
    path, entry = get_entry(repository, word)
    pointer = read_pointer(repository.git, entry)
    if pointer is None:
        raise UsageError(f"{word} is no sound", hint=f"bf cat {word} shows it")
    copy = scratch / f"input{PurePosixPath(path).suffix[:10]}"
    repository.audio.write_files([(pointer.oid, copy)])
    commit = get_commit(repository, split_path(word)[0])
    score = read_track(repository, read_content(repository, commit))
    return _describe(Subject(word, copy, pointer.oid, path, here=False), repository, score)


def _describe(subject: Subject, repository: Repository | None, score: Track | None) -> Subject:
    """Add what the score and the record of a sound tell: the record is of this very sound, so it goes first."""
    record = find_record(repository, subject.oid) if repository else None
    stem = next(
        (name for name, item in (score.stems if score else {}).items() if item.file == subject.path), ""
    )
    belongs = bool(score and subject.path and (stem or score.mix_file == subject.path))
    known = _know(record)
    if score and belongs:
        known = Known(
            known.tempo or score.tempo,
            known.key or score.key,
            known.meter or (score.meter if score.meter in QUARTERS else None),
            known.sure,
        )
    return Subject(
        subject.name, subject.file, subject.oid, subject.path, subject.stem or stem, subject.here, known
    )


def _know(record: Mapping[str, Any] | None) -> Known:
    known = read_known(record, "")
    sure = bool(record) and (record or {}).get("kind") in _FROM_BAR and known.tempo is not None
    return Known(known.tempo, known.key, known.meter, sure)
