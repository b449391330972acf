"""Pictures of sound: a line of blocks for a terminal, a spectrogram for the eye.

Knows no terminal and no drawing library: text is returned, PNG is written with zlib alone and is byte-stable.
"""

import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.silhouette import BLOCKS, COLUMNS, Silhouette, encode_level

_WINDOW = 4096
_HOPS_PER_COLUMN = 8
_QUIETEST_DB = -60.0  # a sound whose loudest point is below is shown as dark as it is
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 18_000.0
_LEFT, _BOTTOM = 40, 18
# Dark to light with rising luminance, so that it also reads in grey: sRGB at 0, 1/6 … 1.
_RAMP = np.array(
    [(4, 4, 14), (38, 16, 82), (102, 24, 112), (176, 42, 96), (234, 92, 58), (252, 172, 70), (254, 252, 210)],
    float,
)
_INK = (170, 170, 185)
# 3 x 5 dots per character, rows from the top, the most significant of each three bits on the left.
_FONT = {
    "0": 0o75557, "1": 0o26227, "2": 0o71747, "3": 0o71717, "4": 0o55711, "5": 0o74717, "6": 0o74757,
    "7": 0o71122, "8": 0o75757, "9": 0o75717, "k": 0o45655, "s": 0o03426, ":": 0o02020, ".": 0o00002,
}  # fmt: skip


def sparkline(audio: Audio, width: int = 60) -> str:
    """Draw the level of each stretch of time as one character.

    Heights are linear in dB of the RMS, from -42 dBFS to -3 dBFS (a full-scale sine), so that quiet passages still
    show; digital silence is a space.

    Parameters
    ----------
    audio : Audio
    width : int
        Number of characters; a sound of fewer frames gives fewer.
    """
    if width < 1:
        raise AudioError(f"a picture must be at least one column wide, not {width}")
    width = min(width, audio.frames)
    if width == 0:
        return ""
    power = np.einsum("fc,fc->f", audio.samples, audio.samples) / max(audio.channels, 1)
    starts = np.arange(width) * audio.frames // width
    lengths = np.diff(np.append(starts, audio.frames))
    return format_levels(np.sqrt(np.add.reduceat(power, starts) / lengths))


def format_levels(levels: NDArray[np.floating]) -> str:
    """Draw linear RMS levels as blocks; what `sparkline` does, for levels that were measured elsewhere."""
    top = len(BLOCKS) - 1
    with np.errstate(divide="ignore"):
        heights = np.ceil(top * (20 * np.log10(levels) + 42) / 39)
    heights = np.where(levels > 0, np.clip(np.nan_to_num(heights, neginf=1.0), 1, top), 0)
    return "".join(BLOCKS[int(height)] for height in heights)


class SilhouetteMeter:
    """Takes the blocks of a sound in order, gives its `Silhouette` at the end.

    Parameters
    ----------
    frames, sample_rate : int
        Of the whole sound.
    """

    def __init__(self, frames: int, sample_rate: int) -> None:
        columns = min(COLUMNS, frames)
        self._bounds = np.arange(columns + 1) * frames // max(columns, 1)
        self._peaks = np.zeros(columns)
        self._energies = np.zeros(columns)
        self._duration_s = frames / sample_rate
        self._position = 0
        self._channels = 1

    def add(self, samples: Samples) -> None:
        """Take the next frames, shape (frames, channels); what comes after the last is left out."""
        end = min(self._position + len(samples), int(self._bounds[-1]))
        samples = samples[: end - self._position]
        if not len(samples):
            return
        self._channels = samples.shape[1]
        first = int(np.searchsorted(self._bounds, self._position, "right")) - 1
        last = int(np.searchsorted(self._bounds, end, "left"))
        starts = np.maximum(self._bounds[first:last] - self._position, 0)
        power = np.einsum("fc,fc->f", samples, samples, dtype=np.float64)
        self._energies[first:last] += np.add.reduceat(power, starts)
        peaks = np.maximum.reduceat(np.abs(samples).max(axis=1), starts)
        self._peaks[first:last] = np.maximum(self._peaks[first:last], peaks)
        self._position = end

    def result(self) -> Silhouette:
        """Return the silhouette of what came so far."""
        lengths = np.diff(self._bounds)
        with np.errstate(divide="ignore"):
            levels_db = 10 * np.log10(self._energies / (lengths * self._channels))
        # Rounded up: only what is silent throughout is drawn as silence.
        peaks = np.ceil(np.clip(np.nan_to_num(self._peaks), 0, 1) * 255).astype(np.uint8)
        levels = bytes(encode_level(float(level_db)) for level_db in np.nan_to_num(levels_db, neginf=-np.inf))
        return Silhouette(peaks.tobytes(), levels, self._duration_s)


