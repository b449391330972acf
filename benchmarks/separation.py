"""Measure the embedded separator on music it was not fitted to: ``python -m benchmarks.separation [SET ...]``.

Prints for each set of `benchmarks.heldout` the mean SI-SDR in dB per stem of the mix itself, of the usual way without
a model (medians along time and frequency, and a 220 Hz low-pass), of the separator, and of the ideal masks that no
separator of this kind can beat. Where a stem is silent in truth, ``leak`` is what is found of it all the same: its
energy against the mix's, median in dB.
"""

import sys
import warnings
from collections.abc import Callable

import numpy as np

from beatflow.ai.cues import running_median
from beatflow.ai.dsp import DspSeparator
from beatflow.ai.separation import separate_stream
from beatflow.ai.stft import Stft
from beatflow.sound.audio import Audio
from benchmarks.heldout import SETS
from benchmarks.pieces import RATE, STEMS

Stems = dict[str, np.ndarray]


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Scale-invariant signal to distortion ratio in dB (Le Roux and others 2019, ICASSP); NaN for silence."""
    if not truth.any():
        return float("nan")
    estimate, truth = estimate.astype(float), truth.astype(float)
    scaled = np.vdot(estimate, truth) / np.vdot(truth, truth) * truth
    wrong = estimate - scaled
    return float(10.0 * np.log10(np.vdot(scaled, scaled) / (np.vdot(wrong, wrong) + 1e-12)))


def medians(mix: np.ndarray, stems: Stems) -> Stems:
    """Fitzgerald (2010), DAFx, with 17/17 medians; below 220 Hz what is not drums is bass."""
    stft = Stft.with_spacing(RATE, 21.5)
    spectrum = stft.forward(mix)
    drums = []
    for channel in np.abs(spectrum):
        steady, sudden = running_median(channel, 17, 0) ** 2, running_median(channel, 17, 1) ** 2
        drums.append(sudden / (steady + sudden + 1e-12))
    mask = np.stack(drums)
    low = np.arange(spectrum.shape[2]) * RATE / stft.window < 220.0
    rest = stft.inverse(spectrum * (1.0 - mask) * ~low, len(mix))
    return {
        "drums": stft.inverse(spectrum * mask, len(mix)),
        "bass": stft.inverse(spectrum * (1.0 - mask) * low, len(mix)),
        "vocals": rest,
        "other": rest,
    }


def embedded(mix: np.ndarray, stems: Stems) -> Stems:
    """What `bf split` does: segments, crossfades and the exact sum."""
    audio = Audio((np.rint(mix * 32767.0) / 32768.0).astype(np.float32), RATE)
    parts = list(separate_stream([audio], DspSeparator(), "PCM_16"))
    return {stem: np.concatenate([part[stem].samples for part in parts]) for stem in STEMS}


def ideal(mix: np.ndarray, stems: Stems) -> Stems:
    """The best real mask of each stem, known from the truth, the same for all channels."""
    stft = Stft.with_spacing(RATE, 10.77)
    spectrum = stft.forward(mix)
    power = np.sum(np.abs(spectrum) ** 2, axis=0) + 1e-12
    found = {}
    for stem in STEMS:
        part = stft.forward(stems[stem])
        common = np.sum(part.real * spectrum.real + part.imag * spectrum.imag, axis=0)
        mask = np.clip(common / power, 0.0, 1.0).astype(np.float32)
        found[stem] = stft.inverse(spectrum * mask, len(mix))
    return found


METHODS: dict[str, Callable[[np.ndarray, Stems], Stems]] = {
    "the mix itself": lambda mix, stems: dict.fromkeys(STEMS, mix),
    "medians": medians,
    "dsp": embedded,
    "ideal masks": ideal,
}


def measure_leak(estimate: np.ndarray, truth: np.ndarray, mix: np.ndarray) -> float:
    """Energy of what is found of a silent stem against the mix's, in dB; NaN where the stem sounds."""
    if truth.any():
        return float("nan")
    return float(10.0 * np.log10((np.vdot(estimate, estimate) + 1e-12) / np.vdot(mix, mix)))


def main() -> None:
    """Print a table per set."""
    for name in sys.argv[1:] or SETS:
        scores: dict[str, list[list[float]]] = {method: [] for method in METHODS}
        leaks: dict[str, list[list[float]]] = {method: [] for method in METHODS}
        pieces = 0
        for stems in SETS[name]():
            mix = sum(stems.values())
            pieces += 1
            for method, separate in METHODS.items():
                found = separate(mix, stems)
                scores[method].append([si_sdr(found[stem], stems[stem]) for stem in STEMS])
                leaks[method].append([measure_leak(found[stem], stems[stem], mix) for stem in STEMS])
        print(f"{name}, {pieces} pieces")
        print(f"{'SI-SDR, dB':16}" + "".join(f"{stem:>8}" for stem in STEMS) + "    leak into silent vocals")
        for method in METHODS:
            with warnings.catch_warnings():  # of stems that no piece has there is no mean
                warnings.simplefilter("ignore", RuntimeWarning)
                mean, leak = np.nanmean(scores[method], axis=0), np.nanmedian(leaks[method], axis=0)
            cells = "".join(f"{value:8.1f}" for value in mean)
            print(f"{method:16}{cells}{leak[STEMS.index('vocals')]:12.1f}", flush=True)


if __name__ == "__main__":
    main()
