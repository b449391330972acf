"""Finding the PCM in a file: what is found, and that no header, however wrong, ever loses a byte."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.objects.container import MAX_PCM_SPANS, Source, spans
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.split import pieces
from tests.objects import sounds

PCM = sounds.samples(sounds.music(6000), SampleFormat.S16LE)
STEREO = Layout(SampleFormat.S16LE, 2, 44100)


def pcm_of(data: bytes, block: int = 1 << 20) -> dict[Layout, bytes]:
    """Split a file; check that it comes back whole; return the PCM that was found."""
    stream = io.BytesIO(data)
    found = list(pieces(lambda count: stream.read(min(count, block))))
    assert b"".join(piece.data for piece in found) == data
    assert all(piece.data for piece in found)
    layouts = {piece.layout: b"" for piece in found if piece.layout}
    for layout, part in found:
        if layout:
            assert len(part) % layout.frame_bytes == 0
            layouts[layout] += part
    return layouts


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 12])
@pytest.mark.parametrize(
    "sample_format",
    [
        SampleFormat.U8,
        SampleFormat.S16LE,
        SampleFormat.S24LE,
        SampleFormat.S32LE,
        SampleFormat.F32LE,
        SampleFormat.F64LE,
    ],
)
def test_wav_of_every_width(sample_format: SampleFormat, channels: int) -> None:
    pcm = sounds.samples(sounds.music(5000, channels), sample_format)
    for rate in (8000, 192000):
        layout = Layout(sample_format, channels, rate)
        assert pcm_of(sounds.wav(pcm, sample_format, channels, rate)) == {layout: pcm}
        form = sounds.extensible(sample_format, channels, rate)
        assert pcm_of(sounds.wav(pcm, form=form)) == {layout: pcm}


@pytest.mark.parametrize("data", [sounds.rf64(PCM), sounds.rf64(PCM, magic=b"BW64"), sounds.w64(PCM)])
def test_long_wav_families(data: bytes) -> None:
    assert pcm_of(data) == {STEREO: PCM}


def test_big_endian_riff() -> None:
    pcm = sounds.samples(sounds.music(5000), SampleFormat.S24BE)
    body = sounds.chunk(b"fmt ", sounds.wave_format(SampleFormat.S24BE, order=">"), order=">")
    data = b"RIFX" + struct.pack(">I", 0) + b"WAVE" + body + sounds.chunk(b"data", pcm, order=">")
    assert pcm_of(data) == {Layout(SampleFormat.S24BE, 2, 44100): pcm}


@pytest.mark.parametrize(
    ("kind", "sample_format"),
    [
        (None, SampleFormat.S8),
        (None, SampleFormat.S16BE),
        (None, SampleFormat.S24BE),
        (None, SampleFormat.S32BE),
        (b"NONE", SampleFormat.S16BE),
        (b"sowt", SampleFormat.S16LE),
        (b"sowt", SampleFormat.S24LE),
        (b"in24", SampleFormat.S24BE),
        (b"fl32", SampleFormat.F32BE),
        (b"FL64", SampleFormat.F64BE),
        (b"raw ", SampleFormat.U8),
    ],
)
def test_aiff(kind: bytes | None, sample_format: SampleFormat) -> None:
    pcm = sounds.samples(sounds.music(5000), sample_format)
    layout = Layout(sample_format, 2, 44100)
    for offset in (0, 6):
        assert pcm_of(sounds.aiff(pcm, 8 * sample_format.width, kind, offset=offset)) == {layout: pcm}


@pytest.mark.parametrize("size", [None, -1])
@pytest.mark.parametrize("sample_format", [SampleFormat.S24LE, SampleFormat.S16BE, SampleFormat.F32LE])
def test_caf(sample_format: SampleFormat, size: int | None) -> None:
    pcm = sounds.samples(sounds.music(5000), sample_format)
    assert pcm_of(sounds.caf(pcm, sample_format, size=size)) == {Layout(sample_format, 2, 44100): pcm}


@pytest.mark.parametrize(
    "size", [0, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB, 3_000_000_000]
)
def test_sizes_of_files_written_into_a_pipe(size: int) -> None:
    assert pcm_of(sounds.wav(PCM, size=size)) == {STEREO: PCM}


def test_data_size_that_is_not_whole_frames() -> None:
    data = sounds.wav(PCM, size=len(PCM) - 3, after=b"")
    assert pcm_of(data) == {STEREO: PCM[:-4]}


def test_file_cut_off_anywhere() -> None:
    data = sounds.wav(PCM, after=sounds.chunk(b"LIST", b"INFO"))
    for end in [*range(60), *range(4000, len(data), 997), *range(len(data) - 20, len(data))]:
        found = pcm_of(data[:end])
        assert all(data[44:end].startswith(part) for part in found.values())


def test_several_data_chunks() -> None:
    other = sounds.samples(sounds.music(4000, seed=2), SampleFormat.S16LE)
    data = sounds.wav(PCM, after=sounds.chunk(b"junk", b"odd") + sounds.chunk(b"data", other))
    assert pcm_of(data) == {STEREO: PCM + other}


def test_odd_data_size_and_its_padding() -> None:
    pcm = sounds.samples(sounds.music(5001, 1), SampleFormat.U8)
    data = sounds.wav(pcm, SampleFormat.U8, 1, after=sounds.chunk(b"data", pcm))
    assert pcm_of(data) == {Layout(SampleFormat.U8, 1, 44100): pcm * 2}


def test_thousands_of_data_chunks_are_not_thousands_of_regions() -> None:
    data = sounds.wav(PCM[:4096], after=sounds.chunk(b"data", PCM[:4096]) * 1000)
    source = Source(io.BytesIO(data).read)
    found, buffer = 0, memoryview(bytearray(len(data)))
    for span in spans(source):
        found += span.layout is not None
        left = len(data) if span.length is None else span.length
        while left > 0 and (count := source.take_into(buffer[:left])):
            left -= count
    assert found <= 4 * MAX_PCM_SPANS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"R",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        sounds.wav(b""),
        sounds.wav(PCM[:400]),
        sounds.wav(PCM, form=sounds.wave_format(SampleFormat.S16LE, 0)),
        sounds.wav(PCM, form=b"\x11" + sounds.wave_format(SampleFormat.S16LE)[1:]),
        sounds.wav(PCM, form=b"\xfe\xff" + sounds.wave_format(SampleFormat.S16LE)[2:]),
        sounds.wav(PCM, form=b"short"),
        sounds.aiff(PCM, 16, b"ulaw"),
        sounds.aiff(PCM, 64),
        sounds.w64(PCM)[:16] + b"\x00" * 100,
        sounds.w64(PCM)[:56] + struct.pack("<q", -5) + sounds.w64(PCM)[64:],
        b"FORM\x00\x00\x00\x00AIFFCOMM\x00\x00\x00\x02xx" + sounds.chunk(b"SSND", PCM, order=">"),
        b"caff\x00\x01\x00\x00desc" + struct.pack(">q", 8) + bytes(8) + b"data" + struct.pack(">q", -1) + PCM,
        b"caff\x00\x01\x00\x00free" + struct.pack(">q", -1) + PCM,
        b"caff\x00\x01\x00\x00\xff\xff\xff\xff" + struct.pack(">q", 4) + PCM,
        b"fLaC" + PCM,
        b"OggS" + PCM,
        b"ID3\x04" + PCM,
    ],
)
def test_when_in_doubt_all_is_bytes(data: bytes) -> None:
    assert pcm_of(data) == {}


def test_blocks_of_any_size_give_the_same_pieces() -> None:
    data = sounds.wav(PCM, after=sounds.chunk(b"LIST", b"INFO"))
    assert pcm_of(data, block=7) == pcm_of(data, block=4096) == {STEREO: PCM}


HEADS = [
    sounds.wav(PCM),
    sounds.rf64(PCM),
    sounds.aiff(PCM, 16),
    sounds.w64(PCM),
    sounds.caf(PCM, SampleFormat.S16LE),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(HEADS),
    st.lists(st.tuples(st.integers(0, 160), st.binary(min_size=1, max_size=9)), max_size=4),
    st.integers(0, 30_000),
)
def test_no_lie_in_a_header_loses_a_byte(data: bytes, lies: list[tuple[int, bytes]], end: int) -> None:
    wrong = bytearray(data)
    for at, lie in lies:
        wrong[at : at + len(lie)] = lie
    pcm_of(bytes(wrong[:end]))


@given(st.binary(max_size=300))
def test_garbage(data: bytes) -> None:
    assert pcm_of(data) == {}
