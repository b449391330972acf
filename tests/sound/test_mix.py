"""Mixes: exact sums, the fixed-point rule, faders, saturation."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum, from_integers, to_integers
from beatflow.sound.fader import Fader, get_gains
from beatflow.sound.mix import Mix, render_mix

from .signals import RATE, blocks_of, make_noise


def integers(frames, bits=16, channels=2, seed=0, level=0.2):
    top = int(level * 2 ** (bits - 1))
    values = np.random.default_rng(seed).integers(-top, top, (frames, channels)).astype(np.int32)
    return from_integers(values, bits, RATE)


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (24, "PCM_24")])
def test_faders_at_zero_sum_exactly(bits, subtype):
    stems = {str(seed): integers(100_000, bits, seed=seed) for seed in range(4)}
    mix, clipped = render_mix(stems, subtype=subtype)
    assert clipped == 0
    assert check_sum(stems, mix, subtype) == 0


@given(st.floats(-60, 24), st.floats(-1, 1), st.integers(0, 99))
def test_every_sample_follows_the_stated_rule(gain_db, pan, seed):
    stem = integers(50, 24, seed=seed, level=0.05)
    mix, _ = render_mix({"a": stem}, {"a": Fader(gain_db, pan)}, "PCM_24")
    gains = [Fraction(gain, 1 << 20) for gain in get_gains(Fader(gain_db, pan), 0.0, 2)]
    for (left, right), out in zip(to_integers(stem, 24).tolist(), to_integers(mix, 24).tolist(), strict=True):
        wanted = [
            max(-(2**23), min(2**23 - 1, round(v * g))) for v, g in zip((left, right), gains, strict=True)
        ]
        assert out == wanted  # Fraction rounds half to even, too


def test_golden_gains():
    # Written down once: changing the rule would change every mix that was ever rebuilt from its recipe.
    assert get_gains(Fader(), 0.0, 2) == (1048576, 1048576)
    assert get_gains(Fader(-6.0), 0.0, 1) == (525533,)
    assert get_gains(Fader(-1.5, 0.25), 0.0, 2) == (661700, 882267)
    assert get_gains(Fader(3.0, -1.0), -3.0, 2) == (1048576, 0)
    assert get_gains(Fader(-130.0), 0.0, 2) == (0, 0)


def test_golden_mix():
    stems = {"a": from_integers(np.array([[1000], [-3001]], np.int32), 16, RATE),
             "b": from_integers(np.array([[7], [20000], [5]], np.int32), 16, RATE)}  # fmt: skip
    mix, _ = render_mix(stems, {"a": Fader(-6.0), "b": Fader(1.1)})
    # 1000 * .50119 + 7 * 1.13501, …
    assert to_integers(mix, 16).ravel().tolist() == [509, 21196, 6]


def test_blocks_do_not_matter():
    stems = {"a": integers(150_000), "b": integers(90_000, seed=1)}
    faders = {"a": Fader(-3.3, 0.4, offset=70_001), "b": Fader(2.0, -0.7, offset=-12_345)}
    whole, clipped = render_mix(stems, faders)
    mix = Mix({name: blocks_of(stem, 7001) for name, stem in stems.items()}, faders)
    assert np.array_equal(np.concatenate([block.samples for block in mix]), whole.samples)
    assert (mix.frames, mix.clipped) == (220_001, clipped)


def test_offsets_shift_and_cut():
    stem = integers(10, channels=1)
    late, _ = render_mix({"a": stem}, {"a": Fader(offset=3)})
    assert np.array_equal(late.samples, np.pad(stem.samples, ((3, 0), (0, 0))))
    cut, _ = render_mix({"a": stem}, {"a": Fader(offset=-3)})
    assert np.array_equal(cut.samples, stem.samples[3:])


def test_mute_and_solo_keep_the_length():
    stems = {"a": integers(10), "b": integers(20, seed=1)}
    muted, _ = render_mix(stems, {"b": Fader(mute=True)})
    assert muted.frames == 20
    assert np.array_equal(muted.samples[:10], stems["a"].samples)
    assert not muted.samples[10:].any()
    solo, _ = render_mix(stems, {"b": Fader(solo=True)})
    assert np.array_equal(solo.samples, stems["b"].samples)
    assert not render_mix(stems, {"a": Fader(mute=True, solo=True)})[0].samples.any()


def test_mono_stems_are_spread():
    mono = integers(10, channels=1)
    mix, _ = render_mix({"a": mono, "b": Audio(np.zeros((10, 2), np.float32), RATE)}, {"a": Fader(pan=1.0)})
    assert not mix.samples[:, 0].any()
    assert np.array_equal(mix.samples[:, 1:], mono.samples)


def test_saturation_is_counted_and_float_has_none():
    loud = from_integers(np.array([[30_000], [-30_000], [100]], np.int32), 16, RATE)
    mix, clipped = render_mix({"a": loud, "b": loud})
    assert clipped == 2
    assert to_integers(mix, 16).ravel().tolist() == [32_767, -32_768, 200]
    mix, clipped = render_mix({"a": loud, "b": loud}, subtype="FLOAT")
    assert (clipped, mix.samples[0, 0]) == (0, 60_000 / 32_768)


def test_what_cannot_be_mixed():
    stem = integers(10)
    with pytest.raises(UsageError, match="no stem drum"):
        render_mix({"drums": stem}, {"drum": Fader()})
    with pytest.raises(UsageError, match="1 to 64 stems, not 0"):
        render_mix({})
    with pytest.raises(UsageError, match="cannot be PCM_32"):
        render_mix({"a": stem}, subtype="PCM_32")
    with pytest.raises(UsageError, match=r"25 dB is more than \+24 dB"):
        render_mix({"a": stem}, {"a": Fader(20.0)}, master_db=5.0)
    with pytest.raises(UsageError, match=r"pan of 1\.5"):
        render_mix({"a": stem}, {"a": Fader(pan=1.5)})
    with pytest.raises(UsageError, match="not a number"):
        render_mix({"a": stem}, {"a": Fader(gain_db=float("nan"))})
    with pytest.raises(UsageError, match="cannot be panned in a mix of 1"):
        render_mix({"a": integers(10, channels=1)}, {"a": Fader(pan=0.5)})
    with pytest.raises(AudioError, match="stem b is at 48000 Hz"):
        render_mix({"a": stem, "b": Audio(stem.samples, 48_000)})
    with pytest.raises(AudioError, match="stem b has 3 channels, others have 4"):
        render_mix({"a": integers(10, channels=4), "b": integers(10, channels=3)})
    with pytest.raises(AudioError, match="no stem has any frames"):
        render_mix({"a": []})
    with pytest.raises(AudioError, match="stem a holds samples that are not numbers"):
        render_mix({"a": Audio(np.full((3, 1), np.inf, np.float32), RATE)})
    with pytest.raises(AudioError, match="changes its channels"):
        render_mix({"a": [make_noise(5), make_noise(5, 1)]})
