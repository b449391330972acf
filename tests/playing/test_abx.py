"""Blind tests: the coin, the figure, and two sounds made alike."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from beatflow.errors import UsageError
from beatflow.playing.ab import format_p
from beatflow.playing.abx import Trials, find_needed, guess_probability
from beatflow.playing.matching import Cut, match
from beatflow.playing.source import FileSource
from beatflow.sound.audio import Audio
from beatflow.sound.loudness import measure_loudness
from tests.playing.sounds import Ramp, Samples
from tests.world import wav_bytes

RATE = 44_100
NOISE = np.random.default_rng(5).normal(0, 0.05, (RATE * 8, 2)).astype(np.float32)


def run_match(
    one: np.ndarray, two: np.ndarray, start_s: float = 0.0, end_s: float | None = None, **options: bool
):  # type: ignore[no-untyped-def]
    wanted = {"align": True, "level": True} | options
    return match(
        (Samples(one, RATE, "a"), Samples(two, RATE, "b")),
        RATE,
        start_s,
        end_s,
        **wanted,
        progress=lambda *_: None,
    )


@pytest.mark.parametrize(("right", "count"), [(9, 10), (5, 10), (0, 10), (16, 16), (61, 100)])
def test_the_figure_is_the_binomial_test(right: int, count: int) -> None:
    assert guess_probability(right, count) == pytest.approx(
        binomtest(right, count, alternative="greater").pvalue
    )


def test_how_many_must_be_right() -> None:
    assert (find_needed(10), find_needed(16), find_needed(4)) == (9, 12, None)
    assert (format_p(0.0107), format_p(1e-9)) == ("0.011", "< 0.0001")


def test_the_coin_is_fair_and_the_seed_decides() -> None:
    drawn = Trials(100, 1).truth
    assert drawn == Trials(100, 1).truth
    assert drawn != Trials(100, 2).truth
    heads = sum(sum(Trials(100, seed).truth) for seed in range(100))
    assert 4800 < heads < 5200


def test_who_stops_early_has_shown_nothing() -> None:
    trials = Trials(3, 7)
    for x in trials.truth[:2]:
        trials.answers.append(x)
    assert trials.p_value is None
    trials.answers.append(1 - trials.x)
    assert trials.finished
    assert (trials.right, trials.p_value) == (2, 0.5)


@pytest.mark.parametrize("offset", [0, 1, 4321, -4321])
def test_what_is_later_is_cut_until_both_run_together(offset: int) -> None:
    later, earlier = NOISE[max(-offset, 0) :], NOISE[max(offset, 0) :]
    found = run_match(earlier, later * np.float32(0.5))
    assert found.offset_frames == offset
    pair = [
        Cut(Samples(samples, RATE), start, found.frames, "x").read(found.frames)
        for samples, start in zip((earlier, later * 0.5), found.starts, strict=True)
    ]
    assert np.allclose(pair[0] * 0.5, pair[1], atol=1e-7)
    assert found.frames == len(NOISE) - abs(offset)


def test_the_louder_one_is_turned_down_never_the_other_up() -> None:
    for one, two, gains in ((1.0, 0.25, (-12.04, 0.0)), (0.25, 1.0, (0.0, -12.04)), (1.0, 1.0, (0.0, 0.0))):
        found = run_match(NOISE * np.float32(one), NOISE * np.float32(two))
        assert found.gains_db == pytest.approx(gains, abs=0.02)
        levels = [
            measure_loudness(Audio(NOISE * np.float32(gain * 10 ** (db / 20)), RATE)).integrated_lufs
            for gain, db in zip((one, two), found.gains_db, strict=True)
        ]
        assert levels[0] == pytest.approx(levels[1], abs=0.02)


def test_only_what_is_compared_is_measured() -> None:
    half = NOISE.copy()
    half[: RATE * 4] *= 0.1
    assert run_match(NOISE, half, 4.0).gains_db == (0.0, 0.0)
    assert run_match(NOISE, half, 0.0, 4.0).gains_db[0] == pytest.approx(-20, abs=0.05)
    assert run_match(NOISE, half, 1.0, 3.0).frames == 2 * RATE


def test_what_does_not_line_up_runs_from_the_start() -> None:
    other = np.random.default_rng(6).normal(0, 0.05, NOISE.shape).astype(np.float32)
    found = run_match(NOISE, other)
    assert found.offset_frames is None
    assert found.starts == (0, 0)
    assert run_match(NOISE, NOISE[500:], align=False).starts == (0, 0)


def test_silence_and_crumbs_are_left_as_they_are() -> None:
    assert run_match(NOISE, NOISE * 0).gains_db == (0.0, 0.0)
    crumb = run_match(NOISE[:220], NOISE[:220])
    assert crumb.loudness_lufs == (None, None)
    assert run_match(NOISE, NOISE * np.float32(0.5), level=False).gains_db == (0.0, 0.0)
    with pytest.raises(UsageError, match="nothing in common"):
        run_match(NOISE, NOISE, 100.0)


def test_another_rate_is_matched_as_well(tmp_path: Path) -> None:
    file = tmp_path / "half.wav"
    file.write_bytes(wav_bytes(np.rint(NOISE[::2] * 20_000).astype(np.int16), RATE // 2))
    with_half = FileSource(file, "half")
    found = match((with_half, Ramp(RATE * 8, RATE, 2, 1e-7)), RATE, 0, None, False, True, lambda *_: None)
    assert found.frames == len(NOISE)
    with_half.close()
