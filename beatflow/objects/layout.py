"""How samples stand in a file: sample format, channels, rate.

Knows neither containers nor codecs; both speak of PCM in these words. The numbers of `SampleFormat` are written
to disk (docs/format.md) and never change their meaning.
"""

from enum import IntEnum
from typing import NamedTuple


class SampleFormat(IntEnum):
    """One sample as it stands in the file; the value is the number on disk."""

    U8 = 1
    S8 = 2
    S16LE = 3
    S16BE = 4
    S24LE = 5
    S24BE = 6
    S32LE = 7
    S32BE = 8
    F32LE = 9
    F32BE = 10
    F64LE = 11
    F64BE = 12

    @property
    def width(self) -> int:
        """Bytes of one sample."""
        return _WIDTH[self]

    @property
    def bits(self) -> int:
        """Bits of an integer that count, where samples are taken as such: 8, 16 or 24."""
        return min(8 * self.width, 24)

    @property
    def is_float(self) -> bool:
        """Whether a sample is an IEEE 754 number."""
        return self >= SampleFormat.F32LE

    @property
    def is_big_endian(self) -> bool:
        """Whether the most significant byte comes first (never so for one byte)."""
        return self.name.endswith("BE")


_WIDTH = {
    SampleFormat.U8: 1,
    SampleFormat.S8: 1,
    SampleFormat.S16LE: 2,
    SampleFormat.S16BE: 2,
    SampleFormat.S24LE: 3,
    SampleFormat.S24BE: 3,
    SampleFormat.S32LE: 4,
    SampleFormat.S32BE: 4,
    SampleFormat.F32LE: 4,
    SampleFormat.F32BE: 4,
    SampleFormat.F64LE: 8,
    SampleFormat.F64BE: 8,
}

MAX_CHANNELS = 1024


class Layout(NamedTuple):
    """How a run of PCM is to be read.

    `sample_rate` is what the container said, in Hz, 0 where it said nothing usable; no codec depends on it.
    """

    format: SampleFormat
    channels: int
    sample_rate: int = 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: one sample per channel."""
        return self.format.width * self.channels
