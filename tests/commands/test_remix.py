"""``bf remix`` as a producer meets it: files, stems, commits, pipes; what was asked is measured, and made again."""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beatflow.contract.measuring import measure
from beatflow.delivery import digest
from beatflow.provenance import find_record, write_pending
from beatflow.sound.files import read_audio
from beatflow.sound.loudness import measure_loudness
from tests.conftest import Bf
from tests.lineage.band import open_track

RATE = 22050


def make_piece(tempo: float = 100.0, bars: int = 6, tonic: int = 0) -> np.ndarray:
    """Chords of A minor and clicks on the beats, stereo floats."""
    beat = 60 / tempo
    seconds = bars * 4 * beat
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros(len(time))
    noise = np.random.default_rng(0)
    for number in range(bars * 4):
        chord = ((57, 60, 64), (53, 57, 60), (50, 53, 57), (52, 56, 59))[number // 4 % 4]
        at = round(number * beat * RATE)
        length = min(round(beat * RATE), len(time) - at)
        local = np.arange(length) / RATE
        for midi in (*chord, chord[0] - 12):
            hz = 440 * 2 ** ((midi + tonic - 69) / 12)
            wave[at : at + length] += 0.07 * np.exp(-2 * local) * np.sin(2 * np.pi * hz * local)
        burst = min(600, length)
        wave[at : at + burst] += (
            (0.3 if number % 4 == 0 else 0.15) * noise.normal(0, 1, burst) * np.exp(-np.arange(burst) / 120)
        )
    return np.stack([wave, 0.9 * wave], axis=1)


@pytest.fixture(scope="module")
def piece() -> np.ndarray:
    return make_piece()


@pytest.fixture
def song(bf: Bf, piece: np.ndarray) -> Bf:
    soundfile.write(bf.directory / "song.wav", piece, RATE, subtype="PCM_16")
    return bf


def frames(bf: Bf, name: str) -> int:
    return int(soundfile.info(bf.directory / name).frames)


def test_faster_by_percent_is_exact_to_the_frame(song: Bf, piece: np.ndarray) -> None:
    done = song.ok("remix", "song.wav", "--tempo", "+10%")
    assert done.stdout == "song-remix.wav\n"
    assert "tempo +10 %" in done.stderr
    assert frames(song, "song-remix.wav") == int(len(piece) / 1.1 + 0.5)
    assert soundfile.info(song.directory / "song-remix.wav").subtype == "PCM_16"
    assert "is there already" in song.fails(4, "remix", "song.wav", "--tempo", "+10%")
    song.ok("remix", "song.wav", "--tempo", "+10%", "--force")


def test_what_is_asked_is_measured(song: Bf) -> None:
    done = song.ok(
        "remix",
        "song.wav",
        "--tempo",
        "110",
        "--key",
        "Cm",
        "--normalize",
        "-14LUFS",
        "-o",
        "x.flac",
        "--json",
    ).json
    assert done["schema"] == "beatflow.remix/1"
    assert done["semitones"] == 3
    assert done["source"]["tempo"] == pytest.approx(100, abs=0.1)
    assert done["contract"]["held"]
    assert {one["term"] for one in done["contract"]["promises"]} == {
        "tempo",
        "key",
        "loudness_lufs",
        "true_peak_dbtp",
    }
    made = read_audio(song.directory / "x.flac")
    found = measure(made, 110.0)
    assert found.fit is not None
    assert found.fit.tempo == pytest.approx(110, abs=0.1)
    assert found.key.key == "C:min"
    assert found.loudness.integrated_lufs == pytest.approx(-14, abs=0.3)
    assert (found.loudness.true_peak_dbtp or 0) <= -0.9
    assert made.frames == done["frames"]


def test_what_does_not_hold_is_not_written(song: Bf) -> None:
    told = song.fails(8, "remix", "song.wav", "--tempo", "100", "--source-tempo", "90")
    assert "does not keep what was asked for: 100 BPM (111" in told
    assert "nothing was written" in told
    assert "--source-tempo 100" in told
    assert not (song.directory / "song-remix.wav").exists()
    # Nobody can hear -3 LUFS in this without more limiting than there is.
    told = song.fails(8, "remix", "song.wav", "--normalize", "-3")
    assert "is within reach" in told


def test_steps_come_in_their_order(song: Bf, piece: np.ndarray) -> None:
    silence = np.zeros((RATE, 2))
    soundfile.write(
        song.directory / "late.wav", np.concatenate([silence, piece, silence]), RATE, subtype="PCM_24"
    )
    argv = ("--fade", "out=1", "--fx", "gain(-6dB)", "--pitch", "12", "--reverse", "--trim-silence")
    done = song.ok("remix", "late.wav", *argv, "-o", "y.wav", "--json").json
    assert [step.split(" ")[0] for step in done["steps"]] == [
        "trimmed",
        "reversed",
        "+12",
        "effects",
        "faded",
    ]
    made, _ = soundfile.read(song.directory / "y.wav")
    assert len(made) == len(piece) + round(0.055 * RATE) - (
        round(0.055 * RATE) - (done["frames"] - len(piece))
    )
    assert np.abs(made[-20:]).max() < 1e-3
    assert np.abs(made).max() < 0.8


def test_backwards_is_backwards_bit_for_bit(song: Bf, piece: np.ndarray) -> None:
    song.ok("remix", "song.wav", "--reverse", "-o", "back.wav")
    one, _ = soundfile.read(song.directory / "song.wav", dtype="int16")
    two, _ = soundfile.read(song.directory / "back.wav", dtype="int16")
    assert np.array_equal(one[::-1], two)


def test_effects_ring_out_or_keep_the_length(bf: Bf) -> None:
    short = make_piece(bars=1)
    write(bf, "short.wav", short, "PCM_16")
    bf.ok("remix", "short.wav", "--fx", "reverb(size=.3)", "-o", "rings.wav")
    bf.ok("remix", "short.wav", "--fx", "reverb(size=.3)", "--no-tail", "-o", "kept.wav")
    assert frames(bf, "rings.wav") > len(short)
    assert frames(bf, "kept.wav") == len(short)


def test_nothing_clips_that_nobody_asked_to(song: Bf) -> None:
    done = song.ok("remix", "song.wav", "--fx", "gain(20dB)", "-o", "loud.wav", "--json").json
    assert done["headroom_db"] < -1
    assert done["clipped_samples"] == 0
    assert np.abs(soundfile.read(song.directory / "loud.wav")[0]).max() == pytest.approx(
        10 ** (-0.1 / 20), abs=1e-3
    )


def test_what_is_too_short_has_no_loudness(bf: Bf) -> None:
    write(bf, "short.wav", 0.3 * np.sin(np.arange(RATE // 4) / 10)[:, None], "PCM_16")
    told = bf.fails(8, "remix", "short.wav", "--normalize", "-14")
    assert "shorter than 0.4 s" in told
    assert not (bf.directory / "short-remix.wav").exists()


def test_a_format_that_loses_has_no_depth(song: Bf) -> None:
    done = song.ok("remix", "song.wav", "--reverse", "-o", "x.ogg", "--json").json
    assert done["subtype"] == soundfile.info(song.directory / "x.ogg").subtype == "VORBIS"


def test_pipes(song: Bf, piece: np.ndarray) -> None:
    data = (song.directory / "song.wav").read_bytes()
    done = song.ok("remix", "-", "--tempo", "2x", "-o", "-", stdin=data)
    samples, rate = soundfile.read(io.BytesIO(done.out_bytes))
    assert (len(samples), rate) == (len(piece) // 2, RATE)
    song.ok("remix", "-", "--reverse", stdin=data)
    assert frames(song, "input-remix.wav") == len(piece)


def test_a_dry_run_only_tells(song: Bf) -> None:
    done = song.ok(
        "remix", "song.wav", "--tempo", "130", "--genre", "jazz", "--seed", "1", "-n", "--json"
    ).json
    assert done["sound"] is None
    assert done["contract"] is None
    assert done["plan"]["groove"]["tempo"] == pytest.approx(130)
    assert done["engine"] == "synth"
    assert os.listdir(song.directory) == ["song.wav"]


@pytest.fixture(scope="module")
def made_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A track with a mix, its stems and their record."""
    folder = tmp_path_factory.mktemp("made") / "track"
    folder.mkdir()
    bf = Bf(folder)
    bf.ok("init")
    argv = ("--bpm", "124", "--key", "Am", "--bars", "3", "--seed", "3", "--engine", "synth")
    bf.ok("generate", "house", *argv, "-m", "one")
    return folder


@pytest.fixture
def track(bf: Bf, made_track: Path) -> Bf:
    shutil.copytree(made_track, bf.directory, dirs_exist_ok=True, symlinks=True)
    return bf


def test_a_stem_by_its_name_gets_a_neighbour(track: Bf) -> None:
    done = track.ok("remix", "bass", "--tempo", "93", "--json").json
    assert done["sound"]["path"] == "stems/bass-remix.wav"
    assert done["stem"] == "bass"
    # The record knows the tempo: nothing has to be heard.
    assert done["source"]["tempo"] == 124
    assert done["frames"] == round(frames(track, "stems/bass.wav") * 124 / 93)


def test_in_place_is_a_commit_that_can_be_undone(track: Bf) -> None:
    before = (track.directory / "stems/bass.wav").read_bytes()
    done = track.ok("remix", "bass", "--fx", "lowpass(800) | reverb", "--in-place")
    assert "remix bass" in done.stderr
    after = (track.directory / "stems/bass.wav").read_bytes()
    assert len(after) == len(before)  # a stem keeps its length
    assert after != before
    assert "remix bass" in track.ok("log", "--oneline", "-n", "1").stdout
    assert "stems/bass.wav  bit-exact  remixed" in track.ok("reproduce", "stems/bass.wav").stdout
    track.ok("undo")
    assert (track.directory / "stems/bass.wav").read_bytes() == before


def test_a_sound_of_a_commit(track: Bf) -> None:
    (track.directory / "mix.wav").unlink()
    done = track.ok("remix", "HEAD:mix.wav", "--tempo", "-10%", "--reverse")
    assert done.stdout == "mix-remix.wav\n"
    assert "no file 'mux.wav'" in track.fails(3, "remix", "HEAD:mux.wav", "--reverse")
    assert "is no sound" in track.fails(2, "remix", "HEAD:track.toml", "--reverse")


def test_another_genre_for_a_mix_of_the_track(track: Bf) -> None:
    done = track.ok(
        "remix", "mix.wav", "--genre", "jazz", "--seed", "5", "--commit", "-m", "jazzy", "--json"
    ).json
    # The true drums can be left out exactly: no separator is at work.
    assert (done["engine"], done["separator"]) == ("synth", None)
    assert done["plan"]["groove"]["tempo"] == 124
    assert "offset_s" not in done["plan"]["groove"]  # it begins with the first bar
    made, was = read_audio(track.directory / "mix-remix.wav"), read_audio(track.directory / "mix.wav")
    one, two = measure_loudness(made), measure_loudness(was)
    assert one.integrated_lufs == pytest.approx(two.integrated_lufs, abs=0.6)
    assert "bit-exact  remix by synth" in track.ok("reproduce", "mix-remix.wav").stdout
    licences = track.ok("license", "mix-remix.wav").stdout
    assert "stems/chords.wav" in licences
    assert "stems/drums.wav" not in licences
    assert "may be sold" in licences


def test_another_genre_for_any_music(bf: Bf) -> None:
    short = make_piece(bars=2)
    soundfile.write(bf.directory / "song.wav", short, RATE, subtype="PCM_16")
    argv = ("--genre", "lofi", "--seed", "5", "--no-tail", "--source-tempo", "100")
    done = bf.ok("remix", "song.wav", *argv, "--json").json
    assert (done["engine"], done["separator"]) == ("synth", "dsp")
    assert done["frames"] == len(short)


def test_a_genre_without_drums_is_made_again(bf: Bf) -> None:
    soundfile.write(bf.directory / "song.wav", make_piece(bars=1), RATE, subtype="PCM_16")
    bf.ok("init")
    bf.ok("commit", "-m", "one")
    bf.ok("remix", "song.wav", "--genre", "classical", "--no-tail")
    assert "bit-exact" in bf.ok("reproduce", "song-remix.wav").stdout


def test_old_drums_stay_or_just_go_where_the_genre_says_so(song: Bf) -> None:
    layered = song.ok("remix", "song.wav", "--genre", "rock", "--seed", "1", "-n", "--json").json
    assert (layered["engine"], layered["separator"]) == ("synth", None)
    gone = song.ok("remix", "song.wav", "--genre", "classical", "-n", "--json").json
    assert (gone["engine"], gone["separator"]) == (None, "dsp")


def test_an_engine_that_follows_makes_all_of_it(song: Bf, neural: Bf) -> None:
    done = neural.ok(
        "remix",
        "song.wav",
        "--genre",
        "jazz",
        "--engine",
        "musicgen-melody",
        "--seed",
        "5",
        "--json",
        "-o",
        "new.wav",
    ).json
    assert done["engine"] == "musicgen-melody"
    assert done["plan"]["groove"]["guided"]
    assert "musicgen-melody follows it" in done["steps"][0]


def test_what_effects_and_genres_there_are(bf: Bf) -> None:
    assert "reverb" in bf.ok("remix", "--fx", "help").stdout
    assert "lofi" in bf.ok("remix", "--genre", "help").stdout
    assert any(one["name"] == "limiter" for one in bf.ok("remix", "--fx", "help", "--json").json["effects"])
    assert any(one["genre"] == "edm" for one in bf.ok("remix", "--genre", "help", "--json").json["genres"])


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("song.wav",), "nothing is asked for"),
        ((), "no sound is named"),
        (("song.wav", "--fx", "reverp"), "reverb"),
        (("song.wav", "--fx", "reverb(wet=3)"), "0 to 1"),
        (("song.wav", "--genre", "jaz"), "did you mean jazz"),
        (("song.wav", "--pitch", "13"), "-12 to 12"),
        (("song.wav", "--tempo", "+200%"), "-50% to +100%"),
        (("song.waw", "--reverse"), "did you mean song.wav"),
        ((".", "--reverse"), "is a folder"),
        (("song.wav", "--reverse", "--in-place"), "lies in no track"),
        (("song.wav", "--reverse", "--in-place", "-o", "x.wav"), "both say where"),
        (("song.wav", "--reverse", "-o", "-", "--json"), "one sound and nothing else"),
        (("song.wav", "--reverse", "--engine", "synth"), "--engine is for --genre"),
        (("song.wav", "--tempo", "250", "--source-tempo", "100"), "too far"),
    ],
)
def test_what_cannot_be(song: Bf, argv: tuple[str, ...], says: str) -> None:
    assert says in song.fails(2, "remix", *argv)
    assert os.listdir(song.directory) == ["song.wav"]


def write(bf: Bf, name: str, samples: np.ndarray, subtype: str = "FLOAT") -> None:
    soundfile.write(bf.directory / name, samples, RATE, subtype=subtype)


def test_bad_sounds(bf: Bf) -> None:
    write(bf, "silence.wav", np.zeros((RATE, 2)))
    nan = np.zeros((RATE, 2))
    nan[100] = np.nan
    write(bf, "nan.wav", nan)
    write(bf, "nothing.wav", np.zeros((0, 2)))
    (bf.directory / "empty.wav").write_bytes(b"")
    (bf.directory / "text.wav").write_text("no sound at all")
    for name, says in (
        ("silence.wav", "silent"), ("nan.wav", "not numbers"), ("nothing.wav", "no samples"), ("empty.wav", "empty"),
        ("text.wav", "text.wav"),
    ):  # fmt: skip
        assert says in bf.fails(1, "remix", name, "--tempo", "+10%", "--fx", "chorus | reverb")
        assert not (bf.directory / f"{name[:-4]}-remix.wav").exists()


def test_odd_sounds(bf: Bf) -> None:
    all_of_it = ("--tempo", "-10%", "--pitch", "-2", "--fx", "stereo | chorus | reverb | limiter", "--reverse",
                 "--fade", "1", "--trim-silence")  # fmt: skip
    write(bf, "short.wav", 0.5 * np.sin(np.arange(110) / 5)[:, None], "PCM_16")
    write(bf, "dc.wav", np.full((RATE, 1), 0.5), "PCM_U8")
    write(bf, "clipped.wav", np.clip(3 * np.sin(np.arange(RATE) / 20), -1, 1)[:, None], "PCM_24")
    for name in ("short", "dc", "clipped"):
        bf.ok("remix", f"{name}.wav", *all_of_it)
        made, _ = soundfile.read(bf.directory / f"{name}-remix.wav")
        assert np.isfinite(made).all()


@pytest.mark.parametrize("name", ["-dash.wav", "spaces & 'quotes'.wav", "🎵.wav", "x" * 250 + ".wav"])
def test_odd_names(bf: Bf, name: str) -> None:
    write(bf, name, 0.3 * np.sin(np.arange(RATE) / 10)[:, None], "PCM_16")
    bf.ok("remix", "--reverse", "--", name)
    assert (bf.directory / f"{name[:-4][:230]}-remix.wav").exists()


def test_a_forged_record_is_not_run(track: Bf) -> None:
    track.ok("remix", "bass", "--reverse", "--in-place")
    repository = open_track(track)
    oid = digest(track.directory / "stems/bass.wav")
    genuine = find_record(repository, oid)
    assert genuine is not None
    changes: list[dict[str, object]] = [
        {"plan": {"frames": -1}}, {"plan": None}, {"subtype": 3}, {"inputs": []}, {"inputs": "x"},
        {"plan": {**genuine["plan"], "fx": "rm(rf)"}},
    ]  # fmt: skip
    for change in changes:
        write_pending(repository, oid, json.loads(json.dumps(genuine | change)))
        done = track("reproduce", "stems/bass.wav")
        assert done.code in (2, 7), done.stderr
        assert "bug" not in done.stderr


def test_a_full_journal_of_it(song: Bf) -> None:
    song.ok("init")
    song.ok("remix", "song.wav", "--reverse")
    lines = (song.directory / ".beatflow/state/library.jsonl").read_text().splitlines()
    (event,) = [json.loads(line) for line in lines if '"remix"' in line]
    assert (event["kind"], event["command"], event["ok"]) == ("generation", "remix", True)
    assert event["sounds"][0]["path"] == "song-remix.wav"
