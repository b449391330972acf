"""Finds stretches of music that could be loops: whole bars after which the music comes back to where it was.

Chroma, colour and attacks of each sixteenth are compared with those some bars later: a stretch is a good loop where
what leads to its start is like what leads to its end, and what follows its start like what follows its end. The length
is then found to the sample by correlation. Knows no files; how the seam is closed, `beatflow.sound.looping` knows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import HopCutter, mix_down, power_spectra
from beatflow.sound.seamlevel import measure_seam
from beatflow.sound.tempo import Tempo

Features = NDArray[np.float32]
Read = Callable[[int, int], Audio]
"""Gives the sound from a frame on, so many frames of it; at its ends fewer."""

USUAL_BARS = (16, 8, 4, 2, 1)
MOST_BARS = 64
BEATS_OF_BAR = {"4/4": 4, "3/4": 3, "6/8": 2}
_PARTS = 4  # of a beat
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 16, 60.0, 10_000.0
_WHOLE_LIKENESS = 0.9
"""Said of a sound that is whole bars long from end to end, and comes round smoothly: nothing is there to compare."""
_SURE_BARS = 0.3
_BAR_BONUS, _DOWNBEAT_BONUS = 0.05, 0.05
_QUIET_DB, _QUIET_COST = 4.0, 0.03  # an intro that fades in loops well, and is not what anybody wants
_NEAR_S, _DRIFT, _CORRELATED_S = 0.03, 0.004, 2.0
_LEAST_CORRELATION, _SURE_CORRELATION = 0.35, 0.9
_SNAP_S, _FAR_S = 0.0015, 0.006
_ATTACK_S, _BEFORE_ATTACK_S = 0.04, 0.002


@dataclass(frozen=True, slots=True)
class Loop:
    """A stretch that can be repeated.

    Parameters
    ----------
    start, frames : int
        Where, in frames.
    bars : int
    beats : int
        In all of them.
    tempo : float
        BPM of exactly this length.
    likeness : float
        0 to 1: how like the music around its end is to that around its start.
    correlation : float
        0 to 1: how far the waveform itself repeats after this length; high for sequenced music, low for what is played.
    """

    start: int
    frames: int
    bars: int
    beats: int
    tempo: float
    likeness: float
    correlation: float = 0.0

    @property
    def worth(self) -> float:
        """By which loops are ranked: long ones, and such as repeat to the sample, before others that are as alike."""
        return self.likeness + _BAR_BONUS * float(np.log2(self.bars)) + 0.1 * self.correlation

    def shares(self, other: "Loop") -> bool:
        """Whether it is as long as another one and lies over more than half of it."""
        shared = min(self.start + self.frames, other.start + other.frames) - max(self.start, other.start)
        return self.beats == other.beats and shared > 0.5 * min(self.frames, other.frames)


def find_loops(audio: Audio, tempo: Tempo, bars: Sequence[int] | None = None, count: int = 5) -> list[Loop]:
    """The best loops of a sound, best first; none where there is no tempo, or not as many bars."""
    meter = LoopMeter(audio.sample_rate)
    meter.add(mix_down(audio.samples))

    def read(start: int, frames: int) -> Audio:
        return Audio(audio.samples[max(start, 0) : max(start + frames, 0)], audio.sample_rate)

    return meter.find(tempo, read, bars, count)


class LoopMeter:
    """Takes mono blocks, finds loops at the end; keeps 5 KB for each second."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        size = 1 << round(np.log2(sample_rate * 4096 / 44_100))
        self._hop = max(1, size // 4)
        self._cutter = HopCutter(size, self._hop)
        self._taper = np.hanning(size).astype(np.float32)
        self._matrix = _make_matrix(sample_rate, size)
        self._found: list[Features] = []
        self._loudness: Features = np.zeros(0, np.float32)
        self._frames = 0

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        self._frames += len(mono)
        self._take(self._cutter.add(mono))

    def find(
        self,
        tempo: Tempo,
        read: Read,
        bars: Sequence[int] | None = None,
        count: int = 5,
        exact: bool = False,
    ) -> list[Loop]:
        """The best loops, best first; nothing can be added afterwards.

        Parameters
        ----------
        tempo : Tempo
        read : callable
            See `Read`; is asked for some seconds around each candidate.
        bars : sequence of int, optional
            Which lengths; else 1 to 16, by doubling.
        count : int
            How many, at most.
        exact : bool
            The tempo was given, and is to be kept to the frame.
        """
        self._take(self._cutter.finish())
        beats = np.array(tempo.beats)
        if tempo.tempo is None or len(beats) < 2:
            return []
        beats = _complete(beats, 60 / tempo.tempo, self._frames / self._rate)
        parts = self._by_parts(beats)
        candidates = _rate_candidates(parts, self._loudness, beats, tempo, bars)
        whole = self._find_whole(tempo, bars, read)
        chosen = ([whole] if whole else []) + _choose(candidates, beats, self._rate, 2 * count)
        refined = [_refine(one, tempo, read, self._rate, exact) for one in chosen]
        fitting = [one for one in refined if one.start >= 0 and one.start + one.frames <= self._frames]
        return sorted(fitting, key=lambda one: -one.worth)[:count]

    def _take(self, windows: Samples) -> None:
        for start in range(0, len(windows), 32):
            power = power_spectra(windows[start : start + 32], self._taper)
            self._found.append(np.sqrt(power @ self._matrix))

    def _by_parts(self, beats: NDArray[np.float64]) -> Features:
        """What each quarter of a beat sounds like, shape (parts, features): unit variance in each group."""
        levels = np.concatenate(self._found)
        chroma, bands = levels[:, :12], levels[:, 12:]
        loud = 20 * np.log10(bands + 1e-3 * bands.mean() + 1e-9)
        rise = np.maximum(np.diff(loud, axis=0, prepend=loud[:1]), 0)
        tones = chroma / (chroma.sum(axis=1, keepdims=True) + 1e-3 * chroma.sum(axis=1).mean() + 1e-9)
        times = np.interp(np.arange((len(beats) - 1) * _PARTS + 1) / _PARTS, np.arange(len(beats)), beats)
        edges = np.clip(np.round(times * self._rate / self._hop).astype(np.intp), 0, len(levels) - 1)
        groups = [_average(group, edges) for group in (tones, loud)] + [_average(rise, edges)]
        self._loudness = groups[1].mean(axis=1)
        return np.concatenate([_standardize(group) for group in groups], axis=1)

    def _find_whole(self, tempo: Tempo, bars: Sequence[int] | None, read: Read) -> Loop | None:
        """All of the sound, where that is whole bars and comes round smoothly: somebody has cut it for a loop."""
        assert tempo.tempo is not None
        of_bar = BEATS_OF_BAR.get(tempo.meter or "4/4", 4)
        exact = self._frames / self._rate * tempo.tempo / 60 / of_bar
        number = round(exact)
        if number not in (bars or range(1, USUAL_BARS[0] + 1)) or abs(exact / number - 1) > 0.0005:
            return None
        if measure_seam(read(0, self._frames)).audible:
            return None
        beats = number * of_bar
        return Loop(
            0, self._frames, number, beats, 60 * beats * self._rate / self._frames, _WHOLE_LIKENESS, 1.0
        )


def _make_matrix(sample_rate: int, size: int) -> Features:
    """From power spectra to 12 pitch classes and some bands, shape (bins, 12 + bands)."""
    hz = np.arange(size // 2 + 1) * sample_rate / size
    matrix = np.zeros((len(hz), 12 + _BANDS), np.float32)
    tonal = np.flatnonzero((hz > 100) & (hz < 2500))
    matrix[tonal, np.round(12 * np.log2(hz[tonal] / 440)).astype(int) % 12] = 1
    edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.45 * sample_rate), _BANDS + 1)
    for band in range(_BANDS):
        matrix[(hz >= edges[band]) & (hz < edges[band + 1]), 12 + band] = 1
    return matrix


