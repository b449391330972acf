"""What tests put into a track: sounds made here, by arithmetic, never copied from anywhere."""

import io
import struct
from pathlib import Path

import numpy as np


def wav_bytes(samples: np.ndarray, sample_rate: int = 44100, bits: int = 16) -> bytes:
    """Write integer samples (frames, channels) as a plain WAV file."""
    channels = samples.shape[1]
    if bits == 16:
        data = samples.astype("<i2").tobytes()
    else:
        data = np.ascontiguousarray(samples.astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    block = channels * bits // 8
    header = struct.pack("<IHHIIHH", 16, 1, channels, sample_rate, sample_rate * block, block, bits)
    body = b"WAVEfmt " + header + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tone(
    seconds: float = 0.5, hz: float = 220.0, amplitude: float = 0.3, sample_rate: int = 44100
) -> np.ndarray:
    """Make a stereo tone with a little noise, as 16-bit integers."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    noise = np.random.default_rng(int(hz)).normal(0, 0.01, (len(time), 2))
    wave = amplitude * np.sin(2 * np.pi * hz * time)[:, None] + noise
    return np.rint(wave * 32767).astype(np.int16)


def write_tone(path: Path, seconds: float = 0.5, hz: float = 220.0, amplitude: float = 0.3) -> bytes:
    """Write a tone to a file, folders made, and return its bytes."""
    data = wav_bytes(tone(seconds, hz, amplitude))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def decode(data: bytes) -> np.ndarray:
    """Read the integer samples of a 16-bit WAV file."""
    import wave

    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
