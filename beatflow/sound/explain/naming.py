"""Gives what was fitted its names: the changes and pieces of an `Explanation`.

A name is given only where the fit bears it out; what is left unnamed is a residual. Knows no files.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from beatflow.sound.audio import Samples
from beatflow.sound.explain.bands import fit_bands
from beatflow.sound.explain.fitting import Fit, is_flat
from beatflow.sound.explain.level import Fade, Level, split_fades
from beatflow.sound.explain.matching import Stretch
from beatflow.sound.explain.remains import BLOCK
from beatflow.sound.explanation import Change, Piece

_SILENT = 3e-4  # -70 dB
_MOVED_S = 0.1
_SLACK_S = 0.05
_LEAST_GAIN_DB = 0.02
_LEAST_BALANCE_DB = 0.06
_LEAST_WIDTH = 0.01
_POINTS = 200
_RIPPLE_DB = 1.0
_UNTOLD_BANDS_DB = 1.0
_LEAST_EQ_DB = 0.3
# Nobody sets so narrow a band to so little: it is noise.
_NARROW, _LEAST_NARROW_DB = 8.0, 1.5
# What follows the level over time bends the response by so much without being an equaliser.
_BESIDE_DB = 2.5


def name_position(fit: Fit, old: Samples, new: Samples, sample_rate: int) -> list[Change]:
    """Return by how much the sound was moved, if it was and nothing at its head tells it better."""
    first = find_backbone(fit.stretches)[0]
    offset = first.start - first.source
    if _name_head(fit, old, new, sample_rate) is not None:
        offset = 0
    fraction = fit.fraction
    if not offset and not fraction:
        return []
    figures = {
        "offset_frames": offset,
        "offset_s": round((offset + fraction) / sample_rate, 6),
        "fraction_frames": round(fraction, 3),
    }
    return [Change("moved", figures)]


def name_channels(fit: Fit) -> list[Change]:
    """Return what was done to the channels: polarity, swap, balance and width; the gain is named with the filter."""
    chain = fit.chain
    matrix, gains = chain.matrix, chain.gains
    changes: list[Change] = []
    inverted = [channel for channel, gain in enumerate(gains) if gain < 0]
    square = matrix.shape[0] == matrix.shape[1]
    mixed = square and np.count_nonzero(np.abs(matrix) > 1e-9) > len(matrix)
    if inverted and not mixed:
        everywhere = len(inverted) == len(gains)
        changes.append(Change("polarity", {"channels": "all" if everywhere else inverted}))
    if matrix.shape == (2, 2) and not mixed and matrix[0, 1] and matrix[1, 0]:
        changes.append(Change("channel_swap", {}))
    if mixed and matrix.shape == (2, 2):
        width = _measure_width(fit)
        if width is not None and abs(width - 1) > _LEAST_WIDTH:
            changes.append(Change("width", {"width": round(width, 4)}))
    return changes


def _measure_width(fit: Fit) -> float | None:
    """Side over mid, where both are what became of the same; None for another mixture."""
    whole = fit.chain.matrix * fit.chain.gains[:, None]
    (ll, lr), (rl, rr) = whole
    size = float(np.abs(whole).max())
    if abs(ll - rr) > 0.02 * size or abs(lr - rl) > 0.02 * size or ll + lr == 0:
        return None
    return float((ll + rr - lr - rl) / (ll + rr + lr + rl))


def is_mixture(fit: Fit) -> bool:
    """Whether channels were mixed in a way that has no name here."""
    matrix = fit.chain.matrix
    mixed = matrix.shape[0] == matrix.shape[1] and np.count_nonzero(np.abs(matrix) > 1e-9) > len(matrix)
    return bool(mixed and (matrix.shape != (2, 2) or _measure_width(fit) is None))


def get_gains_db(fit: Fit) -> list[float]:
    """Return each channel's gain, with the mix of channels that makes it."""
    chain = fit.chain
    whole = chain.matrix * chain.gains[:, None]
    outs, ins = whole.shape
    if outs == ins == 2 and np.count_nonzero(np.abs(whole) > 1e-9) > 2:
        # Of a width, the gain is what became of the middle.
        totals = np.abs(whole.sum(axis=1))
    elif ins > outs == 1 and np.count_nonzero(np.abs(whole) > 1e-9) > 1:
        # As a mono mix, relative to the mean of the channels.
        totals = np.abs(whole.sum(axis=1))
    else:
        totals = np.abs(whole).max(axis=1)
    return [20 * float(np.log10(max(total, 1e-9))) for total in totals]


def name_gain(fit: Fit) -> list[Change]:
    """Return the gain, or the balance with the gains of all channels."""
    gains = get_gains_db(fit)
    if max(gains) - min(gains) > _LEAST_BALANCE_DB:
        return [Change("balance", {"gains_db": [round(gain, 3) for gain in gains]})]
    gain = sum(gains) / len(gains)
    return [Change("gain", {"gain_db": round(gain, 3)})] if abs(gain) > _LEAST_GAIN_DB else []


