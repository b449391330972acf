"""The files that the service delivered, as a track and stems that sum to it. Knows no network.

The track is mastered, its stems are not, so they do not sum to it. The track is what was paid for and stays as it came;
its stems take the difference in proportion to their level, as those of a separator do (`sound.exact.make_exact`), so
that what holds for every track in BeatFlow holds here too. How much that was is recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beatflow.ai.beatoven.transport import Download
from beatflow.errors import AudioError, EngineError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import make_exact, quantize
from beatflow.sound.files import AudioReader, check_finite
from beatflow.sound.resample import resample

_LONGEST_S = 1800.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file as it was delivered."""

    audio: Audio
    subtype: str
    sha256: str

    def to_json(self) -> dict[str, object]:
        """What provenance should know of it."""
        audio = self.audio
        return {
            "sha256": self.sha256,
            "subtype": self.subtype,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
            "frames": audio.frames,
        }


@dataclass(frozen=True, slots=True)
class Assembly:
    """A mix and stems that sum to it; ``residual_db`` is what the stems lacked, relative to the mix."""

    mix: Audio
    stems: Mapping[str, Audio]
    subtype: str
    residual_db: float | None


def decode(download: Download, name: str) -> Delivered:
    """Read a file that was delivered, and close it.

    Raises
    ------
    EngineError
        It is not sound, broken off, silent of any frame, not numbers, or longer than half an hour.
    """
    words = f"what Beatoven delivered as its {name}"
    try:
        with download.file, AudioReader(download.file, words) as reader:
            info = reader.info
            if info.truncated or not info.frames:
                raise AudioError(f"{words} is broken off or empty")
            if info.duration_s > _LONGEST_S:
                raise AudioError(f"{words} is longer than half an hour")
            audio = reader.read(info.frames)
            check_finite(audio, words)
    except AudioError as error:
        raise EngineError(error.message) from error
    return Delivered(audio, info.subtype, download.sha256)


def assemble(track: Delivered, stems: Mapping[str, Delivered], wanted: Sequence[str] | None) -> Assembly:
    """Put a track and its stems together, exactly.

    Parameters
    ----------
    track : Delivered
    stems : mapping of str to Delivered
        All that there are; maybe none.
    wanted : sequence of str or None
        Only these; the mix is then their sum.

    Raises
    ------
    EngineError
        A stem that is wanted was not delivered.
    """
    subtype = "PCM_16" if track.subtype in ("PCM_16", "PCM_U8", "PCM_S8") else "PCM_24"
    mix = quantize(track.audio, subtype)
    if not stems and not wanted:
        return Assembly(mix, {}, subtype, None)
    estimates = {name: _fit(stem.audio, mix) for name, stem in stems.items()}
    missing = [name for name in wanted or () if name not in estimates]
    if missing:
        there = ", ".join(estimates) or "no stems at all"
        raise EngineError(f"Beatoven delivered no {', '.join(missing)}", hint=f"it delivered {there}")
    residual_db = _measure_residual(mix, estimates)
    exact = make_exact(estimates, mix, subtype)
    if wanted is not None:
        exact = {name: audio for name, audio in exact.items() if name in wanted}
        total = sum((stem.samples for stem in exact.values()), np.zeros_like(mix.samples))
        # Where the stems that are left are too loud together, the mix is held at the edge and they give way.
        mix = quantize(Audio(total, mix.sample_rate), subtype)
        exact = make_exact(exact, mix, subtype)
    return Assembly(mix, exact, subtype, residual_db)


def _fit(stem: Audio, mix: Audio) -> Audio:
    """A stem at the rate, channels and length of the mix; of other channels than it has, their mean."""
    samples = resample(stem, mix.sample_rate).samples
    if samples.shape[1] != mix.channels:
        samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    fitted = np.zeros(mix.samples.shape, np.float32)
    frames = min(mix.frames, len(samples))
    fitted[:frames] = samples[:frames]
    return Audio(fitted, mix.sample_rate)


def _measure_residual(mix: Audio, estimates: Mapping[str, Audio]) -> float | None:
    """Level of what the stems lack to the mix, dB relative to the mix; None where either is silent."""
    lack = mix.samples.astype(np.float64)
    power = float(np.sum(lack**2))
    for estimate in estimates.values():
        lack -= estimate.samples
    rest = float(np.sum(lack**2))
    return round(10.0 * float(np.log10(rest / power)), 1) if rest and power else None
