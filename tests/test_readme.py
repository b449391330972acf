"""The README's tour runs as it is written, and prints what it shows."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.conftest import Bf

README = Path(__file__).parents[1] / "README.md"
BAR = round(4 * 60 / 90 * 44100)


def turn_down(samples: NDArray[np.float64]) -> None:
    samples *= 10 ** (-1.5 / 20)


def mute_bar_five(samples: NDArray[np.float64]) -> None:
    samples[4 * BAR : 5 * BAR] = 0


IN_A_DAW: dict[str, Callable[[NDArray[np.float64]], None]] = {
    "# Ada, in her DAW: stems/chords.wav 1.5 dB down": turn_down,
    "# Ben, in his: bar 5 of stems/chords.wav muted": mute_bar_five,
}
"""What the tour has people do outside BeatFlow."""


def test_the_tour_runs_and_prints_what_it_shows(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.commands.log.LISTEN_S", 1e9)  # however busy the machine is
    (block,) = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    shown: list[str] = []
    output: list[str] = []
    for line in block.splitlines():
        if line in IN_A_DAW:
            edit(bf.directory / "stems" / "chords.wav", IN_A_DAW[line])
        elif not line.startswith("$ "):
            shown.append(line)
        else:
            assert [sense(said) for said in output[: len(shown)]] == [sense(said) for said in shown]
            assert len(output) == len(shown) or not shown, "all of it, or nothing"
            shown, output = [], run(bf, line[2:])
    assert [sense(said) for said in output] == [sense(said) for said in shown]


def run(bf: Bf, line: str) -> list[str]:
    """Run the commands of a line, and return what the last one wrote."""
    output: list[str] = []
    for command in line.split(" && "):
        program, *arguments = shlex.split(command, comments=True)
        if program == "cd":
            bf.directory = (bf.directory / arguments[0]).resolve()
        else:
            assert program == "bf"
            result = bf(*arguments)
            assert result.code == (1 if arguments == ["diff"] else 0)
            output = (result.stdout + result.stderr).splitlines()
    return [said for said in output if not re.fullmatch(r"[0-9a-f]{40}|\[main .*", said)]


def edit(path: Path, change: Callable[[NDArray[np.float64]], None]) -> None:
    samples, sample_rate = soundfile.read(path, always_2d=True)
    change(samples)
    soundfile.write(path, samples, sample_rate, "PCM_24")


def sense(line: str) -> str:
    """A line's lanes and, without ids, levels, sparklines, names and times, its words."""
    lanes = re.match(r"[●│├─╯╮╰ ]*", line)
    assert lanes is not None
    noise = r"\b[0-9a-f]{7}\b|[▁▂▃▄▅▆▇█ ]{16,}|−\d+\.\d\b|\([+−]?\d?\.?\d?\)|[A-Z]\w+, \d{4}-.*"
    words = re.sub(noise, "", line[lanes.end() :])
    return lanes.group().rstrip() + " " + " ".join(words.split())