def name_filter(fit: Fit, sample_rate: int, slack_db: float = 0.0) -> list[Change] | None:
    """Return gain and equaliser; None where what the filter does is no equaliser's work.

    A curve that strays by no more than ``slack_db`` is none.
    """
    if fit.curve is None or fit.chain.taps is None or is_flat(fit.curve, fit.reference_db, slack_db):
        return name_gain(fit)
    curve = fit.curve
    if curve.ripple_db > _RIPPLE_DB or len(curve.hz) < 4:
        return None
    if fit.level is not None and float(fit.level.active.mean()) > 0.3 and np.ptp(curve.gain_db) < _BESIDE_DB:
        return name_gain(fit)
    bands, gain_db, rest_db = fit_bands(curve, fit.reference_db, sample_rate)
    if rest_db > _UNTOLD_BANDS_DB:
        return None
    shift = gain_db - fit.reference_db
    gains = [gain + shift for gain in get_gains_db(fit)]
    if max(gains) - min(gains) > _LEAST_BALANCE_DB:
        told = [Change("balance", {"gains_db": [round(gain, 2) for gain in gains]})]
    else:
        mean = sum(gains) / len(gains)
        told = [Change("gain", {"gain_db": round(mean, 2)})] if abs(mean) > 0.04 else []
    rows: list[dict[str, Any]] = []
    for band in bands:
        if not band.order and abs(band.gain_db) < (_LEAST_NARROW_DB if band.q > _NARROW else _LEAST_EQ_DB):
            continue
        row = {"type": band.type, "hz": round(band.hz, 1), "gain_db": round(band.gain_db, 2) + 0.0}
        row |= {"slope_db": 6 * band.order} if band.order else {"q": round(band.q, 2)}
        rows.append(row)
    points = [
        [round(float(hz), 1), round(float(db - gain_db), 2)]
        for hz, db in zip(curve.hz, curve.gain_db, strict=True)
    ]
    if not rows or max(abs(db) for _, db in points) < _LEAST_EQ_DB:
        return told
    return [*told, Change("eq", {"bands": rows, "curve": points})]


def name_levels(fit: Fit, frames: int, sample_rate: int) -> list[Change]:
    """Return fades, and what else changes the level over time."""
    if fit.level is None:
        return []
    fades, rest = split_fades(fit.level, frames)
    changes = [_name_fade(_snap(fade, fit, sample_rate), sample_rate) for fade in fades]
    if rest is not None:
        told = 20 * np.log10(np.maximum(rest.gains[rest.active & rest.heard], 1e-4))
        low, high = np.percentile(told, [1, 99])
        low, high = (
            min(low, 0.0) if not rest.active.all() else low,
            max(high, 0.0) if not rest.active.all() else high,
        )
        if high - low > 0.3:
            start, end = rest.get_span(frames)
            changes.append(
                Change(
                    "level",
                    {
                        "range_db": [round(float(low), 2), round(float(high), 2)],
                        **_place(start, end - start, sample_rate),
                        "curve": _thin(rest, sample_rate),
                    },
                )
            )
    return changes


