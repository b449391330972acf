"""Sources made by arithmetic, for players that are asked what comes out."""

import numpy as np


class Ramp:
    """A source whose samples say which frame they are: ``scale * frame``."""

    def __init__(
        self, frames: int, sample_rate: int = 1000, channels: int = 1, scale: float = 1e-5, name: str = "ramp"
    ) -> None:
        self.name, self.sample_rate, self.channels, self.frames = name, sample_rate, channels, frames
        self._scale, self.at = scale, 0
        self.closed = False

    def seek(self, frame: int) -> None:
        self.at = min(frame, self.frames)

    def read(self, frames: int) -> np.ndarray:
        end = min(self.at + frames, self.frames)
        made = (np.arange(self.at, end) * self._scale).astype(np.float32)
        self.at = end
        return np.repeat(made[:, None], self.channels, axis=1)

    def close(self) -> None:
        self.closed = True


class Samples(Ramp):
    """A source of given samples."""

    def __init__(self, samples: np.ndarray, sample_rate: int, name: str = "samples") -> None:
        super().__init__(len(samples), sample_rate, samples.shape[1], name=name)
        self._samples = samples.astype(np.float32)

    def read(self, frames: int) -> np.ndarray:
        end = min(self.at + frames, self.frames)
        made = self._samples[self.at : end]
        self.at = end
        return made


def pull_all(player, block: int = 64, limit: int = 100_000) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Everything that a player gives until it is silent for good."""
    parts = []
    while len(part := player.pull(block)) and sum(map(len, parts)) < limit:
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros((0, player.channels), np.float32)
