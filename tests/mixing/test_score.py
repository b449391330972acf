"""Faders in the text of a score."""

import pytest

from beatflow.errors import NotFoundError, UsageError
from beatflow.mixing.score import STILL, Moves, get_stem, move_faders, parse_offset, propose_stems
from beatflow.track import Stem, Track, parse_track

TEXT = b"""# night drive
tempo = 90.0
[stems.bass]  # DI
file = "stems/bass.wav"
mute = true   # for now
[stems."my keys.2"]
file = "stems/keys.wav"
"""


def rate_of(path: str) -> int:
    return 48000


def test_comments_survive_and_defaults_are_not_written() -> None:
    moves = Moves({"bass": -1.5, "my keys.2": 0.0}, {"my keys.2": 0.25}, {"bass": "+0.5s"}, unmuted=["bass"])
    text = move_faders(TEXT, moves, rate_of).decode()
    for kept in ("# night drive", "[stems.bass]  # DI", "mute = false   # for now", "tempo = 90.0"):
        assert kept in text
    track = parse_track(text.encode())
    assert track.stems["bass"] == Stem("stems/bass.wav", -1.5, offset=24000)
    assert track.stems["my keys.2"] == Stem("stems/keys.wav", pan=0.25)
    assert text.count("gain_db") == 1


def test_nothing_to_move_leaves_every_byte() -> None:
    assert move_faders(TEXT, STILL, rate_of) == TEXT
    assert move_faders(None, STILL, rate_of) == b""
    same = Moves({}, {}, {}, muted=["bass"], unsoloed=["all"], master_db=0.0)
    assert move_faders(TEXT, same, rate_of) == TEXT


def test_a_stem_called_all() -> None:
    data = move_faders(None, Moves({}, {}, {}, added={"all": "a.wav", "b": "b.wav"}), rate_of)
    track = parse_track(move_faders(data, Moves({}, {}, {}, muted=["all"]), rate_of))
    assert (track.stems["all"].mute, track.stems["b"].mute) == (True, False)


def test_all_of_them_and_one_otherwise() -> None:
    moves = Moves({"bass": 0.0, "all": -3.0}, {"all": 0.5}, {"all": "480"})
    track = parse_track(move_faders(TEXT, moves, rate_of))
    assert [stem.gain_db for stem in track.stems.values()] == [0.0, -3.0]
    assert {(stem.pan, stem.offset) for stem in track.stems.values()} == {(0.5, 480)}


def test_master_goes_where_it_belongs() -> None:
    text = move_faders(TEXT, Moves({}, {}, {}, master_db=-2.5), rate_of)
    assert parse_track(text).master_db == -2.5


@pytest.mark.parametrize(
    ("text", "frames"),
    [("+10ms", 480), ("-0.5s", -24000), ("480", 480), ("480 frames", 480), ("-7", -7), ("0", 0)],
)
def test_offsets(text: str, frames: int) -> None:
    assert parse_offset(text, 48000) == frames


@pytest.mark.parametrize("text", ["", "ms", "1/8", "0.5", "1.5 frames", "nan", "100000s"])
def test_offsets_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_offset(text, 48000)


def test_names() -> None:
    with pytest.raises(NotFoundError, match="there is no stem bas") as caught:
        get_stem({"bass": Stem("a")}, "bas")
    assert caught.value.hint == "did you mean bass?"
    with pytest.raises(NotFoundError) as caught:
        get_stem({}, "bass")
    assert "--add" in str(caught.value.hint)


def test_names_that_toml_cannot_have() -> None:
    assert propose_stems(["stems/latin\udce9.wav", "stems/a.wav"], Track()) == {"a": "stems/a.wav"}
    with pytest.raises(UsageError, match="not UTF-8"):
        move_faders(None, Moves({}, {}, {}, added={"x": "stems/latin\udce9.wav"}), rate_of)


def test_what_looks_like_stems() -> None:
    track = Track(stems={"bass": Stem("stems/bass.wav")})
    paths = [
        "stems/bass.wav",
        "stems/bass.flac",
        "stems/keys.wav",
        "stems/keys.aiff",
        "stems/old/x.wav",
        "a.wav",
    ]
    assert propose_stems(paths, track) == {"keys": "stems/keys.aiff"}
    assert propose_stems(["mix.wav", "song mix.wav", "drums.wav", "x/y.wav"], Track()) == {
        "drums": "drums.wav"
    }
    assert propose_stems(["demix.wav"], Track(mix_file="a.wav")) == {"demix": "demix.wav"}
