"""Golden vectors: bytes that were published once and must be readable for ever.

What is fixed is decoding. Encoders may choose differently tomorrow (FLAC's own version writes itself into its
streams), so nothing here says what today's writer makes of the same sound, except where the format has one
encoding only: manifests and directories.
"""

import io
from pathlib import Path

import pytest

from beatflow.objects.ids import sha256
from beatflow.objects.layout import Layout, SampleFormat
from beatflow.objects.manifest import decode, encode
from beatflow.objects.pack import Codec, Kind, read_directory, read_trailer
from beatflow.objects.predictioncodec import decode as decode_prediction
from beatflow.objects.rendition import decode as decode_rendition
from beatflow.objects.store import AudioStore
from tests.objects.slowprediction import rebuild
from tests.objects.slowrendition import render
from tests.objects.test_prediction import slow_flac

NAME = "048a6b7b41b192cd886f9260911f22080ef9f5ed431c266e3e889983599d56ab"
OID = "efe97803c584f47655539d127d0dbcb761febd36ed00bc49713a921cba6b5516"
PACK = bytes.fromhex(
    """
    894246500d0a1a0a0100000007115d8642467201010000000400000004000000000000009cf6f3a79f2e6d33a3717ee8
    26353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d00000000c46a2dc668656164424672010102000000010000
    7b000000030002003ccb6f370e3a1c774e34d33b01e4f17849da46abe1eb150b48f356f2e345f8014b50a2d700000000
    1bcaecd2664c614300000022100010000000250000250bb802f000000040f47ea3cc99fefe4e109018cf2fa49d818400
    0028200000007265666572656e6365206c6962464c414320312e342e3320323032333036323300000000fff86a18003f
    38154000006400fffffffffffffffc500003ff6c00fffffffffffffffceea44246720101030000c00000007d00000009
    00010010aba506b0d58729d06b0953c5a71976edd6441e876e195e2ca6074c1aeb98fdb51abc7000000000c5ed7deb28
    b52ffd20c0a5030062c61722902b1d8f1f71420a19bfcfc92c95a08a3a96f13b43fdf942dc168eb22ec10e714f010f22
    a57460853289241108f47034cc582854e231b44018388200801b4de6988bc522c8aa0e6feae65aefda4ebfc6db4f97b7
    dcd573bd8ebe2edeba63070020148493702a81004480a101446028754246720101010000500000001300000000000000
    aabda1db3431807f0207c12d28a332ba9240f2db952e86e5ce1bccb4898a400ed92177df00000000bed6de0628b52ffd
    2050550000207461696c010039ea884246720102000000f0000000f000000000000000c1d42301efe97803c584f47655
    539d127d0dbcb761febd36ed00bc49713a921cba6b551600000000554501070100040004000000140200000000000000
    000000000000000400000000000000010000000103020044ac00000001000000000000010000000109010080bb0000c0
    000000000000000100000000000000000000005000000000000000010000009f2e6d33a3717ee826353a404ba4618d1a
    eeb6879ad7936bce8ed5f46814924d040000000e3a1c774e34d33b01e4f17849da46abe1eb150b48f356f2e345f8014b
    50a2d700010000b0d58729d06b0953c5a71976edd6441e876e195e2ca6074c1aeb98fdb51abc70c00000003431807f02
    07c12d28a332ba9240f2db952e86e5ce1bccb4898a400ed92177df50000000010e3a1c774e34d33b01e4f17849da46ab
    e1eb150b48f356f2e345f8014b50a2d7020000000100007b0000005400000000000000013431807f0207c12d28a332ba
    9240f2db952e86e5ce1bccb4898a400ed92177df0100005000000013000000cc01000000000000019f2e6d33a3717ee8
    26353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d0000000400000004000000100000000000000001b0d58729
    d06b0953c5a71976edd6441e876e195e2ca6074c1aeb98fdb51abc70030000c00000007d0000000f0100000000000002
    efe97803c584f47655539d127d0dbcb761febd36ed00bc49713a921cba6b5516000000f0000000f00000001f02000000
    0000004f030000000000007b04000000000000050000001b3e028300000000582445b9424650656e640d0a
    """
)
MANIFEST = bytes.fromhex(
    """
    0100040004000000140200000000000000000000000000000400000000000000010000000103020044ac000000010000
    00000000010000000109010080bb0000c000000000000000010000000000000000000000500000000000000001000000
    9f2e6d33a3717ee826353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d040000000e3a1c774e34d33b01e4f178
    49da46abe1eb150b48f356f2e345f8014b50a2d700010000b0d58729d06b0953c5a71976edd6441e876e195e2ca6074c
    1aeb98fdb51abc70c00000003431807f0207c12d28a332ba9240f2db952e86e5ce1bccb4898a400ed92177df50000000
    """
)
WHOLE = bytes.fromhex(
    """
    68656164000000006400dbffc800b6ff2c0191ff90016cfff40147ff580222ffbc02fdfe2003d8fe8403b3fee8038efe
    4c0469feb00444fe14051ffe7805fafddc05d5fd4006b0fda4068bfd080766fd6c0741fdd0071cfd3408f7fc9808d2fc
    fc08adfc600988fcc40963fc280a3efc8c0a19fcf00af4fb540bcffbb80baafb1c0c85fb800c60fbe40c3bfb480d16fb
    ac0df1fa100eccfa740ea7fad80e82fa3c0f5dfaa00f38fa041013fa6810eef9cc10c9f93011a4f994117ff9f8115af9
    5c1235f9c01210f92413ebf88813c6f8ec13a1f850147cf8b41457f8181532f87c150df8e015e8f74416c3f7a8169ef7
    0c1779f7701754f7d4172ff738180af79c18e5f600000000cdcccc3dcdcc4c3e9a99993ecdcccc3e0000003f9a99193f
    3333333fcdcc4c3f6666663f0000803fcdcc8c3f9a99993f6666a63f3333b33f0000c03fcdcccc3f9a99d93f6666e63f
    3333f33f0000004066660640cdcc0c40333313409a9919400000204066662640cdcc2c40333333409a99394000004040
    66664640cdcc4c40333353409a9959400000604066666640cdcc6c40333373409a997940000080403333834066668640
    9a998940cdcc8c400000904033339340666696407461696c7461696c7461696c7461696c7461696c7461696c7461696c
    7461696c7461696c7461696c7461696c7461696c7461696c7461696c7461696c7461696c7461696c7461696c7461696c
    7461696c
    """
)

