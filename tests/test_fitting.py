"""What is cut fits, and says that something is missing."""

from hypothesis import given
from hypothesis import strategies as st

from beatflow.columns import Item, cell_width, join_fitting, pad, shorten


def plain(text: str, name: str) -> str:
    return text


def test_width_of_letters() -> None:
    assert cell_width("bass −1.5 dB") == 12
    assert cell_width("\x1b[33mbass\x1b[0m") == 4
    assert cell_width("鼓") == 2
    assert cell_width("e\u0301") == 1
    assert pad("鼓", 4) == "鼓  "


@given(st.text("ab鼓é\u0301 ", max_size=12), st.integers(0, 14))
def test_shortened_text_fits(text: str, width: int) -> None:
    short = shorten(text, width)
    assert cell_width(short) <= width
    assert short == text if cell_width(text) <= width else (short.endswith("…") or width == 0)


ITEMS = [Item("bass −1.5 dB"), Item("drums 33–34 replaced", "x"), Item("+pads"), Item("−vox", lead=" ")]


def test_as_many_items_as_fit() -> None:
    assert join_fitting(ITEMS, None, plain) == "bass −1.5 dB; drums 33–34 replaced; +pads −vox"
    assert join_fitting(ITEMS, 46, plain) == "bass −1.5 dB; drums 33–34 replaced; +pads −vox"
    assert join_fitting(ITEMS, 45, plain) == "bass −1.5 dB; drums 33–34 replaced … +2"
    assert join_fitting(ITEMS, 30, plain) == "bass −1.5 dB … +3"
    assert join_fitting(ITEMS, 12, plain) == "bass −… … +3"
    assert join_fitting([], 12, plain) == ""


def test_items_are_styled() -> None:
    assert join_fitting(ITEMS[:2], None, lambda text, name: f"<{name}>{text}").endswith(
        "; <x>drums 33–34 replaced"
    )


@given(st.lists(st.text("abc ", min_size=1, max_size=9), max_size=5), st.integers(8, 40))
def test_a_line_fits(texts: list[str], width: int) -> None:
    assert cell_width(join_fitting([Item(text) for text in texts], width, plain)) <= width
