"""From a pitch contour to notes: where each begins, which it is, how the whole is tuned.

Knows no samples. Where notes begin matters more than how the pitch was tracked: dips of the level split a region,
a change of semitone does so unless it is vibrato or a scoop, and onsets are pulled back to where the level rises.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.listening.tuning import find_semitones
from beatflow.ai.listening.yin import HOP_S, Contour, Float
from beatflow.sound.note import Note
from beatflow.sound.tonality import Key

_DIP_DB = 7.0
_CHANGE_COST = (
    6.0  # semitones times moments: 50 ms at one semitone away, or half a cycle of ±90 cents of vibrato
)
_LEVEL = 0.25
_BRIEF = 8  # moments: what is shorter and part of something longer is a slide or a slip
_SHORTEST = 6  # moments: no note is shorter than 60 ms
_GAP = 4  # moments without a pitch that a note survives
_REST = 6  # moments: a shadow may lie that far from what casts it
_PULL_BACK = 10  # moments
_GLIDE = 3.0  # semitones a second
_NEAR_BY_CHANCE = 0.75  # of the moments of speech, 50 to 75 % are within 40 cents of their syllable's pitch


@dataclass(frozen=True, slots=True)
class Melody:
    """Notes in order, how far from A 440 they are tuned, and how steady they are, 0 to 1.

    Which share of the voiced time is in level notes; more where nearly all of it is close to a note's pitch, as in
    lines too fast to tell. Hums and whistles have .6 to 1, speech (nine synthetic voices in eight languages) 0 to .4,
    because its syllables glide; Mandarin, whose first tone is level, up to .8.
    """

    notes: tuple[Note, ...]
    tuning_cents: float
    steadiness: float


@dataclass(frozen=True, slots=True)
class _Span:
    """Moments ``start`` to ``stop``; ``attack`` where the level dipped or there was silence before."""

    start: int
    stop: int
    attack: bool
    pitch: float = 0.0


def find_notes(contour: Contour, key: Key | None = None) -> Melody:
    """Split a contour into notes; no notes where nothing is steady enough to be one.

    With a ``key`` what is between two semitones is taken for the one in that key, else for the one in the key that
    most of the others are in.
    """
    regions = _split_at_dips(_find_regions(contour), contour.level_db)
    spans = [part for region in regions for part in _split_at_steps(region, contour.midi)]
    spans = _merge(_join_shadows([_with_pitch(span, contour) for span in spans]))
    spans = [span for span in spans if _is_note(span, contour)]
    if not spans:
        return Melody((), 0.0, 0.0)
    middles = np.array([(span.start + span.stop) / 2.0 for span in spans])
    semitones, tunings = find_semitones(middles * HOP_S, _pitches(spans), key)
    tuning = float((np.mean(tunings) + 0.5) % 1.0 - 0.5)
    starts = [_pull_back(span, contour.level_db) if span.attack else span.start for span in spans]
    voiced = max(1, int(np.isfinite(contour.midi).sum()))
    level = sum(_steady_moments(span, contour.midi) for span in spans) / voiced
    near = sum(_near_moments(span, contour.midi) for span in spans) / voiced
    steadiness = min(1.0, level + 2.0 * max(0.0, near - _NEAR_BY_CHANCE))
    notes = []
    for index, (span, start) in enumerate(zip(spans, starts, strict=True)):
        stop = min(span.stop, starts[index + 1]) if index + 1 < len(spans) else span.stop
        loudness = float(np.max(contour.level_db[span.start : span.stop]))
        velocity = int(np.clip(round(112 + 2.0 * loudness), 20, 112))
        midi = int(np.clip(semitones[index], 0, 127))
        notes.append(Note(start * HOP_S, max(1, stop - start) * HOP_S, midi, velocity))
    return Melody(tuple(notes), 100.0 * tuning, steadiness)


def _lengths(spans: list[_Span]) -> NDArray[np.float64]:
    return np.array([(span.stop - span.start) * HOP_S for span in spans])


def _pitches(spans: list[_Span]) -> NDArray[np.float64]:
    return np.array([span.pitch for span in spans])


def _find_regions(contour: Contour) -> list[_Span]:
    """Stretches with a pitch, bridging short gaps in which the level holds."""
    voiced = np.isfinite(contour.midi)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], voiced, [False]]).astype(np.int8)))
    regions: list[_Span] = []
    for start, stop in edges.reshape(-1, 2):
        if regions and start - regions[-1].stop <= _GAP:
            gap = contour.level_db[regions[-1].stop : start]
            if gap.min() > contour.level_db[start : start + 5].max() - _DIP_DB:
                regions[-1] = replace(regions[-1], stop=int(stop))
                continue
        regions.append(_Span(int(start), int(stop), attack=True))
    return regions


def _split_at_dips(regions: list[_Span], level_db: Float) -> list[_Span]:
    """Cut where the level falls ``_DIP_DB`` below what is around it on both sides."""
    spans = []
    for region in regions:
        start = region.start
        level = level_db[region.start : region.stop]
        peak = low = level[0]
        at = 0
        for index, value in enumerate(level):
            if value < low:
                low, at = value, index
            elif value > low + _DIP_DB and peak > low + _DIP_DB:
                spans.append(_Span(start, region.start + at, attack=True))
                start, peak, low, at = region.start + at, value, value, index
            if value > peak:
                peak = low = value
                at = index
        spans.append(_Span(start, region.stop, attack=True))
    return spans


def _split_at_steps(span: _Span, midi: Float) -> list[_Span]:
    """Cut where another pitch fits so much better that a change pays (dynamic programming).

    A moment costs its distance to the note's pitch, at most 2 semitones; a change costs ``_CHANGE_COST``. Vibrato and
    scoops leave a pitch for too short a time to pay. Pitches are quarters of a semitone apart: whole semitones would
    tear a note in two that is sung between them.
    """
    curve = midi[span.start : span.stop]
    known = np.isfinite(curve)
    if not known.any():
        return []
    filled = np.interp(np.arange(curve.size), np.flatnonzero(known), curve[known])
    levels = np.arange(np.floor(filled.min()), np.ceil(filled.max()) + 0.5, _LEVEL)
    costs = np.minimum(np.abs(filled[:, None] - levels), 2.0)
    stays = np.ones(costs.shape, dtype=bool)
    came = np.zeros(curve.size, dtype=np.intp)
    total = costs[0].copy()
    for moment in range(1, curve.size):
        came[moment] = total.argmin()
        change = total[came[moment]] + _CHANGE_COST
        stays[moment] = total <= change
        total = np.minimum(total, change) + costs[moment]
    state = int(total.argmin())
    cuts = []
    for moment in range(curve.size - 1, 0, -1):
        if not stays[moment, state]:
            cuts.append(moment)
            state = int(came[moment])
    bounds = [0, *reversed(cuts), curve.size]
    return [
        _Span(span.start + first, span.start + last, span.attack and first == 0)
        for first, last in pairwise(bounds)
    ]


def _with_pitch(span: _Span, contour: Contour) -> _Span:
    """Add the median pitch of the span, without its first and last sixth where scoops and falls are."""
    trim = (span.stop - span.start) // 6
    inner = contour.midi[span.start + trim : span.stop - trim]
    inner = inner[np.isfinite(inner)]
    return replace(span, pitch=float(np.median(inner)) if inner.size else float("nan"))


def _join_shadows(spans: list[_Span]) -> list[_Span]:
    """Give what is nothing but a shadow to the note that casts it: the one that follows, or else the one before."""
    joined: list[_Span] = []
    for span in spans:
        before = joined[-1] if joined and span.start - joined[-1].stop <= _REST else None
        if before and _is_shadow(before, span):
            joined[-1] = replace(span, start=before.start, attack=before.attack)
        else:
            joined.append(span)
    kept: list[_Span] = []
    for span in joined:
        if kept and span.start - kept[-1].stop <= _REST and _is_shadow(span, kept[-1]):
            kept[-1] = replace(kept[-1], stop=span.stop)
        else:
            kept.append(span)
    return kept


def _merge(spans: list[_Span]) -> list[_Span]:
    """Join pieces that are no notes of their own to the piece before them, where the two touch.

    Without a dip between them: what is short slid from or into its neighbour, a brief leap by an octave is the
    tracker's mistake, and one pitch is one note. With a dip: one pitch for a moment only is a wobble of the level.
    """
    merged: list[_Span] = []
    for span in spans:
        if not merged or merged[-1].stop != span.start:
            merged.append(span)
            continue
        before = merged[-1]
        shorter = min(before.stop - before.start, span.stop - span.start)
        same = abs(span.pitch - before.pitch) < 0.5
        octave = abs(abs(span.pitch - before.pitch) - 12.0) < 0.6 and shorter < 2 * _BRIEF
        brief = shorter < _BRIEF
        if (same and span.stop - span.start < _BRIEF) if span.attack else (brief or octave or same):
            longer = max(before, span, key=lambda one: one.stop - one.start)
            merged[-1] = _Span(before.start, span.stop, before.attack, longer.pitch)
        else:
            merged.append(span)
    return merged


def _is_shadow(span: _Span, beside: _Span) -> bool:
    """Whether it is nothing but the period that a note has in common with itself or with the one before it.

    While one string rings on into the next, and in the creak at the end of a breath, a multiple of the period fits
    best: an octave lower, or two, for a moment.
    """
    below = beside.pitch - span.pitch
    return (
        span.stop - span.start < 2 * _BRIEF
        and below > 11.4
        and min(abs(below - 12.0 * octaves) for octaves in (1, 2)) < 0.6
    )


def _is_note(span: _Span, contour: Contour) -> bool:
    """Long, loud and periodic enough to be meant."""
    if span.stop - span.start < _SHORTEST or not np.isfinite(span.pitch):
        return False
    part = slice(span.start, span.stop)
    return bool(contour.level_db[part].max() > -30.0 and np.median(contour.clarity[part]) > 0.7)


def _pull_back(span: _Span, level_db: Float) -> int:
    """The moment at which the level began to rise towards the span's start."""
    start = span.start
    peak = float(level_db[start : start + 15].max())
    while start > 0 and span.start - start < _PULL_BACK:
        if level_db[start - 1] >= level_db[start] or level_db[start] < peak - 25.0:
            break
        start -= 1
    return start


def _near_moments(span: _Span, midi: Float) -> int:
    """Moments of a span within 40 cents of its pitch."""
    return int((np.abs(midi[span.start : span.stop] - span.pitch) < 0.4).sum())


def _steady_moments(span: _Span, midi: Float) -> int:
    """Moments of a span whose middle has a straight line of less than ``_GLIDE`` through it; else none."""
    length = span.stop - span.start
    trim = length // 6 if length > 20 else length // 3  # a scoop is most of a short note
    inner = midi[span.start + trim : span.stop - trim]
    known = np.flatnonzero(np.isfinite(inner))
    if known.size < 4:
        return 0
    slope = np.polyfit(known * HOP_S, inner[known], 1)[0]
    return int(np.isfinite(midi[span.start : span.stop]).sum()) if abs(slope) < _GLIDE else 0
