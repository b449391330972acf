"""Which version came first: by the numbers and words in names, and by dates as far as these can be believed.

Numbers are believed before dates, dates before words: *final* is seldom the last. Dates that contradict the numbers are
passed over, all of them where the files were plainly copied in one go. Pure arithmetic on what was found.
"""

import heapq
import math
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import pairwise
from statistics import median
from typing import TypeVar

from beatflow.importing.versionname import PLAIN, Mark, VersionName

COPIED_GAP_S = 120
"""Files whose dates lie closer together than this, at the median, were copied, not made, in that order."""
TOGETHER_S = 36 * 3600
"""Files of one version may have been written this far apart."""
EARLIEST_S = 631_152_000
"""1990: what claims to be older has lost its date."""

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may go in.

    Parameters
    ----------
    path : str
        Below the folder.
    size, mtime_s : int
    sound : bool
        By its content.
    digest : str or None
        Of its bytes; None where no other file has as many.
    """

    path: str
    size: int
    mtime_s: int
    sound: bool
    digest: str | None = None


@dataclass(eq=False, slots=True)
class Version:
    """One file as a version of something: its name taken apart, and when it was made, None where nobody knows.

    ``place`` tells which folders of versions it lies in one of, where it does; ``alias`` are files of the same bytes.
    """

    file: Candidate
    name: VersionName
    base: str
    folder: str
    time_s: int | None = None
    alias: tuple[Candidate, ...] = ()
    place: str | None = None

    @property
    def date_passed_over(self) -> bool:
        """Whether the file's own date was not believed."""
        return self.time_s != self.file.mtime_s


def sort_versions(versions: Sequence[Version], now_s: int, offset_min: int) -> list[Version]:
    """Return the versions of one thing, oldest first, and note when each was made.

    Parameters
    ----------
    versions : sequence of Version
    now_s, offset_min : int
        The time now and the zone in minutes east of UTC, in which dates in names are read.
    """
    for version in versions:
        version.time_s = _find_time(version, now_s, offset_min)
    chains = _make_chains(versions)
    for chain in chains:
        _pass_over_misfits(chain)
    if not _are_dates_usable(versions):
        ordered = sorted(versions, key=_key)
        for version in ordered:
            version.time_s = _find_time(version, now_s, offset_min)
        _pass_over_misfits(ordered, grain_s=3600)
        return ordered
    return _merge(chains)


def _find_time(version: Version, now_s: int, offset_min: int) -> int | None:
    """Return when a file was made: what its name says, to the second if its own date agrees."""
    mtime_s = version.file.mtime_s if EARLIEST_S <= version.file.mtime_s <= now_s + 86_400 else None
    moment = version.name.moment
    if moment is None:
        return mtime_s
    start_s = int((moment.replace(tzinfo=UTC) - timedelta(minutes=offset_min)).timestamp())
    length_s = 60 if version.name.timed else 86_400
    if mtime_s is not None and start_s <= mtime_s < start_s + length_s:
        return mtime_s
    return max(EARLIEST_S, start_s + (0 if version.name.timed else 43_200))


def _kind(name: VersionName) -> Hashable:
    """Return what names must share for their numbers to be comparable."""
    if name.moment is not None:
        return "dated"
    return name.marks[0].stage if name.marks else "plain"


def _key(version: Version) -> tuple[float, tuple[Mark, ...], int, str]:
    """Order by names alone; a date in the name is more than a word."""
    dated = version.time_s if version.name.moment is not None and version.time_s is not None else -math.inf
    return dated, version.name.key, version.file.mtime_s, version.file.path


def _make_chains(versions: Sequence[Version]) -> list[list[Version]]:
    """Return runs of versions whose order the names leave no doubt about."""
    kinds: dict[Hashable, list[Version]] = {}
    alone = []
    for version in sorted(versions, key=_key):
        kind = _kind(version.name)
        if kind == "plain":
            alone.append([version])
        else:
            kinds.setdefault(kind, []).append(version)
    return [*kinds.values(), *alone]


