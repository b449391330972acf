"""Fits an old sound to a new one: where it lies, through which channels, gains and filter, at which level over time.

Says how well that explains the new sound, but gives nothing a name: `naming` does.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.explain.bands import Curve, find_reference, read_curve
from beatflow.sound.explain.joining import find_good, join, overlap
from beatflow.sound.explain.level import Level, follow_level
from beatflow.sound.explain.matching import Match, Stretch, find_match, find_stretches
from beatflow.sound.explain.offset import REACH_S, find_offsets
from beatflow.sound.explain.remains import BLOCK, FLOOR_DB, Blocks, lay, ratio_db
from beatflow.sound.explain.response import Chain, Turn, find_turn, make_taps
from beatflow.sound.explain.transfer import Transfer, fit_transfer, measure_spectra

Array = NDArray[np.float64]

_SHARED = 0.03  # of a sound must be the same bit for bit before the rest is seen in its light
_CRUMB_S = 0.35
_ALIKE = 0.35
_GOOD_SHARE = 0.08
_FLAT_DB = 0.15
_WEAK = 60.0
_GOOD_GAP = 0.9
_GOOD_BLOCKS = 100
_NEXT_TO_NOTHING = 1e-3
_FULL_SCALE = 0.98
_CLIPPED_DB = -28.0
# A filter that does not leave clearly less than a gain does is none; one that leaves next to nothing is one.
_CLEARLY = 0.5
_PART = 1 << 18
_SPARSE = 0.01
_NULLED_DB = -60.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How an old sound explains a new one.

    Parameters
    ----------
    stretches : tuple of Stretch
        What of the new sound it explains.
    chain : Chain
        Channels, gains and filter.
    laid : ndarray of float32, shape (frames, channels)
        What it explains the new sound as; silence beyond the stretches.
    blocks : Blocks
        Of that and the new sound.
    exact : bool
        Whether all stretches are the same bit for bit, but for those with a level.
    fraction : float
        Parts of a frame by which the new sound is later than the stretches say.
    level : Level or None
        A gain over time.
    transfer, curve : Transfer, Curve, or None
        What was measured, where that was needed.
    """

    stretches: tuple[Stretch, ...]
    chain: Chain
    laid: Samples
    blocks: Blocks
    exact: bool
    fraction: float = 0.0
    level: Level | None = None
    transfer: Transfer | None = None
    curve: Curve | None = None
    reference_db: float = 0.0
    covered: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def depth_db(self) -> float:
        """Energy of what is left relative to the new sound, within the stretches."""
        if self.exact and self.level is None:
            return FLOOR_DB
        return ratio_db(
            float(self.blocks.left[self.covered].sum()), float(self.blocks.there[self.covered].sum())
        )

    @property
    def worst_block(self) -> int | None:
        """The block with the loudest remainder within the stretches; None where nothing is left."""
        left = np.where(self.covered, self.blocks.left, 0)
        return int(np.argmax(left)) if left.any() else None


def fit(old: Samples, new: Samples, sample_rate: int) -> Fit | None:
    """Fit two sounds; None where the old one explains nothing of the new one."""
    if not len(old) or not len(new):
        return None
    if np.array_equal(old, new) or not (old.any() or new.any()):
        return _keep(old, new)
    if old.shape[1] == new.shape[1] or 1 in (old.shape[1], new.shape[1]):
        match = find_match(old, new)
        if match is not None and _is_telling(match, new, sample_rate):
            return _fit_exactly(old, new, match)
    return _fit_loosely(old, new, sample_rate)


def _keep(old: Samples, new: Samples) -> Fit:
    """The same, or silence as before, of whatever length."""
    stretches = [overlap(0, len(old), len(new))]
    chain = Chain(np.eye(new.shape[1], old.shape[1]), np.ones(new.shape[1]), None)
    laid = new if len(old) >= len(new) else lay(np.zeros_like(new), stretches, len(new))
    return _finish(Fit(tuple(stretches), chain, laid, Blocks.measure(laid, new), True))


def _is_telling(match: Match, new: Samples, sample_rate: int) -> bool:
    """Whether enough of what is heard is the same, and not in crumbs, as a stretch of time leaves them."""
    limit = 1e-3 * max(float(new.max(initial=0.0)), -float(new.min(initial=0.0)))
    loud = np.zeros(len(new), bool)
    for channel in new.T:
        loud |= (channel > limit) | (channel < -limit)
    shared = [int(np.count_nonzero(loud[each.start : each.end])) for each in match.stretches]
    if not loud.any():
        return True
    crumbled = len(shared) > 8 and float(np.mean(shared)) < _CRUMB_S * sample_rate
    return not crumbled and sum(shared) > _SHARED * int(np.count_nonzero(loud))


