"""Every error that BeatFlow means to show: a message with the facts, a way out, and an exit code.

Imports nothing of BeatFlow. The command line renders these once, in ``cli.main``; any other
exception that reaches it is a bug and exits with 70.
"""


class BeatFlowError(Exception):
    """An error with facts for the user and, where there is one, a runnable way out.

    Parameters
    ----------
    message : str
        What is wrong, in one line, with names and figures; lower case, no full stop.
    hint : str, optional
        One thing to do about it, best a command that can be pasted.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class AudioError(BeatFlowError):
    """A file or stream that cannot be used as sound: empty, truncated, not audio, not a number."""

    exit_code = 1


class UsageError(BeatFlowError):
    """Arguments that make no sense: out of range, contradicting each other, naming no file."""

    exit_code = 2


class NotFoundError(BeatFlowError):
    """No repository here, or no such revision, branch or path in it."""

    exit_code = 3


class AbsentError(NotFoundError):
    """A sound that this partial clone has left elsewhere and that cannot be had from there now."""


class ConflictError(BeatFlowError):
    """Two changes that cannot both stand, or work that a command would overwrite."""

    exit_code = 4


class EngineError(BeatFlowError):
    """An engine, model or optional package that is not here."""

    exit_code = 5


class MemoryShortError(BeatFlowError):
    """A model or a piece of music that does not fit into the memory there is."""

    exit_code = 6


class DamagedError(BeatFlowError):
    """Stored data that is missing or does not match its checksum."""

    exit_code = 7


class ContractError(BeatFlowError):
    """A result that does not keep what was promised (tempo, key, length, exact sum)."""

    exit_code = 8


class LockedError(BeatFlowError):
    """Another process is changing the repository."""

    exit_code = 9
