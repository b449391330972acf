"""Keys, and what they do while something plays."""

import os
import pty
from collections.abc import Sequence

import numpy as np

from beatflow.playing.keys import TerminalKeys, split_keys
from beatflow.playing.player import Player
from beatflow.playing.session import Standing, play
from tests.playing.sounds import Ramp


class Recorder:
    """An output that keeps all that it is given."""

    name, channels, gaps = "recorder", 1, 0

    def __init__(self, sample_rate: int = 1024, latency_s: float = 0.0) -> None:
        self.sample_rate, self.latency_s = sample_rate, latency_s
        self.blocks: list[np.ndarray] = []
        self.drained = False

    def write(self, samples: np.ndarray) -> None:
        self.blocks.append(samples)

    def drain(self) -> None:
        self.drained = True


class Script:
    """Keys pressed before certain blocks."""

    def __init__(self, **presses: Sequence[str]) -> None:
        self._presses = {int(at[1:]): list(keys) for at, keys in presses.items()}
        self._asked = -1

    def pressed(self) -> list[str]:
        self._asked += 1
        return self._presses.get(self._asked, [])


def sit(
    keys: Script, sounds: int = 1, loop: bool = False, **options: float
) -> tuple[np.ndarray, list[Standing], object]:
    output, seen = Recorder(), []
    player = Player([Ramp(60 * 1024, 1024) for _ in range(sounds)], 1024, 1, loop=loop)
    played = play(player, output, keys, seen.append, count=sounds, **options)  # type: ignore[arg-type]
    assert output.drained
    return np.rint(np.concatenate(output.blocks)[:, 0] * 1e5), seen, played


def test_it_plays_to_the_end() -> None:
    heard, seen, played = sit(Script())
    assert np.array_equal(heard, np.arange(60 * 1024))
    assert played.finished
    assert played.seconds == 60
    assert seen[-1].position_s == 60
    assert {one.name for one in seen} == {"ramp"}


def test_arrows_jump_and_q_stops() -> None:
    heard, _, played = sit(Script(b3=["right"], b5=["up"], b7=["down", "left"], b9=["home"], b11=["q"]))
    # Each jump lands a step from where it was pressed, and the block after it goes on from there.
    assert heard[4 * 1024 - 1] == 9 * 1024 - 1
    assert heard[6 * 1024 - 1] == 41 * 1024 - 1
    assert heard[8 * 1024 - 1] == 8 * 1024 - 1
    assert heard[10 * 1024 - 1] == 1024 - 1
    assert not played.finished
    assert len(heard) < 12 * 1024


def test_a_pause_takes_no_time_of_the_sound() -> None:
    heard, seen, played = sit(Script(b2=["space"], b10=["space"]))
    assert abs(played.seconds - 60) < 0.05
    assert abs(len(heard) - 68 * 1024) < 64
    assert any(one.paused for one in seen)


def test_number_keys_and_time_go_over_into_others() -> None:
    _, seen, _ = sit(Script(b2=["2"], b4=["3"], b6=["7"], b8=["1", "0", "w"]), sounds=3)
    assert [one.index for one in seen[:10]] == [0, 0, 1, 1, 2, 2, 2, 2, 0, 0]
    _, seen, _ = sit(Script(), sounds=2, every_s=4.0)
    assert [one.index for one in seen[:12]] == [0] * 4 + [1] * 4 + [0] * 4


def test_a_loop_goes_on_until_its_time_is_over() -> None:
    heard, _, played = sit(Script(b3=["l"]), limit_s=125.0)
    assert not played.finished
    assert heard[61 * 1024] == 1024
    assert len(heard) // 1024 == 125


def test_what_is_heard_is_behind_what_was_given() -> None:
    seen: list[Standing] = []
    play(Player([Ramp(4096, 1024)], 1024, 1), Recorder(latency_s=2.0), Script(), seen.append)
    assert [one.position_s for one in seen] == [0, 0, 1, 2]


def test_what_a_terminal_sends_is_told_apart() -> None:
    assert split_keys("a \x1b[C\x1bOD\x1b[15~\x1b2\r") == [
        "a",
        "space",
        "right",
        "left",
        "escape",
        "2",
        "enter",
    ]
    assert split_keys("\x1b[1;5C\x1b[H") == ["home"]
    reading, writing = pty.openpty()
    keys = TerminalKeys(writing)
    assert keys.pressed() == []
    os.write(reading, b"q\n")
    assert keys.pressed() == ["q", "enter"]
    os.close(reading)
    os.close(writing)
