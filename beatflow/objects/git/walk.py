"""Walks history so that no commit comes before a child of it, reading no further than its caller does.

A walk by time alone is such a walk wherever no commit is older than a parent of it, which holds for all that BeatFlow
writes. Other programs may have written some of it, and their clocks may have gone backwards. So what the tips lead to
is looked at once, and tips behind which all is in order are remembered; later only what is new is looked at. Behind
other tips all of history is read before the first commit is shown. Knows nothing of refs.
"""

import heapq
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.durable import write_cache
from beatflow.objects.git.value import Commit

REMEMBERED = 256
"""How many tips are remembered, the latest ones."""

Links = tuple[Sequence[str], int]
"""A commit's parents and its time."""


class Walk:
    """Walks the history of one git directory.

    Parameters
    ----------
    path : Path
        The git directory.
    read : callable
        Gives the commit of an id, or raises DamagedError.
    memory : Path
        File for the tips behind which all is in order; a cache.
    """

    def __init__(self, path: Path, read: Callable[[str], Commit], memory: Path) -> None:
        self._objects = str(path / "objects")
        self._read = read
        self._memory = memory

    def iter_commits(self, starts: Iterable[str], hidden: Iterable[str] = ()) -> Iterator[Commit]:
        """Yield what ``starts`` lead to and ``hidden`` do not, the newest first as far as no child comes too late.

        Raises
        ------
        DamagedError
            A commit that is needed is missing or damaged; those before it have been yielded.
        """
        starts, hidden = list(dict.fromkeys(starts)), list(dict.fromkeys(hidden))
        if self._is_in_order([*starts, *hidden]):
            yield from self._by_time(starts, hidden)
        else:
            yield from self._by_children(starts, hidden)

    # In order --------------------------------------------------------------------------------------------

    def _by_time(self, starts: Sequence[str], hidden: Sequence[str]) -> Iterator[Commit]:
        """Walk a history in which no commit is older than a parent of it."""
        gone = set(hidden)
        seen: set[str] = set()
        waiting: list[tuple[int, int, Commit]] = []
        damage: DamagedError | None = None

        def push(oid: str) -> None:
            if oid not in seen:
                seen.add(oid)
                commit = self._read(oid)
                heapq.heappush(waiting, (-commit.time_s, len(seen), commit))

        for oid in (*starts, *hidden):
            push(oid)
        while waiting and not (gone and all(commit.oid in gone for _, _, commit in waiting)):
            now = waiting[0][0]
            moment = []
            # Of one second all, since among these the clock does not tell children from parents.
            while waiting and waiting[0][0] == now:
                commit = heapq.heappop(waiting)[2]
                moment.append(commit)
                try:
                    for parent in commit.parents:
                        push(parent)
                except DamagedError as error:
                    damage = error
            for commit in _sort(moment):
                if commit.oid in gone:
                    gone.update(commit.parents)
                else:
                    yield commit
            if damage:
                raise damage

    def _is_in_order(self, tips: Sequence[str]) -> bool:
        """Say whether no commit behind tips is older than a parent of it, as far as it can be read."""
        remembered = self._recall()
        new = [oid for oid in tips if oid not in remembered]
        if not new:
            return True
        try:
            in_order = self._look(new, remembered)
        except DamagedError:
            # What is before the damage can be shown.
            return True
        if in_order:
            self._remember([*(oid for oid in remembered if oid not in new), *new])
        return in_order

    def _look(self, new: Sequence[str], remembered: Iterable[str]) -> bool:
        """Compare the times of all commits behind ``new`` tips that are not behind ``remembered`` ones."""
        found: dict[str, Links] = {}
        known: set[str] = set()
        waiting: list[tuple[int, bool, str]] = []
        left = 0  # how many in the heap were not known when they came there

        def look_up(oid: str) -> Links:
            if oid not in found:
                found[oid] = self._read_links(oid)
            return found[oid]

        for oid in remembered:
            # A tip whose commit is gone since is no reason to fail.
            with suppress(DamagedError):
                heapq.heappush(waiting, (-look_up(oid)[1], False, oid))
                known.add(oid)
        for oid in new:
            heapq.heappush(waiting, (-look_up(oid)[1], True, oid))
            left += 1
        seen: set[tuple[str, bool]] = set()
        while left:
            _, fresh, oid = heapq.heappop(waiting)
            left -= fresh
            fresh = fresh and oid not in known
            if (oid, fresh) in seen:
                continue
            seen.add((oid, fresh))
            parents, time_s = look_up(oid)
            for parent in parents:
                parent_s = look_up(parent)[1]
                if fresh and parent_s > time_s:
                    return False
                if not fresh:
                    known.add(parent)
                heapq.heappush(waiting, (-parent_s, fresh, parent))
                left += fresh
        return True

    def _recall(self) -> dict[str, None]:
        try:
            oids = json.loads(self._memory.read_bytes())["in_order"]
            return dict.fromkeys(oid for oid in oids if isinstance(oid, str))
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _remember(self, tips: Sequence[str]) -> None:
        with suppress(OSError):
            write_cache(self._memory, json.dumps({"in_order": tips[-REMEMBERED:]}).encode())

    def _read_links(self, oid: str) -> Links:
        """Read parents and time, and of a file of its own no more than these: five times as quick as all of it."""
        try:
            with open(f"{self._objects}/{oid[:2]}/{oid[2:]}", "rb", buffering=0) as file:  # noqa: PTH123  Half the time.
                stream = zlib.decompressobj()
                data = stream.decompress(file.read())
            if stream.eof and data.startswith(b"commit "):
                return _parse_links(data[data.index(b"\0") + 1 :])
        except (OSError, ValueError, IndexError, zlib.error):
            pass
        commit = self._read(oid)
        return commit.parents, commit.time_s

    # Out of order ----------------------------------------------------------------------------------------

    def _by_children(self, starts: Sequence[str], hidden: Sequence[str]) -> Iterator[Commit]:
        """Walk any history; reads all of it first."""
        gone = set(self._collect(hidden, set()))
        yield from _sort(list(self._collect(starts, gone).values()))

    def _collect(self, starts: Iterable[str], gone: set[str]) -> dict[str, Commit]:
        found: dict[str, Commit] = {}
        waiting = list(starts)
        while waiting:
            oid = waiting.pop()
            if oid not in found and oid not in gone:
                found[oid] = self._read(oid)
                waiting.extend(found[oid].parents)
        return found


def _sort(commits: Sequence[Commit]) -> Iterator[Commit]:
    """Yield commits, children first and else the newest first; those of one second in the order given."""
    if len(commits) == 1:
        yield commits[0]
        return
    place = {commit.oid: number for number, commit in enumerate(commits)}
    children = dict.fromkeys(place, 0)
    for commit in commits:
        for parent in commit.parents:
            if parent in children:
                children[parent] += 1
    ready = [(-commit.time_s, place[commit.oid]) for commit in commits if not children[commit.oid]]
    heapq.heapify(ready)
    while ready:
        commit = commits[heapq.heappop(ready)[1]]
        yield commit
        for parent in commit.parents:
            if parent in children:
                children[parent] -= 1
                if not children[parent]:
                    number = place[parent]
                    heapq.heappush(ready, (-commits[number].time_s, number))


def _parse_links(raw: bytes) -> Links:
    """Read the header of a commit object: tree, parents, author, committer."""
    parents = []
    for line in raw[: raw.index(b"\n\n")].split(b"\n"):
        if line.startswith(b"parent "):
            parents.append(line[7:47].decode("ascii"))
        elif line.startswith(b"committer "):
            return parents, int(line.rsplit(b" ", 2)[1])
    raise ValueError("no committer")
