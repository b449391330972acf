"""Every genre's row makes sense: its effects exist, and its engine understands the prompt."""

import pytest

from beatflow.ai.synth.words.prompt import understand
from beatflow.errors import UsageError
from beatflow.remix.styles import REMOVED, STYLES, find_feel, get_style
from beatflow.sound.effects.chain import parse_chain


@pytest.mark.parametrize("style", STYLES.values(), ids=str)
def test_a_row_makes_sense(style):
    for chain in (style.bed, style.kit, style.master):
        if chain:
            assert str(parse_chain(str(parse_chain(chain)))) == str(parse_chain(chain))
    request = understand(style.prompt)
    assert request.genre is not None
    assert style.drums == REMOVED or not request.ignored
    assert style.tempo[0] < style.tempo[1] <= 3 * style.tempo[0] or style.drums == REMOVED


def test_names_and_their_like():
    assert get_style("Hip-Hop") is get_style("hiphop") is get_style("boom_bap")
    assert get_style("dnb").name == "drum and bass"
    with pytest.raises(UsageError) as caught:
        get_style("jaz")
    assert "did you mean jazz" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        get_style("xyzzy")
    assert "edm" in str(caught.value.hint)


def test_a_feel_suits_the_genre():
    trap, lofi, jazz = (get_style(name) for name in ("trap", "lofi", "jazz"))
    assert find_feel(70, trap) == 2.0
    assert find_feel(140, trap) == 1.0
    assert find_feel(160, lofi) == 0.5
    assert find_feel(120, jazz) == 1.0