def write_spectrogram(
    path: str | PathLike[str] | BinaryIO,
    audio: Audio,
    *,
    width: int = 1000,
    height: int = 320,
    range_db: float = 80.0,
) -> None:
    """Write a log-frequency spectrogram with both axes labelled as a PNG.

    Channels are averaged in power, so that out-of-phase sound is not hidden. Each row is a quarter-octave-free
    triangle in log frequency; colours span ``range_db`` below the loudest point.

    Parameters
    ----------
    path : path or binary file
    audio : Audio
    width, height : int
        Size of the picture without its axes, in pixels.
    range_db : float
        dB between the darkest and the lightest colour.

    Raises
    ------
    AudioError
        There is no frame to draw.
    """
    if audio.frames == 0:
        raise AudioError("nothing to draw: the sound has no frames")
    rows, top_hz = _log_power(audio, width, height)
    level = 10 * np.log10(np.maximum(rows, 1e-14))
    shade = np.clip(1 + (level - max(float(level.max()), _QUIETEST_DB)) / range_db, 0, 1)
    image = np.full((height + _BOTTOM, width + _LEFT, 3), 12, np.uint8)
    image[:height, _LEFT:] = _colour(shade)[::-1]
    _draw_axes(image, width, height, top_hz, audio.duration_s)
    data = encode_png(image)
    if isinstance(path, (str, PathLike)):
        Path(path).write_bytes(data)
    else:
        path.write(data)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode an RGB image as PNG (ISO/IEC 15948), eight bits per channel, no filter.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
    """
    rows, columns, _ = image.shape
    raw = np.zeros((rows, 1 + columns * 3), np.uint8)  # each row starts with its filter type, 0
    raw[:, 1:] = image.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def _log_power(audio: Audio, columns: int, rows: int) -> tuple[NDArray[np.float64], float]:
    """Power on a log-frequency grid, shape (rows, columns), low row first; and the highest frequency in Hz."""
    size = _WINDOW
    hops = columns * min(_HOPS_PER_COLUMN, max(1, audio.frames * 4 // (size * columns)))
    centres = ((np.arange(hops) + 0.5) * audio.frames / hops).astype(np.int64)
    window = np.hanning(size).astype(np.float32)
    # A full-scale sine then peaks at 0 dB.
    window *= 2 / window.sum()
    padded = np.pad(audio.samples, ((size // 2, size // 2), (0, 0)))
    bins = np.arange(size // 2 + 1) * (audio.sample_rate / size)
    top_hz = min(_HIGHEST_HZ, audio.sample_rate / 2)
    weights = _log_triangles(bins, np.geomspace(_LOWEST_HZ, top_hz, rows))
    power = np.empty((rows, columns))
    per_column = hops // columns
    for start in range(0, columns, 64):
        chosen = centres[start * per_column : (start + 64) * per_column]
        frames = padded[chosen[:, None] + np.arange(size)]
        spectrum = np.abs(np.fft.rfft(frames * window[:, None], axis=1)) ** 2
        mean = spectrum.mean(axis=2).reshape(-1, per_column, len(bins)).max(axis=1)
        power[:, start : start + 64] = weights @ mean.T
    return power, top_hz


def _log_triangles(bins: NDArray[np.floating], centres: NDArray[np.floating]) -> NDArray[np.float64]:
    """Weights (rows, bins): each row the mean of the bins within its triangle, never narrower than two bins.

    Low rows lie closer together than the bins do; there the two-bin floor makes this linear interpolation.
    """
    ratio = centres[1] / centres[0]
    half = np.maximum(centres * (ratio - 1), bins[1])
    weights = np.maximum(0, 1 - np.abs(bins[None] - centres[:, None]) / half[:, None])
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9))


def _colour(shade: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Map 0..1 to the ramp; adds a last axis of three."""
    stops = np.linspace(0, 1, len(_RAMP))
    return (
        np.stack([np.interp(shade, stops, _RAMP[:, i]) for i in range(3)], axis=-1).round().astype(np.uint8)
    )


def _draw_axes(image: NDArray[np.uint8], width: int, height: int, top_hz: float, duration_s: float) -> None:
    """Label decades of frequency on the left and a handful of times below, and draw faint lines."""
    octaves = np.log(top_hz / _LOWEST_HZ)
    for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000):
        if hz < top_hz:
            row = height - 1 - round((height - 1) * np.log(hz / _LOWEST_HZ) / octaves)
            image[row, _LEFT - 5 : _LEFT] = _INK
            image[row, _LEFT::4] = image[row, _LEFT::4] // 2 + 50
            label = f"{hz // 1000}k" if hz >= 1000 else str(hz)
            _draw_text(image, label, row - 5, _LEFT - 8 - 8 * len(label))
    step = next(
        (s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if duration_s / s <= 12), 1800.0
    )
    for tick in range(int(duration_s / step) + 1):
        at = tick * step
        column = _LEFT + min(width - 1, round(width * at / duration_s))
        image[height : height + 4, column] = _INK
        label = (
            f"{at:.1f}"
            if step < 1
            else (f"{int(at)}" if duration_s < 60 else f"{int(at) // 60}:{int(at) % 60:02d}")
        )
        _draw_text(image, label, height + 6, min(column - 4 * len(label), width + _LEFT - 8 * len(label)))


def _draw_text(image: NDArray[np.uint8], text: str, row: int, column: int) -> None:
    """Draw with the top left corner at (row, column), two pixels per dot, clipped at the edges."""
    for letter in text:
        bits = _FONT[letter]
        for dot in range(15):
            if bits >> (14 - dot) & 1:
                y, x = row + dot // 3 * 2, column + dot % 3 * 2
                image[max(y, 0) : max(y + 2, 0), max(x, 0) : max(x + 2, 0)] = _INK
        column += 8
