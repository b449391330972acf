"""A remote whose disk has rotted: found by `bf check --remote`, mended by `bf push --verify` from whoever is whole."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.objects.damage import flip
from tests.world import write_tone


@pytest.fixture
def song(bf: Bf) -> Bf:
    """A track of two versions of a sound, pushed to a stick."""
    bf.ok("init")
    for hz in (110, 220):
        write_tone(bf.directory / "bass.wav", hz=hz)
        bf.ok("commit", "-m", f"{hz} Hz")
    bf.ok("remote", "add", "stick", bf.directory.parent / "stick")
    bf.ok("push", "stick")
    return bf


@pytest.fixture
def pack(song: Bf) -> Path:
    """The only pack of sound on the stick."""
    (pack,) = (song.directory.parent / "stick" / "audio").iterdir()
    pack.chmod(0o644)
    return pack


def clone(bf: Bf) -> Bf:
    folder = bf.directory.parent / "clone"
    bf.ok("clone", bf.directory.parent / "stick", folder)
    return Bf(folder, bf.environment, bf.now)


@pytest.mark.parametrize("at", [100, -10], ids=["a record", "the directory"])
def test_a_rotten_stick_is_mended_from_here(song: Bf, pack: Path, at: int) -> None:
    flip(pack, at)
    found = song("check", "--remote", "stick", "--data")
    assert found.code == 7
    assert "bass.wav: in commit" in found.stdout
    assert "missing or damaged at stick" in found.stdout
    assert "bf push --verify" in found.stderr
    document = song("check", "--remote", "stick", "--data", "--json").json
    assert {problem["kind"] for problem in document["problems"]} == {"remote"}

    would = song.ok("push", "stick", "--verify", "-n", "--json").json
    assert would["damaged"]
    assert len(list(pack.parent.iterdir())) == 1
    done = song.ok("push", "stick", "--verify", "--json").json
    assert (done["damaged"], done["lost"]) == (would["damaged"], [])
    assert (done["bytes"], done["sounds"]) == (would["bytes"], len(done["damaged"]))
    assert "0 sounds missing or damaged" in song.ok("push", "stick", "--verify").stderr
    assert song.ok("check", "--remote", "stick", "--data").stderr.startswith("no problem")
    assert clone(song).ok("check", "--data").code == 0


def test_only_whoever_has_a_sound_can_mend_it(song: Bf, pack: Path) -> None:
    copy = clone(song)
    song.ok("prune", "--remote", "stick")
    pack.write_bytes(pack.read_bytes()[:100])
    told = song("push", "stick", "--verify")
    assert told.code == 7
    assert "2 sounds missing or damaged at stick" in told.stderr
    assert "1 sound cannot be mended from here" in told.stderr
    assert copy("check", "--remote", "origin").code == 7
    copy.ok("push", "--verify")
    assert song.ok("check", "--remote", "stick", "--data").code == 0


def test_a_rotten_track_is_mended_there(song: Bf, tmp_path: Path) -> None:
    other = song.directory.parent / "other"
    song.ok("clone", song.directory, other)
    song.ok("remote", "add", "other", other)
    song.ok("push", "other")
    shutil.rmtree(other / ".beatflow/audio/packs")
    (other / ".beatflow/audio/packs").mkdir()
    there = Bf(other, song.environment, song.now)
    # What is missing there is brought; what is damaged is its own to mend.
    song.ok("push", "other", "--verify")
    assert there.ok("check", "--data").code == 0
    for pack in (other / ".beatflow/audio/packs").iterdir():
        pack.chmod(0o644)
        flip(pack, 100)
    told = song("push", "other", "--verify")
    assert told.code == 7
    assert f"hint: in {other}: bf check --repair --from {song.directory}" in told.stderr
    there.ok("check", "--repair", "--from", song.directory)
    assert "0 sounds missing or damaged" in song.ok("push", "other", "--verify").stderr
