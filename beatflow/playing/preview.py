"""Makes a preview of a sound: its most telling stretch, or all of it, at a usual loudness, faded, small and tagged."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from beatflow.daw.encoding import MP3_RATES
from beatflow.daw.tagging import id3, ogg
from beatflow.daw.tagging.tags import Levels, Tags
from beatflow.errors import UsageError
from beatflow.playing.choice import choose_start
from beatflow.playing.source import Source, fit_channels
from beatflow.sound.audio import Audio
from beatflow.sound.files import BLOCK_FRAMES, make_spool
from beatflow.sound.levelling import plan_level
from beatflow.sound.resample import resample_blocks
from beatflow.sound.shaping import fade
from beatflow.sound.writing import AudioWriter
from beatflow.wording import short_name

LENGTH_S = 30.0
LUFS, CEILING_DBTP = -14.0, -2.0
"""What streaming services play at; the ceiling leaves the codec the room that it takes (MP3 adds up to 1 dB)."""
FADE_IN_S, FADE_OUT_S = 0.02, 2.0
_MAX_CHANNELS = 2
_OPUS_RATE = 48_000

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its suffix, libsndfile's names for it, and how much it is compressed."""

    suffix: str
    major: str
    subtype: str
    compression: float


# LAME's V2, about 190 kbit/s; libsndfile's scale for 64 kbit/s a channel (see `sound.proxy`); Vorbis' quality 5.
FORMATS = {
    "mp3": Format(".mp3", "MP3", "PCM_16", 0.2),
    "opus": Format(".opus", "OGG", "OPUS", 0.768),
    "ogg": Format(".ogg", "OGG", "PCM_16", 0.5),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a preview is to be like.

    Parameters
    ----------
    format : str
        Of `FORMATS`.
    start_s : float or None
        None has the most telling stretch looked for.
    length_s : float or None
        None is all from there on.
    lufs : float or None
        None leaves the level as it is.
    fade_out_s : float
    """

    format: str = "mp3"
    start_s: float | None = None
    length_s: float | None = LENGTH_S
    lufs: float | None = LUFS
    fade_out_s: float = FADE_OUT_S


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview that was written.

    Parameters
    ----------
    start_s, duration_s : float
        The stretch of the sound that it holds.
    chosen : bool
        The stretch was looked for.
    gain_db, limited_db : float
        What was done to its level; the most that the limiter took away.
    loudness_lufs, true_peak_dbtp : float or None
        Before it was compressed.
    """

    start_s: float
    duration_s: float
    chosen: bool
    gain_db: float
    limited_db: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None


def check(wish: Wish) -> None:
    """Refuse what makes no sense, before any work."""
    if wish.format not in FORMATS:
        raise UsageError(f"a preview cannot be {wish.format}", hint=f"there are {', '.join(FORMATS)}")
    if wish.length_s is not None and not 1 <= wish.length_s <= 86_400:
        raise UsageError(
            f"a preview of {wish.length_s:g} s makes no sense", hint="1 to 86400 s, such as --length 30"
        )
    if wish.start_s is not None and not wish.start_s >= 0:
        raise UsageError(f"a preview cannot begin at {wish.start_s:g} s", hint="--start 45")
    if not 0 <= wish.fade_out_s <= 60:
        raise UsageError(f"a fade of {wish.fade_out_s:g} s makes no sense", hint="0 to 60 s")


def write_preview(
    source: Source,
    dest: BinaryIO,
    wish: Wish,
    tags: Tags,
    facts: Mapping[str, Any] | None = None,
    progress: Progress = lambda _, __: None,
) -> Preview:
    """Write a preview of a sound.

    Parameters
    ----------
    source : Source
    dest : binary file
        Empty.
    wish : Wish
    tags : Tags
        Of the sound; times, levels and the comment are put in here.
    facts : mapping, optional
        What is known of it: ``sections`` and ``downbeats`` save listening to all of it.

    Raises
    ------
    UsageError
        A figure is out of range, or the stretch lies behind the end.
    AudioError
        It cannot be decoded.
    """
    check(wish)
    kind = FORMATS[wish.format]
    duration_s = source.frames / source.sample_rate
    chosen = wish.start_s is None and wish.length_s is not None and duration_s > wish.length_s
    start_s = wish.start_s or 0.0
    if chosen and wish.length_s is not None:
        start_s = choose_start(source, wish.length_s, facts, lambda done, what: progress(0.6 * done, what))
        # The downbeat itself is not to be faded in.
        start_s = max(start_s - FADE_IN_S, 0.0)
    if start_s >= duration_s:
        raise UsageError(f"{source.name} is {duration_s:.2f} s long: nothing of it is behind {start_s:g} s")
    length_s = min(wish.length_s or duration_s, duration_s - start_s)
    rate = _choose_rate(source.sample_rate, wish.format)
    stretch = _Stretch(source, start_s, length_s, rate, wish.fade_out_s)
    progress(0.6, "levelling")
    plan = plan_level(stretch.read, wish.lufs, CEILING_DBTP) if wish.lufs is not None else None
    blocks: Iterable[Audio] = plan.apply(stretch.read()) if plan else stretch.read()
    progress(0.8, "writing")
    with closing(make_spool()) as spool:
        with AudioWriter(
            spool, rate, stretch.channels, kind.subtype, kind.major, compression=kind.compression
        ) as writer:
            for block in blocks:
                writer.write(block)
        loudness, peak = (plan.loudness_lufs, plan.true_peak_dbtp) if plan else (None, None)
        whole = not start_s and length_s >= duration_s
        tagged = replace(
            tags,
            comment=tags.comment if whole else f"{tags.comment}, {start_s:.1f} to {start_s + length_s:.1f} s",
            time_reference=round(start_s * rate),
            frames=writer.frames,
            levels=Levels(loudness, None, peak),
        )
        (id3 if kind.major == "MP3" else ogg).write_tagged(spool, dest, tagged, rate)
    gain, limited = (plan.gain_db, plan.limited_db) if plan else (0.0, 0.0)
    return Preview(start_s, length_s, chosen, gain, limited, loudness, peak)


def name_preview(path: str, format: str) -> str:
    """Return the name of a sound's preview: ``mix-preview.mp3``."""
    return f"{PurePosixPath(short_name(path)).name}-preview{FORMATS[format].suffix}"


class _Stretch:
    """The stretch of a sound that a preview holds, faded and at the rate of its format; can be read again."""

    def __init__(self, source: Source, start_s: float, length_s: float, rate: int, fade_out_s: float) -> None:
        self._source, self._rate = source, rate
        self._start = round(start_s * source.sample_rate)
        self._frames = min(round(length_s * source.sample_rate), source.frames - self._start)
        self.channels = min(source.channels, _MAX_CHANNELS)
        before_end = self._start + self._frames < source.frames
        # What ends by itself needs no end.
        self._fade_out_s = min(fade_out_s, length_s / 4) if before_end else 0.0
        self._fade_in_s = FADE_IN_S if self._start else 0.0

    def read(self) -> Iterator[Audio]:
        """Yield its blocks from the start on."""
        faded = fade(self._iter_blocks(), self._frames, self._fade_in_s, self._fade_out_s)
        yield from resample_blocks(faded, self._rate)

    def _iter_blocks(self) -> Iterator[Audio]:
        self._source.seek(self._start)
        left = self._frames
        while left > 0 and len(samples := self._source.read(min(left, BLOCK_FRAMES))):
            left -= len(samples)
            finite = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
            yield Audio(np.ascontiguousarray(fit_channels(finite, self.channels)), self._source.sample_rate)


def _choose_rate(rate: int, format: str) -> int:
    if format == "opus":
        return _OPUS_RATE
    if format == "mp3" and rate not in MP3_RATES:
        return 44_100 if rate % 11_025 == 0 else 48_000
    return rate
