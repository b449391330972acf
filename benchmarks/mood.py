"""How right the embedded mood model is: ``python -m benchmarks.mood PACKAGES``, a folder of Debian packages.

``--fit`` prints what `beatflow.sound.mood.cues` holds: what is usual and how far it spreads, of all music of the fitted
packages, and the weights of arousal, drawn from heuristic ones towards what tells battle from peace there; how strongly
to draw, leaving one out at a time says. Valence is not fitted: no script of a game tells it often enough.

``apt-get download naev-data unknown-horizons wesnoth-1.16-music 0ad-data ufoai-music flare-game`` gets the packages.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from beatflow.sound.files import AudioReader
from beatflow.sound.mood.cues import CUES, Cue, rate, standardise
from beatflow.sound.mood.features import Features, measure_features
from beatflow.sound.mood.rating import MOODS
from benchmarks.mood_table import FITTED, FOLDER, GAMES, SITUATIONS, unpack

DRAWS = (0.3, 1.0, 3.0, 10.0, 30.0)
_HIGH, _LOW = ("battle", "victory"), ("peace", "sad", "love")
_GLAD, _SAD = ("victory", "love", "merry"), ("sad",)


def gather(packages: Path) -> dict[str, dict[str, tuple[str, Features]]]:
    """Game to file to label and features; measured once and kept."""
    memory = FOLDER / "features.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    found: dict[str, dict[str, tuple[str, Features]]] = {}
    for game in GAMES:
        for path in unpack(game, packages):
            key = f"{game.name}/{path.name}"
            if key not in known:
                with AudioReader(path) as reader:
                    known[key] = measure_features(reader.blocks())
                memory.write_text(json.dumps(known))
            found.setdefault(game.name, {})[path.stem] = game.label(path.stem), known[key]
    return found


def auc(above: Sequence[float], below: Sequence[float]) -> float:
    """How often one of the first kind ranks above one of the second."""
    if not above or not below:
        return math.nan
    return float(np.mean([(x > y) + 0.5 * (x == y) for x in above for y in below]))


def auc_error(value: float, above: int, below: int) -> float:
    """Its standard error (Hanley and McNeil 1982)."""
    if math.isnan(value):
        return math.nan
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (above - 1) * (q1 - value**2) + (below - 1) * (q2 - value**2)
    return math.sqrt(max(0.0, spread) / (above * below))


def find_usual(rows: Sequence[Features]) -> list[Cue]:
    """The cues with what is usual in these rows; between major and minor lies 0, whatever is usual."""
    cues = []
    for cue in CUES:
        values = [row[cue.feature] for row in rows if cue.feature in row]
        if cue.octaves:
            values = [math.log2(max(value, 0.05)) for value in values]
        usual = 0.0 if cue.feature == "mode" else float(np.median(values))
        cues.append(replace(cue, usual=round(usual, 2), spread=round(float(np.std(values)), 2)))
    return cues


def fit_arousal(cues: Sequence[Cue], battle: Sequence[Features], peace: Sequence[Features]) -> list[Cue]:
    """Weights of arousal that tell battle from peace, near the ones that are there; signs stay."""
    prior = np.array([cue.arousal for cue in cues])
    rows = np.array([[standardise(cue, row) for cue in cues] for row in [*battle, *peace]])
    answers = np.array([1.0] * len(battle) + [-1.0] * len(peace))
    # Both kinds count alike, however many there are of each.
    weights = np.where(answers > 0, 0.5 / len(battle), 0.5 / len(peace)) * len(answers)

    def solve(kept: NDArray[np.bool_], draw: float) -> NDArray[np.float64]:
        def loss(values: NDArray[np.float64]) -> float:
            margin = 4 * answers[kept] * (rows[kept] @ values[:-1] + values[-1])
            return float(
                (weights[kept] * np.logaddexp(0, -margin)).sum()
                + draw * np.square(values[:-1] - prior).sum() * 4
            )

        bounds = [(0.0, None) if value > 0 else (0.0, 0.0) for value in prior]
        return np.asarray(minimize(loss, np.append(prior, 0.0), bounds=[*bounds, (None, None)]).x)

    def left_out(draw: float) -> float:
        total = 0.0
        for one in range(len(answers)):
            kept = np.arange(len(answers)) != one
            values = solve(kept, draw)
            total += weights[one] * np.logaddexp(
                0, -4 * answers[one] * (rows[one] @ values[:-1] + values[-1])
            )
        return total / len(answers)

    losses = {draw: left_out(draw) for draw in DRAWS}
    best = min(losses, key=lambda draw: losses[draw])
    print("drawn by", best, {draw: round(loss, 3) for draw, loss in losses.items()})
    found = solve(np.ones(len(answers), bool), best)[:-1]
    # As large as before: only the balance between cues is fitted.
    found *= np.linalg.norm(prior) / np.linalg.norm(found)
    return [replace(cue, arousal=round(float(value), 2)) for cue, value in zip(cues, found, strict=True)]


def report(found: dict[str, dict[str, tuple[str, Features]]], parts: Sequence[str], title: str) -> None:
    """Print how right the model is on some games."""
    moods = [
        (name, stem, label, rate(row))
        for name in parts
        for stem, (label, row) in found.get(name, {}).items()
        if row
    ]
    labelled = [one for one in moods if one[2]]
    print(f"\n{title}: {', '.join(parts)}; {len(labelled)} labelled of {len(moods)} sounds")

    def axis(kinds: Sequence[str], which: str, game: str | None = None) -> list[float]:
        return [
            getattr(mood, which)
            for name, _, label, mood in labelled
            if label in kinds and game in (None, name)
        ]

    for which, above, below in (
        ("arousal", ("battle",), ("peace",)),
        ("arousal", _HIGH, _LOW),
        ("valence", _GLAD, _SAD),
    ):
        for game in (None, *parts):
            high, low = axis(above, which, game), axis(below, which, game)
            if high and low:
                value = auc(high, low)
                error = auc_error(value, len(high), len(low))
                print(
                    f"  {which} {'/'.join(above)} above {'/'.join(below)}: AUC {value:.2f} ± {error:.2f} "
                    f"({len(high)}, {len(low)}) {game or 'all'}"
                )
    for label, agreeing in SITUATIONS.items():
        told = [mood.best for _, _, kind, mood in labelled if kind == label]
        if told:
            right = sum(best in agreeing for best in told)
            counts = ", ".join(f"{mood} {told.count(mood)}" for mood in MOODS if mood in told)
            print(f"  {label}: {right} of {len(told)} agree (chance {len(agreeing) / 7:.2f}); told {counts}")
    right = sum(mood.best in SITUATIONS[label] for _, _, label, mood in labelled)
    chance = sum(len(SITUATIONS[label]) / 7 for _, _, label, _ in labelled)
    print(f"  all: {right} of {len(labelled)} agree; by chance {chance:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--fitted-only", action="store_true", help="look at nothing that is held out")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = gather(arguments.packages)
    fitted = [game.name for game in GAMES if game.name in FITTED]
    if arguments.fit:
        rows = [row for name in fitted for _, row in found[name].values() if row]
        kinds = {
            kind: [row for name in fitted for label, row in found[name].values() if label == kind and row]
            for kind in ("battle", "peace")
        }
        for cue in fit_arousal(find_usual(rows), kinds["battle"], kinds["peace"]):
            print(f"    {cue},")
    report(found, fitted, "fitted on")
    if not arguments.fitted_only:
        report(found, [game.name for game in GAMES if game.name not in FITTED], "held out")


if __name__ == "__main__":
    main()