def _complete(beats: NDArray[np.float64], period: float, duration_s: float) -> NDArray[np.float64]:
    """The beats, and those that would come before and after them, so far as there is sound for a whole one."""
    before = np.arange(beats[0] - period, -0.02, -period)[::-1]
    after = np.arange(beats[-1] + period, duration_s + 0.02, period)
    return np.asarray(np.clip(np.concatenate([before, beats, after]), 0.0, duration_s))


def _average(values: Features, edges: NDArray[np.intp]) -> Features:
    total = np.cumsum(np.pad(values.astype(np.float64), ((1, 0), (0, 0))), axis=0)
    last = np.maximum(edges[1:], edges[:-1] + 1)
    return np.asarray((total[last] - total[edges[:-1]]) / (last - edges[:-1])[:, None], np.float32)


def _standardize(group: Features) -> Features:
    centred = group - group.mean(axis=0)
    return np.asarray(centred / (np.sqrt((centred**2).sum(axis=1).mean()) + 1e-9), np.float32)


@dataclass(frozen=True, slots=True)
class _Candidate:
    beat: int
    bars: int
    beats: int
    likeness: float
    worth: float


def _rate_candidates(
    parts: Features,
    loudness: Features,
    times: NDArray[np.float64],
    tempo: Tempo,
    bars: Sequence[int] | None,
) -> list[_Candidate]:
    """Every start and length that is possible."""
    of_bar = BEATS_OF_BAR.get(tempo.meter or "4/4", 4)
    sure = tempo.downbeat_confidence >= _SURE_BARS and bool(tempo.downbeats)
    downbeats = {int(np.argmin(np.abs(times - at))) for at in tempo.downbeats}
    energy = (parts**2).sum(axis=1)
    found = []
    for number in bars or USUAL_BARS:
        beats = number * of_bar
        lag = beats * _PARTS
        if lag > len(parts):
            continue
        alike = (parts[:-lag] * parts[lag:]).sum(axis=1) if lag < len(parts) else np.zeros(0)
        scale = np.sqrt(energy[:-lag] * energy[lag:]) if lag < len(parts) else np.zeros(0)
        reach = min(of_bar * _PARTS, lag)
        for beat in range(len(parts) // _PARTS - beats + 1):
            if sure and beat not in downbeats:
                continue
            near = slice(max(0, beat * _PARTS - reach), beat * _PARTS + reach)
            total = float(scale[near].sum())
            # Half a bar at least has to be there to compare.
            if len(scale[near]) * 2 < reach or total <= 0:
                continue
            likeness = min(1.0, max(0.0, float(alike[near].sum()) / total))
            worth = likeness + _BAR_BONUS * np.log2(number) + _DOWNBEAT_BONUS * (beat in downbeats)
            cost = _count_silence(parts, beat, beats) + _tell_quiet(loudness, beat, beats)
            found.append(_Candidate(beat, number, beats, likeness, worth - cost))
    return found


def _count_silence(parts: Features, beat: int, beats: int) -> float:
    """How much of a stretch has nothing in it: what never changes is silence, or one long tone."""
    stretch = parts[beat * _PARTS : (beat + beats) * _PARTS]
    return (
        0.5 * float(np.mean(np.abs(np.diff(stretch, axis=0)).sum(axis=1) < 1e-3)) if len(stretch) > 1 else 0.0
    )


def _tell_quiet(loudness: Features, beat: int, beats: int) -> float:
    """What it costs a stretch to be quieter than most of the sound, or not as loud at its end as at its start."""
    stretch = loudness[beat * _PARTS : (beat + beats) * _PARTS]
    half = len(stretch) // 2
    below = float(np.median(loudness) - stretch.mean())
    slope = abs(float(stretch[:half].mean() - stretch[half:].mean())) if half else 0.0
    return min(0.5, _QUIET_COST * (max(0.0, below - _QUIET_DB) + max(0.0, slope - _QUIET_DB)))


def _choose(candidates: list[_Candidate], times: NDArray[np.float64], rate: int, count: int) -> list[Loop]:
    """The best ones that are not much the same as a better one."""
    chosen: list[_Candidate] = []
    for one in sorted(candidates, key=lambda other: -other.worth):
        if all(_differ(one, other) for other in chosen):
            chosen.append(one)
        if len(chosen) == count:
            break
    loops = []
    for one in chosen:
        start, end = times[one.beat], times[min(one.beat + one.beats, len(times) - 1)]
        frames = max(1, round((end - start) * rate))
        tempo = 60 * one.beats * rate / frames
        loops.append(Loop(round(start * rate), frames, one.bars, one.beats, tempo, round(one.likeness, 3)))
    return loops


def _differ(one: _Candidate, other: _Candidate) -> bool:
    """Whether two stretches share less than half of the shorter one."""
    shared = min(one.beat + one.beats, other.beat + other.beats) - max(one.beat, other.beat)
    return shared < 0.5 * min(one.beats, other.beats) or one.beats != other.beats


def _refine(loop: Loop, tempo: Tempo, read: Read, rate: int, exact: bool) -> Loop:
    """Put the start just before its attack, and find the length at which the waveform repeats."""
    assert tempo.tempo is not None
    if loop.start == 0 and loop.correlation == 1.0:
        return loop
    nominal = round(60 * loop.beats * rate / tempo.tempo)
    expected = nominal if exact or tempo.steady else loop.frames
    start = _find_attack(read, loop.start, rate)
    lag, correlation = _find_lag(read, start, expected, rate)
    off_s = abs(lag - nominal) / rate
    # Of a steady tempo, chords that are alike half a vibrato early say nothing; a waveform that repeats does.
    sure = correlation >= (_SURE_CORRELATION if tempo.steady and off_s > _FAR_S else _LEAST_CORRELATION)
    if exact or (tempo.steady and (not sure or off_s <= _SNAP_S)):
        frames = nominal
    else:
        frames = lag if sure else expected
    return replace(
        loop,
        start=start,
        frames=frames,
        tempo=60 * loop.beats * rate / frames,
        correlation=round(correlation, 3),
    )


def _find_attack(read: Read, start: int, rate: int) -> int:
    """The frame just before the attack that a beat is; the beat itself where there is none."""
    reach, step = round(_ATTACK_S * rate), max(1, round(0.001 * rate))
    first = max(0, start - reach)
    audio = read(first, start + reach - first)
    mono = mix_down(audio.samples).astype(np.float64)
    energy = np.diff(mono, prepend=mono[:1]) ** 2
    steps = len(energy) // step
    if steps < 16:
        return start
    levels = energy[: steps * step].reshape(steps, step).sum(axis=1)
    before = np.lib.stride_tricks.sliding_window_view(np.pad(levels, (8, 0), mode="edge"), 8)[:steps].mean(
        axis=1
    )
    after = np.lib.stride_tricks.sliding_window_view(np.pad(levels, (0, 8), mode="edge"), 8)[:steps].mean(
        axis=1
    )
    rise = after / (before + 1e-3 * levels.max() + 1e-15)
    best = int(np.argmax(rise))
    if rise[best] < 4:
        return start
    return max(0, first + best * step - round(_BEFORE_ATTACK_S * rate))


def _find_lag(read: Read, start: int, expected: int, rate: int) -> tuple[int, float]:
    """The length near the expected one after which the waveform is most like itself, and how much."""
    reach = round(_NEAR_S * rate + min(_DRIFT * expected, 0.05 * rate))
    length = min(round(_CORRELATED_S * rate), expected)
    first = max(0, start - length // 4)
    one = mix_down(read(first, length).samples).astype(np.float64)
    other = mix_down(read(first + expected - reach, length + 2 * reach).samples).astype(np.float64)
    if len(other) < 2 * reach + length // 4 or first + expected < reach:
        return expected, 0.0
    one = one[: len(other) - 2 * reach]
    size = 1 << (len(other) + len(one)).bit_length()
    product = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)[: 2 * reach + 1]
    total = np.cumsum(np.pad(other**2, (1, 0)))
    energy = (total[len(one) :] - total[: len(total) - len(one)])[: 2 * reach + 1]
    alike = product / np.sqrt(np.maximum(energy * float(one @ one), 1e-12))
    best = int(np.argmax(alike))
    return expected - reach + best, float(min(1.0, max(0.0, alike[best])))
