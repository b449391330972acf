"""A piece that is to be continued: all of it bit for bit, as WAV holds it unchanged, and its end as samples.

Read block by block; knows no engine, and nothing of what follows.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from beatflow.errors import AudioError
from beatflow.making.separation import stem_subtype
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, AudioReader, check_sound
from beatflow.sound.splice.pcm import PcmFile, decode_rows, encode_rows

CONTEXT_S = 60.0
"""How much of the piece's end the engine gets to hear."""
_PLAIN = {
    (1, False): ("PCM_U8", SampleFormat.U8), (2, False): ("PCM_16", SampleFormat.S16LE),
    (3, False): ("PCM_24", SampleFormat.S24LE), (4, False): ("PCM_32", SampleFormat.S32LE),
    (4, True): ("FLOAT", SampleFormat.F32LE), (8, True): ("DOUBLE", SampleFormat.F64LE),
}  # fmt: skip
"""Width of a sample and whether it is a float, to what WAV holds it as, unchanged."""


class Original(AbstractContextManager["Original"]):
    """The piece that is to be continued.

    Attributes
    ----------
    info : SoundInfo
    subtype : str
        In which WAV holds its samples unchanged; FLOAT for what a lossy decoder gives.

    Raises
    ------
    AudioError
        It cannot be read, holds no samples, or samples that are not numbers.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        with ExitStack() as stack:
            self._reader = stack.enter_context(AudioReader(path, name))
            check_sound(self._reader)
            self.info = self._reader.info
            self._pcm = _find_pcm(path, name, stack)
            if self._pcm is not None and self._pcm.frames != self.info.frames:
                self._pcm = None
            self.subtype, kind = self._find_format()
            self.layout = Layout(kind, self.info.channels, self.info.sample_rate)
            self._stack = stack.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _find_format(self) -> tuple[str, SampleFormat]:
        if self._pcm is not None:
            format = self._pcm.layout.format
            return _PLAIN[format.width, format.is_float]
        subtype = stem_subtype(self.info.subtype)
        return next(found for found in _PLAIN.values() if found[0] == subtype)

    def read_end(self) -> Audio:
        """What an engine continues: the last minute, or all of it."""
        frames = min(self.info.frames, int(CONTEXT_S * self.info.sample_rate))
        self._reader.seek(self.info.frames - frames)
        return self._reader.read(frames)

    def blocks(self) -> Iterator[Audio]:
        """All of it as samples."""
        self._reader.seek(0)
        return self._reader.blocks()

    def rows(self) -> Iterator[bytes]:
        """All of it as `subtype`, bit for bit where its format is not a lossy one."""
        if self._pcm is None:
            for block in self.blocks():
                yield self.encode(block)
            return
        pcm, kind = self._pcm, self.layout.format
        for start in range(0, pcm.frames, BLOCK_FRAMES):
            rows = pcm.read(start, BLOCK_FRAMES)
            # Numbers of any width are exact in float64, so that another byte order changes none of them.
            same = pcm.layout.format is kind
            yield (rows if same else encode_rows(decode_rows(rows, pcm.layout), self.layout)[0]).tobytes()

    def encode(self, audio: Audio) -> bytes:
        """Samples as `subtype`."""
        values = audio.samples.astype(np.float64)
        if not self.layout.format.is_float:
            values *= 1 << (8 * self.layout.format.width - 1)
        return encode_rows(values, self.layout)[0].tobytes()


def _find_pcm(path: Path, name: str, stack: ExitStack) -> PcmFile | None:
    """The piece bit for bit, where it holds plain samples."""
    try:
        return stack.enter_context(PcmFile(path.open("rb"), name))
    except AudioError:
        return None
