"""Figures in a musician's words: times, levels, sizes, names of stems. Pure text; knows no terminal."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beatflow.objects.git.value import Signature

if TYPE_CHECKING:
    import datetime

MINUS = "−"


def format_duration(seconds: float) -> str:
    """Write a length as ``3:05.250``."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{clock}:{rest / 1000:06.3f}"


def format_number(value: float, digits: int = 1) -> str:
    """Write a figure with a true minus sign and no ``-0.0``."""
    text = f"{value:.{digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def format_tempo(tempo: float) -> str:
    """Write a tempo as ``90 BPM`` or ``87.5 BPM``."""
    return f"{tempo:.2f}".rstrip("0").rstrip(".") + " BPM"


def format_loudness(loudness_lufs: float | None) -> str:
    """Write a loudness; None is silence."""
    return "silent" if loudness_lufs is None else f"{format_number(loudness_lufs)} LUFS"


def format_size(size: float) -> str:
    """Write a number of bytes in decimal units."""
    for unit in ("B", "kB", "MB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def format_time(signature: Signature) -> str:
    """Write when something was done, in the clock of where it was done: ``2026-11-21 07:10``."""
    return _date(signature).strftime("%Y-%m-%d %H:%M")


def format_iso_time(signature: Signature) -> str:
    """Write when something was done as ISO 8601, zone included."""
    return _date(signature).isoformat()


def _date(signature: Signature) -> "datetime.datetime":
    import datetime  # most commands tell no time, and it takes as long to load as ten modules of ours

    zone = datetime.timezone(datetime.timedelta(minutes=signature.offset_min))
    return datetime.datetime.fromtimestamp(signature.time_s, zone)


def short_name(path: str) -> str:
    """Name a file as musicians do: ``stems/drums.wav`` is ``drums``; other files keep their path."""
    pure = PurePosixPath(path)
    return pure.stem if pure.suffix.lower() in _SOUND_SUFFIXES else path


def plural(count: int, noun: str) -> str:
    """Write ``1 file``, ``2 files``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


_SOUND_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".caf", ".w64", ".rf64"}
