"""Lists of wishes, line by line."""

import json

import pytest

from beatflow.making.request import Request
from beatflow.making.wishlist import Refused, Wish, read_wishes


def read(*lines: object, usual: Request | None = None) -> list[Wish | Refused]:
    """Read a list; what is no text is written as JSON."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(read_wishes(text, usual or Request("")))


def test_lines_and_objects_with_their_numbers() -> None:
    first, second = read(
        "\ufefflofi",
        "",
        "# a comment",
        {"prompt": "techno", "tempo": 128, "top_k": 50, "structure": "intro:2,outro:2"},
    )
    assert isinstance(first, Wish)
    assert isinstance(second, Wish)
    assert (first.line, first.request.prompt, first.name) == (1, "lofi", "lofi-0")
    assert (second.line, second.request.tempo, second.request.sampling.top_k) == (4, 128, 50)
    assert second.request.structure == (("intro", 2), ("outro", 2))


def test_options_hold_for_all_lines_that_do_not_say_otherwise() -> None:
    one, other = read("lofi", {"prompt": "lofi", "tempo": 90}, usual=Request("", seed=5, tempo=80.0, bars=4))
    assert isinstance(one, Wish)
    assert isinstance(other, Wish)
    assert (one.request.tempo, one.request.bars, one.request.seed) == (80, 4, 5)
    assert (other.request.tempo, other.request.bars, other.request.seed) == (90, 4, 5)


def test_the_same_line_twice_is_another_take_and_names_never_clash() -> None:
    wishes = read("Lofi", "lofi!", "Lofi", {"prompt": "x", "name": "Lofi-1"})
    found = [(one.name, one.request.seed) for one in wishes if isinstance(one, Wish)]
    assert found == [("lofi-0", 0), ("lofi-0-2", 0), ("lofi-1", 1)]
    assert isinstance(wishes[3], Refused)
    assert "called Lofi-1 already" in wishes[3].error.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"prompt": ', "no JSON object"),
        ("{" * 100_000, "no JSON object"),
        ({"tempo": 90}, "there is no prompt"),
        ({"prompt": "x", "temppo": 90}, "nothing is called 'temppo'"),
        ({"prompt": "x", "zzzz": 90}, "nothing is called 'zzzz'"),
        ({"prompt": "x", "tempo": "90"}, "tempo must be a number"),
        ({"prompt": "x", "bars": True}, "bars must be a whole number"),
        ({"prompt": "x", "bars": 4.5}, "bars must be a whole number"),
        ({"prompt": "x", "tempo": float("nan")}, "the tempo must be"),
        ({"prompt": "x", "seed": -1}, "the seed must be"),
        ({"prompt": "x", "name": "../x"}, "no name for a folder"),
        ({"prompt": "x", "name": ".beatflow"}, "no name for a folder"),
        ({"prompt": "x", "name": ""}, "no name for a folder"),
        ({"prompt": "x", "structure": "nonsense"}, "nonsense"),
    ],
)
def test_what_makes_no_sense_costs_only_its_line(line: object, said: str) -> None:
    bad, good = read(line, "lofi")
    assert isinstance(bad, Refused)
    assert said in bad.error.message
    assert isinstance(good, Wish)
