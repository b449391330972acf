"""The embedded separator: soft masks from signal cues, no model to download. Knows samples and stem names only."""

from collections.abc import Mapping

import numpy as np

from beatflow.ai.cues import describe, log_power
from beatflow.ai.engine import DEFAULT_SEPARATION, EngineInfo, Progress, Separation, Setup, no_progress
from beatflow.ai.masks import STEMS, estimate_masks
from beatflow.ai.stft import Spectrum, Stft
from beatflow.sound.audio import Audio, Samples

_SPACING_HZ = 10.77  # 4096 points at 44.1 kHz, as in the music that the masks were fitted to
_CEILING_HZ = 16000.0


class DspSeparator:
    """Drums, bass, vocals and the rest, from steadiness, attacks, repetition, register and place in the stereo field.

    One mask per stem serves all channels, so every stem keeps its image.
    """

    info = EngineInfo(name="dsp", version="1", tasks=frozenset({"separate"}), licence="Apache-2.0")
    stems = STEMS
    segment_s = 12.0
    overlap_s = 1.0

    def __init__(self, setup: Setup | None = None) -> None:
        """Need nothing of the surroundings."""

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        """Estimate each stem of a segment of any length; same shape and rate as the segment."""
        progress(0.0, "looking at the spectrum")
        stft = Stft.with_spacing(segment.sample_rate, _SPACING_HZ)
        # Levels only matter relative to each other; this keeps the squares of very quiet sound above rounding.
        peak = float(np.max(np.abs(segment.samples), initial=0.0))
        if peak == 0.0:
            return {stem: Audio(np.zeros_like(segment.samples), segment.sample_rate) for stem in self.stems}
        spectrum = stft.forward(segment.samples / np.float32(peak))
        masks = _mask(spectrum, segment, stft, peak)
        estimates = {}
        for index, stem in enumerate(self.stems):
            progress(0.6 + 0.1 * index, f"extracting {stem}")
            samples = stft.inverse(spectrum * _extend(masks[index], spectrum.shape[2]), segment.frames)
            estimates[stem] = Audio(samples * np.float32(peak), segment.sample_rate)
        progress(1.0, "separated")
        return estimates


def _mask(spectrum: Spectrum, segment: Audio, stft: Stft, peak: float) -> Samples:
    """Masks of shape (stems, columns, bins below the ceiling)."""
    short = Stft(stft.step, stft.step // 2)
    brief = short.forward(segment.samples / np.float32(peak))
    spacing = segment.sample_rate / stft.window
    bins = min(spectrum.shape[2], int(_CEILING_HZ / spacing))
    low = spectrum[:, :, :bins]
    cues = describe(low, brief[:, :, : bins // 4 + 2], spacing)
    return estimate_masks(cues, log_power(low), spacing)


def _extend(mask: Samples, bins: int) -> Samples:
    """Continue a mask above the ceiling with its mean over the octave below."""
    missing = bins - mask.shape[1]
    top = mask[:, mask.shape[1] // 2 :].mean(axis=1, keepdims=True)
    return np.concatenate([mask, np.broadcast_to(top, (mask.shape[0], missing))], axis=1)
