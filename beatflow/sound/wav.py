"""WAV and RF64, read as they come and written byte for byte the same each time.

Knows only headers and plain samples (8 to 32 bit integers, 32 and 64 bit floats); other encodings are left to
libsndfile. Sources of the layout: RIFF/WAVE (Microsoft, 1991/1994), RF64 (EBU Tech 3306, ITU-R BS.2088).

What is written, in order: ``RIFF``/``WAVE``; ``JUNK`` of 28 bytes, which becomes ``ds64`` when the file outgrows
4 GiB (then ``RF64``); ``fmt `` (16 bytes for integers on one or two channels, 18 for floats, 40 otherwise); ``fact``
for floats; ``data``. No times, no names: the same samples give the same bytes.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.audio import Samples
from beatflow.sound.exact import BITS, FLOATS, get_bits, round_samples

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# The tail of every KSDATAFORMAT_SUBTYPE GUID; its first two bytes are the format tag.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_SUBTYPES = {
    (_PCM, 1): "PCM_U8", (_PCM, 2): "PCM_16", (_PCM, 3): "PCM_24", (_PCM, 4): "PCM_32",
    (_FLOAT, 4): "FLOAT", (_FLOAT, 8): "DOUBLE",
}  # fmt: skip
_BYTES = {subtype: size for (_, size), subtype in _SUBTYPES.items()}
# Speakers for 1 … 8 channels: mono, stereo, 3.0, quad, 5.0, 5.1, 6.1, 7.1 (Microsoft's dwChannelMask).
_SPEAKERS = (0x4, 0x3, 0x7, 0x33, 0x37, 0x3F, 0x70F, 0x63F)
_UNKNOWN = 0xFFFFFFFF
# sox announces 0x7FFFF000, others 0x7FFFFFFF, 0x80000000 or 0xFFFFFFFF when they write to a pipe.
_STREAMED_FROM = 0x7FFFF000
WAV_SUBTYPES = tuple(_BYTES)


@dataclass(frozen=True, slots=True)
class WavLayout:
    """Where the samples of a WAV file lie and what they are; ``truncated`` when there are fewer than announced."""

    format: str
    subtype: str
    channels: int
    sample_rate: int
    data_offset: int
    frames: int
    truncated: bool


def parse_wav(file: BinaryIO, name: str) -> WavLayout | None:
    """Read the header of a seekable file.

    Parameters
    ----------
    file : binary file
        Positioned anywhere; is read from its start.
    name : str
        For messages.

    Returns
    -------
    WavLayout or None
        None when this is no little-endian WAV, or one in an encoding that is not plain samples.

    Raises
    ------
    AudioError
        The header breaks off, or contradicts itself.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or (len(head) == 12 and head[8:] != b"WAVE"):
        return None
    if len(head) < 12:
        raise AudioError(f"{name} breaks off inside its WAV header, after {len(head)} bytes")
    length = file.seek(0, 2)
    riff_size = int(struct.unpack_from("<I", head, 4)[0])
    position, fmt, data64 = 12, b"", None
    while position + 8 <= length:
        file.seek(position)
        chunk, size = struct.unpack("<4sI", file.read(8))
        position += 8
        if chunk == b"data":
            break
        if chunk == b"ds64":
            data64 = struct.unpack("<QQQ", file.read(24).ljust(24, b"\0"))[1]
        elif chunk == b"fmt ":
            fmt = file.read(min(size, 40))
        position += size + (size & 1)
    else:
        raise AudioError(f"{name} has a WAV header but no samples: it breaks off after {length} bytes")
    plain = _parse_format(fmt, name)
    if plain is None:
        return None
    subtype, channels, sample_rate = plain
    announced = data64 if data64 is not None and size == _UNKNOWN else size
    present = length - position
    # Size 0 means "not known yet" unless the RIFF size accounts for something that follows the samples.
    streamed = _STREAMED_FROM <= announced <= _UNKNOWN or (
        announced == 0 and not position < riff_size + 8 <= length
    )
    taken = present if streamed else min(announced, present)
    return WavLayout(
        format="WAV" if head[:4] == b"RIFF" else "RF64",
        subtype=subtype,
        channels=channels,
        sample_rate=sample_rate,
        data_offset=position,
        frames=taken // (_BYTES[subtype] * channels),
        truncated=not streamed and announced > present,
    )


