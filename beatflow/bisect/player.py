"""Playing a sound file on this machine, by whichever player there is. Knows nothing of history."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
)
_STARTED_S = 0.5
"""A player without a device gives up sooner than that."""


class Playback:
    """A sound being played, for one ``with`` block; ``playing`` says whether it could be."""

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
