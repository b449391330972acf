"""Tags, read by other people's readers; the sound must stay what it was."""

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path

import mutagen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.daw.tagging import flac, id3, ogg, riff
from beatflow.daw.tagging.comments import merge_comments, read_comments
from beatflow.daw.tagging.tags import Cue, Levels, Tags, format_key
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio
from beatflow.sound.wav import build_header, parse_wav
from beatflow.sound.writing import write_audio

RATE = 44_100
KINDS = ["wav", "float.wav", "flac", "mp3", "ogg", "opus"]
TAGS = Tags(
    title='Näch"t 夜',
    artist="Ada",
    album="First",
    date="2023-11-14",
    clock="22:13:20",
    comment="BeatFlow cccc first take",
    commit="c" * 40,
    oid="d" * 64,
    tempo=87.5,
    key="F#:min",
    time_reference=12_345,
    frames=RATE,
    cues=[Cue(0, "A"), Cue(22_050, "drums: bars 2–3 replaced")],
    levels=Levels(-14.02, 5.0, -1.0, None, -11.0),
)


def rate_of(kind: str) -> int:
    return 48_000 if kind == "opus" else RATE


def make(folder: Path, kind: str) -> Path:
    path = folder / f"plain.{kind}"
    samples = np.random.default_rng(0).normal(0, 0.1, (RATE, 2)).astype(np.float32)
    write_audio(path, Audio(samples, rate_of(kind)), "FLOAT" if kind == "float.wav" else "PCM_16")
    return path


def tag(source: Path, dest: Path, tags: Tags = TAGS) -> Path:
    kind = source.name.partition(".")[2]
    with source.open("rb") as file, dest.open("wb") as out:
        if kind.endswith("wav"):
            layout = parse_wav(file, source.name)
            assert layout
            riff.write_tagged(file, out, layout, tags)
        else:
            writer = {"flac": flac, "mp3": id3}.get(kind, ogg)
            writer.write_tagged(file, out, tags, rate_of(kind))  # type: ignore[attr-defined]
    return dest


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    plain = make(tmp_path, request.param)
    return plain, tag(plain, tmp_path / f"tagged.{request.param}")


def test_the_samples_stay(pair: tuple[Path, Path]) -> None:
    plain, tagged = (read_audio(path) for path in pair)
    assert np.array_equal(plain.samples, tagged.samples)


