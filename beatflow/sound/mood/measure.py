"""The mood of a sound by the embedded model, from its samples alone.

Knows no files and no engines.
"""

from collections.abc import Iterable

from beatflow.sound.audio import Audio
from beatflow.sound.mood.cues import rate
from beatflow.sound.mood.features import measure_features
from beatflow.sound.mood.rating import Mood


def measure_mood(blocks: Audio | Iterable[Audio]) -> Mood | None:
    """Rate a sound, or its blocks in order; None for silence, and for less than a second.

    Raises
    ------
    AudioError
        There are no blocks at all, or they differ in channels or sample rate, or samples are not numbers.
    """
    features = measure_features(blocks)
    return rate(features) if features else None
