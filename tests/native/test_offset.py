"""Offsets by the kernel: those of numpy, whatever the formats, and nothing odd harms it."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beatflow.native import offset
from beatflow.native.fit import Stretches
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.predicting import trial
from beatflow.predicting.search import find_place
from tests.native.test_fit import Floats, pack, play

FORMATS = list(SampleFormat)


def stretch(sound: Floats, form: SampleFormat) -> Stretches:
    channels = sound.shape[1]
    return Stretches(pack(sound, Layout(form, channels)), form, channels)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    forms=st.tuples(st.sampled_from(FORMATS), st.sampled_from(FORMATS)),
    channels=st.sampled_from([1, 2, 3, 8]),
    lengths=st.sampled_from(
        [(3, 3), (3, 50), (40, 3000), (257, 257), (300, 9000), (2000, 70000), (8192, 30000)]
    ),
    gain=st.sampled_from([1.0, -1.0, 0.3, 0.05]),
    noise=st.sampled_from([0.0, 0.01, 0.1, 0.6]),
    quiet=st.booleans(),
)
@example(1, (SampleFormat.S16LE, SampleFormat.S16LE), 2, (8192, 280000), 0.7, 0.001, False)
@example(2, (SampleFormat.S24LE, SampleFormat.F32LE), 2, (8192, 280000), 0.7, 0.3, True)
def test_offsets_are_those_of_numpy(
    seed: int,
    forms: tuple[SampleFormat, SampleFormat],
    channels: int,
    lengths: tuple[int, int],
    gain: float,
    noise: float,
    quiet: bool,
) -> None:
    random = np.random.default_rng(seed)
    frames, around = lengths
    sound = play(random, around, channels)
    if quiet:
        sound[around // 3 : around // 2] *= 1e-4
    at = int(random.integers(0, around - frames + 1))
    probe = gain * sound[at : at + frames] + noise * play(random, frames, channels)
    asked = stretch(probe, forms[0]), stretch(sound, forms[1])
    place, likeness = offset.find_offset(*asked)
    expected, wanted = trial.find_moved(*asked)
    assert likeness == pytest.approx(wanted, abs=1e-4)
    # Few frames, or few levels, are like several stretches.
    if wanted > 0.5 and frames >= 257 and SampleFormat.U8 not in forms and SampleFormat.S8 not in forms:
        assert place == expected == at


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    form=st.sampled_from(FORMATS),
    channels=st.sampled_from([1, 2, 3, 8]),
    lengths=st.sampled_from([(1, 1), (1, 7), (2, 9), (256, 256), (257, 300), (1000, 8000), (8192, 50000)]),
)
def test_what_is_loudest_is_what_numpy_finds(
    seed: int, form: SampleFormat, channels: int, lengths: tuple[int, int]
) -> None:
    length, frames = lengths
    sound = stretch(play(np.random.default_rng(seed), frames, channels), form)
    assert offset.find_loudest(sound, length) == trial.find_loudest(sound, length)


@pytest.mark.parametrize("by_kernel", [True, False])
@pytest.mark.parametrize("moved", [-30000, -1, 0, 1, 12345])
def test_a_chunk_that_has_moved(moved: int, by_kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not by_kernel:
        monkeypatch.setattr(offset, "is_at_hand", lambda: False)
    layout = Layout(SampleFormat.S16LE, 2)
    sound = play(np.random.default_rng(3), 200_000, 2)
    raw = pack(0.5 * sound[90_000:110_000], layout)

    def read(first: int, frames: int) -> Stretches:
        low = 90_000 + moved + first
        return stretch(sound[low : low + frames], SampleFormat.S16LE)

    found = find_place(raw, layout, read, 40_000)
    assert found is not None
    assert found.offset == moved
    assert found.likeness > 0.99
    assert find_place(raw, layout, lambda *_: None, 40_000) is None


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_probes_that_say_nothing(frames: int) -> None:
    sound = play(np.random.default_rng(1), 300, 2)
    whole, probe = (stretch(part, SampleFormat.S16LE) for part in (sound, sound[:frames]))
    assert offset.find_offset(probe, whole) == (0, 0.0)
    assert offset.find_offset(whole, probe) == (0, 0.0)
    assert offset.find_offset(probe, probe) == (0, 0.0)


def test_silence_is_like_nothing() -> None:
    sound = stretch(play(np.random.default_rng(1), 3000, 2), SampleFormat.F32LE)
    silence = sound._replace(raw=bytes(4000))
    odd = silence._replace(raw=np.full(1000, 0.3, "<f4").tobytes())
    for other in (silence, odd, odd._replace(raw=np.full(1000, np.nan, "<f4").tobytes())):
        assert offset.find_offset(other, sound) == trial.find_moved(other, sound) == (0, 0.0)
        assert offset.find_offset(sound._replace(raw=sound.raw[:2000]), other) == (0, 0.0)
        assert offset.find_offset(other, other) == (0, 0.0)
        assert offset.find_loudest(other, 100) == trial.find_loudest(other, 100) == 0


def test_what_cannot_be() -> None:
    sound = Stretches(bytes(4000), SampleFormat.S16LE, 2)
    others = (
        sound._replace(raw=bytes(3999)),
        sound._replace(format=99),
        sound._replace(channels=0),
        sound._replace(channels=9),
        sound._replace(channels=-1),
    )
    for other in others:
        for pair in ((sound, other), (other, sound)):
            with pytest.raises(ValueError, match="cannot be searched"):
                offset.find_offset(*pair)
        with pytest.raises(ValueError, match="cannot be searched"):
            offset.find_loudest(other, 10)
    for length in (-1, 0, 1001):
        with pytest.raises(ValueError, match="cannot be searched"):
            offset.find_loudest(sound, length)
