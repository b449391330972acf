"""Which stretch of a sound a preview takes, and how much of a long one is read for that."""

import numpy as np
import pytest

from beatflow.playing.choice import choose_start
from tests.playing.sounds import Ramp

RATE = 8000


class Concert(Ramp):
    """A soft tone, a pulse each second; between two places it is loud."""

    def __init__(self, length_s: int, loud_s: tuple[float, float]) -> None:
        super().__init__(length_s * RATE, RATE)
        self._loud_s, self.taken = loud_s, 0

    def read(self, frames: int) -> np.ndarray:
        end = min(self.at + frames, self.frames)
        time = np.arange(self.at, end) / RATE
        self.taken += end - self.at
        self.at = end
        level = np.where((time >= self._loud_s[0]) & (time < self._loud_s[1]), 0.5, 0.02)
        level = level * np.exp(-3 * (time % 1.0))
        return (level * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[:, None]


@pytest.mark.parametrize(("length_s", "most_s"), [(10.0, 60 + 2 * 40), (70.0, 60)])
def test_of_a_long_sound_the_loud_place_is_found_without_reading_all(length_s: float, most_s: float) -> None:
    sound = Concert(1200, (700.0, 850.0))
    start_s = choose_start(sound, length_s, listened_s=120)
    assert 690 <= start_s <= 860 - length_s
    assert sound.taken <= (most_s + 1) * RATE


def test_what_is_known_saves_listening() -> None:
    sound = Concert(120, (70.0, 85.0))
    sections = [
        {"start_s": 0.0, "end_s": 70.5, "label": "A"},
        {"start_s": 70.5, "end_s": 120.0, "label": "B"},
    ]
    assert choose_start(sound, 10.0, {"sections": sections, "downbeats": [1.0, 40.0]}) == 70.5
    assert sound.taken == sound.frames
