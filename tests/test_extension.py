"""Continuing a piece: what is there stays, bit for bit, in every format; what follows fits."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.table import Choice
from beatflow.delivery import Handover, Place, digest
from beatflow.errors import AudioError, ConflictError, UsageError
from beatflow.making.extension import compose_extension, extend_file, write_extension
from beatflow.making.original import Original
from beatflow.making.request import Request
from beatflow.objects.git.value import Signature
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.splice.pcm import PcmFile, decode_rows
from beatflow.sound.writing import write_audio
from tests.toys import ToyDreamer

DREAM = Choice(ToyDreamer(), "test")


def noise(seconds: float, sample_rate: int, channels: int) -> Audio:
    """Something to continue."""
    frames = round(seconds * sample_rate)
    samples = np.random.default_rng(3).uniform(-0.4, 0.4, (frames, channels))
    return Audio(samples.astype(np.float32), sample_rate)


def values(path: Path) -> np.ndarray:
    """Every sample as the number that it is."""
    with PcmFile(path.open("rb"), path.name) as file:
        return decode_rows(file.read(0, file.frames), file.layout)


@pytest.mark.parametrize(
    ("name", "subtype", "sample_rate", "channels"),
    [
        ("a.wav", "PCM_U8", 8000, 1), ("a.wav", "PCM_16", 44_100, 2), ("a.wav", "PCM_24", 48_000, 2),
        ("a.wav", "PCM_32", 96_000, 1), ("a.wav", "FLOAT", 44_100, 2), ("a.wav", "DOUBLE", 48_000, 6),
        ("a.aiff", "PCM_24", 44_100, 2), ("a.flac", "PCM_16", 22_050, 2), ("a.flac", "PCM_24", 48_000, 6),
    ],
)  # fmt: skip
def test_every_sample_stays(name: str, subtype: str, sample_rate: int, channels: int, tmp_path: Path) -> None:
    path = tmp_path / name
    write_audio(path, noise(0.7, sample_rate, channels), subtype)
    handover = Handover(tmp_path, place=Place(tmp_path, "b.wav"))
    done = extend_file(path, name, DREAM, Request("on", 7, duration_s=1.0), handover)
    before, after = values(path), values(tmp_path / "b.wav")
    info = read_info(tmp_path / "b.wav")
    assert np.array_equal(after[: len(before)], before)
    assert (info.subtype, info.sample_rate, info.channels) == (subtype, sample_rate, channels)
    assert (done.added_frames, done.frames) == (sample_rate, len(after))
    old, new = (np.sqrt(np.mean(part**2)) for part in (before, after[len(before) :]))
    # Twice the level of the engine's part: it gave half. In 8 bits offset binary is no matter.
    assert 20 * np.log10(new / old) == pytest.approx(0, abs=1.5)


def test_32_bits_that_no_float32_holds_stay(tmp_path: Path) -> None:
    raw = np.random.default_rng(1).integers(-(2**30), 2**30, 24_000, dtype=np.int32).tobytes()
    (tmp_path / "raw").write_bytes(raw)
    command = "sox -t raw -r 48000 -e signed -b 32 -c 1 raw -t aiff a.aiff"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    extend_file(
        tmp_path / "a.aiff", "a", DREAM, Request("", 7), Handover(tmp_path, place=Place(tmp_path, "b.wav"))
    )
    assert values(tmp_path / "b.wav")[:24_000].astype(np.int32).tobytes() == raw


def test_lossy_sources_and_results(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.ogg", noise(1.0, 44_100, 2))
    request = Request("", 7, duration_s=1.0)
    for name, subtype in (("b.wav", "FLOAT"), ("b.mp3", "MPEG_LAYER_III")):
        done = extend_file(
            tmp_path / "a.ogg", "a.ogg", DREAM, request, Handover(tmp_path, place=Place(tmp_path, name))
        )
        info = read_info(tmp_path / name)
        assert (info.subtype, info.frames) == (subtype, done.frames)
    assert np.array_equal(
        read_audio(tmp_path / "b.wav").samples[:44_100], read_audio(tmp_path / "a.ogg").samples
    )
    handover = Handover(tmp_path, place=Place(tmp_path, "b.flac"))
    with pytest.raises(AudioError, match="FLAC cannot hold FLOAT"):
        extend_file(tmp_path / "a.ogg", "a.ogg", DREAM, request, handover)
    assert not (tmp_path / "b.flac").exists()


def test_a_tenth_of_a_second_at_8_khz(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, noise(0.1, 8000, 1))
    done = extend_file(
        path,
        "a.wav",
        DREAM,
        Request("", 7, duration_s=2.0),
        Handover(tmp_path, place=Place(tmp_path, "b.wav")),
    )
    assert (done.frames, done.added_s) == (16_800, 2.0)


def test_only_the_last_minute_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    audio = Audio(np.zeros((8000 * 61, 1), np.float32), 8000)
    audio.samples[8000] = 0.5
    write_audio(path, audio)
    with Original(path, "a.wav") as original:
        end = original.read_end()
        assert end.frames == 8000 * 60
        assert end.samples[0] == 0.5
        assert sum(block.frames for block in original.blocks()) == 8000 * 61


def test_bars(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, noise(1.0, 8000, 1))
    place = Handover(tmp_path, place=Place(tmp_path, "b.wav"), force=True)
    done = extend_file(path, "a.wav", DREAM, Request("", 7, tempo=120.0, bars=2), place)
    assert done.added_s == 4.0
    done = extend_file(path, "a.wav", DREAM, Request("", 7, tempo=120.0, bars=2, meter="6/8"), place)
    assert done.added_s == 3.0
    with pytest.raises(UsageError, match="no steady beat to count 2 bars by"):
        extend_file(path, "a.wav", DREAM, Request("", 7, bars=2), place)


def test_in_a_track_with_its_record(tmp_path: Path) -> None:
    root = tmp_path / "track"
    root.mkdir()
    track = Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))
    write_audio(root / "a.wav", noise(1.0, 8000, 1))
    handover = Handover(root, track, Place(root, "b.wav"))
    seen: list[float] = []
    done = extend_file(
        root / "a.wav",
        "a.wav",
        DREAM,
        Request("on", 7, duration_s=1.0),
        handover,
        lambda part, _: seen.append(part),
    )
    assert seen == [0.475, 1.0]
    assert done.sound is not None
    record = find_record(track, done.sound.oid)
    assert record is not None
    assert record["kind"] == "extend"
    assert record["inputs"] == [{"path": "a.wav", "oid": digest(root / "a.wav")}]
    assert record["asked"]["duration_s"] == 1.0
    seam = record["parameters"]["seam"]
    assert (seam["at_frame"], seam["lead_s"], seam["context_s"]) == (8000, 0.5, 1.0)
    assert record["weight_digests"] == {"model.safetensors": "ab" * 32}
    assert record["licence"] == "CC-BY-NC-4.0"
    with pytest.raises(ConflictError):
        extend_file(
            root / "a.wav", "a.wav", DREAM, Request("on"), Handover(tmp_path, place=Place(root, "a.wav"))
        )


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, noise(1.0, 44_100, 2), "PCM_24")
    results = []
    for _ in range(2):
        out = io.BytesIO()
        with Original(path, "a.wav") as original:
            request = Request("on", 7, duration_s=1.0)
            write_extension(original, compose_extension(original, DREAM, request, "00"), out)
        results.append(out.getvalue())
    assert results[0] == results[1]
    assert read_info(io.BytesIO(results[0])).frames == 88_200


@pytest.mark.parametrize(("data", "said"), [(b"", "is empty"), (b"hello", "not sound"), (None, "no samples")])
def test_what_is_no_sound(data: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    if data is None:
        write_audio(path, Audio(np.zeros((0, 1), np.float32), 8000))
    else:
        path.write_bytes(data)
    with pytest.raises(AudioError, match=said):
        extend_file(path, "a.wav", DREAM, Request(""), Handover(tmp_path, place=Place(tmp_path, "b.wav")))
    assert [item.name for item in tmp_path.iterdir()] == ["a.wav"]
