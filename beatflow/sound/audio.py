"""The one shape in which sound travels through BeatFlow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Sound in memory.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        Full scale is ±1.0. Integer PCM of up to 24 bits is exact on this grid.
    sample_rate : int
        Frames per second (Hz).

    Raises
    ------
    AudioError
        The samples are not a 2-D float32 array, or the sample rate is not positive.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            given = f"{self.samples.dtype} {self.samples.shape}"
            raise AudioError(f"samples must be float32 (frames, channels), not {given}")
        if self.sample_rate <= 0:
            raise AudioError(f"the sample rate must be positive, not {self.sample_rate} Hz")

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return len(self.samples)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate
