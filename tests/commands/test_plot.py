"""``bf plot``: what it draws of files, folders and history, and what it says of what it cannot."""

import io
import json
import os
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beatflow.sound.audio import Audio
from beatflow.sound.writing import write_audio
from tests.conftest import Bf
from tests.sound.signals import make_drums
from tests.world import tone, wav_bytes, write_tone

SCORE = 'title = "t"\ntempo = 120.0\n[stems.drums]\nfile = "drums.wav"\n[stems.bass]\nfile = "bass.wav"\n'
SCORE += "gain_db = -3.0\nmute = true\n"


def is_png(data: bytes) -> bool:
    return Image.open(io.BytesIO(data)).format == "PNG"


@pytest.fixture
def track(bf: Bf) -> Bf:
    """A mix in two versions, and stems."""
    bf.ok("init")
    for name, hz in (("mix", 220.0), ("drums", 110.0), ("bass", 55.0)):
        write_tone(bf.directory / f"{name}.wav", 4.0, hz)
    (bf.directory / "track.toml").write_text(SCORE)
    bf.ok("commit", "-m", "one")
    write_tone(bf.directory / "mix.wav", 4.0, 440.0, 0.1)
    bf.ok("commit", "-m", "two")
    return bf


def test_a_file_in_the_terminal(bf: Bf) -> None:
    write_tone(bf.directory / "a.wav", 2.0)
    result = bf.ok("plot", "a.wav")
    assert result.stderr == ""
    for word in ("a.wav", "44.1 kHz stereo", "waveform", "mel spectrogram", "loudness in LUFS", "0:00"):
        assert word in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("environment", "sign"),
    [
        ({"COLORTERM": "truecolor"}, "38;2;"),
        ({"TERM": "xterm-kitty"}, "38;2;"),
        ({"TERM": "screen-256color"}, "38;5;"),
        ({"TERM": "vt100"}, "\x1b[0;"),
        ({"FORCE_COLOR": "3", "TERM": "vt100"}, "38;2;"),
        ({"NO_COLOR": "1"}, None),
    ],
)
def test_as_many_colours_as_the_terminal_has(bf: Bf, environment: dict[str, str], sign: str | None) -> None:
    write_tone(bf.directory / "a.wav")
    if "NO_COLOR" not in environment:
        environment = {"BF_COLOR": "always", **environment}
    bf.environment |= environment
    out = bf.ok("plot", "a.wav").stdout
    assert (sign in out) if sign else ("\x1b" not in out)
    if sign == "\x1b[0;":
        assert "38;" not in out


def test_each_format_by_its_name(bf: Bf) -> None:
    write_tone(bf.directory / "a.wav", 1.0)
    for name in ("a.png", "a.svg", "a.html"):
        assert name in bf.ok("plot", "a.wav", "-o", name).stderr
    assert is_png((bf.directory / "a.png").read_bytes())
    assert ET.fromstring((bf.directory / "a.svg").read_bytes()).tag.endswith("svg")
    page = (bf.directory / "a.html").read_text()
    assert 'src="data:audio/ogg;base64,T2dnU' in page  # OggS
    assert "a.png is there already" in bf.fails(4, "plot", "a.wav", "-o", "a.png")
    bf.ok("plot", "a.wav", "-o", "a.png", "--force", "--size", "640x480")
    assert Image.open(io.BytesIO((bf.directory / "a.png").read_bytes())).size == (640, 480)


def test_a_picture_goes_to_standard_output_and_a_sound_comes_from_there(bf: Bf) -> None:
    data = wav_bytes(tone(1.0))
    assert is_png(bf.ok("plot", "-", "-o", "-", "--kind", "wave", stdin=data).out_bytes)
    svg = bf.ok("plot", "-", "-o", "-", "--format", "svg", "--theme", "light", stdin=data).stdout
    assert "standard input" in svg
    assert "prefers-color-scheme" not in svg
    bf.fails(2, "plot", "-", "-o", "-", "--json", stdin=data)


def test_a_page_may_have_mp3_or_no_sound(bf: Bf) -> None:
    write_tone(bf.directory / "a.wav", 1.0)
    assert (
        "data:audio/mpeg;base64,"
        in bf.ok("plot", "a.wav", "-o", "-", "--format", "html", "--audio", "mp3").stdout
    )
    assert "<audio" not in bf.ok("plot", "a.wav", "-o", "-", "--format", "html", "--audio", "none").stdout


