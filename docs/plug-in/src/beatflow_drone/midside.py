"""A separator: what all channels share, and what tells them apart."""

from collections.abc import Mapping

import numpy as np

from beatflow.ai.engine import DEFAULT_SEPARATION, EngineInfo, Progress, Separation, Setup, no_progress
from beatflow.sound.audio import Audio


class MidSide:
    """Middle and sides of a mix of any number of channels."""

    info = EngineInfo(name="midside", version="1", tasks=frozenset({"separate"}), licence="Apache-2.0")
    stems = ("middle", "sides")
    # A long mix comes in segments of this length that overlap by so much; BeatFlow crossfades them.
    segment_s = 10.0
    overlap_s = 0.1

    def __init__(self, setup: Setup) -> None:
        """Take nothing of the surroundings."""

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        """Split a segment; the estimates need not sum to it, BeatFlow sees to that."""
        progress(0.0, "averaging the channels")
        middle = segment.samples.mean(axis=1, keepdims=True, dtype=np.float64)
        shared = np.broadcast_to(middle, segment.samples.shape).astype(np.float32)
        progress(1.0, "done")
        return {
            "middle": Audio(shared, segment.sample_rate),
            "sides": Audio(segment.samples - shared, segment.sample_rate),
        }
