"""What hostile bytes may do to each decoder: nothing but an error that is meant to be shown.

A target takes any bytes and raises when a promise is broken; `make_seeds` gives sound input for each, for a fuzzer to
change. The suite runs them briefly with hypothesis (``test_targets.py``), ``python -m tests.fuzz`` for as long as you
like with atheris.
"""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

from beatflow.errors import BeatFlowError
from beatflow.objects import manifest as manifests
from beatflow.objects import pack as packs
from beatflow.objects import packscan
from beatflow.objects.codec import decode, encode
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import MAX_CHUNK_BYTES, ChunkRef, Manifest, Region, build_manifest
from beatflow.objects.pack import Codec
from beatflow.objects.pointer import Pointer, decode_pointer, encode_pointer
from beatflow.objects.reading import open_chunk, open_manifest
from beatflow.objects.split import pieces
from tests.fuzz.arrivals import ARRIVALS, make_arrivals
from tests.objects import sounds

Target = Callable[[bytes], None]

_HEAD, _RECORD, _TRAILER = packs.PACK_HEAD_BYTES, packs.RECORD_HEAD_BYTES, 40
_LAYOUT = Layout(SampleFormat.S16LE, 2, 44100)
_PCM = sounds.samples(sounds.music(1500), SampleFormat.S16LE)


def container(data: bytes) -> None:
    """Whatever a header says, the pieces are the file, samples come in whole frames, and there are not too many."""
    stream = io.BytesIO(data)
    block = 1 + zlib.crc32(data) % 5000
    found = list(pieces(lambda count: stream.read(min(count, block))))
    assert b"".join(piece.data for piece in found) == data
    for piece in found:
        assert piece.data
        assert piece.layout is None or len(piece.data) % piece.layout.frame_bytes == 0
    assert len(found) < 1000 + len(data) // 1024


def manifest(data: bytes) -> None:
    """One manifest has one encoding."""
    with suppress(BeatFlowError):
        found = manifests.decode(data)
        assert manifests.encode(found) == data
        assert found.size == sum(ref.length for ref in found.chunks)


def pointer(data: bytes) -> None:
    """A pointer is what its own encoding reads as."""
    found = decode_pointer(data)
    if found is not None:
        assert len(found.oid) == 64
        assert decode_pointer(encode_pointer(found)) == found


def pack(data: bytes) -> None:
    """A pack with any bytes in it; the first byte says how many checksums are put right."""
    if not data:
        return
    sealed = seal(data[1:], data[0])
    file = io.BytesIO(sealed)
    scanned = list(packscan.scan(file, len(sealed)))
    assert len(scanned) <= len(sealed) // _RECORD
    directory = packs.make_directory(scanned)
    with suppress(BeatFlowError):
        directory = packs.read_directory(file, packs.read_trailer(file, len(sealed)))
        assert len(list(directory)) == len(directory)
    for entry in directory:
        directory.find(entry.kind, entry.id)
        with suppress(BeatFlowError):
            record = packs.read_record(file, entry)
            start = entry.offset + _RECORD
            assert record.payload == sealed[start : start + entry.stored_length]
            with suppress(BeatFlowError):
                assert all(len(id) == 32 for id in record.dependencies)
            if entry.kind == packs.Kind.MANIFEST:
                open_manifest(record)
            else:
                open_chunk(record, entry.raw_length)
    list(directory.between(1, bytes(32), b"\xff" * 32))


def seal(data: bytes, how: int) -> bytes:
    """Put checksums right, and with them the counts that they cover: bit 0 trailer and directory, 1 head, 2 records."""
    made = bytearray(data)
    if how & 4:
        at = _HEAD
        while 0 <= at <= len(made) - _RECORD and made[at : at + 4] == b"BFr\x01":
            (stored,) = struct.unpack_from("<I", made, at + 12)
            payload = made[at + _RECORD : at + _RECORD + stored]
            struct.pack_into("<I", made, at + 20, zlib.crc32(payload))
            struct.pack_into("<I", made, at + 60, zlib.crc32(made[at : at + 60]))
            at += _RECORD + stored
    if how & 2 and len(made) >= _HEAD:
        struct.pack_into("<I", made, 12, zlib.crc32(made[:12]))
    if how & 1 and len(made) >= _HEAD + _TRAILER:
        at = len(made) - _TRAILER
        (start,) = struct.unpack_from("<Q", made, at)
        start = min(max(start, _HEAD), at)
        start += (at - start) % packs.ENTRY_BYTES
        count = (at - start) // packs.ENTRY_BYTES
        struct.pack_into("<QQII", made, at, start, len(made), count, zlib.crc32(made[start:at]))
        struct.pack_into("<I", made, at + 28, zlib.crc32(made[at : at + 28]))
        made[at + 32 :] = b"BFPend\r\n"
    return bytes(made)


