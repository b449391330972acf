"""Playing through whichever program of this machine plays sound, where there is no PortAudio. Knows nothing of history.

Programs that read a pipe are given samples as they come; the others a file, once all of it is there.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Collection
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, cast

from beatflow.errors import EngineError
from beatflow.playing.device import INSTALL
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.writing import AudioWriter

_PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
)
_PIPED = {
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"),
    "aplay": ("-q", "-t", "wav", "-"),
    "play": ("-q", "-t", "wav", "-"),
}
"""Those that read a WAV from standard input, and how."""
_NO_DEVICE = b"audio open failed"
"""ffplay says that and ends with 0, as if it had played."""
_STARTED_S = 0.5
"""A player without a device gives up sooner than that."""
_PIPE_LATENCY_S = 1.0
"""What pipe and program have in hand, about."""
_HEAD_S = 10.0
"""So much is kept for the next program, should one give up: more than pipe and program have room for."""


class Playback:
    """A sound file being played, for one ``with`` block; ``playing`` says whether it could be.

    Parameters
    ----------
    file : Path
    programs : collection of str, optional
        Only these are tried.
    """

    def __init__(self, file: Path, programs: Collection[str] | None = None) -> None:
        self._file, self._programs = file, programs
        self._process: subprocess.Popen[bytes] | None = None
        self.playing = False

    def __enter__(self) -> "Playback":
        for name, *options in _PLAYERS:
            program = shutil.which(name) if self._programs is None or name in self._programs else None
            if program and self._start([program, *options, str(self._file)]):
                self.playing = True
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> None:
        """Wait until it was played to its end."""
        if self._process is not None:
            self._process.wait()

    def _start(self, command: list[str]) -> bool:
        """Start a player; say whether it plays, or has played a short sound to its end."""
        quiet = subprocess.DEVNULL
        with suppress(OSError), tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=said)
            try:
                return process.wait(_STARTED_S) == 0 and not _says_no_device(said)
            except subprocess.TimeoutExpired:
                self._process = process
                return True
        return False


class ProgramOutput(AbstractContextManager["ProgramOutput"]):
    """A program that plays what it is given. One that gives up soon is followed by the next, from the start.

    Parameters
    ----------
    sample_rate, channels : int
        Of the sound; programs take any.
    why : EngineError
        Why there is no device; raised where there is no program that plays either, now or later.
    """

    gaps = 0

    def __init__(self, sample_rate: int, channels: int, why: EngineError) -> None:
        self.sample_rate, self.channels, self._why = sample_rate, channels, why
        self.latency_s = _PIPE_LATENCY_S
        self.name = ""
        self._left = [name for name in _PIPED if shutil.which(name)]
        self._process: subprocess.Popen[bytes] | None = None
        self._head: list[Samples] | None = []
        self._stack = ExitStack()
        self._file: Path | None = None
        if not self._start_next():
            self._collect()

    def write(self, samples: Samples) -> None:
        """Play these next.

        Raises
        ------
        EngineError
            No program is left that plays.
        """
        if self._head is not None:
            self._head.append(samples)
        try:
            self._writer.write(Audio(samples, self.sample_rate))
        except BrokenPipeError:
            self._replay()
        if self._head and sum(map(len, self._head)) > _HEAD_S * self.sample_rate:
            self._head = None

    def drain(self) -> None:
        """Wait until all of it was heard."""
        while self._process is not None:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            if (self._process.wait() == 0 and not _says_no_device(self._said)) or self._head is None:
                return
            self._replay()
        self._writer.close()
        assert self._file is not None
        with Playback(self._file, (self.name,)) as playback:
            if not playback.playing:
                raise self._why
            playback.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_process()
        self._stack.close()

    def _replay(self) -> None:
        """Give what was given so far to the next program."""
        self._end_process()
        if self._head is None:
            raise EngineError(f"{self.name} stopped playing", INSTALL)
        if not self._start_next():
            self._collect()
        for samples in self._head:
            try:
                self._writer.write(Audio(samples, self.sample_rate))
            except BrokenPipeError:
                self._replay()
                return

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None

    def _start_next(self) -> bool:
        quiet = subprocess.DEVNULL
        while self._left:
            name = self._left.pop(0)
            command = [shutil.which(name) or name, *_PIPED[name]]
            with suppress(OSError):  # a broken pipe is one: it is gone already
                self._said = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=self._said)
                self._process, self.name = process, name
                pipe = cast(BinaryIO, process.stdin)
                self._writer = AudioWriter(pipe, self.sample_rate, self.channels, "FLOAT", "WAV")
                return True
            self._end_process()
        return False

    def _collect(self) -> None:
        """Have the samples go to a file, for a program that takes nothing else."""
        found = [name for name, *_ in _PLAYERS if name not in _PIPED and shutil.which(name)]
        if not found:
            raise self._why
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="beatflow-")))
        self._file, self.name = folder / "listen.wav", found[0]
        self._writer = AudioWriter(self._file, self.sample_rate, self.channels, "PCM_24")


def _says_no_device(said: IO[bytes]) -> bool:
    said.seek(0)
    return _NO_DEVICE in said.read()
