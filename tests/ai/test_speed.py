"""Remembered speeds: the last one counts, and nothing that is wrong with the file matters."""

from pathlib import Path

from beatflow.ai.speed import FILE, Speed, read_speeds, remember_speed


def test_the_last_measurement_takes_the_place_of_the_former(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    slow = Speed("htdemucs", "cpu", "float32", 0.7, 100.0)
    fast = Speed("htdemucs", "cuda:0 NVIDIA H100", "float32", 120.0, 50.0)
    again = Speed("htdemucs", "cpu", "float32", 0.8, 200.0)
    for speed in (slow, fast, again):
        remember_speed(state, speed)
    assert read_speeds(state) == [fast, again]
    assert [path.name for path in state.iterdir()] == [FILE]


def test_nowhere_to_keep_it(tmp_path: Path) -> None:
    speed = Speed("synth", "cpu", "float32", 9.0, 1.0)
    remember_speed(None, speed)
    assert read_speeds(None) == []
    blocked = tmp_path / "file"
    blocked.write_text("")
    remember_speed(blocked / "state", speed)
    assert read_speeds(blocked / "state") == []


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"speeds": [{"engine": 1}]}')
    assert read_speeds(tmp_path) == []
    remember_speed(tmp_path, Speed("synth", "cpu", "float32", 9.0, 1.0))
    assert len(read_speeds(tmp_path)) == 1
