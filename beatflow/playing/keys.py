"""Keys as they are pressed on a terminal, without waiting for the end of a line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

_NAMES = {
    "\x1b[C": "right", "\x1b[D": "left", "\x1b[A": "up", "\x1b[B": "down",
    "\x1bOC": "right", "\x1bOD": "left", "\x1bOA": "up", "\x1bOB": "down",
    " ": "space", "\r": "enter", "\n": "enter", "\x1b": "escape", "\x1b[H": "home", "\x1b[1~": "home",
}  # fmt: skip
_AT_ONCE = 64


class Keys(Protocol):
    """Gives the keys that were pressed."""

    def pressed(self) -> list[str]:
        """Return those since the last call: a character each, or ``left``, ``right``, ``up``, ``down``, ``space``,
        ``enter``, ``home``, ``escape``; never waits."""
        ...


class NoKeys:
    """There is nobody to press any."""

    def pressed(self) -> list[str]:
        """Return none."""
        return []


class TerminalKeys:
    """The keys of a terminal that hands them over one by one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def pressed(self) -> list[str]:
        """Return the keys since the last call."""
        import select

        if not select.select([self._descriptor], [], [], 0)[0]:
            return []
        return split_keys(os.read(self._descriptor, _AT_ONCE).decode("utf-8", "replace"))


@contextmanager
def reading_keys(wanted: bool) -> Iterator[Keys]:
    """Have the terminal give keys at once, and not show them, for a ``with`` block; none where it is not wanted."""
    if not wanted:
        yield NoKeys()
        return
    if os.name == "nt":
        yield _ConsoleKeys()
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        # Ctrl-C stays what it is.
        tty.setcbreak(descriptor)
        yield TerminalKeys(descriptor)
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class _ConsoleKeys:
    """The same on Windows."""

    def pressed(self) -> list[str]:
        import msvcrt

        found = []
        while msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]  # Windows alone has it
            key = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
            if key in "\x00\xe0":
                codes = {"M": "right", "K": "left", "H": "up", "P": "down", "G": "home"}
                key = codes.get(msvcrt.getwch(), "")  # type: ignore[attr-defined,unused-ignore]
            found.append(_NAMES.get(key, key))
        return found


def split_keys(text: str) -> list[str]:
    """Tell the keys of what a terminal sent apart; sequences that are not known are left out."""
    keys, at = [], 0
    while at < len(text):
        known = next(
            (code for code in sorted(_NAMES, key=len, reverse=True) if text.startswith(code, at)), ""
        )
        if known == "\x1b" and text[at + 1 : at + 2] in ("[", "O"):
            at += 2
            while at < len(text) and not ("@" <= text[at] <= "~"):
                at += 1
            at += 1
            continue
        keys.append(_NAMES.get(known or text[at], text[at]))
        at += len(known) or 1
    return keys
