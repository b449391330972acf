"""The sounds of a track as it stands in a commit or in the folder: path to id, with the score; and what words name.

Reads ids and the score, decodes no sound.
"""

import difflib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.delivery import digest
from beatflow.errors import DamagedError, NotFoundError, UsageError
from beatflow.history import read_content, read_track
from beatflow.objects.git.value import EXECUTABLE, FILE, Entry
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit, get_commit, split_path
from beatflow.track import TRACK_FILE, Track, parse_track
from beatflow.wording import short_name


@dataclass(frozen=True, slots=True)
class State:
    """A track at some time.

    Parameters
    ----------
    commit : str or None
        A commit's id; None for the folder as it is now.
    sounds : mapping of str to str
        Path to sha256.
    track : Track
        The score.
    score : bytes
        Its text.
    """

    commit: str | None
    sounds: Mapping[str, str]
    track: Track = field(default_factory=Track)
    score: bytes = b""

    def name(self, oid: str) -> str | None:
        """Return the path at which a sound lies, the mix's or a stem's before others."""
        paths = [path for path, found in self.sounds.items() if found == oid]
        first = {self.track.mix_file, *(stem.file for stem in self.track.stems.values())}
        return min(paths, key=lambda path: (path not in first, path), default=None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sounds that were asked for: paths in a state of the track."""

    state: State
    paths: tuple[str, ...]


def read_folder(repository: Repository) -> State:
    """Return the folder as it is now."""
    sounds = {}
    for path, entry in sorted(repository.worktree.look().items()):
        oid = _identify(repository, path, entry)
        if oid:
            sounds[path] = oid
    repository.worktree.save_cache()
    file = repository.root / TRACK_FILE
    score = file.read_bytes() if file.is_file() else b""
    return State(None, sounds, _parse(score), score)


def read_commit(repository: Repository, commit: str) -> State:
    """Return the track as it is in a commit."""
    git = repository.git
    tree = read_content(repository, commit)
    sounds = {}
    for path, entry in sorted(tree.items()):
        pointer = read_pointer(git, entry)
        if pointer and _is_stored_sound(repository, path, pointer.oid):
            sounds[path] = pointer.oid
    score = git.read_blob(tree[TRACK_FILE].oid) if TRACK_FILE in tree else b""
    return State(commit, sounds, read_track(repository, tree), score)


def find_wanted(repository: Repository, words: Sequence[str], mix_only: bool = False) -> list[Wanted]:
    """Understand ``PATH``, ``REV`` and ``REV:PATH``, put together by state; the whole folder where there are no words.

    A path may be a folder, and then means the sounds in it. A word that is both a path and a revision is the path.

    Parameters
    ----------
    mix_only : bool
        Whether a revision alone means its mix and stems instead of all of its sounds.

    Raises
    ------
    NotFoundError
        A word names nothing, or nothing that is a sound; or there are neither words nor sounds.
    """
    folder = read_folder(repository)
    if not words:
        if not folder.sounds:
            raise NotFoundError("there is no sound here", hint="bf license REV looks at a commit")
        return [Wanted(folder, tuple(folder.sounds))]
    found: dict[str | None, Wanted] = {}
    for word in words:
        wanted = _find(repository, word, folder, mix_only)
        paths = found[wanted.state.commit].paths if wanted.state.commit in found else ()
        found[wanted.state.commit] = Wanted(wanted.state, tuple(dict.fromkeys((*paths, *wanted.paths))))
    return list(found.values())


def _find(repository: Repository, word: str, folder: State, mix_only: bool) -> Wanted:
    with suppress(UsageError):
        path = repository.worktree.relative(Path(word))
        chosen = _choose(folder, path)
        if chosen:
            return Wanted(folder, chosen)
        if (repository.root / path).is_file():
            raise NotFoundError(f"{word} is no sound", hint="bf ls lists the files of a commit")
    if ":" in word and not word.startswith(":/"):
        revision, path = split_path(word)
        state = read_commit(repository, get_commit(repository, revision))
        chosen = _choose(state, path.removeprefix("./").rstrip("/"))
        if not chosen:
            near = difflib.get_close_matches(path, state.sounds, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"bf ls {revision}"
            raise NotFoundError(f"no sound {path!r} in {revision}", hint=hint)
        return Wanted(state, chosen)
    commit = find_commit(repository, word)
    if commit is None:
        near = [name for name in folder.sounds if word in (name, short_name(name))]
        near += difflib.get_close_matches(word, folder.sounds, n=2)
        hint = f"did you mean {near[0]}?" if near else "bf ls lists sounds, bf log --oneline revisions"
        raise NotFoundError(f"{word!r} is neither a sound here nor a revision", hint=hint)
    state = read_commit(repository, commit)
    paths = tuple(state.sounds)
    if mix_only:
        score = [state.track.mix_file, *(stem.file for stem in state.track.stems.values())]
        paths = tuple(path for path in score if path in state.sounds) or paths
    if not paths:
        raise NotFoundError(f"there is no sound in {word}", hint=f"bf ls {word}")
    return Wanted(state, paths)


def _choose(state: State, path: str) -> tuple[str, ...]:
    """Return the sounds at a path or below it."""
    return tuple(name for name in state.sounds if path in ("", ".", name) or name.startswith(f"{path}/"))


def _identify(repository: Repository, path: str, entry: Entry) -> str | None:
    """Return the id of a file of the folder when it is a sound."""
    git = repository.git
    if entry.mode not in (FILE, EXECUTABLE):
        return None
    if git.has(entry.oid):
        pointer = read_pointer(git, entry)
        return pointer.oid if pointer and _is_stored_sound(repository, path, pointer.oid) else None
    place = repository.root / path
    with suppress(OSError):
        with place.open("rb") as file:
            head = file.read(HEAD_BYTES)
        return digest(place) if is_sound(head) else None
    return None


def _is_stored_sound(repository: Repository, path: str, oid: str) -> bool:
    """Say whether a large file is a sound: by its name, or else by its first bytes."""
    if short_name(path) != path:
        return True
    try:
        with repository.audio.open(oid) as file:
            return is_sound(file.read(HEAD_BYTES))
    except (DamagedError, NotFoundError):
        # What cannot be looked at may be one.
        return True


def _parse(score: bytes) -> Track:
    try:
        return parse_track(score)
    except UsageError:
        return Track()