def test_the_figures_are_those_of_the_sound(bf: Bf) -> None:
    write_audio(bf.directory / "drums.wav", make_drums(120, 8))
    found = bf.ok("plot", "drums.wav", "--kind", "all", "--json").json
    assert found["schema"] == "beatflow.plot/1"
    (sound,) = found["sounds"]
    assert sound["frames"] == 705_600
    assert sound["tempo"] == pytest.approx(120, abs=0.1)
    assert np.diff(sound["beats"]["beats"]) == pytest.approx(0.5, abs=0.01)
    assert len(sound["beats"]["onset_strength"]) == pytest.approx(16 / sound["beats"]["hop_s"], abs=2)
    wave = sound["wave"]
    assert len(wave["low"]) == len(wave["high"]) == len(wave["level_db"]) <= 400
    assert len(wave["low"]) * wave["column_s"] == pytest.approx(16, abs=0.1)
    assert len(sound["spectrum"]["level_db"]) == len(sound["spectrum"]["hz"]) == 128
    assert len(sound["chroma"]["strength"]) == 12
    measured = bf.ok("analyze", "drums.wav", "--json").json["files"][0]
    assert sound["loudness"]["loudness_lufs"] == measured["loudness_lufs"]
    assert sound["loudness"]["true_peak_dbtp"] == measured["true_peak_dbtp"]
    assert sum(sound["mood"]["scores"].values()) == pytest.approx(1)


def test_a_stretch_in_seconds_and_in_bars(track: Bf) -> None:
    stretch = track.ok("plot", "mix.wav", "--from", "0:01", "--to", "2.5s", "--json", "-k", "wave").json[
        "sounds"
    ][0]
    assert (stretch["start_s"], stretch["duration_s"]) == (1.0, 1.5)
    bars = track.ok("plot", "mix.wav", "--from", "b2", "--to", "b2", "--json", "-k", "wave").json["sounds"][0]
    assert (bars["start_s"], bars["duration_s"]) == (2.0, 2.0)
    assert "is not before the end" in track.fails(2, "plot", "mix.wav", "--from", "b99")
    assert "1s is not after 2s" in track.fails(2, "plot", "mix.wav", "--from", "2s", "--to", "1s")
    text = track.ok("plot", "mix.wav", "-k", "wave", "--from", "b2").stdout
    assert re.search(r"bar\s+2", text)


def test_moods_are_those_that_bf_mood_remembers(track: Bf) -> None:
    rated = track.ok("mood", "mix.wav", "--json").json["files"][0]
    (kept,) = (track.directory / ".beatflow" / "state" / "mood").iterdir()
    document = json.loads(kept.read_bytes())
    document["stretches"][0][3] = {"mode": 1.0, "tempo": 170.0}
    kept.write_text(json.dumps(document))
    remembered = track.ok("plot", "mix.wav", "-k", "mood", "--json").json["sounds"][0]["mood"]
    assert remembered["scores"] != rated["scores"]
    # A part of it is heard anew.
    part = track.ok("plot", "mix.wav", "-k", "mood", "--from", "0.5s", "--json").json["sounds"][0]["mood"]
    assert part is None or part["features"] != remembered["features"]


def test_bars_without_a_tempo_are_refused(bf: Bf) -> None:
    write_tone(bf.directory / "a.wav")
    assert "bars need a tempo" in bf.fails(2, "plot", "a.wav", "--from", "b2")


def test_versions_in_history(track: Bf) -> None:
    found = track.ok("plot", "HEAD~1:mix.wav", "mix.wav", "--json", "-k", "wave,loudness").json["sounds"]
    assert [sound["path"] for sound in found] == ["HEAD~1:mix.wav", "mix.wav"]
    quieter = found[0]["loudness"]["loudness_lufs"] - found[1]["loudness"]["loudness_lufs"]
    assert quieter > 6
    assert found[0]["oid"] != found[1]["oid"]
    text = track.ok("plot", "HEAD~1:mix.wav", "mix.wav").stdout
    assert "mix against HEAD~1:mix" in text
    # A revision alone is its mix, and nothing at all is the mix that is there.
    assert track.ok("plot", "HEAD~1", "--json", "-k", "wave").json["sounds"][0]["path"] == "HEAD~1:mix.wav"
    assert track.ok("plot", "--json", "-k", "wave").json["sounds"][0]["path"] == "mix.wav"


