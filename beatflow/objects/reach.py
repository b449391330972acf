"""How far predictions reach: the bounds that keep a chunk quick to decode.

Knows nothing of what predictions are.
"""

from typing import NamedTuple

MAX_DEPTH = 8
"""How many predictions may stand on each other."""


class Reach(NamedTuple):
    """How far a chunk's predictions reach.

    `depth` is how many stand on each other, 0 for a chunk that can be decoded alone; `cost` how many chunks' worth of
    decoding it takes, itself included.
    """

    depth: int
    cost: int


ALONE = Reach(0, 1)
LOST = Reach(255, 255)
