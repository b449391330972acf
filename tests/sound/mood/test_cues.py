"""The embedded model: signs, shares, and what it makes of the unusual."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.sound.audio import Audio
from beatflow.sound.mood.cues import CUES, PLACES, rate, standardise
from beatflow.sound.mood.features import FEATURES
from beatflow.sound.mood.measure import measure_mood
from beatflow.sound.mood.rating import MOODS, Mood, share
from tests.mood.pieces import RATE, merry, mournful

USUAL = {cue.feature: 2**cue.usual if cue.octaves else cue.usual for cue in CUES}


def test_the_cues_are_features_and_every_mood_has_its_place() -> None:
    assert {cue.feature for cue in CUES} <= set(FEATURES)
    assert list(PLACES) == list(MOODS)


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: cue.feature)
def test_each_cue_moves_the_axes_by_its_sign(cue: object) -> None:
    assert isinstance(cue, type(CUES[0]))
    more = cue.usual + cue.spread
    mood = told(USUAL | {cue.feature: 2**more if cue.octaves else more})
    assert mood.valence == pytest.approx(math.tanh(cue.valence), abs=2e-3)
    assert mood.arousal == pytest.approx(math.tanh(cue.arousal), abs=2e-3)


def told(features: dict[str, float]) -> Mood:
    mood = rate(features)
    assert mood is not None
    return mood


def test_what_is_usual_or_unknown_lies_in_the_middle() -> None:
    for features in (USUAL, {"mode": USUAL["mode"]}, {"tempo": USUAL["tempo"]}):
        mood = told(features)
        assert (mood.valence, mood.arousal) == pytest.approx((0, 0), abs=1e-3)


def test_major_goes_before_all_else_for_valence_and_mode_says_nothing_of_arousal() -> None:
    """The order of Eerola, Friberg and Bresin: mode first, then tempo and its kin."""
    weights = {cue.feature: cue for cue in CUES}
    assert max(CUES, key=lambda cue: abs(cue.valence)).feature == "mode"
    assert weights["mode"].arousal == 0
    assert weights["roughness"].valence < 0 < weights["tempo"].valence


def test_further_than_two_deviations_says_no_more() -> None:
    cue = CUES[0]
    assert standardise(cue, {cue.feature: 99.0}) == standardise(cue, {cue.feature: 9.0}) == 2.0
    assert standardise(cue, {cue.feature: -99.0}) == -2.0


@given(st.dictionaries(st.sampled_from(FEATURES), st.floats(-1e6, 1e6), max_size=20))
def test_scores_always_sum_to_one(features: dict[str, float]) -> None:
    mood = told(features | {"mode": 0.0})
    assert list(mood.scores) == list(MOODS)
    assert math.isclose(sum(mood.scores.values()), 1.0, abs_tol=1e-9)
    assert all(0 <= value <= 1 for value in mood.scores.values())
    assert mood.valence is not None
    assert mood.arousal is not None
    assert max(abs(mood.valence), abs(mood.arousal)) <= 1


@given(st.dictionaries(st.text(min_size=1), st.floats(1e-300, 1e300), min_size=1, max_size=30))
def test_shares_sum_to_one_whatever_the_weights(weights: dict[str, float]) -> None:
    shares = share(weights)
    assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-9)
    assert min(shares.values()) >= 0


def test_a_merry_and_a_mournful_piece() -> None:
    glad, sad = measure_mood(merry()), measure_mood(mournful())
    assert isinstance(glad, Mood)
    assert isinstance(sad, Mood)
    assert glad.best in ("happy", "energetic")
    assert sad.scores["sad"] + sad.scores["melancholic"] > 0.4 > 0.1 > sad.scores["happy"]
    assert (glad.valence or 0) > 0.3 > 0 > (sad.valence or 0)
    assert (glad.arousal or 0) > (sad.arousal or 0) + 0.4
    assert glad.to_json()["mood"] == glad.best


def test_what_has_neither_key_nor_beat_has_no_mood() -> None:
    assert rate({}) is None
    assert rate({name: value for name, value in USUAL.items() if name not in ("mode", "tempo")}) is None


def noise(colour: float) -> np.ndarray:
    """Six seconds whose power falls by so many octaves per octave: 0 white, 1 pink, 2 brown."""
    rng = np.random.default_rng(3)
    spectrum = np.fft.rfft(rng.normal(0, 1, 6 * RATE))
    wave = np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 1.0) ** (-colour / 2), 6 * RATE)
    return np.asarray(0.1 * wave / wave.std())


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0], ids=["white", "pink", "brown"])
def test_noise_has_no_mood(colour: float) -> None:
    assert measure_mood(Audio(noise(colour).astype(np.float32)[:, None], RATE)) is None


def test_drums_without_a_key_have_one() -> None:
    time = np.arange(8 * RATE) / RATE
    hits = np.exp(-(time % 0.5) * 30) * np.random.default_rng(0).normal(0, 0.2, len(time))
    assert measure_mood(Audio(hits.astype(np.float32)[:, None], RATE)) is not None
