"""Writes down each run of an engine, those that failed included, in the journal of the track that it was in.

Knows what the results of `making` look like, and no database.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from beatflow.errors import BeatFlowError, NotFoundError, UsageError
from beatflow.library.journal import note_event

FIGURES = (
    "prompt", "seed", "engine", "engine_version", "tempo", "key", "meter", "bars", "duration_s", "seconds",
    "real_time_factor", "asked", "parameters",
)  # fmt: skip
"""What is noted of a result, where it has it."""


class Sound(Protocol):
    """A file that was made: a `SoundFile` or what looks like one."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def oid(self) -> str: ...


class Facts(Protocol):
    """Where an engine ran; `ai.engine.RunFacts`."""

    @property
    def device(self) -> str | None: ...
    @property
    def dtype(self) -> str | None: ...
    @property
    def runtime(self) -> str | None: ...


@dataclass(slots=True)
class Run:
    """One run of an engine that is going on; each result is a line of the journal as soon as it is added.

    Parameters
    ----------
    folder : Path or None
        Where the journal lies; None notes nothing.
    at : callable
        Gives the time in ISO 8601.
    command : str
        Which it was: generate, hum, extend, split, remix …
    root : Path or None
        The track's folder; paths below it are noted as seen from there.
    asked : dict
        What was asked for; told of what fails, too.
    """

    folder: Path | None
    at: Callable[[], str]
    command: str
    root: Path | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def ask(self, **facts: Any) -> None:
        """Say more of what was asked for, once it is known."""
        self.asked |= facts

    def add(
        self, made: object, sounds: Sequence[Sound] = (), facts: Facts | None = None, **more: Any
    ) -> None:
        """Note a result.

        Parameters
        ----------
        made : object
            A `Take`, a `Split`, an `Extension` …: its attributes with the names of `FIGURES` are noted.
        sounds : sequence of Sound
            Its files, the chief one first; none where it went to a pipe.
        facts : Facts, optional
            Where it ran, asked of the engine once it has worked.
        more
            What the result does not say by itself.
        """
        figures = {name: getattr(made, name) for name in FIGURES if getattr(made, name, None) is not None}
        if self.root and sounds:
            # The sound's record in the track has them.
            figures.pop("parameters", None)
        where = {"device": facts.device, "dtype": facts.dtype, "runtime": facts.runtime} if facts else {}
        files = [
            {"name": sound.name, "path": self._relative(sound.path), "oid": sound.oid} for sound in sounds
        ]
        self._note(ok=True, **{**self.asked, **figures, **where, **more, "sounds": files})

    def fail(self, error: str, exit_code: int = 1, **more: Any) -> None:
        """Note that nothing came of something, and why."""
        self._note(ok=False, error=error, exit_code=exit_code, **{**self.asked, **more})

    def _note(self, **facts: Any) -> None:
        if self.folder:
            note_event(self.folder, "generation", self.at(), command=self.command, **facts)

    def _relative(self, path: Path) -> str:
        inside = self.root and path.is_relative_to(self.root)
        return (path.relative_to(self.root) if self.root and inside else path).as_posix()


@contextmanager
def noting(run: Run) -> Iterator[Run]:
    """Note why nothing comes of what is done inside, if nothing does.

    A command line that makes no sense, or that names what is not there, is no generation and is not noted; what was
    interrupted is nobody's failure.
    """
    started = time.perf_counter()
    try:
        yield run
    except (UsageError, NotFoundError, BrokenPipeError):
        raise
    except Exception as error:
        run.fail(_tell(error), _code(error), seconds=round(time.perf_counter() - started, 3))
        raise


def _tell(error: Exception) -> str:
    return error.message if isinstance(error, BeatFlowError) else f"{type(error).__name__}: {error}"


def _code(error: Exception) -> int:
    """The exit code that the command line ends with."""
    if isinstance(error, BeatFlowError):
        return error.exit_code
    return 6 if isinstance(error, MemoryError) else 1 if isinstance(error, OSError) else 70
