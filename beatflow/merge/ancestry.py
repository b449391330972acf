"""What two lines of history have in common. Reads commits; knows nothing of what is in them."""

from collections.abc import Iterable

from beatflow.objects.git.store import GitStore


def find_merge_bases(git: GitStore, ones: Iterable[str], twos: Iterable[str]) -> list[str]:
    """Return the best common ancestors of two sets of commits, oldest first: several where histories cross.

    Of what all ancestors of both sides have in common, each that is not the best is a parent of another one.
    """
    parents: dict[str, tuple[str, ...]] = {}
    times: dict[str, int] = {}

    def collect(starts: Iterable[str]) -> set[str]:
        seen: set[str] = set()
        waiting = list(starts)
        while waiting:
            oid = waiting.pop()
            if oid not in seen:
                seen.add(oid)
                if oid not in parents:
                    commit = git.read_commit(oid)
                    parents[oid], times[oid] = commit.parents, commit.time_s
                waiting.extend(parents[oid])
        return seen

    shared = collect(ones) & collect(twos)
    best = shared - {parent for oid in shared for parent in parents[oid]}
    return sorted(best, key=lambda oid: (times[oid], oid))
