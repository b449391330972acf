"""Measure the embedded separator on pieces it was not fitted to: ``python -m benchmarks.separation [PIECES]``.

Prints the mean SI-SDR in dB per stem of the mix itself, of the usual way without a model (harmonic/percussive medians
and a 220 Hz low-pass), of the separator, and of the ideal masks that no separator of this kind can beat.
"""

import sys

import numpy as np

from beatflow.ai.cues import running_median
from beatflow.ai.dsp import DspSeparator
from beatflow.ai.separation import separate_stream
from beatflow.ai.stft import Stft
from beatflow.sound.audio import Audio
from benchmarks.pieces import HELD_OUT, RATE, STEMS, make_piece

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


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    methods = {
        "mix itself": lambda mix, stems: dict.fromkeys(STEMS, mix),
        "medians": medians,
        "embedded": embedded,
        "ideal masks": ideal,
    }
    scores: dict[str, list[list[float]]] = {name: [] for name in methods}
    for seed in range(10_000, 10_000 + count):
        stems = make_piece(HELD_OUT, seed)
        mix = sum(stems.values())
        for name, separate in methods.items():
            found = separate(mix, stems)
            scores[name].append([si_sdr(found[stem], stems[stem]) for stem in STEMS])
    print(f"{'SI-SDR, dB':12}" + "".join(f"{stem:>8}" for stem in STEMS))
    for name, rows in scores.items():
        print(f"{name:12}" + "".join(f"{value:8.1f}" for value in np.nanmean(rows, axis=0)))


if __name__ == "__main__":
    main()
