"""How many commits two lines of history have, each without the other."""

import heapq

from beatflow.objects.git.store import GitStore

MOST = 1000
"""Commits read before counting is given up, which takes about 50 ms."""
_ONE, _TWO, _BOTH = 1, 2, 3


def count_apart(git: GitStore, one: str, two: str, most: int = MOST) -> tuple[int, int] | tuple[None, None]:
    """Return how many commits are behind ``one`` only and behind ``two`` only, reading hardly any others.

    Where clocks went backwards it may be some too many; None for both where more than ``most`` had to be read.

    Raises
    ------
    DamagedError
        A commit is missing or damaged.
    """
    sides: dict[str, int] = {}
    parents: dict[str, tuple[str, ...]] = {}
    times: dict[str, int] = {}
    waiting: list[tuple[int, str]] = []
    # Met from the other side only after they were passed, as within one second: what is behind them is not told yet.
    late: set[str] = set()

    def reach(oid: str, side: int) -> None:
        before = sides.get(oid, 0)
        if before | side == before:
            return
        sides[oid] = before | side
        if oid not in parents:
            commit = git.read_commit(oid)
            parents[oid], times[oid] = commit.parents, commit.time_s
        else:
            late.add(oid)
        heapq.heappush(waiting, (-times[oid], oid))

    reach(one, _ONE)
    reach(two, _TWO)
    while any(sides[oid] != _BOTH or oid in late for _, oid in waiting):
        if len(sides) > most:
            return None, None
        oid = heapq.heappop(waiting)[1]
        late.discard(oid)
        for parent in parents[oid]:
            reach(parent, sides[oid])
    found = list(sides.values())
    return found.count(_ONE), found.count(_TWO)
