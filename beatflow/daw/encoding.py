"""A sound as a tagged file of a chosen format: copied where it is of that format already, else converted.

What is copied keeps every sample, and every byte of what was compressed. What is converted is rounded only where the
format must.
"""

from collections.abc import Iterable
from typing import BinaryIO

from beatflow.daw.session import Lane
from beatflow.daw.tagging import flac, id3, ogg, riff
from beatflow.daw.tagging.tags import Tags
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, make_spool
from beatflow.sound.resample import resample_blocks
from beatflow.sound.wav import parse_wav
from beatflow.sound.writing import AudioWriter

SUFFIXES = {"wav": ".wav", "flac": ".flac", "mp3": ".mp3", "ogg": ".ogg"}
"""What can be exported."""

# Of LAME's variable bit rate the best, V0 (about 245 kbit/s); of Vorbis' quality 9 (about 320 kbit/s).
_COMPRESSION = {"mp3": 0.0, "ogg": 0.1}
MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_SUBTYPES = {
    "wav": {"PCM_U8": "PCM_U8", "PCM_S8": "PCM_16", "PCM_16": "PCM_16", "PCM_24": "PCM_24"},
    "flac": {"PCM_U8": "PCM_16", "PCM_S8": "PCM_S8", "PCM_16": "PCM_16", "PCM_24": "PCM_24"},
}
_OTHERS = {"wav": "FLOAT", "flac": "PCM_24", "mp3": "PCM_16", "ogg": "PCM_16"}


def choose_rate(lane: Lane, kind: str) -> int:
    """Return the sample rate that a file of this kind can have: the sound's own where it can be that."""
    if kind != "mp3" or lane.format == "MP3" or lane.sample_rate in MP3_RATES:
        return lane.sample_rate
    higher = [rate for rate in MP3_RATES if rate > lane.sample_rate]
    if higher:
        return higher[0]
    return 44_100 if lane.sample_rate % 11_025 == 0 else 48_000


def write_file(lane: Lane, source: BinaryIO, dest: BinaryIO, kind: str, tags: Tags) -> list[str]:
    """Write a sound as a tagged file; return what is to be said about it.

    Parameters
    ----------
    lane : Lane
    source : binary file
        Its file, seekable.
    dest : binary file
        Empty.
    kind : str
        Of `SUFFIXES`.
    tags : Tags
        In frames of `choose_rate`.

    Raises
    ------
    AudioError
        It cannot be decoded, or the format cannot hold it.
    """
    if _is_of_kind(lane, source, kind):
        _tag(source, dest, kind, tags, lane.sample_rate, lane.path)
        return []
    with make_spool() as spool:
        remarks = _convert(lane, source, spool, kind)
        _tag(spool, dest, kind, tags, choose_rate(lane, kind), lane.path)
    return remarks


def _is_of_kind(lane: Lane, source: BinaryIO, kind: str) -> bool:
    source.seek(0)
    head = source.read(4)
    if kind == "wav":
        return lane.format in ("WAV", "RF64") and parse_wav(source, lane.path) is not None
    if kind == "flac":
        return head == b"fLaC"
    return lane.format == kind.upper() and (kind != "ogg" or head == b"OggS")


def _tag(source: BinaryIO, dest: BinaryIO, kind: str, tags: Tags, sample_rate: int, name: str) -> None:
    if kind == "wav":
        layout = parse_wav(source, name)
        assert layout is not None
        riff.write_tagged(source, dest, layout, tags)
    else:
        writer = {"flac": flac.write_tagged, "mp3": id3.write_tagged, "ogg": ogg.write_tagged}[kind]
        writer(source, dest, tags, sample_rate)


def _convert(lane: Lane, source: BinaryIO, dest: BinaryIO, kind: str) -> list[str]:
    remarks = []
    rate = choose_rate(lane, kind)
    with AudioReader(source, lane.path) as reader:
        subtype = _SUBTYPES.get(kind, {}).get(reader.info.subtype, _OTHERS[kind])
        blocks: Iterable[Audio] = reader.blocks()
        if rate != reader.info.sample_rate:
            blocks = resample_blocks(blocks, rate)
            remarks.append(f"{lane.path}: {lane.sample_rate} → {rate} Hz, which is what {kind} can hold")
        with AudioWriter(
            dest, rate, reader.info.channels, subtype, kind.upper(), compression=_COMPRESSION.get(kind)
        ) as writer:
            for block in blocks:
                writer.write(block)
    if writer.clipped:
        remarks.append(f"{lane.path}: {writer.clipped} samples beyond full scale were clipped in {kind}")
    return remarks
