"""Crossed channels and filters by the kernel: what numpy decides, whatever the formats, and nothing odd harms it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.native import taps
from beatflow.native.fit import Chunks, Stretches
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import ONE, Source
from beatflow.predicting.chunkfit import open_fit
from beatflow.predicting.gains import Fitted, fit_crossed, fit_filter
from beatflow.predicting.trial import count_bits_crossed, count_bits_filtered
from tests.native.test_fit import FORMATS, Floats, pack, play, read_back

LAGS = 8
KINDS = ("filter", "brighter", "long", "cross", "other")


def change(random: np.random.Generator, kind: str, sound: Floats, channels: int) -> Floats:
    """Return a sound of so many channels that is another one, filtered or crossed, or nothing of the kind."""
    wide = sound if sound.shape[1] == channels else np.repeat(sound, channels, axis=1)
    match kind:
        case "cross":
            return np.asarray(sound @ random.uniform(-0.6, 0.6, (sound.shape[1], channels)) / sound.shape[1])
        case "other":
            return play(random, len(sound), channels)
        case "filter":
            impulse = np.array([0.05, -0.1, 0.8, 0.1])
        case "brighter":
            impulse = np.array([0.6, -0.25])
        case _:
            impulse = np.append(0.7, 0.02 * random.normal(0, 1, 40))
    return np.stack([np.convolve(row, impulse)[: len(sound)] for row in wide.T], axis=1)


def make_case(
    seed: int, kind: str, forms: tuple[SampleFormat, SampleFormat], channels: int, mono: bool, frames: int
) -> tuple[bytes, Layout, Source, list[bytes]]:
    """Return a chunk and a source in three chunks that it is made of."""
    random = np.random.default_rng(seed)
    layout, other = Layout(forms[0], channels), Layout(forms[1], 1 if mono else channels)
    start = int(random.integers(0, 300))
    sound = play(random, frames + start + 50, other.channels)
    raws = [pack(part, other) for part in np.split(sound, np.sort(random.integers(0, len(sound), 2)))]
    made = change(random, kind, read_back(b"".join(raws), other), channels)[start : start + frames]
    refs = tuple(ChunkRef(sha256(raw), len(raw)) for raw in raws)
    return pack(made, layout), layout, Source(other, refs, start), raws


def weights_of(fitted: Fitted) -> dict[tuple[int, int, int], int]:
    return {(term.output, term.channel, term.lag): term.weight for term in fitted.terms}


cases = {
    "seed": st.integers(0, 2**32),
    "kind": st.sampled_from(KINDS),
    "forms": st.tuples(st.sampled_from(FORMATS), st.sampled_from(FORMATS)),
    "channels": st.sampled_from([1, 2, 3, 8]),
    "mono": st.booleans(),
}


@settings(max_examples=150, deadline=None)
@given(**cases, frames=st.sampled_from([256, 300, 1023, 5000, 20000]))
def test_fits_are_those_of_numpy(
    seed: int, kind: str, forms: tuple[SampleFormat, SampleFormat], channels: int, mono: bool, frames: int
) -> None:
    raw, layout, source, raws = make_case(seed, kind, forms, channels, mono, frames)
    twin = open_fit(raw, layout, [source], [raws])
    assert twin is not None
    for found, expected in (
        (fit_crossed(raw, layout, source, raws), twin.fit_crossed()),
        (fit_filter(raw, layout, source, raws, LAGS), twin.fit_filter(LAGS)),
    ):
        assert (found is None) == (expected is None)
        if found is None or expected is None:
            continue
        assert found.segments == expected.segments == (frames,)
        # Products of 24 bits are exact to about 2**-53: of a perfect fit's power, a hundredth.
        assert found.bits == pytest.approx(expected.bits, abs=0.01)
        weights, wanted = weights_of(found), weights_of(expected)
        for tap in weights.keys() | wanted.keys():
            assert weights.get(tap, 0) == pytest.approx(wanted.get(tap, 0), abs=2**12, rel=1e-3)


@settings(max_examples=100, deadline=None)
@given(**cases, length=st.sampled_from([64, 500, 1024]))
def test_bits_are_those_of_numpy(
    seed: int, kind: str, forms: tuple[SampleFormat, SampleFormat], channels: int, mono: bool, length: int
) -> None:
    blocks, wide = 4, length + 2 * LAGS
    raw, layout, source, raws = make_case(seed, kind, forms, channels, mono, blocks * wide)
    whole = b"".join(raws)
    first = source.start * source.layout.frame_bytes
    cut = whole[first:]

    def part(data: bytes, form: Layout, margin: int) -> Stretches:
        width = form.frame_bytes
        rows = (
            data[(at * wide + LAGS - margin) * width : (at * wide + LAGS + length + margin) * width]
            for at in range(blocks)
        )
        return Stretches(b"".join(rows), form.format, form.channels)

    target = part(raw, layout, 0)
    narrow, around = (part(cut, source.layout, margin) for margin in (0, LAGS))
    crossed = taps.count_bits_crossed(target, narrow, blocks, length)
    assert crossed == pytest.approx(count_bits_crossed(target, narrow), abs=0.01)
    filtered = taps.count_bits_filtered(target, around, blocks, length, LAGS)
    expected = count_bits_filtered(target, around, blocks)
    assert (filtered is None) == (expected is None)
    if filtered is not None:
        assert filtered == pytest.approx(expected, abs=1e-3)


def test_channels_that_changed_places() -> None:
    layout = Layout(SampleFormat.S24LE, 2)
    sound = play(np.random.default_rng(1), 9000, 2)
    raw = pack(sound, layout)
    source = Source(layout, (ChunkRef(sha256(raw), len(raw)),), 0)
    found = fit_crossed(pack(sound[:, ::-1], layout), layout, source, [raw])
    assert found is not None
    weights = weights_of(found)
    assert weights[0, 1, 0] == pytest.approx(ONE, abs=64)
    assert weights[1, 0, 0] == pytest.approx(ONE, abs=64)


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 7, 31, 255])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_short_chunks(frames: int, channels: int) -> None:
    layout = Layout(SampleFormat.S16LE, channels)
    raw = pack(play(np.random.default_rng(1), 300, channels), layout)[: frames * layout.frame_bytes]
    chunk = Chunks((raw,), layout.format, channels)
    for lags in (1, LAGS, 15):
        found = taps.fit_filter(chunk, chunk, lags)
        assert found is None or len(found.weights[-1]) == 2 * lags + 1
    assert taps.fit_crossed(chunk, Chunks((), layout.format, 1)) is None


@pytest.mark.parametrize("start", [-(2**40), -(2**31), -1000, 1020, 2**31, 2**40])
def test_sources_that_lie_elsewhere(start: int) -> None:
    raw = pack(play(np.random.default_rng(1), 1000, 2), Layout(SampleFormat.S16LE, 2))
    chunk = Chunks((raw,), 3, 2)
    assert taps.fit_filter(chunk, chunk._replace(start=start), LAGS) is None
    assert taps.fit_crossed(chunk, chunk._replace(start=start)) is None


def test_what_is_no_integer_is_none() -> None:
    whole = np.tile(np.array([0.5, -0.25, 0.125, 0.0], "<f4"), 500).tobytes()
    for odd in (np.full(2000, 0.3, "<f4").tobytes(), np.full(2000, np.nan, "<f4").tobytes()):
        for one, other in ((odd, whole), (whole, odd)):
            chunk, source = Chunks((one,), 9, 2), Chunks((other,), 9, 2)
            assert taps.fit_filter(chunk, source, LAGS) is None
            assert taps.fit_crossed(chunk, source) is None
            assert taps.count_bits_crossed(Stretches(one, 9, 2), Stretches(other, 9, 2), 1, 1000) >= 0


def test_what_cannot_be() -> None:
    sound = Chunks((bytes(4000),), 3, 2)
    for other in (
        sound._replace(channels=3),
        sound._replace(raws=(bytes(3999),)),
        sound._replace(format=99),
        sound._replace(channels=-1),
    ):
        for ask in (taps.fit_crossed, lambda a, b: taps.fit_filter(a, b, LAGS)):
            with pytest.raises(ValueError, match="cannot be fitted"):
                ask(sound, other)
    with pytest.raises(ValueError, match="cannot be fitted"):
        taps.fit_crossed(sound._replace(channels=9, raws=(bytes(18),)), sound)
    for lags in (-1, 0):
        with pytest.raises(ValueError, match="lags"):
            taps.fit_filter(sound, sound, lags)
    with pytest.raises(ValueError, match="cannot be fitted"):
        taps.fit_filter(sound, sound, 16)
    stretches = Stretches(bytes(4000), 3, 2)
    for blocks, length in ((0, 1000), (4, 251), (1, 5000), (-1, -1000)):
        with pytest.raises(ValueError, match="cannot be crossed"):
            taps.count_bits_crossed(stretches, stretches, blocks, length)
        with pytest.raises(ValueError, match="cannot be filtered"):
            taps.count_bits_filtered(stretches, stretches, blocks, length, 1)
    with pytest.raises(ValueError, match="cannot be filtered"):
        taps.count_bits_filtered(stretches, stretches, 4, 250, 1)
