"""What can be asked of a commit: ``tempo(118..124)``, ``touches(drums)``, ``author(ada)``, ``before(2026-11-01)``.

Each function becomes a test of one commit. Tempo, key and loudness are those that are known already, from
``track.toml``, from provenance and from what was measured before: nothing is measured here.
"""

import math
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from beatflow.errors import UsageError
from beatflow.history import FileChange, changes_of, read_track
from beatflow.log.logbook import find_mix, find_origins
from beatflow.objects.git.value import TREE, Commit
from beatflow.provenance import known_facts
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.revision.lookup import make_text_test
from beatflow.revision.moment import parse_moment
from beatflow.sound.tonality import parse_key
from beatflow.track import TRACK_FILE, Track
from beatflow.wording import short_name

Test = Callable[[Commit], bool]

_NUMBER = r"[-−+]?(?:\d+(?:\.\d+)?|\.\d+)"
_RANGE = re.compile(rf"\s*({_NUMBER})?\s*(\.\.)?\s*({_NUMBER})?\s*(?:bpm|lufs|lu|db)?\s*", re.IGNORECASE)


def make_test(repository: Repository, function: str, argument: str) -> Test:
    """Return the test that a function and its argument stand for.

    Raises
    ------
    UsageError
        There is no such function, or the argument is not for it.
    """
    found = FUNCTIONS.get(function)
    if found is None:
        import difflib

        near = difflib.get_close_matches(function, FUNCTIONS, 1)
        guess = f"; did you mean {near[0]}()?" if near else ""
        raise UsageError(f"no function {function}(){guess}", hint=f"there are {', '.join(FUNCTIONS)}")
    wants, build = found
    if wants and not argument:
        raise UsageError(f"{function}() wants {wants}", hint="docs/revisions.md has examples")
    return build(_Facts(repository), argument)