def test_stems_below_their_mix(track: Bf) -> None:
    found = track.ok("plot", "HEAD", "--kind", "stems", "--json").json
    assert [stem["path"] for stem in found["stems"]] == ["drums", "bass"]
    text = track.ok("plot", "--kind", "stems").stdout
    assert "−3.0 dB, muted" in text
    assert text.index("mix") < text.index("drums") < text.index("bass")
    page = track.ok("plot", "--kind", "stems", "-o", "-", "--format", "html").stdout
    assert page.count("<audio ") == 3
    assert "one revision at a time" in track.fails(2, "plot", "HEAD", "HEAD~1", "--kind", "stems")


def test_stems_without_a_mix_or_without_a_track(track: Bf, tmp_path: Path) -> None:
    (track.directory / "mix.wav").unlink()
    assert track.ok("plot", "--kind", "stems", "--json").json["sounds"] == []
    is_png(track.ok("plot", "--kind", "stems", "-o", "-").out_bytes)
    (track.directory / "track.toml").unlink()
    assert "names no stems" in track.fails(2, "plot", "--kind", "stems")
    elsewhere = Bf(tmp_path)
    assert "bf plot stems/*.wav" in elsewhere.fails(3, "plot", "--kind", "stems")
    assert "no track" in elsewhere.fails(2, "plot")


def test_many_sounds_and_a_folder_are_stacked(bf: Bf) -> None:
    folder = bf.directory / "stems"
    for number in range(3):
        write_tone(folder / f"s{number}.wav", 0.5 + number / 10)
    (folder / "notes.txt").write_text("no sound")
    (folder / "broken.wav").write_bytes(b"RIFF")
    result = bf.ok("plot", "stems")
    assert "left out 1 file: stems/broken.wav" in result.stderr
    assert [name for name in ("s0", "s1", "s2") if name in result.stdout] == ["s0", "s1", "s2"]
    assert "mel spectrogram" not in result.stdout


def test_a_sound_that_is_elsewhere_is_drawn_from_its_small_copy(track: Bf, tmp_path: Path) -> None:
    # A track cannot keep previews for others; a depot can.
    depot = tmp_path / "depot"
    depot.mkdir()
    track.ok("remote", "add", "box", str(depot))
    track.ok("push", "box", "--previews")
    clone = Bf(tmp_path)
    clone.ok("clone", str(depot), "there", "--no-audio", "--preview")
    clone.directory = tmp_path / "there"
    result = clone.ok("plot", "mix.wav", "HEAD~1:mix.wav", "-k", "wave", "--json")
    assert [sound["small_copy"] for sound in result.json["sounds"]] == [True, True]
    assert "mix.wav is drawn from its small copy" in result.stderr
    here = track.ok("plot", "mix.wav", "-k", "wave", "--json").json["sounds"][0]["wave"]
    there = result.json["sounds"][0]["wave"]
    assert np.allclose(np.max(here["high"]), np.max(there["high"]), atol=0.05)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing.wav"], 2, "does not exist"),
        (["a.wav", "--kind", "wav"], 2, "did you mean wave?"),
        (["a.wav", "--kind", ","], 2, "names nothing"),
        (["a.wav", "--size", "big"], 2, "not a size"),
        (["a.wav", "--size", "3"], 2, "24 to 1000 columns wide"),
        (["a.wav", "--size", "800x9", "-o", "x.png"], 2, "200 to 10000 pixels high"),
        (["a.wav", "-o", "x.gif"], 2, "FILE.png, FILE.svg or FILE.html"),
        (["a.wav", "-o", "x"], 2, "FILE.png"),
        (["a.wav", "-o", "x.png", "--format", "pgn"], 2, "did you mean png?"),
        (["a.wav", "--format", "png"], 2, "of a file"),
        (["a.wav", "--theme", "drak"], 2, "did you mean dark?"),
        (["a.wav", "--audio", "wma", "-o", "x.html"], 2, "there are opus, mp3, none"),
        (["a.wav", "--from", "soon"], 2, "'soon' is no time"),
        (["a.wav", "--to", "-1"], 2, "'-1' is no time"),
        (["empty.wav"], 1, "holds no samples"),
        (["nan.wav"], 1, "not numbers"),
        (["absurd.wav"], 1, "1e+30 times full scale"),
        (["text.wav"], 1, "is text"),
        (["zero.wav"], 1, "0 bytes"),
        (["a.wav"] * 65, 2, "65 sounds are too many"),
    ],
)
def test_what_cannot_be_drawn(bf: Bf, words: list[str], code: int, said: str) -> None:
    write_tone(bf.directory / "a.wav")
    (bf.directory / "empty.wav").write_bytes(wav_bytes(np.zeros((0, 2), np.int16)))
    (bf.directory / "text.wav").write_text("not sound")
    (bf.directory / "zero.wav").touch()
    header = (
        b"RIFF" + struct.pack("<I", 44) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 8000, 32_000, 4, 32)
    )
    for name, value in (("nan", float("nan")), ("absurd", 1e30)):
        sound = header + b"data" + struct.pack("<I", 8) + struct.pack("<ff", 0.1, value)
        (bf.directory / f"{name}.wav").write_bytes(sound)
    assert said in bf.fails(code, "plot", *words)
    assert not list(bf.directory.glob("x*"))


