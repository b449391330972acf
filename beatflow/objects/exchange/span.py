"""Joins pieces of a file that lie close together into few longer reads. Knows nothing of what they are."""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

SPAN_BYTES = 2 * 1024 * 1024
"""Enough for a request to be mostly transfer, and few enough for several at once in memory."""


class Piece(NamedTuple, Generic[T]):
    """Where something lies in a file, and what it is."""

    start: int
    length: int
    what: T


class Span(NamedTuple, Generic[T]):
    """One read of a pack, and the pieces in it."""

    pack: str
    start: int
    length: int
    pieces: tuple[Piece[T], ...]

    def cut(self, data: bytes) -> Iterator[tuple[T, bytes]]:
        """Yield each piece with its bytes."""
        for start, length, what in self.pieces:
            at = start - self.start
            yield what, data[at : at + length]


def join(pack: str, pieces: Iterable[Piece[T]], gap: int, most: int = SPAN_BYTES) -> Iterator[Span[T]]:
    """Yield reads that cover all pieces, in order: neighbours up to `gap` bytes apart, together up to `most` bytes."""
    run: list[Piece[T]] = []
    end = 0
    for piece in sorted(pieces, key=lambda piece: piece[:2]):
        if run and (piece.start - end > gap or piece.start + piece.length - run[0].start > most):
            yield _span(pack, run, end)
            run = []
            end = 0
        run.append(piece)
        end = max(end, piece.start + piece.length)
    if run:
        yield _span(pack, run, end)


def _span(pack: str, run: list[Piece[T]], end: int) -> Span[T]:
    return Span(pack, run[0].start, end - run[0].start, tuple(run))
