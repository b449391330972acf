"""Which formats can be written, what they hold, and which rates and channels are taken. Opens nothing."""

from os import PathLike
from pathlib import Path
from typing import BinaryIO

from beatflow.errors import AudioError
from beatflow.sound.wav import WAV_SUBTYPES

Source = str | PathLike[str] | BinaryIO
Dest = str | PathLike[str] | BinaryIO

FORMATS = {
    ".wav": ("WAV", None), ".flac": ("FLAC", None), ".aif": ("AIFF", None), ".aiff": ("AIFF", None),
    ".ogg": ("OGG", "VORBIS"), ".oga": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip
"""Suffix to format, and the subtype where the format allows no choice."""
LOSSY = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Of all formats that can be written, Opus alone is choosy."""

SAMPLE_RATES = range(8_000, 192_001)
CHANNELS = range(1, 9)


def get_name(source: Source | Dest) -> str:
    """How a message should call a source: its last path component, or what kind of stream it is."""
    if isinstance(source, (str, PathLike)):
        return Path(source).name
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else "the sound"


def get_format(dest: Dest, subtype: str, format: str | None = None) -> tuple[str, str]:
    """The format and subtype in which a sound would be written.

    Parameters
    ----------
    dest : path or binary file
        A path's suffix decides; a file is WAV.
    subtype : str
        Ignored by formats that have but one (MP3, OGG).
    format : str, optional
        Overrides the suffix: ``WAV``, ``FLAC``, ``AIFF``, ``OGG``, ``MP3``.

    Raises
    ------
    AudioError
        The suffix names no format that can be written, or the format cannot hold the subtype.
    """
    fixed = None
    if format is None:
        suffix = Path(dest).suffix.lower() if isinstance(dest, (str, PathLike)) else ".wav"
        if suffix not in FORMATS:
            raise AudioError(
                f"{get_name(dest)}: no sound can be written as {suffix or 'a file without suffix'}",
                hint=f"use one of {' '.join(FORMATS)}",
            )
        format, fixed = FORMATS[suffix]
    if format in LOSSY:
        return format, fixed or (
            subtype if subtype in ("VORBIS", "OPUS", "MPEG_LAYER_III") else LOSSY[format]
        )
    # Float AIFF is left out: libsndfile stamps its PEAK chunk with the time.
    allowed = {"WAV": WAV_SUBTYPES, "FLAC": ("PCM_S8", "PCM_16", "PCM_24")}.get(
        format, ("PCM_16", "PCM_24", "PCM_32")
    )
    if subtype not in allowed:
        raise AudioError(
            f"{format} cannot hold {subtype} here", hint=f"use one of {', '.join(allowed)}, or WAV"
        )
    return format, subtype


def check_rate(dest: Dest, sample_rate: int) -> None:
    """Refuse a file before the work whose format cannot hold the sample rate.

    Raises
    ------
    AudioError
        It cannot, or the suffix names no format.
    """
    _, subtype = get_format(dest, "PCM_16")
    if subtype == "OPUS" and sample_rate not in OPUS_RATES:
        raise AudioError(
            f"{get_name(dest)}: Opus cannot hold {sample_rate} Hz", hint="write it as WAV, FLAC, OGG or MP3"
        )


def check_shape(sample_rate: int, channels: int, name: str) -> None:
    """Refuse sample rates and channels that BeatFlow does not work with.

    Raises
    ------
    AudioError
        It is outside 8 to 192 kHz, or 1 to 8 channels.
    """
    if sample_rate not in SAMPLE_RATES:
        raise AudioError(
            f"{name} has a sample rate of {sample_rate} Hz; 8000 to 192000 Hz can be used",
            hint="convert it first: ffmpeg -i FILE -ar 48000 FILE.wav",
        )
    if channels not in CHANNELS:
        raise AudioError(
            f"{name} has {channels} channels; 1 to 8 can be used",
            hint="mix it down first: ffmpeg -i FILE -ac 2 FILE.wav",
        )
