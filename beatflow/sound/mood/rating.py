"""What a mood is, as values. Measures nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOODS = ("happy", "sad", "energetic", "calm", "angry", "melancholic", "romantic")
"""The moods that are told apart, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Mood:
    """How a sound, or a stretch of it, feels.

    Parameters
    ----------
    scores : mapping of str to float
        Mood (or another label that a model was trained on) to its share; they sum to 1.
    valence, arousal : float or None
        -1 (unpleasant, sleepy) to 1 (pleasant, awake); None from a model that does not tell.
    features : mapping of str to float
        What it was told from, by the glossary's names: ``tempo``, ``brightness_hz`` …; empty from a model that does
        not work by features.
    """

    scores: Mapping[str, float]
    valence: float | None = None
    arousal: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The label with the largest share."""
        return max(self.scores, key=lambda name: self.scores[name])

    def to_json(self) -> dict[str, object]:
        """The fields as plain values, ready for JSON."""
        return {
            "mood": self.best,
            "scores": dict(self.scores),
            "valence": self.valence,
            "arousal": self.arousal,
            "features": dict(self.features),
        }


def share(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as shares with four digits that sum to exactly 1; the largest takes what rounding leaves."""
    total = sum(weights.values())
    shares = {name: round(weight / total, 4) for name, weight in weights.items()}
    best = max(shares, key=lambda name: shares[name])
    shares[best] = round(1 - sum(value for name, value in shares.items() if name != best), 4)
    return shares
