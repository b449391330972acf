"""Where axes are labelled, and how: bars, minutes and seconds, frequencies, levels. Pure arithmetic and text."""

from collections.abc import Iterator, Sequence
from math import ceil, log10

from beatflow.picture.figure import Figure
from beatflow.timecode import Clock
from beatflow.wording import format_number

_MOST_TICKS = 13
_BAR_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SECOND_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)
_FINE_STEPS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005)
_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_LEVELS_DB = (0, -3, -6, -12, -18, -24, -36, -48, -60)
_LEAST_HEIGHT = 0.09
"""Of half a waveform's lane: lower labels would lie on its middle."""


def iter_ticks(clock: Clock, span_s: float, most: int = _MOST_TICKS) -> Iterator[tuple[float, str]]:
    """Yield where to write the time, in seconds, and what: the numbers of bars, or minutes and seconds."""
    unit_s = clock.beat_s * clock.beats_per_bar if clock.beat_s else 1.0
    steps: Sequence[float] = _BAR_STEPS if clock.beat_s else _SECOND_STEPS
    step = next((step for step in steps if span_s / unit_s / step <= most), steps[-1])
    for number in range(int(span_s / unit_s / step) + 1):
        seconds = number * step * unit_s
        if clock.beat_s:
            yield seconds, f"{int(number * step) + 1}"
        else:
            yield seconds, _format_seconds(seconds, step)


def iter_bars(clock: Clock, start_s: float, span_s: float, most: int) -> Iterator[tuple[float, str]]:
    """Yield where bars begin within a stretch, in seconds from its start, and their numbers; none without a tempo."""
    if not clock.beat_s:
        return
    bar_s = clock.beat_s * clock.beats_per_bar
    step = next((step for step in _BAR_STEPS if span_s / bar_s / step <= most), _BAR_STEPS[-1])
    for number in range(
        max(0, ceil(start_s / bar_s / step - 1e-6)), int((start_s + span_s) / bar_s / step) + 1
    ):
        yield number * step * bar_s - start_s, str(int(number * step) + 1)


def iter_seconds(start_s: float, span_s: float, most: int) -> Iterator[tuple[float, str]]:
    """Yield where to write the time within a stretch, in seconds from its start, and what."""
    step = next((step for step in (*_FINE_STEPS, *_SECOND_STEPS) if span_s / step <= most), 7200.0)
    for number in range(ceil(start_s / step - 1e-6), int((start_s + span_s) / step + 1e-6) + 1):
        yield number * step - start_s, _format_seconds(number * step, step)


def _format_seconds(seconds: float, step: float) -> str:
    digits = 0 if step >= 1 else 2 if step >= 0.01 else 4
    seconds = round(seconds, digits)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    clock = f"{int(hours)}:{int(minutes):02d}" if hours else f"{int(minutes)}"
    return f"{clock}:{rest:0{digits + 3 if digits else 2}.{digits}f}"


def list_frequencies(hz: Sequence[float]) -> list[tuple[float, str]]:
    """Return ticks for rows whose middles lie at these frequencies, from the bottom up."""
    found = []
    for wanted in _HZ:
        above = next((row for row, value in enumerate(hz) if value >= wanted), None)
        if above:
            low, high = hz[above - 1], hz[above]
            row = above - 1 + (wanted - low) / (high - low)
            found.append(((row + 0.5) / len(hz), f"{wanted // 1000}k" if wanted >= 1000 else str(wanted)))
    return found


def list_amplitudes(reach: float) -> list[tuple[float, str]]:
    """Return ticks in dB for a waveform whose lane goes from -reach to reach, above its middle and below."""
    found = []
    last = 2.0
    for level in _LEVELS_DB:
        height = 10 ** (level / 20) / reach
        if _LEAST_HEIGHT <= height <= 0.97 and last - height >= 0.34:
            last = height
            found += [(0.5 + side * height / 2, format_number(level, 0)) for side in (1, -1)]
    return sorted(found)


def list_levels(low_db: float, high_db: float, most: int = 4) -> list[tuple[float, str]]:
    """Return ticks for a scale of decibels between two levels."""
    span = high_db - low_db
    step = next((step for step in (1, 2, 3, 6, 10, 12, 20) if span / step <= most), 30)
    first = ceil(low_db / step)
    return [
        ((number * step - low_db) / span, format_number(number * step, 0))
        for number in range(first, int(high_db // step) + 1)
    ]


def round_reach(peak: float) -> float:
    """Return the amplitude that a waveform's lane goes up to: all of it for loud sounds, a little above for others."""
    if peak > 1.0:
        return peak * 1.02
    if peak > 0.6:
        return 1.0
    # From -40 dB on: what is quieter looks quiet.
    return float(10 ** (ceil(20 * log10(max(peak, 0.01)) / 3) * 3 / 20) * 1.03)


def choose_bars(figure: Figure, most: int) -> list[tuple[float, str]]:
    """Return where to write the numbers of bars: as they were heard, else by the clock; nowhere without either."""
    heard = figure.downbeats
    if not heard:
        return list(iter_bars(figure.clock, figure.start_s, figure.span_s, most))
    step = next((step for step in _BAR_STEPS if len(heard) / step <= most), _BAR_STEPS[-1])
    numbered = ((number + figure.first_bar, at) for number, at in enumerate(heard))
    return [(at, str(number)) for number, at in numbered if (number - 1) % step == 0]
