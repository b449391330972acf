"""Pushes and pulls that are killed at any moment: the remote stays whole, the track too, and the next try succeeds.

``BEATFLOW_KILLS=50`` kills so many of each in place of a few.
"""

import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.crashing import Crasher
from tests.forks import take, wav
from tests.sharing.places import KINDS, Shared
from tests.sharing.test_matrix import BASS, DRUMS, begin, files, head, write

KILLS = int(os.environ.get("BEATFLOW_KILLS", "6"))
SEED = int(os.environ.get("BEATFLOW_SEED", "1"))
PLACES: list[str] = [kind for kind in ("folder", "s3", "http") if kind in KINDS]
SIGKILL = -9
INTERRUPTED = "a change was interrupted; the next command that writes finishes it"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="commands run in a forked child")


@pytest.fixture(scope="module")
def crasher(hermetic: dict[str, str]) -> Iterator[Crasher]:
    with Crasher() as crasher:
        yield crasher


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    return KINDS[request.param](request, tmp_path)


def nothing_is_damaged(bf: Bf) -> None:
    """Check a track; that a change was interrupted is all that may be said."""
    found = bf("check")
    assert found.code == 0 or found.stdout.splitlines() == [INTERRUPTED], found.stdout


def moments(kind: str, what: str) -> list[float]:
    """Return when to kill, as shares of the time that an undisturbed run takes; the last is early."""
    share = KILLS // len(PLACES) + (PLACES.index(kind) < KILLS % len(PLACES))
    draw = random.Random(f"{SEED} {kind} {what}")
    return [draw.random() for _ in range(share - 1)] + [0.2]


def test_a_push_that_is_killed_leaves_the_remote_whole(
    place: Shared, crasher: Crasher, tmp_path: Path
) -> None:
    ada = begin(place, tmp_path / "ada")
    before, killed, took_s = head(ada), 0, math.inf
    for number, share in enumerate([1.0, *moments(place.kind, "push")]):
        write(ada, DRUMS, wav(take(10 + number, 4.0)))
        write(ada, BASS, wav(take(90 + number, 4.0)))
        ada.ok("commit", "-m", f"take {number}")
        after_s = None if number == 0 else share * took_s
        start_s = time.monotonic()
        ended = crasher.run(ada.directory, "push", after_s=after_s, environment=ada.environment)
        killed += ended.code == SIGKILL
        if ended.code == 0:
            took_s = min(took_s, time.monotonic() - start_s)
        assert ended.code in (0, SIGKILL), ended.stderr
        there = ada.ok("ls-remote", "origin").stdout
        assert before in there or head(ada) in there
        if ended.code == SIGKILL:
            other = place.clone(tmp_path / f"other{number}")
            assert head(other) in (before, head(ada))
            other.ok("check")
            nothing_is_damaged(ada)
            ada.ok("push")
        before = head(ada)
        assert before in ada.ok("ls-remote", "origin").stdout
    assert killed
    assert files(place.clone(tmp_path / "bob")) == files(ada)
    ada.ok("check")


def test_a_pull_that_is_killed_leaves_the_track_whole(
    place: Shared, crasher: Crasher, tmp_path: Path
) -> None:
    ada = begin(place, tmp_path / "ada")
    bob = place.clone(tmp_path / "bob")
    killed, took_s = 0, math.inf
    for number, share in enumerate([1.0, *moments(place.kind, "pull")]):
        write(ada, DRUMS, wav(take(10 + number, 4.0)))
        write(ada, BASS, wav(take(90 + number, 4.0)))
        ada.ok("commit", "-m", f"take {number}")
        ada.ok("push")
        before = files(bob)
        after_s = None if number == 0 else share * took_s
        start_s = time.monotonic()
        ended = crasher.run(bob.directory, "pull", after_s=after_s, environment=bob.environment)
        killed += ended.code == SIGKILL
        if ended.code == 0:
            took_s = min(took_s, time.monotonic() - start_s)
        assert ended.code in (0, SIGKILL), ended.stderr
        if ended.code == SIGKILL:
            bob.ok("status")
            nothing_is_damaged(bob)
            assert set(files(bob)) == set(before)
            bob.ok("pull")
        assert (files(bob), head(bob)) == (files(ada), head(ada))
    assert killed
    bob.ok("check")