_PAYLOAD = struct.Struct("<B4sI")


def payload(data: bytes) -> None:
    """A codec gives as many bytes as the record says, or refuses; it never makes more than a chunk."""
    if len(data) < _PAYLOAD.size:
        return
    codec, parameters, length = _PAYLOAD.unpack_from(data)
    length %= MAX_CHUNK_BYTES + 1
    with suppress(BeatFlowError):
        assert len(decode(codec, parameters, data[_PAYLOAD.size :], length)) == length


def _pack_seed() -> bytes:
    """Return a pack of a chunk and its manifest, as its writer would make it."""
    chunk, file = encode(_PCM, _LAYOUT), build_manifest([(_LAYOUT, ChunkRef(bytes(32), len(_PCM)))])
    body = bytearray(packs._PACK_HEAD.pack(b"\x89BFP\r\n\x1a\n", 1, 0, 0))
    directory = b""
    for kind, codec, raw, stored in (
        (1, chunk.codec, len(_PCM), chunk.payload),
        (2, Codec.NONE, len(manifests.encode(file)), manifests.encode(file)),
    ):
        directory += packs._ENTRY.pack(kind, bytes(32), codec, 0, raw, len(stored), len(body))
        parameters = chunk.parameters if kind == 1 else bytes(4)
        body += packs._RECORD.pack(
            b"BFr\x01", kind, codec, 0, raw, len(stored), parameters, 0, bytes(32), 0, 0
        )
        body += stored
    start = len(body)
    return seal(bytes(body) + directory + struct.pack("<Q", start) + bytes(32), 7)


def _payload_seeds() -> list[bytes]:
    layouts = [
        (None, b"words " * 50),
        (_LAYOUT, _PCM),
        *(
            (Layout(form, channels), sounds.samples(sounds.music(300, channels), form))
            for form in (SampleFormat.U8, SampleFormat.S24BE, SampleFormat.S32LE, SampleFormat.F32LE)
            for channels in (1, 9)
        ),
    ]
    coded = [(encode(raw, layout), len(raw)) for layout, raw in layouts]
    return [_PAYLOAD.pack(item.codec, item.parameters, size) + item.payload for item, size in coded]


def _container_seeds() -> list[bytes]:
    tail = sounds.chunk(b"LIST", b"INFO" + sounds.chunk(b"LIST", b"INFO"))
    wide = sounds.samples(sounds.music(40, 64), SampleFormat.S16LE)
    return [
        sounds.wav(_PCM, after=tail),
        sounds.wav(_PCM, form=sounds.extensible(SampleFormat.S16LE)),
        sounds.wav(_PCM, size=0xFFFFFFFF),
        sounds.wav(wide, channels=64),
        sounds.wav(_PCM, form=struct.pack("<HHIIHH", 1, 0xFFFF, 44100, 0, 0xFFFE, 16)),
        sounds.wav(b""),
        sounds.rf64(_PCM),
        sounds.aiff(_PCM, 16),
        sounds.aiff(_PCM, 16, b"sowt", offset=6),
        sounds.caf(_PCM, SampleFormat.S16LE),
        sounds.caf(_PCM, SampleFormat.F32LE, size=-1),
        sounds.w64(_PCM),
    ]


def _manifest_seeds() -> list[bytes]:
    sound, words = ChunkRef(b"\x01" * 32, 4000), ChunkRef(b"\x02" * 32, 44)
    files = [Manifest(()), Manifest((Region(None, (words,)), Region(_LAYOUT, (sound, sound))))]
    return [manifests.encode(file) for file in files]


TARGETS: dict[str, Target] = {
    "container": container,
    "manifest": manifest,
    "pack": pack,
    "payload": payload,
    "pointer": pointer,
    **ARRIVALS,
}


def make_seeds() -> dict[str, list[bytes]]:
    """Return sound input for each target."""
    return {
        "container": _container_seeds(),
        "manifest": _manifest_seeds(),
        "pack": [bytes((how,)) + _pack_seed() for how in (0, 7)],
        "payload": _payload_seeds(),
        "pointer": [encode_pointer(Pointer("ab" * 32, size)) for size in (0, 2**63)],
        **make_arrivals(),
    }
