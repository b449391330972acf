"""``bf split --to beat`` and ``--stems``: a song becomes a track whose stems the other commands take up."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import Separation
from beatflow.ai.table import Choice
from beatflow.errors import UsageError
from beatflow.making.splitwish import make_wish
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.writing import write_audio
from beatflow.track import parse_track
from tests.conftest import Bf
from tests.toys import ToySeparator


@pytest.fixture
def song(bf: Bf) -> Path:
    path = bf.directory / "Mein Lied.wav"
    time = np.arange(40_000) / 22_050
    tone = 0.4 * np.sin(2 * np.pi * 110 * time) + 0.2 * np.random.default_rng(0).uniform(-1, 1, len(time))
    write_audio(path, Audio(np.stack([tone, 0.5 * tone], 1).astype(np.float32), 22_050), "PCM_16")
    return path


def test_a_beat_in_a_track(bf: Bf, song: Path) -> None:
    bf.ok("init")
    (bf.directory / "track.toml").write_text(
        'title = "mine"  # kept\n[mix]\nmaster_db = -1.0\n[stems.old]\nfile = "old.wav"\n'
    )
    result = bf.ok("split", song.name, "--to", "beat", "--engine", "dsp")
    assert result.stdout.splitlines() == [
        *(f"stems/{name}.wav" for name in ("drums", "bass", "melody", "chords")),
        "mix.wav",
        "track.toml",
    ]
    text = (bf.directory / "track.toml").read_bytes()
    track = parse_track(text)
    assert b"# kept" in text
    assert (track.title, track.mix_file, track.master_db) == ("mine", "mix.wav", 0.0)
    assert list(track.stems) == ["drums", "bass", "melody", "chords"]
    assert (bf.directory / "mix.wav").read_bytes() == song.read_bytes()
    bf.ok("verify", "--sum")
    bf.ok("undo")
    assert not (bf.directory / "mix.wav").exists()
    assert "stems.old" in (bf.directory / "track.toml").read_text()


def test_a_beat_outside_of_a_track(bf: Bf, song: Path) -> None:
    result = bf.ok("split", song.name, "--to", "beat", "--engine", "dsp", "--json")
    assert result.json["score"] == "Mein Lied-beat/track.toml"
    assert [stem["name"] for stem in result.json["stems"]] == ["drums", "bass", "melody", "chords"]
    assert "bf init 'Mein Lied-beat' makes it a track" in result.stderr
    assert "is there already" in bf.fails(4, "split", song.name, "--to", "beat", "--engine", "dsp")
    dry = bf.ok("split", song.name, "--to", "beat", "--engine", "dsp", "-o", "elsewhere", "--dry-run")
    assert "nothing was written" in dry.stderr
    assert not (bf.directory / "elsewhere").exists()


def test_a_float_source_becomes_integers_and_fits(bf: Bf) -> None:
    samples = np.random.default_rng(1).uniform(-2.0, 2.0, (9_000, 1)).astype(np.float32)
    write_audio(bf.directory / "hot.wav", Audio(samples, 22_050), "FLOAT")
    bf.ok("init")
    bf.ok("split", "hot.wav", "--to", "beat", "--engine", "dsp", "--commit")
    mix = read_audio(bf.directory / "mix.wav").samples
    assert read_info(bf.directory / "mix.wav").subtype == "PCM_24"
    assert 0.99999 < np.abs(mix).max() < 1.0
    gain = float(np.vdot(mix, samples) / np.vdot(samples, samples))
    np.testing.assert_allclose(mix, samples * gain, atol=1e-6)
    bf.ok("verify", "--sum")
    bf.ok("reproduce", "stems/chords.wav")
    assert "converted" in bf("license", "stems/chords.wav").stdout


def test_corrections_are_told(bf: Bf, song: Path) -> None:
    document = bf.ok("split", song.name, "--engine", "dsp", "--json").json
    for correction in document["corrections"]:
        assert correction["largest"] <= 2.0**-14
    assert {one["stem"] for one in document["corrections"]} == {"drums", "bass", "vocals", "other"}


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--stems", "3"], 2, "a mix is split into 2, 4 or 6 stems, not 3\nhint: --stems 4"),
        (["--stems", "6", "--engine", "dsp"], 2, "engine dsp makes 4 stems, not 6\nhint: bf models pull htdemucs_6s"),
        (["--stems", "4", "--two-stems", "bass"], 2, "--stems 4 and --two-stems contradict each other"),
        (["--to", "album"], 2, "--to album is nothing that a mix is split to\nhint: --to beat"),
        (["--to", "beat", "--stems", "2"], 2, "a beat is more than two stems"),
        (["--to", "beat", "--template", "{stem}"], 2, "--to beat takes one sound"),
        (["--two-stems", "guitar", "--engine", "dsp"], 2, "engine dsp makes no stem 'guitar'"),
        (["--shifts", "2", "--engine", "dsp"], 2, "engine dsp has no --shifts"),
    ],
)  # fmt: skip
def test_what_cannot_be_wished(argv: list[str], code: int, said: str, bf: Bf, song: Path) -> None:
    assert f"error: {said}" in bf.fails(code, "split", song.name, *argv)
    assert [path.name for path in bf.directory.iterdir()] == [song.name]


def test_six_stems_want_weights(bf: Bf, song: Path) -> None:
    assert "hint: " in bf.fails(5, "split", song.name, "--stems", "6")


def test_two_stems_are_what_one_expects(bf: Bf, song: Path) -> None:
    for argv, names in (
        (["--stems", "2"], {"vocals", "no_vocals"}),
        (["--stems", "4"], {"drums", "bass", "vocals", "other"}),
    ):
        lines = bf.ok("split", song.name, "--engine", "dsp", "--force", "-o", "s" + argv[1], *argv).stdout
        assert {Path(line).stem for line in lines.splitlines()} == names
    assert make_wish(stems=2, two_stems="drums").separation == Separation(two_stems="drums")


def test_a_plug_in_may_make_any_number() -> None:
    with pytest.raises(UsageError, match="engine halves makes 2 stems, not 4"):
        make_wish(stems=4).check(Choice(ToySeparator(), "test"))
    assert make_wish(stems=6).name_engine(None) == "htdemucs_6s"
    assert make_wish(stems=6).name_engine("mine") == "mine"
    assert make_wish().any_stems
    assert not make_wish(stems=4).any_stems


def test_six_stems_of_demucs_and_a_beat_of_them(bf: Bf, song: Path, tmp_path: Path) -> None:
    pytest.importorskip("demucs")
    from tests.ai.demucs.checkpoints import build_demucs

    build_demucs(tmp_path / "models" / "htdemucs_6s", "htdemucs_6s")
    bf.environment["BF_MODELS"] = str(tmp_path / "models")
    write_audio(song, Audio(read_audio(song).samples[:6_000], 22_050), "PCM_16")
    six = bf.ok("split", song.name, "--stems", "6", "--json").json
    assert six["engine"] == "htdemucs_6s"
    assert {one["name"] for one in six["stems"]} == {"drums", "bass", "vocals", "other", "guitar", "piano"}
    bf.ok("verify", "--sum", song.name, *(one["path"] for one in six["stems"]))
    beat = bf.ok("split", song.name, "--to", "beat", "--engine", "htdemucs_6s", "--json").json
    assert {one["name"] for one in beat["stems"]} == {"drums", "bass", "melody", "chords"}
    bf.ok("verify", "--sum", song.name, *(one["path"] for one in beat["stems"]))
