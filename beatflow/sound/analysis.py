"""Everything that can be measured about one sound in one pass: tempo, key, loudness, and what is wrong with it.

Knows no files: blocks come in, figures go out.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.faults import FaultMeter
from beatflow.sound.hops import Spectrometer, mix_down
from beatflow.sound.key import KeyMeter
from beatflow.sound.looks import AGAIN, REPAIR
from beatflow.sound.loudness import LoudnessMeter
from beatflow.sound.phase import PhaseMeter
from beatflow.sound.sections import Section, SectionMeter
from beatflow.sound.tempo import TempoMeter

_THREADS = 2
_BLOCK_FRAMES = 1 << 18  # long enough for a thread's work on it to outweigh handing it over


@dataclass(frozen=True, slots=True)
class Analysis:
    """All figures of one sound, flat and under the names that BeatFlow's JSON uses.

    What could not be measured is None. See `tempo.Tempo`, `key.KeyEstimate`, `loudness.Loudness`, `phase.Phase`,
    `faults.Faults` and `sections.Section` for what each figure means.
    """

    duration_s: float
    frames: int
    channels: int
    sample_rate: int
    tempo: float | None
    tempo_confidence: float
    tempo_alternatives: tuple[float, ...]
    tempo_steady: bool
    beats: tuple[float, ...]
    downbeats: tuple[float, ...]
    meter: str | None
    downbeat_confidence: float
    key: str | None
    key_confidence: float
    key_runner_up: str | None
    tuning_cents: float | None
    loudness_lufs: float | None
    loudness_range_lu: float | None
    momentary_max_lufs: float | None
    short_term_max_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    phase_correlation: float | None
    phase_correlation_worst: float | None
    phase_worst_start_s: float | None
    phase_correlation_bass: float | None
    mono_change_db: float | None
    mono_change_worst_db: float | None
    balance_db: float | None
    silent: bool
    mono: bool
    clipped_samples: int
    dc_offset: float
    leading_silence_s: float
    trailing_silence_s: float
    silent_channels: tuple[int, ...]
    sections: tuple[Section, ...]

    def to_json(self) -> dict[str, object]:
        """The fields as plain values, ready for JSON; never NaN or infinity."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["sections"] = [asdict(section) for section in self.sections]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def analyze(audio: Audio | Iterable[Audio], bpm_range: tuple[float, float] | None = None) -> Analysis:
    """Measure a sound, or its blocks in order.

    Parameters
    ----------
    audio : Audio or iterable of Audio
        Blocks of any length, all with the same channels and sample rate.
    bpm_range : (float, float), optional
        The tempi that come into question.

    Raises
    ------
    AudioError
        There are no blocks at all, or they differ in channels or sample rate, or samples are not numbers.
    """
    blocks = _gather((audio,) if isinstance(audio, Audio) else audio)
    first = next(blocks, None)
    if first is None:
        raise AudioError("no sound to analyze", hint=AGAIN)
    meters = _Meters(first.sample_rate, first.channels)
    with ThreadPoolExecutor(_THREADS) as helpers:
        meters.add(first, helpers)
        for block in blocks:
            meters.add(block, helpers)
    return meters.result(bpm_range)


