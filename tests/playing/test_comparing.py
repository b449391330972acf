"""Two sounds compared by ear, from files to what is noted, over a real device, with keys that a script presses."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import UsageError
from beatflow.explaining import make_clock
from beatflow.playing.ab import Comparison, Wish, compare, comparing, format_note, tell
from beatflow.playing.naming import Named
from beatflow.playing.source import FileSource
from tests.loudspeaker import HAS_PORTAUDIO, Loudspeaker
from tests.playing.test_session import Script
from tests.world import wav_bytes

NOISE = np.random.default_rng(17).normal(0, 3000, (3 * 44_100, 2))


def name(file: Path, oid: str | None = None) -> Named:
    return Named(file.name, lambda: FileSource(file, file.name), make_clock(1, None, None), file.name, oid)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Named, Named]:
    """A sound, and the same 6 dB softer and 100 frames later."""
    (tmp_path / "one.wav").write_bytes(wav_bytes(np.rint(NOISE)))
    later = np.concatenate([np.zeros((100, 2)), NOISE * 0.5])
    (tmp_path / "two.wav").write_bytes(wav_bytes(np.rint(later)))
    return name(tmp_path / "one.wav", "ab" * 32), name(tmp_path / "two.wav")


def sit(pair: tuple[Named, Named], wish: Wish, keys: Script) -> Comparison:
    with comparing(pair, wish, lambda *_: None) as comparison:
        compare(comparison, wish, keys, lambda _: None)
        return comparison


def test_a_test_of_a_thousand_trials_is_refused(pair: tuple[Named, Named]) -> None:
    with (
        pytest.raises(UsageError, match="1 to 100 trials"),
        comparing(pair, Wish(trials=1000), lambda *_: None),
    ):
        pass


if HAS_PORTAUDIO:

    def test_both_are_heard_in_step_and_equally_loud(
        pair: tuple[Named, Named], loudspeaker: Loudspeaker
    ) -> None:
        keys = Script(b20=["b"], b40=["1"], b60=["2"], b70=["x"], b80=["enter"])
        comparison = sit(pair, Wish(), keys)
        assert comparison.preferred == 1
        assert tell(comparison) == "B preferred"
        heard = loudspeaker.heard()[: 80 * 1024]
        softer = (np.rint(NOISE * 0.5) / 32768)[: len(heard)]
        # To the frame, or the difference would be as loud as the sound; and to a hundredth of a decibel.
        assert 20 * np.log10(np.std(heard - softer) / np.std(softer)) < -55
        note = format_note(pair, comparison, "hiss", "Ada")
        assert note == (f"AB, A one.wav ({'ab' * 4}) against B two.wav, A −6.0 dB: B preferred: hiss (Ada)")

    def test_blind_nothing_but_the_sound_tells_what_x_is(
        pair: tuple[Named, Named], loudspeaker: Loudspeaker
    ) -> None:
        wish = Wish(trials=4, seed=3)
        comparison = sit(
            pair, wish, Script(b3=["x", "a", "b", "space"], b5=["space", "x", "1"], b7=["1", "2", "2"])
        )
        assert comparison.trials
        assert comparison.trials.answers == [0, 0, 1, 1]
        assert comparison.trials.p_value is not None
        assert f"{comparison.trials.right} of 4 right" in tell(comparison)
        assert format_note(pair, comparison, None, "Ada").startswith("ABX, A one.wav")

    def test_who_gives_up_has_said_nothing(pair: tuple[Named, Named], loudspeaker: Loudspeaker) -> None:
        assert tell(sit(pair, Wish(), Script(b3=["q"]))) == "no preference"
        assert "given up after 1 of 5" in tell(sit(pair, Wish(trials=5), Script(b3=["1"], b5=["escape"])))
