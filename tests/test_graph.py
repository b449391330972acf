"""Drawings are compared with what a hand drew."""

from dataclasses import dataclass
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.log.graph import draw


@dataclass
class Commit:
    oid: str
    parents: tuple[str, ...] = ()


def picture(history: str, **options: object) -> str:
    """Draw ``"c:ab b a"``: id, colon, parents."""
    nodes = [Commit(item[0], tuple(item[2:])) for item in history.split()]
    rows = draw(nodes, **options)  # type: ignore[arg-type]
    return "\n".join((row.prefix + (row.node.oid if row.node else "")).rstrip() for row in rows)


def drawing(text: str) -> str:
    return "\n".join(line.rstrip() for line in dedent(text.rstrip(" ")).strip("\n").splitlines())


CASES = {
    "line": ("c:b b:a a", """
        ● c
        ● b
        ● a
     """),
    "merge": ("d:bc c:a b:a a", """
        ● d
        ├─╮
        │ ● c
        ● │ b
        ├─╯
        ● a
     """),
    "branch without merge": ("c:a b:a a", """
        ● c
        │ ● b
        ├─╯
        ● a
     """),
    "two roots": ("c:ab b a", """
        ● c
        ├─╮
        │ ● b
        ● a
     """),
    "unrelated": ("b a", """
        ● b
        ● a
     """),
    "octopus": ("e:bcd d:a c:a b:a a", """
        ● e
        ├─┬─╮
        │ │ ● d
        │ ● │ c
        ● │ │ b
        ├─┴─╯
        ● a
     """),
    "criss-cross": ("f:de e:bc d:cb c:a b:a a", """
        ● f
        ├─╮
        │ ● e
        │ ├─╮
        ● │ │ d
        ├─┤ │
        ├─│─╯
        ● │ c
        │ ● b
        ├─╯
        ● a
     """),
    "stroke behind a lane": ("f:be e:d d:bc c:a b:a a", """
        ● f
        ├─╮
        │ ● e
        │ ● d
        │ ├─╮
        │ │ ● c
        ├─╯ │
        ●   │ b
        ├───╯
        ● a
     """),
    "same parent twice": ("b:aa a", """
        ● b
        ● a
     """),
    "missing parent": ("c:b a", """
        ● c
        │ ● a
     """),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_matches_hand_drawing(name: str) -> None:
    history, expected = CASES[name]
    assert picture(history) == drawing(expected)


def test_ascii() -> None:
    expected = """
        * d
        +-.
        | * c
        * | b
        +-'
        * a
    """
    history = CASES["merge"][0]
    assert picture(history, ascii_only=True, glyph=lambda node: "*") == drawing(expected)


def test_paints_by_lane() -> None:
    text = picture("c:ab b a", paint=lambda text, lane: f"{lane}{text}")
    assert text.splitlines() == ["0● c", "0├1─1╮", "0│ 1● b", "0● a"]


def test_text_below_a_node_keeps_the_lanes() -> None:
    rows = list(draw([Commit("c", ("a", "b")), Commit("b"), Commit("a")]))
    assert [row.below for row in rows if row.node] == ["│ ", "│ ", ""]


def test_first_page_of_a_long_history_is_drawn_at_once() -> None:
    drawn = 0

    def history():  # type: ignore[no-untyped-def]
        nonlocal drawn
        for i in range(10_000):
            drawn += 1
            yield Commit(str(i), (str(i + 1), str(i + 7)))

    rows = draw(history())
    for _ in range(50):
        next(rows)
    assert drawn <= 51


def test_wide_history_is_drawn_whole() -> None:
    nodes = [Commit(str(i), (str(i + 1), str(i + 11))) for i in range(2_000)]
    assert sum(1 for row in draw(nodes) if row.node) == 2_000


@given(st.lists(st.lists(st.integers(1, 6), max_size=4), max_size=30))
def test_every_node_appears_once_and_in_order(steps: list[list[int]]) -> None:
    nodes = [Commit(str(i), tuple(str(i + step) for step in parents)) for i, parents in enumerate(steps)]
    rows = list(draw(nodes))
    assert [row.node for row in rows if row.node] == nodes
    assert all(row.prefix.count("●") == (row.node is not None) for row in rows)
