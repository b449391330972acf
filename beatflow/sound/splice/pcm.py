"""Sound files as rows of frames, bit for bit, so that stretches of several can be put together into one.

Reads plain samples of any container that `objects.container` knows (WAV, RF64, AIFF, CAF, Wave64), and FLAC by way of
its integers. What surrounds the samples is kept as bytes. Knows no repository.
"""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.objects.container import Source as Stream
from beatflow.objects.container import spans
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.samples import from_integers, to_integers
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader
from beatflow.sound.wav import decode_samples, encode_samples, parse_wav
from beatflow.sound.writing import AudioWriter

Rows = NDArray[np.uint8]
"""Frames as they stand in the file: shape (frames, bytes per frame)."""

_FORMATS = {
    "PCM_U8": SampleFormat.U8, "PCM_16": SampleFormat.S16LE, "PCM_24": SampleFormat.S24LE, "PCM_32": SampleFormat.S32LE,
    "FLOAT": SampleFormat.F32LE, "DOUBLE": SampleFormat.F64LE,
}  # fmt: skip
_FLAC_FORMATS = {"PCM_16": SampleFormat.S16LE, "PCM_24": SampleFormat.S24LE}


class RowWriter(Protocol):
    """Takes frames in order."""

    def write(self, rows: Rows) -> None:
        """Append frames."""
        ...


class PcmFile(AbstractContextManager["PcmFile"]):
    """An open sound.

    Attributes
    ----------
    layout : Layout
        Format, channels and sample rate of the frames.
    frames : int
    kind : str
        ``WAV``, ``FLAC`` … : files of one kind and layout can be put together.

    Raises
    ------
    AudioError
        It holds no plain samples: not sound, lossy, or in several parts.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        with ExitStack() as stack:
            stack.callback(file.close)
            self._flac: AudioReader | None = None
            file.seek(0)
            self.kind = _KINDS.get(file.read(4), "")
            if self.kind == "FLAC":
                self._open_flac(stack)
            else:
                self._open_plain()
            self._stack = stack.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _open_flac(self, stack: ExitStack) -> None:
        self._flac = stack.enter_context(AudioReader(self._file, self.name))
        info = self._flac.info
        if info.subtype not in _FLAC_FORMATS:
            raise AudioError(f"{self.name} is FLAC of {info.subtype}, which cannot be put together")
        self.layout = Layout(_FLAC_FORMATS[info.subtype], info.channels, info.sample_rate)
        self.frames = info.frames

    def _open_plain(self) -> None:
        found = _locate(self._file, self.name)
        if found is None:
            raise AudioError(f"{self.name} holds no plain samples")
        self.layout, self._start, length = found
        self.frames = length // self.layout.frame_bytes

    @property
    def bits(self) -> int | None:
        """Bits per sample of integers; None for floats."""
        return None if self.layout.format.is_float else 8 * self.layout.format.width

    def read(self, start: int, frames: int) -> Rows:
        """Return frames from a place on; fewer at the end."""
        frames = max(0, min(frames, self.frames - start))
        width = self.layout.frame_bytes
        if self._flac is None:
            self._file.seek(self._start + start * width)
            data = self._file.read(frames * width)
        else:
            self._flac.seek(start)
            data = encode_samples(self._flac.read(frames).samples, f"PCM_{self.bits}")[0]
        if len(data) != frames * width:
            raise AudioError(f"{self.name} ends too early")
        return np.frombuffer(data, np.uint8).reshape(frames, width)

    def read_surroundings(self) -> tuple[bytes, bytes] | None:
        """Return the bytes before and behind the samples; None where these are encoded."""
        if self._flac is not None:
            return None
        self._file.seek(0)
        before = self._file.read(self._start)
        self._file.seek(self._start + self.frames * self.layout.frame_bytes)
        return before, self._file.read()

    def create_like(self, path: Path) -> "_PlainWriter | _FlacWriter":
        """Begin a file with this one's surroundings, for as many frames as this one has; a context."""
        surroundings = self.read_surroundings()
        if surroundings is None:
            return _FlacWriter(path, self.layout)
        return _PlainWriter(path, *surroundings)


