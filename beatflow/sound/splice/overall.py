"""What one side did to the whole of a sound (a gain, an equaliser), done to what the other side put into it, too.

Silence in between hides where such a change was made, so this is looked for before stretches are compared. Knows no
repository.
"""

from collections.abc import Sequence
from dataclasses import replace

from beatflow.sound.splice.changes import BLOCK_FRAMES, Changes, Range
from beatflow.sound.splice.equaliser import AHEAD, BEHIND, fit_equaliser, read_around
from beatflow.sound.splice.gain import fit_gain
from beatflow.sound.splice.pcm import Rows, decode_rows, encode_rows
from beatflow.sound.splice.plan import BASE, OURS, THEIRS, Overlap, Plan, Stretch, Versions, paint

_LEFT_ALONE = 0.25
_WHOLE = 0.5
_LOOKS, _LOOK_FRAMES = 8, 4096


def leaves_enough(parts: Sequence[Range], whole: Range) -> bool:
    """Say whether parts of a stretch leave a quarter of it as it was: no gain was meant for a whole new take."""
    start, end = whole
    covered = sum(max(0, min(last, end) - max(first, start)) for first, last in parts)
    return covered <= (1 - _LEFT_ALONE) * (end - start)


def plan_overall(versions: Versions, ours: Changes, theirs: Changes) -> Plan | Overlap | None:
    """Return how two versions go together if one of them is the base with a gain or a filter; None if neither is."""
    length = versions[BASE].frames
    for louder, wide, changes in ((OURS, ours, theirs), (THEIRS, theirs, ours)):
        possible = wide.ranges and changes.ranges and not wide.resized
        if possible and leaves_enough(changes.ranges, (0, length)):
            found = _plan_gain(versions, louder, wide, changes) or _plan_equalised(
                versions, louder, wide, changes
            )
            if found:
                return found
    return None


def _plan_gain(versions: Versions, louder: str, wide: Changes, changes: Changes) -> Plan | Overlap | None:
    if not _may_be_gain(versions, louder, wide):
        return None
    gain = fit_gain(versions[BASE], versions[louder], 0, versions[BASE].frames)
    if gain is None:
        return None
    source = _other(louder)
    if not all(gain.fits_range(versions[source], *found) for found in changes.ranges):
        return Overlap(f"what {source} put in would clip with the gain of {louder}", changes.ranges)
    sides = (wide, changes) if louder == OURS else (changes, wide)
    gains = dict.fromkeys(changes.ranges, (source, gain))
    stretches = paint(*sides, gains, versions[source].frames)
    # What the gain left as it was, silence, may be had from either.
    return Plan(tuple(stretches), source if changes.resized else OURS)


def _may_be_gain(versions: Versions, louder: str, wide: Changes) -> bool:
    """Look into the middle of some of the changes, which tells most others from gains without reading everything."""
    for start, end in wide.ranges[:: max(1, len(wide.ranges) // _LOOKS)]:
        middle = (start + end) // 2
        place = max(start, middle - _LOOK_FRAMES), min(end, middle + _LOOK_FRAMES)
        if fit_gain(versions[BASE], versions[louder], *place) is None:
            return False
    return True


def _plan_equalised(versions: Versions, louder: str, wide: Changes, changes: Changes) -> Plan | None:
    base, source = versions[BASE], _other(louder)
    changed = sum(end - start for start, end in wide.ranges)
    if changes.resized or changed < _WHOLE * base.frames:
        return None
    equaliser = fit_equaliser(base, versions[louder])
    if equaliser is None or not all(equaliser.hears(versions[source], base, *at) for at in changes.ranges):
        return None
    result: list[Stretch] = []
    for first, last in changes.ranges:
        # What is new rings on, and a filter of linear phase begins before it.
        start, end = max(0, first - AHEAD), min(base.frames, last + BEHIND)
        before = result[-1].end if result else 0
        if result and start <= before:
            result[-1] = replace(result[-1], end=end)
            continue
        if start > before:
            result.append(Stretch(before, start, louder))
        result.append(Stretch(start, end, source, equaliser=equaliser))
    if result[-1].end < base.frames:
        result.append(Stretch(result[-1].end, base.frames, louder))
    clipped = any(_is_clipped(item, versions) for item in result if item.equaliser)
    return None if clipped else Plan(tuple(result), OURS)


def _other(side: str) -> str:
    return THEIRS if side == OURS else OURS


def _is_clipped(stretch: Stretch, versions: Versions) -> bool:
    return any(
        equalise(stretch, versions, start)[1] for start in range(stretch.start, stretch.end, BLOCK_FRAMES)
    )


def equalise(stretch: Stretch, versions: Versions, start: int) -> tuple[Rows, int]:
    """Return a block of the equalised version with what is new added, and how many samples are clipped by that."""
    assert stretch.equaliser is not None
    frames = min(BLOCK_FRAMES, stretch.end - start)
    other = versions[_other(stretch.source)]
    new = read_around(versions[stretch.source], start, frames) - read_around(versions[BASE], start, frames)
    values = decode_rows(other.read(start, frames), other.layout) + stretch.equaliser.apply(new)
    return encode_rows(values, other.layout)
