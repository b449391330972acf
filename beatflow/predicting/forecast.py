"""Which sounds stand beside each other in a change, so that each may be predicted from the others.

Knows paths and entries: what a file was before, what is around it now, and in which order to take them.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from beatflow.errors import UsageError
from beatflow.filename import is_private
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import Entry, Tree
from beatflow.objects.pointer import read_pointer

if TYPE_CHECKING:
    from beatflow.objects.layout import Layout
    from beatflow.objects.prediction import Guide, Renderer
    from beatflow.objects.sources import SourceFile
    from beatflow.predicting.prediction import Effort, SoundAdvisor
    from beatflow.track import Track

    OpenStems = dict[str, SourceFile | None]

_MIXES = ("mix", "master", "bounce", "main")
_MOST_LOOKED_AT = 40
_MOST_SIZES = 256


_Place = tuple[Entry, Path | None]
"""A stored file, and where it lies as it was when it was stored, if it does."""


Making = tuple["Track", Mapping[str, Entry]]
"""A score and the stems that it names, path to entry: what a mix may be made of."""


class Keeper(Protocol):
    """What sounds are stored with."""

    def source(self, oid: str, path: Path | None = None) -> "SourceFile | None":
        """Return a stored file to predict others from; None where it does not have it."""
        ...


class Forecast:
    """Gathers the sounds of one change as they are stored.

    Parameters
    ----------
    git : GitStore
    keeper : Keeper
        What the change is stored with.
    former : Tree
        What stood where before the change.
    earlier : mapping of path to entries, optional
        Further versions of what stands there, the likeliest first.
    effort : Effort, optional
        How hard to search.
    score : callable, optional
        Gives the text of `track.toml` as the change has it, None where there is none: asked when a mix may be new.
    makings : mapping of path and entry's id to Making, optional
        What the mixes of the change were made of elsewhere in history.
    """

    def __init__(
        self,
        git: GitStore,
        keeper: Keeper,
        former: Tree,
        earlier: Mapping[str, Sequence[Entry]] = MappingProxyType({}),
        effort: "Effort | None" = None,
        score: Callable[[], bytes | None] = lambda: None,
        makings: Mapping[tuple[str, str], Sequence[Making]] = MappingProxyType({}),
    ) -> None:
        self._git = git
        self._makings = makings
        self._score = score
        self._keeper = keeper
        self._former = former
        self._earlier = earlier
        self.effort = effort
        # Those of a name, then those of a folder, then all.
        self._gone: dict[str, list[str]] = {}
        # By folder, in the order in which they came: a change may bring ten thousand.
        self._here: dict[str, list[_Place]] = {}
        self._below: dict[str, list[str]] = {}
        self._noted: dict[str, _Place] = {}
        self._sources: dict[tuple[str, Path | None], SourceFile | None] = {}

    def order(self, path: str) -> tuple[bool, int, str]:
        """Return what to sort paths by: mixes come last, deeper folders first."""
        pure = PurePosixPath(path)
        mix = any(word in pure.name.lower() for word in _MIXES) or self._is_mix(path)
        return mix, -len(pure.parts), path

    def _is_mix(self, path: str) -> bool:
        """Say whether a file is the mix of a score, if there is one: most tracks have none, and need not read any."""
        return self._text is not None and path == self.track.mix_file

    @cached_property
    def _text(self) -> bytes | None:
        try:
            return self._score()
        except OSError:
            return None

    @cached_property
    def track(self) -> "Track":
        """The score of the change; an empty one where there is none that can be read."""
        from beatflow.track import Track, parse_track

        if not self._text:
            return Track()
        try:
            return parse_track(self._text)
        except UsageError:
            return Track()

    def is_likely_kept(self, path: str, size: int) -> bool:
        """Say whether a file may be one that is kept already, elsewhere: its path is new, its size is not."""
        return path not in self._former and size in self._sizes

    @cached_property
    def _sizes(self) -> set[int]:
        entries = islice(self._former.values(), _MOST_SIZES)
        return {pointer.size for entry in entries if (pointer := read_pointer(self._git, entry))}

    def expect(self, paths: Set[str]) -> None:
        """Say which paths there will be: what is gone may be what new ones were."""
        self._gone = {"": []}
        for path in sorted(self._former.keys() - paths):
            if not is_private(path.partition("/")[0]):
                for key in (PurePosixPath(path).name, _folder_of(path) + "/", ""):
                    self._gone.setdefault(key, []).append(path)

    def note(self, path: str, entry: Entry, place: Path | None) -> None:
        """Take note that a file is stored, and where it lies, if it does."""
        folder = _folder_of(path)
        if folder not in self._here:
            self._here[folder] = []
            for above in PurePosixPath(folder).parents:
                self._below.setdefault(str(above), []).append(folder)
        self._here[folder].append((entry, place))
        self._noted[path] = entry, place

    def advise(self, path: str, entry: Entry | None = None) -> "_Advice":
        """Return what the file at a path may be predicted from; an entry tells which it is, where that is known."""
        before = [path] if path in self._former else []
        gone = [] if before else list(islice(self._find_gone(path), _MOST_LOOKED_AT))
        found = (
            [self._former[one] for one in before],
            self._earlier.get(path, ()),
            map(self._former.get, gone),
        )
        versions = [(entry, None) for entry in dict.fromkeys(chain.from_iterable(found)) if entry]
        makings = self._makings.get((path, entry.oid), ()) if entry else ()
        return _Advice(self, path, versions, list(islice(self._around(path), _MOST_LOOKED_AT)), makings)

    def _find_gone(self, path: str) -> Iterator[str]:
        for key in (PurePosixPath(path).name, _folder_of(path) + "/", ""):
            yield from self._gone.get(key, ())

    def open_all(self, places: "Sequence[_Place]", most: int) -> "list[SourceFile]":
        """Open those files that are sound, the first of them."""
        found = (self._open(entry, place) for entry, place in places)
        return list(islice((source for source in found if source), most))

    def open_makings(self, path: str, others: Sequence[Making]) -> "list[tuple[Track, OpenStems]]":
        """Open what the file at a path may be the mix of, by the score of the change and by others.

        Stems are given by name; None for what is not stored.
        """
        found: list[tuple[Track, OpenStems]] = []
        if path == self.track.mix_file and self.track.stems:
            stems: OpenStems = {}
            for name, stem in self.track.stems.items():
                entry, place = self._noted.get(stem.file) or (self._former.get(stem.file), None)
                stems[name] = self._open(entry, place) if entry else None
            found.append((self.track, stems))
        for track, entries in others:
            files = {name: entries.get(stem.file) for name, stem in track.stems.items()}
            found.append(
                (track, {name: self._open(one, None) if one else None for name, one in files.items()})
            )
        return found

    def _around(self, path: str) -> Iterator[_Place]:
        """Yield what was noted: the newest of the same folder, then of those below, then of the one above.

        Last comes what stood there before the change and was not looked at yet: the song, when its stems are added.
        """
        folder = _folder_of(path)
        below = islice(self._below.get(folder, ()), _MOST_LOOKED_AT)
        for name in dict.fromkeys((folder, *below, _folder_of(folder))):
            yield from reversed(self._here.get(name, []))
        for name in dict.fromkeys((folder, _folder_of(folder))):
            for other in self._standing.get(name, ()):
                if other != path and other not in self._noted:
                    yield self._former[other], None

    @cached_property
    def _standing(self) -> dict[str, list[str]]:
        """What stood in each folder before the change."""
        found: dict[str, list[str]] = {}
        for path in self._former:
            found.setdefault(_folder_of(path), []).append(path)
        return found

    def _open(self, entry: Entry, place: Path | None) -> "SourceFile | None":
        key = entry.oid, place
        if key not in self._sources:
            pointer = read_pointer(self._git, entry)
            self._sources[key] = self._keeper.source(pointer.oid, place) if pointer else None
        return self._sources[key]


class _Advice:
    """What one file may be predicted from, found out when the first chunk of it is new: most files are not."""

    def __init__(
        self,
        forecast: Forecast,
        path: str,
        versions: Sequence[_Place],
        around: Sequence[_Place],
        makings: Sequence[Making],
    ) -> None:
        self._forecast = forecast
        self._path = path
        self._versions = versions
        self._around = around
        self._makings = makings
        self._lock = threading.Lock()
        self._advisor: SoundAdvisor | None = None
        self._opened: list[tuple[Track, OpenStems]] | None = None

    def guide(self, layout: "Layout") -> "Guide | None":
        """Return a guide for a run of samples, None where there is nothing to predict from."""
        with self._lock:
            if self._advisor is None:
                from beatflow.predicting.prediction import Effort, SoundAdvisor

                effort = self._forecast.effort or Effort()
                self._advisor = SoundAdvisor(
                    self._forecast.open_all(self._versions, effort.versions),
                    self._forecast.open_all(self._around, effort.siblings),
                    effort,
                )
        return self._advisor.guide(layout)

    def renderer(self, layout: "Layout") -> "Renderer | None":
        """Return what renders a run of samples from stems; None where the file is no mix of any."""
        with self._lock:
            if self._opened is None:
                self._opened = self._forecast.open_makings(self._path, self._makings)
        if not self._opened:
            return None
        from beatflow.predicting.scoring import make_renderer

        return make_renderer(self._opened, layout)


def _folder_of(path: str) -> str:
    return str(PurePosixPath(path).parent)
