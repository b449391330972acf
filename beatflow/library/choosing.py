"""Which sound a word means: the beginning of its oid, a file, or a file of a commit. Also where it can be read from."""

import re
from dataclasses import dataclass
from pathlib import Path

from beatflow.delivery import digest
from beatflow.errors import NotFoundError, UsageError
from beatflow.library.database import Database
from beatflow.library.queries import Entry, Filter, find_sounds, list_places
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository, Signer
from beatflow.revision.revision import get_entry

MIN_LETTERS = 4
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Source:
    """Where a sound can be read: a track and what names it there, or (``repository`` None) a file."""

    repository: Repository | None
    word: str


def choose_sound(database: Database, word: str, directory: Path, repository: Repository | None) -> Entry:
    """Return the sound of the library that a word means.

    Parameters
    ----------
    word : str
        The beginning of an oid, at least `MIN_LETTERS` long; a file; or, in a track, ``REV:PATH``.
    directory : Path
        Where the user is.
    repository : Repository or None
        The track around that.

    Raises
    ------
    NotFoundError
        The library knows no such sound.
    UsageError
        It means several.
    """
    oid = _find_oid(word, directory, repository)
    if oid is None and not re.fullmatch(f"[0-9a-f]{{{MIN_LETTERS},64}}", word):
        raise NotFoundError(
            f"{word!r} is neither a file nor the beginning of a sound's id",
            hint="bf library recent shows ids",
        )
    found = find_sounds(database, oid or word, Filter(limit=_SHOWN + 1))
    if not found:
        raise NotFoundError(f"the library knows no sound {word!r}", hint="bf library search WORDS finds some")
    if len(found) > 1:
        told = ", ".join((entry.oid or "")[:12] for entry in found[:_SHOWN])
        raise UsageError(
            f"{word} means several sounds: {told}{' …' if len(found) > _SHOWN else ''}",
            hint="give more letters",
        )
    return found[0]


def find_source(database: Database, entry: Entry, signer: Signer) -> Source:
    """Return where a sound can be read now: in a commit of a track that is here, or as a file that is still the same.

    Raises
    ------
    NotFoundError
        Nowhere.
    """
    assert entry.oid is not None
    places = [place for place in list_places(database, entry.oid) if place.here]
    for place in places:
        if place.commit and place.is_track:
            return Source(Repository(Path(place.track), signer), f"{place.commit}:{place.path}")
    for place in places:
        # A path outside of any track is whole.
        file = Path(place.track, place.path)
        if place.path and file.is_file() and digest(file) == entry.oid:
            return Source(None, str(file))
    raise NotFoundError(
        f"{entry.path or entry.oid[:12]} is not there any more: no commit has it, and its file is gone or another",
        hint="bf op log shows what was made in its track, and bf undo brings it back",
    )


def journal_folder(database: Database, entry: Entry, host: str, outside: Path | None) -> Path | None:
    """Return where to note something about a sound: in its track, or else among the user's own things."""
    assert entry.oid is not None
    places = [place for place in list_places(database, entry.oid) if place.here and place.host == host]
    inside = next((place for place in places if place.is_track), None)
    return Path(inside.track, ".beatflow", "state") if inside else outside


def _find_oid(word: str, directory: Path, repository: Repository | None) -> str | None:
    """Return the oid of a file, or of a file of a commit; None where the word names neither."""
    path = directory / word
    if path.is_file():
        return digest(path)
    if repository is None or ":" not in word:
        return None
    _, entry = get_entry(repository, word)
    pointer = read_pointer(repository.git, entry)
    if pointer is None:
        raise UsageError(f"{word} is no sound")
    return pointer.oid
