"""Sound files made by hand, so that tests know every byte and every lie in them."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from beatflow.objects.layout import SampleFormat

W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
W64_WAVE = b"wave" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


def music(frames: int, channels: int = 2, seed: int = 1) -> NDArray[np.float64]:
    """Return something that FLAC compresses: slow tones under a little noise, within -1..1."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 44100
    tones = sum(np.sin(2 * math.pi * hz * time * (1 + channel)) for channel, hz in enumerate((55.0, 440.0)))
    return np.asarray(0.2 * tones + 0.01 * random.standard_normal((frames, channels)))


def samples(data: NDArray[np.float64], sample_format: SampleFormat) -> bytes:
    """Return floats as the bytes of one sample format."""
    order = ">" if sample_format.is_big_endian else "<"
    if sample_format.is_float:
        return bytes(data.astype(f"{order}f{sample_format.width}").tobytes())
    width = sample_format.width
    whole = np.rint(data * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if sample_format is SampleFormat.U8:
        return bytes((whole + 128).astype(np.uint8).tobytes())
    octets = whole.astype("<i8").view(np.uint8).reshape(*whole.shape, 8)[..., :width]
    return bytes((octets[..., ::-1] if sample_format.is_big_endian else octets).tobytes())


def wave_format(sample_format: SampleFormat, channels: int = 2, rate: int = 44100, order: str = "<") -> bytes:
    """Return the body of a ``fmt `` chunk."""
    block = sample_format.width * channels
    tag = 3 if sample_format.is_float else 1
    return struct.pack(f"{order}HHIIHH", tag, channels, rate, rate * block, block, 8 * sample_format.width)


def extensible(sample_format: SampleFormat, channels: int = 2, rate: int = 44100) -> bytes:
    """Return the body of a WAVE_FORMAT_EXTENSIBLE ``fmt `` chunk."""
    plain = wave_format(sample_format, channels, rate)
    tail = bytes.fromhex("000000001000800000aa00389b71")
    return b"\xfe\xff" + plain[2:] + struct.pack("<HHI", 22, 8 * sample_format.width, 3) + plain[:2] + tail


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """Return a RIFF chunk, padded to an even length; `size` may lie."""
    return name + struct.pack(f"{order}I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def wav(
    pcm: bytes,
    sample_format: SampleFormat = SampleFormat.S16LE,
    channels: int = 2,
    rate: int = 44100,
    *,
    size: int | None = None,
    after: bytes = b"",
    form: bytes | None = None,
) -> bytes:
    """Return a WAV file; `size` is what the data chunk claims."""
    body = (
        chunk(b"fmt ", form or wave_format(sample_format, channels, rate)) + chunk(b"data", pcm, size) + after
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def rf64(pcm: bytes, sample_format: SampleFormat = SampleFormat.S16LE, magic: bytes = b"RF64") -> bytes:
    """Return an RF64 or BW64 file whose data size stands in ds64 only."""
    long_sizes = chunk(b"ds64", struct.pack("<QQQI", len(pcm) + 100, len(pcm), len(pcm) // 4, 0))
    body = long_sizes + chunk(b"fmt ", wave_format(sample_format)) + chunk(b"data", pcm, 0xFFFFFFFF)
    return magic + b"\xff\xff\xff\xff" + b"WAVE" + body + chunk(b"LIST", b"INFOtail")


def aiff(pcm: bytes, bits: int, kind: bytes | None = None, channels: int = 2, offset: int = 0) -> bytes:
    """Return an AIFF file, or an AIFF-C one of compression type `kind`; 44.1 kHz."""
    rate = struct.pack(">HQ", 16383 + 15, 44100 << 48)
    frames = len(pcm) // (channels * ((bits + 7) // 8))
    common = struct.pack(">hIh", channels, frames, bits) + rate + (kind + b"\x00\x00" if kind else b"")
    sound = struct.pack(">II", offset, 0) + bytes(offset) + pcm
    body = chunk(b"COMM", common, order=">") + chunk(b"SSND", sound, order=">")
    return b"FORM" + struct.pack(">I", 4 + len(body)) + (b"AIFC" if kind else b"AIFF") + body


def w64(pcm: bytes, sample_format: SampleFormat = SampleFormat.S16LE) -> bytes:
    """Return a Sony Wave64 file."""

    def part(name: bytes, body: bytes) -> bytes:
        return name + W64_TAIL + struct.pack("<q", 24 + len(body)) + body + bytes(-len(body) % 8)

    body = W64_WAVE + part(b"fmt ", wave_format(sample_format)) + part(b"data", pcm)
    return W64_RIFF + struct.pack("<q", 24 + len(body)) + body


def caf(pcm: bytes, sample_format: SampleFormat, channels: int = 2, size: int | None = None) -> bytes:
    """Return a Core Audio file of linear PCM."""
    flags = (1 if sample_format.is_float else 0) | (0 if sample_format.is_big_endian else 2)
    width = sample_format.width
    description = struct.pack(">d4sIIIII", 44100.0, b"lpcm", flags, width * channels, 1, channels, 8 * width)
    data = bytes(4) + pcm
    length = len(data) if size is None else size
    return (
        b"caff\x00\x01\x00\x00"
        + b"desc"
        + struct.pack(">q", len(description))
        + description
        + b"data"
        + struct.pack(">q", length)
        + data
    )
