"""``bf diff`` and ``bf show``: what differs, told by sound."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import Bf, Result
from tests.world import decode, tone, wav_bytes, write_tone

RATE = 44100


def music(seed: int, seconds: float = 4.0, level: float = 0.1) -> np.ndarray:
    """Something with an attack each half second, in stereo, as 16-bit integers."""
    random = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    envelope = np.exp(-(np.arange(frames) % (RATE // 2)) / RATE * 8)[:, None]
    return np.rint(random.normal(0, level, (frames, 2)) * envelope * 32767).astype(np.int16)


def write(path: Path, samples: np.ndarray, sample_rate: int = RATE, bits: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, sample_rate, bits))


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write(bf.directory / "mix.wav", music(1))
    write(bf.directory / "stems" / "bass.wav", music(2))
    (bf.directory / "notes.txt").write_text("verse\nchorus\n")
    bf.ok("commit", "-m", "first take")
    return bf


def scale(path: Path, gain_db: float) -> None:
    samples = decode(path.read_bytes()) * 10 ** (gain_db / 20)
    path.write_bytes(wav_bytes(np.rint(samples)))


def changes_of(result: Result, path: str = "mix.wav") -> list[dict[str, Any]]:
    assert result.json["schema"] == "beatflow.diff/2"
    return [change for change in result.json["changes"] if change["path"] == path]


def file_of(result: Result, path: str = "mix.wav") -> dict[str, Any]:
    (row,) = [row for row in result.json["files"] if row["path"] == path]
    return row


# What became of a sound ----------------------------------------------------------------------------------


def test_nothing_differs(track: Bf) -> None:
    result = track("diff")
    assert (result.code, result.stdout) == (0, "")
    document = track.ok("diff", "--json").json
    assert document == {"schema": "beatflow.diff/2", "different": False, "changes": [], "files": []}


def test_a_gain_is_named_in_db(track: Bf) -> None:
    scale(track.directory / "mix.wav", -1.5)
    result = track("diff")
    assert result.code == 1
    assert result.stdout.splitlines()[:2] == ["~ mix.wav", "    −1.50 dB"]
    assert re.search(r"then nulls to −\d\d", result.stdout)
    said = track("diff", "--json")
    (change,) = changes_of(said)
    assert change["kind"] == "gain"
    assert change["gain_db"] == pytest.approx(-1.5, abs=0.01)
    row = file_of(said)
    assert row["null_depth_db"] < -60
    assert row["after"]["loudness_lufs"] - row["before"]["loudness_lufs"] == pytest.approx(-1.5, abs=0.05)
    assert row["after"]["true_peak_dbtp"] - row["before"]["true_peak_dbtp"] == pytest.approx(-1.5, abs=0.05)
    assert row["before"]["oid"] != row["after"]["oid"]


def test_a_move_is_named_in_frames(track: Bf) -> None:
    (track.directory / "mix.wav").write_bytes(wav_bytes(np.vstack([np.zeros((441, 2), np.int16), music(1)])))
    result = track("diff", "--json")
    (change,) = changes_of(result)
    assert (change["kind"], change["offset_frames"]) == ("moved", 441)
    assert file_of(result)["after"]["frames"] - file_of(result)["before"]["frames"] == 441
    said = track("diff").stdout
    assert "441 frames later (0.0100 s)" in said
    assert "0:04.000 → 0:04.010" in said
    assert "the rest is the same, sample for sample" in said


def test_a_new_take_gets_no_made_up_figures(track: Bf) -> None:
    write(track.directory / "mix.wav", music(77))
    result = track("diff", "--json")
    assert [change["kind"] for change in changes_of(result)] == ["new_take"]
    assert "gain_db" not in changes_of(result)[0]
    assert file_of(result)["null_depth_db"] is None
    said = track("diff").stdout
    assert "a new take" in said
    assert "nulls" not in said


def test_a_region_is_told_in_bars_where_there_is_a_tempo(track: Bf) -> None:
    (track.directory / "track.toml").write_text("tempo = 120.0\n")
    samples = music(1).copy()
    samples[RATE * 2 : RATE * 3] = music(5)[RATE * 2 : RATE * 3]
    write(track.directory / "mix.wav", samples)
    result = track("diff", "--json")
    (change,) = changes_of(result)
    assert (change["kind"], change["action"]) == ("region", "replaced")
    assert change["start_frame"] == pytest.approx(2 * RATE, abs=20)
    assert "    bar 2, beats 1–2 replaced" in track("diff").stdout
    # Without a tempo it is told in seconds, rounded to what one can hear.
    (track.directory / "track.toml").unlink()
    assert re.search(r"    0:0[12]\.\d{3}–0:0[23]\.\d{3} replaced", track("diff").stdout)


def test_many_regions_are_told_as_one(track: Bf) -> None:
    samples = music(1, 12)
    write(track.directory / "mix.wav", samples)
    track.ok("commit", "-m", "longer")
    holes = samples.copy()
    for second in range(1, 10):
        holes[second * RATE : second * RATE + RATE // 4] = music(second + 50)[: RATE // 4]
    write(track.directory / "mix.wav", holes)
    assert re.search(
        r"    0:0[01]\.\d{3}–0:09\.\d{3}: 9 places replaced, 0:02\.\d{3} in all", track("diff").stdout
    )
    assert len(changes_of(track("diff", "--json"))) == 9


def test_same_samples_in_another_container(track: Bf) -> None:
    path = track.directory / "mix.wav"
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    result = track("diff", "--json")
    assert result.code == 0
    assert changes_of(result)[0]["kind"] == "identical"
    assert result.json["different"] is False
    assert "only the file around them differs" in track("diff").stdout


def test_loudness_is_measured_once(track: Bf) -> None:
    scale(track.directory / "mix.wav", -3)
    before = file_of(track("diff", "--json"))["before"]
    (cached,) = track.directory.glob(f".beatflow/state/analysis/{before['oid']}.json")
    cached.write_text(cached.read_text().replace(str(before["true_peak_dbtp"]), "-77.0"))
    assert file_of(track("diff", "--json"))["before"]["true_peak_dbtp"] == -77.0


def test_tempo_and_key_are_measured_only_when_asked(track: Bf) -> None:
    write_tone(track.directory / "mix.wav", seconds=2, hz=220)
    assert file_of(track("diff", "--json"))["after"]["key"] is None
    measured = file_of(track("diff", "--json", "--measure"))["after"]
    assert measured["key"] is not None
    # Then they are known.
    assert file_of(track("diff", "--json"))["after"] == measured
    assert measured["key"] in track("diff").stdout


def test_the_score_knows_tempo_and_key_of_the_mix(track: Bf) -> None:
    score = track.directory / "track.toml"
    score.write_text('tempo = 90.0\nkey = "Am"\n')
    track.ok("commit", "-m", "a score")
    score.write_text('tempo = 92.5\nkey = "Am"\n')
    scale(track.directory / "mix.wav", -3)
    row = file_of(track("diff", "--json"))
    assert [(row[side]["tempo"], row[side]["key"]) for side in ("before", "after")] == [
        (90, "A:min"),
        (92.5, "A:min"),
    ]
    assert "90 → 92.5 BPM · A:min" in track("diff").stdout
    assert "<td>90 BPM</td><td>92.5 BPM</td>" in track("diff", "--html", "-").stdout


# Files and sides -----------------------------------------------------------------------------------------


def test_added_deleted_renamed_and_text(track: Bf) -> None:
    (track.directory / "mix.wav").rename(track.directory / "mixdown.wav")
    (track.directory / "stems" / "bass.wav").unlink()
    write_tone(track.directory / "pads.wav", seconds=1, hz=330)
    (track.directory / "notes.txt").write_text("verse\nbridge\nchorus\n")
    (track.directory / "blob.bin").write_bytes(b"\0\1")
    rows = track("diff", "--json").json["changes"]
    assert {row["path"]: row["kind"] for row in rows} == {
        "mixdown.wav": "renamed",
        "notes.txt": "text",
        "pads.wav": "added",
        "stems/bass.wav": "deleted",
        "blob.bin": "added",
    }
    assert rows[1]["source"] == "mix.wav"
    said = track("diff").stdout
    assert "> mixdown.wav (was mix.wav)" in said
    assert "    +bridge" in said
    assert "0:01.000 · 44100 Hz, 16 bit, stereo" in said


def test_colours(track: Bf) -> None:
    scale(track.directory / "mix.wav", -1)
    (track.directory / "notes.txt").write_text("verse\nbridge\nchorus\n")
    said = track("--color", "always", "diff", "--plot").stdout
    assert "\x1b[36m~ mix.wav\x1b[0m" in said
    assert "    \x1b[32m+bridge\x1b[0m" in said
    assert re.sub(r"\x1b\[[\d;]*m", "", said) == track("diff", "--plot").stdout


def test_what_is_no_sound(track: Bf) -> None:
    (track.directory / "session.bin").write_bytes(b"\0" * 100)
    (track.directory / "long.txt").write_text("a\n" * 200_000)
    track.ok("commit", "-m", "more")
    (track.directory / "session.bin").write_bytes(b"\1\0" * 100)
    (track.directory / "long.txt").write_text("b\n" * 200_000)
    (track.directory / "mix.wav").write_text("a mix of words")
    (track.directory / "stems" / "bass.wav").write_bytes(b"")
    kinds = {row["path"]: row["kind"] for row in track("diff", "--json").json["changes"]}
    assert kinds == {
        "session.bin": "binary",
        "long.txt": "text",
        "mix.wav": "unreadable",
        "stems/bass.wav": "unreadable",
    }
    said = track("diff").stdout
    assert said.count("the bytes differ") == 1
    assert "cannot be compared: mix.wav is text, not sound that can be read" in said
    assert "cannot be compared: stems/bass.wav is empty" in said
    assert "the text differs" in said


def test_a_file_that_became_a_folder(track: Bf) -> None:
    (track.directory / "mix.wav").unlink()
    write(track.directory / "mix.wav" / "left.wav", music(4))
    kinds = {row["path"]: row["kind"] for row in track("diff", "--json").json["changes"]}
    assert kinds == {"mix.wav": "deleted", "mix.wav/left.wav": "added"}


def test_revisions_and_paths(track: Bf) -> None:
    scale(track.directory / "mix.wav", 3)
    scale(track.directory / "stems" / "bass.wav", -3)
    track.ok("commit", "-m", "faders")
    assert track("diff").code == 0
    for words in (["HEAD~1", "HEAD"], ["HEAD~1..HEAD"], ["HEAD~1.."], ["HEAD~1"], ["HEAD~1...HEAD"]):
        assert len(track("diff", "--json", *words).json["files"]) == 2, words
    (change,) = track("diff", "--json", "HEAD~1", "HEAD", "stems").json["changes"]
    assert change["path"] == "stems/bass.wav"
    # The other way round it is turned up again.
    (change,) = changes_of(track("diff", "--json", "HEAD", "HEAD~1", "mix.wav"))
    assert change["gain_db"] == pytest.approx(-3, abs=0.01)
    assert track("diff", "notes.txt").code == 0
    assert "'nonsense' is neither a revision nor a path" in track.fails(3, "diff", "nonsense")
    assert "two revisions at most" in track.fails(2, "diff", "HEAD", "HEAD", "HEAD..HEAD")


def test_three_dots_are_since_the_two_parted(track: Bf) -> None:
    track.ok("branch", "quiet")
    scale(track.directory / "mix.wav", 3)
    track.ok("commit", "-m", "loud")
    track.ok("switch", "quiet")
    scale(track.directory / "stems" / "bass.wav", -3)
    track.ok("commit", "-m", "quiet")
    assert {row["path"] for row in track("diff", "--json", "main..quiet").json["files"]} == {
        "mix.wav",
        "stems/bass.wav",
    }
    assert {row["path"] for row in track("diff", "--json", "main...quiet").json["files"]} == {
        "stems/bass.wav"
    }


def test_what_was_found_is_remembered(track: Bf) -> None:
    scale(track.directory / "mix.wav", -1)
    for words in ([], ["HEAD~1", "HEAD"]):
        if words:
            track.ok("commit", "-m", "softer")
        assert "    −1.00 dB" in track("diff", *words).stdout
        (known,) = (track.directory / ".beatflow" / "state" / "explanations").iterdir()
        found = known.read_text()
        known.write_text(re.sub(r'"gain_db": -[\d.]+', '"gain_db": -7.0', found))
        assert "    −7.00 dB" in track("diff", *words).stdout
        known.write_text(found)


def test_histories_without_a_common_commit(track: Bf, tmp_path: Path) -> None:
    other = Bf(tmp_path / "other")
    other.directory.mkdir()
    other.ok("init")
    write(other.directory / "mix.wav", music(9))
    other.ok("commit", "-m", "elsewhere")
    git = track.directory / ".beatflow"
    for file in (other.directory / ".beatflow" / "objects").glob("??/*"):
        place = git / "objects" / file.parent.name / file.name
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            place.write_bytes(file.read_bytes())
    head = (other.directory / ".beatflow" / "refs" / "heads" / "main").read_text()
    (git / "refs" / "heads" / "stranger").write_text(head)
    said = track.fails(3, "diff", "main...stranger")
    assert "main and stranger have no commit in common" in said
    assert "bf diff main stranger" in said
    # Its sounds are not here: that is said, and the rest goes on.
    result = track("diff", "main", "stranger")
    assert result.code == 7
    assert "~ mix.wav\n    cannot be compared: " in result.stdout
    assert "− notes.txt" in result.stdout


def test_two_files_outside_a_track(bf: Bf) -> None:
    write(bf.directory / "a.wav", music(1))
    write(bf.directory / "b.wav", music(1))
    assert bf("diff", "a.wav", "b.wav").code == 0
    scale(bf.directory / "b.wav", -6)
    result = bf("diff", "a.wav", "b.wav")
    assert result.stdout.splitlines()[:2] == ["~ b.wav (was a.wav)", "    −6.00 dB"]
    assert result.code == 1
    assert "not in a BeatFlow track" in bf.fails(3, "diff", "a.wav")
    assert "not in a BeatFlow track, and nowhere.wav is not here" in bf.fails(
        3, "diff", "a.wav", "nowhere.wav"
    )
    assert "these are not two files" in bf.fails(3, "diff", "a.wav", ".")
    assert not (bf.directory / ".beatflow").exists()


def test_two_folders_of_a_track_are_paths_in_it(track: Bf) -> None:
    scale(track.directory / "stems" / "bass.wav", -3)
    write(track.directory / "takes" / "one.wav", music(6))
    write(track.directory / "other.wav", music(7))
    rows = track("diff", "stems", "takes", "--json").json["files"]
    assert [(row["path"], row["state"]) for row in rows] == [
        ("stems/bass.wav", "modified"),
        ("takes/one.wav", "added"),
    ]
    # Two files are compared with each other everywhere.
    (row,) = track("diff", "other.wav", "takes/one.wav", "--json").json["files"]
    assert (row["path"], row["source"]) == ("takes/one.wav", "other.wav")


def test_dots_that_are_no_range(track: Bf) -> None:
    (track.directory / "take..2.wav").write_bytes((track.directory / "mix.wav").read_bytes())
    scale(track.directory / "mix.wav", -1)
    assert [row["path"] for row in track("diff", "take..2.wav", "--json").json["files"]] == ["take..2.wav"]
    track.ok("commit", "-m", "a..b")
    scale(track.directory / "mix.wav", -1)
    assert [row["path"] for row in track("diff", ":/a..b", "--json").json["files"]] == ["mix.wav"]
    assert "two revisions at most" in track.fails(2, "diff", "HEAD", "HEAD~1..HEAD")


def test_links_are_compared_by_where_they_lead(track: Bf) -> None:
    link = track.directory / "latest.wav"
    link.symlink_to("mix.wav")
    track.ok("commit", "-m", "a link")
    link.unlink()
    link.symlink_to("stems/bass.wav")
    (change,) = track("diff", "--json").json["changes"]
    assert (change["path"], change["kind"]) == ("latest.wav", "text")
    assert "+stems/bass.wav" in change["lines"]


def test_two_folders_outside_a_track(bf: Bf) -> None:
    for name in ("old", "new"):
        write(bf.directory / name / "mix.wav", music(1))
        write(bf.directory / name / ".hidden.wav", music(len(name) + ord(name[0])))
    assert bf("diff", "old", "new").code == 0
    scale(bf.directory / "new" / "mix.wav", -2)
    write(bf.directory / "new" / "extra.wav", music(3))
    (bf.directory / "old" / "gone.txt").write_text("x")
    result = bf("diff", "old", "new", "--json")
    assert {row["path"]: row["kind"] for row in result.json["changes"]} == {
        "extra.wav": "added",
        "gone.txt": "deleted",
        "mix.wav": "gain",
    }


# The mix -------------------------------------------------------------------------------------------------


def mix_of(**gains_db: float) -> np.ndarray:
    stems = {"drums": 11, "bass": 12, "pads": 13}
    parts = [music(seed) * 10 ** (gains_db.get(name, 0) / 20) for name, seed in stems.items()]
    return np.rint(np.sum(parts, axis=0)).astype(np.int16)


@pytest.fixture
def mixed(bf: Bf) -> Bf:
    bf.ok("init")
    for name, seed in (("drums", 11), ("bass", 12), ("pads", 13)):
        write(bf.directory / "stems" / f"{name}.wav", music(seed))
    write(bf.directory / "mix.wav", mix_of())
    bf.ok("commit", "-m", "faders at zero")
    return bf


def test_a_mix_tells_its_faders(mixed: Bf) -> None:
    write(mixed.directory / "mix.wav", mix_of(drums=1.0, pads=-200))
    for _ in range(2):  # found, then remembered
        result = mixed("diff", "--json")
        moves = {change["stem"]: change for change in changes_of(result) if change["kind"] == "fader"}
        assert set(moves) == {"drums", "pads"}
        assert moves["drums"]["gain_db"] == pytest.approx(1.0, abs=0.01)
        assert moves["pads"]["after"]["muted"] is True
        assert result.json["mix"]["after"]["unexplained_db"] < -60
    said = mixed("diff").stdout
    assert "= mix.wav as the sum of its stems\n    drums +1.0 dB, pads muted\n" in said


def test_a_mix_names_the_stems_that_are_other_sounds(mixed: Bf) -> None:
    drums = decode((mixed.directory / "stems" / "drums.wav").read_bytes())
    mix = decode((mixed.directory / "mix.wav").read_bytes())
    other = music(77).astype(float)
    write(mixed.directory / "stems" / "drums.wav", other.astype(np.int16))
    write(mixed.directory / "mix.wav", np.rint(mix - drums + other).astype(np.int16))
    said = mixed("diff").stdout
    assert "= mix.wav as the sum of its stems\n    drums changed; no fader moved\n" in said


def test_a_mix_that_is_no_sum_says_nothing_of_faders(mixed: Bf) -> None:
    write(mixed.directory / "mix.wav", music(99))
    said = mixed("diff")
    assert "as the sum of its stems" not in said.stdout
    document = mixed("diff", "--json").json
    assert document["mix"]["fits"] is False
    assert not [change for change in document["changes"] if change["kind"] == "fader"]


def test_stems_come_and_go(mixed: Bf) -> None:
    (mixed.directory / "stems" / "pads.wav").unlink()
    write(mixed.directory / "stems" / "voice.wav", music(14))
    write(mixed.directory / "mix.wav", mix_of(pads=-200) + music(14))
    assert "pads taken out, voice added" in mixed("diff").stdout


def test_the_score_names_the_stems(mixed: Bf) -> None:
    (mixed.directory / "track.toml").write_text(
        '[stems.low]\nfile = "stems/bass.wav"\n[stems.gone]\nfile = "x.wav"\n'
    )
    mixed.ok("commit", "-m", "a score")
    write(mixed.directory / "mix.wav", mix_of(drums=-100, bass=2, pads=-100))
    # The mix was never the sum of the bass alone.
    document = mixed("diff", "--json").json
    assert document["mix"]["before"]["stems"] == ["low"]
    assert document["mix"]["before"]["fits"] is False
    assert document["mix"]["after"]["faders"]["low"]["gain_db"] == pytest.approx(2, abs=0.01)


def test_folders_tell_faders_too(bf: Bf) -> None:
    for folder, gain_db in (("old", 0.0), ("new", -4.0)):
        for name, seed in (("drums", 11), ("bass", 12), ("pads", 13)):
            write(bf.directory / folder / f"{name}.wav", music(seed))
        write(bf.directory / folder / "mix.wav", mix_of(bass=gain_db))
    assert "    bass −4.0 dB\n" in bf("diff", "old", "new").stdout


# Pictures, pages and residuals ---------------------------------------------------------------------------


def test_a_plot_in_blocks_and_in_ascii(track: Bf) -> None:
    samples = music(1).copy()
    samples[RATE : 2 * RATE] = music(5)[RATE : 2 * RATE]
    write(track.directory / "mix.wav", samples)
    lines = track("diff", "--plot").stdout.splitlines()
    assert any(line.startswith("    after   ") and "█" in line for line in lines)
    assert any(line.startswith("    left    ") for line in lines)
    (marks,) = [line for line in lines if "▔" in line]
    assert 28 <= marks.index("▔") <= 32  # a quarter of 67 columns after 12
    assert all(len(line) <= 80 for line in lines)
    # A page beside it has more columns.
    both = track("diff", "--plot", "--html", "../page.html").stdout.splitlines()
    assert all(len(line) <= 80 for line in both)
    assert any("▔" in line for line in both)
    track.environment["PYTHONIOENCODING"] = "ascii"
    plain = track.spawn("diff", "--plot").out_bytes.decode("ascii")
    assert "^" in plain
    assert "@" in plain


def test_a_page_needs_nothing_else(track: Bf) -> None:
    (track.directory / "track.toml").write_text("tempo = 120.0\n")
    scale(track.directory / "mix.wav", -2)
    (track.directory / "notes.txt").write_text("verse\n<script>alert(1)</script>\n")
    result = track("diff", "--html", "-")
    assert result.code == 1
    page = result.stdout
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "−2.00 dB" in page
    assert page.count('<svg class="time"') == 1
    assert 'data-beat="0.5' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"src=|href=\"[^#]|url\(|@import|https?:", page)


def test_a_page_goes_to_a_file_and_is_not_overwritten(track: Bf) -> None:
    scale(track.directory / "mix.wav", -2)
    result = track("diff", "--html", "out/page.html")
    assert result.code == 1
    assert "−2.00 dB" in result.stdout
    page = track.directory / "out" / "page.html"
    assert "mix.wav" in page.read_text()
    assert "is there already" in track.fails(4, "diff", "--html", "out/page.html")
    page.write_text("mine")
    assert track("diff", "--html", "out/page.html", "--force").code == 1
    assert "mix.wav" in page.read_text()
    track.ok("undo")
    assert page.read_text() == "mine"


def test_a_residual_is_what_is_left(track: Bf) -> None:
    samples = music(1) * 0.5
    samples[RATE : 2 * RATE] += music(8, level=0.003)[:RATE] * 1.0
    write(track.directory / "mix.wav", np.rint(samples))
    result = track("diff", "-o", "-")
    assert result.code == 1
    rest, rate = soundfile.read(io.BytesIO(result.out_bytes))
    assert (rest.shape, rate) == ((4 * RATE, 2), RATE)
    level = np.sqrt((rest**2).mean(axis=1))
    assert level[2 * RATE : 3 * RATE].mean() < 2e-5
    assert track("diff", "-o", "../rest.wav").code == 1
    assert (track.directory.parent / "rest.wav").read_bytes() == result.out_bytes
    assert "is there already" in track.fails(4, "diff", "-o", "../rest.wav")


def test_a_residual_is_of_one_sound(track: Bf) -> None:
    assert "no sound was changed" in track.fails(2, "diff", "-o", "rest.wav")
    scale(track.directory / "mix.wav", -2)
    scale(track.directory / "stems" / "bass.wav", -2)
    said = track.fails(2, "diff", "-o", "rest.wav")
    assert "mix.wav, stems/bass.wav" in said
    assert not (track.directory / "rest.wav").exists()
    assert track("diff", "stems", "-o", "rest.wav").code == 1
    assert "only one thing" in track.fails(2, "diff", "-o", "-", "--json")


# Bad input -----------------------------------------------------------------------------------------------


def test_what_cannot_be_decoded_is_said_and_the_rest_goes_on(track: Bf) -> None:
    (track.directory / "mix.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEfmt nonsense")
    scale(track.directory / "stems" / "bass.wav", -3)
    result = track("diff")
    assert result.code == 1
    assert "cannot be compared: " in result.stdout
    assert "−3.00 dB" in result.stdout
    kinds = {change["path"]: change["kind"] for change in track("diff", "--json").json["changes"]}
    assert kinds == {"mix.wav": "unreadable", "stems/bass.wav": "gain"}
    page = track("diff", "--html", "-").stdout
    assert "cannot be compared: " in page


def test_damaged_history_is_named_and_the_rest_goes_on(track: Bf) -> None:
    scale(track.directory / "mix.wav", -1)
    track.ok("commit", "-m", "softer")
    scale(track.directory / "mix.wav", -1)
    scale(track.directory / "stems" / "bass.wav", -3)
    oid = track.ok("ls", "--json", "HEAD").json
    victim = next(row["oid"] for row in oid["files"] if row["path"] == "mix.wav")
    packs = sorted(
        (track.directory / ".beatflow" / "audio" / "packs").rglob("*.pack"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    data = bytearray(packs[-1].read_bytes())
    data[len(data) // 3] ^= 0xFF
    packs[-1].chmod(0o644)
    packs[-1].write_bytes(data)
    result = track("diff")
    assert result.code == 7, result.stdout
    assert "~ mix.wav\n    cannot be compared: " in result.stdout
    assert f"sound {victim[:12]} is missing or damaged" in result.stdout
    assert "−3.00 dB" in result.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (np.zeros((RATE, 2)), np.zeros((RATE // 2, 2))),
        (np.zeros((RATE, 2)), music(1, 1)),
        (music(1, 1), np.zeros((RATE, 2))),
        (music(1, 1), np.zeros((0, 2))),
        (np.zeros((0, 2)), music(1, 1)),
        (music(1, 0.005), music(2, 0.005)),
        (music(1, 0.005), music(1, 2)),
        (music(1, 1), music(1, 1)[:, :1]),
        (music(1, 1, level=0.3), np.clip(music(1, 1, level=0.3) * 8.0, -32768, 32767)),
    ],
    ids=[
        "silence",
        "from silence",
        "to silence",
        "to nothing",
        "from nothing",
        "5 ms",
        "5 ms to 2 s",
        "mono",
        "clipped",
    ],
)
def test_odd_sounds_are_told_without_made_up_figures(bf: Bf, before: np.ndarray, after: np.ndarray) -> None:
    write(bf.directory / "a.wav", np.asarray(before))
    write(bf.directory / "b.wav", np.asarray(after))
    result = bf("diff", "a.wav", "b.wav", "--json")
    assert result.code == 1
    assert result.json["changes"]
    for words in (["--plot", "--curve"], ["--html", "-"]):
        assert bf("diff", "a.wav", "b.wav", *words).code == 1
    row = result.json["files"][0]
    for name, samples in (("before", before), ("after", after)):
        assert (row[name]["true_peak_dbtp"] is None) == (not samples.any())
    assert ("silent" in bf("diff", "a.wav", "b.wav").stdout) == (not before.any() or not after.any())
    if before.size == 0 or after.size == 0 or not before.any() or not after.any():
        assert not {"gain", "eq", "moved"} & {change["kind"] for change in result.json["changes"]}


def test_another_rate_or_depth_is_said(track: Bf) -> None:
    (track.directory / "mix.wav").write_bytes(wav_bytes(tone(2, 220, sample_rate=48000), 48000))
    write(track.directory / "stems" / "bass.wav", music(2).astype(np.int32) * 256, bits=24)
    result = track("diff", "--json")
    row = file_of(result)
    assert (row["before"]["sample_rate"], row["after"]["sample_rate"]) == (44100, 48000)
    said = track("diff").stdout
    assert "44100 → 48000 Hz" in said
    assert "16 bit → 24 bit" in said


def test_a_stem_is_not_taken_for_its_mix(track: Bf) -> None:
    """A stem's record tells what its mix measured: that says nothing of the stem."""
    track.ok("generate", "lofi", "--bpm", "120", "--bars", "1", "--seed", "1", "--force")
    track.ok("commit", "-m", "made")
    drums = track.directory / "stems" / "drums.wav"
    samples, rate = soundfile.read(drums)
    soundfile.write(drums, samples / 2, rate, "PCM_24")
    row = file_of(track("diff", "--json"), "stems/drums.wav")
    lost = row["before"]["loudness_lufs"] - row["after"]["loudness_lufs"]
    assert lost == pytest.approx(6.0, abs=0.2)
    assert row["before"]["tempo"] is row["after"]["tempo"] is None


