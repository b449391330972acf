"""Fit the coefficients of beatflow/sound/metre_model.py to the collections in `collection.TUNED_ON`; needs torch.

    python -m benchmarks.train_metre

Whole pieces and stretches of two and four bars of them; no collection that tables of accuracy are made on is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.optimize import minimize

from beatflow.sound import metre_model
from beatflow.sound.downbeats import (
    BEATS,
    METERS,
    describe_meter,
    describe_places,
    describe_shift,
    observe,
    shift_beats,
)
from beatflow.sound.hops import mix_down
from beatflow.sound.octave import describe, describe_custom, listen
from beatflow.sound.onsets import OnsetMeter, Onsets
from beatflow.sound.periods import Spectrum
from beatflow.sound.tempo import find_candidates
from benchmarks.collection import TUNED_ON, Item, items

# Each piece counts as played slower and faster, too: that changes its place among usual tempi, and nothing else.
PACES = (1.0, 0.85, 1.18)
HIDDEN, EPOCHS, DECAY, DROPOUT = 8, 150, 1.0, 0.2
_CURVES = ("full", "low", "middle", "high", "accents", "low_accents")


@dataclass(frozen=True)
class Case:
    """One sound's candidates: features, shape (candidates, features), and which of them is right."""

    features: np.ndarray
    right: int


def measure(path: str) -> Onsets:
    """Read a file in blocks and measure its onsets."""
    with soundfile.SoundFile(path) as file:
        meter = OnsetMeter(file.samplerate)
        for block in file.blocks(1 << 18, dtype="float32", always_2d=True):
            meter.add(mix_down(block))
    return meter.result()


def cut(item: Item, onsets: Onsets, rng: np.random.Generator) -> Iterator[Onsets]:
    """The whole, and two and four bars from somewhere in it."""
    yield onsets
    for bars in (2, 4):
        if len(item.downbeats) > bars:
            first = int(rng.integers(0, len(item.downbeats) - bars))
            begin, end = (
                round(max(0.0, item.downbeats[at] - 0.01) * onsets.hop_rate) for at in (first, first + bars)
            )
            parts = {name: getattr(onsets, name)[begin:end] for name in _CURVES}
            duration_s = (end - begin) / onsets.hop_rate
            chroma = onsets.chroma[begin // 16 : end // 16]
            yield replace(onsets, duration_s=duration_s, chroma=chroma, **parts)


def gather(pieces: list[tuple[Item, Onsets]]) -> list[Case]:
    """What the octave's model is fitted to."""
    rng = np.random.default_rng(3)
    cases = []
    for item, whole in pieces:
        for onsets in cut(item, whole, rng) if item.tempo else ():
            rhythm = listen(onsets)
            tempi = find_candidates(onsets, rhythm, Spectrum(onsets))
            right = [place for place, tempo in enumerate(tempi) if abs(tempo / item.tempo - 1) < 0.015]
            for pace in PACES if right else ():
                rows = [[*describe(rhythm, tempo)[:-5], *describe_custom(tempo * pace)] for tempo in tempi]
                cases.append(Case(np.array(rows), right[0]))
    return cases


def fit_octave(cases: list[Case]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A network of one hidden layer whose output is a candidate's score: weights, biases, and weights of the output."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = np.concatenate([case.features for case in cases])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-2
    most = max(len(case.features) for case in cases)
    table = torch.zeros(len(cases), most, rows.shape[1])
    absent = torch.full((len(cases), most), -1e9)
    for number, case in enumerate(cases):
        table[number, : len(case.features)] = torch.tensor((case.features - mean) / deviation)
        absent[number, : len(case.features)] = 0
    right = torch.tensor([case.right for case in cases])
    inner, outer = torch.nn.Linear(rows.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1, bias=False)
    network = torch.nn.Sequential(torch.nn.Dropout(DROPOUT), inner, torch.nn.Tanh(), outer)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=DECAY)
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(table).squeeze(-1) + absent, right)
        loss.backward()
        optimizer.step()
    weights = inner.weight.detach().numpy() / deviation
    return weights.T, inner.bias.detach().numpy() - weights @ mean, outer.weight.detach().numpy()[0]


