"""What lies beyond the beginning of two long sounds that was fitted: whether it goes on the same way, block by block.

The rest is read once, side by side, in bounded memory: it must be the old sound at the last offset, through the same
channels and gains. Stretches that are not are named as replaced; where one does not end, comparison does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.fitting import Fit
from beatflow.sound.explain.matching import Stretch, find_stretches
from beatflow.sound.explain.naming import find_backbone, is_silent, list_pieces, make_region, name_gap
from beatflow.sound.explain.pair import Pair
from beatflow.sound.explain.remains import BLOCK, FLOOR_DB, Blocks, ratio_db
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.sound.files import BLOCK_FRAMES, AudioReader, check_finite
from beatflow.sound.formats import Source

_LOST_S = 30.0
_JOINED = 8
_SLACK_S = 0.05
_STEADY = {"identical", "channels", "moved", "polarity", "channel_swap", "gain", "balance", "width", "region"}
_STEADY |= {"bit_depth"}


def cut_off(pair: Pair, found: Fit) -> Pair:
    """Cut both beginnings where the first of them stops: what was not read is not missing."""
    last = find_backbone(found.stretches)[-1]
    source_end = last.source + last.frames
    common = min(len(pair.new) - last.end, len(pair.old) - source_end)
    end = max(last.end + common, *(stretch.end for stretch in found.stretches))
    return replace(
        pair,
        old=pair.old[: source_end + common],
        new=pair.new[:end],
        compared_s=round(end / pair.sample_rate, 3),
    )


def go_on(before: Source, after: Source, pair: Pair, found: Fit | None, told: Explanation) -> Explanation:
    """Return an explanation of the beginning with what the rest adds to it.

    Raises
    ------
    AudioError
        The rest of one of them cannot be decoded, or holds samples that are not numbers.
    """
    end = told.pieces[-1].start + told.pieces[-1].frames if told.pieces else 0
    if found is None or not _is_steady(pair, found, told):
        return replace(told, pieces=_add_rest(told.pieces, end, pair.after.frames))
    rest = _compare_rest(before, after, pair, found)
    last = found.stretches[-1]
    offset = last.start - last.source
    stretches = [*found.stretches[:-1], *_find_kept(last, rest)]
    changes = list(told.changes)
    if changes[0].kind == "identical" and (rest.bad or rest.lost):
        changes = []
    changes += [
        make_region("muted" if run.silent else "replaced", run.start, run.end - run.start, pair.sample_rate)
        for run in rest.bad
    ]
    total, exact = rest.left + float(found.blocks.left[found.covered].sum()), found.exact and not rest.left
    there = rest.there + float(found.blocks.there[found.covered].sum())
    told = replace(told, null_depth_db=FLOOR_DB if exact else round(ratio_db(total, there), 1))
    if rest.lost:
        lost_s = round(rest.end / pair.sample_rate, 3)
        changes.append(Change("residual", {"null_depth_db": round(rest.lost.left_db, 1), "worst_s": lost_s}))
        pieces = _add_rest(list_pieces(stretches, rest.end), rest.end, pair.after.frames)
        return replace(told, changes=tuple(changes), pieces=pieces, compared_s=lost_s)
    ending = _name_end(after, pair, found, rest.end, rest.end - offset)
    if ending and changes and changes[0].kind == "identical":
        changes = []
    changes += ending
    pieces = list_pieces(stretches, pair.after.frames)
    return replace(told, changes=tuple(changes), pieces=pieces, compared_s=None)


def iter_rest(
    before: Source, after: Source, pair: Pair, found: Fit | None, explanation: Explanation
) -> Iterator[Samples]:
    """Yield what is left of the new sound beyond its beginning: all of it where nothing explains it."""
    for piece in explanation.pieces:
        start = max(piece.start, len(pair.new))
        with AudioReader(before) as old, AudioReader(after) as new:
            new.seek(start)
            old.seek(start - piece.start + (piece.source or 0))
            for at in range(start, piece.start + piece.frames, BLOCK_FRAMES):
                block = new.read(min(BLOCK_FRAMES, piece.start + piece.frames - at)).samples
                if piece.source is not None and found is not None:
                    block = block - found.chain.apply(old.read(len(block)).samples)
                yield block


def _is_steady(pair: Pair, found: Fit, told: Explanation) -> bool:
    """Whether the beginning says what the rest must be: to the last frame one offset and one gain."""
    last = found.stretches[-1]
    reaches = last.end == len(pair.new) or last.source + last.frames == len(pair.old)
    return (
        reaches
        and pair.before.sample_rate == pair.after.sample_rate
        and found.chain.taps is None
        and not found.fraction
        and found.level is None
        and all(change.kind in _STEADY for change in told.changes)
    )


class _Run(NamedTuple):
    """Frames ``start`` to ``end`` that are not the old sound; ``left_db`` is what is left relative to what is there."""

    start: int
    end: int
    silent: bool
    left_db: float


@dataclass
class _Rest:
    """What the rest was like: where it ends or is lost, what is not the old sound, and the energies of what is."""

    end: int
    bad: list[_Run] = field(default_factory=list)
    left: float = 0.0
    there: float = 0.0
    lost: _Run | None = None


def _compare_rest(before: Source, after: Source, pair: Pair, found: Fit) -> _Rest:
    last = found.stretches[-1]
    rest = _Rest(last.end)
    noise = float(np.percentile(found.blocks.left[found.covered], 95)) if found.covered.any() else 0.0
    noise /= pair.scale**2
    # Rounding strays by 1.7 times what it is on average.
    grain = 0.0 if found.exact else 3 * float(np.sqrt(noise / (BLOCK * found.laid.shape[1])))
    with AudioReader(before) as old, AudioReader(after) as new:
        old.seek(last.source + last.frames)
        new.seek(last.end)
        while True:
            was, now = old.read(BLOCK_FRAMES), new.read(BLOCK_FRAMES)
            frames = min(was.frames, now.frames)
            if not frames:
                break
            check_finite(was, old.name)
            check_finite(now, new.name, rest.end)
            there = now.samples[:frames]
            made = _clip(found.chain.apply(was.samples[:frames]), there)
            blocks = Blocks.measure(made, there)
            wrong = _find_wrong(blocks, noise, found.exact)
            rest.left += float(blocks.left[~wrong].sum()) * pair.scale**2
            rest.there += float(blocks.there[~wrong].sum()) * pair.scale**2
            for first, stop in find_stretches(wrong):
                low, high = _sharpen(made, there, first * BLOCK, min(stop * BLOCK, frames), grain)
                silent = is_silent(there[low:high]) and not is_silent(made[low:high])
                left_db = ratio_db(
                    float(blocks.left[first:stop].sum()), float(blocks.there[first:stop].sum())
                )
                _note(rest.bad, _Run(rest.end + low, rest.end + high, silent, left_db))
            rest.end += frames
            if rest.bad and _is_lost(rest, pair):
                break
    if rest.bad and _is_lost(rest, pair):
        rest.lost = rest.bad.pop()
        rest.end = rest.lost.start
    return rest


def _sharpen(made: Samples, there: Samples, low: int, high: int, grain: float) -> tuple[int, int]:
    """Narrow frames ``low`` to ``high`` to those between the first and the last that differ."""
    differ = np.flatnonzero((np.abs(made[low:high] - there[low:high]) > grain).any(axis=1))
    return (low + int(differ[0]), low + int(differ[-1]) + 1) if len(differ) else (low, high)


def _is_lost(rest: _Rest, pair: Pair) -> bool:
    """Whether the last run goes on and on."""
    run = rest.bad[-1]
    return rest.end - run.end < _JOINED * BLOCK and run.end - run.start > _LOST_S * pair.sample_rate


def _note(bad: list[_Run], run: _Run) -> None:
    """Add a run; one that is next to the last one goes on with it."""
    if bad and run.start - bad[-1].end < _JOINED * BLOCK:
        start, _, silent, left_db = bad.pop()
        run = _Run(start, run.end, silent and run.silent, max(left_db, run.left_db))
    bad.append(run)


def _find_wrong(blocks: Blocks, noise: float, exact: bool) -> NDArray[np.bool_]:
    """Say which blocks are not the old sound."""
    if exact:
        return np.asarray(blocks.left > 0)
    around = np.maximum(blocks.laid, blocks.there)
    return np.asarray(blocks.left > 20 * noise + 1e-4 * around)


def _clip(made: Samples, now: Samples) -> Samples:
    limit = float(np.abs(now).max())
    return np.clip(made, -limit, limit) if 0.98 < limit <= 1.0 else made


def _find_kept(last: Stretch, rest: _Rest) -> list[Stretch]:
    """Return the stretches from the last one of the beginning on."""
    kept, at = [], last.start
    for start, stop in [*((run.start, run.end) for run in rest.bad), (rest.end, rest.end)]:
        if start > at:
            kept.append(Stretch(at, start - at, last.source + at - last.start))
        at = stop
    return kept


def _add_rest(pieces: tuple[Piece, ...], end: int, frames: int) -> tuple[Piece, ...]:
    """What was not compared is of no known source."""
    return (*pieces, Piece(end, frames - end, None)) if frames > end else pieces


def _name_end(after: Source, pair: Pair, found: Fit, end: int, source_end: int) -> list[Change]:
    """Name what one sound has beyond the end of the other."""
    gap, missing = pair.after.frames - end, pair.before.frames - source_end
    offset = end - source_end
    if max(gap, missing) <= (0 if found.exact else _SLACK_S * pair.sample_rate):
        return []
    # Moved within its length, it lost as much at its end as it was moved.
    if not gap - missing + offset and pair.before.frames == pair.after.frames:
        if missing:
            return []
        with AudioReader(after) as new:
            new.seek(end)
            if is_silent(new.read(gap).samples):
                return []
    return name_gap(
        pair.old, pair.new, end, end + gap, source_end, source_end + missing, pair.sample_rate, found.exact
    )
