"""Form in words, and how long it is."""

import pytest

from beatflow.errors import UsageError
from beatflow.making.structure import (
    bars_to_seconds,
    count_bars,
    format_structure,
    has_ending,
    parse_structure,
)


def test_reads_and_writes() -> None:
    form = parse_structure(" intro:4, Verse 2 = 8 ,outro:4")
    assert form == (("intro", 4), ("verse 2", 8), ("outro", 4))
    assert parse_structure(format_structure(form)) == form
    assert (count_bars(form), has_ending(form), has_ending(form[:2])) == (16, True, False)
    assert bars_to_seconds(8, 90.0, "4/4") == pytest.approx(21.3333, abs=1e-4)
    assert bars_to_seconds(2, 120.0, "6/8") == 3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no section"),
        ("verse", "'verse' is no section of a structure"),
        ("verse:x", "is no section"),
        ("verse:-1", "is no section"),
        ("verse:4,,chorus:4", "'' is no section"),
        ("verse:0", "the section verse has no bars"),
        (",".join(["a:1"] * 65), "65 sections: a structure has at most 64"),
    ],
)
def test_refuses(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_structure(text)
    assert caught.value.hint or "at most" in said
