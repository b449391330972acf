"""The silhouette of a sound: how loud each of a few hundred stretches of it is, and the drawings that come of that.

Values and text, without numpy, so that a log can draw what is remembered. `beatflow.sound.picture` measures one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

COLUMNS = 240
"""How many stretches a silhouette has; a sound of fewer frames has fewer."""

BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .,:-=+*#"
_RANGE_DB = 24.0
_STEPS_PER_DB, _FLOOR_DB = 3, -85.0
_FULL = 255


@dataclass(frozen=True, slots=True)
class Silhouette:
    """What is kept of a sound to draw it.

    Parameters
    ----------
    peaks : bytes
        The largest sample of each stretch, 255 for full scale.
    levels : bytes
        The RMS of each stretch in thirds of a dB above -85 dBFS; 0 is digital silence.
    duration_s : float
        Of the whole.
    """

    peaks: bytes
    levels: bytes
    duration_s: float

    def to_json(self) -> dict[str, Any]:
        """Return it as a small document."""
        return {"peaks": self.peaks.hex(), "levels": self.levels.hex(), "duration_s": self.duration_s}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Silhouette":
        """Read back what `to_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is not such a document.
        """
        peaks, levels = bytes.fromhex(document["peaks"]), bytes.fromhex(document["levels"])
        if len(peaks) != len(levels):
            raise ValueError("peaks and levels differ in number")
        return cls(peaks, levels, float(document["duration_s"]))


def encode_level(level_db: float) -> int:
    """Return a level in dBFS as one byte; minus infinity is silence."""
    if level_db == float("-inf"):
        return 0
    return min(max(round((level_db - _FLOOR_DB) * _STEPS_PER_DB), 1), _FULL)


def draw_levels(silhouette: Silhouette, width: int, ascii_only: bool = False) -> str:
    """Draw a silhouette as one line of blocks: in dB below its loudest stretch, so that quiet mixes have a form too.

    A character is a stretch of time; digital silence is a space.
    """
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    top = len(blocks) - 1
    powers = [
        sum(map(_POWERS.__getitem__, silhouette.levels[first:last])) / (last - first)
        for first, last in _stretches(len(silhouette.levels), width)
    ]
    loudest = max(powers, default=0.0)
    heights = [
        max(math.ceil(top * (1 + 10 * math.log10(power / loudest) / _RANGE_DB)), 1) if power else 0
        for power in powers
    ]
    return "".join(blocks[height] for height in heights)


_POWERS = (0.0, *(10 ** ((level / _STEPS_PER_DB + _FLOOR_DB) / 10) for level in range(1, _FULL + 1)))


def draw_wave(silhouette: Silhouette, width: int, height: int = 4, ascii_only: bool = False) -> list[str]:
    """Draw a silhouette as a waveform, mirrored at its middle, in rows of Braille dots or of ``#``.

    As high as its highest peak.

    Parameters
    ----------
    width, height : int
        In characters; one is two stretches wide and four dots high, or one by one where it is ``#``.
    """
    across, dots = (1, 1) if ascii_only else (2, 4)
    rows = height * dots
    peaks = [
        max(silhouette.peaks[first:last]) for first, last in _stretches(len(silhouette.peaks), width * across)
    ]
    # Half of the dots on each side; what is not silent shows at least one.
    highest = max(peaks, default=0) or 1
    reach = [math.ceil(peak * rows / (2 * highest)) for peak in peaks]
    if ascii_only:
        return [
            "".join("#" if _covers(extent, row, rows) else " " for extent in reach) for row in range(rows)
        ]
    return [
        "".join(
            chr(0x2800 + _dots(reach[column : column + 2], row * dots, rows))
            for column in range(0, len(reach), 2)
        )
        for row in range(height)
    ]


def _covers(reach: int, row: int, rows: int) -> bool:
    return abs(2 * row + 1 - rows) < 2 * reach


# Unicode, Braille patterns: dots 1, 2, 3, 7 down the left side and 4, 5, 6, 8 down the right.
_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def _dots(pair: Sequence[int], top: int, rows: int) -> int:
    return sum(
        _BRAILLE[side][down]
        for side, reach in enumerate(pair)
        for down in range(4)
        if _covers(reach, top + down, rows)
    )


def _stretches(count: int, width: int) -> list[tuple[int, int]]:
    """Share ``count`` columns out among ``width``; where there are fewer, some serve twice."""
    if not count:
        return []
    bounds = [number * count // width for number in range(width + 1)]
    return [(first, max(last, first + 1)) for first, last in pairwise(bounds)]


def mark_columns(spans: Sequence[tuple[float, float]], duration_s: float, width: int) -> list[bool]:
    """Say which of ``width`` columns stretches of time, as start and end in seconds, touch."""
    marked = [False] * width
    for start_s, end_s in spans:
        if duration_s > 0 and end_s > 0 and start_s < duration_s:
            first = max(int(start_s * width / duration_s), 0)
            last = max(first, math.ceil(end_s * width / duration_s) - 1)
            for column in range(first, min(last + 1, width)):
                marked[column] = True
    return marked


def paint_columns(
    text: str, marked: Sequence[bool], plain: Callable[[str], str], mark: Callable[[str], str]
) -> str:
    """Colour a line of drawing: runs of columns that are marked in one way, the others in another."""
    parts = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marked[at] != marked[start]:
            parts.append((mark if marked[start] else plain)(text[start:at]))
            start = at
    return "".join(parts)