def _pass_over_misfits(chain: Sequence[Version], grain_s: int = 1) -> None:
    """Forget the dates that contradict the order, as few as possible; within ``grain_s`` they contradict nothing."""
    dated = [version for version in chain if version.time_s is not None]
    kept = longest_rise([(version.time_s or 0) // grain_s for version in dated])
    for index, version in enumerate(dated):
        if index not in kept:
            version.time_s = None


def longest_rise(values: Sequence[int]) -> set[int]:
    """Return the places of a longest subsequence that never falls (patience sorting; the last of several)."""
    tops: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values):
        at = bisect_right(tops, value)
        before.append(places[at - 1] if at else -1)
        if at == len(tops):
            tops.append(value)
            places.append(index)
        else:
            tops[at], places[at] = value, index
    found = set()
    index = places[-1] if places else -1
    while index >= 0:
        found.add(index)
        index = before[index]
    return found


def _are_dates_usable(versions: Sequence[Version]) -> bool:
    times = sorted(version.time_s for version in versions if version.time_s is not None)
    if len(times) * 2 <= len(versions):
        return False
    gaps = [after - before for before, after in pairwise(times)]
    return not gaps or median(gaps) >= COPIED_GAP_S


def _merge(chains: Sequence[Sequence[Version]]) -> list[Version]:
    """Join runs by date; what has none stays beside its neighbour, and a word without any date comes last."""
    rows = []
    for number, chain in enumerate(chains):
        known = [version.time_s for version in chain if version.time_s is not None]
        stage = chain[0].name.key[0].stage
        time_s: float = known[0] if known else math.inf if stage > PLAIN else -math.inf
        for place, version in enumerate(chain):
            time_s = time_s if version.time_s is None else version.time_s
            rows.append((time_s, version.name.key, number, place, version))
    # The rows of a run rise in time; its own order decides where that is equal.
    heads = sorted(rows, key=lambda row: row[:4])
    order: dict[int, list[Version]] = {number: list(chain) for number, chain in enumerate(chains)}
    return [order[row[2]].pop(0) for row in heads]


def order_all(
    rows: Sequence[Sequence[T]],
    priority: Callable[[T, float], tuple[float, object]],
    times: Mapping[T, int | None],
) -> list[T]:
    """Join the orders of several things into one that keeps each of them; where they contradict, dates decide.

    Parameters
    ----------
    rows : sequences
        Each in its order; a member may be in several.
    priority : callable
        Makes what free members are sorted by, of the member and its time.
    times : mapping
        When each was made; what has no time follows what comes before it.
    """
    after: dict[T, set[T]] = {member: set() for row in rows for member in row}
    waiting: dict[T, int] = dict.fromkeys(after, 0)
    for row in rows:
        for first, second in pairwise(row):
            if second not in after[first]:
                after[first].add(second)
                waiting[second] += 1
    reached: dict[T, float] = {}

    def rank(member: T) -> tuple[float, object]:
        time_s = times[member]
        return priority(member, reached.get(member, -math.inf) if time_s is None else time_s)

    numbers = {member: number for number, member in enumerate(after)}
    ready = [(rank(member), numbers[member], member) for member, count in waiting.items() if not count]
    heapq.heapify(ready)
    result: list[T] = []
    done: set[T] = set()
    while len(result) < len(after):
        if not ready:
            # Two orders contradict each other: the earliest of what is left begins.
            member = min((one for one in after if one not in done), key=lambda one: (rank(one), numbers[one]))
        else:
            member = heapq.heappop(ready)[2]
        if member in done:
            continue
        done.add(member)
        result.append(member)
        time_s = rank(member)[0]
        for follower in after[member]:
            waiting[follower] -= 1
            reached[follower] = max(reached.get(follower, -math.inf), time_s)
            if waiting[follower] == 0 and follower not in done:
                heapq.heappush(ready, (rank(follower), numbers[follower], follower))
    return result


def settle_times(times: Sequence[int | None], fallback_s: int) -> list[int]:
    """Return times that never fall: those that fit are kept, the others take the one before, or the next."""
    known = [(index, time_s) for index, time_s in enumerate(times) if time_s is not None]
    kept = longest_rise([time_s for _, time_s in known])
    fitting = {known[place][0]: known[place][1] for place in kept}
    current = fitting[min(fitting)] if fitting else fallback_s
    result = []
    for index in range(len(times)):
        current = fitting.get(index, current)
        result.append(current)
    return result