def test_a_side_that_is_no_number_is_named(bf: Bf) -> None:
    bf.ok("init")
    samples = np.zeros((1000, 1), np.float32)
    samples[10] = np.inf
    soundfile.write(bf.directory / "a.wav", samples, RATE, "FLOAT")
    bf.ok("commit", "-m", "one")
    write(bf.directory / "a.wav", music(1))
    assert "cannot be compared: the old a.wav holds samples that are not numbers" in bf("diff").stdout
    bf.ok("commit", "-m", "two")
    said = bf.ok("show").stdout
    (command,) = re.findall(r"not compared; bf (diff .*) says why", said)
    assert "the old a.wav holds" in bf(*command.split()).stdout


def test_a_word_that_is_nothing(track: Bf) -> None:
    assert "'nothere.wav' is neither a revision nor a path" in track.fails(3, "diff", "HEAD", "nothere.wav")


def test_names_and_texts_cannot_steer_the_terminal(track: Bf) -> None:
    (track.directory / "new\nline \x1b[31m.txt").write_text("a\n")
    (track.directory / "notes.txt").write_text("verse\n\x1b[2Jchorus\n")
    said = track("diff").stdout
    assert "+ new\\nline \\x1b[31m.txt\n" in said
    assert "+\\x1b[2Jchorus" in said
    assert "\x1b" not in said


def test_odd_names(track: Bf) -> None:
    name = "b\u00e4ss \x1b[31m & <b>.wav"
    write(track.directory / name, music(3))
    track.ok("commit", "-m", "odd")
    scale(track.directory / name, -3)
    assert changes_of(track("diff", "--json"), name)[0]["kind"] == "gain"
    page = track("diff", "--html", "-").stdout
    assert "\x1b" not in page
    assert "<b>" not in page


def test_show_tells_a_commit_and_where_its_sounds_come_from(track: Bf) -> None:
    track.ok("generate", "lofi", "--bars", "1", "--bpm", "120", "--key", "Am", "--seed", "3")
    track.ok("commit", "-m", "made\n\nby the engine")
    said = track.ok("show").stdout
    assert "(HEAD → main) made" in said
    assert "120 BPM · A:min" in said
    assert "    by the engine" in said
    assert '~ mix.wav  synth: "lofi" seed 3' in said
    document = track.ok("show", "HEAD", "--json").json
    records = {row["path"]: row["provenance"] for row in document["changes"]}
    assert records["stems/drums.wav"]["seed"] == 3
    assert records["track.toml"] is None
    assert set(records["mix.wav"]["stems"]) >= {"drums", "bass"}
