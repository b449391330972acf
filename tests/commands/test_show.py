"""One commit with its picture and what became of each sound; one file with all that is known of it."""

import numpy as np
import pytest

from tests.commands.test_log import music, write
from tests.conftest import Bf
from tests.world import write_tone


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    (bf.directory / "track.toml").write_text('tempo = 120\nkey = "Am"\n')
    write(bf, "stems/bass.wav", music(8.0))
    write(bf, "mix.wav", music(8.0, seed=2))
    bf.ok("commit", "-m", "first take\n\nrecorded at night")
    return bf


def mute_bar_two(track: Bf) -> None:
    samples = music(8.0)
    samples[2 * 44100 : 4 * 44100] = 0
    write(track, "stems/bass.wav", samples)
    write(track, "mix.wav", music(8.0, seed=2) / 2)
    write(track, "stems/pads.wav", music(8.0, seed=3))
    track.ok("commit", "-m", "gap")


def test_a_commit_with_its_picture(track: Bf) -> None:
    mute_bar_two(track)
    lines = track.ok("show").stdout.splitlines()
    assert lines[0].endswith("(HEAD → main) gap")
    assert lines[1].strip() == "Ada <ada@example.com>, 2023-11-14 22:16"
    assert "LUFS (−6.0) · 120 BPM · A:min · 0:08.000" in lines[3]
    assert "→ −" in lines[3]
    assert lines[5].startswith("  mix   ")
    ruler = next(number for number, line in enumerate(lines) if "╵bar 1" in line)
    lanes = {line.split()[0]: line.split()[1] for line in lines[ruler + 1 : ruler + 3]}
    bass = lanes["bass"]
    assert bass.index("█") == pytest.approx(len(bass) / 4, abs=1)
    assert bass.count("█") == pytest.approx(len(bass) / 4, abs=2)
    assert set(lanes["pads"]) == {"─"}
    told = "\n".join(lines[ruler + 3 :])
    assert "  ~ mix.wav\n      −6.02 dB\n" in told
    assert "  ~ stems/bass.wav\n      bar 2 muted\n" in told
    assert "  + stems/pads.wav" in told
    assert "recorded at night" in track.ok("show", "HEAD~1").stdout


def test_json_of_a_commit(track: Bf) -> None:
    mute_bar_two(track)
    document = track.ok("show", "--json").json
    assert document["schema"] == "beatflow.show/1"
    assert document["parent_loudness_lufs"] - document["loudness_lufs"] == pytest.approx(6.02, abs=0.05)
    assert set(document["explained"]) == {"mix.wav", "stems/bass.wav"}
    assert [change["path"] for change in document["changes"]] == [
        "mix.wav",
        "stems/bass.wav",
        "stems/pads.wav",
    ]


def test_paths_of_a_commit(track: Bf) -> None:
    mute_bar_two(track)
    shown = track.ok("show", "HEAD", "stems/bass.wav").stdout
    assert "\n  bass  " in shown, "a sound alone is drawn itself"
    assert "bar 2 muted" in shown
    assert "pads" not in shown
    assert track.ok("show", "stems/bass.wav").stdout == shown
    both = track.ok("show", "stems").stdout
    assert "~ stems/bass.wav" in both
    assert "+ stems/pads.wav" in both
    assert "~ mix.wav" not in both
    assert "did not touch track.toml" in track.fails(3, "show", "HEAD", "track.toml")
    assert "no revision 'nothing'" in track.fails(3, "show", "nothing")


def test_a_sound_of_a_commit(track: Bf) -> None:
    mute_bar_two(track)
    shown = track.ok("show", "HEAD:stems/bass.wav").stdout
    first, sound, figures, size, since, change, *rest = shown.splitlines()
    assert first.startswith("stems/bass.wav in ")
    assert sound.split("  ")[-1] == "0:08.000 · WAV · 44100 Hz · 16 bit · stereo"
    assert "LUFS" in figures
    assert "1.4 MB · sha256 " in size
    assert "(HEAD → main) gap  Ada" in since
    assert "bar 2 muted; " in change
    assert "╵bar 1" in rest[-1]
    document = track.ok("show", "HEAD~1:mix.wav", "--json").json
    assert (document["schema"], document["path"], document["sound"]) == ("beatflow.file/1", "mix.wav", True)
    assert (document["frames"], document["duration_s"], document["problem"]) == (8 * 44100, 8.0, None)


def test_a_text_of_a_commit(track: Bf) -> None:
    (track.directory / "notes.txt").write_text("\n".join(["a \x1b[31mred", *map(str, range(250))]))
    track.ok("commit", "-m", "notes")
    shown = track.ok("show", ":notes.txt").stdout
    assert "  a \\x1b[31mred\n" in shown
    assert "51 more lines" in shown
    assert "git blob" in shown
    assert track.ok("show", "HEAD:notes.txt", "--json").json["sound"] is False
    assert "did you mean notes.txt?" in track.fails(3, "show", "HEAD:note.txt")


def test_a_sound_that_cannot_be_read(track: Bf) -> None:
    (track.directory / "broken.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40)
    write_tone(track.directory / "fine.wav")
    track.ok("commit", "-m", "broken")
    assert "problem" in track.ok("show", "HEAD:broken.wav").stdout
    assert "broken.wav" in track.ok("show", "HEAD", "broken.wav").stdout


def test_without_a_tempo_the_ruler_counts_seconds(bf: Bf) -> None:
    bf.ok("init")
    write(bf, "mix.wav", np.concatenate([music(8.0), np.zeros((4 * 44100, 2))]))
    bf.ok("commit", "-m", "take")
    assert "╵0:00" in bf.ok("show").stdout
    assert bf.ok("show", "HEAD:mix.wav").stdout.count("⠀") > 40, "silence is drawn as nothing"


def test_a_mix_of_another_name_is_called_by_it(bf: Bf) -> None:
    bf.ok("init")
    write(bf, "song.wav", music(8.0))
    bf.ok("commit", "-m", "first take")
    said = bf.ok("show").stdout
    assert "\n  song  " in said
    assert "\n  mix " not in said


def test_many_regions_are_told_as_one(track: Bf) -> None:
    samples = music(8.0)
    for number in range(8):
        samples[44100 * number : 44100 * number + 11025] = 0
    write(track, "stems/bass.wav", samples)
    track.ok("commit", "-m", "gated")
    assert "8 places muted" in track.ok("show").stdout


def test_no_message_is_told_as_such(track: Bf) -> None:
    assert "no message has 'nothing' in it" in track.fails(3, "show", ":/nothing")


def test_an_encoding_without_blocks(track: Bf) -> None:
    mute_bar_two(track)
    track.environment["PYTHONIOENCODING"] = "ascii"
    shown = track.spawn("show").out_bytes.decode("ascii")
    assert "|bar 1" in shown
    assert "#####" in shown
    assert "?" not in shown
    assert "?" not in track.spawn("log", "--graph").out_bytes.decode("ascii")


def test_conflicts_name_the_way_out(track: Bf) -> None:
    for take in ("ours", "theirs"):
        write_tone(track.directory / "stems" / f"bass.{take}.wav", hz=100 + len(take))
    track.ok("commit", "-m", "undecided")
    assert "! stems/bass.wav is in conflict  bf resolve bass" in track.ok("show").stdout