# What chunks are predicted from, by arithmetic that nobody can misread: 40 frames of S16LE stereo, 50 of S24LE mono.
STEREO = b"".join(
    (n * n * 37 * (c + 1) % 20001 - 10000).to_bytes(2, "little", signed=True)
    for n in range(40)
    for c in (0, 1)
)
MONO = b"".join((n**3 * 7919 % 6000001 - 3000000).to_bytes(3, "little", signed=True) for n in range(50))
# Parameters and payload of codec 64, the raw length, and the id of what comes of them.
PREDICTIONS = {
    "nothing left": (
        "03020102",
        """
        0100d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac02950920870001010002000000030201000000
        000000000000a0000000280000000000000000000000000000ff000000000000010001000000000000ff00000000
        """,
        160,
        "3e6ed10259a8fe318a480e5583b42fb370178295c94f1577db1727463dd60df1",
    ),
    "ramp, lag, digits and an exception": (
        "03020102",
        """
        0100d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac02950920870101020004000000030201000000
        fdffffff0000a0000000190000000f000000000000000000feff5555550000004000000001000100feff555555000000
        40000100000000000500000000010100e0ff0100010001000500000000010100e0ff0101000000330000008403000028
        b52ffd20108100008da5ed460b185ed68d93de5ab3bf61ae
        """,
        160,
        "bf68a2efe9ba6b219c4adab95bfb3d7c3ee8f620b05493d136715f39051b3eb3",
    ),
    "mono to stereo, 24 to 16 bit, and bytes": (
        "03020102",
        """
        0200d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac0295092087db0428fca43f488ffdf477035638
        46bf89b7fbef8e1cddeffdcc126a666a56c60102010003000000030201000000000000000000a0000000050101000000
        070000000100960000002800000000000000010000000000800000000000000000010000000055555500000000000000
        01010000ffffccccccff00000000000200000014000000a50100003c0000006701000028b52ffd2050810200f831cc37
        e40f1f57af08b22f440ae6fccd1e3ede7f4c3dd3f05afb233e5647ade4360e47fef852fa1a4011d53e02022ec03a2134
        c837c8b4404144fb7fa71a283dd9cc193754c1fd47f210aa1f4c3b46
        """,
        160,
        "2a1a3e9a4374252455d88685f12aa3c90113a966672739ab0a48904022808c28",
    ),
    "16 to 24 bit, and FLAC": (
        "06020102",
        """
        0100d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac02950920870201010002000000030201000000
        000000000000a00000002800000000000000000000000000c0000000000000000100010000000000c00000000000664c
        614300000022100010000000440000440bb80370000000285e1afd925975a50a1b6e1bdcd366853d8400002820000000
        7265666572656e6365206c6962464c414320312e342e3320323032333036323300000000fff86aac0027311800000000
        45d80088e800c68201fd140d0741304615447110e66224382b24f1ffd5ad57e91a4c94246bf5bab342e6cacd7121984d
        e210000000005d01
        """,
        240,
        "bc2283257a158e5c92807c14cf593c10a837d8d83217e9960915c374deb61d4f",
    ),
}
# Parameters and payload of codec 65, the raw length, and the id of what comes of them.
RENDITIONS = {
    "clipped, 16 bit": (
        "03020102",
        """
        0200d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac0295092087db0428fca43f488ffdf477035638
        46bf89b7fbef8e1cddeffdcc126a666a56c602000000030201000000000000000000a000000000002000000018000501
        01000000fcffffff0100960000000000100061ae0a00
        """,
        176,
        "aa737d9c99d0628244833695447e95eb4592d8ce635705fe3a6d5442c2417519",
    ),
    "single precision": (
        "09020102",
        """
        0200d4f0519f06fc04b4272d9a0a2f540d7daeae2238b117153063ddac0295092087db0428fca43f488ffdf477035638
        46bf89b7fbef8e1cddeffdcc126a666a56c603000000030201000000000000000000a000000019760d00000000000501
        01000000fcffffff0100960000000100000000001000030202000000210000000000a00000000000a000000001001000
        0d000000
        """,
        400,
        "b6e1278a39a71af57da83ca588e1c6cd1c95f973799dfdc9e7df1f7bc9fc25fd",
    ),
    "24 bit, big-endian": (
        "06010102",
        """
        0100db0428fca43f488ffdf47703563846bf89b7fbef8e1cddeffdcc126a666a56c602000000050101000000fcffffff
        000096000000010008000501010000000900000000009600000000001000
        """,
        180,
        "5502f44bf24df072a133acebdb8cab9b0d01e26eff43dbfda61f0f7a1fbe5440",
    ),
}


