"""Briefs to words and seconds."""

import pytest

from beatflow.ai.engine import Brief, Sampling
from beatflow.ai.musicgen.prompting import DEFAULT_SAMPLING, read_brief
from beatflow.errors import UsageError


@pytest.mark.parametrize(
    ("brief", "text"),
    [
        (Brief("lofi piano"), "lofi piano"),
        (Brief(""), ""),
        (Brief("  lofi\n piano "), "lofi piano"),
        (Brief("lofi", tempo=90.0), "lofi, 90 bpm"),
        (Brief("lofi", tempo=92.5, key="F#:maj", meter="6/8"), "lofi, 92.5 bpm, F sharp major, 6/8"),
        (Brief("", tempo=90.0, key="Am"), "90 bpm, A minor"),
        (Brief("lofi 120 BPM in C major, warm", tempo=90.0, key="A:min"), "lofi, warm, 90 bpm, A minor"),
        (Brief("lofi 120 bpm"), "lofi, 120 bpm"),
        (Brief("waltz 3/4", meter="3/4"), "waltz 3/4"),
        (Brief("ローファイ 🎹", tempo=80.0), "ローファイ 🎹, 80 bpm"),
        (Brief("a minor thing"), "a minor thing"),
    ],
)
def test_words(brief: Brief, text: str) -> None:
    assert read_brief(brief).text == text


def test_length() -> None:
    assert read_brief(Brief("x")).duration_s == 30.0
    assert read_brief(Brief("x", duration_s=3.21)).duration_s == 3.21
    assert read_brief(Brief("x", bars=8, tempo=120.0)).duration_s == 16.0
    assert read_brief(Brief("x", bars=8, tempo=120.0, meter="3/4")).duration_s == 12.0
    assert read_brief(Brief("x 60 bpm", bars=2, duration_s=5.0)).duration_s == 8.0


def test_tempo_that_bars_need_is_assumed_and_said() -> None:
    order = read_brief(Brief("techno", bars=4))
    assert order.remarks == (f"no tempo was asked: bars are counted at {order.tempo:g} BPM",)
    assert 110 <= order.tempo <= 150
    assert order.text == f"techno, {order.tempo:g} bpm"
    assert read_brief(Brief("zither", bars=4)).tempo == 120.0
    assert not read_brief(Brief("zither 90 bpm", bars=4)).remarks


def test_sampling_is_filled_in() -> None:
    assert read_brief(Brief("x")).sampling == DEFAULT_SAMPLING
    asked = Sampling(0.7, 0, 0.9, 1.0)
    assert read_brief(Brief("x", sampling=asked)).sampling == asked


@pytest.mark.parametrize(
    ("brief", "words"),
    [
        (Brief("x", seed=-1), "the seed"),
        (Brief("x", seed=2**63), "the seed"),
        (Brief("x", meter="7/8"), "no meter '7/8'"),
        (Brief("x", tempo=5.0), "5 BPM is no tempo"),
        (Brief("x", tempo=float("nan")), "nan BPM"),
        (Brief("x", key="H"), "'H' is not a key"),
        (Brief("x", bars=0), "0 bars"),
        (Brief("x", duration_s=0.0), "0 s"),
        (Brief("x", duration_s=float("inf")), "inf s"),
        (Brief("x", duration_s=3601.0), "at most 3600 s"),
        (Brief("x", bars=10_000, tempo=90.0), "at most 3600 s"),
        (Brief("x", stems=("drums",)), "no stems"),
        (Brief("x", sampling=Sampling(temperature=0.0)), "temperature 0.0"),
        (Brief("x", sampling=Sampling(temperature=float("nan"))), "temperature nan"),
        (Brief("x", sampling=Sampling(top_k=-1)), "top-k -1"),
        (Brief("x", sampling=Sampling(top_p=1.5)), "top-p 1.5"),
        (Brief("x", sampling=Sampling(guidance=-1.0)), "guidance -1.0"),
    ],
)
def test_nonsense_is_refused(brief: Brief, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_brief(brief)
    assert words in caught.value.message
