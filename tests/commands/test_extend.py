"""``bf extend`` as a person meets it, with a tiny MusicGen."""

import io
from pathlib import Path

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.note import Note
from beatflow.sound.writing import write_audio
from tests.ai.voices import Voice, sing
from tests.commands.test_generate import record_of, small_disk
from tests.conftest import Bf

ENGINE = ("--engine", "musicgen-small", "--seed", "3", "--duration", "1")


@pytest.fixture
def piece(bf: Bf) -> Path:
    """Two seconds, 24 bits, stereo, 44.1 kHz."""
    path = bf.directory / "piece.wav"
    sung = sing([Note(i * 0.5, 0.5, midi) for i, midi in enumerate((57, 60, 64, 62))], Voice())
    write_audio(path, Audio(np.repeat(sung.samples, 2, axis=1), sung.sample_rate), "PCM_24")
    return path


def test_what_is_there_stays_and_more_follows(neural: Bf, piece: Path) -> None:
    result = neural.ok("extend", "piece.wav", "brushes enter", *ENGINE)
    assert result.stdout == "piece-extended.wav\n"
    assert " + 1.0 s, " in result.stderr
    before, after = read_audio(piece), read_audio(neural.directory / "piece-extended.wav")
    assert np.array_equal(after.samples[: before.frames], before.samples)
    assert after.frames == before.frames + before.sample_rate
    assert after.samples[before.frames :].any()
    info = read_info(neural.directory / "piece-extended.wav")
    assert (info.subtype, info.sample_rate, info.channels) == ("PCM_24", before.sample_rate, 2)
    assert "piece-extended.wav is there already\nhint: --force" in neural.fails(
        4, "extend", "piece.wav", *ENGINE
    )


def test_in_a_track_it_can_be_undone_and_is_told(neural: Bf, piece: Path) -> None:
    neural.ok("init")
    neural.ok("commit", "-m", "first")
    document = neural.ok("extend", "piece.wav", "brushes", *ENGINE, "--commit", "--json").json
    assert document["schema"] == "beatflow.extend/1"
    assert document["sound"]["path"] == "piece-extended.wav"
    assert (document["added_s"], document["original"], document["asked"]) == (
        1.0,
        "piece.wav",
        {"duration_s": 1.0},
    )
    record = record_of(neural, "piece-extended.wav")
    assert (record["kind"], record["prompt"], record["seed"]) == ("extend", "brushes", 3)
    assert record["inputs"] == [{"path": "piece.wav", "oid": document["original_oid"]}]
    assert record["parameters"]["seam"]["at_frame"] == read_info(piece).frames
    rows = neural.ok("op", "log", "--json").json["operations"]
    assert (rows[0]["kind"], rows[0]["description"]) == ("extend", "extend piece.wav")
    neural.ok("undo")
    assert not (neural.directory / "piece-extended.wav").exists()
    neural.ok("extend", "piece.wav", *ENGINE, "-n")
    assert not (neural.directory / "piece-extended.wav").exists()


def test_through_pipes(neural: Bf, piece: Path) -> None:
    result = neural.ok("extend", "-", "on", *ENGINE, "-o", "-", stdin=piece.read_bytes())
    assert (
        read_audio(io.BytesIO(result.out_bytes)).frames
        == read_info(piece).frames + read_info(piece).sample_rate
    )
    assert neural.ok("extend", "-", *ENGINE, stdin=piece.read_bytes()).stdout == "mix-extended.wav\n"
    assert neural.ok("extend", "piece.wav", *ENGINE, "-o", "out.flac").stdout == "out.flac\n"


@pytest.mark.parametrize(("seconds", "rate", "channels"), [(0.1, 8000, 1), (0.5, 8000, 1), (0.6, 48_000, 6)])
def test_odd_pieces(seconds: float, rate: int, channels: int, neural: Bf) -> None:
    samples = np.random.default_rng(1).uniform(-0.3, 0.3, (round(seconds * rate), channels))
    audio = Audio(samples.astype(np.float32), rate)
    write_audio(neural.directory / "a b é.wav", audio)
    document = neural.ok("extend", "a b é.wav", *ENGINE, "-o", "out.wav", "--json").json
    info = read_info(neural.directory / "out.wav")
    assert (info.frames, info.sample_rate, info.channels) == (audio.frames + rate, rate, channels)
    assert document["frames"] == info.frames


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["nono.wav"], 2, "nono.wav does not exist"),
        (["."], 2, ". is a folder, not a sound"),
        (["piece.wav", "--duration", "0"], 2, "the duration must be 1 to 900 s, not 0"),
        (["piece.wav", "--bars", "4", "--duration", "3"], 2, "4 bars of 4/4 in 3 s would be 320 BPM"),
        (["piece.wav", "-o", "-", "--json"], 2, "-o - gives one sound and nothing else"),
        (["piece.wav", "-o", "x.xyz"], 1, "x.xyz: no sound can be written as .xyz"),
        (["piece.wav", "--engine", "dsp"], 5, "engine dsp cannot extend"),
        (["piece.wav", "--structure", "verse"], 2, "'verse' is no section of a structure"),
        (["piece.wav", "--engine", "nono"], 5, "no engine 'nono'"),
        (["empty.wav"], 1, "empty.wav is empty (0 bytes)"),
        (["text.wav"], 1, "text.wav is "),
        (["piece.wav", "--temperature", "-1"], 2, "the temperature must be"),
    ],
)
def test_bad_input(argv: list[str], code: int, said: str, neural: Bf, piece: Path) -> None:
    (neural.directory / "empty.wav").touch()
    (neural.directory / "text.wav").write_text("hello")
    errors = neural.fails(code, "extend", *argv)
    assert f"error: {said}" in errors
    assert len(list(neural.directory.iterdir())) == 3


