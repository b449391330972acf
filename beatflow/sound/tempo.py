"""Tempo, beats and bars, with confidences and the tempi that could also be meant.

Onset strength in 25 bands, its autocorrelation combed over 40 to 220 BPM, a model of what beats are like for the
octave, and a coherent refinement over the whole length, so that loops of constant tempo come out exact. Which octave
is meant is a matter of taste even for people: the alternatives are part of the result, and the confidence falls where
the octave is open. Knows nothing of files.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from beatflow.errors import UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.beats import find_beats
from beatflow.sound.downbeats import find_bars, place_beats, softmax
from beatflow.sound.drift import measure_drift
from beatflow.sound.hops import mix_down
from beatflow.sound.octave import Rhythm, describe, judge, listen
from beatflow.sound.onsets import OnsetMeter, Onsets
from beatflow.sound.periods import (
    FASTEST,
    GRID,
    SLOWEST,
    Spectrum,
    Values,
    find_peaks,
    measure_pulse,
    score_tempi,
)
from beatflow.sound.wandering import even_out

_LEAST_BEATS = 2.9
LEAST_CONFIDENCE = 0.05
"""Below it nothing pulses: the tempo is None."""
_ALTERNATIVES = 3
_CLEARER = 0.1
"""By how much the confidence must grow for music that wanders to be measured as if it had been played to a click."""
_RELATIVES = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0, 3.0)
_SAME = 0.03


@dataclass(frozen=True, slots=True)
class Tempo:
    """A measured tempo.

    Parameters
    ----------
    tempo : float or None
        BPM; None where nothing pulses, or for less than three beats.
    confidence : float
        0 to 1, the product of how likely this one of all tempi that fit is meant, and of how far the pulse stands out
        from chance. 0 without a tempo, otherwise 0.05 and more.
    alternatives : tuple of float
        Other tempi that fit, best first, BPM.
    beats : tuple of float
        Times in seconds. Evenly spaced when `steady`.
    steady : bool
        The tempo does not wander: one grid fits from start to end.
    downbeats : tuple of float
        Those of `beats` that begin a bar.
    meter : str or None
        ``4/4``, ``3/4`` or ``6/8``; in 6/8 a beat is a dotted quarter, and two of them make a bar. None where bars
        cannot be told.
    downbeat_confidence : float
        0 to 1: how sure `downbeats` and `meter` are.
    """

    tempo: float | None
    confidence: float
    alternatives: tuple[float, ...]
    beats: tuple[float, ...]
    steady: bool
    downbeats: tuple[float, ...] = ()
    meter: str | None = None
    downbeat_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class TempoFit:
    """How well a sound bears out a tempo that somebody claims.

    Parameters
    ----------
    claimed : float
        BPM.
    tempo : float or None
        The steady tempo nearest to it that fits best, BPM, within 3 %; None where nothing repeats.
    deviation_bpm : float or None
        Measured minus claimed.
    phase_s : float
        Time of the first beat of that grid, seconds.
    fit : float
        0 to 1: how much of what repeats at all in the sound lies on that grid, whole, halved or doubled. Of right
        claims it is nearly always above `BORNE_OUT`, of wrong ones nearly always below.
    ratio : float
        What the tempo that would be measured without a claim is of this one: 1, 2, 0.5, 1.5 …; 0 where nothing
        pulses or the two are no relatives.
    """

    claimed: float
    tempo: float | None
    deviation_bpm: float | None
    phase_s: float
    fit: float
    ratio: float


BORNE_OUT = 0.6
NO_TEMPO = Tempo(None, 0.0, (), (), False)


def measure_tempo(audio: Audio | Iterable[Audio], bpm_range: tuple[float, float] | None = None) -> Tempo:
    """Measure the tempo of a sound, or of its blocks in order; see `TempoMeter.result`."""
    meter = _feed(audio)
    return meter.result(bpm_range) if meter else NO_TEMPO


def test_tempo(audio: Audio | Iterable[Audio], bpm: float) -> TempoFit:
    """Test whether a sound, or its blocks in order, bears out a tempo; see `TempoFit`."""
    meter = _feed(audio)
    return meter.test(bpm) if meter else _refuted(bpm)


def _feed(audio: Audio | Iterable[Audio]) -> "TempoMeter | None":
    meter = None
    for block in (audio,) if isinstance(audio, Audio) else audio:
        meter = meter or TempoMeter(block.sample_rate)
        meter.add(mix_down(block.samples))
    return meter


class TempoMeter:
    """Takes mono blocks, gives `Tempo` at the end; keeps 2.6 KB for each second."""

    def __init__(self, sample_rate: int) -> None:
        self._onsets = OnsetMeter(sample_rate)
        self._heard: Onsets | None = None

    def add(self, mono: Samples) -> None:
        """Take the next samples, shape (frames,)."""
        self._onsets.add(mono)

    def _listen(self) -> Onsets:
        self._heard = self._heard or self._onsets.result()
        return self._heard

    def result(self, bpm_range: tuple[float, float] | None = None) -> Tempo:
        """Find the tempo; nothing can be added afterwards.

        Parameters
        ----------
        bpm_range : (float, float), optional
            Only tempi in it are considered, for the result and for the alternatives.

        Raises
        ------
        UsageError
            The range holds no tempo between 40 and 220 BPM.
        """
        low, high = bpm_range or (SLOWEST, FASTEST)
        if not ((low <= GRID) & (high >= GRID)).any():
            raise UsageError(
                f"no tempo between {low:g} and {high:g} BPM",
                hint=f"use a range within {SLOWEST:g} and {FASTEST:g} BPM",
            )
        onsets = self._listen()
        if not onsets.full.any():
            return NO_TEMPO
        pulse = _find_pulse(onsets, low, high)
        if pulse is None:
            return NO_TEMPO
        steady = pulse.steady
        evened = None if steady else even_out(onsets, pulse.beats)
        again = _find_pulse(evened.onsets, low, high) if evened else None
        if evened and again and again.confidence >= pulse.confidence + _CLEARER:
            onsets, pulse = evened.onsets, again
        else:
            evened = None
        bars = find_bars(onsets, pulse.rhythm, pulse.beats, pulse.tempi[0])
        times = evened.restore(pulse.beats) if evened else pulse.beats
        beats = tuple(float(time) for time in np.round(times[times < self._listen().duration_s], 4))
        return Tempo(
            pulse.tempi[0],
            pulse.confidence,
            tuple(pulse.tempi[1 : 1 + _ALTERNATIVES]),
            beats,
            steady,
            beats[bars.first :: bars.per_bar] if bars.per_bar else (),
            bars.meter,
            bars.confidence,
        )

    def onsets(self) -> Onsets:
        """The curves of onset strength that the tempo is found in. Nothing can be added afterwards."""
        return self._listen()

    def drift(self, tempo: float) -> float:
        """By which part a tempo grows from start to end; see `measure_drift`. Nothing can be added afterwards."""
        onsets = self._listen()
        return measure_drift(onsets, tempo) if onsets.full.any() else 0.0

    def test(self, bpm: float) -> TempoFit:
        """Test a claimed tempo instead of finding one; nothing can be added afterwards."""
        onsets = self._listen()
        if not onsets.full.any() or onsets.duration_s * bpm / 60 < _LEAST_BEATS:
            return _refuted(bpm)
        spectrum = Spectrum(onsets)
        tempo = spectrum.refine(bpm)
        every = spectrum.coherence(np.geomspace(bpm / 1.5, bpm * 1.5, 2000))
        here = float(spectrum.coherence(np.array([tempo]))[0])
        floor = float(np.median(every))
        fit = min(1.0, max(0.0, (here - floor) / max(float(every.max()) - floor, 1e-12)))
        times, _ = find_beats(onsets.full, onsets.low, onsets.hop_rate, tempo, onsets.duration_s)
        beats = place_beats(onsets, np.array(times))
        found, _ = rank_tempi(onsets, listen(onsets), spectrum, SLOWEST, FASTEST)
        ratio = next(
            (
                r
                for r in (1.0, 2.0, 0.5, 1.5, 2 / 3, 3.0, 1 / 3)
                if found and abs(found[0] / tempo / r - 1) < _SAME
            ),
            0.0,
        )
        phase_s = round(float(beats[0]), 4) if len(beats) else 0.0
        return TempoFit(bpm, tempo, round(tempo - bpm, 3), phase_s, round(fit, 2), ratio)


@dataclass(frozen=True, slots=True)
class _Pulse:
    """Tempi, the likeliest first, and the beats of that, seconds."""

    tempi: list[float]
    confidence: float
    rhythm: Rhythm
    beats: Values
    steady: bool


def _find_pulse(onsets: Onsets, low: float, high: float) -> _Pulse | None:
    """None where nothing pulses."""
    rhythm = listen(onsets)
    tempi, chances = rank_tempi(onsets, rhythm, Spectrum(onsets), low, high)
    if not tempi:
        return None
    confidence = round(float(chances[0]) * _pulse(onsets, rhythm, tempi[0]), 2)
    if confidence < LEAST_CONFIDENCE:
        return None
    found, steady = find_beats(onsets.full, onsets.low, onsets.hop_rate, tempi[0], onsets.duration_s)
    return _Pulse(tempi, confidence, rhythm, place_beats(onsets, np.array(found)), steady)


def rank_tempi(
    onsets: Onsets, rhythm: Rhythm, spectrum: Spectrum, low: float, high: float
) -> tuple[list[float], Values]:
    """Tempi that fit, and how likely each of them is meant, the likeliest first."""
    tempi = [
        tempo
        for tempo in find_candidates(onsets, rhythm, spectrum, low, high)
        if onsets.duration_s * tempo / 60 >= _LEAST_BEATS
    ]
    if not tempi:
        return [], np.zeros(0)
    chances = softmax(judge(np.array([describe(rhythm, tempo) for tempo in tempi])))
    order = np.argsort(-chances, kind="stable")
    return [tempi[place] for place in order], chances[order]


def find_candidates(
    onsets: Onsets, rhythm: Rhythm, spectrum: Spectrum, low: float = SLOWEST, high: float = FASTEST
) -> list[float]:
    """Tempi at which the sound repeats, and the metrical relatives of the best of them, BPM."""
    curve = score_tempi([rhythm.full, rhythm.low], onsets.hop_rate)
    peaks = find_peaks(np.where((low <= GRID) & (high >= GRID), curve, 0.0))[:6]
    if not peaks:
        return []
    own = [spectrum.refine(float(GRID[peak])) for peak in peaks]
    found: list[float] = []
    for tempo in [own[0], *(own[0] * ratio for ratio in _RELATIVES), *own[1:]]:
        allowed = tempo in own or max(low, SLOWEST) <= tempo <= min(high, FASTEST)
        if allowed and all(abs(np.log(tempo / other)) > _SAME for other in found):
            found.append(tempo if tempo in own else spectrum.refine(tempo, 0.006))
    return found


def _pulse(onsets: Onsets, rhythm: Rhythm, tempo: float) -> float:
    period = onsets.hop_rate * 60 / tempo
    hops = len(onsets.full)
    return max(measure_pulse(kind, hops, onsets.hop_rate, period) for kind in (rhythm.full, rhythm.low))


def _refuted(bpm: float) -> TempoFit:
    return TempoFit(bpm, None, None, 0.0, 0.0, 0.0)
