"""Two people push at once, again and again: every commit of both arrives, nothing is overwritten.

``BEATFLOW_RACES=100`` lets them meet so often.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.forks import take, wav
from tests.sharing.places import KINDS, Shared
from tests.sharing.test_matrix import BASS, DRUMS, begin, files, head, write

RACES = int(os.environ.get("BEATFLOW_RACES", "1"))
CONFLICT = 4


@pytest.fixture(params=[kind for kind in ("folder", "track", "s3", "http") if kind in KINDS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    return KINDS[request.param](request, tmp_path)


def start(bf: Bf, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "beatflow", *argv],
        cwd=bf.directory,
        env=os.environ | bf.environment | {"BF_NOW": f"{bf.now} +0000"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_writers_lose_nothing(place: Shared, tmp_path: Path) -> None:
    ada = begin(place, tmp_path / "ada")
    bob = place.clone(tmp_path / "bob")
    written, lost = [head(ada)], 0
    for number in range(RACES):
        for bf, path, base in ((ada, DRUMS, 1000), (bob, BASS, 2000)):
            write(bf, path, wav(take(base + number, 0.3)))
            bf.ok("commit", "-m", f"{path} {number}")
            written.append(head(bf))
        racers = [start(bf, "push") for bf in (ada, bob)]
        said = [racer.communicate(timeout=120)[1] for racer in racers]
        codes = [racer.returncode for racer in racers]
        assert sorted(codes) == [0, CONFLICT], said
        loser = (ada, bob)[codes.index(CONFLICT)]
        winner = (ada, bob)[codes.index(0)]
        assert "bf pull" in said[codes.index(CONFLICT)]
        lost += loser is bob
        loser.ok("pull")
        loser.ok("push")
        winner.ok("pull")
        assert (files(ada), head(ada)) == (files(bob), head(bob))
    eve = place.clone(tmp_path / "eve")
    assert set(written) <= set(eve.ok("log", "--format", "{oid}").stdout.split())
    assert files(eve) == files(ada)
    for bf in (ada, bob, eve):
        bf.ok("check")
