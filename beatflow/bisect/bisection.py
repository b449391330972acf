"""Halving a history to find the first bad commit, as git bisect does: which commit tells most, whatever the outcome.

Arithmetic on a graph of ids; knows no repository and tests nothing.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from beatflow.errors import ConflictError

History = Mapping[str, tuple[str, ...]]
"""Commit to its parents; what it does not know has none."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Parameters
    ----------
    candidate : str or None
        The commit to test; None when no further test would tell anything.
    suspects : tuple of str
        What may be the first bad commit, children before parents. Exactly one, without a candidate: it is found.
    is_base : bool
        The candidate is where a good and the bad side part: it has to be good for the search to make sense.
    """

    candidate: str | None
    suspects: tuple[str, ...]
    is_base: bool = False

    @property
    def tests_left(self) -> int:
        """How many tests are needed about, this one included."""
        return max(len(self.suspects) - 1, 0).bit_length() + self.is_base


def find_step(
    history: History,
    bad: str,
    good: Iterable[str],
    skipped: Set[str] = frozenset(),
    counted: Set[str] | None = None,
) -> Step:
    """Choose the next commit to test.

    A commit that is bad makes its descendants bad and leaves its ancestors in doubt, a good one the other way round. So
    of all suspects that one is best which has as near as can be half of them behind it.

    Parameters
    ----------
    history : mapping
        Everything behind the bad and the good commits.
    bad : str
        Shows the fault; only what is behind it is suspected.
    good, skipped : iterable of str, set of str
        Commits without the fault; commits that cannot be tested.
    counted : set of str, optional
        The only commits that may have brought the fault in; all when not given.

    Raises
    ------
    ConflictError
        A good commit has the bad one behind it.
    """
    good = list(good)
    doubtful = reach(history, [bad])
    sound = reach(history, good)
    base = _find_base(history, bad, good, doubtful, skipped)
    if base is not None:
        left = [
            oid for oid in sort_topologically(history, doubtful - sound) if counted is None or oid in counted
        ]
        return Step(base, tuple(reversed(left)), is_base=True)
    order = sort_topologically(history, doubtful - sound)
    weights = _weigh(history, order, counted)
    suspects = tuple(reversed(weights))
    total = len(suspects)

    def balance(oid: str) -> int:
        return min(weights[oid], total - weights[oid])

    # Of equals the newest: the fault is likelier to be recent, and what is recent is likelier to be testable.
    best = max((oid for oid in suspects if oid not in skipped), key=balance, default=None)
    return Step(best if best is not None and balance(best) > 0 else None, suspects)


def reach(history: History, starts: Iterable[str]) -> set[str]:
    """Return commits with all that is behind them."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        oid = waiting.pop()
        if oid not in seen:
            seen.add(oid)
            waiting.extend(history.get(oid, ()))
    return seen


def sort_topologically(history: History, chosen: Set[str]) -> list[str]:
    """Put commits in an order in which parents come before their children."""
    children: dict[str, list[str]] = {}
    missing = {}
    for oid in chosen:
        parents = {parent for parent in history.get(oid, ()) if parent in chosen}
        missing[oid] = len(parents)
        for parent in parents:
            children.setdefault(parent, []).append(oid)
    ready = sorted((oid for oid, count in missing.items() if not count), reverse=True)
    order = []
    while ready:
        oid = ready.pop()
        order.append(oid)
        for child in sorted(children.get(oid, ()), reverse=True):
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return order


def _find_base(
    history: History, bad: str, good: list[str], doubtful: Set[str], skipped: Set[str]
) -> str | None:
    """Return a commit at which a good side parts from the bad one and that nobody has called good yet."""
    for one in good:
        if one in doubtful:
            if one == bad:
                raise ConflictError(f"{bad[:7]} cannot be both good and bad", hint="bf bisect reset")
            continue
        shared = reach(history, [one]) & doubtful
        best = shared - {parent for oid in shared for parent in history.get(oid, ())}
        if bad in best:
            raise ConflictError(
                f"{one[:7]} is good, and the bad {bad[:7]} is behind it: the fault was mended in between",
                hint="name a good commit that is older than the bad one",
            )
        untested = sorted(best - set(good) - skipped)
        if untested:
            return untested[0]
    return None


def _weigh(history: History, order: Iterable[str], counted: Set[str] | None) -> dict[str, int]:
    """Return for each suspect how many suspects are behind it, itself included, parents before children.

    A bit for each suspect, and for each commit the set of those behind it: for 10,000 commits in a row 12 MB.
    """
    behind: dict[str, int] = {}
    weights: dict[str, int] = {}
    for oid in order:
        bits = 0
        for parent in history.get(oid, ()):
            bits |= behind.get(parent, 0)
        if counted is None or oid in counted:
            bits |= 1 << len(weights)
            weights[oid] = bits.bit_count()
        behind[oid] = bits
    return weights
