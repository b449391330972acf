"""Measuring a sound once, for everything that a contract may ask of it: tempo, key, loudness, the seam of a loop.

Knows no terms: what the figures mean for them, `judging` says.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from beatflow.sound.audio import Audio
from beatflow.sound.hops import mix_down
from beatflow.sound.key import KeyEstimate, KeyMeter
from beatflow.sound.looping import Seam, measure_seam
from beatflow.sound.loudness import Loudness, LoudnessMeter
from beatflow.sound.periods import FASTEST, SLOWEST
from beatflow.sound.tempo import BORNE_OUT, Tempo, TempoFit, TempoMeter

MOST_STRETCH = 0.12
"""Beyond this part of its tempo a sound is not stretched: it would be heard."""
RELATIVES = (1.0, 2.0, 0.5, 1.5, 2 / 3, 3.0, 1 / 3)
"""What a measured tempo may be of the one that is meant."""
CONFIDENT = 0.3
"""A measured tempo or key with less confidence is a mere guess."""
_OCTAVE = 1.4
_BLOCK_FRAMES = 1 << 18


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a sound turns out to be.

    Parameters
    ----------
    frames, sample_rate : int
    tempo : Tempo
        As found without knowing what was asked, within an octave around it.
    fits : sequence of TempoFit
        For the tempo that was asked for first; then for those relatives of the found one that are near enough to it.
    key : KeyEstimate
    loudness : Loudness
    seam : Seam or None
        Where it should loop.
    drift : float
        By which part the tempo grows over a short sound, where a tempo was asked for.
    """

    frames: int
    sample_rate: int
    tempo: Tempo
    key: KeyEstimate
    loudness: Loudness
    fits: Sequence[TempoFit] = field(default=())
    seam: Seam | None = None
    drift: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def wanders(self) -> bool:
        """It has a tempo, but not the same from start to end."""
        return self.tempo.tempo is not None and (not self.tempo.steady or self.drift != 0.0)

    @property
    def fit(self) -> TempoFit | None:
        """The steady grid nearest to the tempo asked for; None where nothing pulses steadily, or fits."""
        if self.tempo.tempo is None or self.wanders:
            return None
        return next((fit for fit in self.fits if fit.tempo is not None and fit.fit >= BORNE_OUT), None)

    def to_json(self) -> dict[str, Any]:
        """The figures that a record keeps, under the names of the glossary."""
        return {
            "tempo": self.tempo.tempo,
            "tempo_confidence": self.tempo.confidence,
            "key": self.key.key,
            "key_confidence": self.key.confidence,
            "loudness_lufs": self.loudness.integrated_lufs,
            "true_peak_dbtp": self.loudness.true_peak_dbtp,
        }


def measure(
    audio: Audio | Iterable[Audio],
    tempo: float | None = None,
    loop: bool = False,
    bpm_range: tuple[float, float] | None = None,
) -> Measurement:
    """Measure a sound, or its blocks in order.

    Parameters
    ----------
    audio : Audio or iterable of Audio
        All of it where ``loop`` is set.
    tempo : float or None
        BPM that should be borne out.
    loop : bool
        Measure the seam as well.
    bpm_range : (float, float), optional
        Where to look for the tempo; else around the one that should be borne out, or everywhere.
    """
    blocks = _cut(audio) if isinstance(audio, Audio) else iter(audio)
    first = next(blocks)
    rate = first.sample_rate
    beat, key, loudness = TempoMeter(rate), KeyMeter(rate), LoudnessMeter(rate, first.channels)
    frames = 0
    with ThreadPoolExecutor(1) as helper:
        block: Audio | None = first
        while block is not None:
            mono = mix_down(block.samples)
            beating = helper.submit(beat.add, mono)
            key.add(mono)
            loudness.add(block.samples)
            frames += block.frames
            beating.result()
            block = next(blocks, None)
    fits = [beat.test(tempo)] if tempo else []
    found = beat.result(bpm_range or _around(tempo))
    if tempo and found.tempo:
        fits += [beat.test(near) for near in _find_near(found, tempo)]
    drift = beat.drift(found.tempo) if tempo and found.tempo else 0.0
    seam = measure_seam(audio) if loop and isinstance(audio, Audio) else None
    return Measurement(frames, rate, found, key.result(), loudness.result(), tuple(fits), seam, drift)


def _cut(audio: Audio) -> Iterator[Audio]:
    starts = range(0, max(audio.frames, 1), _BLOCK_FRAMES)
    return (Audio(audio.samples[at : at + _BLOCK_FRAMES], audio.sample_rate) for at in starts)


def _around(tempo: float | None) -> tuple[float, float] | None:
    """Where to look for the tempo; everywhere, when it was asked to be beyond what can be found unasked."""
    if tempo is None or tempo / _OCTAVE >= FASTEST or tempo * _OCTAVE <= SLOWEST:
        return None
    return (tempo / _OCTAVE, tempo * _OCTAVE)


def _find_near(found: Tempo, tempo: float) -> list[float]:
    """Tempi that the sound may have, near enough to the one that is asked for to be stretched to it."""
    near: list[float] = []
    for one in (found.tempo, *found.alternatives):
        for relative in RELATIVES:
            candidate = (one or 0.0) / relative
            fresh = all(abs(candidate / other - 1) > 0.01 for other in (*near, tempo))
            if fresh and abs(candidate / tempo - 1) <= MOST_STRETCH:
                near.append(candidate)
    return sorted(near, key=lambda candidate: abs(candidate / tempo - 1))[:3]
