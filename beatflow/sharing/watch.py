"""Who is told how far a transfer is. Knows no terminal."""

from typing import Protocol


class Watch(Protocol):
    """Is told of one step after the other; raising in it interrupts the work."""

    def begin(self, what: str, total_bytes: float | None = None) -> None:
        """Say that a step begins, and how many bytes it will move where that is known."""
        ...

    def advance(self, amount: float = 1.0, what: str = "") -> None:
        """Say that so many more of its bytes have moved."""
        ...


class Unwatched:
    """Nobody is told."""

    def begin(self, what: str, total_bytes: float | None = None) -> None:
        """Pass over it."""

    def advance(self, amount: float = 1.0, what: str = "") -> None:
        """Pass over it."""