@pytest.mark.parametrize("frames", [1, 7, 220])
@pytest.mark.parametrize("shape", ["noise", "silence", "dc"])
def test_hardly_any_sound_is_drawn_as_well(bf: Bf, frames: int, shape: str) -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (frames, 1))
    samples = {"noise": noise, "silence": noise * 0, "dc": noise * 0 + 0.5}[shape].astype(np.float32)
    write_audio(bf.directory / "a.wav", Audio(samples, 44_100))
    assert is_png(bf.ok("plot", "a.wav", "--kind", "all", "-o", "-").out_bytes)
    assert "waveform" in bf.ok("plot", "a.wav", "--kind", "all").stdout
    bf.ok("plot", "a.wav", "--kind", "all", "--json")


@pytest.mark.parametrize(
    "name", ["-x.wav", "a b.wav", "ä😀.wav", "<i>&.wav", "b\\udcff\\x1b[31m.wav", "y" * 200 + ".wav"]
)
def test_odd_names(bf: Bf, name: str) -> None:
    name = name.replace("\\udcff", "\udcff").replace("\\x1b", "\x1b")
    path = bf.directory / name
    Path(os.fsdecode(os.fsencode(path))).write_bytes(wav_bytes(tone(0.2)))
    text = bf.ok("plot", "-k", "wave", "--", name).stdout
    assert "\x1b" not in text
    ET.fromstring(bf.ok("plot", "-k", "wave", "-o", "-", "--format", "svg", "--", name).out_bytes)
    assert is_png(bf.ok("plot", "-k", "wave", "-o", "-", "--", name).out_bytes)


def test_a_picture_in_a_track_can_be_undone(track: Bf) -> None:
    track.ok("plot", "-o", "mix.png", "-k", "wave")
    first = (track.directory / "mix.png").read_bytes()
    track.ok("plot", "HEAD~1", "-o", "mix.png", "-k", "wave", "--force")
    assert (track.directory / "mix.png").read_bytes() != first
    track.ok("undo")
    assert (track.directory / "mix.png").read_bytes() == first


def test_a_breaking_off_is_told(bf: Bf) -> None:
    (bf.directory / "a.wav").write_bytes(wav_bytes(tone(1.0))[:-40_000])
    assert "breaks off before its announced end" in bf.ok("plot", "a.wav", "-k", "wave").stderr


def test_too_much_sound_is_left_out_of_a_page(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.picture.plotting.LONGEST_S", 0.3)
    write_tone(bf.directory / "a.wav", 0.5)
    result = bf.ok("plot", "a.wav", "-k", "wave", "-o", "a.html")
    assert "--from and --to choose a stretch" in result.stderr
    assert "<audio" not in (bf.directory / "a.html").read_text()


def test_the_beats_of_a_stretch_are_those_of_the_whole(track: Bf) -> None:
    write_audio(track.directory / "mix.wav", make_drums(100, 8))
    whole = track.ok("plot", "-k", "beats", "--json").json["sounds"][0]["beats"]
    part = track.ok("plot", "-k", "beats", "--json", "--from", "5s", "--to", "10s").json["sounds"][0]["beats"]
    assert part["beats"] == [time for time in whole["beats"] if 5 <= time < 10]
    # And what was measured for it is remembered.
    assert track.ok("analyze", "mix.wav", "--json").json["files"][0]["beats"] == whole["beats"]
