"""Ctrl-C that no library can swallow: who catches everything, as some do while they are imported, cannot hide it.

Python raises KeyboardInterrupt once, wherever the program happens to be. In a destructor, or under a library's bare
``except``, it is lost, and the work goes on for minutes. So the handler remembers it, and `check_interrupted`, which
every report of progress calls, raises it again.
"""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


class Interruption:
    """A handler of SIGINT; ``pressed`` once it was called."""

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Remember, and interrupt."""
        self.pressed = True
        raise KeyboardInterrupt


def install() -> None:
    """Handle SIGINT with an `Interruption`, unless it is ignored (``nohup``, a shell's background jobs)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Interruption())
        sys.unraisablehook = _report_lost


def check_interrupted() -> None:
    """Interrupt where that was wanted before and came to nothing.

    Raises
    ------
    KeyboardInterrupt
    """
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, Interruption) and handler.pressed:
        raise KeyboardInterrupt


def _report_lost(lost: "UnraisableHookArgs") -> None:
    """Tell of an exception that ended in a destructor as Python does, but not of an interruption, which comes again."""
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
