"""Draws a history as lanes of box characters, one row at a time, as ``git log --graph`` does.

Pure: nodes in, rows of text out, lazily, so that the first page of a long history is there at once. Knows no
repository and no terminal; colour comes in as a callable. Nodes must come children first.

Each lane waits for one node. A node takes the leftmost lane that waits for it, the others that wait for it
bend into that one above it; below it, its lane waits for the first parent, and further parents get or join lanes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

UNICODE = " ╵╷│╴╯╮┤╶╰╭├─┴┬┼"
"""Glyph by the sides that it touches: up 1, down 2, left 4, right 8."""
ASCII = " |||-'.+-`.+-+++"
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8

Paint = Callable[[str, int], str]


class Node(Protocol):
    """What is drawn: something with an id and the ids of its parents."""

    @property
    def oid(self) -> str:
        """Its id."""

    @property
    def parents(self) -> Sequence[str]:
        """Its parents' ids, first parent first."""


N = TypeVar("N", bound=Node)


@dataclass(frozen=True, slots=True)
class Row(Generic[N]):
    """One line: what to print before the text, the node whose line it is or None, and what to print under it.

    ``below`` goes before further lines of the same node's text.
    """

    prefix: str
    node: N | None
    below: str


def draw(
    nodes: Iterable[N],
    glyph: Callable[[N], str] = lambda node: "●",
    paint: Paint = lambda text, lane: text,
    ascii_only: bool = False,
) -> Iterator[Row[N]]:
    """Draw nodes, children first; ``paint`` gets each piece and the number of its lane."""
    glyphs = ASCII if ascii_only else UNICODE
    lanes: list[str | None] = []
    for node in nodes:
        waiting = [i for i, oid in enumerate(lanes) if oid == node.oid]
        column = waiting[0] if waiting else _free_lane(lanes, 0)
        if len(waiting) > 1:
            ends = set(waiting[1:])
            yield _bend(lanes, column, ends, set(), glyphs, paint)
            for i in ends:
                lanes[i] = None
        lanes[column] = node.oid
        before = [oid is not None for oid in lanes]
        starts, joins = _descend(lanes, column, node.parents)
        mark = glyph(node)
        yield Row(
            _line(before, glyphs, paint, column, mark), node, _line(_alive(lanes, starts), glyphs, paint)
        )
        if starts or joins:
            yield _bend(lanes, column, starts, joins, glyphs, paint)
        while lanes and lanes[-1] is None:
            lanes.pop()


def _descend(lanes: list[str | None], column: int, parents: Sequence[str]) -> tuple[set[int], set[int]]:
    """Let the lanes wait for a node's parents; the lanes that start here, and those joined by a further parent."""
    starts: set[int] = set()
    joins: set[int] = set()
    lanes[column] = parents[0] if parents else None
    for parent in dict.fromkeys(parents[1:]):
        if parent == lanes[column]:
            continue
        if parent in lanes:
            joins.add(lanes.index(parent))
        else:
            lane = _free_lane(lanes, column + 1)
            lanes[lane] = parent
            starts.add(lane)
    return starts, joins


def _free_lane(lanes: list[str | None], first: int) -> int:
    for i in range(first, len(lanes)):
        if lanes[i] is None:
            return i
    lanes.append(None)
    return len(lanes) - 1


def _alive(lanes: list[str | None], starts: set[int]) -> list[bool]:
    return [oid is not None and i not in starts for i, oid in enumerate(lanes)]


def _line(
    alive: Sequence[bool], glyphs: str, paint: Paint, column: int | None = None, mark: str | None = None
) -> str:
    """A row of upright lanes, with a mark at one of them."""
    parts = []
    last = max([i for i, lives in enumerate(alive) if lives], default=-1)
    for i in range(last + 1):
        if i == column and mark is not None:
            parts.append(paint(mark, i) + " ")
        else:
            parts.append(paint(glyphs[UP | DOWN], i) + " " if alive[i] else "  ")
    return "".join(parts)


def _bend(
    lanes: Sequence[str | None], column: int, turns: set[int], joins: set[int], glyphs: str, paint: Paint
) -> Row[N]:
    """A row in which lanes bend between ``column`` and others.

    ``turns`` begin or end here: they begin where the lane above them was empty, which the caller's state decides:
    lanes in ``turns`` that wait for the same node as ``column`` end, all others begin. ``joins`` go on.
    """
    ends = {i for i in turns if lanes[i] == lanes[column]}
    touched = turns | joins
    left, right = min(touched | {column}), max(touched | {column})
    cells = [0 if oid is None else UP | DOWN for oid in lanes]
    for i in turns:
        cells[i] = UP if i in ends else DOWN
    for i in touched:
        cells[i] |= (RIGHT if i < column else LEFT) | _passing(i, column, left, right)
    cells[column] |= (LEFT if left < column else 0) | (RIGHT if right > column else 0)
    parts = []
    for i, cell in enumerate(cells):
        inside = left < i < right
        # A lane that only passes behind the horizontal stroke stays upright: ─│─, not ┼, which would connect.
        glyph = glyphs[cell] if cell else glyphs[LEFT | RIGHT] if inside else " "
        gap = glyphs[LEFT | RIGHT] if left <= i < right else " "
        parts.append(paint(glyph, i) if glyph != " " else glyph)
        parts.append(paint(gap, _target(i, column, touched)) if gap != " " else gap)
    text = "".join(parts).rstrip(" ") + " "
    return Row(text, None, text)


def _passing(i: int, column: int, left: int, right: int) -> int:
    """A bend between the column and the far end lets the stroke through."""
    if column < i < right:
        return RIGHT
    if left < i < column:
        return LEFT
    return 0


def _target(gap: int, column: int, touched: set[int]) -> int:
    """The lane whose stroke fills the gap right of a lane: the nearest bend away from the column."""
    if gap >= column:
        return min(i for i in touched if i > gap)
    return max(i for i in touched if i <= gap)
