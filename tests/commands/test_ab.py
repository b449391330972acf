"""``bf ab``: how two sounds are matched, and what is noted of what was heard."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.playing.abx import Trials
from tests.commands.test_play import press
from tests.conftest import Bf
from tests.loudspeaker import HAS_PORTAUDIO, Loudspeaker
from tests.world import wav_bytes

NOISE = np.random.default_rng(11).normal(0, 3000, (4 * 44_100, 2))


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A mix, and the same 6 dB softer and 1000 frames later."""
    bf.ok("init")
    (bf.directory / "mix.wav").write_bytes(wav_bytes(np.rint(NOISE)))
    bf.ok("commit", "-m", "first")
    later = np.concatenate([np.zeros((1000, 2)), NOISE * 0.5])
    (bf.directory / "mix.wav").write_bytes(wav_bytes(np.rint(later)))
    bf.ok("commit", "-m", "second")
    return bf


def test_a_dry_run_says_how_they_are_matched(track: Bf) -> None:
    document = track.ok("ab", "HEAD~1", "HEAD", "-n", "--json").json
    assert document["offset_frames"] == 1000
    assert [sound["gain_db"] for sound in document["sounds"]] == [pytest.approx(-6.02, abs=0.02), 0]
    assert document["sounds"][1]["start_s"] == pytest.approx(1000 / 44_100)
    assert document["trials"] is None
    said = track.ok("ab", "HEAD~1", "mix.wav", "-n").stderr
    assert "turned down by 6.0" in said
    assert "B is 22.7 ms later, cut off" in said
    plain = track.ok("ab", "HEAD~1", "HEAD", "-n", "--no-align", "--no-level").stderr
    assert "not aligned" in plain
    assert "not made equally loud" in plain
    assert "in step" in track.ok("ab", "HEAD", "HEAD", "-n").stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["HEAD~1", "HEAD"], 2, "needs a terminal"),
        (["HEAD~1", "-", "-n"], 2, "standard input is for the keys"),
        (["HEAD~1", "nope", "-n"], 3, "neither a sound nor a revision"),
        (["HEAD~1", "HEAD", "-n", "--trials", "0"], 2, "1 to 100 trials"),
        (["HEAD~1", "HEAD", "-n", "--trials", "101"], 2, "1 to 100 trials"),
        (["HEAD~1", "HEAD", "-n", "--from", "0:30"], 2, "nothing in common"),
    ],
)
def test_what_makes_no_sense_is_refused(track: Bf, words: list[str], code: int, said: str) -> None:
    assert said in track.fails(code, "ab", *words)


if HAS_PORTAUDIO:
    READY = b"]  0:0"

    def test_a_blind_test_is_noted_on_the_commit(track: Bf, loudspeaker: Loudspeaker) -> None:
        words = ["ab", "HEAD~1", "HEAD", "--trials", "3", "--seed", "1", "-m", "hiss?"]
        answers = [str(x + 1) for x in Trials(3, 1).truth]
        said, status = press(track, words, ["a", "b", "x", *answers], READY)
        assert status == 0, said
        assert "told apart: 3 of 3 right, p = 0.12" in said
        note = track.ok("show", "--json").json["note"]
        assert note.startswith("ABX, A HEAD~1:mix.wav (")
        assert "A −6.0 dB: not told apart: 3 of 3 right, p = 0.12: hiss? (" in note
        assert "note: ABX" in track.ok("log").stdout
        assert track.ok("show", "HEAD~1", "--json").json["note"] is None
        track.ok("undo")
        assert track.ok("show", "--json").json["note"] is None

    def test_what_is_preferred_is_noted(track: Bf, loudspeaker: Loudspeaker) -> None:
        said, status = press(track, ["ab", "HEAD~1", "HEAD"], ["b", "a", "b", "\r"], READY)
        assert status == 0, said
        assert "B preferred" in said
        assert "B preferred" in track.ok("show", "--json").json["note"]
        heard = loudspeaker.heard()
        # Equally loud from start to end, whichever is heard.
        levels = [np.sqrt(np.mean(part**2)) for part in np.array_split(heard[:-4410], 4)]
        assert 20 * np.log10(max(levels) / min(levels)) < 0.3

    def test_giving_up_is_noted_nowhere(track: Bf, loudspeaker: Loudspeaker) -> None:
        said, status = press(track, ["ab", "HEAD~1", "HEAD", "--blind"], ["1", "q"], READY)
        assert status == 0
        assert "given up after 1 of 10 trials" in said
        assert track.ok("show", "--json").json["note"] is None
        said, _ = press(track, ["ab", "HEAD~1", "HEAD", "--no-note"], ["\r"], READY)
        assert "A preferred" in said
        assert track.ok("show", "--json").json["note"] is None

    def test_files_of_no_commit_can_be_compared(track: Bf, loudspeaker: Loudspeaker, tmp_path: Path) -> None:
        for name in ("one.wav", "two.wav"):
            (tmp_path / name).write_bytes(wav_bytes(np.rint(NOISE)))
        words = ["ab", str(tmp_path / "one.wav"), str(tmp_path / "two.wav")]
        said, status = press(track, words, ["\r"], READY)
        assert status == 0
        assert "noted nowhere" in said