def _fit_exactly(old: Samples, new: Samples, match: Match) -> Fit:
    """What is between stretches that are the same may be them at another level."""
    matrix = np.zeros((new.shape[1], old.shape[1]))
    matrix[np.arange(new.shape[1]), match.sources] = 1
    chain = Chain(matrix, np.array(match.signs, np.float64), None)
    made = match.arrange(old)
    stretches = list(match.stretches)
    gaps = _fill_gaps(stretches, len(old), len(new))
    level = None
    if gaps:
        wide = lay(made, sorted([*stretches, *gaps]), len(new))
        good = find_good(made, new, sorted([*stretches, *gaps]))
        blocks = Blocks.measure(wide, new)
        del wide
        usable = np.zeros(len(good), bool)
        gaps = [_narrow(gap, good) for gap in gaps]
        for gap in gaps:
            inside = slice(gap.start // BLOCK, -(-gap.end // BLOCK))
            if gap.frames > 8 * BLOCK and good[inside].mean() > _GOOD_GAP:
                usable[inside] = True
        level = follow_level(blocks, usable) if usable.any() else None
        if level is not None:
            stretches = sorted(
                [
                    *stretches,
                    *(gap for gap in gaps if _is_levelled(level, gap, usable, blocks)),
                ]
            )
    laid = lay(made, stretches, len(new))
    if level is not None:
        level.apply(laid)
        for start, length, source in match.stretches:
            laid[start : start + length] = made[source : source + length]
    return _finish(Fit(tuple(stretches), chain, laid, Blocks.measure(laid, new), True, level=level))


def _narrow(gap: Stretch, good: NDArray[np.bool_]) -> Stretch:
    """Return what of a gap may be the old sound at another level, where something else is beside it."""
    first, last = gap.start // BLOCK, -(-gap.end // BLOCK)
    if good[first:last].mean() > _GOOD_GAP:
        return gap
    runs = [
        (start, end)
        for start, end in find_stretches(good[first:last], _GOOD_BLOCKS)
        if start < 2 or end > last - first - 2
    ]
    if not runs:
        return gap
    start, end = max(runs, key=lambda run: run[1] - run[0])
    low = gap.start if start < 2 else (first + start) * BLOCK
    high = gap.end if end > last - first - 2 else (first + end) * BLOCK
    return Stretch(low, high - low, gap.source + low - gap.start)


def _is_levelled(level: Level, gap: Stretch, usable: NDArray[np.bool_], blocks: Blocks) -> bool:
    """Whether a gap is the old sound at another level; a splinter is where that is near, or next to nothing differs."""
    first, last = gap.start // BLOCK, -(-gap.end // BLOCK)
    if gap.frames <= 4 * BLOCK:
        near = level.active[max(0, first - 8) : last + 8].any()
        return bool(near or blocks.left[first:last].sum() < _NEXT_TO_NOTHING * blocks.there[first:last].sum())
    return bool(usable[first]) and bool(level.active[first:last].mean() > 0.5)


def _fill_gaps(stretches: list[Stretch], old: int, new: int) -> list[Stretch]:
    """Stretches of the gaps before, between and after others whose offsets agree."""
    gaps = []
    first, last = stretches[0], stretches[-1]
    lead = min(first.start, first.source)
    if lead:
        gaps.append(Stretch(first.start - lead, lead, first.source - lead))
    for left, right in pairwise(stretches):
        if right.start > left.end and left.start - left.source == right.start - right.source:
            gaps.append(Stretch(left.end, right.start - left.end, left.source + left.frames))
    tail = min(new - last.end, old - last.source - last.frames)
    if tail > 0:
        gaps.append(Stretch(last.end, tail, last.source + last.frames))
    return gaps


def _fit_loosely(old: Samples, new: Samples, sample_rate: int) -> Fit | None:
    offsets = _find_offsets(old, new, sample_rate)
    if not offsets:
        return None
    if _is_sparse(old) or _is_sparse(new):
        return None
    aligned = _align(old, new, offsets[0], sample_rate)
    if aligned is None:
        return None
    offset, transfer, turn = aligned
    alike = transfer.likeness > _ALIKE
    if alike.mean() < _GOOD_SHARE:
        return None
    curve = read_curve(transfer, sample_rate)
    reference = find_reference(curve)
    chain = _choose_chain(transfer, turn, curve, reference)
    chain = _declip(old, new, chain, offset) or chain
    made = _clip(chain.apply(old), new)
    rivals = [offset, *(other + offset - offsets[0] for other in offsets[1:])]
    stretches = join(made, new, rivals, sample_rate, round(REACH_S * sample_rate), chain.taps is None)
    if not stretches:
        return None
    laid = lay(made, stretches, len(new))
    del made
    blocks = Blocks.measure(laid, new)
    fraction = turn.frames if turn.is_shift else 0.0
    found = Fit(tuple(stretches), chain, laid, blocks, False, fraction, None, transfer, curve, reference)
    covered = _finish(found).covered
    trim = _trim_gains(laid, new, blocks, covered) if chain.taps is None else np.ones(1)
    if np.any(trim != 1):
        chain = replace(chain, gains=chain.gains * trim)
        laid *= trim.astype(np.float32)
        blocks = Blocks.measure(laid, new)
        found = replace(found, chain=chain, laid=laid, blocks=blocks)
    found = _finish(_follow(found, new, covered))
    if chain.taps is None or fraction or found.depth_db < _NULLED_DB:
        return found
    plain = _lay_plainly(found, old, new)
    return found if _count_left(found) < _CLEARLY * _count_left(plain) else plain


def _follow(found: Fit, new: Samples, covered: NDArray[np.bool_]) -> Fit:
    """Let what is laid follow the level, where that helps."""
    level = follow_level(found.blocks, covered)
    if level is None:
        return found
    level.apply(found.laid)
    return replace(found, blocks=Blocks.measure(found.laid, new), level=level)


def _is_sparse(samples: Samples) -> bool:
    """Whether there is sound in next to none of it: a few clicks are like many things."""
    whole = len(samples) // BLOCK * BLOCK
    power = np.einsum("bk,bk->b", *2 * (samples[:whole].reshape(-1, BLOCK * samples.shape[1]),))
    loud = int(np.count_nonzero(power > 1e-6 * float(power.max(initial=0.0))))
    return len(power) > 64 and loud < _SPARSE * len(power)


def _lay_plainly(found: Fit, old: Samples, new: Samples) -> Fit:
    """Fit gains alone in place of a filter, where everything else is found."""
    chain = replace(found.chain, taps=None)
    laid = np.zeros_like(new)
    for start, frames, source in found.stretches:
        for at in range(0, frames, _PART):
            end = min(at + _PART, frames)
            laid[start + at : start + end] = chain.apply(old[source + at : source + end])
    trims = np.ones(new.shape[1])
    for channel in range(new.shape[1]):
        was = float(np.dot(laid[:, channel], laid[:, channel]))
        trim = float(np.dot(laid[:, channel], new[:, channel])) / was if was > 0 else 1.0
        trims[channel] = trim if trim > 0 else 1.0
    laid *= trims.astype(np.float32)
    laid = _clip(laid, new)
    chain = replace(chain, gains=chain.gains * trims)
    plain = replace(found, chain=chain, laid=laid, blocks=Blocks.measure(laid, new), level=None)
    return _finish(_follow(plain, new, found.covered))


def _count_left(found: Fit) -> float:
    return float(found.blocks.left[found.covered].sum())


def _declip(old: Samples, new: Samples, chain: Chain, offset: int) -> Chain | None:
    """Return the gain that explains a new sound that clips, told by what of it does not; None where none does."""
    limit = max(float(new.max()), -float(new.min()))
    if not _FULL_SCALE < limit <= 1.0:
        return None
    start, frames, source = overlap(offset, len(old), len(new))
    plain = replace(chain, taps=None)
    spans = [(at, min(at + _PART, frames)) for at in range(0, frames, _PART)]
    sums = np.zeros(2)
    clips = False
    for at, end in spans:
        laid, there = plain.apply(old[source + at : source + end]), new[start + at : start + end]
        below = np.abs(there) < 0.97 * limit
        clips = clips or not below.all()
        told = laid[below]
        sums += np.dot(told, there[below]), np.dot(told, told)
    trim = float(sums[0]) / max(float(sums[1]), 1e-30)
    if trim <= 0 or not clips:
        return None
    whole = unclipped = clipped = 0.0
    for at, end in spans:
        laid, there = plain.apply(old[source + at : source + end]), new[start + at : start + end]
        laid *= np.float32(trim)
        whole += float(np.square(there).sum(dtype=np.float64))
        unclipped += float(np.square(laid - there).sum(dtype=np.float64))
        clipped += float(np.square(np.clip(laid, -limit, limit) - there).sum(dtype=np.float64))
    if clipped > _CLEARLY * unclipped or ratio_db(clipped, whole) > _CLIPPED_DB:
        return None
    return replace(plain, gains=plain.gains * trim)


def _trim_gains(laid: Samples, new: Samples, blocks: Blocks, covered: NDArray[np.bool_]) -> Array:
    """Return what each channel's gain is still off by, told by the blocks that agree on it."""
    told = covered & (blocks.laid > 1e-4 * float(blocks.laid.max(initial=0.0)))
    told &= np.arange(len(told)) < len(new) // BLOCK
    trims = np.ones(new.shape[1])
    if not told.any():
        return trims
    whole = len(new) // BLOCK * BLOCK
    for channel in range(new.shape[1]):
        one, two = (side[:whole].reshape(-1, BLOCK, side.shape[1])[:, :, channel] for side in (laid, new))
        was, cross = (np.einsum("bk,bk->b", one, other)[told[: len(one)]] for other in (one, two))
        gains = cross / np.maximum(was, 1e-12 * float(was.max()) + 1e-30)
        middle = float(np.median(gains))
        agree = np.abs(gains - middle) < 0.01 * max(abs(middle), 0.1)
        if agree.mean() > 0.3:
            trim = float(
                cross[agree].sum(dtype=np.float64) / max(float(was[agree].sum(dtype=np.float64)), 1e-30)
            )
            # What most agree on is the gain, however far off the first estimate was.
            near = 0.02 if agree.mean() < 0.5 else 0.9
            trims[channel] = trim if abs(trim - 1) < near else 1.0
    return trims


def _clip(made: Samples, new: Samples) -> Samples:
    """Cut off what is louder than the new sound ever is, if that is full scale: there it clipped."""
    limit = max(float(new.max()), -float(new.min()))
    if _FULL_SCALE < limit <= 1.0 and (made.max() > limit or made.min() < -limit):
        return np.clip(made, -limit, limit, out=made)
    return made


def _finish(found: Fit) -> Fit:
    """Note which blocks the stretches cover."""
    covered = np.zeros(len(found.blocks.left), bool)
    for stretch in found.stretches:
        covered[-(-stretch.start // BLOCK) : max(stretch.end // BLOCK, -(-stretch.start // BLOCK))] = True
    if not covered.any():
        for stretch in found.stretches:
            covered[stretch.start // BLOCK : -(-stretch.end // BLOCK)] = True
    return replace(found, covered=covered)


def _find_offsets(old: Samples, new: Samples, sample_rate: int) -> list[int]:
    """Offsets of the mono mixes; where they tell little (a channel may be inverted), of single channels."""
    found = find_offsets(old, new, sample_rate)
    if (not found or found[0].height < _WEAK) and max(old.shape[1], new.shape[1]) > 1:
        pairs = {(0, 0), (0, new.shape[1] - 1), (old.shape[1] - 1, 0)}
        for one, two in sorted(pairs):
            others = find_offsets(old[:, one : one + 1], new[:, two : two + 1], sample_rate)
            if others and (not found or others[0].height > found[0].height):
                found = others
    return [offset.frames for offset in found]


def _align(old: Samples, new: Samples, offset: int, sample_rate: int) -> tuple[int, Transfer, Turn] | None:
    """Measure at an offset, and again where the phases say that it is some frames beside."""
    for tries in range(3):
        spectra = measure_spectra(old, new, [overlap(offset, len(old), len(new))], sample_rate)
        transfer = fit_transfer(spectra) if spectra else None
        if transfer is None:
            break
        turn = find_turn(transfer, -offset if abs(offset) <= 12 else None)
        # Half a frame is as near to the one as to the other.
        beside = 0.55 < abs(turn.frames) < sample_rate / 50 and turn.stray < 1.0
        if tries == 2 or not beside:
            return offset, transfer, turn
        offset += round(turn.frames)
    return None


def _choose_chain(transfer: Transfer, turn: Turn, curve: Curve, reference: float) -> Chain:
    """Gains alone where the response is flat, else gains and a filter."""
    signs = np.array(turn.signs, np.float64)
    response = transfer.response * signs
    weights = transfer.coherence * transfer.power
    size = 2 * (len(weights) - 1)
    straight = response * np.exp(2j * np.pi * np.arange(len(weights)) / size * turn.frames)[:, None]
    gains = (weights[:, None] * straight.real).sum(axis=0) / max(float(weights.sum()), 1e-30)
    if is_flat(curve, reference):
        if not turn.is_shift:
            return Chain(transfer.matrix, signs * gains, None)
        reference = 20 * float(np.log10(max(1e-6, np.sqrt(np.square(gains).mean()))))
    # What the channels differ by is a balance, the rest a filter.
    spread = gains / max(float(np.sqrt(np.square(gains).mean())), 1e-12)
    level = spread * 10 ** (reference / 20)
    taps = make_taps(response / np.maximum(level, 1e-9), transfer.coherence)
    return Chain(transfer.matrix, signs * level, taps)


def is_flat(curve: Curve, reference: float, slack_db: float = 0.0) -> bool:
    """Whether a curve keeps to one gain, but for so much."""
    if not len(curve.hz):
        return True
    off = np.abs(curve.gain_db - reference)
    sure = curve.error_db < 0.1
    return not np.any(off[sure] > np.maximum(max(_FLAT_DB, slack_db), 5 * curve.error_db[sure]))