def fit_choice(tables: list[np.ndarray], right: list[int], penalty: float) -> np.ndarray:
    """Coefficients of a linear model that chooses one row of a table."""
    deviation = np.concatenate(tables).std(axis=0) + 1e-2

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = penalty * weights @ weights / 2, penalty * weights
        for table, place in zip(tables, right, strict=True):
            scores = table / deviation @ weights
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            value -= np.log(chances[place] + 1e-12)
            slope = slope - (table[place] - chances @ table) / deviation
        return value, slope

    return np.asarray(minimize(cost, np.zeros(len(deviation)), jac=True, method="L-BFGS-B").x / deviation)


def fit_bars(pieces: list[tuple[Item, Onsets]]) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Coefficients for the downbeat, by beats per bar, and those for the meter, shape (features + 1, 3)."""
    places: dict[int, list[np.ndarray]] = {count: [] for count in BEATS.values()}
    firsts: dict[int, list[int]] = {count: [] for count in BEATS.values()}
    rows, meters = [], []
    rng = np.random.default_rng(4)
    for item, onsets in pieces:
        if item.meter not in METERS or not item.downbeats:
            continue
        per_bar = BEATS[item.meter]
        rhythm = listen(onsets)
        for part in range(3):
            skipped = int(rng.integers(per_bar)) if part else 0
            stop = len(item.beats) if part < 2 else skipped + 4 * per_bar
            beats = np.array(item.beats[skipped:stop]) + rng.normal(0, 0.005)
            seen = observe(onsets, beats)
            places[per_bar].append(describe_places(seen, per_bar))
            firsts[per_bar].append(-skipped % per_bar)
            assert item.tempo is not None
            rows.append(describe_meter(seen, rhythm, item.tempo))
            meters.append(METERS.index(item.meter))
    bars = {count: fit_choice(places[count], firsts[count], 3.0) for count in places}
    # One row for each meter, with the features in the columns of that meter.
    tables = [np.kron(np.eye(len(METERS)), np.append(row, 1.0)) for row in rows]
    meter = fit_choice(tables, meters, 1.0).reshape(len(METERS), -1).T
    return bars, meter


def fit_beats(pieces: list[tuple[Item, Onsets]]) -> np.ndarray:
    """Coefficients of what speaks for half a beat later."""
    tables = []
    rng = np.random.default_rng(5)
    for item, onsets in pieces:
        if len(item.beats) < 12:
            continue
        for part in range(2):
            skipped = int(rng.integers(4)) if part else 0
            beats = np.array(item.beats[skipped : skipped + 16 if part else None]) + rng.normal(0, 0.005)
            row = describe_shift(onsets, beats, shift_beats(beats))
            tables.append(np.array([row, np.zeros_like(row)]))
    return fit_choice(tables, [1] * len(tables), 2.0)


def _format(values: np.ndarray) -> str:
    lines, line = [], "   "
    for value in np.ravel(values):
        word = f" {float(value):.4g},"
        if len(line) + len(word) > 108:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line])


def write(
    octave: tuple[np.ndarray, ...], beats: np.ndarray, bars: dict[int, np.ndarray], meter: np.ndarray
) -> None:
    """Write the module of coefficients."""
    inner, bias, outer = octave
    parts = [
        '"""Coefficients for octave, beat, meter and downbeat: written by benchmarks/train_metre.py, not by hand."""',
        "",
        "import numpy as np",
        "",
        "# fmt: off",
        f"_HIDDEN = {HIDDEN}",
        f"OCTAVE_INNER = np.array((\n{_format(inner)}\n)).reshape(-1, _HIDDEN)",
        f"OCTAVE_BIAS = np.array((\n{_format(bias)}\n))",
        f"OCTAVE_OUTER = np.array((\n{_format(outer)}\n))",
        f"BEAT_WEIGHTS = np.array((\n{_format(beats)}\n))",
        "BAR_WEIGHTS = {",
        *(f"    {count}: np.array((\n{_format(weights)}\n    ))," for count, weights in bars.items()),
        "}",
        f"METER_WEIGHTS = np.array((\n{_format(meter[:-1])}\n)).reshape(-1, {meter.shape[1]})",
        f"METER_BIAS = np.array((\n{_format(meter[-1])}\n))",
        "# fmt: on",
    ]
    Path(metre_model.__file__).write_text("\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Fit and write."""
    pieces = [(item, measure(item.path)) for collection in sorted(TUNED_ON) for item in items(collection)]
    write(fit_octave(gather(pieces)), fit_beats(pieces), *fit_bars(pieces))


if __name__ == "__main__":
    main()