def _thin(level: Level, sample_rate: int) -> list[list[float]]:
    """Return points of a level, few enough to be kept."""
    step = max(1, -(-len(level.gains) // _POINTS))
    points = []
    for start in range(0, len(level.gains), step):
        told = level.heard[start : start + step]
        if told.any():
            gain = float(np.mean(level.gains[start : start + step][told]))
            at = (start + min(step, len(level.gains) - start) / 2) * BLOCK / sample_rate
            points.append([round(at, 3), round(20 * float(np.log10(max(gain, 1e-4))), 2)])
    return points


def _snap(fade: Fade, fit: Fit, sample_rate: int) -> Fade:
    """Let a fade begin or end where the sound stops or starts being the same bit for bit, if that is near."""
    inner = fade.start + fade.frames if fade.direction == "in" else fade.start
    edges = [edge for stretch in fit.stretches for edge in (stretch.start, stretch.end)] if fit.exact else []
    near = [edge for edge in edges if abs(edge - inner) < max(0.2 * sample_rate, 0.1 * fade.frames)]
    if not near:
        return fade
    edge = min(near, key=lambda place: abs(place - inner))
    if fade.direction == "in":
        return Fade("in", fade.start, edge - fade.start)
    return Fade("out", edge, fade.start + fade.frames - edge)


def _name_fade(fade: Fade, sample_rate: int) -> Change:
    return Change("fade", {"direction": fade.direction, **_place(fade.start, fade.frames, sample_rate)})


def _place(start: int, frames: int, sample_rate: int) -> dict[str, Any]:
    return {
        "start_frame": start,
        "frames": frames,
        "start_s": round(start / sample_rate, 6),
        "duration_s": round(frames / sample_rate, 6),
    }


def list_pieces(stretches: Sequence[Stretch], frames: int) -> tuple[Piece, ...]:
    """Return stretches and what is between them as pieces."""
    pieces, at = [], 0
    for stretch in stretches:
        if stretch.start > at:
            pieces.append(Piece(at, stretch.start - at, None))
        pieces.append(Piece(stretch.start, stretch.frames, stretch.source))
        at = stretch.end
    if at < frames:
        pieces.append(Piece(at, frames - at, None))
    return tuple(pieces)


def name_regions(fit: Fit, old: Samples, new: Samples, sample_rate: int) -> list[Change]:
    """Return what was replaced, inserted, deleted and muted."""
    changes: list[Change] = []
    head = _name_head(fit, old, new, sample_rate)
    changes += head or []
    backbone = find_backbone(fit.stretches)
    for left, right in pairwise(backbone):
        source = left.source + left.frames
        changes += name_gap(old, new, left.end, right.start, source, right.source, sample_rate, fit.exact)
    changes += _name_tail(fit, old, new, sample_rate)
    return changes


def find_backbone(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the most of the stretches that are in the old order; the others were put where they are."""
    best: list[tuple[int, int]] = []
    for number, stretch in enumerate(stretches):
        before = [
            (best[other][0], other)
            for other in range(number)
            if stretches[other].source + stretches[other].frames <= stretch.source
        ]
        most, other = max(before, default=(0, -1))
        best.append((most + stretch.frames, other))
    chain, number = [], max(range(len(best)), key=lambda number: best[number][0])
    while number >= 0:
        chain.append(stretches[number])
        number = best[number][1]
    return chain[::-1]


def _name_head(fit: Fit, old: Samples, new: Samples, sample_rate: int) -> list[Change] | None:
    """Name what happened before the first stretch; None where that is a move, or nothing."""
    first = find_backbone(fit.stretches)[0]
    gap, missing = first.start, first.source
    if not gap and not missing:
        return None
    if not gap:
        cut = missing >= _MOVED_S * sample_rate and not is_silent(old[:missing])
        if cut and len(new) != len(old):
            return [make_region("deleted", 0, missing, sample_rate, 0)]
        return None
    if gap == missing:
        if not fit.exact and gap < _SLACK_S * sample_rate:
            return []
        return name_gap(old, new, 0, gap, 0, missing, sample_rate, fit.exact)
    if missing == 0 and is_silent(new[:gap]):
        return None
    if missing == 0 and not fit.exact and gap < _SLACK_S * sample_rate:
        return None
    return name_gap(old, new, 0, gap, 0, missing, sample_rate, fit.exact)


def _name_tail(fit: Fit, old: Samples, new: Samples, sample_rate: int) -> list[Change]:
    last = find_backbone(fit.stretches)[-1]
    source = last.source + last.frames
    gap, missing = len(new) - last.end, len(old) - source
    slack = 0 if fit.exact else _SLACK_S * sample_rate
    offset = last.start - last.source
    if max(gap, missing) <= slack:
        return []
    # Moved within its length, it lost as much at its end as it was moved.
    if len(new) == len(old) and (gap, missing) == (max(-offset, 0), max(offset, 0)):
        if missing and offset > 0:
            return []
        if gap and is_silent(new[last.end :]):
            return []
    return name_gap(old, new, last.end, len(new), source, len(old), sample_rate, fit.exact)


def name_gap(
    old: Samples,
    new: Samples,
    start: int,
    end: int,
    source: int,
    source_end: int,
    sample_rate: int,
    exact: bool,
) -> list[Change]:
    """Name what stands in place of old frames ``source`` to ``source_end``."""
    gap, missing = end - start, source_end - source
    changes = []
    if gap > 0 and gap == missing:
        muted = is_silent(new[start:end]) and not is_silent(old[source:source_end])
        return [make_region("muted" if muted else "replaced", start, gap, sample_rate)]
    if missing > 0:
        changes.append(make_region("deleted", start, missing, sample_rate, source))
    if gap > 0:
        changes.append(make_region("inserted", start, gap, sample_rate))
    elif missing < 0:
        # Sound that was there already comes once more.
        changes.append(make_region("inserted", start, -missing, sample_rate))
    return changes


def is_silent(samples: Samples) -> bool:
    return not len(samples) or float(np.abs(samples).max()) < _SILENT


def make_region(action: str, start: int, frames: int, sample_rate: int, source: int | None = None) -> Change:
    figures: dict[str, Any] = {"action": action, **_place(start, frames, sample_rate)}
    if source is not None:
        figures["source_frame"] = source
    return Change("region", figures)
