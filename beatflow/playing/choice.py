"""Finds the stretch of a sound that tells most of it: listens for bars, sections and loudness, and has `excerpt` judge.

Its cost is bounded: of what is longer than half an hour, probes find the loudest ten minutes, and only those are
listened to.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from beatflow.playing.excerpt import find_excerpt
from beatflow.playing.source import Source
from beatflow.sound.analysis import analyze
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES
from beatflow.sound.loudness import HOP_S, Course, LoudnessMeter

LISTENED_S = 1800.0
"""So much is listened to from start to end. Of what is longer, a third of that: a few songs of a concert; and half as
much is spent on probes."""
_PROBE_S = 3.0
"""As long as the windows of the short-term loudness, so that each window in so many is one probe."""

Progress = Callable[[float, str], None]


def choose_start(
    source: Source,
    length_s: float,
    facts: Mapping[str, Any] | None = None,
    progress: Progress = lambda _, __: None,
    listened_s: float = LISTENED_S,
) -> float:
    """Return where the most telling stretch of a length begins, in seconds.

    Parameters
    ----------
    source : Source
        It is read, and left anywhere.
    length_s : float
        Shorter than the sound.
    facts : mapping, optional
        What is known of it: ``sections`` and ``downbeats`` save listening for them.
    progress : callable
        Told how much of it is done, 0 to 1, and what is being done.
    listened_s : float
        The longest sound that is listened to from start to end.

    Raises
    ------
    AudioError
        It cannot be decoded, or has more channels than loudness is defined for.
    """
    duration_s = source.frames / source.sample_rate
    if duration_s <= listened_s:
        return _choose_within(source, 0.0, duration_s, length_s, facts, progress)
    course = _probe(
        source, int(listened_s / 2 / _PROBE_S), lambda done: progress(0.3 * done, "looking around")
    )
    region_s = max(listened_s / 3, 2 * length_s)
    if region_s > listened_s:
        return find_excerpt(course, duration_s, length_s)
    begin_s = find_excerpt(course, duration_s, region_s)
    return begin_s + _choose_within(
        source, begin_s, region_s, length_s, None, lambda done, what: progress(0.3 + 0.7 * done, what)
    )


def _choose_within(
    source: Source,
    begin_s: float,
    duration_s: float,
    length_s: float,
    facts: Mapping[str, Any] | None,
    progress: Progress,
) -> float:
    """Return where the most telling stretch of a region begins, in seconds from where the region does."""
    known = facts
    if not known or "sections" not in known:
        known = _analyze(_listen(source, begin_s, duration_s, lambda done: progress(0.7 * done, "listening")))
    meter = LoudnessMeter(source.sample_rate, source.channels, peaks=False)
    for block in _listen(source, begin_s, duration_s, lambda done: progress(0.7 + 0.3 * done, "measuring")):
        meter.add(block.samples)
    # Where a region is cut out of a piece no section begins.
    sections = (known.get("sections") or ())[1 if begin_s else 0 :]
    return find_excerpt(meter.course(), duration_s, length_s, sections, known.get("downbeats") or ())


def _analyze(blocks: Iterator[Audio]) -> Mapping[str, Any]:
    return analyze(blocks).to_json()


def _probe(source: Source, count: int, progress: Callable[[float], None]) -> Course:
    """Measure the loudness of a sound here and there, evenly spread."""
    meter = LoudnessMeter(source.sample_rate, source.channels, peaks=False)
    step_s = source.frames / source.sample_rate / count
    for probe in range(count):
        for block in _listen(source, probe * step_s + (step_s - _PROBE_S) / 2, _PROBE_S):
            meter.add(block.samples)
        progress((probe + 1) / count)
    levels = meter.course().short_term[:: round(_PROBE_S / HOP_S)]
    return Course(levels, levels, step_s)


def _listen(
    source: Source, start_s: float, length_s: float, progress: Callable[[float], None] = lambda _: None
) -> Iterator[Audio]:
    source.seek(round(start_s * source.sample_rate))
    frames = left = round(length_s * source.sample_rate)
    while left > 0 and len(samples := source.read(min(left, BLOCK_FRAMES))):
        left -= len(samples)
        yield Audio(np.nan_to_num(samples, posinf=1.0, neginf=-1.0), source.sample_rate)
        progress(1 - left / frames)
