"""Reads that cover what is wanted, all of it and little else."""

from hypothesis import given
from hypothesis import strategies as st

from beatflow.objects.exchange.span import Piece, join


@given(
    lengths=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 200)), max_size=30),
    gap=st.integers(0, 200),
    most=st.integers(1, 500),
)
def test_all_pieces_are_covered_once(lengths: list[tuple[int, int]], gap: int, most: int) -> None:
    file = bytes(index * 7 % 251 for index in range(20_000))
    pieces, at = [], 0
    for number, (skip, length) in enumerate(lengths):
        pieces.append(Piece(at + skip, length, number))
        at += skip + length
    spans = list(join("pack", reversed(pieces), gap, most))
    found = {}
    for span in spans:
        assert span.length <= most or len(span.pieces) == 1
        data = file[span.start : span.start + span.length]
        found.update(dict(span.cut(data)))
    assert found == {piece.what: file[piece.start : piece.start + piece.length] for piece in pieces}
    assert list(found) == sorted(found)
    wasted = sum(span.length for span in spans) - sum(piece.length for piece in pieces)
    assert wasted <= gap * max(0, len(pieces) - len(spans))


def test_neighbours_travel_together_and_the_far_alone() -> None:
    spans = list(join("pack", [Piece(0, 10, "a"), Piece(12, 10, "b"), Piece(40, 5, "c")], gap=4))
    assert [(span.start, span.length) for span in spans] == [(0, 22), (40, 5)]
