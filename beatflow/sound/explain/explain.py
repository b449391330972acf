"""Says from nothing but the samples how an old sound became a new one.

The conductor: `pair` reads, `fitting` finds how the one explains the other, `naming` and `traces` give that its names.
Where the fit is poor, no figures are made up: the same take with something on it is a residual, all else a new take.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.explain.beyond import cut_off, go_on, iter_rest
from beatflow.sound.explain.fitting import Fit, fit
from beatflow.sound.explain.naming import (
    is_mixture,
    list_pieces,
    name_channels,
    name_filter,
    name_levels,
    name_position,
    name_regions,
)
from beatflow.sound.explain.pair import Pair, read_pair, resample
from beatflow.sound.explain.remains import BLOCK
from beatflow.sound.explain.stretch import find_stretch
from beatflow.sound.explain.traces import name_depth, name_lossy
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.sound.files import BLOCK_FRAMES
from beatflow.sound.formats import Source

Progress = Callable[[float], None]

# What an equaliser or a gain leaves must be little, or it was something else that was done.
_BORNE_OUT_DB = -18.0
_EXPLAINED_DB = -38.0
_FOLLOWED_DB = -22.0
_SAME_TAKE_DB = -3.0
_SAME_TAKE = 0.7
# Where much is left over, gaps come of themselves; what was put in place of a part is longer.
_LEAST_REGION_S = 0.5
# A compressor's attack is no other take.
_LEAST_BESIDE_LEVEL_S = 0.1
_LEFT_DB = -1.0
_CHANNELS_DB = -6.0
_LEAST_TEMPO = 0.0008
_LEAST_SEMITONES = 0.08
_WHOLE = 3e-4
_PRECISE = 1_000_000.0
# A codec bends the response by so much without being an equaliser.
_CODEC_DB = 1.2


def explain(before: Source, after: Source, progress: Progress | None = None) -> Explanation:
    """Say how a sound became another.

    Parameters
    ----------
    before, after : path or seekable binary file
    progress : callable, optional
        Is told how much is done, 0 to 1.

    Raises
    ------
    AudioError
        One of them cannot be read, or holds samples that are not numbers.
    """
    tell = progress or (lambda done: None)
    pair = read_pair(before, after)
    tell(0.2)
    found = fit(pair.old, pair.new, pair.sample_rate)
    tell(0.7)
    cut = pair.compared_s is not None
    if cut and found is not None:
        pair = cut_off(pair, found)
    explanation = _name(pair, found)
    clear = found is not None and _is_clear(found)
    # What it is laid as is as large as the sound itself.
    found = found if clear else None
    # Cut and joined again at another tempo, much of a sound still lies on the old one somewhere.
    stretch = None if clear or pair.relabelled else find_stretch(pair.old, pair.new, pair.sample_rate)
    if stretch is not None:
        tempo = _settle_tempo(stretch.tempo, len(pair.old) / len(pair.new))
        if stretch.is_speed:
            pair = replace(pair, old=resample(pair.old, tempo * _PRECISE, _PRECISE))
        explanation = _name_stretched(pair, tempo, None if stretch.is_speed else stretch.semitones)
    if cut:
        explanation = go_on(before, after, pair, found, explanation)
    tell(1.0)
    return explanation


def _is_clear(found: Fit) -> bool:
    return found.exact or found.depth_db < _BORNE_OUT_DB


def _settle_tempo(tempo: float, whole: float) -> float:
    """Return the tempo that the lengths say, or none at all, where the one measured is next to it."""
    if abs(whole / tempo - 1) < _WHOLE:
        return whole
    return 1.0 if abs(whole - 1) < _WHOLE and abs(tempo - 1) < 10 * _WHOLE else tempo


def _name_stretched(pair: Pair, tempo: float, semitones: float | None) -> Explanation:
    """Name another tempo and pitch; without semitones it is another speed, at which the old sound already is."""
    changes = _name_format(pair)
    named: list[Change] = []
    if semitones is None:
        semitones = 12 * float(np.log2(tempo))
        found = fit(pair.old, pair.new, pair.sample_rate)
        if found is not None and _is_clear(found):
            named = [*name_channels(found), *(name_filter(found, pair.sample_rate) or [])]
    if abs(tempo - 1) > _LEAST_TEMPO:
        changes.append(Change("tempo", {"ratio": round(tempo, 5)}))
    if abs(semitones) > _LEAST_SEMITONES:
        changes.append(Change("pitch", {"semitones": round(semitones, 2)}))
    return _conclude(pair, [*changes, *named], None)


def iter_residual(before: Source, after: Source, explanation: Explanation) -> Iterator[Audio]:
    """Yield the new sound minus what of it is explained, block by block; in length and rate it is the new one.

    A piece without a source is left as it is.
    """
    pair = read_pair(before, after)
    found = None if explanation.new_take else fit(pair.old, pair.new, pair.sample_rate)
    cut = pair.compared_s is not None
    if cut and found is not None:
        pair = cut_off(pair, found)
    for start in range(0, len(pair.new), BLOCK_FRAMES):
        block = pair.new[start : start + BLOCK_FRAMES]
        if found is not None:
            block = block - found.laid[start : start + BLOCK_FRAMES]
        yield Audio(block / np.float32(pair.scale), pair.sample_rate)
    if cut:
        for block in iter_rest(before, after, pair, found, explanation):
            yield Audio(block, pair.sample_rate)


def _name(pair: Pair, found: Fit | None) -> Explanation:
    changes = _name_format(pair)
    if found is None:
        same = not changes and not len(pair.old) and not len(pair.new)
        return _conclude(pair, [*changes, Change("identical" if same else "new_take", {})], None)
    rate = pair.sample_rate
    lossy = name_lossy(found, pair)
    filtered = name_filter(found, rate, _CODEC_DB if lossy else 0.0)
    depth = found.depth_db
    borne_out = (depth < _BORNE_OUT_DB or bool(lossy)) and filtered is not None and not is_mixture(found)
    if not borne_out and not _is_same_take(found):
        return _conclude(pair, [*changes, Change("new_take", {})], None)
    changes += name_position(found, pair.old, pair.new, rate)
    if borne_out or depth < _CHANNELS_DB:
        changes += name_channels(found)
    levels: list[Change] = []
    if borne_out and filtered is not None:
        levels = name_levels(found, len(pair.new), rate)
        changes += [*filtered, *levels]
    regions = name_regions(found, pair.old, pair.new, rate)
    moving = any(change.kind == "level" for change in levels)
    if moving or not borne_out:
        least_s = _LEAST_BESIDE_LEVEL_S if borne_out else _LEAST_REGION_S
        regions = [region for region in regions if region["frames"] > least_s * rate]
    if moving:
        # No codec turns stretches down.
        lossy = []
    changes += regions
    changes += lossy or name_depth(found, pair)
    if not borne_out or (depth > (_FOLLOWED_DB if levels else _EXPLAINED_DB) and not lossy):
        changes.append(_residual(found, rate))
    return _conclude(pair, changes, found)


def _is_same_take(found: Fit) -> bool:
    """Whether, with whatever is on top of it, it is the old sound that is heard."""
    if found.depth_db > _LEFT_DB:
        return False
    return found.depth_db < _SAME_TAKE_DB or (
        found.transfer is not None and found.transfer.typical > _SAME_TAKE
    )


def _name_format(pair: Pair) -> list[Change]:
    changes = []
    for kind, before, after in (
        ("sample_rate", pair.before.sample_rate, pair.after.sample_rate),
        ("channels", pair.before.channels, pair.after.channels),
    ):
        if before != after:
            changes.append(Change(kind, {"before": before, "after": after}))
    if pair.relabelled:
        ratio = pair.after.sample_rate / pair.before.sample_rate
        changes.append(Change("tempo", {"ratio": round(ratio, 5)}))
        changes.append(Change("pitch", {"semitones": round(12 * float(np.log2(ratio)), 2)}))
    return changes


def _residual(found: Fit, sample_rate: int) -> Change:
    return Change(
        "residual", {"null_depth_db": round(found.depth_db, 1), "worst_s": _find_worst(found, sample_rate)}
    )


def _find_worst(found: Fit, sample_rate: int) -> float | None:
    worst = found.worst_block
    return None if worst is None else round(worst * BLOCK / sample_rate, 3)


def _conclude(pair: Pair, changes: list[Change], found: Fit | None) -> Explanation:
    frames = len(pair.new)
    if found is None:
        pieces: tuple[Piece, ...] = (Piece(0, frames, None),) if frames else ()
        depth = worst = None
    else:
        pieces = list_pieces(found.stretches, frames)
        depth = round(found.depth_db, 1)
        worst = None if found.depth_db <= -200 else _find_worst(found, pair.sample_rate)
    if not changes and found is not None:
        changes = [Change("identical", {}) if found.exact else _residual(found, pair.sample_rate)]
    return Explanation(
        tuple(changes),
        pieces,
        pair.sample_rate,
        pair.before.frames,
        pair.after.frames,
        depth,
        worst,
        pair.compared_s,
    )
