"""The embedded model: from what is measured to valence and arousal, and from there to moods.

A sum of cues, each relative to what is usual, as in Eerola, Friberg and Bresin (2013, Frontiers in Psychology 4:487):
there listeners' ratings were 77 to 89 % explained by a sum of mode, tempo, register, dynamics, articulation and timbre,
in that order, with no interactions worth having. The signs and the order of the weights are theirs and those of the
literature that they sum up; the sizes are heuristic. What is usual was measured on game music whose mood nobody looked
at for that (benchmarks/mood.py, docs/mood.md). Knows no samples.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.sound.mood.rating import MOODS, Mood, share


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing that is listened for.

    Parameters
    ----------
    feature : str
        As in `features.FEATURES`.
    usual, spread : float
        Mean and standard deviation over music; of the binary logarithm where ``octaves``.
    valence, arousal : float
        What one standard deviation more adds.
    octaves : bool
        Heard by ratio: tempo, pitch.
    """

    feature: str
    usual: float
    spread: float
    valence: float
    arousal: float
    octaves: bool = False


CUES = (
    Cue("mode", -0.4, 0.64, 0.45, 0.0),
    Cue("tempo", 7.0, 0.44, 0.10, 0.15, octaves=True),
    Cue("onsets_per_s", 1.73, 0.92, 0.15, 0.30, octaves=True),
    Cue("register_hz", 8.42, 0.61, 0.15, 0.0, octaves=True),
    Cue("loudness_lufs", -14.56, 3.94, 0.0, 0.10),
    Cue("articulation_db", 8.49, 3.08, 0.10, 0.05),
    Cue("attack_db", 0.71, 0.25, 0.0, 0.10),
    Cue("brightness_hz", 10.86, 0.82, 0.0, 0.20, octaves=True),
    Cue("noisiness_db", -12.84, 5.25, 0.0, 0.15),
    Cue("pulse", 0.51, 0.31, 0.0, 0.10),
    Cue("roughness", 0.19, 0.07, -0.15, 0.10),
)
_MOST = 2.0
"""More standard deviations than that say no more: a sound that is nothing like music stays on the map."""

PLACES = {
    "happy": (0.65, 0.35),
    "sad": (-0.60, -0.55),
    "energetic": (0.15, 0.75),
    "calm": (0.30, -0.70),
    "angry": (-0.55, 0.65),
    "melancholic": (-0.45, -0.15),
    "romantic": (0.45, -0.25),
}
"""Valence and arousal of each mood, after the circumplex of Russell (1980); heuristic within its quadrants."""
_WIDTH = 0.42
"""Of a mood on that map, as a standard deviation: neighbours overlap, as they do for listeners."""


def rate(features: Mapping[str, float]) -> Mood | None:
    """Tell the mood from the features; a cue that could not be measured counts as usual.

    None where there is neither a key nor a beat: noise, speech, a sweep. Numbers come out for these as well, and mean
    nothing.
    """
    if not ("mode" in features or "tempo" in features):
        return None
    valence = arousal = 0.0
    for cue in CUES:
        deviation = standardise(cue, features)
        valence += cue.valence * deviation
        arousal += cue.arousal * deviation
    valence, arousal = math.tanh(valence), math.tanh(arousal)
    return Mood(
        _score(valence, arousal),
        round(valence, 3),
        round(arousal, 3),
        {name: features[name] for name in features},
    )


def standardise(cue: Cue, features: Mapping[str, float]) -> float:
    """How many standard deviations a feature lies from what is usual, 2 at most; 0 where it is not known."""
    value = features.get(cue.feature)
    if value is None:
        return 0.0
    if cue.octaves:
        value = math.log2(max(value, 0.05))
    return max(-_MOST, min(_MOST, (value - cue.usual) / cue.spread))


def _score(valence: float, arousal: float) -> dict[str, float]:
    """Shares that sum to 1 once rounded."""
    nearness = {
        mood: math.exp(
            -((valence - PLACES[mood][0]) ** 2 + (arousal - PLACES[mood][1]) ** 2) / (2 * _WIDTH**2)
        )
        for mood in MOODS
    }
    return share(nearness)
