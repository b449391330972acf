"""What is to be drawn: finding the sounds that words name, on the disk and in any revision.

Opens sounds and reads what is known of them; decodes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beatflow.delivery import digest
from beatflow.errors import BeatFlowError, NotFoundError, UsageError
from beatflow.explaining import make_clock, read_clock
from beatflow.history import read_content, read_track
from beatflow.objects.git.value import Entry, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import known_facts
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit, get_commit, get_entry, split_path
from beatflow.sharing.partial.previews import find_small_copy
from beatflow.sound.files import hint_missing
from beatflow.sound.formats import Source
from beatflow.soundfolder import Mishap, iter_sounds
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE, Stem, Track, parse_track
from beatflow.wording import format_number, plural, short_name

MOST = 64
"""Sounds in one picture."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A sound that is to be drawn.

    Parameters
    ----------
    name : str
        What the user calls it.
    open : callable
        Gives a path, or what is open for reading.
    repository : Repository or None
        The track that it is of.
    commit : str or None
        The commit that it is of; None in the folder, and outside any track.
    oid : str or None
        Its id, where that is known.
    stem : Stem or None
        How it stands in the mix.
    small : bool
        Only its small copy is here.
    """

    name: str
    open: Callable[[], AbstractContextManager[Source]]
    repository: Repository | None = None
    commit: str | None = None
    oid: str | None = None
    stem: Stem | None = None
    small: bool = False

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
        """Return how its seconds and bars go together."""
        if self.repository:
            return read_clock(self.repository, self.commit, 1)
        facts = self.find_facts()
        return make_clock(1, facts.get("tempo"), facts.get("meter"))

    @property
    def fader(self) -> str:
        """How it stands in the mix, in words."""
        stem = self.stem
        if stem is None:
            return ""
        parts = [f"{format_number(stem.gain_db)} dB"] if stem.gain_db else []
        parts += [f"pan {format_number(stem.pan, 2)}"] if stem.pan else []
        return ", ".join([*parts, *(["muted"] if stem.mute else []), *(["solo"] if stem.solo else [])])


@dataclass(frozen=True, slots=True)
class Cast:
    """All that is to be drawn: sounds, and stems below them; and what could not be taken."""

    sounds: Sequence[Subject]
    stems: Sequence[Subject] = ()
    mishaps: Sequence[Mishap] = ()


def find_subjects(
    words: Sequence[str],
    directory: Path,
    repository: Repository | None,
    *,
    piped: Path | None = None,
    stems: bool = False,
) -> Cast:
    """Find what words name: ``FILE``, a folder, ``REV:PATH``, ``REV`` (its mix), ``-``; none means the track's mix.

    Parameters
    ----------
    piped : Path, optional
        Where standard input was put, for ``-``.
    stems : bool
        The stems of the track are wanted, too.

    Raises
    ------
    UsageError
        There is nothing to draw, or too much; a file is not there.
    NotFoundError
        A revision, or a file in it, does not exist.
    """
    mishaps: list[Mishap] = []
    sounds: list[Subject] = []
    stacked: list[Subject] = []
    if stems:
        if len(words) > 1:
            raise UsageError(
                "stems are drawn of one revision at a time", hint=f"bf plot {words[0]} --kind stems"
            )
        mix, stacked = _find_stems(words[0] if words else None, repository)
        sounds = [mix] if mix else []
    else:
        for word in words or [""]:
            sounds += _find(word, directory, repository, piped, mishaps)
    count = len(sounds) + len(stacked)
    if not count:
        hint = f"{mishaps[0].path}: {mishaps[0].message}" if mishaps else "bf plot FILE"
        raise UsageError("there is no sound to draw", hint=hint)
    if count > MOST:
        raise UsageError(
            f"{count} sounds are too many for one picture, which holds {MOST}", hint="name fewer"
        )
    return Cast(_tell_apart(sounds), stacked, [mishap for mishap in mishaps if mishap.broken])


def _find(
    word: str,
    directory: Path,
    repository: Repository | None,
    piped: Path | None,
    mishaps: list[Mishap],
) -> list[Subject]:
    if not word:
        return [_find_mix(repository, None, "")]
    if word == "-":
        assert piped is not None
        return [_on_disk("standard input", piped, None)]
    path = directory / word
    if path.is_file():
        return [_on_disk(word, path, repository)]
    if path.is_dir():
        return [
            _on_disk(found.name, found.path, repository) for found in iter_sounds(path, word, mishaps.append)
        ]
    if repository is None:
        raise UsageError(f"{word} does not exist", hint=hint_missing(word))
    return [_find_in_track(repository, word)]


def _on_disk(name: str, path: Path, repository: Repository | None) -> Subject:
    inside = repository is not None and path.resolve().is_relative_to(repository.root.resolve())
    return Subject(
        name,
        lambda: nullcontext(path),
        repository if inside else None,
        oid=digest(path) if inside else None,
    )


def _find_in_track(repository: Repository, word: str) -> Subject:
    revision, path = split_path(word)
    if revision != "HEAD" or path != word:
        path, entry = get_entry(repository, word)
        return _in_history(repository, word, path, entry, get_commit(repository, revision))
    try:
        path = repository.worktree.relative(Path(word))
        absent = repository.worktree.find_absent(path)
    except UsageError:
        absent = None
    if absent:
        return _in_history(repository, word, path, absent, None)
    commit = find_commit(repository, word)
    if commit:
        return _find_mix(repository, commit, word)
    head = repository.head
    if head and path in read_content(repository, head):
        raise NotFoundError(f"{word} is not in the folder now", hint=f"bf plot HEAD:{path}")
    raise NotFoundError(f"{word!r} is neither a file nor a revision", hint=hint_missing(word))


def _in_history(repository: Repository, name: str, path: str, entry: Entry, commit: str | None) -> Subject:
    pointer = read_pointer(repository.git, entry)
    if pointer is None:
        raise UsageError(f"{path} is no sound", hint=f"bf cat {name}")
    oid = pointer.oid
    if oid not in repository.audio:
        copy = find_small_copy(repository, oid)
        if copy:
            return Subject(name, lambda: nullcontext(copy), repository, commit, oid, small=True)
    return Subject(name, lambda: repository.audio.open(oid), repository, commit, oid)


def _find_mix(repository: Repository | None, commit: str | None, name: str) -> Subject:
    """Return the mix of a commit, or of the folder where there is none."""
    if repository is None:
        raise UsageError("nothing to draw is named, and this is no track", hint="bf plot FILE")
    tree = read_content(repository, commit) if commit else {}
    mix = _read_score(repository, commit, tree).mix_file
    return _find_part(repository, commit, tree, mix, f"{name}:{mix}" if name else mix)


def _find_part(repository: Repository, commit: str | None, tree: Tree, path: str, name: str) -> Subject:
    if commit:
        if path not in tree:
            raise NotFoundError(f"no file {path!r} in {name.partition(':')[0]}", hint="bf ls REV lists them")
        return _in_history(repository, name, path, tree[path], commit)
    place = repository.root / path
    if place.is_file():
        return _on_disk(name, place, repository)
    absent = repository.worktree.find_absent(path)
    if absent:
        return _in_history(repository, name, path, absent, None)
    raise UsageError(f"{path} is not there", hint="name a sound: bf plot FILE")


def _read_score(repository: Repository, commit: str | None, tree: Tree) -> Track:
    if commit:
        return read_track(repository, tree)
    score = repository.root / TRACK_FILE
    return parse_track(score.read_bytes()) if score.is_file() else Track()


def _find_stems(word: str | None, repository: Repository | None) -> tuple[Subject | None, list[Subject]]:
    if repository is None:
        raise NotFoundError("stems are those of a track, and this is none", hint="bf plot stems/*.wav")
    commit = get_commit(repository, word) if word else None
    tree = read_content(repository, commit) if commit else {}
    score = _read_score(repository, commit, tree)
    if not score.stems:
        raise UsageError(f"{TRACK_FILE} names no stems", hint="bf plot stems/*.wav")
    prefix = f"{word}:" if word else ""
    found = [
        replace(_find_part(repository, commit, tree, stem.file, f"{prefix}{stem.file}"), name=name, stem=stem)
        for name, stem in score.stems.items()
    ]
    try:
        mix = _find_part(repository, commit, tree, score.mix_file, f"{prefix}{score.mix_file}")
    except BeatFlowError:
        mix = None
    return mix, found


def _tell_apart(sounds: Sequence[Subject]) -> list[Subject]:
    """Shorten names where they stay different: ``stems/drums.wav`` to ``drums``."""
    if len(sounds) < 3:
        return list(sounds)
    short = [short_name(sound.name) for sound in sounds]
    return [
        replace(sound, name=name if short.count(name) == 1 else sound.name)
        for sound, name in zip(sounds, short, strict=True)
    ]


def tell_mishaps(mishaps: Sequence[Mishap]) -> str:
    """Say how many files of a folder were left out, and why the first was."""
    first = mishaps[0]
    return f"left out {plural(len(mishaps), 'file')}: {first.path} {first.message}"
