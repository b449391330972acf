"""What may be asked for, and what is answered to what may not."""

import pytest

from beatflow.errors import UsageError
from beatflow.remix.request import RemixRequest, TempoWish, parse_fades, parse_loudness, parse_tempo


@pytest.mark.parametrize(
    ("text", "tempo", "factor"),
    [("100", 100, None), ("92.5 bpm", 92.5, None), ("+10%", None, 1.1), ("-50%", None, 0.5), ("1.5x", None, 1.5),
     ("100%", None, 2.0), (" -5 % ", None, 0.95)],
)  # fmt: skip
def test_tempi(text, tempo, factor):
    assert parse_tempo(text) == TempoWish(tempo, factor)


@pytest.mark.parametrize(
    ("text", "says"),
    [("fast", "is no tempo"), ("+101%", "out of range"), ("-51%", "out of range"), ("+10", "BPM or percent"),
     ("900", "20 to 400 BPM"), ("nan", "is no tempo"), ("", "is no tempo"), ("0x", "out of range")],
)  # fmt: skip
def test_no_tempi(text, says):
    with pytest.raises(UsageError) as caught:
        parse_tempo(text)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_a_wish_is_told_as_it_was_made():
    assert [str(parse_tempo(text)) for text in ("100", "+10%", "-2.5%", "2x")] == [
        "100",
        "+10%",
        "-2.5%",
        "+100%",
    ]


@pytest.mark.parametrize(
    ("text", "fades"),
    [("in=2,out=3.5", (2, 3.5)), ("out=800ms", (0, 0.8)), ("2", (2, 2)), ("IN=1s", (1, 0))],
)
def test_fades(text, fades):
    assert parse_fades(text) == fades


@pytest.mark.parametrize("text", ["in", "up=3", "in=2,in=3", "in=-1", "2,3", "in=x", "out=601", ""])
def test_no_fades(text):
    with pytest.raises(UsageError):
        parse_fades(text)


def test_the_nearest_side_of_a_fade_is_named():
    with pytest.raises(UsageError) as caught:
        parse_fades("aut=3")
    assert caught.value.hint == "did you mean out=3?"


def test_loudness():
    assert parse_loudness("-14LUFS") == -14
    assert parse_loudness("-9.5") == -9.5
    for text in ("loud", "0", "-70", "14LUFS"):
        with pytest.raises(UsageError):
            parse_loudness(text)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (RemixRequest(), "nothing is asked for"),
        (RemixRequest(semitones=13), "-12 to 12 semitones"),
        (RemixRequest(semitones=float("nan")), "-12 to 12"),
        (RemixRequest(semitones=1, key="Am"), "both say how far"),
        (RemixRequest(formants=True, reverse=True), "a pitch that moves"),
        (RemixRequest(key="H"), "is not a key"),
        (RemixRequest(reverse=True, source_key="X"), "is not a key"),
        (RemixRequest(reverse=True, source_tempo=5), "20 to 400"),
        (RemixRequest(reverse=True, tolerance=0), "makes no sense"),
        (RemixRequest(genre="lofi", seed=-1), "the seed"),
        (RemixRequest(loudness_lufs=3), "-60 to -3 LUFS"),
        (RemixRequest(fade_in_s=-1), "--fade in"),
    ],
)
def test_what_cannot_be(request_, says):
    with pytest.raises(UsageError) as caught:
        request_.check()
    assert says in f"{caught.value.message} {caught.value.hint}"