class _Facts:
    """What is known of commits, each file and each mix looked at once."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._tracks: dict[str | None, Track] = {}
        self._known: dict[str, Mapping[str, Any]] = {}

    def changes(self, commit: Commit) -> list[FileChange]:
        """What a commit changed; read anew, since a log may hand on commits with other parents."""
        return changes_of(self.repository.git, self.repository.git.read_commit(commit.oid))

    def tempo(self, commit: Commit) -> float | None:
        """In BPM."""
        track = self._track(commit)
        value = track.tempo if track.tempo is not None else self._of_mix(commit, track).get("tempo")
        return _number(value)

    def key(self, commit: Commit) -> str | None:
        """As ``A:min``."""
        track = self._track(commit)
        value = track.key or self._of_mix(commit, track).get("key")
        return value if isinstance(value, str) else None

    def loudness(self, commit: Commit) -> float | None:
        """In LUFS."""
        return _number(self._of_mix(commit, self._track(commit)).get("loudness_lufs"))

    def _track(self, commit: Commit) -> Track:
        entry = self.repository.git.find_entry(commit.tree, TRACK_FILE)
        oid = entry.oid if entry else None
        if oid not in self._tracks:
            self._tracks[oid] = read_track(self.repository, {TRACK_FILE: entry} if entry else {})
        return self._tracks[oid]

    def _of_mix(self, commit: Commit, track: Track) -> Mapping[str, Any]:
        top = {
            name: entry for name, entry in self.repository.git.iter_folder(commit.tree) if entry.mode != TREE
        }
        mix = find_mix(self.repository, top, commit, track.mix_file)
        if mix is None:
            return {}
        if mix not in self._known:
            self._known[mix] = known_facts(self.repository, mix, commit.oid)
        return self._known[mix]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _parse_numbers(function: str, text: str) -> tuple[float, float]:
    """Read ``120`` (as far as it is written: 119.5 to 120.5), ``118..124``, ``118..`` or ``..124``."""
    match = _RANGE.fullmatch(text)
    if match and any(match.groups()):
        low, dots, high = (part.replace("−", "-") if part else part for part in match.groups())
        if dots and (low or high):
            ends = float(low) if low else -math.inf, float(high) if high else math.inf
            if ends[0] <= ends[1]:
                return ends
            raise UsageError(f"{function}({text}) ends before it begins", hint=f"{function}({high}..{low})")
        if not dots and low and not high:
            half = 0.5 * 10 ** -len(low.partition(".")[2])
            return float(low) - half, float(low) + half
    raise UsageError(
        f"{function}() wants a number or a range, not {text!r}",
        hint="tempo(120), tempo(118..124), loudness(-16..-12), tempo(140..)",
    )


# The functions -------------------------------------------------------------------------------------------


def _tempo(facts: _Facts, argument: str) -> Test:
    low, high = _parse_numbers("tempo", argument)
    return lambda commit: (tempo := facts.tempo(commit)) is not None and low <= tempo <= high


def _loudness(facts: _Facts, argument: str) -> Test:
    low, high = _parse_numbers("loudness", argument)
    return lambda commit: (value := facts.loudness(commit)) is not None and low <= value <= high


def _key(facts: _Facts, argument: str) -> Test:
    wanted = str(parse_key(argument))
    return lambda commit: facts.key(commit) == wanted


def _engine(facts: _Facts, argument: str) -> Test:
    wanted = argument.lower()

    def test(commit: Commit) -> bool:
        origins = find_origins(facts.repository, commit.oid, facts.changes(commit))
        return any(wanted in str(record.get("engine", "")).lower() for record in origins.values())

    return test


def _touches(facts: _Facts, argument: str) -> Test:
    wanted = argument.removeprefix("./").rstrip("/")

    def fits(path: str) -> bool:
        return (
            path == wanted
            or path.startswith(wanted + "/")
            or short_name(path) == wanted
            or fnmatchcase(path, wanted)
        )

    return lambda commit: any(
        fits(change.path) or (change.source is not None and fits(change.source))
        for change in facts.changes(commit)
    )


def _author(facts: _Facts, argument: str) -> Test:
    fits = make_text_test(argument)
    return lambda commit: fits(f"{commit.author.name} <{commit.author.email}>")


def _message(facts: _Facts, argument: str) -> Test:
    fits = make_text_test(argument)
    return lambda commit: fits(commit.message)


def _before(facts: _Facts, argument: str) -> Test:
    start_s = parse_moment(argument, facts.repository.signer()).start_s
    return lambda commit: commit.author.time_s < start_s


def _after(facts: _Facts, argument: str) -> Test:
    end_s = parse_moment(argument, facts.repository.signer()).end_s
    return lambda commit: commit.author.time_s >= end_s


def _on(facts: _Facts, argument: str) -> Test:
    first, dots, last = argument.partition("..")
    now = facts.repository.signer()
    start_s = parse_moment(first, now).start_s
    end_s = parse_moment(last if dots else first, now).end_s
    if end_s <= start_s:
        raise UsageError(f"on({argument}) ends before it begins", hint=f"on({last}..{first})")
    return lambda commit: start_s <= commit.author.time_s < end_s


def _merges(facts: _Facts, argument: str) -> Test:
    return lambda commit: len(facts.repository.git.read_commit(commit.oid).parents) > 1


def _named(*prefixes: str) -> Callable[[_Facts, str], Test]:
    """Commits that a branch or tag names, all of them or those that a pattern fits."""

    def build(facts: _Facts, argument: str) -> Test:
        refs = facts.repository.git.read_refs()
        chosen = {
            oid
            for ref, oid in refs.items()
            for prefix in prefixes
            if ref.startswith(prefix) and fnmatchcase(ref.removeprefix(prefix), argument or "*")
        }
        return lambda commit: commit.oid in chosen

    return build


FUNCTIONS: dict[str, tuple[str, Callable[[_Facts, str], Test]]] = {
    "tempo": ("a tempo or a range, tempo(118..124)", _tempo),
    "key": ("a key, key(Am)", _key),
    "loudness": ("LUFS or a range, loudness(-16..-12)", _loudness),
    "engine": ("an engine's name, engine(synth)", _engine),
    "touches": ("a path, a stem's name or a pattern, touches(stems/drums.wav)", _touches),
    "author": ("a name or an address, author(ada)", _author),
    "message": ("a text, message(louder)", _message),
    "before": ("a date, before(2026-11-20)", _before),
    "after": ("a date, after(yesterday)", _after),
    "on": ("a date or a range, on(2026-11)", _on),
    "merges": ("", _merges),
    "branches": ("", _named(BRANCHES, REMOTES)),
    "tags": ("", _named(TAGS)),
    "all": ("", lambda facts, argument: lambda commit: True),
}
"""What each function wants (nothing where its argument may be missing), and what makes its test."""
