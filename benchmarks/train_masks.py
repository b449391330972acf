"""Fit the embedded separator's perceptrons to rendered pieces: ``python -m benchmarks.train_masks OUT.npz``.

Minimises, bin by bin, the energy that a mask leaves wrong in each stem relative to that stem's energy, which is what
the signal to distortion ratio counts. Ten minutes on two cores; needs what `benchmarks.pieces` needs.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from beatflow.ai.cues import describe, log_power
from beatflow.ai.masks import STEMS, Perceptron, apply_perceptron, describe_masks
from beatflow.ai.stft import Stft
from benchmarks.pieces import FIT, RATE, make_piece

PIECES = 96
BINS_PER_PIECE = 16000
HIDDEN = 48
EPOCHS = 24
BATCH = 4096


Stems = dict[str, np.ndarray]


def make_pieces() -> list[Stems]:
    """A third without a voice, lest the masks see one everywhere; a quarter in mono, which has no centre."""

    def make(seed: int) -> Stems:
        stems = make_piece(FIT, seed, share_without_voice=3)
        if seed % 4 == 3:
            stems = {stem: samples.mean(axis=1, keepdims=True) for stem, samples in stems.items()}
        return stems

    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, range(PIECES)))


def collect(pieces: list[Stems], first: Perceptron | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cues (bins, inputs), ideal shares (bins, stems) and weights (bins, stems) of randomly drawn bins."""
    rng = np.random.default_rng(5 if first else 0)
    drawn = [_draw(rng, stems, first) for stems in pieces]
    cues, shares, weights = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    return cues, shares, np.minimum(weights, np.quantile(weights, 0.999))


def _draw(
    rng: np.random.Generator, stems: Stems, first: Perceptron | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stft = Stft.with_spacing(RATE, 10.77)
    spacing = RATE / stft.window
    bins = int(16000.0 / spacing)
    mix = sum(stems.values())
    spectrum = stft.forward(mix)[:, :, :bins]
    brief = Stft(stft.step, stft.step // 2).forward(mix)[:, :, : bins // 4 + 2]
    cues = describe(spectrum, brief, spacing)
    if first:
        masks = apply_perceptron(first, [cues])
        cues = np.concatenate([cues, describe_masks(masks, log_power(spectrum), spacing)])
    power = np.sum(np.abs(spectrum) ** 2, axis=0).ravel() + 1e-12
    shares, energies = [], []
    for stem in STEMS:
        part = stft.forward(stems[stem])[:, :, :bins]
        common = np.sum(part.real * spectrum.real + part.imag * spectrum.imag, axis=0).ravel()
        shares.append(np.clip(common / power, 0.0, 1.0))
        energies.append(float(np.sum(np.abs(part) ** 2)))
    chance = np.sqrt(power) / np.sqrt(power).sum()
    picked = rng.choice(power.size, BINS_PER_PIECE, p=chance)
    # Silent stems count like one that holds 3 % of the energy, or their weight would be without bounds.
    weights = (power[picked] / chance[picked])[:, None] / np.maximum(energies, 0.03 * sum(energies))
    columns = cues.reshape(cues.shape[0], -1)[:, picked].T
    return (
        columns,
        np.stack(shares, axis=1)[picked].astype(np.float32),
        (weights / weights.mean()).astype(np.float32),
    )


def fit(cues: np.ndarray, shares: np.ndarray, weights: np.ndarray) -> Perceptron:
    """Weighted least squares of the shares by Adam with a cosine schedule (Kingma and Ba 2015, ICLR)."""
    rng = np.random.default_rng(1)
    mean, spread = cues.mean(axis=0), cues.std(axis=0) + 1e-3
    inputs = np.ascontiguousarray((cues - mean) / spread, dtype=np.float32)
    count, width = inputs.shape
    parameters = [
        (rng.standard_normal((width, HIDDEN)) * np.sqrt(2.0 / width)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        (rng.standard_normal((HIDDEN, len(STEMS))) * 0.1).astype(np.float32),
        np.zeros(len(STEMS), np.float32),
    ]
    first = [np.zeros_like(value) for value in parameters]
    second = [np.zeros_like(value) for value in parameters]
    step, steps = 0, EPOCHS * (count // BATCH)
    for epoch in range(EPOCHS):
        order, loss = rng.permutation(count), 0.0
        for start in range(0, count - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            value, gradients = _gradients(parameters, inputs[rows], shares[rows], weights[rows])
            loss += value * BATCH / count
            step += 1
            rate = 3e-3 * 0.5 * (1.0 + np.cos(np.pi * step / steps))
            for index, gradient in enumerate(gradients):
                first[index] += 0.1 * (gradient - first[index])
                second[index] += 0.001 * (gradient**2 - second[index])
                scale = np.sqrt(second[index] / (1.0 - 0.999**step)) + 1e-8
                parameters[index] -= (rate * first[index] / (1.0 - 0.9**step) / scale).astype(np.float32)
        print(f"epoch {epoch + 1}: loss {loss:.4f}", flush=True)
    inner = (parameters[0] / spread[:, None]).T
    bias = (parameters[1] - inner @ mean)[:, None]
    layers = (inner, bias, parameters[2].T, parameters[3][:, None])
    return Perceptron(*(np.ascontiguousarray(layer, dtype=np.float32) for layer in layers))


def _gradients(
    parameters: list[np.ndarray], inputs: np.ndarray, shares: np.ndarray, weights: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    raw = inputs @ parameters[0] + parameters[1]
    hidden = np.maximum(raw, 0.0)
    score = hidden @ parameters[2] + parameters[3]
    masks = np.exp(score - score.max(axis=1, keepdims=True))
    masks /= masks.sum(axis=1, keepdims=True)
    error = masks - shares
    slope = 2.0 * weights * error / len(inputs)
    slope = masks * (slope - np.sum(slope * masks, axis=1, keepdims=True))
    back = (slope @ parameters[2].T) * (raw > 0.0)
    loss = float(np.sum(weights * error**2) / len(inputs))
    return loss, [inputs.T @ back, back.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]


def main() -> None:
    """Fit both stages and write their weights."""
    pieces = make_pieces()
    first = fit(*collect(pieces, None))
    second = fit(*collect(pieces, first))
    np.savez(sys.argv[1], *first, *second)


if __name__ == "__main__":
    main()