def test_manifest() -> None:
    manifest = decode(MANIFEST)
    assert encode(manifest) == MANIFEST
    assert [region.layout for region in manifest.regions] == [
        None,
        Layout(SampleFormat.S16LE, 2, 44100),
        Layout(SampleFormat.F32LE, 1, 48000),
        None,
    ]
    assert [chunk.length for chunk in manifest.chunks] == [4, 256, 192, 80]


def test_directory() -> None:
    file = io.BytesIO(PACK)
    directory = read_directory(file, read_trailer(file, len(PACK)))
    by_place = sorted(directory, key=lambda entry: entry.offset)
    assert [(entry.kind, entry.codec, entry.raw_length) for entry in by_place] == [
        (Kind.CHUNK, Codec.NONE, 4),
        (Kind.CHUNK, Codec.FLAC, 256),
        (Kind.CHUNK, Codec.PLANES, 192),
        (Kind.CHUNK, Codec.ZSTD, 80),
        (Kind.MANIFEST, Codec.NONE, len(MANIFEST)),
    ]


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions(name: str) -> None:
    parameters, payload, length, id = PREDICTIONS[name]
    chunks = {sha256(raw): raw for raw in (STEREO, MONO)}
    asked = bytes.fromhex(parameters), bytes.fromhex(payload), length
    raw = decode_prediction(*asked, lambda ref: chunks[ref.id])
    assert len(raw) == length
    assert sha256(raw).hex() == id
    assert rebuild(*asked, chunks, slow_flac) == raw


@pytest.mark.parametrize("name", RENDITIONS)
def test_renditions(name: str) -> None:
    parameters, payload, length, id = RENDITIONS[name]
    chunks = {sha256(raw): raw for raw in (STEREO, MONO)}
    asked = bytes.fromhex(parameters), bytes.fromhex(payload), length
    raw = decode_rendition(*asked, lambda ref: chunks[ref.id])
    assert sha256(raw).hex() == id
    assert render(*asked, chunks) == raw


def test_a_store_written_long_ago(tmp_path: Path) -> None:
    for name in ("packs", "tmp", "quarantine"):
        (tmp_path / name).mkdir()
    (tmp_path / "format").write_bytes(b"beatflow audio store 1\n")
    (tmp_path / "packs" / f"{NAME}.pack").write_bytes(PACK)
    store = AudioStore(tmp_path)
    assert list(store.check(data=True)) == []
    assert store.read(OID) == WHOLE
