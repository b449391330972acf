"""A partial clone whose commands die at any step: what is absent is never taken for deleted, and nothing is lost.

``BEATFLOW_CRASH=all`` tries every single step; in the suite it is every nineteenth.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.crashing import COUNT, KILL, Crasher
from tests.sharing.partial.studio import Studio, copy
from tests.world import write_tone

EVERY = 1 if os.environ.get("BEATFLOW_CRASH") == "all" else 19

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="steps are taken in a forked child")


@pytest.fixture(scope="module")
def crasher(hermetic: dict[str, str]) -> Iterator[Crasher]:
    with Crasher() as crasher:
        yield crasher


@pytest.fixture(scope="module")
def torso(model: Studio, tmp_path_factory: pytest.TempPathFactory) -> Bf:
    """A clone of the drums alone; the bass lies in its folder once, but an older one is elsewhere."""
    studio = copy(model, tmp_path_factory.mktemp("torso"))
    write_tone(studio.bf.directory / "stems/bass.wav", 0.5, 130)
    studio.bf.ok("commit", "-m", "version 5")
    studio.bf.ok("push", "--all")
    bf = studio.clone("--stems", "beat")
    bf.ok("restore", "stems/bass.wav")
    return bf


@pytest.mark.parametrize(
    "command", [("switch", "--detach", "HEAD~2"), ("fetch", "stems/vocals.wav"), ("prune",)]
)
def test_killed_at_any_step(torso: Bf, crasher: Crasher, tmp_path: Path, command: tuple[str, ...]) -> None:
    def fresh(name: str) -> Bf:
        shutil.copytree(torso.directory, tmp_path / name)
        return Bf(tmp_path / name, now=torso.now)

    counted = crasher.run(fresh("count").directory, *command, mode=COUNT)
    assert counted.code == 0, counted.stderr
    for step in range(1, len(counted.steps) + 1, EVERY):
        bf = fresh(f"step{step}")
        assert crasher.run(bf.directory, *command, mode=KILL, step=step).code < 0
        bf.ok("tag", "next")
        changes = bf.ok("status", "--json").json["changes"]
        assert changes == [], (step, counted.steps[step - 1])
        assert bf("check", "--data").code == 0, counted.steps[step - 1]
        assert bf(*command).code == 0
        assert bf.ok("status", "--json").json["changes"] == []
        shutil.rmtree(bf.directory)