class _Meters:
    """All meters side by side, on threads: numpy lets go of the interpreter while it works on a block."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._shape = (sample_rate, channels)
        self._tempo = TempoMeter(sample_rate)
        self._spectrometer = Spectrometer(sample_rate)
        self._key = KeyMeter(sample_rate, self._spectrometer)
        self._sections = SectionMeter(self._spectrometer)
        self._loudness = LoudnessMeter(sample_rate, channels)
        self._phase = PhaseMeter(sample_rate, channels)
        self._faults = FaultMeter(sample_rate, channels)

    def add(self, block: Audio, helpers: ThreadPoolExecutor) -> None:
        if (block.sample_rate, block.channels) != self._shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows one of {self._shape[1]} "
                f"channels at {self._shape[0]} Hz"
            )
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers", hint=REPAIR)
        # Channel by channel in memory: each meter then works along its grain.
        samples = np.asfortranarray(block.samples)
        mono = mix_down(samples)
        # The longest first.
        parts = [
            helpers.submit(self._tempo.add, mono),
            helpers.submit(self._loudness.add, samples),
            helpers.submit(self._listen, self._spectrometer.add, mono),
            helpers.submit(self._phase.add, samples),
            helpers.submit(self._faults.add, samples),
        ]
        for part in parts:
            part.result()

    def _listen(self, transform: Callable[..., Iterator[NDArray[np.float32]]], *mono: Samples) -> None:
        for spectra in transform(*mono):
            self._key.add_spectra(spectra)
            self._sections.add_spectra(spectra)

    def result(self, bpm_range: tuple[float, float] | None) -> Analysis:
        sample_rate, channels = self._shape
        frames = self._faults.frames
        self._listen(self._spectrometer.finish)
        tempo = self._tempo.result(bpm_range)
        key = self._key.result()
        loudness = self._loudness.result()
        phase = self._phase.result()
        faults = self._faults.result()
        return Analysis(
            duration_s=round(frames / sample_rate, 6),
            frames=frames,
            channels=channels,
            sample_rate=sample_rate,
            tempo=tempo.tempo,
            tempo_confidence=tempo.confidence,
            tempo_alternatives=tempo.alternatives,
            tempo_steady=tempo.steady,
            beats=tempo.beats,
            downbeats=tempo.downbeats,
            meter=tempo.meter,
            downbeat_confidence=tempo.downbeat_confidence,
            key=key.key,
            key_confidence=key.confidence,
            key_runner_up=key.runner_up,
            tuning_cents=key.tuning_cents,
            loudness_lufs=loudness.integrated_lufs,
            loudness_range_lu=loudness.range_lu,
            momentary_max_lufs=loudness.momentary_max_lufs,
            short_term_max_lufs=loudness.short_term_max_lufs,
            true_peak_dbtp=loudness.true_peak_dbtp,
            sample_peak_dbfs=loudness.sample_peak_dbfs,
            phase_correlation=phase.correlation,
            phase_correlation_worst=phase.worst_correlation,
            phase_worst_start_s=phase.worst_start_s,
            phase_correlation_bass=phase.bass_correlation,
            mono_change_db=phase.mono_change_db,
            mono_change_worst_db=phase.worst_mono_change_db,
            balance_db=phase.balance_db,
            silent=faults.silent,
            mono=faults.mono,
            clipped_samples=faults.clipped_samples,
            dc_offset=faults.dc_offset,
            leading_silence_s=faults.leading_silence_s,
            trailing_silence_s=faults.trailing_silence_s,
            silent_channels=faults.silent_channels,
            sections=self._sections.result(frames / sample_rate, tempo.beats, tempo.downbeats),
        )


def _gather(blocks: Iterable[Audio]) -> Iterator[Audio]:
    """Join short blocks and cut long ones, so that threads have something to chew on and memory stays bounded."""
    waiting: list[Audio] = []
    count = 0
    for block in blocks:
        for start in range(0, max(block.frames, 1), _BLOCK_FRAMES):
            part = Audio(block.samples[start : start + _BLOCK_FRAMES], block.sample_rate)
            if waiting and (part.channels, part.sample_rate) != (waiting[0].channels, waiting[0].sample_rate):
                yield _join(waiting)
                waiting, count = [], 0
            waiting.append(part)
            count += part.frames
            if count >= _BLOCK_FRAMES:
                yield _join(waiting)
                waiting, count = [], 0
    if waiting:
        yield _join(waiting)


def _join(parts: list[Audio]) -> Audio:
    if len(parts) == 1:
        return parts[0]
    return Audio(np.concatenate([part.samples for part in parts]), parts[0].sample_rate)
