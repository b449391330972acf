"""Chunks of mixes that are nothing but sums: against a second decoder, against the mixer itself, and hostile ones."""

import struct
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import DamagedError
from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import Predicted, Source
from beatflow.objects.reach import Reach
from beatflow.objects.rendition import Voice, decode, encode, render
from beatflow.sound.audio import Audio
from beatflow.sound.fader import Fader, get_gains
from beatflow.sound.mix import render_mix
from beatflow.sound.wav import encode_samples
from tests.native.switching import in_numpy
from tests.objects.slowrendition import render as render_slowly

TARGETS = [form for form in SampleFormat if form.width < 4 or form.is_float]
SUBTYPES = {"PCM_U8": SampleFormat.U8, "PCM_16": SampleFormat.S16LE, "PCM_24": SampleFormat.S24LE,
            "FLOAT": SampleFormat.F32LE}  # fmt: skip
Chunks = dict[bytes, bytes]


@pytest.fixture(scope="module", autouse=True, params=["kernels", "numpy"])
def both(request: pytest.FixtureRequest) -> Iterator[None]:
    """Do everything twice: with whatever is there, and in numpy."""
    with in_numpy() if request.param == "numpy" else nullcontext():
        yield


def fill(form: SampleFormat, channels: int, frames: int, seed: int) -> bytes:
    """Random samples, loud and soft, in a format."""
    random = np.random.default_rng(seed)
    order = ">" if form.is_big_endian else "<"
    if form.is_float:
        values = random.normal(0, 10.0 ** random.uniform(-4, 0.5), (frames, channels))
        return values.astype(f"{order}f{form.width}").tobytes()
    return random.integers(0, 256, frames * channels * form.width, np.uint8).tobytes()


@st.composite
def renditions(draw: st.DrawFn) -> tuple[list[Voice], Layout, int, Chunks]:
    layout = Layout(draw(st.sampled_from(TARGETS)), draw(st.integers(1, 3)))
    frames = draw(st.integers(1, 24))
    chunks: Chunks = {}
    voices = []
    for seed in range(draw(st.integers(1, 4))):
        form = draw(st.sampled_from(list(SampleFormat)))
        kind = Layout(form, draw(st.sampled_from([1, layout.channels])))
        refs = []
        for part in range(draw(st.integers(1, 3))):
            raw = fill(form, kind.channels, draw(st.integers(1, 16)), 10 * seed + part)
            chunks[sha256(raw)] = raw
            refs.append(ChunkRef(sha256(raw), len(raw)))
        gains = tuple(draw(st.integers(0, 1 << 24)) for _ in range(layout.channels))
        voices.append(Voice(Source(kind, tuple(refs), draw(st.integers(-20, 20))), gains))
    return voices, layout, frames, chunks


@given(renditions())
@settings(max_examples=150)
def test_two_decoders_give_the_same(case: tuple[list[Voice], Layout, int, Chunks]) -> None:
    voices, layout, frames, chunks = case
    found = encode(voices, layout, Reach(1, 2))
    length = frames * layout.frame_bytes
    raw = decode(found.parameters, found.payload, length, lambda ref: chunks[ref.id])
    assert raw == render_slowly(found.parameters, found.payload, length, chunks)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("stem_form", [SampleFormat.S16LE, SampleFormat.S24LE, SampleFormat.F32LE])
def test_it_is_what_the_mixer_gives(subtype: str, stem_form: SampleFormat) -> None:
    """The store's arithmetic is frozen; should the mixer's ever move, mixes would no longer be stored so."""
    random = np.random.default_rng(5)
    kinds = {form: name for name, form in SUBTYPES.items()}
    stems, faders, voices, chunks = {}, {}, [], {}
    for number, fader in enumerate([Fader(-1.5, 0.3), Fader(6.1, -0.7, offset=13), Fader(-20, offset=-9)]):
        wave = random.normal(0, 0.5, (400, 2)).clip(-1.2, 1.2).astype(np.float32)
        raw, _ = encode_samples(wave, kinds[stem_form])
        from beatflow.sound.wav import decode_samples

        stems[str(number)] = Audio(decode_samples(raw, kinds[stem_form]).reshape(-1, 2), 44100)
        faders[str(number)] = fader
        ref = ChunkRef(sha256(raw), len(raw))
        chunks[ref.id] = raw
        gains = get_gains(fader, -0.4, 2)
        voices.append(Voice(Source(Layout(stem_form, 2), (ref,), -fader.offset), gains))
    mix, clipped = render_mix(stems, faders, subtype, -0.4)
    assert clipped or subtype == "FLOAT"
    wanted, _ = encode_samples(mix.samples, subtype)
    layout = Layout(SUBTYPES[subtype], 2)
    assert render(voices, lambda ref: chunks[ref.id], layout, mix.frames) == wanted


def one(gains: tuple[int, ...] = (1 << 20, 1 << 20)) -> tuple[Predicted, Chunks]:
    raw = fill(SampleFormat.S16LE, 2, 50, 1)
    voice = Voice(Source(Layout(SampleFormat.S16LE, 2), (ChunkRef(sha256(raw), len(raw)),), 3), gains)
    return encode([voice], Layout(SampleFormat.S16LE, 2), Reach(1, 2)), {sha256(raw): raw}


def decodes(parameters: bytes, payload: bytes, chunks: Chunks, length: int = 160) -> bool:
    def fetch(ref: ChunkRef) -> bytes:
        if ref.id not in chunks or len(chunks[ref.id]) != ref.length:
            raise DamagedError("no such chunk")
        return chunks[ref.id]

    try:
        return len(decode(parameters, payload, length, fetch)) == length
    except DamagedError:
        return False


def test_cut_short_or_changed_anywhere() -> None:
    found, chunks = one()
    assert decodes(found.parameters, found.payload, chunks)
    for end in range(len(found.payload)):
        assert not decodes(found.parameters, found.payload[:end], chunks)
    assert not decodes(found.parameters, found.payload + b"\0", chunks)
    for at in range(len(found.payload)):
        for bit in (1, 128):
            changed = bytearray(found.payload)
            changed[at] ^= bit
            decodes(found.parameters, bytes(changed), chunks)  # either way, nothing but DamagedError


@pytest.mark.parametrize(
    "parameters",
    [
        bytes((0, 2, 1, 2)),
        bytes((99, 2, 1, 2)),
        bytes((SampleFormat.S32LE, 2, 1, 2)),
        bytes((SampleFormat.S16LE, 0, 1, 2)),
        bytes((SampleFormat.S16LE, 9, 1, 2)),
        b"",
    ],
)
def test_parameters_that_a_reader_refuses(parameters: bytes) -> None:
    found, chunks = one()
    assert not decodes(parameters, found.payload, chunks)


def test_gains_beyond_what_is_exact() -> None:
    most = 1 << 30
    found, chunks = one((most, 0))
    assert decodes(found.parameters, found.payload, chunks)
    found, chunks = one((most + 1, 0))
    assert not decodes(found.parameters, found.payload, chunks)


def test_samples_that_are_no_numbers() -> None:
    raw = struct.pack("<2f", 0.5, float("nan"))
    voice = Voice(Source(Layout(SampleFormat.F32LE, 1), (ChunkRef(sha256(raw), 8),), 0), (1 << 20,))
    found = encode([voice], Layout(SampleFormat.F32LE, 1), Reach(1, 2))
    assert not decodes(found.parameters, found.payload, {sha256(raw): raw}, 8)


def test_not_a_whole_number_of_frames() -> None:
    found, chunks = one()
    assert not decodes(found.parameters, found.payload, chunks, 161)
