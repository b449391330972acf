"""The sound that is to be remixed: copied where it is not a file, and what is known of it. Listens to nothing."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from beatflow.ai.engine import QUARTERS
from beatflow.delivery import digest, spool
from beatflow.errors import UsageError
from beatflow.making.surroundings import read_known
from beatflow.making.truestems import TrueStemFinder
from beatflow.provenance import find_record
from beatflow.remix.hearing import Known
from beatflow.repository import Repository
from beatflow.soundword import STDIN, find_sound, read_score
from beatflow.track import Track

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
    """Find the sound that a word means, as every command does (`beatflow.soundword`), as a file that can be read.

    Parameters
    ----------
    directory : Path
        Where the user is.
    scratch : Path
        For a copy of what is no file.

    Raises
    ------
    UsageError
        There is none, or it is a folder or no ordinary file.
    NotFoundError
        No such stem, revision, or file in it; the nearest is named.
    """
    if word == "-":
        assert stdin is not None
        piped = spool(stdin, scratch)
        return _describe(Subject(STDIN, piped, digest(piped), here=False), repository, None)
    sound = find_sound(word, directory, repository)
    score = read_score(repository, sound.commit) if repository else None
    file, path, here = sound.file, sound.path or "", True
    if file is None or sound.small:
        assert repository is not None
        assert sound.stored is not None
        file, here = scratch / f"input{PurePosixPath(path).suffix[:10]}", False
        repository.audio.write_files([(sound.stored, file)])
    elif not file.exists():
        raise UsageError(f"{word} is a link to nothing")
    elif not file.is_file():
        raise UsageError(f"{word} is no ordinary file", hint=f"- reads standard input: bf remix - < {word}")
    oid = sound.oid
    assert oid is not None
    return _describe(
        Subject(sound.name, file, oid, path, word if sound.stem else "", here), repository, score
    )


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
