"""A few stretches of a chunk, and the same stretches of what may explain it: enough to guess by.

Knows bytes and where they come from, and decides nothing. Kernels do the sums where there are any, else numpy, which is
loaded for nothing else (`predicting/trial.py`).
"""

from collections.abc import Sequence
from typing import Protocol

from beatflow.native import fit
from beatflow.native.fit import Stretches
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.sources import SourceFile

_PEEKS, _PEEK_FRAMES = 4, 1024


class Trial(Protocol):
    """Finds out how much sums of some features explain; they are told apart by their numbers."""

    def choose(self, among: Sequence[int], prices: Sequence[float]) -> list[int]:
        """Return which of some features are worth having, given the bits per sample that each must save."""
        ...

    def count_left(self, chosen: Sequence[int], explained: float) -> float:
        """Return the bits per sample that gains leave: of the whole or, since faders move, of each stretch.

        Stretches are looked at apart only where the whole is not below `explained`.
        """
        ...


def spread_blocks(frames: int, count: int, length: int) -> list[int]:
    """Return where stretches of some frames begin that lie evenly in a sound."""
    if frames <= length or count == 1:
        return [0]
    return sorted({round(step * (frames - length) / (count - 1)) for step in range(count)})


def read_stretch(file: SourceFile, layout: Layout, first: int, frames: int) -> bytes | None:
    """Return frames of a file of a layout, silence outside of it; not verified. None where they cannot be had."""
    low, high = max(first, 0), min(first + frames, file.frames)
    if low >= high:
        return _make_silence(layout, frames)
    found = file.peek_bytes(low, high)
    if found is None or high - low == frames:
        return found
    before, after = _make_silence(layout, low - first), _make_silence(layout, first + frames - high)
    return b"".join((before, found, after))


class View:
    """Stretches of one chunk.

    Parameters
    ----------
    frame : int
        Of its region, at which the chunk begins.
    raw : bytes
    layout : Layout

    Attributes
    ----------
    plain : float or None
        Bits per sample without any reference; None where the samples are no integers of 24 bits.
    """

    def __init__(self, frame: int, raw: bytes, layout: Layout) -> None:
        self.frame = frame
        width = layout.frame_bytes
        frames = len(raw) // width
        self.length = min(_PEEK_FRAMES, frames)
        self._starts = spread_blocks(frames, _PEEKS, self.length)
        parts = (raw[at * width : (at + self.length) * width] for at in self._starts)
        self.target = Stretches(b"".join(parts), layout.format, layout.channels)
        self.plain = self._count_plain_bits()

    @property
    def blocks(self) -> int:
        """How many stretches there are."""
        return len(self._starts)

    def read(self, file: SourceFile, offset: int, margin: int = 0) -> Stretches | None:
        """Return the stretches of a file that is `offset` frames earlier, with some frames more on either side.

        None where they cannot be had.
        """
        layout = file.layout
        if layout is None:
            return None
        parts = []
        for at in self._starts:
            first = self.frame + at - offset - margin
            part = read_stretch(file, layout, first, self.length + 2 * margin)
            if part is None:
                return None
            parts.append(part)
        return Stretches(b"".join(parts), layout.format, layout.channels)

    def open_trial(self, features: Sequence[Stretches]) -> Trial:
        """Return what tries sums of some features."""
        if fit.is_at_hand():
            return fit.Products(self.target, features, self.blocks, self.length)
        from beatflow.predicting.trial import SumTrial

        return SumTrial(self.target, features, self.blocks)

    def count_bits_crossed(self, source: Stretches) -> float:
        """Return the bits per sample that gains from every channel into every channel leave."""
        if fit.is_at_hand():
            from beatflow.native import taps

            return taps.count_bits_crossed(self.target, source, self.blocks, self.length)
        from beatflow.predicting.trial import count_bits_crossed

        return count_bits_crossed(self.target, source)

    def count_bits_filtered(self, source: Stretches, lags: int) -> float | None:
        """Return the bits per sample that a filter leaves, None where hardly anything is explained.

        The source's stretches have `lags` frames more on either side.
        """
        if fit.is_at_hand():
            from beatflow.native import taps

            return taps.count_bits_filtered(self.target, source, self.blocks, self.length, lags)
        from beatflow.predicting.trial import count_bits_filtered

        return count_bits_filtered(self.target, source, self.blocks)

    def _count_plain_bits(self) -> float | None:
        if fit.is_at_hand():
            return fit.count_plain_bits(self.target, self.blocks, self.length)
        from beatflow.predicting.trial import count_bits_alone

        return count_bits_alone(self.target, self.blocks)


def _make_silence(layout: Layout, frames: int) -> bytes:
    zero = b"\x80" if layout.format is SampleFormat.U8 else b"\0"
    return zero * (frames * layout.frame_bytes)
