"""``bf play``: what comes out of a real device, and what is said where there is none."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Bf
from tests.loudspeaker import HAS_CARDS, HAS_PORTAUDIO, Loudspeaker
from tests.world import decode, wav_bytes, write_tone

SCORE = """tempo = 120.0
[mix]
file = "mix.wav"
[stems.drums]
file = "stems/drums.wav"
gain_db = -6.0
[stems.bass]
file = "stems/bass.wav"
mute = true
"""


@pytest.fixture
def track(bf: Bf) -> Bf:
    """Two versions of a mix, and two stems with faders."""
    bf.ok("init")
    write_tone(bf.directory / "mix.wav", 4.0, 220, 0.2)
    write_tone(bf.directory / "stems" / "drums.wav", 4.0, 330, 0.2)
    write_tone(bf.directory / "stems" / "bass.wav", 4.0, 110, 0.2)
    (bf.directory / "track.toml").write_text(SCORE)
    bf.ok("commit", "-m", "first")
    write_tone(bf.directory / "mix.wav", 3.0, 440, 0.1)
    bf.ok("commit", "-m", "second")
    return bf


def samples(data: bytes) -> np.ndarray:
    return (decode(data) / 32768).astype(np.float32)


def events(track: Bf) -> list[dict[str, object]]:
    lines = (track.directory / ".beatflow" / "state" / "library.jsonl").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["kind"] == "play"]


if HAS_PORTAUDIO:

    def test_a_file_and_a_version_come_out_sample_for_sample(track: Bf, loudspeaker: Loudspeaker) -> None:
        for words, data in (
            ((), (track.directory / "mix.wav").read_bytes()),
            (("mix.wav",), (track.directory / "mix.wav").read_bytes()),
            (("HEAD~1:mix.wav",), track.ok("cat", "HEAD~1:mix.wav").out_bytes),
            (("HEAD~1",), track.ok("cat", "HEAD~1:mix.wav").out_bytes),
        ):
            loudspeaker.forget()
            assert track.ok("play", *words).stdout == ""
            assert np.array_equal(loudspeaker.heard(), samples(data)), words

    def test_bars_seconds_and_loops(track: Bf, loudspeaker: Loudspeaker) -> None:
        whole = samples((track.directory / "mix.wav").read_bytes())
        for options, start, end in (
            (["--from", "b2"], 88_200, None),
            (["--to", "b1"], 0, 88_200),
            (["--from", "0:01", "--to", "1.5s"], 44_100, 66_150),
        ):
            loudspeaker.forget()
            track.ok("play", "mix.wav", *options)
            assert np.array_equal(loudspeaker.heard(), whole[start:end]), options
        loudspeaker.forget()
        track.ok("play", "mix.wav", "--to", "1", "--loop", "--for", "2.5")
        heard = loudspeaker.heard()[: int(2.5 * 44_100)]
        assert np.array_equal(heard, np.concatenate([whole[:44_100]] * 3)[: len(heard)])

    def test_stems_sound_with_their_faders(track: Bf, loudspeaker: Loudspeaker) -> None:
        drums, bass = (
            samples((track.directory / "stems" / f"{name}.wav").read_bytes()) for name in ("drums", "bass")
        )
        faded = drums * 10 ** (-6 / 20)
        for stems, expected in (("all", faded), ("drums,bass", faded + bass), ("bass", bass)):
            loudspeaker.forget()
            track.ok("play", "--stems", stems)
            assert np.abs(loudspeaker.heard() - expected).max() < 1e-6, stems
        loudspeaker.forget()
        track.ok("play", "stems", "--stems", "all")
        assert np.abs(loudspeaker.heard() - (drums + bass)).max() < 1e-6
        loudspeaker.forget()
        track.ok("play", "HEAD~1", "--stems", "bass", "--from", "b2")
        assert np.abs(loudspeaker.heard() - bass[88_200:]).max() < 1e-6

    def test_one_goes_over_into_the_other_in_step(track: Bf, loudspeaker: Loudspeaker) -> None:
        played = track.ok("play", "HEAD~1", "HEAD", "--every", "1", "--gain=-3", "--json").json
        first, second = (samples(track.ok("cat", f"{rev}:mix.wav").out_bytes) for rev in ("HEAD~1", "HEAD"))
        heard = loudspeaker.heard() / np.float32(10 ** (-3 / 20))
        assert np.abs(heard[:44_000] - first[:44_000]).max() < 1e-6
        assert np.abs(heard[50_000:88_000] - second[50_000:88_000]).max() < 1e-6
        assert np.abs(heard[95_000:130_000] - first[95_000:130_000]).max() < 1e-6
        assert [sound["duration_s"] for sound in played["sounds"]] == [4.0, 3.0]
        assert (played["device"], played["resampled"], played["finished"]) == ("default", False, True)

    def test_standard_input_and_odd_shapes(bf: Bf, loudspeaker: Loudspeaker) -> None:
        crumb = np.full((220, 1), 1000)  # 5 ms
        bf.ok("play", "-", stdin=wav_bytes(crumb))
        assert len(loudspeaker.heard(1)) == 220
        for name in ("with space.wav", "-dash.wav", "🎵.wav", "x" * 200 + ".wav"):
            (bf.directory / name).write_bytes(wav_bytes(crumb))
            bf.ok("play", "--", name)

    def test_what_is_beyond_full_scale_is_told(bf: Bf, loudspeaker: Loudspeaker) -> None:
        (bf.directory / "hot.wav").write_bytes(wav_bytes(np.full((500, 2), 20_000)))
        said = bf.ok("play", "hot.wav", "--gain", "12").stderr
        assert "1000 samples were beyond full scale" in said
        assert loudspeaker.heard().max() == 1.0

    def test_each_play_is_noted(track: Bf, loudspeaker: Loudspeaker) -> None:
        track.ok("play", "HEAD~1")
        track.ok("play", "mix.wav")
        first, second = events(track)
        assert first["path"] == second["path"] == "mix.wav"
        assert first["oid"] != second["oid"]
        assert second["commit"]
        write_tone(track.directory / "new.wav", 0.2)
        track.ok("play", "new.wav")
        assert events(track)[-1] | {"at": ""} == {
            "at": "", "kind": "play", "path": "new.wav", "oid": None, "commit": None,
        }  # fmt: skip

    def test_devices_are_listed(bf: Bf, loudspeaker: Loudspeaker) -> None:
        assert "default" in bf.ok("play", "--devices").stdout
        assert bf.ok("play", "--devices", "--json").json["devices"][0]["name"] == "default"
        write_tone(bf.directory / "a.wav")
        assert "no device 'tuba'" in bf.fails(2, "play", "a.wav", "--device", "tuba")

    def test_keys_at_a_terminal(track: Bf, loudspeaker: Loudspeaker) -> None:
        """A device that takes all at once would be through before a key is pressed, so it loops."""
        said, status = press(track, ["play", "HEAD~1", "HEAD", "--loop"], ["2", " ", "\x1b[D", " ", "q"])
        assert status == 0, said
        assert "1-2 go over" in said
        assert "[2] HEAD:mix.wav" in said
        assert "paused" in said
        assert events(track)[-1]["path"] == "mix.wav"

    def test_ctrl_c_is_the_end_and_was_a_play(track: Bf, loudspeaker: Loudspeaker) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "beatflow", "--progress=json", "play", "--loop"],
            cwd=track.directory,
            env=os.environ | {"BF_NOW": "1700009999"},
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["event"] == "position"
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        assert len(events(track)) == 1


def press(track: Bf, words: list[str], keys: list[str], ready: bytes = b"/ 0:0") -> tuple[str, int]:
    """Run a command at a terminal and press keys once it plays."""
    environment = os.environ | {"BF_NOW": "1700009999", "BF_PAGER": "cat"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(track.directory)
        os.execve(sys.executable, [sys.executable, "-m", "beatflow", *words], environment)
    said = b""
    waiting = list(keys)
    try:
        while data := os.read(terminal, 65_536):
            said += data
            if ready in said and waiting:
                os.write(terminal, waiting.pop(0).encode())
                time.sleep(0.05)  # so that it is seen what each does
    except OSError:
        pass  # the other end is closed
    _, status = os.waitpid(pid, 0)
    return said.decode(), os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nope.wav"], 3, "neither a sound nor a revision"),
        (["stems"], 2, "is a folder"),
        (["--stems", "drms"], 2, "did you mean drums?"),
        (["--stems", ","], 2, "--stems takes names"),
        (["mian"], 3, "did you mean main?"),
        (["HEAD:track.toml"], 2, "is no sound"),
        (["HEAD:nope.wav"], 3, "no file 'nope.wav'"),
        (["track.toml"], 1, "not sound"),
        (["--from", "noon"], 2, "is no time"),
        (["--from", "0:03", "--to", "0:01"], 2, "0:01 is not after 0:03"),
        (["--crossfade", "11"], 2, "0 to 10 s"),
        (["--every", "0"], 2, "makes no sense"),
        (["--for=-1"], 2, "makes no sense"),
        (["--every", "0.01"], 2, "longer than --crossfade"),
        (["-", "-"], 2, "played once"),
        (["nowhere", "--stems", "all"], 3, "neither a revision nor a folder"),
        (["mix.wav"] * 10, 2, "1 to 9 sounds"),
    ],
)
def test_what_makes_no_sense_is_refused(track: Bf, words: list[str], code: int, said: str) -> None:
    assert said in track.fails(code, "play", *words)


def test_without_a_library_or_a_player_there_is_a_way_out(track: Bf, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    track.environment |= {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    done = track.spawn("play", "mix.wav")
    assert (done.code, done.stdout) == (5, "")
    assert "needs the library PortAudio" in done.stderr
    assert "apt install libportaudio2" in done.stderr
    assert not (track.directory / ".beatflow" / "state" / "library.jsonl").exists()


@pytest.mark.parametrize("program", ["ffplay", "aplay"])
def test_a_player_without_a_device_was_no_play(track: Bf, tmp_path: Path, program: str) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    (tmp_path / program).write_text("#!/bin/sh\nread -r beginning\nexit 1\n")
    (tmp_path / program).chmod(0o755)
    track.environment |= {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    assert track.spawn("play", "mix.wav").code == 5
    assert not (track.directory / ".beatflow" / "state" / "library.jsonl").exists()


if HAS_PORTAUDIO and not HAS_CARDS:

    def test_without_a_device_there_is_a_way_out(track: Bf, tmp_path: Path) -> None:
        track.environment |= {"PATH": str(tmp_path)}
        done = track.spawn("play", "mix.wav")
        assert (done.code, done.stdout) == (5, "")
        assert done.stderr == (
            "error: there is no audio device to play on\n"
            "hint: bf preview FILE -o listen.mp3 makes something to listen to elsewhere\n"
        )


def test_outside_a_track_files_play_and_the_rest_is_explained(bf: Bf) -> None:
    assert "this is no track" in bf.fails(3, "play")
    assert "this is no track" in bf.fails(2, "play", "main")
    assert "no folder of stems" in bf.fails(3, "play", "--stems", "all")
    (bf.directory / "folder").mkdir()
    assert "there is no sound in folder" in bf.fails(2, "play", "folder", "--stems", "all")
    (bf.directory / "empty.wav").touch()
    assert "is empty" in bf.fails(1, "play", "empty.wav")
    (bf.directory / "none.wav").write_bytes(wav_bytes(np.zeros((0, 2))))
    assert "no samples" in bf.fails(1, "play", "none.wav")


if HAS_PORTAUDIO:

    def test_a_partial_clone_plays_small_copies(track: Bf, loudspeaker: Loudspeaker) -> None:
        """Also where the sounds cannot be had now."""
        (track.directory.parent / "part").mkdir()
        part = Bf(track.directory.parent / "part")
        part.ok("clone", track.directory, ".", "--preview")
        track.directory.rename(track.directory.parent / "gone")
        for words, seconds in (((), 3), (("mix.wav",), 3), (("HEAD~1:mix.wav",), 4)):
            loudspeaker.forget()
            said = part.ok("play", *words, "--json")
            assert "this is its small copy" in said.stderr
            assert said.json["sounds"][0]["small_copy"]
            assert len(loudspeaker.heard()) == seconds * 48_000
        assert not (part.directory / "mix.wav").exists()
        assert "cannot be had" in part.fails(3, "play", "--stems", "drums")
