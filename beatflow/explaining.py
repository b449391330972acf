"""What became of a sound, found once and then remembered beside the repository; and the clock that a commit goes by.

Joins the store, ``sound.explain`` and what is known of tempo and meter. What is remembered is read without numpy.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from beatflow.errors import UsageError
from beatflow.objects.durable import write_cache
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.explanation import EXPLAINER, Explanation
from beatflow.timecode import Clock
from beatflow.track import TRACK_FILE, Track, parse_track

Progress = Callable[[float, str], None]
Source = Path | BinaryIO

_METER = re.compile(r"[1-9]\d?/(1|2|4|8|16|32)")
_NO_METER = "4/4"
_CONFIDENT = 0.3


class Explainer:
    """Explains how one sound of a repository became another; what was found before is not looked for again.

    Parameters
    ----------
    repository : Repository
        Explanations lie in its state folder, one small file for each pair. They are a cache: what cannot be read or
        written is simply not remembered, and `EXPLAINER` makes those of an older engine void.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._folder = repository.state / "explanations"

    def known(self, before: str, after: str) -> Explanation | None:
        """Return what is remembered of a pair of sounds, by their ids; loads neither numpy nor a decoder."""
        try:
            document = json.loads(self._place(before, after).read_bytes())
            if document.pop("explainer") != EXPLAINER:
                return None
            return Explanation.from_json(document)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def explain(self, before: str, after: str, progress: Progress | None = None) -> Explanation:
        """Return what is remembered of a pair of stored sounds, by their ids, or find it now.

        Raises
        ------
        NotFoundError, DamagedError
            One of them is not in the store, or cannot be read whole.
        AudioError
            One of them cannot be decoded.
        """
        known = self.known(before, after)
        if known is not None:
            return known
        audio = self._repository.audio
        with audio.open(before) as old, audio.open(after) as new:
            found = explain_sounds(old, new, progress)
        self.remember(before, after, found)
        return found

    def remember(self, before: str, after: str, explanation: Explanation) -> None:
        """Keep what was found of a pair of sounds."""
        document = {"explainer": EXPLAINER, **explanation.to_json()}
        try:
            self._folder.mkdir(exist_ok=True)
            write_cache(self._place(before, after), json.dumps(document).encode())
        except OSError:
            return

    def _place(self, before: str, after: str) -> Path:
        return self._folder / f"{before}-{after}.json"


def explain_sounds(before: Source, after: Source, progress: Progress | None = None) -> Explanation:
    """Find out how one sound, a file or what is open for reading, became another.

    Raises
    ------
    AudioError
        One of them cannot be decoded.
    """
    # Numpy and the decoder: only when there is something to explain.
    from beatflow.sound.explain.explain import explain

    return explain(before, after, (lambda done: progress(done, "")) if progress else None)


def read_clock(repository: Repository, commit: str | None, sample_rate: int) -> Clock:
    """Return how frames, bars and beats go together in a commit, or in the worktree where there is no commit.

    Tempo and meter are those of ``track.toml``; where it says none, what was measured of the mix when it was made
    (its provenance) or later (``bf analyze``).

    Parameters
    ----------
    commit : str or None
        A commit's id.
    sample_rate : int
        Of the sound whose frames are meant.
    """
    track = _read_track(repository, commit)
    facts: dict[str, Any] = {}
    if track.tempo is None or track.meter is None:
        mix = _find_mix(repository, commit, track.mix_file)
        facts = _known_facts(repository, mix, commit) if mix else {}
    return make_clock(sample_rate, track.tempo or facts.get("tempo"), track.meter or facts.get("meter"))


def make_clock(sample_rate: int, tempo: Any, meter: Any) -> Clock:
    """Return a clock; a tempo or a meter that makes no sense counts as not known."""
    number = isinstance(tempo, int | float) and not isinstance(tempo, bool)
    return Clock(
        sample_rate,
        float(tempo) if number and 0 < tempo < 10_000 else None,
        meter if isinstance(meter, str) and _METER.fullmatch(meter) else _NO_METER,
    )


def _read_track(repository: Repository, commit: str | None) -> Track:
    with suppress(UsageError, OSError):
        if commit is None:
            return parse_track((repository.root / TRACK_FILE).read_bytes())
        entry = repository.git.find_entry(repository.git.read_commit(commit).tree, TRACK_FILE)
        if entry:
            return parse_track(repository.git.read_blob(entry.oid))
    return Track()


def _find_mix(repository: Repository, commit: str | None, path: str) -> str | None:
    git = repository.git
    if commit is None:
        entry = repository.worktree.identify(path)
    else:
        entry = git.find_entry(git.read_commit(commit).tree, path)
    pointer = read_pointer(git, entry) if entry and git.has(entry.oid) else None
    return pointer.oid if pointer else None


def _known_facts(repository: Repository, oid: str, commit: str | None) -> dict[str, Any]:
    """Return what was measured of a mix; a tempo that is a mere guess, or that drifts, makes no bars."""
    record = find_record(repository, oid, commit, search=False) or {}
    heard = repository.analysis_cache.get(oid) or {}
    if heard.get("tempo_confidence", 1.0) < _CONFIDENT or not heard.get("tempo_steady", True):
        heard.pop("tempo", None)
    return {"meter": record.get("meter")} | (record.get("measured") or {}) | heard