def test_without_weights_the_embedded_producer_does_it(bf: Bf, piece: Path, tmp_path: Path) -> None:
    bf.environment["BF_MODELS"] = str(tmp_path / "none")
    said = bf.fails(2, "extend", "piece.wav")
    assert "engine synth: embedded producer" in said
    assert "the weights of musicgen-small are not here" in said
    assert "hint: " in said
    assert "--bpm" in said
    assert "musicgen-small" in bf.fails(5, "extend", "piece.wav", "--engine", "musicgen-small")


def test_disk_full_leaves_nothing(neural: Bf, piece: Path) -> None:
    with small_disk(300_000):
        assert "file too large" in neural.fails(1, "extend", "piece.wav", *ENGINE)
    assert [path.name for path in neural.directory.iterdir()] == ["piece.wav"]


def test_the_embedded_producer_goes_on_with_its_own_loop(bf: Bf) -> None:
    bf.ok("init")
    bf.ok("generate", "lofi rhodes", "--bpm", "180", "--key", "Am", "--bars", "2", "--seed", "5")
    made = record_of(bf, "mix.wav")
    document = bf.ok("extend", "mix.wav", "--bars", "2", "--engine", "synth", "--seed", "2", "--json").json
    bar = round(4 * 60 / 180 * 44_100)
    assert (document["frames"], document["added_frames"]) == (4 * bar, 2 * bar)
    record = record_of(bf, "mix-extended.wav")
    asked = record["asked"]
    assert (asked["tempo"], asked["key"], asked["bars"], asked["loop"]) == (180.0, "A:min", 2, True)
    assert record["prompt"] == "lofi rhodes"
    assert record["parameters"]["genre"] == made["parameters"]["genre"]
    assert record["parameters"]["sounds"] == made["parameters"]["sounds"]
    chords = [chord for _, chord in record["context"]["chords"]]
    assert chords == made["parameters"]["chords"]
    assert abs(record["parameters"]["seam"]["gain_db"]) < 3
    piped = bf.ok("extend", "mix.wav", "--bars", "2", "--engine", "synth", "--seed", "2", "-o", "-")
    assert piped.out_bytes == (bf.directory / "mix-extended.wav").read_bytes()
    assert "bit-exact" in bf.ok("reproduce", "mix-extended.wav").stdout
    # What comes after a verse and an outro is nothing.
    bf.ok("extend", "mix.wav", "--structure", "verse:1,outro:1", "--engine", "synth", "-o", "end.wav")
    ended = record_of(bf, "end.wav")
    assert (ended["asked"]["loop"], ended["asked"]["bars"]) == (False, 2)
    assert np.abs(read_audio(bf.directory / "end.wav").samples[-2000:]).max() < 0.02


def test_the_embedded_producer_joins_in_within_a_bar(bf: Bf) -> None:
    bf.ok("generate", "house", "--bpm", "160", "--bars", "4", "--seed", "1", "-o", "whole.wav")
    whole = read_audio(bf.directory / "whole.wav")
    cut = round((3 * 4 + 2) * 60 / 160 * 44_100)
    write_audio(bf.directory / "cut.wav", Audio(whole.samples[:cut], 44_100), "PCM_16")
    bf.ok("init")
    bf.ok("extend", "cut.wav", "--bars", "2", "--bpm", "160", "--engine", "synth")
    record = record_of(bf, "cut-extended.wav")
    assert record["context"]["phase"] == pytest.approx(2, abs=0.1)
    assert record["asked"]["tempo"] == 160.0
    assert record["parameters"]["seam"]["at_frame"] == cut
    # What was promised was promised of the two bars that were added, and not of the six that there are now.
    held = bf.ok("verify", "--contract", "cut-extended.wav", "--json").json["files"][0]
    assert {one["term"]: one["measured"] for one in held["promises"]}["bars"] == 2
    assert held["duration_s"] == pytest.approx(2 * 1.5, abs=0.001)
