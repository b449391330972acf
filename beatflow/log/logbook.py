"""The log: commits with what is known of each and how it sounds, read lazily and without touching a sample.

What is not known yet is for `beatflow.log.listening` to find out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from beatflow.explaining import Explainer
from beatflow.history import MODIFIED, FileChange, changes_of, content_tree, read_track
from beatflow.measurement import FactCache
from beatflow.merge.conflict import find_conflicts
from beatflow.notes import read_note
from beatflow.objects.git.value import TREE, Commit, Entry, Tree
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import FOLDER as PROVENANCE
from beatflow.provenance import Record, find_record, known_facts
from beatflow.repository import BRANCHES, REMOTES, TAGS, Repository
from beatflow.sound.explanation import Explanation
from beatflow.sound.silhouette import Silhouette
from beatflow.track import TRACK_FILE, Track

_NO_TRACK = Track()


@dataclass(frozen=True, slots=True)
class Pair:
    """A sound that a commit changed: its path, and its ids before and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A commit and its sound.

    Parameters
    ----------
    commit : Commit
        As it stands in history.
    refs : tuple of str
        Full names of the refs that name it.
    changes : list of FileChange
        Against its first parent.
    tempo, key, meter : float or None, str or None, str or None
        From ``track.toml``, else from the mix's provenance or analysis.
    mix, loudness_lufs : str or None, float or None
        Id of the mix and its integrated loudness; None where there is none, or where it is silent or not measured.
    former_mix, former_lufs : str or None, float or None
        The same of its first parent.
    silhouette : Silhouette or None
        Of the mix, where it was ever measured.
    pairs : tuple of Pair
        The sounds to be explained: the mix only where it is the only one, since a mix changes with every stem.
    explained : mapping of str to Explanation
        What is known of these, by path.
    track, former_track : Track
        The score, and that of its first parent.
    conflicts : tuple of str
        Paths in conflict.
    note : str or None
        What was noted on it (`beatflow.notes`).
    """

    commit: Commit
    refs: tuple[str, ...]
    changes: list[FileChange] = field(default_factory=list)
    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    mix: str | None = None
    loudness_lufs: float | None = None
    former_mix: str | None = None
    former_lufs: float | None = None
    silhouette: Silhouette | None = None
    pairs: tuple[Pair, ...] = ()
    explained: Mapping[str, Explanation] = field(default_factory=dict)
    track: Track = _NO_TRACK
    former_track: Track = _NO_TRACK
    conflicts: tuple[str, ...] = ()
    note: str | None = None

    @property
    def oid(self) -> str:
        """The commit's id."""
        return self.commit.oid

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the commit's parents."""
        return self.commit.parents

    @property
    def loudness_change_db(self) -> float | None:
        """How much louder the mix is than the first parent's; None where either is not known, or both are the same."""
        if self.mix == self.former_mix or self.loudness_lufs is None or self.former_lufs is None:
            return None
        # Both are known to hundredths.
        return round(self.loudness_lufs - self.former_lufs, 2) + 0.0


@dataclass(frozen=True, slots=True)
class _Sound:
    """What is known of how a commit sounds."""

    track: Track
    mix: str | None
    facts: Mapping[str, Any]


