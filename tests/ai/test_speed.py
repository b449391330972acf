"""Remembered speeds: the last one counts, and nothing that is wrong with the file matters."""

from pathlib import Path

from beatflow.ai.speed import FILE, Speed, read_speeds, remember_speed


def measured(
    engine: str, device: str, factor: float, moment: float, sound_s: float = 60.0, weights_bytes: int = 84
) -> Speed:
    return Speed(engine, device, "float32", factor, moment, sound_s, weights_bytes)


def test_the_last_measurement_takes_the_place_of_the_former(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    slow = measured("htdemucs", "cpu", 0.7, 100.0)
    fast = measured("htdemucs", "cuda:0 NVIDIA H100", 120.0, 50.0)
    again = measured("htdemucs", "cpu", 0.8, 200.0)
    for speed in (slow, fast, again):
        remember_speed(state, speed)
    assert read_speeds(state) == [fast, again]
    assert [path.name for path in state.iterdir()] == [FILE]


def test_weights_of_another_size_have_a_speed_of_their_own(tmp_path: Path) -> None:
    real, toy = measured("htdemucs", "cpu", 0.7, 1.0), measured("htdemucs", "cpu", 90.0, 2.0, weights_bytes=1)
    for speed in (real, toy):
        remember_speed(tmp_path, speed)
    assert read_speeds(tmp_path) == [real, toy]


def test_a_short_run_takes_no_long_ones_place(tmp_path: Path) -> None:
    for sound_s, moment, kept in (
        (2.0, 1.0, 1.0),
        (8.0, 2.0, 2.0),
        (200.0, 3.0, 3.0),
        (8.0, 4.0, 3.0),
        (31.0, 5.0, 5.0),
    ):
        remember_speed(tmp_path, measured("htdemucs", "cpu", 0.5, moment, sound_s))
        assert [speed.measured for speed in read_speeds(tmp_path)] == [kept]


def test_nowhere_to_keep_it(tmp_path: Path) -> None:
    speed = measured("synth", "cpu", 9.0, 1.0)
    remember_speed(None, speed)
    assert read_speeds(None) == []
    blocked = tmp_path / "file"
    blocked.write_text("")
    remember_speed(blocked / "state", speed)
    assert read_speeds(blocked / "state") == []


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"speeds": [{"engine": 1}]}')
    assert read_speeds(tmp_path) == []
    remember_speed(tmp_path, measured("synth", "cpu", 9.0, 1.0))
    assert len(read_speeds(tmp_path)) == 1
