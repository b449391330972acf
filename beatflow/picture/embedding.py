"""The sound that belongs to a picture, small enough to lie inside a page: as Opus, or as MP3 for old browsers."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from beatflow.picture.tracing import Trace
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, AudioReader
from beatflow.sound.proxy import fold
from beatflow.sound.resample import resample_blocks
from beatflow.sound.writing import AudioWriter

FORMATS = ("opus", "mp3", "none")
LONGEST_S = 1800.0
"""What all sounds of a page may last together: half an hour is some 20 MB."""
_MP3_RATES = (32_000, 44_100, 48_000)
_OPUS_RATE = 48_000
# libsndfile's scales: 63 kbit/s of Opus and some 130 kbit/s of MP3 for stereo.
_COMPRESSION = {"opus": 0.9, "mp3": 0.6}


@dataclass(frozen=True, slots=True)
class Clip:
    """An encoded sound, and what a browser calls its format; it begins where the picture does."""

    name: str
    media_type: str
    data: bytes


def encode_clip(trace: Trace, format: str, report: Callable[[float], None]) -> Clip:
    """Encode the stretch of a sound that a picture shows.

    Parameters
    ----------
    trace : Trace
    format : str
        ``opus`` or ``mp3``.
    report : callable
        Told which fraction is done.

    Raises
    ------
    AudioError
        It cannot be decoded.
    """
    opus = format == "opus"
    rate = trace.info.sample_rate
    target = _OPUS_RATE if opus or rate not in _MP3_RATES else rate
    channels = min(trace.info.channels, 2)
    file = io.BytesIO()
    kind, subtype = ("OGG", "OPUS") if opus else ("MP3", "MPEG_LAYER_III")
    with (
        trace.subject.open() as source,
        AudioReader(source, trace.subject.name) as reader,
        AudioWriter(file, target, channels, subtype, kind, compression=_COMPRESSION[format]) as writer,
    ):
        reader.seek(trace.start)
        for block in resample_blocks(_take(reader, trace.frames, channels, report), target):
            writer.write(block)
    return Clip(trace.subject.name, "audio/ogg" if opus else "audio/mpeg", file.getvalue())


def _take(
    reader: AudioReader, frames: int, channels: int, report: Callable[[float], None]
) -> Iterator[Audio]:
    done = 0
    while done < frames:
        block = reader.read(min(BLOCK_FRAMES, frames - done))
        if not block.frames:
            return
        yield Audio(fold(block.samples, channels), block.sample_rate)
        done += block.frames
        report(done / frames)
