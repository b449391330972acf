"""How right the embedded mood model is: ``python -m benchmarks.mood PACKAGES``, a folder of Debian packages.

``--fit`` prints what `beatflow.sound.mood.cues` holds of what is usual and how far it spreads, over all music of the
fitted packages. The weights are not fitted: drawing those of arousal towards what tells battle from peace there did
worse on sounds that were left out than leaving them alone, and no script of a game tells valence often enough.

``apt-get download naev-data unknown-horizons wesnoth-1.16-music 0ad-data ufoai-music flare-game`` gets the packages.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from beatflow.sound.files import AudioReader
from beatflow.sound.mood.cues import CUES, Cue, rate
from beatflow.sound.mood.features import Features, measure_features
from beatflow.sound.mood.rating import MOODS
from benchmarks.mood_table import FITTED, FOLDER, GAMES, SITUATIONS, unpack

_HIGH, _LOW = ("battle", "victory"), ("peace", "sad", "love")
_GLAD, _SAD = ("victory", "love", "merry"), ("sad",)


def gather(packages: Path, names: Sequence[str]) -> dict[str, dict[str, tuple[str, Features]]]:
    """Of some games: game to file to label and features; measured once and kept."""
    memory = FOLDER / "features.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    found: dict[str, dict[str, tuple[str, Features]]] = {}
    for game in (game for game in GAMES if game.name in names):
        for path in unpack(game, packages):
            if not game.label(path.stem) and game.name not in FITTED:
                continue  # tells nothing of how right it is
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
    """The cues with what is usual in these rows."""
    cues = []
    for cue in CUES:
        values = [row[cue.feature] for row in rows if cue.feature in row]
        if cue.octaves:
            values = [math.log2(max(value, 0.05)) for value in values]
        cues.append(
            replace(cue, usual=round(float(np.mean(values)), 2), spread=round(float(np.std(values)), 2))
        )
    return cues


def report(found: dict[str, dict[str, tuple[str, Features]]], parts: Sequence[str], title: str) -> None:
    """Print how right the model is on some games."""
    rows = [(name, label, rate(row)) for name in parts for label, row in found.get(name, {}).values()]
    labelled = [(name, label, mood) for name, label, mood in rows if label and mood]
    refused = sum(mood is None for _, _, mood in rows)
    print(f"\n{title}: {', '.join(parts)}; {len(labelled)} sounds; no music to the model: {refused}")

    def axis(kinds: Sequence[str], which: str, game: str | None = None) -> list[float]:
        return [
            getattr(mood, which) for name, label, mood in labelled if label in kinds and game in (None, name)
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
    answers = [mood.best for _, _, mood in labelled]
    shuffled = 0.0
    for label, agreeing in SITUATIONS.items():
        told = [mood.best for _, kind, mood in labelled if kind == label]
        if told:
            right = sum(best in agreeing for best in told)
            # The same answers given to sounds at random: what comes of liking some moods better, without hearing.
            luck = sum(best in agreeing for best in answers) / len(answers)
            shuffled += luck * len(told)
            counts = ", ".join(f"{mood} {told.count(mood)}" for mood in MOODS if mood in told)
            print(
                f"  {label}: {right} of {len(told)} agree (shuffled {luck:.2f}, guessing {len(agreeing) / 7:.2f}); "
                f"told {counts}"
            )
    right = sum(mood.best in SITUATIONS[label] for _, label, mood in labelled)
    chance = sum(len(SITUATIONS[label]) / 7 for _, label, _ in labelled)
    print(f"  all: {right} of {len(labelled)} agree; shuffled {shuffled:.0f}, guessing {chance:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--fitted-only", action="store_true", help="look at nothing that is held out")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    fitted = [game.name for game in GAMES if game.name in FITTED]
    others = [game.name for game in GAMES if game.name not in FITTED]
    found = gather(arguments.packages, fitted if arguments.fitted_only else [*fitted, *others])
    if arguments.fit:
        rows = [row for name in fitted for _, row in found[name].values() if row]
        for cue in find_usual(rows):
            print(f"    {cue},")
    report(found, fitted, "fitted on")
    if not arguments.fitted_only:
        report(found, others, "held out")


if __name__ == "__main__":
    main()
