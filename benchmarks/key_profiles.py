"""Fit the key finder's profiles: ``python -m benchmarks.key_profiles``, which prints what `beatflow.sound.key` holds.

Logistic regression over the 24 keys, tied by transposition: a profile for major and one for minor, over the chromas of
all, bass, beginning and end, drawn towards the mean of published profiles. Fitted on pieces written for it
(`benchmarks.key_material`) and on the collections that are there to be tuned on; a part that was left out says how
strongly to draw, and how far to trust. Measures nothing that is told: `benchmarks.analysis` does, elsewhere.
"""

from collections.abc import Iterator

import numpy as np
import soundfile
from scipy.optimize import minimize

from beatflow.sound.hops import mix_down
from beatflow.sound.key import PUBLISHED, KeyMeter, pitchedness
from beatflow.sound.tonality import parse_key
from benchmarks.collection import TUNED_ON, items
from benchmarks.key_material import make_piece

PIECES = 160
_FOLDS = 5
_DRAWS = (0.01, 0.02, 0.04, 0.08)


def describe(samples: np.ndarray, rate: int) -> tuple[float, np.ndarray]:
    """How pitched a sound is, and its features, shape (4, 12)."""
    meter = KeyMeter(rate)
    for start in range(0, len(samples), 1 << 18):
        meter.add(mix_down(samples[start : start + (1 << 18)]))
    _, clarity, features = meter.describe()
    return pitchedness(features, clarity), features


def gather() -> Iterator[tuple[np.ndarray, int]]:
    """Features and key (0 to 11 major, 12 to 23 minor) of everything that may be tuned on."""
    for seed in range(PIECES):
        piece = make_piece(seed)
        yield describe(piece.audio.samples, piece.audio.sample_rate)[1], number(piece.key)
    for collection in sorted(TUNED_ON):
        for item in items(collection):
            if item.key:
                samples, rate = soundfile.read(item.path, dtype="float32", always_2d=True)
                yield describe(samples, rate)[1], number(item.key)


def number(key: str) -> int:
    """Number of a key: its tonic, and 12 more for minor."""
    parsed = parse_key(key)
    return parsed.tonic + 12 * (parsed.mode == "min")


def fit(turned: np.ndarray, keys: np.ndarray, draw: float) -> np.ndarray:
    """Profiles, shape (2, 48), from features turned to each tonic, shape (pieces, 12, 48)."""
    pieces, _, width = turned.shape
    start = np.zeros((2, width))
    for published in PUBLISHED:
        for mode, profile in enumerate(np.array(published)):
            start[mode, :12] += (profile - profile.mean()) / profile.std() / len(PUBLISHED) / 2

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(2, width)
        odds, _ = probabilities(turned, weights)
        likelihood = np.log(np.maximum(odds[np.arange(pieces), keys], 1e-300)).mean()
        odds[np.arange(pieces), keys] -= 1
        slope = (
            np.array([np.einsum("nk,nkd->d", half, turned) for half in np.split(odds, 2, axis=1)]) / pieces
        )
        off = weights - start
        return float(draw * (off**2).sum() - likelihood), (slope + 2 * draw * off).ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return np.asarray(found.x.reshape(2, width))


def probabilities(turned: np.ndarray, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each key, shape (pieces, 24), and the scores that they come from."""
    scores = np.concatenate([turned @ profile for profile in profiles], axis=1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True), scores


def main() -> None:
    """Fit and print."""
    features, keys = (np.array(column) for column in zip(*gather(), strict=True))
    turned = np.array([[np.roll(rows, -tonic, axis=1).ravel() for tonic in range(12)] for rows in features])
    fold = np.arange(len(keys)) % _FOLDS
    print(f"{len(keys)} pieces; right where left out of {_FOLDS} folds, and log loss, by draw and trust")
    losses = {}
    for draw in _DRAWS:
        scores = np.zeros((len(keys), 24))
        for part in range(_FOLDS):
            profiles = fit(turned[fold != part], keys[fold != part], draw)
            scores[fold == part] = probabilities(turned[fold == part], profiles)[1]
        right = float(np.mean(scores.argmax(axis=1) == keys))
        for trust in (0.8, 1.0, 1.2):
            odds = trust * (scores - scores.max(axis=1, keepdims=True))
            losses[draw, trust] = float(
                np.mean(np.log(np.exp(odds).sum(axis=1)) - odds[np.arange(len(keys)), keys])
            )
            print(f"{draw:5} {trust:4} {right:.3f} {losses[draw, trust]:.3f}")
    best = min(losses, key=lambda place: losses[place])
    profiles = fit(turned, keys, best[0])
    print(f"draw {best[0]}, trust {best[1]}")
    for profile in profiles:
        for row in profile.reshape(4, 12):
            print("    (" + ", ".join(f"{weight:.2f}" for weight in row) + "),")


if __name__ == "__main__":
    main()
