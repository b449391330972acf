"""The same gain on both sides, and something new on one of them, which has the gain already.

Knows no repository.
"""

from itertools import pairwise

from beatflow.sound.splice.changes import Changes, find_changes, is_same
from beatflow.sound.splice.gain import fit_gain
from beatflow.sound.splice.overall import leaves_enough
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Plan, Stretch, Versions


def plan_shared(versions: Versions, ours: Changes, theirs: Changes) -> Plan | None:
    """Return how two versions that are the base with one gain go together; None if they are not.

    Where they agree there is nothing to decide. Where they do not, that side did something which is not, but for
    rounding, the base with the gain.
    """
    base, one, two = (versions[side] for side in (BASE, OURS, THEIRS))
    if ours.resized or theirs.resized:
        return None
    apart = find_changes(one, two).ranges
    if not apart or not leaves_enough(apart, (0, base.frames)):
        return None
    edges = [0, *(edge for found in apart for edge in found), base.frames]
    agreed = max(zip(edges[::2], edges[1::2], strict=True), key=lambda found: found[1] - found[0])
    gain = fit_gain(base, one, *agreed)
    if gain is None or is_same(base, one, *agreed):
        return None
    taken = []
    for start, end in apart:
        if gain.is_all(base, two, start, end):
            continue
        if not gain.is_all(base, one, start, end):
            return None
        taken.append((start, end))
    cuts = [0, *(edge for found in taken for edge in found), base.frames]
    stretches = [
        Stretch(start, end, THEIRS if number % 2 else OURS)
        for number, (start, end) in enumerate(pairwise(cuts))
        if start < end
    ]
    return Plan(tuple(stretches), OURS)
