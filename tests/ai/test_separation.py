"""The streaming driver, with separators simple enough to know the answer, and with the embedded one."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.ai.dsp import DspSeparator
from beatflow.ai.engine import DEFAULT_SEPARATION, EngineInfo, Progress, Separation, no_progress
from beatflow.ai.residual import ResidualShare
from beatflow.ai.separation import separate_stream
from beatflow.errors import AudioError, ContractError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum, from_integers

from . import contract
from .contract import Stopped, check_stream_ignores_blocks, check_stream_is_exact, cut, join, make_mix


class Halver:
    """Two stems by a fixed gain; remembers the lengths of its segments and who came first."""

    info = EngineInfo("halver", "1", frozenset({"separate"}), "CC0-1.0")
    stems = ("big", "small")

    def __init__(self, segment_s: float = 0.05, overlap_s: float = 0.01) -> None:
        self.segment_s, self.overlap_s = segment_s, overlap_s
        self.lengths: list[int] = []

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        self.lengths.append(segment.frames)
        progress(0.5, "halving")
        gains = {"big": 0.75, "small": 0.25}
        return {
            stem: Audio(segment.samples * np.float32(gain), segment.sample_rate)
            for stem, gain in gains.items()
        }


class Sawtooth(Halver):
    """Says 0 for one stem at the start of its segment and 1 at its end, so that seams show."""

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        self.lengths.append(segment.frames)
        ramp = np.linspace(0.0, 1.0, segment.frames, dtype=np.float32)[:, None] * np.ones_like(
            segment.samples
        )
        return {"big": Audio(ramp, segment.sample_rate), "small": Audio(-ramp, segment.sample_rate)}


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("sample_rate", "channels"), [(44100, 2), (48000, 1), (96000, 6)])
def test_stems_of_the_embedded_engine_sum_to_the_mix(subtype: str, sample_rate: int, channels: int) -> None:
    engine = DspSeparator()
    engine.segment_s, engine.overlap_s = 0.8, 0.2
    check_stream_is_exact(engine, make_mix(1.3, sample_rate, channels, subtype), subtype)


@pytest.mark.parametrize("frames", [0, 1, 2, 99])
def test_tiny_mixes(frames: int) -> None:
    mix = Audio(make_mix(1.0).samples[:frames], 44100)
    parts = list(separate_stream([mix], DspSeparator(), "PCM_16"))
    assert sum(part["drums"].frames for part in parts) == frames
    assert check_sum(join(parts), mix, "PCM_16") == 0


def test_full_scale_noise_clips_in_no_stem() -> None:
    rng = np.random.default_rng(1)
    noise = from_integers(rng.choice(np.array([-32768, 32767], np.int32), (30000, 2)), 16, 44100)
    check_stream_is_exact(DspSeparator(), noise, "PCM_16")


def test_silence_stays_silent() -> None:
    silence = Audio(np.zeros((50000, 2), np.float32), 44100)
    for audio in check_stream_is_exact(DspSeparator(), silence, "PCM_16").values():
        assert not audio.samples.any()


def test_blocks_do_not_matter_to_the_embedded_engine() -> None:
    engine = DspSeparator()
    engine.segment_s, engine.overlap_s = 1.0, 0.25
    check_stream_ignores_blocks(engine, make_mix(2.6))


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(0, 9000),
    sizes=st.lists(st.integers(0, 4000), min_size=1, max_size=5).filter(any),
    segment_s=st.floats(0.002, 0.3),
    share=st.floats(0.0, 0.9),
)
def test_any_cut_of_any_length_is_exact(
    frames: int, sizes: list[int], segment_s: float, share: float
) -> None:
    mix = Audio(make_mix(1.0).samples[:frames], 44100)
    engine = Halver(segment_s, segment_s * share)
    parts = list(separate_stream(cut(mix, *sizes), engine, "PCM_16"))
    if frames == 0:
        assert not any(part["big"].frames for part in parts)
        return
    stems = join(parts)
    assert stems["big"].frames == frames
    assert check_sum(stems, mix, "PCM_16") == 0
    np.testing.assert_allclose(stems["big"].samples, 0.75 * mix.samples, atol=1.01 / 32768)


def test_every_segment_is_whole_when_the_mix_is_long_enough() -> None:
    engine = Halver()
    list(separate_stream(cut(make_mix(0.333), 1000), engine, "PCM_16"))
    assert len(engine.lengths) > 5
    assert set(engine.lengths) == {round(0.05 * 44100)}


def test_memory_is_bounded_by_the_segment() -> None:
    """Stretches come out while the mix still goes in, never more than a segment behind."""
    engine = Halver()
    taken = 0

    def blocks():
        nonlocal taken
        for block in cut(make_mix(1.0), 500):
            taken += block.frames
            yield block

    given_back = 0
    for part in separate_stream(blocks(), engine, "PCM_16"):
        given_back += part["big"].frames
        assert taken - given_back <= round(0.05 * 44100) + 500


def test_seams_are_crossfaded() -> None:
    engine = Sawtooth(0.1, 0.05)
    mix = Audio(np.zeros((20000, 1), np.float32), 44100)
    big = join(list(separate_stream([mix], engine, "FLOAT")))["big"].samples[:, 0]
    # A hard seam would jump by 1/2 (the overlap's share of the segment); the fade spreads it over the overlap.
    assert np.abs(np.diff(big)).max() < 2.0 / (0.05 * 44100)


def test_blocks_of_another_kind_are_refused() -> None:
    mono, stereo = make_mix(0.01, channels=1), make_mix(0.01, channels=2)
    with pytest.raises(AudioError, match="44100 Hz, 1 channels to 44100 Hz, 2 channels"):
        list(separate_stream([mono, stereo], Halver(), "PCM_16"))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda mix: None, "gave nothing, not stems"),
        (lambda mix: [mix, mix], "gave a list, not stems"),
        (lambda mix: {"big": mix, "small": mix.samples}, "gave small as a ndarray, not as sound"),
        (lambda mix: {"big": mix}, "gave stems"),
        (lambda mix: {"big": mix, "small": Audio(mix.samples[1:], mix.sample_rate)}, "gave small as"),
        (lambda mix: {"big": mix, "small": Audio(mix.samples, 8000)}, "at 8000 Hz"),
        (lambda mix: {"big": mix, "small": Audio(mix.samples * np.float32("nan"), 44100)}, "not finite"),
    ],
)
def test_a_separator_that_breaks_its_word_is_named(answer, complaint: str) -> None:
    class Liar(Halver):
        def separate(
            self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
        ) -> Mapping[str, Audio]:
            return answer(segment)

    with pytest.raises(ContractError, match=complaint) as caught:
        list(separate_stream([make_mix(0.02)], Liar(), "PCM_16"))
    assert "halver" in caught.value.message


class Streamer(Halver):
    """Goes through the mix by itself, and gives what it is told to."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def separate_blocks(
        self, blocks, moments=None, frames=None, progress=no_progress, wanted=DEFAULT_SEPARATION
    ):
        return self.answer(blocks)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda blocks: None, "gave nothing, not stretches of stems"),
        (lambda blocks: [None], "gave nothing, not stems"),
        (
            lambda blocks: [{"big": block, "small": None} for block in blocks],
            "gave small as nothing, not as sound",
        ),
        (
            lambda blocks: [{"big": block, "small": block} for block in [*blocks, make_mix(0.01)]],
            "gave big as",
        ),
    ],
)
def test_a_stream_separator_that_breaks_its_word_is_named(answer, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        list(separate_stream([make_mix(0.02)], Streamer(answer), "PCM_16"))


def test_a_stream_separator_that_lacks_half_is_made_whole() -> None:
    mix, residual = make_mix(0.3), ResidualShare()

    def halve(blocks):
        for block in blocks:
            quarter = Audio(block.samples * np.float32(0.25), block.sample_rate)
            yield {"big": quarter, "small": quarter}

    parts = list(separate_stream(cut(mix, 700), Streamer(halve), "PCM_16", residual=residual))
    stems = join(parts)
    assert check_sum(stems, mix, "PCM_16") == 0
    np.testing.assert_allclose(stems["big"].samples, 0.5 * mix.samples, atol=1.01 / 32768)
    for correction in residual.corrections:
        assert correction.relative_db == pytest.approx(-6.0, abs=0.1)
        assert correction.largest == pytest.approx(0.25 * np.abs(mix.samples).max(), abs=1e-4)


def test_stems_may_share_a_name() -> None:
    mix = make_mix(0.2)
    wanted = Separation(names=(("big", "all"), ("small", "all")))
    (name,) = (parts := join(list(separate_stream([mix], Halver(), "PCM_16", wanted=wanted))))
    assert name == "all"
    np.testing.assert_array_equal(parts["all"].samples, mix.samples)


def test_no_blocks_give_nothing() -> None:
    assert list(separate_stream([], Halver(), "PCM_16")) == []


def test_progress_rises_to_one_and_can_stop_the_stream() -> None:
    mix = make_mix(0.5)
    seen: list[float] = []
    list(separate_stream([mix], Halver(), "PCM_16", lambda fraction, what: seen.append(fraction), mix.frames))
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert 0.0 < seen[3] < 1.0
    unknown: list[float] = []
    list(separate_stream([mix], Halver(), "PCM_16", lambda fraction, what: unknown.append(fraction)))
    assert set(unknown) == {0.0, 1.0}

    def stop(fraction: float, what: str) -> None:
        if fraction > 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        list(separate_stream([mix], Halver(), "PCM_16", stop, mix.frames))


def test_halver_itself_keeps_the_contract() -> None:
    contract.check_separator_is_deterministic(Halver())