_KINDS = {
    b"RIFF": "WAV", b"RF64": "WAV", b"BW64": "WAV", b"RIFX": "RIFX", b"FORM": "AIFF", b"caff": "CAF", b"riff": "Wave64",
    b"fLaC": "FLAC",
}  # fmt: skip


class _PlainWriter(AbstractContextManager[RowWriter]):
    """Writes frames between bytes that are kept."""

    def __init__(self, path: Path, before: bytes, behind: bytes) -> None:
        self._file, self._behind = path.open("wb"), behind
        self._file.write(before)

    def __enter__(self) -> "_PlainWriter":
        return self

    def write(self, rows: Rows) -> None:
        """Append frames."""
        self._file.write(rows.tobytes())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.write(self._behind)


class _FlacWriter(AbstractContextManager[RowWriter]):
    """Encodes frames anew; the same frames give the same bytes."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._subtype = f"PCM_{8 * layout.format.width}"
        self._layout = layout
        self._out = AudioWriter(path, layout.sample_rate, layout.channels, self._subtype, "FLAC")

    def __enter__(self) -> "_FlacWriter":
        self._out.__enter__()
        return self

    def write(self, rows: Rows) -> None:
        """Append frames."""
        samples = decode_samples(rows.tobytes(), self._subtype).reshape(len(rows), -1)
        self._out.write(Audio(samples, self._layout.sample_rate))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.__exit__(kind, error, trace)


def decode_rows(rows: Rows, layout: Layout) -> NDArray[np.float64]:
    """Return frames as numbers, shape (frames, channels): whole steps for integers, which float64 holds exactly."""
    raw, kind = rows.tobytes(), layout.format
    values: NDArray[Any]
    if kind is SampleFormat.U8:
        values = np.frombuffer(raw, np.uint8).astype(np.float64) - 128
    elif kind.width == 3:
        wide = to_integers(raw, kind)
        assert wide is not None
        values = (wide >> 8).astype(np.float64)
    else:
        values = np.frombuffer(raw, _dtype(kind)).astype(np.float64)
    return values.reshape(len(rows), layout.channels)


def encode_rows(values: NDArray[np.float64], layout: Layout) -> tuple[Rows, int]:
    """Round numbers (half to even) to frames; gives them and how many samples were beyond the range."""
    kind = layout.format
    if kind.is_float:
        raw = values.astype(_dtype(kind)).tobytes()
        return np.frombuffer(raw, np.uint8).reshape(len(values), layout.frame_bytes), 0
    scale = 1 << (8 * kind.width - 1)
    rounded = np.rint(values)
    clipped = int(np.count_nonzero((rounded < -scale) | (rounded > scale - 1)))
    whole = np.clip(rounded, -scale, scale - 1)
    if kind is SampleFormat.U8:
        raw = (whole + 128).astype(np.uint8).tobytes()
    elif kind.width == 3:
        raw = from_integers(whole.astype(np.int32).reshape(-1) << 8, kind)
    else:
        raw = whole.astype(_dtype(kind)).tobytes()
    return np.frombuffer(raw, np.uint8).reshape(len(values), layout.frame_bytes), clipped


def _dtype(kind: SampleFormat) -> np.dtype[Any]:
    order = ">" if kind.is_big_endian else "<"
    return np.dtype(f"{order}{'f' if kind.is_float else 'i'}{kind.width}")


def _locate(file: BinaryIO, name: str) -> tuple[Layout, int, int] | None:
    """Return the layout of the samples, where they begin and how many bytes they are."""
    wav = parse_wav(file, name)
    if wav is not None:
        layout = Layout(_FORMATS[wav.subtype], wav.channels, wav.sample_rate)
        return layout, wav.data_offset, wav.frames * layout.frame_bytes
    size = file.seek(0, 2)
    file.seek(0)
    stream = _Skipping(file)
    found = None
    position = 0
    for span in spans(stream):
        length = min(size - position, size if span.length is None else span.length)
        if span.layout is not None:
            if found is not None:
                return None
            found = (span.layout, position, length)
        stream.skip(length)
        position += length
    return found


class _Skipping(Stream):
    """A stream whose spans can be passed over without reading them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file.read)
        self._file = file

    def skip(self, count: int) -> None:
        """Go on by this many bytes."""
        ready = min(count, len(self._ahead))
        self._ahead = self._ahead[ready:]
        self._file.seek(count - ready, 1)
