"""``bf split`` as a person meets it, with the embedded separator."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.writing import write_audio
from tests.conftest import Bf


@pytest.fixture
def song(bf: Bf) -> Path:
    """A second of something, 24 bits, with a name from elsewhere."""
    path = bf.directory / "läuft.wav"
    time = np.arange(22050) / 22050
    tone = 0.4 * np.sin(2 * np.pi * 110 * time) + 0.2 * np.random.default_rng(0).uniform(-1, 1, len(time))
    write_audio(path, Audio(np.stack([tone, 0.5 * tone], 1).astype(np.float32), 22050), "PCM_24")
    return path


def test_splits_beside_the_user(bf: Bf, song: Path) -> None:
    result = bf.ok("split", song.name)
    assert result.stderr.startswith("engine dsp: embedded separator, the best one at hand")
    paths = [bf.directory / line for line in result.stdout.splitlines()]
    assert {path.parent.name for path in paths} == {"läuft-stems"}
    assert check_sum({path.stem: read_audio(path) for path in paths}, read_audio(song), "PCM_24") == 0
    assert {(read_info(path).subtype, read_info(path).sample_rate) for path in paths} == {("PCM_24", 22050)}
    assert "is there already\nhint: --force" in bf.fails(4, "split", song.name).split("\n", 1)[1]
    bf.ok("split", song.name, "--force")


def test_json(bf: Bf, song: Path) -> None:
    document = bf.ok("split", song.name, "-o", "s", "--engine", "dsp", "--json").json
    assert document["schema"] == "beatflow.split/1"
    assert (document["engine"], document["known"], document["mix"]) == ("dsp", False, "läuft.wav")
    assert document["stems"][0]["path"].startswith("s/")
    assert len(document["stems"][0]["oid"]) == 64


def test_true_stems_of_our_own_mix(bf: Bf) -> None:
    bf.ok("init")
    made = bf.ok("generate", "lofi", "--bpm", "120", "--bars", "1", "--seed", "7", "--json").json
    result = bf.ok("split", "mix.wav", "--json")
    assert "these are the stems that it was mixed from" in result.stderr
    assert result.json["known"] is True
    assert {(stem["name"], stem["oid"]) for stem in result.json["stems"]} == {
        (stem["name"], stem["oid"]) for stem in made["stems"]
    }
    assert bf.ok("split", "mix.wav", "--engine", "dsp", "--json", "-o", "estimated").json["known"] is False
    two = bf.ok("split", "mix.wav", "--two-stems", "drums", "-o", "two")
    assert "are known: without options bf split gives those" in two.stderr
    assert {line.rpartition("/")[2] for line in two.stdout.splitlines()} == {"drums.wav", "no_drums.wav"}
    bf.ok("undo")
    bf.ok("undo")
    assert not (bf.directory / "estimated").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused_at_once(value: float, bf: Bf) -> None:
    path = bf.directory / "bad.wav"
    write_audio(path, Audio(np.full((100_000, 2), 0.1, np.float32), 22050), "FLOAT")
    data = bytearray(path.read_bytes())
    data[-8 * 20_000 : -8 * 20_000 + 4] = np.float32(value).tobytes()
    path.write_bytes(data)
    said = bf.fails(1, "split", "bad.wav")
    assert "error: bad.wav holds samples that are not numbers (NaN or infinite), the first at 3.628 s" in said
    assert "hint: bounce it again, or make them silence: ffmpeg" in said
    assert said.split("error: ", 1)[1] == bf("analyze", "bad.wav").stderr.split("error: ", 1)[1]
    assert {entry.name for entry in bf.directory.iterdir()} == {"bad.wav"}


def test_a_mix_without_samples_is_refused(bf: Bf) -> None:
    write_audio(bf.directory / "short.wav", Audio(np.zeros((0, 2), np.float32), 22050))
    assert "error: short.wav holds no samples\nhint: " in bf.fails(1, "split", "short.wav")
    assert {entry.name for entry in bf.directory.iterdir()} == {"short.wav"}


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nono.wav"], 2, "nono.wav does not exist"),
        (["text.wav"], 1, "text.wav is"),
        (["empty.wav"], 1, "empty.wav is empty (0 bytes)\nhint: bounce it or download it again"),
        (["tuxt.wav"], 2, "tuxt.wav does not exist\nhint: did you mean text.wav?"),
        (["song.wav", "-o", "-"], 2, "stems are several files"),
        (["text.wav", "--engine", "nono"], 5, "no engine 'nono'"),
        (["text.wav", "--engine", "synth"], 5, "engine synth cannot separate"),
    ],
)
def test_bad_input(argv: list[str], code: int, said: str, bf: Bf) -> None:
    (bf.directory / "text.wav").write_text("hello world, this is text\n" * 20)
    (bf.directory / "empty.wav").touch()
    assert f"error: {said}" in bf.fails(code, "split", *argv)
    assert {path.name for path in bf.directory.iterdir()} == {"text.wav", "empty.wav"}