def test_tagging_again_changes_nothing(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, tagged = pair
    again = tag(tagged, tmp_path / f"again.{tagged.name.partition('.')[2]}")
    assert again.read_bytes() == tagged.read_bytes()


def test_new_tags_replace_old_ones(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, tagged = pair
    other = Tags("Other", "Bob", None, "2024-01-02", "00:00:00", "c", "e" * 40, "f" * 64)
    again = tag(tagged, tmp_path / f"again.{tagged.name.partition('.')[2]}", other)
    data = again.read_bytes()
    for gone in ("d" * 64, "replaced"):
        assert gone.encode() not in data
        assert gone.encode("utf-16-le") not in data


@pytest.mark.parametrize("kind", KINDS)
def test_mutagen_reads_them(kind: str, tmp_path: Path) -> None:
    file = mutagen.File(tag(make(tmp_path, kind), tmp_path / f"tagged.{kind}"))
    if kind.endswith("wav") or kind == "mp3":
        found = {name: str(frame) for name, frame in file.tags.items()}
        names = ("TIT2", "TPE1", "TALB", "TDRC", "TBPM", "TKEY", "TXXX:BEATFLOW_OID", "TXXX:TIME_REFERENCE")
    else:
        found = {name: value[0] for name, value in file.tags.items()}
        names = ("title", "artist", "album", "date", "bpm", "initialkey", "beatflow_oid", "time_reference")
    assert [found[name] for name in names] == [
        'Näch"t 夜', "Ada", "First", "2023-11-14", "87.5", "F#m", "d" * 64, "12345",
    ]  # fmt: skip
    assert file.info.length == pytest.approx(RATE / rate_of(kind), abs=0.06)


def test_mutagen_reads_the_chapters(tmp_path: Path) -> None:
    tags = mutagen.File(tag(make(tmp_path, "mp3"), tmp_path / "tagged.mp3")).tags
    assert tags["CTOC:toc"].child_element_ids == ["c0", "c1"]
    chapters = [tags[f"CHAP:c{number}"] for number in range(2)]
    assert [(row.start_time, row.end_time) for row in chapters] == [(0, 500), (500, 1000)]
    assert str(chapters[1].sub_frames["TIT2"]) == "drums: bars 2–3 replaced"


if shutil.which("ffprobe"):

    @pytest.mark.parametrize("kind", KINDS)
    def test_ffmpeg_reads_them(kind: str, tmp_path: Path) -> None:
        path = tag(make(tmp_path, kind), tmp_path / f"tagged.{kind}")
        command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json"]
        done = subprocess.run([*command, path], capture_output=True, check=True)
        assert done.stderr == b""
        document = json.loads(done.stdout)
        found = {**document["format"].get("tags", {}), **document["streams"][0].get("tags", {})}
        found = {name.lower(): value for name, value in found.items()}
        assert (found["title"], found["artist"], found["album"]) == ('Näch"t 夜', "Ada", "First")
        assert [row["tags"]["title"] for row in document["chapters"]] == ["A", "drums: bars 2–3 replaced"]
        if kind.endswith("wav"):
            assert found["time_reference"] == "12345"
            assert found["originator_reference"] == "d" * 32


# WAV -----------------------------------------------------------------------------------------------------


def chunks(data: bytes) -> dict[bytes, bytes]:
    result, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        result[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    assert at == len(data)
    return result


def tag_wav(data: bytes, tags: Tags = TAGS) -> bytes:
    file, out = io.BytesIO(data), io.BytesIO()
    layout = parse_wav(file, "x.wav")
    assert layout
    riff.write_tagged(file, out, layout, tags)
    return out.getvalue()


def test_bext_is_laid_out_as_the_standard_says(tmp_path: Path) -> None:
    data = tag_wav(make(tmp_path, "wav").read_bytes())
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert list(chunks(data))[:4] == [b"JUNK", b"bext", b"fmt ", b"data"]
    bext = chunks(data)[b"bext"]
    assert bext[256:264] == b"BeatFlow"
    assert bext[320:338] == b"2023-11-1422:13:20"
    assert struct.unpack_from("<QH", bext, 338) == (12_345, 2)
    # Unknown is 0x7FFF.
    assert struct.unpack_from("<5h", bext, 412) == (-1402, 500, -100, 0x7FFF, -1100)
    assert bext[602:].startswith(b"A=PCM,F=44100,W=16,M=stereo,T=BeatFlow\r\n")
    assert bext[:256].startswith(b'N?ch"t ?')


def test_cues_name_their_frames(tmp_path: Path) -> None:
    cue = chunks(tag_wav(make(tmp_path, "wav").read_bytes()))[b"cue "]
    assert struct.unpack_from("<I", cue)[0] == 2
    assert [struct.unpack_from("<II", cue, 4 + 24 * n) for n in range(2)] == [(1, 0), (2, 22_050)]


def test_other_chunks_stay() -> None:
    pcm = bytes(range(9)) * 2
    header = build_header(8000, 1, "PCM_24", None).partition(b"data")[0]
    body = header[12:] + struct.pack("<4sI", b"acid", 3) + b"abc\0"
    body += struct.pack("<4sI", b"data", len(pcm)) + pcm
    body += struct.pack("<4sI", b"smpl", 2) + b"xy" + struct.pack("<4sI", b"LIST", 8) + b"INFOold!"
    data = tag_wav(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    found = chunks(data)
    assert (found[b"acid"], found[b"smpl"], found[b"data"]) == (b"abc", b"xy", pcm)
    assert b"old!" not in data
    assert list(found).index(b"smpl") > list(found).index(b"data")


def wav_with(*chunks: tuple[bytes, bytes], first: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A WAV file of 100 frames with chunks before its format and behind its samples."""
    plain = build_header(8000, 1, "PCM_16", 100)[12:] + bytes(200)
    before, after = (
        b"".join(struct.pack("<4sI", name, len(body)) + body + bytes(len(body) & 1) for name, body in some)
        for some in (first, chunks)
    )
    body = b"WAVE" + before + plain + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_names_of_frames_by_somebody_else_stay() -> None:
    labels = b"adtl" + struct.pack("<4sII", b"labl", 9, 7) + b"hook\0\0"
    theirs = (b"cue ", struct.pack("<III4sIII", 1, 7, 30, b"data", 0, 0, 30)), (b"LIST", labels)
    plain = Tags("t", "a", None, "2023-11-14", "22:13:20", "", "c", "o")
    found = chunks(tag_wav(wav_with(*theirs), plain))
    assert found[b"cue "] == theirs[0][1]
    tagged = tag_wav(wav_with(*theirs))
    cue = chunks(tagged)[b"cue "]
    assert [struct.unpack_from("<II", cue, 4 + 24 * n) for n in range(3)] == [(7, 30), (8, 0), (9, 22_050)]
    assert tagged.count(b"hook\0") == 1
    # What an export wrote is replaced by the next one.
    assert b"hook" not in tag_wav(tagged, plain)
    assert b"cue " not in chunks(tag_wav(tagged, plain))
    full = (b"cue ", struct.pack("<III4sIII", 1, 0xFFFFFFFF, 30, b"data", 0, 0, 30))
    assert chunks(tag_wav(wav_with(full)))[b"cue "] == full[1]


def test_texts_and_pictures_by_somebody_else_stay() -> None:
    info = b"INFO" + struct.pack("<4sI", b"IGNR", 4) + b"Dub\0" + struct.pack("<4sI", b"INAM", 4) + b"old\0"
    former = mutagen.id3.ID3()
    former.add(mutagen.id3.APIC(3, "image/png", 3, "", b"x" * 300))
    former.add(mutagen.id3.COMM(3, "eng", "iTunNORM", ["0000"]))
    former.add(mutagen.id3.COMM(3, "eng", "", ["old"]))
    former.save(tag_file := io.BytesIO(), v2_version=3)
    bext = bytes(602) + b"A=ANALOGUE\r\n\0\0"
    data = tag_wav(wav_with((b"LIST", info), (b"id3 ", tag_file.getvalue()), first=((b"bext", bext),)))
    found = chunks(data)
    assert b"IGNR\4\0\0\0Dub\0" in data
    assert b"old" not in data
    assert found[b"bext"][602:].startswith(b"A=ANALOGUE\r\nA=PCM,F=8000")
    tags = mutagen.wave.WAVE(io.BytesIO(data)).tags
    assert (tags["APIC:"].data, tags["COMM:iTunNORM:eng"].text) == (b"x" * 300, ["0000"])
    assert tags["COMM::eng"].text == ["BeatFlow cccc first take"]


def test_the_description_of_the_samples_is_found_behind_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riff, "_MAX_KEPT", 1000)
    data = tag_wav(wav_with(first=((b"junq", bytes(990)), (b"huge", bytes(2000)))))
    assert chunks(data)[b"data"] == bytes(200)
    assert b"huge" not in chunks(data)


def test_an_odd_number_of_bytes_is_padded() -> None:
    data = tag_wav(build_header(8000, 1, "PCM_U8", 3) + b"abc\0")
    assert chunks(data)[b"data"] == b"abc"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8


def test_a_stream_without_length_gets_one() -> None:
    data = tag_wav(build_header(8000, 1, "PCM_16", None) + bytes(100))
    assert len(chunks(data)[b"data"]) == 100


def test_a_file_beyond_4_gib_becomes_rf64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riff, "_UNKNOWN_SIZE", 1000)
    plain = build_header(8000, 1, "PCM_16", 500) + bytes(1000)
    data = tag_wav(plain)
    assert data[:4] == b"RF64"
    assert data[12:16] == b"ds64"
    assert struct.unpack_from("<QQQ", data, 20) == (len(data) - 8, 1000, 500)


def test_without_cues_there_is_no_chunk_for_them(tmp_path: Path) -> None:
    plain = Tags("t", "a", None, "2023-11-14", "22:13:20", "", "c", "o", levels=Levels())
    found = chunks(tag_wav(make(tmp_path, "wav").read_bytes(), plain))
    assert b"cue " not in found
    assert struct.unpack_from("<5h", found[b"bext"], 412) == (0x7FFF,) * 5


# FLAC, MP3, Ogg ------------------------------------------------------------------------------------------


def test_pictures_and_other_comments_of_a_flac_stay(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    file = mutagen.File(path)
    picture = mutagen.flac.Picture()
    picture.data, picture.type = b"not really a picture", 3
    file.add_picture(picture)
    file["LABEL"] = "Ours"
    file["TITLE"] = "old"
    file.save()
    file = mutagen.File(tag(path, tmp_path / "tagged.flac"))
    assert file.pictures[0].data == b"not really a picture"
    assert (file["label"], file["title"]) == (["Ours"], ['Näch"t 夜'])


@pytest.mark.parametrize("version", [3, 4])
def test_pictures_and_other_frames_of_an_mp3_stay(version: int, tmp_path: Path) -> None:
    path = make(tmp_path, "mp3")
    file = mutagen.File(path)
    file.add_tags()
    file.tags.add(mutagen.id3.APIC(3, "image/png", 3, "", b"x" * 300))
    file.tags.add(mutagen.id3.TPUB(3, ["Ours"]))
    file.tags.add(mutagen.id3.TIT2(3, ["old"]))
    file.save(v1=2, v2_version=version)
    assert path.read_bytes()[-128:-125] == b"TAG"
    tagged = tag(path, tmp_path / "tagged.mp3")
    assert tagged.read_bytes()[3] == version
    assert tagged.read_bytes()[-128:-125] != b"TAG"
    tags = mutagen.File(tagged).tags
    assert (str(tags["TPUB"]), str(tags["TIT2"])) == ("Ours", 'Näch"t 夜')
    assert tags["APIC:"].data == b"x" * 300
    assert str(tags["TDRC"]) == "2023-11-14"


def test_a_tag_that_cannot_be_read_goes(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3")
    sound = path.read_bytes()
    for head in (b"ID3\x02\0\0\0\0\0\x0a", b"ID3\x03\0\x80\0\0\0\x0a", b"ID3\x03\0\0\0\0\0\x0a"):
        path.write_bytes(head + b"TIT9\x7f\xff\xff\xff\0\0" + sound)
        tagged = tag(path, tmp_path / "tagged.mp3").read_bytes()
        assert b"TIT9" not in tagged
        assert tagged.endswith(sound)


def test_chapters_and_albums_without_an_heir_stay(tmp_path: Path) -> None:
    plain = Tags("t", "a", None, "2023-11-14", "22:13:20", "", "c", "o")
    song = mutagen.File(path := make(tmp_path, "mp3"))
    song.add_tags()
    song.tags.add(mutagen.id3.TALB(3, ["Theirs"]))
    song.tags.add(mutagen.id3.CHAP("x", 0, 500, sub_frames=[mutagen.id3.TIT2(3, ["verse"])]))
    song.save(v2_version=3)
    tags = mutagen.File(tag(path, tmp_path / "tagged.mp3", plain)).tags
    assert (str(tags["TALB"]), str(tags["CHAP:x"].sub_frames["TIT2"])) == ("Theirs", "verse")
    assert "CHAP:x" not in mutagen.File(tag(path, tmp_path / "tagged.mp3")).tags
    for kind in ("flac", "ogg"):
        song = mutagen.File(path := make(tmp_path, kind))
        song["CHAPTER000"], song["CHAPTER000NAME"], song["ALBUM"] = "00:00:00.500", "verse", "Theirs"
        song.save()
        found = mutagen.File(tag(path, tmp_path / f"tagged.{kind}", plain))
        assert (found["chapter000name"], found["album"]) == (["verse"], ["Theirs"])
        found = mutagen.File(tag(path, tmp_path / f"tagged.{kind}"))
        assert (found["chapter000name"], found["album"]) == (["A"], ["First"])


def test_a_flac_whose_comments_fill_their_block_gets_ours_alone() -> None:
    head = b"fLaC" + bytes((0, 0, 0, 34)) + bytes(34)
    comment = merge_comments(b"", TAGS, RATE)
    vendor, entries = read_comments(comment)
    assert vendor
    long = struct.pack("<I", 1) + b"v" + struct.pack("<II", 1, (1 << 24) - 100) + b"x" * ((1 << 24) - 100)
    out = io.BytesIO()
    source = head + b"\x84" + len(long).to_bytes(3, "big") + long + b"sound"
    flac.write_tagged(io.BytesIO(source), out, TAGS, RATE)
    data = out.getvalue()
    assert data.endswith(b"sound")
    assert len(data) < 5000
    assert read_comments(data[46:])[1] == entries


def test_long_comments_take_several_ogg_pages(tmp_path: Path) -> None:
    path = make(tmp_path, "ogg")
    long = Tags("t" * 200_000, "a", None, "2023-11-14", "22:13:20", "x" * 255 * 300, "c", "o")
    tagged = tag(path, tmp_path / "tagged.ogg", long)
    assert mutagen.File(tagged)["title"] == ["t" * 200_000]
    assert np.array_equal(read_audio(path).samples, read_audio(tagged).samples)


@pytest.mark.parametrize(
    ("writer", "data"),
    [
        (flac, b"RIFF"),
        (flac, b"fLaC\x00\x00\x00\x22"),
        (ogg, b"fLaC"),
        (ogg, b"OggS"),
    ],
)
def test_what_is_no_such_file_is_refused(writer: object, data: bytes) -> None:
    with pytest.raises(AudioError):
        writer.write_tagged(io.BytesIO(data), io.BytesIO(), TAGS, RATE)  # type: ignore[attr-defined]


def test_an_ogg_that_breaks_off_in_its_head_is_refused(tmp_path: Path) -> None:
    data = make(tmp_path, "ogg").read_bytes()
    for size in (60, 100, 1000):
        with pytest.raises(AudioError):
            ogg.write_tagged(io.BytesIO(data[:size]), io.BytesIO(), TAGS, RATE)
    speex = data[:28] + b"Speex   " + data[36:]
    with pytest.raises(AudioError, match="neither Vorbis nor Opus"):
        ogg.write_tagged(io.BytesIO(speex), io.BytesIO(), TAGS, RATE)


@given(st.binary(max_size=200))
def test_comments_of_anybody_are_read_as_far_as_they_go(data: bytes) -> None:
    vendor, entries = read_comments(merge_comments(data, TAGS, RATE))
    assert vendor
    assert entries[0] == 'TITLE=Näch"t 夜'.encode()


def test_keys_are_written_as_taggers_do() -> None:
    assert [format_key(key) for key in ("A:min", "Bb:maj", "F#:min", None)] == ["Am", "Bb", "F#m", ""]
