"""Predictions: exact for every format, the same for every decoder, and harmless when they are damaged or hostile."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beatflow.errors import DamagedError
from beatflow.objects.flac import LEVEL
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.portable.flac import decode_stream, encode_stream
from beatflow.objects.portable.prediction import predict
from beatflow.objects.prediction import ONE, Predicted, Prediction, Proposal, Source, Term
from beatflow.objects.predictioncodec import decode, encode
from beatflow.objects.reach import Reach
from beatflow.objects.residual import Residual
from beatflow.objects.samples import Integers, join_samples, write_samples
from tests.native.switching import in_numpy
from tests.objects import sounds
from tests.objects.slowprediction import rebuild

FORMATS = list(SampleFormat)


@pytest.fixture(scope="module", autouse=True, params=["kernels", "numpy"])
def both(request: pytest.FixtureRequest) -> Iterator[None]:
    """Do everything twice: with whatever is there, and in numpy."""
    with in_numpy() if request.param == "numpy" else nullcontext():
        yield


Chunks = dict[bytes, bytes]


def raw_of(values: NDArray[np.int32], layout: Layout) -> bytes:
    return write_samples(values, layout)


def random_values(
    random: np.random.Generator, frames: int, layout: Layout, level: float = 1.0
) -> NDArray[np.int32]:
    """Return noise of any loudness, with the extremes in it."""
    half = 1 << (layout.format.bits - 1)
    values = random.integers(-half, half, (frames, layout.channels)) * level
    values = values.astype(np.int32)
    if level == 1.0:
        values[random.integers(0, frames, 3)] = random.choice([-half, half - 1, 0])
    return np.asarray(values)


def source_of(chunks: Chunks, layout: Layout, raws: list[bytes], start: int = 0) -> Source:
    """Put chunks into the store that a dict is, and name them."""
    refs = tuple(ChunkRef(sha256(raw), len(raw)) for raw in raws)
    chunks.update({ref.id: raw for ref, raw in zip(refs, raws, strict=True)})
    return Source(Layout(layout.format, layout.channels), refs, start)


def fetcher(chunks: Mapping[bytes, bytes]) -> Callable[[ChunkRef], bytes]:
    """Fetch as a store does: what is not there, or is of another length, is damage."""

    def fetch(ref: ChunkRef) -> bytes:
        raw = chunks.get(ref.id)
        if raw is None or len(raw) != ref.length:
            raise DamagedError("not there")
        return raw

    return fetch


def samples_of(chunks: Mapping[bytes, bytes], source: Source) -> Integers:
    """Return the samples of a source's chunks, end to end."""
    return join_samples([chunks[ref.id] for ref in source.chunks], source.layout)


def slow_flac(stream: bytes, frames: int, channels: int, bits: int) -> list[list[int]]:
    found = decode_stream(stream, frames, channels, bits).astype(np.int64)
    return [[int(value) for value in frame] for frame in (found >> 8 if bits != 16 else found)]


def pack(values: NDArray[np.int32], layout: Layout, guess: Prediction, chunks: Chunks) -> Predicted:
    """Encode, and have both decoders give the chunk back."""
    inputs = tuple(tuple(chunks[ref.id] for ref in source.chunks) for source in guess.sources)
    raw = raw_of(values, layout)
    found = encode(raw, layout, Proposal(guess, inputs, Reach(1, 2)))
    assert decode(found.parameters, found.payload, len(raw), fetcher(chunks)) == raw
    assert rebuild(found.parameters, found.payload, len(raw), chunks, slow_flac) == raw
    return found


# Both decoders, whatever the prediction ------------------------------------------------------------------


