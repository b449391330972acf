"""The device: a real one of ALSA's, made of a file; and programs in its place."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import EngineError, UsageError
from beatflow.playing.device import DeviceOutput, Shape, choose_shape, list_devices
from beatflow.playing.programs import Playback, ProgramOutput
from tests.loudspeaker import HAS_PORTAUDIO, Loudspeaker
from tests.world import write_tone

NOISE = np.random.default_rng(3).uniform(-1, 1, (9_000, 2)).astype(np.float32)
WHY = EngineError("there is no device", "buy one")

if HAS_PORTAUDIO:

    def test_samples_reach_the_device_as_they_are(loudspeaker: Loudspeaker) -> None:
        with DeviceOutput(44_100, 2) as output:
            assert (output.sample_rate, output.channels) == (44_100, 2)
            for start in range(0, len(NOISE), 1000):
                output.write(NOISE[start : start + 1000])
            output.drain()
        assert np.array_equal(loudspeaker.heard(), NOISE)

    def test_devices_are_listed_and_found_by_name(loudspeaker: Loudspeaker) -> None:
        (device,) = [found for found in list_devices() if found["name"] == "default"]
        assert device["default"]
        assert device["channels"] > 0
        for name in ("default", "defau", str(device["index"])):
            with DeviceOutput(44_100, 1, name) as output:
                assert output.name == "default"
        with pytest.raises(UsageError, match="no device 'trumpet'") as error:
            DeviceOutput(44_100, 2, "trumpet")
        assert "default" in str(error.value.hint)

    @pytest.mark.parametrize("config", [None, "pcm.lonely { type null }", 'pcm "broken'])
    def test_a_broken_configuration_is_an_error_and_no_crash(tmp_path: Path, config: str | None) -> None:
        """PortAudio would abort the process, so that it is asked in another one."""
        file = tmp_path / "asound.conf"
        if config is not None:
            file.write_text(config)
        script = (
            "from beatflow.errors import EngineError\n"
            "from beatflow.playing.device import list_devices\n"
            "try:\n    list_devices()\nexcept EngineError as error:\n    print(error.message)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"ALSA_CONFIG_PATH": str(file), "ALSA_CONFIG_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "ALSA's configuration is missing or broken" in done.stdout
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_device_that_goes_away_says_so(loudspeaker: Loudspeaker) -> None:
        with DeviceOutput(44_100, 2) as output:
            output.drain()
            with pytest.raises(EngineError, match="went away"):
                output.write(NOISE)


def test_a_device_is_opened_as_the_sound_is_where_it_can_be() -> None:
    studio = {Shape(rate, channels) for rate in (44_100, 96_000) for channels in (1, 2, 6)}
    laptop = {Shape(48_000, 2)}
    assert choose_shape(studio.__contains__, Shape(96_000, 6), 48_000) == Shape(96_000, 6)
    assert choose_shape(laptop.__contains__, Shape(44_100, 1), 48_000) == Shape(48_000, 2)
    assert choose_shape(laptop.__contains__, Shape(48_000, 1), 48_000) == Shape(48_000, 2)
    assert choose_shape(lambda _: False, Shape(44_100, 1), 32_000) == Shape(32_000, 2)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(EngineError, match="sounddevice") as error:
        DeviceOutput(44_100, 2)
    assert "beatflow[play]" in str(error.value.hint)


# Programs ------------------------------------------------------------------------------------------------


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Have the path hold these programs alone, besides a shell's own."""
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def play(*blocks: np.ndarray) -> None:
    with ProgramOutput(8_000, 2, WHY) as output:
        for block in blocks:
            output.write(block)
        output.drain()


def keep(folder: Path) -> str:
    return f"open({str(folder / 'heard.wav')!r}, 'wb').write(sys.stdin.buffer.read())"


def test_a_program_is_given_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch, ffplay=keep(tmp_path))
    with ProgramOutput(44_100, 2, WHY) as output:
        output.write(NOISE)
        output.drain()
    assert (tmp_path / "heard.wav").read_bytes().endswith(NOISE.tobytes())


@pytest.mark.parametrize("seconds", [1, 40])
def test_one_that_gives_up_is_followed_by_the_next(
    seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where it says that all went well, as ffplay does without a device."""
    liar = "sys.stdin.buffer.read(4096); print('audio open failed', file=sys.stderr)"
    install(tmp_path / "bin", monkeypatch, ffplay=liar, aplay="sys.exit(1)", play=keep(tmp_path))
    with ProgramOutput(8_000, 2, WHY) as output:
        for _ in range(seconds * 2):
            output.write(NOISE[:4000])
        output.drain()
    assert output.name == "play"
    assert (tmp_path / "heard.wav").read_bytes().endswith(NOISE[:4000].tobytes() * 2 * seconds)


def test_one_that_takes_files_gets_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"import shutil; shutil.copy(sys.argv[-1], {str(tmp_path / 'heard.wav')!r})"
    install(tmp_path / "bin", monkeypatch, afplay=script)
    with ProgramOutput(44_100, 1, WHY) as output:
        output.write(NOISE[:, :1])
        output.drain()
    assert (tmp_path / "heard.wav").stat().st_size > 3 * len(NOISE)


def test_where_nothing_plays_the_reason_is_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", monkeypatch)
    with pytest.raises(EngineError, match="there is no device"):
        ProgramOutput(44_100, 2, WHY)
    install(tmp_path / "bin2", monkeypatch, ffplay="sys.exit(1)")
    with pytest.raises(EngineError, match="there is no device"):
        play(NOISE)
    file = tmp_path / "tone.wav"
    write_tone(file)
    with Playback(file) as playback:
        assert not playback.playing


def test_one_that_stops_in_the_middle_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch, ffplay="sys.stdin.buffer.read(4_000_000)")
    with pytest.raises(EngineError, match="ffplay stopped playing"):
        play(*[NOISE] * 200)
