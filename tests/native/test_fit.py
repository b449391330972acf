"""Fits by the kernel: what it decides is what numpy decides, whatever the formats, and nothing odd harms it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beatflow.native.fit import Chunks, Gains, Products, Stretches, count_plain_bits, fit_gains
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import Source
from beatflow.objects.samples import write_samples
from beatflow.predicting.chunkfit import open_fit
from beatflow.predicting.gains import Fitted
from beatflow.predicting.trial import SumTrial, count_bits_alone

Floats = NDArray[np.float64]

FORMATS = list(SampleFormat)
EDITS = ("whole", "gain", "ramp", "steps", "balance", "polarity", "silence")


def play(random: np.random.Generator, frames: int, channels: int) -> Floats:
    """Return something with more lows than highs, and some hiss, in -.4 to .4."""
    walk = np.cumsum(random.normal(0, 1, (frames, channels)), axis=0)
    walk -= np.linspace(0, 1, frames)[:, None] * walk[-1]
    walk += random.normal(0, 2, (frames, channels))
    return np.asarray(0.4 * walk / np.abs(walk).max())


def edit(random: np.random.Generator, kind: str, frames: int, channels: int) -> Floats:
    """Return the gain of each frame and channel."""
    line = np.linspace(0, 1, frames)[:, None]
    gains: dict[str, Floats] = {
        "whole": np.ones((1, 1)),
        "gain": np.full((1, 1), 0.7),
        "ramp": 0.2 + 0.6 * line,
        "steps": np.repeat(random.random(8), -(-frames // 8))[:frames, None],
        "balance": random.random((1, channels)),
        "polarity": np.full((1, 1), -1.0),
        "silence": np.zeros((1, 1)),
    }
    return gains[kind]


def pack(sound: Floats, layout: Layout) -> bytes:
    half = 2.0 ** (layout.format.bits - 1)
    return write_samples(np.clip(np.rint(sound * half), -half, half - 1).astype(np.int32), layout)


def read_back(raw: bytes, layout: Layout) -> Floats:
    """Return what a source says, as the chunk is made of what was rounded."""
    from beatflow.objects.samples import read_samples

    found = read_samples(raw, layout)
    assert found is not None
    return found / 2.0 ** (layout.format.bits - 1)


def make_case(
    seed: int, kinds: list[str], form: SampleFormat, channels: int, frames: int
) -> tuple[bytes, Layout, list[Source], list[list[bytes]]]:
    """Return a chunk, and sources of all kinds that it is made of, each in three chunks."""
    random = np.random.default_rng(seed)
    total = np.zeros((frames, channels))
    sources, inputs = [], []
    for kind in kinds:
        layout = Layout(SampleFormat(int(random.choice(FORMATS))), int(random.choice([1, channels])))
        sound = play(random, frames + 300, layout.channels)
        cuts = np.sort(random.integers(0, len(sound), 2))
        raws = [pack(part, layout) for part in np.split(sound, cuts)]
        start = int(random.integers(-50, 350))
        heard = np.zeros((frames, layout.channels))
        low, high = max(start, 0), min(start + frames, len(sound))
        heard[low - start : high - start] = read_back(b"".join(raws), layout)[low:high]
        total = total + edit(random, kind, frames, channels) * heard
        refs = tuple(ChunkRef(sha256(raw), len(raw)) for raw in raws)
        sources.append(Source(layout, refs, start))
        inputs.append(raws)
    layout = Layout(form, channels)
    return pack(total, layout), layout, sources, inputs


def fit_by_kernel(
    raw: bytes, layout: Layout, sources: list[Source], inputs: list[list[bytes]]
) -> Gains | None:
    chunks = [
        Chunks(raws, source.layout.format, source.layout.channels, source.start)
        for source, raws in zip(sources, inputs, strict=True)
    ]
    return fit_gains(Chunks((raw,), layout.format, layout.channels), chunks)


def fit_by_numpy(
    raw: bytes, layout: Layout, sources: list[Source], inputs: list[list[bytes]]
) -> Fitted | None:
    fitting = open_fit(raw, layout, sources, inputs)
    return fitting.fit_gains() if fitting else None


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(EDITS), min_size=1, max_size=4),
    form=st.sampled_from(FORMATS),
    channels=st.sampled_from([1, 2, 3, 8]),
    frames=st.sampled_from([256, 257, 300, 1023, 4096, 5000, 20000]),
)
def test_gains_are_those_of_numpy(
    seed: int, kinds: list[str], form: SampleFormat, channels: int, frames: int
) -> None:
    case = make_case(seed, kinds, form, channels, frames)
    found, expected = fit_by_kernel(*case), fit_by_numpy(*case)
    assert (found is None) == (expected is None)
    if found is None or expected is None:
        return
    assert (found.segments, found.noise) == (len(expected.segments), expected.noise)
    assert found.bits == pytest.approx(expected.bits, abs=1e-3)
    shape = found.segments, len(kinds), channels
    weights, slopes = np.zeros(shape), np.zeros(shape)
    for term in expected.terms:
        place = term.segment, term.source, term.output
        weights[place], slopes[place] = term.weight, term.slope
    # 2**-24 is the unit: far below what one sample can tell.
    assert np.reshape(found.weights, shape) == pytest.approx(weights, abs=2**11, rel=1e-4)
    assert np.reshape(found.slopes, shape) == pytest.approx(slopes, abs=2**14, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(EDITS), min_size=1, max_size=6),
    form=st.sampled_from(FORMATS),
    channels=st.sampled_from([1, 2, 8]),
    length=st.sampled_from([64, 500, 1024]),
    price=st.sampled_from([0.01, 0.1, 0.5]),
)
def test_choices_are_those_of_numpy(
    seed: int, kinds: list[str], form: SampleFormat, channels: int, length: int, price: float
) -> None:
    blocks = 4
    raw, layout, sources, inputs = make_case(seed, kinds, form, channels, blocks * length)
    target = Stretches(raw, layout.format, channels)
    features = []
    for source, raws in zip(sources, inputs, strict=True):
        size = blocks * length * source.layout.frame_bytes
        features.append(Stretches(b"".join(raws)[:size], source.layout.format, source.layout.channels))
    kernel, twin = Products(target, features, blocks, length), SumTrial(target, features, blocks)
    prices = [price * (1 + number) for number in range(len(features))]
    everything = list(range(len(features)))
    assert kernel.choose(everything, prices) == twin.choose(everything, prices)
    assert kernel.choose(everything[1:], prices) == twin.choose(everything[1:], prices)
    alone = count_bits_alone(target, blocks)
    assert alone is not None
    assert count_plain_bits(target, blocks, length) == pytest.approx(alone)
    for explained in (alone, 0.0):
        found, expected = (one.count_left(everything, explained) for one in (kernel, twin))
        assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 7, 9, 255])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_short_chunks(frames: int, channels: int) -> None:
    layout = Layout(SampleFormat.S16LE, channels)
    raw = pack(play(np.random.default_rng(1), 300, channels), layout)[: frames * layout.frame_bytes]
    chunk = Chunks((raw,), layout.format, channels)
    found = fit_gains(chunk, [chunk])
    assert found is None or found.segments == 1


@pytest.mark.parametrize("start", [-(2**40), -(2**31), -1000, 999, 1000, 2**31, 2**40])
def test_sources_that_lie_elsewhere(start: int) -> None:
    raw = pack(play(np.random.default_rng(1), 1000, 2), Layout(SampleFormat.S16LE, 2))
    found = fit_gains(
        Chunks((raw,), 3, 2), [Chunks((raw,), 3, 2, start), Chunks((), 3, 2), Chunks((b"",), 3, 1)]
    )
    assert found is None


def test_what_is_no_integer_is_none() -> None:
    whole = np.tile(np.array([0.5, -0.25], "<f4"), 500).tobytes()
    odd = np.full(1000, 0.3, "<f4").tobytes()
    nan = np.full(1000, np.nan, "<f4").tobytes()
    for raw in (odd, nan):
        assert fit_gains(Chunks((raw,), 9, 2), [Chunks((whole,), 9, 2)]) is None
        assert fit_gains(Chunks((whole,), 9, 2), [Chunks((raw,), 9, 2)]) is None
        assert count_plain_bits(Stretches(raw, 9, 2), 1, 500) is None
        assert Products(Stretches(whole, 9, 2), [Stretches(raw, 9, 2)], 1, 500).choose([0], [0.1]) == []


def test_features_that_say_the_same() -> None:
    random = np.random.default_rng(1)
    layout = Layout(SampleFormat.S16LE, 2)
    raw = pack(play(random, 4096, 2), layout)
    trial = Products(Stretches(raw, 3, 2), [Stretches(raw, 3, 2)] * 32, 4, 1024)
    assert len(trial.choose(range(32), [0.1] * 32)) == 1
    found = fit_gains(Chunks((raw,), 3, 2), [Chunks((raw,), 3, 2)] * 16)
    assert found is not None
    assert sum(found.weights) == pytest.approx(2 * 2**24, abs=64)


def test_what_cannot_be() -> None:
    sound = Chunks((bytes(4000),), 3, 2)
    with pytest.raises(ValueError, match="cannot be fitted"):
        fit_gains(sound, [])
    with pytest.raises(ValueError, match="cannot be fitted"):
        fit_gains(sound, [sound] * 17)
    for other in (Chunks((bytes(4000),), 3, 3), Chunks((bytes(3999),), 3, 2), Chunks((bytes(4000),), 99, 2)):
        with pytest.raises(ValueError, match="cannot be fitted"):
            fit_gains(sound, [other])
    stretches = Stretches(bytes(4000), 3, 2)
    with pytest.raises(ValueError, match="multiplied"):
        Products(stretches, [Stretches(bytes(3000), 3, 2)], 4, 250)
    with pytest.raises(ValueError, match="features"):
        Products(stretches, [stretches] * 33, 4, 250)
    with pytest.raises(ValueError, match="another size"):
        count_plain_bits(stretches, 4, 251)
