"""What an effect is. Knows none of them."""

from typing import Protocol

from beatflow.sound.audio import Samples


class Effect(Protocol):
    """One effect at work on one sound, block by block; blocks of other lengths give the same samples.

    Made for a sample rate and a number of channels; keeps what it needs from one block to the next.
    """

    def process(self, samples: Samples) -> Samples:
        """Take the next frames, float32 of shape (frames, channels); give as many of what comes out, in step with them.

        An effect that looks ahead gives fewer at first and the rest in `finish`; its latency is never heard.
        """
        ...

    def finish(self) -> Samples:
        """Give what sounds on after the last frame: what was held back, and the tail; possibly no frames."""
        ...
