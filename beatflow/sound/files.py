"""Reads sound files: what they say of themselves, and their samples, from any place and block by block.

Knows no repository, and writes nothing: `beatflow.sound.writing` does. A source is a path or an open
binary file; one that cannot seek (a pipe) is first copied to memory, or beyond 32 MiB to a temporary file.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import BinaryIO, cast

import numpy as np

from beatflow.errors import AudioError
from beatflow.objects.sndfile import LibsndfileError, SoundFile
from beatflow.sound.audio import Audio
from beatflow.sound.formats import Source, check_shape, get_name
from beatflow.sound.looks import AGAIN, READABLE, REPAIR, describe_bytes
from beatflow.sound.mp3 import add_length_tag, has_length_tag
from beatflow.sound.wav import WavLayout, WavReader, WavWriter, parse_wav

BLOCK_FRAMES = 65_536
_SPOOL_BYTES = 32 << 20
# 240 dB over full scale: 32-bit integers taken for samples stay below; sums of squares of it are numbers.
_ABSURD = 1e12
# What decodes to integers cannot hold anything else.
_INTEGERS = ("PCM_", "ALAC_", "ULAW", "ALAW")
_UNKNOWN_FRAMES = 1 << 62  # libsndfile says 2**63 - 1


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """What a sound file says of itself.

    ``format`` is libsndfile's major format (``WAV`` in all its flavours but ``RF64``), ``subtype`` its encoding.
    ``truncated`` means that a WAV file holds fewer frames than it announces; ``frames`` are those that are there.
    """

    format: str
    subtype: str
    channels: int
    sample_rate: int
    frames: int
    truncated: bool = False

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class AudioReader(AbstractContextManager["AudioReader"]):
    """An open sound file: its `info`, and its samples from any frame on.

    Parameters
    ----------
    source : path or binary file
        A binary file is read from its start and left open.
    name : str, optional
        For messages, where the source has no telling name.

    Raises
    ------
    AudioError
        Not there, empty, not sound, broken off inside its header, or outside 8 to 192 kHz and 1 to 8 channels.
    """

    def __init__(self, source: Source, name: str | None = None) -> None:
        self.name = name or get_name(source)
        with ExitStack() as stack:
            file = _open_source(source, self.name, stack)
            layout = _parse_wav(file, self.name)
            if layout is not None:
                self._wav: WavReader | None = WavReader(file, layout)
                self.info = SoundInfo(
                    layout.format,
                    layout.subtype,
                    layout.channels,
                    layout.sample_rate,
                    layout.frames,
                    layout.truncated,
                )
            else:
                self._wav, self._sound = None, stack.enter_context(_open_sndfile(file, self.name))
                self.info = self._describe(file, stack)
            check_shape(self.info.sample_rate, self.info.channels, self.name)
            self._stack = stack.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened here."""
        self._stack.close()

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from the start; beyond the end means to the end."""
        if self._wav is not None:
            self._wav.seek(frame)
        else:
            self._sound.seek(min(frame, self.info.frames))

    def read(self, frames: int) -> Audio:
        """Read up to this many frames; none at the end.

        Raises
        ------
        AudioError
            The decoder gives up on damaged data.
        """
        if self._wav is not None:
            return Audio(self._wav.read(frames), self.info.sample_rate)
        try:
            samples = self._sound.read(frames, dtype="float32", always_2d=True)
        except LibsndfileError as error:
            raise AudioError(f"{self.name} cannot be decoded: {_reason(error)}", hint=AGAIN) from error
        return Audio(samples, self.info.sample_rate)

    def _describe(self, file: BinaryIO, stack: ExitStack) -> SoundInfo:
        """What libsndfile says, with a length that is true."""
        sound = self._sound
        frames = sound.frames
        if frames >= _UNKNOWN_FRAMES:
            self._wav = _decode_stream(file, stack.enter_context(make_spool()), self.name)
            frames = self._wav.layout.frames
        elif sound.format == "MP3" and not _keeping_position(file, has_length_tag):
            tagged = stack.enter_context(make_spool())
            add_length_tag(file, tagged)
            self._sound = sound = stack.enter_context(_open_sndfile(tagged, self.name))
            frames = sound.frames
        kind = "WAV" if sound.format == "WAVEX" else sound.format
        return SoundInfo(kind, sound.subtype, sound.channels, sound.samplerate, max(frames, 0))

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[Audio]:
        """Read on from here to the end in blocks of this many frames, the last one shorter."""
        while (block := self.read(block_frames)).frames:
            yield block


def read_info(source: Source, name: str | None = None) -> SoundInfo:
    """What a sound file says of itself; see `AudioReader` for the errors."""
    with AudioReader(source, name) as reader:
        return reader.info


def read_audio(source: Source, start: int = 0, frames: int | None = None, name: str | None = None) -> Audio:
    """Read a sound, or the part from frame ``start`` on; a part beyond the end is what there is of it.

    A sound of no frames is read without complaint. See `AudioReader` for the errors.
    """
    with AudioReader(source, name) as reader:
        reader.seek(start)
        left = max(reader.info.frames - start, 0)
        return reader.read(left if frames is None else min(frames, left))


def iter_audio(source: Source, block_frames: int = BLOCK_FRAMES, name: str | None = None) -> Iterator[Audio]:
    """Read a sound block by block, in constant memory. See `AudioReader` for the errors."""
    with AudioReader(source, name) as reader:
        yield from reader.blocks(block_frames)


def check_finite(audio: Audio, name: str, start: int = 0, hint: str = REPAIR) -> None:
    """Refuse samples that are not numbers.

    Parameters
    ----------
    audio : Audio
        A sound, or a block of one.
    name : str
        What to call it.
    start : int
        Where in the sound the block begins, in frames.
    hint : str
        What to do about it.

    Raises
    ------
    AudioError
        There are NaN or infinite samples; says where the first one is.
    """
    # Without a temporary array in the good case: NaN among them makes both NaN.
    if np.isfinite(audio.samples.min(initial=0.0)) and np.isfinite(audio.samples.max(initial=0.0)):
        return
    wrong = ~np.isfinite(audio.samples).all(axis=1)
    first = start + int(np.argmax(wrong))
    raise AudioError(
        f"{name} holds samples that are not numbers (NaN or infinite), "
        f"the first at {first / audio.sample_rate:.3f} s (frame {first})",
        hint=hint,
    )


def check_measurable(audio: Audio, name: str, start: int = 0) -> None:
    """Refuse samples of which nothing can be measured: those that `check_finite` refuses, and absurdly large ones.

    Raises
    ------
    AudioError
        There are NaN or infinite samples, or some beyond 1e12 of full scale, whose powers are no numbers any more.
    """
    check_finite(audio, name, start)
    peak = max(-float(audio.samples.min(initial=0.0)), float(audio.samples.max(initial=0.0)))
    if peak > _ABSURD:
        raise AudioError(
            f"{name} holds samples of {peak:.0e} times full scale: nothing can be measured of that",
            hint="bounce it again, at a level that can be heard",
        )


def check_sound(reader: AudioReader) -> None:
    """Refuse a sound of no frames or with samples that are not numbers, before work on it begins.

    Reads the sound block by block where its format can hold such samples, and leaves it at its start.

    Raises
    ------
    AudioError
        It is one of these, or cannot be decoded.
    """
    if not reader.info.frames:
        raise AudioError(f"{reader.name} holds no samples", hint=AGAIN)
    if not reader.info.subtype.startswith(_INTEGERS):
        start = 0
        for block in reader.blocks():
            check_finite(block, reader.name, start)
            start += block.frames
    reader.seek(0)


def _open_source(source: Source, name: str, stack: ExitStack) -> BinaryIO:
    """A seekable file with the whole sound, at its start."""
    if isinstance(source, (str, PathLike)):
        try:
            file: BinaryIO = Path(source).open("rb")  # noqa: SIM115 - the stack closes it
        except FileNotFoundError:
            raise AudioError(f"{source} does not exist", hint=hint_missing(source)) from None
        except IsADirectoryError:
            raise AudioError(f"{source} is a folder, not a sound", hint="name a file in it") from None
        except PermissionError:
            raise AudioError(f"{source} may not be read", hint=f"chmod u+r {quote(str(source))}") from None
        stack.enter_context(file)
    else:
        file = source
    if not file.seekable():
        spool = stack.enter_context(make_spool())
        shutil.copyfileobj(file, spool, 1 << 20)
        file = spool
    file.seek(0)
    if not file.read(1):
        raise AudioError(f"{name} is empty (0 bytes)", hint=AGAIN)
    file.seek(0)
    return file


def hint_missing(path: str | PathLike[str]) -> str:
    """What to do about a file that is not there: take the one whose name is nearest, or look at what there is."""
    folder = Path(path).parent
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return f"there is no folder {folder}"
    near = get_close_matches(Path(path).name, names, 2)
    return (
        f"did you mean {' or '.join(str(folder / name) for name in near)}?"
        if near
        else f"ls {'' if folder == Path() else quote(str(folder)) + ' '}shows what is there"
    )


def _parse_wav(file: BinaryIO, name: str) -> WavLayout | None:
    """Parse a WAV header, and tell what to do when it is broken."""
    try:
        return parse_wav(file, name)
    except AudioError as error:
        raise AudioError(error.message, hint=error.hint or AGAIN) from None


def make_spool() -> BinaryIO:
    """A file in memory that moves to disk when it grows."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))


