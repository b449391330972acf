"""What is to be drawn: the sounds that words name, stems below them, and how they are called. Decodes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beatflow.errors import BeatFlowError, NotFoundError, UsageError
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit
from beatflow.soundfolder import Mishap
from beatflow.soundword import NamedSound, find_mix, find_part, iter_named, read_score
from beatflow.track import TRACK_FILE, Stem
from beatflow.wording import format_number, plural, short_name

MOST = 64
"""Sounds in one picture."""


@dataclass(frozen=True, slots=True)
class Cast:
    """All that is to be drawn: sounds, and stems below them; and what could not be taken."""

    sounds: Sequence[NamedSound]
    stems: Sequence[NamedSound] = ()
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
    sounds: list[NamedSound] = []
    stacked: list[NamedSound] = []
    if stems:
        if len(words) > 1:
            raise UsageError(
                "stems are drawn of one revision at a time", hint=f"bf plot {words[0]} --kind stems"
            )
        mix, stacked = _find_stems(words[0] if words else None, repository)
        sounds = [mix] if mix else []
    else:
        if not words:
            if repository is None:
                raise UsageError("nothing to draw is named, and this is no track", hint="bf plot FILE")
            sounds = [find_mix(repository, None)]
        for word in words:
            sounds += iter_named(word, directory, repository, piped, mishaps.append)
    count = len(sounds) + len(stacked)
    if not count:
        hint = f"{mishaps[0].path}: {mishaps[0].message}" if mishaps else "bf plot FILE"
        raise UsageError("there is no sound to draw", hint=hint)
    if count > MOST:
        raise UsageError(
            f"{count} sounds are too many for one picture, which holds {MOST}", hint="name fewer"
        )
    return Cast(_tell_apart(sounds), stacked, [mishap for mishap in mishaps if mishap.broken])


def _find_stems(
    word: str | None, repository: Repository | None
) -> tuple[NamedSound | None, list[NamedSound]]:
    if repository is None:
        raise NotFoundError("stems are those of a track, and this is none", hint="bf plot stems/*.wav")
    commit = get_commit(repository, word) if word else None
    score = read_score(repository, commit)
    if not score.stems:
        raise UsageError(f"{TRACK_FILE} names no stems", hint="bf plot stems/*.wav")
    found = [
        replace(find_part(repository, commit, stem.file, name), stem=stem)
        for name, stem in score.stems.items()
    ]
    try:
        mix = find_mix(repository, commit, word or "")
    except BeatFlowError:
        mix = None
    return mix, found


def _tell_apart(sounds: Sequence[NamedSound]) -> list[NamedSound]:
    """Shorten names where they stay different: ``stems/drums.wav`` to ``drums``."""
    if len(sounds) < 3:
        return list(sounds)
    short = [short_name(sound.name) for sound in sounds]
    return [
        replace(sound, name=name if short.count(name) == 1 else sound.name)
        for sound, name in zip(sounds, short, strict=True)
    ]


def tell_fader(stem: Stem | None) -> str:
    """How a stem stands in the mix, in words."""
    if stem is None:
        return ""
    parts = [f"{format_number(stem.gain_db)} dB"] if stem.gain_db else []
    parts += [f"pan {format_number(stem.pan, 2)}"] if stem.pan else []
    return ", ".join([*parts, *(["muted"] if stem.mute else []), *(["solo"] if stem.solo else [])])


def tell_mishaps(mishaps: Sequence[Mishap]) -> str:
    """Say how many files of a folder were left out, and why the first was."""
    first = mishaps[0]
    return f"left out {plural(len(mishaps), 'file')}: {first.path} {first.message}"