class Logbook:
    """Reads log entries; what commits share is read once.

    Parameters
    ----------
    repository : Repository
    wants : callable, optional
        Says of which paths an explanation is wanted; otherwise of all but a mix that changed beside its stems.
    """

    def __init__(self, repository: Repository, wants: Callable[[str], bool] | None = None) -> None:
        self._repository = repository
        self._wants = wants
        self._explainer = Explainer(repository)
        self._names: dict[str, list[str]] | None = None
        self._tracks: dict[str, Track] = {}
        self._sounds: dict[str, _Sound] = {}
        self._marked: dict[str, tuple[str, ...]] = {}
        self._mixes: dict[str, tuple[float | None, Silhouette]] = {}
        self._found: dict[tuple[str, str], Explanation] = {}

    def iter_titles(self, commits: Iterable[Commit]) -> Iterator[LogEntry]:
        """Yield entries that know only their commit and its names: all that one line needs, and much cheaper."""
        for commit in commits:
            yield LogEntry(commit, self._refs(commit))

    def iter_entries(self, commits: Iterable[Commit]) -> Iterator[LogEntry]:
        """Yield entries with all that is known, in the order of the commits."""
        for commit in commits:
            yield self.read(commit)

    def read(self, commit: Commit) -> LogEntry:
        """Return a commit's entry with all that is known."""
        git = self._repository.git
        # Read anew: a path's log gives commits whose parents are only those that it shows.
        whole = git.read_commit(commit.oid)
        sound = self._listen(whole)
        former = (
            self._listen(git.read_commit(whole.parents[0])) if whole.parents else _Sound(Track(), None, {})
        )
        changes = changes_of(git, whole)
        pairs = self._find_pairs(changes, sound)
        return LogEntry(
            commit,
            self._refs(commit),
            changes,
            sound.track.tempo if sound.track.tempo is not None else sound.facts.get("tempo"),
            sound.track.key or sound.facts.get("key"),
            sound.track.meter or sound.facts.get("meter"),
            sound.mix,
            sound.facts.get("loudness_lufs"),
            former.mix,
            former.facts.get("loudness_lufs"),
            self._find_silhouette(sound.mix) if sound.mix else None,
            pairs,
            {pair.path: found for pair in pairs if (found := self._find_explanation(pair))},
            sound.track,
            former.track,
            tuple(conflict.path for conflict in find_conflicts(self._find_marked(whole.tree))),
            read_note(self._repository, commit.oid),
        )

    def note_mix(self, oid: str, loudness_lufs: float | None, silhouette: Silhouette) -> None:
        """Know how a mix sounds from here on, even where nothing can be remembered on the disk."""
        self._mixes[oid] = loudness_lufs, silhouette
        self._sounds.clear()

    def note_explanation(self, before: str, after: str, found: Explanation) -> None:
        """Know what became of a sound from here on."""
        self._found[before, after] = found

    def _refs(self, commit: Commit) -> tuple[str, ...]:
        if self._names is None:
            self._names = {}
            for ref, oid in self._repository.git.read_refs().items():
                if ref.startswith((BRANCHES, REMOTES, TAGS)):
                    self._names.setdefault(oid, []).append(ref)
        return tuple(self._names.get(commit.oid, ()))

    def _listen(self, commit: Commit) -> _Sound:
        """Return how a commit sounds, which a child of it asks for as well."""
        found = self._sounds.get(commit.oid)
        if found is None:
            git = self._repository.git
            entry = git.find_entry(commit.tree, TRACK_FILE)
            score = entry.oid if entry else ""
            if score not in self._tracks:
                self._tracks[score] = read_track(self._repository, {TRACK_FILE: entry} if entry else {})
            track = self._tracks[score]
            mix = find_mix_of(self._repository, commit, track.mix_file)
            facts = known_facts(self._repository, mix, commit.oid) if mix else {}
            if mix in self._mixes:
                facts["loudness_lufs"] = self._mixes[mix][0]
            self._sounds[commit.oid] = found = _Sound(track, mix, facts)
        return found

    def _find_pairs(self, changes: Iterable[FileChange], sound: _Sound) -> tuple[Pair, ...]:
        git = self._repository.git
        pairs = []
        for change in changes:
            if change.kind == MODIFIED and change.before and change.after:
                before, after = read_pointer(git, change.before), read_pointer(git, change.after)
                if before and after:
                    pairs.append(Pair(change.path, before.oid, after.oid))
        if self._wants:
            return tuple(pair for pair in pairs if self._wants(pair.path))
        stems = [pair for pair in pairs if pair.after != sound.mix]
        return tuple(stems or pairs)

    def _find_silhouette(self, oid: str) -> Silhouette | None:
        return self._mixes[oid][1] if oid in self._mixes else find_silhouette(self._repository, oid)

    def _find_explanation(self, pair: Pair) -> Explanation | None:
        found = self._found.get((pair.before, pair.after))
        return found or self._explainer.known(pair.before, pair.after)

    def _find_marked(self, tree: str) -> tuple[str, ...]:
        """Return the paths of a tree that may be takes of a conflict."""
        found = self._marked.get(tree)
        if found is None:
            names: list[str] = []
            for name, entry in self._repository.git.iter_folder(tree):
                if entry.mode == TREE:
                    if f"{name}/" != PROVENANCE:
                        names += [f"{name}/{path}" for path in self._find_marked(entry.oid)]
                elif ".ours" in name or ".theirs" in name or ".base" in name:
                    names.append(name)
            self._marked[tree] = found = tuple(names)
        return found


def open_silhouettes(repository: Repository) -> FactCache:
    """Return where the silhouettes of sounds are remembered."""
    return FactCache(repository.state / "silhouettes")


def find_silhouette(repository: Repository, oid: str) -> Silhouette | None:
    """Return the silhouette of a sound where it was ever measured; one that cannot be decoded has an empty one."""
    try:
        return Silhouette.from_json(open_silhouettes(repository).get(oid) or {})
    except (KeyError, TypeError, ValueError):
        return None


def find_mix_of(repository: Repository, commit: Commit, mix_file: str) -> str | None:
    """Return the id of a commit's mix, without reading more of its tree than is needed."""
    entry = repository.git.find_entry(commit.tree, mix_file)
    top = {} if entry else _top_of(repository, commit)
    return find_mix(repository, top, commit, mix_file)


def find_mix(repository: Repository, top: Tree, commit: Commit, mix_file: str) -> str | None:
    """Return the id of a commit's mix: the file that ``track.toml`` names, or the only sound at the top."""
    git = repository.git
    entry = git.find_entry(commit.tree, mix_file)
    candidates = [entry] if entry else list(top.values())
    pointers = [pointer for candidate in candidates if (pointer := read_pointer(git, candidate))]
    return pointers[0].oid if len(pointers) == 1 else None


def _top_of(repository: Repository, commit: Commit) -> Tree:
    """Return the files at the top of a commit's tree, BeatFlow's own left out."""
    entries: dict[str, Entry] = {
        name: entry for name, entry in repository.git.iter_folder(commit.tree) if entry.mode != TREE
    }
    return content_tree(repository.git, entries)


def find_sound(repository: Repository, change: FileChange) -> str | None:
    """Return the id of the sound that a change brought, None where it is none."""
    pointer = read_pointer(repository.git, change.after) if change.after else None
    return pointer.oid if pointer else None


def find_origins(repository: Repository, commit: str, changes: Iterable[FileChange]) -> dict[str, Record]:
    """Return the records of the sounds that a commit brought in, by path."""
    result = {}
    for change in changes:
        oid = find_sound(repository, change)
        record = find_record(repository, oid, commit, search=False) if oid else None
        if record:
            result[change.path] = record
    return result