def _open_sndfile(file: BinaryIO, name: str) -> SoundFile:
    """Open with libsndfile, or say what the bytes look like instead."""
    file.seek(0)
    head = file.read(512)
    what = describe_bytes(head)
    if what is not None:
        raise AudioError(f"{name} is {what.what}, not sound that can be read", hint=what.hint)
    file.seek(0)
    try:
        return SoundFile(file)
    except LibsndfileError as error:
        raise AudioError(f"{name} is not sound that can be read: {_reason(error)}", hint=READABLE) from error


def _keeping_position(file: BinaryIO, look: Callable[[BinaryIO], bool]) -> bool:
    """Look into a file that libsndfile has open, and leave it where libsndfile left it."""
    position = file.tell()
    found = look(file)
    file.seek(position)
    return found


class _StreamedSoundFile(SoundFile):  # type: ignore[misc]
    """A file that is only read forward: in any other, soundfile seeks after each read."""

    def seekable(self) -> bool:
        return False


def _decode_stream(file: BinaryIO, spool: BinaryIO, name: str) -> WavReader:
    """Decode a FLAC whose writer could not go back to its header to a WAV of floats, which hold 24 bits exactly.

    libsndfile can neither tell its length nor seek in it.
    """
    file.seek(0)
    with _StreamedSoundFile(file) as sound:
        writer = WavWriter(spool, sound.samplerate, sound.channels, "FLOAT")
        try:
            while len(samples := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                writer.write(samples)
        except LibsndfileError as error:
            raise AudioError(f"{name} cannot be decoded: {_reason(error)}", hint=AGAIN) from error
    writer.finish()
    layout = parse_wav(spool, name)
    assert layout is not None
    return WavReader(spool, layout)


def _reason(error: LibsndfileError) -> str:
    """libsndfile's own words, as part of a sentence."""
    words = str(error.error_string).rstrip(". ")
    return words[:1].lower() + words[1:]
