"""Finding loops in a file: which are asked for, what is heard of it section by section, and the seams closed.

A long sound is heard in sections, each with a tempo of its own; what is kept of one while the next is heard are its
best loops, and at the full rate only those are read again. Writes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from beatflow.ai.engine import Progress
from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, AudioReader, check_sound
from beatflow.sound.hops import mix_down
from beatflow.sound.looping import Closed, close_seam
from beatflow.sound.loopsearch import BEATS_OF_BAR, MOST_BARS, Loop, LoopMeter
from beatflow.sound.periods import FASTEST, SLOWEST
from beatflow.sound.tempo import NO_TEMPO, Tempo, TempoMeter

MOST_LOOPS = 64
_SECTION_S, _SHARED_S = 300.0, 60.0
_AROUND_S, _TAIL_S = 1.0, 8.0
_NEAR = 0.03
_LEAST_S = 0.5
_WORK = 0.8


@dataclass(frozen=True, slots=True)
class LoopRequest:
    """What is asked for.

    Parameters
    ----------
    bars : int or None
        How long; else what fits best.
    count : int
        How many, at most.
    tempo : float or None
        BPM, kept to the frame.
    bpm_range : (float, float) or None
        Where the tempo may lie.
    meter : str or None
    """

    bars: int | None = None
    count: int = 1
    tempo: float | None = None
    bpm_range: tuple[float, float] | None = None
    meter: str | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        UsageError
        """
        if self.bars is not None and not 1 <= self.bars <= MOST_BARS:
            raise UsageError(f"{self.bars} bars make no loop", hint=f"1 to {MOST_BARS}")
        if not 1 <= self.count <= MOST_LOOPS:
            raise UsageError(f"{self.count} loops cannot be cut", hint=f"1 to {MOST_LOOPS}")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise UsageError(
                f"{self.tempo:g} BPM is no tempo to cut by",
                hint=f"{SLOWEST:g} to {FASTEST:g}; half or double of it gives the same bars",
            )
        if self.tempo is not None and self.bpm_range is not None:
            raise UsageError(
                "a tempo and a range of them contradict each other", hint="--bpm, or --bpm-range"
            )
        if self.meter is not None and self.meter not in BEATS_OF_BAR:
            raise UsageError(
                f"{self.meter} is no meter that bars are counted by", hint=", ".join(BEATS_OF_BAR)
            )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A loop, the tempo of the section that it is in, and what closing its seam made of it."""

    loop: Loop
    tempo: Tempo
    closed: Closed


def find_closed(reader: AudioReader, request: LoopRequest, progress: Progress) -> list[Found]:
    """The best loops of a sound, closed; first those whose seam is not heard."""
    check_sound(reader)
    candidates: list[tuple[Loop, Tempo]] = []
    heard = NO_TEMPO
    silent = True
    for section in _hear(reader, request, progress):
        silent = silent and section.silent
        if section.tempo.confidence > heard.confidence or heard.tempo is None:
            heard = section.tempo
        for loop in section.loops:
            # Sections share a minute; what both found is one loop.
            if not any(loop.shares(other) for other, _ in candidates):
                candidates.append((loop, section.tempo))
    candidates.sort(key=lambda one: -one[0].worth)
    if not candidates:
        raise _explain_none(reader, request, heard, silent)
    found: list[Found] = []
    for number, (loop, tempo) in enumerate(candidates[: 2 * request.count + 2]):
        progress(_WORK + (1 - _WORK) * number / (2 * request.count + 2), "closing")
        found.append(Found(loop, tempo, close_stretch(reader, loop.start, loop.frames)))
        if sum(not one.closed.after.audible for one in found) == request.count:
            break
    return sorted(found, key=lambda one: (one.closed.after.audible, -one.loop.worth))[: request.count]


@dataclass(frozen=True, slots=True)
class _Section:
    tempo: Tempo
    loops: tuple[Loop, ...]
    silent: bool


def _hear(reader: AudioReader, request: LoopRequest, progress: Progress) -> Iterator[_Section]:
    """Hear a sound section by section, and find the loops of each, counted from the start of the sound."""
    rate, frames = reader.info.sample_rate, reader.info.frames
    length, shared = round(_SECTION_S * rate), round(_SHARED_S * rate)
    begin = 0
    while True:
        # A rest that the sections share anyway is no section of its own.
        end = frames if frames - begin <= length + shared else begin + length
        yield _hear_section(reader, request, begin, end, lambda part: progress(_WORK * part, "listening"))
        if end == frames:
            return
        begin = end - shared


def _hear_section(
    reader: AudioReader, request: LoopRequest, begin: int, end: int, progress: Callable[[float], None]
) -> _Section:
    rate = reader.info.sample_rate
    pulse, likeness = TempoMeter(rate), LoopMeter(rate)
    silent = True
    reader.seek(begin)
    for start in range(begin, end, BLOCK_FRAMES):
        mono = mix_down(reader.read(min(BLOCK_FRAMES, end - start)).samples)
        silent = silent and not bool(mono.any())
        pulse.add(mono)
        likeness.add(mono)
        progress(start / reader.info.frames)
    tempo = _find_tempo(pulse, request, (end - begin) / rate)

    def read(start: int, frames: int) -> Audio:
        first = max(begin + start, 0)
        reader.seek(first)
        return reader.read(max(begin + start + frames - first, 0))

    bars = None if request.bars is None else [request.bars]
    exact = request.tempo is not None
    loops = likeness.find(tempo, read, bars, 2 * request.count + 2, exact)
    return _Section(tempo, tuple(replace(loop, start=loop.start + begin) for loop in loops), silent)


def _find_tempo(meter: TempoMeter, request: LoopRequest, duration_s: float) -> Tempo:
    """The tempo as measured, or the one that was given, with its beats where the sound has them."""
    if request.tempo is None:
        tempo = meter.result(request.bpm_range)
        return replace(tempo, meter=request.meter) if request.meter else tempo
    fit = meter.test(request.tempo)
    period = 60 / request.tempo
    first = fit.phase_s % period
    beats = tuple(float(time) for time in np.arange(first, duration_s, period))
    near = meter.result((request.tempo * (1 - _NEAR), min(request.tempo * (1 + _NEAR), FASTEST)))
    return replace(
        near,
        tempo=request.tempo,
        beats=beats,
        steady=True,
        meter=request.meter or near.meter,
        confidence=max(near.confidence, 0.0),
    )


def close_stretch(reader: AudioReader, start: int, frames: int) -> Closed:
    """Read a stretch with what is around it, and close it."""
    rate = reader.info.sample_rate
    before = min(start, round(_AROUND_S * rate))
    # Enough to see that a tail is none, should the music go on.
    after = round((_TAIL_S + 0.5) * rate)
    reader.seek(start - before)
    return close_seam(reader.read(before + frames + after), before, frames)


def _explain_none(reader: AudioReader, request: LoopRequest, tempo: Tempo, silent: bool) -> Exception:
    name, duration_s = reader.name, reader.info.duration_s
    if silent:
        return AudioError(f"{name} is silent: there is nothing to loop")
    if duration_s < _LEAST_S:
        return AudioError(f"{name} is {duration_s:.3f} s long: too short to hold a bar")
    if tempo.tempo is None:
        bars = max(1, min(4, int(duration_s / 8)))
        return AudioError(
            f"{name} has no steady beat to cut whole bars by",
            hint="if you know its tempo, give it: --bpm 90; of a sound without a beat, "
            f"--bpm 60 --bars {bars} cuts {4 * bars} s",
        )
    beats = BEATS_OF_BAR.get(tempo.meter or "4/4", 4)
    fits = int(duration_s * tempo.tempo / 60 / beats)
    bars = request.bars or 1
    return AudioError(
        f"{name} holds no {bars} {'bar' if bars == 1 else 'bars'} that could be compared with what comes after: "
        f"it is {duration_s:.2f} s long, {fits} bars at {tempo.tempo:g} BPM",
        hint=f"--bars {max(1, fits // 2)}"
        if fits > 1
        else "a loop wants two bars of music at least, or a whole loop",
    )
