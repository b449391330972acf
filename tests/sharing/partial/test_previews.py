"""Previews: made, sent, fetched, and never believed further than they can be."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beatflow.errors import AudioError, NotFoundError
from beatflow.objects.git.value import Signature
from beatflow.places.disk import DiskPlace
from beatflow.repository import Repository
from beatflow.sharing.partial.previews import Preview, find_preview, find_small_copy, make_preview
from beatflow.sharing.partial.shelf import PlaceShelf, TrackShelf
from beatflow.sound.proxy import write_proxy
from tests.conftest import Bf
from tests.sharing.partial.studio import Studio
from tests.world import tone, wav_bytes


def open_track(bf: Bf) -> Repository:
    return Repository(bf.directory, lambda: Signature("Ada", "ada@example.com", 0, 0))


def find_oid(bf: Bf, path: str) -> str:
    return next(str(row["oid"]) for row in bf.ok("ls", "--json").json["files"] if row["path"] == path)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_small_copy_is_small_and_sounds_alike(channels: int) -> None:
    stereo = tone(3.0, 440)
    samples = np.repeat(stereo[:, :1], channels, axis=1)
    data = wav_bytes(samples)
    first, second = io.BytesIO(), io.BytesIO()
    measured = write_proxy(io.BytesIO(data), first, "it")
    write_proxy(io.BytesIO(data), second, "it")
    assert first.getvalue() == second.getvalue()
    assert len(first.getvalue()) < len(data) / 6
    assert (measured.info.frames, measured.info.channels) == (len(samples), channels)
    first.seek(0)
    heard, rate = soundfile.read(first, always_2d=True)
    assert rate == 48_000
    assert heard.shape[1] == min(channels, 2)
    assert abs(len(heard) / rate - 3.0) < 0.1
    level = np.sqrt(np.mean(heard**2)) / np.sqrt(np.mean((samples / 32768.0) ** 2))
    assert 0.8 < level < 1.2


@pytest.mark.parametrize("data", [wav_bytes(tone(0.0)), b"RIFF\0\0\0\0WAVE", b"no sound at all"])
def test_what_is_no_sound_has_no_small_copy(data: bytes) -> None:
    with pytest.raises(AudioError):
        write_proxy(io.BytesIO(data), io.BytesIO(), "it")


def test_previews_travel(studio: Studio) -> None:
    studio.bf.ok("push", "--previews")
    assert len(list((studio.depot / "previews").glob("*.opus"))) == 10
    bf = studio.clone("--preview")
    track = open_track(bf)
    oid = find_oid(bf, "mix.wav")
    preview = find_preview(track, oid)
    assert preview is not None
    assert preview.info.duration_s == pytest.approx(0.5)
    assert find_small_copy(track, oid) is not None
    entries = bf.ok("log", "--json").json["commits"]
    assert all(entry["loudness_lufs"] is not None for entry in entries)
    assert bf.ok("show", "HEAD:mix.wav", "--json").json["duration_s"] == pytest.approx(0.5)
    assert bf.ok("cat", "--preview", "HEAD:mix.wav").out_bytes.startswith(b"OggS")
    # None of it brought the sound itself.
    assert bf.ok("check", "--json").json["elsewhere"] == 10


def test_a_fetch_brings_the_previews_of_what_is_new(studio: Studio) -> None:
    studio.bf.ok("push", "--previews")
    bf = studio.clone("--preview")
    (studio.bf.directory / "mix.wav").write_bytes(wav_bytes(tone(0.4, 900)))
    studio.bf.ok("commit", "-m", "new mix")
    studio.bf.ok("push", "--previews")
    bf.ok("pull")
    assert find_preview(open_track(bf), find_oid(bf, "mix.wav")) is not None


def test_without_previews_the_sound_is_made_one_of(studio: Studio) -> None:
    bf = studio.clone("--no-audio")
    assert "not here" in bf.ok("show", "HEAD:mix.wav").stdout
    assert bf.ok("cat", "--preview", "HEAD:mix.wav").out_bytes.startswith(b"OggS")
    assert bf.ok("check", "--json").json["elsewhere"] == 9


def test_a_text_has_no_preview(studio: Studio) -> None:
    assert "is no sound" in studio.bf.fails(2, "cat", "--preview", "HEAD:track.toml")


def test_a_damaged_preview_is_passed_over(studio: Studio) -> None:
    studio.bf.ok("push", "--previews")
    oid = find_oid(studio.bf, "mix.wav")
    copy = studio.depot / "previews" / f"{oid}.opus"
    copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    bf = studio.clone("--preview")
    assert find_preview(open_track(bf), oid) is None
    assert find_preview(open_track(bf), find_oid(bf, "stems/bass.wav")) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"oid": "0" * 64},
        {"version": 9},
        {"size": -1},
        {"frames": 0},
        {"sample_rate": 1e400},
        {"loudness_lufs": float("nan")},
        {"silhouette": {"peaks": "00" * 9999, "levels": "00" * 9999, "duration_s": 1.0}},
        {"silhouette": None},
    ],
)
def test_a_card_that_makes_no_sense_is_none(studio: Studio, change: dict[str, object]) -> None:
    track = open_track(studio.bf)
    oid = find_oid(studio.bf, "mix.wav")
    card = json.loads(make_preview(track, oid).encode())
    assert Preview.decode(json.dumps(card).encode(), oid).encode() == find_preview(track, oid).encode()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"."):
        Preview.decode(json.dumps(card | change).encode(), oid)


def test_a_track_makes_previews_for_others(studio: Studio, tmp_path: Path) -> None:
    bf = studio.bf
    bf.ok("clone", bf.directory, studio.folder / "near", "--preview")
    near = Bf(studio.folder / "near", now=bf.now)
    assert find_small_copy(open_track(near), find_oid(near, "mix.wav")) is not None
    shelf = TrackShelf(open_track(near))
    oid = find_oid(near, "mix.wav")
    assert oid in shelf.list_previews()
    shelf.fetch_preview(oid, tmp_path)
    assert (tmp_path / f"{oid}.opus").read_bytes().startswith(b"OggS")


def test_a_place_keeps_no_more_than_a_preview_can_be(tmp_path: Path) -> None:
    (tmp_path / "previews").mkdir()
    place = DiskPlace(tmp_path)
    shelf = PlaceShelf(place)
    oid = "a" * 64
    (tmp_path / f"previews/{oid}.json").write_bytes(bytes(100_000))
    (tmp_path / "previews/other.json").write_bytes(b"{}")
    assert shelf.list_previews() == {oid}
    with pytest.raises(NotFoundError):
        shelf.fetch_preview(oid, tmp_path)