def _parse_format(fmt: bytes, name: str) -> tuple[str, int, int] | None:
    """Subtype, channels and sample rate from a ``fmt `` chunk; None for encodings that are not plain samples."""
    if len(fmt) < 16:
        raise AudioError(f"{name} has a WAV header without a description of its samples")
    tag, channels, sample_rate, _, align, _ = struct.unpack_from("<HHIIHH", fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 40 and fmt[26:40] == _GUID_TAIL:
        tag = struct.unpack_from("<H", fmt, 24)[0]
    # The container's width counts, not the valid bits: 20 bits are kept in the upper part of 24.
    subtype = _SUBTYPES.get((tag, align // channels)) if channels else None
    if subtype is None or align % channels:
        if tag in (_PCM, _FLOAT):
            raise AudioError(
                f"{name} has a WAV header that contradicts itself: {channels} channels in {align} bytes"
            )
        return None
    return subtype, channels, sample_rate


class WavReader:
    """Samples of a parsed WAV file, from any frame on."""

    def __init__(self, file: BinaryIO, layout: WavLayout) -> None:
        self._file = file
        self.layout = layout
        self._frame_bytes = _BYTES[layout.subtype] * layout.channels
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from the start."""
        self._position = min(frame, self.layout.frames)

    def read(self, frames: int) -> Samples:
        """Read up to this many frames as float32, fewer at the end."""
        frames = min(frames, self.layout.frames - self._position)
        self._file.seek(self.layout.data_offset + self._position * self._frame_bytes)
        data = self._file.read(frames * self._frame_bytes)
        whole = len(data) // self._frame_bytes
        self._position += whole
        data = data[: whole * self._frame_bytes]
        return decode_samples(data, self.layout.subtype).reshape(-1, self.layout.channels)


def decode_samples(data: bytes, subtype: str) -> Samples:
    """Little-endian samples to float32; exact up to 24 bits and for FLOAT."""
    if subtype == "PCM_24":
        # Three bytes into the upper part of four: the sign comes for free, and 2**-31 undoes the shift.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype(np.float32) * np.float32(2.0**-31)
    if subtype == "PCM_U8":
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) * np.float32(2.0**-7)
    kind, scale = {
        "PCM_16": ("<i2", 2.0**-15), "PCM_32": ("<i4", 2.0**-31), "FLOAT": ("<f4", 1.0), "DOUBLE": ("<f8", 1.0),
    }[subtype]  # fmt: skip
    with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, which `check_finite` reports
        return np.frombuffer(data, kind).astype(np.float32) * np.float32(scale)


def encode_samples(samples: Samples, subtype: str) -> tuple[bytes, int]:
    """Float32 to little-endian samples, and how many were clipped; see `exact.round_samples` for the rounding."""
    bits = get_bits(subtype)
    if bits is None:
        return samples.astype("<f4" if subtype == "FLOAT" else "<f8").tobytes(), 0
    integers, clipped = round_samples(samples, bits)
    if subtype == "PCM_U8":
        return (integers + 128).astype(np.uint8).tobytes(), clipped
    if bits == 24:
        wide = integers.astype("<i4").reshape(-1, 1).view(np.uint8)
        return wide[:, :3].tobytes(), clipped
    return integers.astype(f"<i{bits // 8}").tobytes(), clipped


def build_header(sample_rate: int, channels: int, subtype: str, frames: int | None) -> bytes:
    """Everything before the first sample; its length does not depend on ``frames``.

    Parameters
    ----------
    frames : int or None
        None where the length is not known and cannot be patched later (a pipe): the sizes are then 0xFFFFFFFF.
    """
    if subtype not in _BYTES:
        raise AudioError(f"WAV cannot hold {subtype}", hint=f"use one of {', '.join(WAV_SUBTYPES)}")
    size = _BYTES[subtype]
    floats = subtype in FLOATS
    tag = _FLOAT if floats else _PCM
    bits = 8 * size if floats else BITS[subtype]
    extensible = channels > 2
    fmt = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if extensible else tag, channels, sample_rate, sample_rate * size * channels, size * channels, bits,
    )  # fmt: skip
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, _SPEAKERS[channels - 1], tag) + _GUID_TAIL
    elif floats:
        fmt += struct.pack("<H", 0)
    fact = (
        struct.pack("<4sII", b"fact", 4, _UNKNOWN if frames is None else min(frames, _UNKNOWN))
        if floats
        else b""
    )
    before = 12 + 36 + 8 + len(fmt) + len(fact) + 8
    data_size = _UNKNOWN if frames is None else frames * size * channels
    riff_size = _UNKNOWN if frames is None else before - 8 + data_size + (data_size & 1)
    if frames is not None and riff_size >= _UNKNOWN:
        first = struct.pack(
            "<4sI4s4sIQQQI", b"RF64", _UNKNOWN, b"WAVE", b"ds64", 28, riff_size, data_size, frames, 0
        )
        data_size = _UNKNOWN
    else:
        first = struct.pack("<4sI4s4sI28x", b"RIFF", riff_size, b"WAVE", b"JUNK", 28)
    return (
        first + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + fact + struct.pack("<4sI", b"data", data_size)
    )


class WavWriter:
    """Writes samples as they come; `finish` puts the sizes right where the file can seek.

    Parameters
    ----------
    file : binary file
        Written from where it stands.
    frames : int, optional
        The length, when it is known: then a pipe gets a true header, too, and another length is an error.
    """

    def __init__(
        self, file: BinaryIO, sample_rate: int, channels: int, subtype: str, frames: int | None = None
    ) -> None:
        self._file = file
        self._shape = (sample_rate, channels, subtype)
        self._announced = frames
        self._start = file.tell() if file.seekable() else None
        self.frames = 0
        self.clipped = 0
        self._odd = False
        file.write(build_header(*self._shape, frames))

    def write(self, samples: Samples) -> None:
        """Append frames; they must be finite."""
        data, clipped = encode_samples(samples, self._shape[2])
        self._file.write(data)
        self.frames += len(samples)
        self.clipped += clipped
        self._odd ^= bool(len(data) & 1)

    def finish(self) -> None:
        """Pad, and write the sizes into the header.

        Raises
        ------
        AudioError
            Another number of frames was announced.
        """
        if self._announced is not None and self._announced != self.frames:
            raise AudioError(f"{self.frames} frames were written, {self._announced} were announced")
        streamed = self._start is None and self._announced is None
        if self._odd and not streamed:  # a reader of a streamed file would take the pad byte for a sample
            self._file.write(b"\0")
        if self._start is not None and self._announced is None:
            self._file.seek(self._start)
            self._file.write(build_header(*self._shape, self.frames))
            self._file.seek(0, 2)
