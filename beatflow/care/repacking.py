"""Writes all sound of a repository anew, searching longer for what it may be predicted from: ``bf gc --aggressive``.

Joins history, which says what came when and stood where, with the store's renewal. Whatever the outcome, the store is
never larger afterwards, and nothing goes before its replacement is proved.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from beatflow.care.maintenance import find_reached, find_starts, forget_provenance
from beatflow.errors import UsageError
from beatflow.objects.collection import Collected
from beatflow.objects.git.value import Commit, Entry, Tree
from beatflow.objects.operation import iter_operations, read_worktree_changes
from beatflow.objects.renewal import Renewal
from beatflow.objects.store import AudioStore
from beatflow.predicting.forecast import Forecast, Making
from beatflow.predicting.prediction import THOROUGH
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE, Track, parse_track
from beatflow.transaction import Transaction

# What gains less is not worth writing everything again.
_LEAST_GAIN = 0.001
# The share of the time that proving takes, as measured on songs of 20 versions.
_PROVING = 0.2
_KEPT_VERSIONS = 2 * THOROUGH.versions
_MOST_MAKINGS = 8

Progress = Callable[[float, str], None]


class _State(NamedTuple):
    """Sounds that stood beside each other, what was there before, and what else may have been."""

    tree: Tree
    former: Tree
    others: tuple[Tree, ...] = ()


def repack(repository: Repository, progress: Progress = lambda fraction, what: None) -> Collected:
    """Drop the sound that nothing reaches and write the rest anew, if that makes it smaller.

    Takes as much room again as the sound does now, for as long as it runs. Interrupted, it leaves everything as it
    was.

    Parameters
    ----------
    progress : callable
        Called with the fraction done and what is being done.

    Raises
    ------
    DamagedError
        History, or the table of a sound's parts, cannot be read; nothing was changed.
    OSError
        The disk is full; nothing was changed.
    """
    with Transaction(repository, "gc", "collect garbage"):
        progress(0.0, "history")
        pointers = find_reached(repository)
        reached = set(pointers.values())
        audio = repository.audio
        planned = audio.collect(reached, dry_run=True)
        before = audio.count_records()
        with audio.renewal() as renewal:
            meter = _Meter(audio, reached, progress)
            _Rewriting(repository, renewal, pointers, meter).run(reached)
            if renewal.count_after(reached) < (1 - _LEAST_GAIN) * planned.bytes_after:
                renewal.prove(meter.prove)
                renewal.publish(reached)
        # Drops and joins what is left to drop and join; the new packs, in most cases, as they are.
        done = audio.collect(reached)
        forget_provenance(repository, reached)
        progress(1.0, "done")
        return replace(
            done,
            packs_before=planned.packs_before,
            bytes_before=planned.bytes_before,
            objects=before - audio.count_records(),
        )


class _Meter:
    """Turns bytes into the fraction that is done."""

    def __init__(self, audio: AudioStore, oids: set[str], progress: Progress) -> None:
        self._progress = progress
        lengths: dict[bytes, int] = {}
        self._to_prove = 0
        for oid in oids:
            if oid in audio:
                manifest = audio.manifest(oid)
                self._to_prove += manifest.size
                lengths.update((ref.id, ref.length) for ref in manifest.chunks)
        self._to_code = sum(lengths.values())
        self._coded = self._proved = 0

    def code(self, count: int) -> None:
        self._coded += count
        self._progress((1 - _PROVING) * self._coded / max(1, self._to_code), "coding anew")

    def prove(self, count: int) -> None:
        self._proved += count
        self._progress(1 - _PROVING + _PROVING * self._proved / max(1, self._to_prove), "proving")


class _Rewriting:
    """Goes through history, oldest first, so that whatever a sound is predicted from is there before it."""

    def __init__(
        self, repository: Repository, renewal: Renewal, pointers: Mapping[str, str], meter: _Meter
    ) -> None:
        self._git = repository.git
        self._starts = find_starts(repository)
        self._renewal = renewal
        self._pointers = pointers
        self._meter = meter
        self._makings = self._find_makings()
        # The last few versions of each path, in whatever branch, the newest first.
        self._versions: dict[str, list[Entry]] = {}

    def run(self, oids: set[str]) -> None:
        """Write all that history leads to, then what else is to be kept."""
        for state in self._iter_states():
            self._add_state(state)
        for oid in sorted(oids):
            if oid not in self._renewal:
                self._renewal.add(oid, None, self._meter.code)

    def _iter_states(self) -> Iterator[_State]:
        """Yield what stood in each commit, then what operations put away that no commit has."""
        operations = list(iter_operations(self._git))
        ours = {operation.oid for operation in operations}
        commits = [commit for commit in self._git.iter_topological(self._starts) if commit.oid not in ours]
        for commit in reversed(commits):
            yield self._read_state(commit)
        for operation in reversed(operations):
            changes = read_worktree_changes(self._git, operation.oid)
            former = {path: before for path, (before, _) in changes.items() if before}
            yield _State(former, {})
            yield _State({path: after for path, (_, after) in changes.items() if after}, former)

    def _read_state(self, commit: Commit) -> _State:
        trees = [self._git.read_tree(self._git.read_commit(oid).tree) for oid in commit.parents]
        return _State(self._git.read_tree(commit.tree), trees[0] if trees else {}, tuple(trees[1:]))

    def _add_state(self, state: _State) -> None:
        sounds = {path: entry for path, entry in state.tree.items() if entry.oid in self._pointers}
        if all(self._pointers[entry.oid] in self._renewal for entry in sounds.values()):
            return
        earlier = self._find_earlier(state) if state.others else self._versions
        forecast = Forecast(
            self._git, self._renewal, state.former, earlier, THOROUGH,
            lambda: self._read_score(state.tree), self._makings,
        )  # fmt: skip
        forecast.expect(state.tree.keys())
        for path in sorted(sounds, key=forecast.order):
            entry = sounds[path]
            oid = self._pointers[entry.oid]
            if oid not in self._renewal:
                self._renewal.add(oid, forecast.advise(path, entry), self._meter.code)
                self._versions[path] = [entry, *self._versions.get(path, ())][:_KEPT_VERSIONS]
            forecast.note(path, entry, None)

    def _find_makings(self) -> dict[tuple[str, str], list[Making]]:
        """Return, by a mix's path and id, what it lay beside: the score may have come right after the mix did."""
        scores: dict[str, Track] = {}
        found: dict[tuple[str, str], list[Making]] = {}
        for commit in self._git.iter_topological(self._starts):
            tree = self._git.read_tree(commit.tree)
            score = tree.get(TRACK_FILE)
            if score is None:
                continue
            if score.oid not in scores:
                scores[score.oid] = _parse(self._git.read_blob(score.oid))
            track = scores[score.oid]
            mix = tree.get(track.mix_file)
            if mix is None or not track.stems:
                continue
            files = (stem.file for stem in track.stems.values())
            making: Making = track, {file: tree[file] for file in files if file in tree}
            known = found.setdefault((track.mix_file, mix.oid), [])
            if making not in known and len(known) < _MOST_MAKINGS:
                known.append(making)
        return found

    def _read_score(self, tree: Tree) -> bytes | None:
        entry = tree.get(TRACK_FILE)
        return self._git.read_blob(entry.oid) if entry else None

    def _find_earlier(self, state: _State) -> Mapping[str, Sequence[Entry]]:
        """Return the further versions of paths in a merge: the other sides' first."""
        found: dict[str, Sequence[Entry]] = dict(self._versions)
        for tree in reversed(state.others):
            for path, entry in tree.items():
                if entry != state.former.get(path):
                    found[path] = [entry, *found.get(path, ())]
        return found


def _parse(data: bytes) -> Track:
    try:
        return parse_track(data)
    except UsageError:
        return Track()
