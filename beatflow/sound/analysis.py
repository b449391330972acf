"""Everything that can be measured about one sound in one pass: tempo, key, loudness, and what is wrong with it.

Knows no files: blocks come in, figures go out. Memory grows by 17 KB for each second (onset strength), nothing else.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.hops import mix_down
from beatflow.sound.key import KeyMeter
from beatflow.sound.looks import AGAIN, REPAIR
from beatflow.sound.loudness import LoudnessMeter
from beatflow.sound.tempo import TempoMeter

_SILENCE_DBFS = -60.0
_BLOCK_FRAMES = 1 << 18  # long enough for a thread's work on it to outweigh handing it over


@dataclass(frozen=True, slots=True)
class Faults:
    """What is unusual about the samples themselves.

    Parameters
    ----------
    silent : bool
        Every sample is zero (or there are none).
    mono : bool
        More than one channel, all alike in every sample.
    clipped_samples : int
        Samples in runs of three or more at one and the same value within 0.1 % of full scale or above it.
    dc_offset : float
        Mean of the worst channel, full scale 1.
    leading_silence_s, trailing_silence_s : float
        Before the first and after the last sample above -60 dBFS.
    """

    silent: bool
    mono: bool
    clipped_samples: int
    dc_offset: float
    leading_silence_s: float
    trailing_silence_s: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """All figures of one sound, flat and under the names that BeatFlow's JSON uses.

    What could not be measured is None. See `tempo.Tempo`, `key.KeyEstimate`, `loudness.Loudness` and `Faults` for what
    each figure means.
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
    silent: bool
    mono: bool
    clipped_samples: int
    dc_offset: float
    leading_silence_s: float
    trailing_silence_s: float

    def to_json(self) -> dict[str, object]:
        """The fields as plain values, ready for JSON; never NaN or infinity."""
        values = asdict(self)
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
    with ThreadPoolExecutor(1) as helper:
        meters.add(first, helper)
        for block in blocks:
            meters.add(block, helper)
    return meters.result(bpm_range)


class _Meters:
    """All meters side by side; tempo, the longest, on a thread of its own (numpy lets go of the interpreter)."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._shape = (sample_rate, channels)
        self._tempo = TempoMeter(sample_rate)
        self._key = KeyMeter(sample_rate)
        self._loudness = LoudnessMeter(sample_rate, channels)
        self._faults = _FaultMeter(sample_rate, channels)

    def add(self, block: Audio, helper: ThreadPoolExecutor) -> None:
        if (block.sample_rate, block.channels) != self._shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows one of {self._shape[1]} "
                f"channels at {self._shape[0]} Hz"
            )
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers", hint=REPAIR)
        mono = mix_down(block.samples)
        tempo = helper.submit(self._tempo.add, mono)
        self._key.add(mono)
        self._loudness.add(block.samples)
        self._faults.add(block.samples)
        tempo.result()

    def result(self, bpm_range: tuple[float, float] | None) -> Analysis:
        sample_rate, channels = self._shape
        frames = self._faults.frames
        tempo = self._tempo.result(bpm_range)
        key = self._key.result()
        loudness = self._loudness.result()
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
            silent=faults.silent,
            mono=faults.mono,
            clipped_samples=faults.clipped_samples,
            dc_offset=faults.dc_offset,
            leading_silence_s=faults.leading_silence_s,
            trailing_silence_s=faults.trailing_silence_s,
        )


class _FaultMeter:
    """Takes blocks, gives `Faults` at the end."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self.frames = 0
        self._sums = np.zeros(channels)
        self._alike = True
        self._silent = True
        self._clipped = 0
        self._tail = np.zeros((3, channels), np.float32)
        self._loud: tuple[int, int] | None = None

    def add(self, samples: Samples) -> None:
        """Take the next frames."""
        self._sums += samples.sum(axis=0, dtype=np.float64)
        self._alike = self._alike and bool((samples[:, 1:] == samples[:, :1]).all())
        peaks = np.abs(samples).max(axis=1, initial=0.0)
        self._silent = self._silent and not peaks.any()
        loud = np.flatnonzero(peaks > 10 ** (_SILENCE_DBFS / 20))
        if loud.size:
            begin = self._loud[0] if self._loud else self.frames + int(loud[0])
            self._loud = (begin, self.frames + int(loud[-1]))
        self._count_clipped(samples)
        self.frames += len(samples)

    def result(self) -> Faults:
        """What was found so far."""
        first, last = self._loud or (self.frames, self.frames - 1)
        mean = self._sums / max(self.frames, 1)
        return Faults(
            silent=self._silent,
            mono=len(self._sums) > 1 and self._alike and self.frames > 0,
            clipped_samples=self._clipped,
            dc_offset=round(float(mean[np.argmax(np.abs(mean))]), 6) + 0.0,
            leading_silence_s=round(first / self._rate, 4),
            trailing_silence_s=round((self.frames - 1 - last) / self._rate, 4) if self._loud else 0.0,
        )

    def _count_clipped(self, samples: Samples) -> None:
        """Count samples in flat runs at the rails; a run that goes on from the block before is counted whole."""
        joined = np.concatenate([self._tail, samples])
        self._tail = joined[-3:]
        if not len(samples) or max(float(joined.max()), -float(joined.min())) < 0.999:
            return
        rail = np.abs(joined) >= 0.999
        third = rail[2:] & (joined[2:] == joined[1:-1]) & (joined[1:-1] == joined[:-2])
        # Each third sample of a run counts one, and the first of them the two before it as well. The first row
        # belongs to the block before, and only tells whether a run goes on.
        new, before = third[1:], third[:-1]
        self._clipped += int(np.count_nonzero(new)) + 2 * int(np.count_nonzero(new & ~before))


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
