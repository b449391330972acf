"""The README's tour runs as it is written, and gives the tree that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Bf

README = Path(__file__).parents[1] / "README.md"


def test_the_tour_runs_and_draws_its_tree(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.commands.log.LISTEN_S", 1e9)  # however busy the machine is
    (block,) = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    output = ""
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        for command in line[2:].split(" && "):
            program, *arguments = shlex.split(command, comments=True)
            if program == "cd":
                bf.directory = (bf.directory / arguments[0]).resolve()
            else:
                assert program == "bf"
                output = bf.ok(*arguments).stdout
    shown = block[block.index("●") :].splitlines()
    assert [drawing(line) for line in output.splitlines()] == [drawing(line) for line in shown]


def drawing(line: str) -> str:
    """A line's lanes and, without ids, figures, names and times, its words."""
    lanes = re.match(r"[●│├─╯╮╰ ]*", line)
    assert lanes is not None
    noise = r"^[0-9a-f]{7} |[▁▂▃▄▅▆▇█ ]{24}|−\d+\.\d LUFS|\([+−]?\d\.\d\)|[A-Z]\w+, \d{4}-.*"
    words = re.sub(noise, "", line[lanes.end() :])
    return lanes.group().rstrip() + " " + " ".join(words.split())
