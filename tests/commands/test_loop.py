"""``bf loop``: in a track and outside, to files and pipes, and what it says of what cannot be looped."""

import io

import numpy as np
import pytest
import soundfile

from tests.sound.test_loopsearch import RATE, groove


@pytest.fixture(scope="module")
def audio():
    return groove(10, tempo=100.0, pattern=2)


@pytest.fixture
def piece(audio, bf):
    """Ten bars at 100 BPM, 24 bits, in a file with an odd name."""
    path = bf.directory / "my & 'piece' é.wav"
    soundfile.write(path, np.repeat(audio.samples, 2, axis=1), RATE, subtype="PCM_24")
    return path.name


def read(path):
    samples, rate = soundfile.read(path, always_2d=True)
    return samples, rate


def test_a_loop_is_written_beside(bf, piece):
    done = bf.ok("loop", piece)
    name = "my & 'piece' é-loop.wav"
    assert done.stdout == name + "\n"
    assert "bars, 100.00 BPM" in done.stderr
    samples, rate = read(bf.directory / name)
    assert rate == RATE
    assert samples.shape[1] == 2
    assert soundfile.info(bf.directory / name).subtype == "PCM_24"
    bars = len(samples) / RATE / 2.4
    assert bars == pytest.approx(round(bars), abs=0.001)


def test_several_as_a_document(bf, piece):
    done = bf.ok("loop", piece, "--bars", "2", "--count", "3", "-o", "out/", "--json").json
    assert done["schema"] == "beatflow.loop/1"
    assert done["tempo"] == pytest.approx(100, abs=0.05)
    assert len(done["loops"]) == 3
    for one in done["loops"]:
        assert one["bars"] == 2
        assert not one["audible"]
        assert one["seam_db"] <= 4
        samples, _ = read(bf.directory / one["sound"]["path"])
        assert len(samples) == one["frames"]
    starts = [one["start_frame"] for one in done["loops"]]
    assert len({round(start / RATE / 2.4) for start in starts}) == 3


def test_a_given_tempo_is_kept_to_the_frame(bf, piece):
    done = bf.ok("loop", piece, "--bpm", "100", "--bars", "4", "-n", "--json").json
    assert done["loops"][0]["frames"] == round(16 * 0.6 * RATE)
    assert done["loops"][0]["sound"] is None
    assert not (bf.directory / "my & 'piece' é-loop.wav").exists()


def test_pipes(bf, piece):
    data = (bf.directory / piece).read_bytes()
    done = bf.ok("loop", "-", "--bars", "1", "-o", "-", stdin=data)
    samples, rate = soundfile.read(io.BytesIO(done.out_bytes), always_2d=True)
    assert rate == RATE
    assert len(samples) == pytest.approx(2.4 * RATE, abs=60)


def test_a_flac_of_it(bf, piece):
    bf.ok("loop", piece, "-o", "x.flac")
    assert soundfile.info(bf.directory / "x.flac").subtype == "PCM_24"


def test_in_a_track_it_is_kept_undone_and_made_again(bf, piece):
    bf.ok("init")
    bf.ok("commit", "-m", "a piece")
    bf.ok("loop", piece, "-o", "loop.wav", "--bars", "4", "--commit", "-m", "a loop")
    assert "bit-exact" in bf.ok("reproduce", "loop.wav").stdout
    assert "loop: from" in bf.ok("show", "HEAD").stdout
    first = (bf.directory / "loop.wav").read_bytes()
    bf.ok("loop", piece, "-o", "loop.wav", "--bars", "1")
    assert (bf.directory / "loop.wav").read_bytes() != first
    bf.ok("undo")
    assert (bf.directory / "loop.wav").read_bytes() == first


def test_nothing_is_overwritten_outside_a_track(bf, piece):
    bf.ok("loop", piece, "-o", "a.wav")
    done = bf.fails(4, "loop", piece, "-o", "a.wav")
    assert "there already" in done
    bf.ok("loop", piece, "-o", "a.wav", "--force")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bars", "0"), "0 bars make no loop"),
        (("--count", "0"), "0 loops"),
        (("--bpm", "900"), "900 BPM"),
        (("--bpm", "100", "--bpm-range", "80..120"), "contradict"),
        (("--bpm-range", "120..80"), "'120..80' is not a range of tempi"),
        (("--bpm-range", "1..5"), "no tempo between 1 and 5 BPM"),
        (("--meter", "5/4"), "no meter"),
        (("--count", "2", "-o", "one.wav"), "one file"),
        (("-o", "-", "--json"), "one sound and nothing else"),
    ],
)
def test_nonsense_is_told(bf, piece, words, said):
    assert said in bf.fails(2, "loop", piece, *words)


def test_what_cannot_be_looped(bf, audio):
    rng = np.random.default_rng(0)
    broken = audio.samples.copy()
    broken[RATE] = np.nan
    sounds = {
        "silence": np.zeros((RATE * 4, 1)),
        "noise": rng.standard_normal((RATE * 8, 1)) * 0.1,
        "short": rng.standard_normal((110, 1)) * 0.1,
        "broken": broken,
        "bar": audio.samples[: round(2.4 * RATE)],
    }
    for name, samples in sounds.items():
        soundfile.write(bf.directory / f"{name}.wav", samples, RATE, subtype="FLOAT")
    said = {name: bf.fails(1, "loop", f"{name}.wav", "--bars", "8") for name in sounds if name != "bar"}
    assert "silent" in said["silence"]
    assert "no steady beat" in said["noise"]
    # The way out that it names is one, and who gives a tempo is not told that it is a guess.
    assert "--bpm 60 --bars 1 cuts 4 s" in said["noise"]
    cut = bf.ok("loop", "noise.wav", "--bpm", "60", "--bars", "1", "-n").stderr
    assert "1 bar, 60.00 BPM" in cut
    assert "seam not heard" in cut
    assert "guess" not in cut
    assert "too short" in said["short"]
    assert "not numbers" in said["broken"]
    assert "8 bars" in bf.fails(1, "loop", "bar.wav", "--bars", "8", "--bpm", "100")
    assert not list(bf.directory.glob("*-loop*"))


def test_long_sounds_are_heard_in_sections(bf, piece, monkeypatch):
    from beatflow.making import loopfinding

    monkeypatch.setattr(loopfinding, "_SECTION_S", 10.0)
    monkeypatch.setattr(loopfinding, "_SHARED_S", 5.0)
    done = bf.ok("loop", piece, "--bars", "2", "--count", "2", "--json", "-n").json
    assert len(done["loops"]) == 2
    first, second = (one["start_frame"] for one in done["loops"])
    assert abs(first - second) >= 2 * 2.4 * RATE * 0.5


def test_what_an_engine_made_is_cut_by_the_tempo_that_it_was_made_in(bf):
    bf.ok("init")
    # Double time is easily heard in it.
    bf.ok("generate", "reggaeton", "--bpm", "95", "--key", "Dm", "--bars", "3", "--seed", "4")
    done = bf.ok("loop", "mix.wav", "--bars", "1", "--json").json
    assert (done["tempo"], done["tempo_given"], done["meter"]) == (95.0, True, "4/4")
    assert done["loops"][0]["frames"] == round(4 * 60 / 95 * 44_100)
    assert "bit-exact" in bf.ok("reproduce", done["loops"][0]["sound"]["path"]).stdout