@st.composite
def predictions(draw: st.DrawFn) -> tuple[NDArray[np.int32], Layout, Prediction, Chunks]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    layout = Layout(draw(st.sampled_from(FORMATS)), draw(st.integers(1, 8)))
    frames = draw(st.integers(1, 60))
    chunks: Chunks = {}
    sources = []
    for _ in range(draw(st.integers(1, 4))):
        channels = draw(st.sampled_from([1, layout.channels, draw(st.integers(1, 8))]))
        its = Layout(draw(st.sampled_from([layout.format, draw(st.sampled_from(FORMATS))])), channels)
        lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
        raws = [raw_of(random_values(random, length, its), its) for length in lengths]
        sources.append(source_of(chunks, its, raws, draw(st.integers(-80, 80))))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, frames - 1)), max_size=3)) - {frames})
    segments = tuple(int(size) for size in np.diff([0, *cuts, frames]))
    whole = draw(st.booleans())
    terms = set()
    for segment in range(len(segments)):
        if whole:  # a gain for each source, the same for all channels
            for number, source in enumerate(sources):
                if source.layout.channels == layout.channels:
                    weight = draw(st.sampled_from([ONE, -ONE, 2 * ONE, 0, ONE // 2, 12345678]))
                    terms |= {Term(segment, c, number, c, 0, weight, 0) for c in range(layout.channels)}
            continue
        for _ in range(draw(st.integers(0, 6))):
            number = draw(st.integers(0, len(sources) - 1))
            terms.add(
                Term(
                    segment,
                    draw(st.integers(0, layout.channels - 1)),
                    number,
                    draw(st.integers(0, sources[number].layout.channels - 1)),
                    draw(st.sampled_from([0, 1, -1, 16, -16, 32767, -32768])),
                    draw(st.one_of(st.integers(-(2**25), 2**25), st.sampled_from([ONE, -ONE]))),
                    draw(st.sampled_from([0, draw(st.integers(-(2**31), 2**31 - 1))])),
                )
            )
    unique = {term[:5]: term for term in sorted(terms)}
    guess = Prediction(tuple(sources), segments, tuple(unique[key] for key in sorted(unique)))
    inputs = [samples_of(chunks, source) for source in sources]
    values = predict(guess, inputs, layout)
    level = draw(st.sampled_from([0.0, 1e-6, 3e-5, 1e-3, 1.0]))
    half = 1 << (layout.format.bits - 1)
    noise = random.normal(0, 1, values.shape) * max(level * half, 0.7 if level else 0)
    values = np.clip(values + np.rint(noise), -half, half - 1).astype(np.int32)
    return values, layout, guess, chunks


@settings(max_examples=150, deadline=None)
@given(predictions())
def test_two_decoders_give_the_same(
    drawn: tuple[NDArray[np.int32], Layout, Prediction, Chunks],
) -> None:
    pack(*drawn)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("form", FORMATS)
def test_every_layout(form: SampleFormat, channels: int) -> None:
    layout = Layout(form, channels)
    half = 1 << (form.bits - 1)
    base = np.rint(sounds.music(500, channels) * (half - 1)).astype(np.int32)
    chunks: Chunks = {}
    source = source_of(chunks, layout, [raw_of(base[:200], layout), raw_of(base[200:], layout)], 7)
    terms = tuple(Term(0, c, 0, c, 0, ONE // 2, 0) for c in range(channels))
    guess = Prediction((source,), (493,), terms)
    louder = np.floor(base[7:] / 2 + 0.5).astype(np.int32)
    found = pack(louder, layout, guess, chunks)
    assert kind_of(found) is Residual.NOTHING
    louder[100] ^= 1
    assert kind_of(pack(louder, layout, guess, chunks)) is not Residual.NOTHING


def kind_of(found: Predicted) -> Residual:
    (count,) = struct.unpack_from("<H", found.payload)
    return Residual(found.payload[2 + 32 * count])


STEREO = Layout(SampleFormat.S16LE, 2)


def residual_case(noise: NDArray[np.float64]) -> Predicted:
    """Encode what is off its guess by some noise."""
    base = np.rint(sounds.music(len(noise)) * 20000).astype(np.int32)
    chunks: Chunks = {}
    source = source_of(chunks, STEREO, [raw_of(base, STEREO)])
    terms = (Term(0, 0, 0, 0, 0, ONE, 0), Term(0, 1, 0, 1, 0, ONE, 0))
    guess = Prediction((source,), (len(noise),), terms)
    return pack(base + np.rint(noise).astype(np.int32), STEREO, guess, chunks)


def rest_of(found: Predicted) -> bytes:
    """Return a residual's bytes, of a prediction with one source of one chunk and one segment."""
    (terms,) = struct.unpack_from("<I", found.payload, 2 + 32 + 4)
    return found.payload[2 + 32 + 8 + 16 + 4 + 16 * terms :]


@pytest.mark.parametrize(("largest", "digits"), [(1, 5), (2, 3), (3, 2), (4, 2), (5, 2), (6, 2), (7, 2)])
def test_digits_of_every_size(largest: int, digits: int) -> None:
    random = np.random.default_rng(largest)
    noise = random.integers(-largest, largest + 1, (1001, 2)).astype(float)
    found = residual_case(noise)
    assert kind_of(found) is Residual.SYMBOLS
    rest = rest_of(found)
    assert rest[0] == largest
    content = zstandard.ZstdDecompressor().decompress(rest[5:])
    assert len(content) == -(-2002 // digits)


def test_few_outliers_are_written_apart() -> None:
    noise = np.random.default_rng(1).integers(-1, 2, (20000, 2)).astype(float)
    noise[[3, 19999], [0, 1]] = 30000, -30000
    rest = rest_of(residual_case(noise))
    assert struct.unpack_from("<BIIiIi", rest) == (1, 2, 3, 30000, 39999, -30000)


def test_wide_noise_is_bytes_and_what_has_a_shape_is_flac() -> None:
    random = np.random.default_rng(1)
    assert rest_of(residual_case(random.normal(0, 20, (3000, 2))))[0] == 0
    tone = 300 * np.sin(np.arange(3000) / 20)[:, None] * [1, 1]
    assert kind_of(residual_case(tone)) is Residual.FLAC
    assert kind_of(residual_case(np.zeros((3000, 2)))) is Residual.NOTHING


@pytest.mark.parametrize("form", [SampleFormat.U8, SampleFormat.S16LE, SampleFormat.S24LE])
def test_what_is_left_wraps_around(form: SampleFormat) -> None:
    """A difference may take one bit more than its format has; it need not."""
    layout = Layout(form, 1)
    half = 1 << (form.bits - 1)
    base = np.tile(np.array([[-half], [half - 1]], np.int32), (300, 1))
    chunks: Chunks = {}
    source = source_of(chunks, layout, [raw_of(base, layout)])
    pack(base[::-1].copy(), layout, Prediction((source,), (600,), (Term(0, 0, 0, 0, 0, ONE, 0),)), chunks)


# The arithmetic ------------------------------------------------------------------------------------------


def guess_of(value: int, weight: int, source: SampleFormat, target: SampleFormat, lag: int = 0) -> int:
    layout = Layout(source, 1)
    guess = Prediction((Source(layout, (), 0),), (1,), (Term(0, 0, 0, 0, lag, weight, 1),))
    return int(predict(guess, [np.array([[value]], np.int32)], Layout(target, 1))[0, 0])


@pytest.mark.parametrize(
    ("value", "weight", "source", "target", "expected"),
    [
        (3, ONE, SampleFormat.S16LE, SampleFormat.S16LE, 3),
        (3, ONE // 2, SampleFormat.S16LE, SampleFormat.S16LE, 2),  # 1.5
        (-3, ONE // 2, SampleFormat.S16LE, SampleFormat.S16LE, -1),  # -1.5
        (3, ONE // 2 - 1, SampleFormat.S16LE, SampleFormat.S16LE, 1),
        (100, ONE, SampleFormat.S16LE, SampleFormat.S24LE, 25600),
        (25600 + 127, ONE, SampleFormat.S24LE, SampleFormat.S16LE, 100),
        (25600 + 128, ONE, SampleFormat.S24LE, SampleFormat.S16LE, 101),
        (-25600 - 128, ONE, SampleFormat.S24LE, SampleFormat.S16LE, -100),
        (100, ONE, SampleFormat.U8, SampleFormat.S24LE, 100 << 16),
        (30000, 2 * ONE, SampleFormat.S16LE, SampleFormat.S16LE, 32767),
        (30000, -2 * ONE, SampleFormat.S16LE, SampleFormat.S16LE, -32768),
        (-(1 << 23), -ONE, SampleFormat.S24LE, SampleFormat.S24LE, (1 << 23) - 1),
    ],
)
def test_rounding_and_clipping(
    value: int, weight: int, source: SampleFormat, target: SampleFormat, expected: int
) -> None:
    assert guess_of(value, weight, source, target) == expected


def test_nothing_is_outside() -> None:
    assert guess_of(3, ONE, SampleFormat.S16LE, SampleFormat.S16LE, lag=1) == 0
    assert guess_of(3, ONE, SampleFormat.S16LE, SampleFormat.S16LE, lag=-1) == 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_weights_are_exact(sign: int) -> None:
    """Just below the bound, with full-scale samples, both decoders still agree; at it nothing is decoded."""
    layout = Layout(SampleFormat.S24LE, 1)
    chunks: Chunks = {}
    full = np.full((40, 1), -(1 << 23), np.int32)
    full[::3] = (1 << 23) - 1
    source = source_of(chunks, layout, [raw_of(full, layout)])
    half = (1 << 27) - 22  # two terms, each with a slope that adds 20 by the end, 1 for the rounding, 1 below
    terms = tuple(Term(0, 0, 0, 0, lag, sign * half, sign << 15) for lag in (0, 1))
    guess = Prediction((source,), (40,), terms)
    values = predict(guess, [samples_of(chunks, source)], layout)
    found = pack(values, layout, guess, chunks)
    larger = terms[1]._replace(weight=sign * (half + 2))
    with pytest.raises(ValueError, match="too large"):
        predict(guess._replace(terms=(terms[0], larger)), [samples_of(chunks, source)], layout)
    hostile = bytearray(found.payload)
    struct.pack_into("<i", hostile, len(hostile) - 8, sign * (half + 2))
    with pytest.raises(DamagedError, match="too large"):
        decode(found.parameters, bytes(hostile), 120, fetcher(chunks))


# Damage --------------------------------------------------------------------------------------------------


def some_payloads() -> list[tuple[Predicted, Chunks, int]]:
    """Return a small prediction for each kind of residual, with several of everything."""
    layout = Layout(SampleFormat.S16LE, 2)
    random = np.random.default_rng(9)
    base = np.rint(sounds.music(80) * 20000).astype(np.int32)
    chunks: Chunks = {}
    mono = Layout(SampleFormat.S24LE, 1)
    stem = np.rint(sounds.music(90, 1, seed=3) * (1 << 22)).astype(np.int32)
    sources = (
        source_of(chunks, layout, [raw_of(base[:30], layout), raw_of(base[30:], layout)], -2),
        source_of(chunks, mono, [raw_of(stem, mono)], 4),
    )
    terms = (
        Term(0, 0, 0, 0, -1, ONE // 3, 0),
        Term(0, 0, 0, 0, 1, ONE // 3, 0),
        Term(0, 1, 1, 0, 0, ONE, 0),
        Term(1, 0, 0, 1, 0, ONE // 4, 1 << 20),
        Term(1, 1, 0, 1, 0, -ONE, 0),
    )
    guess = Prediction(sources, (33, 47), terms)
    exact = predict(guess, [samples_of(chunks, source) for source in sources], layout)
    tone = np.rint(400 * np.sin(np.arange(80) / 9))[:, None].astype(np.int32)
    dither = random.integers(-1, 2, exact.shape).astype(np.int32)
    dither[5, 1] = 900
    found = []
    for kind, noise in zip(Residual, (np.zeros_like(exact), dither, tone * [1, 1]), strict=True):
        values = np.clip(exact + noise, -32768, 32767).astype(np.int32)
        packed = pack(values, layout, guess, chunks)
        assert kind_of(packed) is kind
        found.append((packed, chunks, 4 * len(exact)))
    return found


@pytest.fixture(scope="module")
def payloads() -> list[tuple[Predicted, Chunks, int]]:
    return some_payloads()


def decodes_or_is_damaged(parameters: bytes, payload: bytes, chunks: Chunks, length: int) -> bool:
    """Decode what may be anything: it is bytes of the length asked for, or DamagedError, and nothing else."""
    try:
        found = decode(parameters, payload, length, fetcher(chunks))
    except DamagedError:
        return False
    assert len(found) == length
    return True


def test_cut_short_anywhere(payloads: list[tuple[Predicted, Chunks, int]]) -> None:
    for (parameters, payload), chunks, length in payloads:
        for end in range(len(payload)):
            assert not decodes_or_is_damaged(parameters, payload[:end], chunks, length) or end > 320
        whole = decode(parameters, payload, length, fetcher(chunks))
        for end in range(320, len(payload)):
            if decodes_or_is_damaged(parameters, payload[:end], chunks, length):
                # libsndfile does without a FLAC stream's last checksum
                assert decode(parameters, payload[:end], length, fetcher(chunks)) == whole


def test_every_byte_changed(payloads: list[tuple[Predicted, Chunks, int]]) -> None:
    decoded = refused = 0
    for (parameters, payload), chunks, length in payloads:
        for at in range(len(payload)):
            for change in (0x01, 0x80, 0xFF, 0x55):
                hostile = bytearray(payload)
                hostile[at] ^= change
                if decodes_or_is_damaged(parameters, bytes(hostile), chunks, length):
                    decoded += 1
                else:
                    refused += 1
        for at in range(2):
            for byte in range(256):
                changed = parameters[:at] + bytes((byte,)) + parameters[at + 1 :]
                decodes_or_is_damaged(changed, payload, chunks, length)
    # A weight, a lag or a digit is as good as another, and left to the chunk's id; tables are not.
    assert decoded
    assert refused


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_anything_at_all(payloads: list[tuple[Predicted, Chunks, int]], data: st.DataObject) -> None:
    (parameters, payload), chunks, length = data.draw(st.sampled_from(payloads))
    start = data.draw(st.integers(0, len(payload)))
    end = data.draw(st.integers(start, min(len(payload), start + 12)))
    hostile = payload[:start] + data.draw(st.binary(max_size=12)) + payload[end:]
    decodes_or_is_damaged(parameters, hostile, chunks, data.draw(st.sampled_from([length, 0, 1, 4, 400])))


def build(
    chunks: Chunks,
    layout: Layout = STEREO,
    *,
    refs: int = 1,
    kind: int = 0,
    sources: bytes | None = None,
    counts: tuple[int, int, int] | None = None,
    segments: tuple[int, ...] = (10,),
    terms: bytes = b"",
    rest: bytes = b"",
) -> bytes:
    """Write a payload by hand; by default ten frames of silence from one chunk of forty bytes."""
    raw = raw_of(np.full((10, 2), 5, np.int32), STEREO)
    chunks[sha256(raw)] = raw
    table = struct.pack("<H", refs) + sha256(raw) * refs
    if sources is None:
        sources = struct.pack("<BBHHiHI", layout.format, layout.channels, 1, 0, 0, 0, 40)
    head = struct.pack("<BBHI", kind, *(counts or (1, len(segments), len(terms) // 16)))
    return table + head + sources + struct.pack(f"<{len(segments)}I", *segments) + terms + rest


def term(*fields: int) -> bytes:
    return struct.pack("<HBBBBhii", *fields)


ONE_SOURCE = struct.pack("<BBHHiHI", 3, 2, 1, 0, 0, 0, 40)
GAIN = term(0, 0, 0, 0, 0, 0, ONE, 0)
ZEROS = zstandard.compress(bytes(20))
REFUSED = {
    "no dependencies": {"refs": 0},
    "no sources": {"counts": (0, 1, 0), "sources": b""},
    "17 sources": {"counts": (17, 1, 0), "sources": ONE_SOURCE * 17},
    "unknown format": {"sources": struct.pack("<BBHHiHI", 13, 2, 1, 0, 0, 0, 40)},
    "format 0": {"sources": struct.pack("<BBHHiHI", 0, 2, 1, 0, 0, 0, 40)},
    "no channels": {"sources": struct.pack("<BBHHiHI", 3, 0, 1, 0, 0, 0, 40)},
    "9 channels": {"sources": struct.pack("<BBHHiHI", 1, 9, 1, 0, 0, 0, 36)},
    "no chunks": {"sources": struct.pack("<BBHHi", 3, 2, 0, 0, 0)},
    "257 chunks": {"sources": struct.pack("<BBHHi", 3, 2, 257, 0, 0) + struct.pack("<HI", 0, 40) * 257},
    "a chunk that the table does not have": {"sources": struct.pack("<BBHHiHI", 3, 2, 1, 0, 0, 1, 40)},
    "half a frame": {"sources": struct.pack("<BBHHiHI", 3, 2, 1, 0, 0, 0, 38)},
    "another length": {"sources": struct.pack("<BBHHiHI", 3, 2, 1, 0, 0, 0, 36)},
    "a length of 4 GB": {"sources": struct.pack("<BBHHiHI", 3, 2, 1, 0, 0, 0, 0xFFFFFFFC)},
    "samples that are no integers": {"sources": struct.pack("<BBHHiHI", 9, 2, 1, 0, 0, 0, 40)},
    "no segments": {"segments": ()},
    "257 segments": {"segments": (10,) + (0,) * 256},
    "an empty segment": {"segments": (10, 0)},
    "too few frames": {"segments": (9,)},
    "too many frames": {"segments": (10, 1)},
    "frames that add up modulo 2**32": {"segments": (0xFFFFFFFF, 11)},
    "terms that are not there": {"counts": (1, 1, 1)},
    "4 billion terms": {"counts": (1, 1, 0xFFFFFFFF)},
    "a segment too far": {"terms": term(1, 0, 0, 0, 0, 0, ONE, 0)},
    "an output too far": {"terms": term(0, 2, 0, 0, 0, 0, ONE, 0)},
    "a source too far": {"terms": term(0, 0, 1, 0, 0, 0, ONE, 0)},
    "a channel too far": {"terms": term(0, 0, 0, 2, 0, 0, ONE, 0)},
    "a term twice": {"terms": GAIN + GAIN},
    "the same term with another weight": {"terms": GAIN + term(0, 0, 0, 0, 0, 0, ONE // 2, 0)},
    "terms out of order": {"terms": term(0, 1, 0, 0, 0, 0, 1, 0) + GAIN},
    "lags out of order": {"terms": GAIN + term(0, 0, 0, 0, 0, -1, ONE, 0)},
    "a weight of 16": {"terms": term(0, 0, 0, 0, 0, 0, 1 << 28, 0)},
    "the least weight": {"terms": term(0, 0, 0, 0, 0, 0, -(1 << 31), 0)},
    "bytes after the terms": {"rest": b"\0"},
    "an unknown kind of residual": {"kind": 3},
    "symbols cut short": {"kind": 1, "rest": b"\1\0\0\0"},
    "digits of 17 values": {"kind": 1, "rest": struct.pack("<BI", 8, 0) + ZEROS},
    "4 billion exceptions": {"kind": 1, "rest": struct.pack("<BI", 0, 0xFFFFFFFF) + ZEROS},
    "an exception too far": {"kind": 1, "rest": struct.pack("<BIIi", 0, 1, 20, 1) + ZEROS},
    "exceptions out of order": {"kind": 1, "rest": struct.pack("<BIIiIi", 0, 2, 5, 1, 4, 1) + ZEROS},
    "an exception twice": {"kind": 1, "rest": struct.pack("<BIIiIi", 0, 2, 5, 1, 5, 2) + ZEROS},
    "too few symbols": {"kind": 1, "rest": struct.pack("<BI", 0, 0) + zstandard.compress(bytes(19))},
    "too many symbols": {"kind": 1, "rest": struct.pack("<BI", 0, 0) + zstandard.compress(bytes(21))},
    "bytes after the symbols": {"kind": 1, "rest": struct.pack("<BI", 0, 0) + ZEROS + b"\0"},
    "no zstd": {"kind": 1, "rest": struct.pack("<BI", 0, 0) + b"nonsense"},
    "no FLAC": {"kind": 2, "rest": b"nonsense"},
    "hardly FLAC": {"kind": 2, "rest": b"fLaC nonsense" * 9},
    "FLAC of more bits": {"kind": 2, "rest": encode_stream(np.zeros((10, 2), np.int32), 24, LEVEL)},
    "FLAC of more frames": {"kind": 2, "rest": encode_stream(np.zeros((11, 2), np.int16), 16, LEVEL)},
    "FLAC of more channels": {"kind": 2, "rest": encode_stream(np.zeros((10, 3), np.int16), 16, LEVEL)},
}
S16_STEREO = bytes((3, 2, 1, 2))


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_reader_refuses(case: str) -> None:
    chunks: Chunks = {}
    assert decode(S16_STEREO, build(chunks), 40, fetcher(chunks)) == bytes(40)
    fine = build(chunks, kind=1, terms=GAIN, rest=struct.pack("<BIIi", 0, 1, 19, 1) + ZEROS)
    assert decode(S16_STEREO, fine, 40, fetcher(chunks))
    payload = build(chunks, **REFUSED[case])  # type: ignore[arg-type]  # of several types, by name
    with pytest.raises(DamagedError):
        decode(S16_STEREO, payload, 40, fetcher(chunks))


@pytest.mark.parametrize(
    "parameters", [b"\0\2\1\1", b"\x0d\2\1\1", b"\3\0\1\1", b"\3\x09\1\1", b"\3\3\1\1", b"\xff\xff\xff\xff"]
)
def test_parameters_that_a_reader_refuses(parameters: bytes) -> None:
    chunks: Chunks = {}
    with pytest.raises(DamagedError):
        decode(parameters, build(chunks), 40, fetcher(chunks))


def test_reserved_fields_are_ignored() -> None:
    chunks: Chunks = {}
    source = struct.pack("<BBHHiHI", 3, 2, 1, 0xBEEF, 0, 0, 40)
    payload = build(chunks, sources=source, terms=term(0, 0, 0, 1, 0xEE, 0, ONE, 0))
    assert decode(S16_STEREO, payload, 40, fetcher(chunks)) == b"\5\0\0\0" * 10


def test_a_small_payload_cannot_ask_for_the_world() -> None:
    """Millions of products, or gigabytes of sources, out of a few kilobytes."""
    chunks: Chunks = {}
    silence = bytes(1 << 24)
    chunks[sha256(silence)] = silence
    asked = 0

    def fetch(ref: ChunkRef) -> bytes:
        nonlocal asked
        asked += 1
        return silence

    table = b"\1\0" + sha256(silence)
    place = struct.pack("<HI", 0, 1 << 24)
    many = struct.pack("<BBHHi", 1, 1, 5, 0, 0) + 5 * place
    payload = table + struct.pack("<BBHI", 0, 1, 1, 0) + many + struct.pack("<I", 10)
    with pytest.raises(DamagedError, match="too long"):
        decode(b"\1\1\1\1", payload, 10, fetch)
    assert not asked
    one = struct.pack("<BBHHi", 1, 1, 1, 0, 0) + place
    terms = b"".join(term(0, 0, 0, 0, 0, lag, 1, 0) for lag in range(17))
    payload = table + struct.pack("<BBHI", 0, 1, 1, 17) + one + struct.pack("<I", 1 << 24) + terms
    with pytest.raises(DamagedError, match="too many terms"):
        decode(b"\1\1\1\1", payload, 1 << 24, fetch)
