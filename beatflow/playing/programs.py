"""Playing through whichever program of this machine plays sound, where there is no PortAudio. Knows nothing of history.

Programs that read a pipe are given samples as they come; the others a file, once all of it is there.
"""

import shutil
import subprocess
import tempfile
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from beatflow.errors import EngineError
from beatflow.playing.device import INSTALL
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.writing import AudioWriter

_PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
)
_PIPED = {
    "ffplay": ("-loglevel", "error", "-i", "-"), "aplay": ("-t", "wav", "-"), "play": ("-t", "wav", "-"),
}  # fmt: skip
"""What tells these to read a WAV from standard input."""
_NO_DEVICE = b"audio open failed"
"""ffplay says that and ends with 0, as if it had played."""
_STARTED_S = 0.5
"""A player without a device gives up sooner than that."""
_PIPE_LATENCY_S = 1.0
"""What pipe and program have in hand, about."""
_HEAD_S = 10.0
"""So much is kept for the next program, should one give up: more than pipe and program have room for."""


class Playback:
    """A sound file being played, for one ``with`` block; ``playing`` says whether it could be."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._process: subprocess.Popen[bytes] | None = None
        self.playing = False

    def __enter__(self) -> "Playback":
        for name, *options in _PLAYERS:
            program = shutil.which(name)
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
        with suppress(OSError):
            process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
            try:
                return process.wait(_STARTED_S) == 0
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

    Raises
    ------
    EngineError
        There is none.
    """

    gaps = 0

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate, self.channels = sample_rate, channels
        self.latency_s = _PIPE_LATENCY_S
        self.name = ""
        self._left = [player for player in _PLAYERS if player[0] in _PIPED and shutil.which(player[0])]
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
            if (self._process.wait() == 0 and not self._has_failed()) or self._head is None:
                return
            self._replay()
        self._writer.close()
        assert self._file is not None
        with Playback(self._file) as playback:
            if not playback.playing:
                raise _nothing_plays()
            playback.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_process()
        self._stack.close()

    def _has_failed(self) -> bool:
        self._said.seek(0)
        return _NO_DEVICE in self._said.read()

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
            name, *options = self._left.pop(0)
            command = [shutil.which(name) or name, *options, *_PIPED[name]]
            with suppress(OSError):  # a broken pipe is one: it is gone already
                self._said = self._stack.enter_context(tempfile.TemporaryFile())
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
            raise _nothing_plays()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="beatflow-")))
        self._file, self.name = folder / "listen.wav", found[0]
        self._writer = AudioWriter(self._file, self.sample_rate, self.channels, "PCM_24")


def _nothing_plays() -> EngineError:
    return EngineError(
        "nothing here can play: neither an audio device nor a program that reaches one",
        f"{INSTALL}; or bf preview FILE -o listen.mp3, and listen elsewhere",
    )
