"""Turns a stream of bytes into chunks ready to be stored: container parsing and content-defined cuts joined.

Knows no store. Joined in order, the pieces are the stream, byte for byte; no piece crosses from PCM into other
bytes, and within PCM every piece but the last of a truncated file is whole frames.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from beatflow.objects.chunking import MAX_CHUNK, Cutter
from beatflow.objects.container import Read, Source, Span, spans
from beatflow.objects.layout import Layout

_BLOCK = MAX_CHUNK


class Piece(NamedTuple):
    """One chunk's bytes, and how to read them when they are samples."""

    layout: Layout | None
    data: bytes


def pieces(read: Read) -> Iterator[Piece]:
    """Cut everything that `read(count)` gives until it gives nothing.

    Memory is bounded by a few times `MAX_CHUNK`, whatever the stream.
    """
    source = Source(read)
    plain = Cutter()
    for span in spans(source):
        if span.layout is None:
            for block in _take(source, span):
                yield from (Piece(None, chunk) for chunk in plain.feed(block))
        else:
            yield from (Piece(None, chunk) for chunk in plain.finish())
            rest = yield from _cut_pcm(source, span, span.layout)
            plain = Cutter()
            yield from (Piece(None, chunk) for chunk in plain.feed(rest))
    yield from (Piece(None, chunk) for chunk in plain.finish())


def _cut_pcm(source: Source, span: Span, layout: Layout) -> Generator[Piece, None, bytes]:
    """Yield the PCM's chunks; return the bytes after its last whole frame, if the stream ended inside one."""
    cutter = Cutter(layout.frame_bytes)
    for block in _take(source, span):
        yield from (Piece(layout, chunk) for chunk in cutter.feed(block))
    rest = b""
    for chunk in cutter.finish():
        whole = len(chunk) - len(chunk) % layout.frame_bytes
        rest = chunk[whole:]
        if whole:
            yield Piece(layout, chunk[:whole])
    return rest


def _take(source: Source, span: Span) -> Iterator[bytes]:
    left = span.length
    while left is None or left > 0:
        block = source.take(_BLOCK if left is None else min(left, _BLOCK))
        if not block:
            return
        if left is not None:
            left -= len(block)
        yield block
