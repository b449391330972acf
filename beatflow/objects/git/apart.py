"""How many commits two lines of history have, each without the other."""

import heapq
import math

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
    oldest_s: float = math.inf

    def reach(oid: str, side: int) -> None:
        before = sides.get(oid, 0)
        if before | side == before:
            return
        sides[oid] = before | side
        if oid not in parents:
            commit = git.read_commit(oid)
            parents[oid], times[oid] = commit.parents, commit.time_s
        heapq.heappush(waiting, (-times[oid], oid))

    reach(one, _ONE)
    reach(two, _TWO)
    # What is as old as the oldest that only one side has may yet be found to lie before it, as within one second.
    while any(sides[oid] != _BOTH or -time >= oldest_s for time, oid in waiting):
        if len(sides) > most:
            return None, None
        time, oid = heapq.heappop(waiting)
        if sides[oid] != _BOTH:
            oldest_s = min(oldest_s, -time)
        for parent in parents[oid]:
            reach(parent, sides[oid])
    found = list(sides.values())
    return found.count(_ONE), found.count(_TWO)
