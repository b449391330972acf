"""Networks that cut, delay, corrupt and repeat: nothing is lost or taken unverified, and trying again succeeds.

``BEATFLOW_FAULTS=50`` tries so many seeds in place of a few.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import faults
from tests.conftest import Bf
from tests.faults import FaultProxy, Wire
from tests.forks import new, put, take, wav
from tests.sharing.places import KINDS, Shared
from tests.sharing.test_matrix import BASS, DRUMS, begin, files, head, write

SEEDS = int(os.environ.get("BEATFLOW_FAULTS", "1"))
SOME = SEEDS == 1
TRIES = 25
NETWORKS = [kind for kind in ("s3", "http") if kind in KINDS]
CODES = (1, 4, 7)  # said what is wrong; not a bug's 70

pytestmark = pytest.mark.skipif(not NETWORKS, reason="no server to speak to")


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    """A place behind a server that speaks http."""
    return KINDS[request.param](request, tmp_path)


@pytest.fixture
def proxy(network: Shared) -> Iterator[FaultProxy]:
    """What stands before it; quiet until it is given a rule."""
    assert network.port
    with FaultProxy(network.port) as proxy:
        yield proxy


def behind(network: Shared, proxy: FaultProxy) -> Shared:
    assert network.redirect
    return network.redirect(proxy.port)


def insist(bf: Bf, *argv: str) -> int:
    """Run a command until it succeeds; return how often it did not."""
    for failures in range(TRIES):
        result = bf(*argv)
        if result.code == 0:
            return failures
        assert result.code in CODES, result.stderr
        assert result.stderr.startswith(("error: ", "warning: ", "note: ")) or "error: " in result.stderr
    raise AssertionError(f"{argv} failed {TRIES} times: {result.stderr}")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_the_network_does_both_end_up_with_the_same(
    network: Shared, proxy: FaultProxy, tmp_path: Path, seed: int
) -> None:
    bad = behind(network, proxy)
    ada = begin(network, tmp_path / "ada")
    ada.ok("remote", "set-url", "origin", bad.url)
    ada.environment |= bad.environment
    bob = network.clone(tmp_path / "bob")
    bob.ok("remote", "set-url", "origin", bad.url)
    bob.environment |= bad.environment
    proxy.rule = faults.at_random(seed, 0.25)
    for number, (one, other) in enumerate(((ada, bob), (bob, ada))):
        write(one, DRUMS, wav(put(take(1), 0.2 * number, new(seed * 10 + number))))
        write(one, BASS, wav(take(100 + seed * 10 + number)))
        one.ok("commit", "-m", f"take {number}")
        insist(one, "push")
        insist(other, "pull")
        assert (files(one), head(one)) == (files(other), head(other))
    assert proxy.faults
    proxy.rule = None
    eve = network.clone(tmp_path / "eve")
    assert files(eve) == files(ada)
    for bf in (ada, bob, eve):
        bf.ok("check")


@pytest.mark.parametrize("kind", [faults.LOSE_ANSWER, faults.REPEAT] if SOME else faults.KINDS)
def test_one_fault_at_any_request_of_a_push_leaves_the_remote_whole(
    network: Shared, proxy: FaultProxy, tmp_path: Path, kind: str
) -> None:
    """Each write of a push in turn meets the fault; others see the old state or the new, never less."""
    bad = behind(network, proxy)
    ada = begin(network, tmp_path / "ada")
    ada.ok("remote", "set-url", "origin", bad.url)
    ada.environment |= bad.environment
    for number in range(0, 60, 3 if SOME else 1):
        write(ada, DRUMS, wav(take(50 + number, 0.3)))
        ada.ok("commit", "-m", f"take {number}")
        proxy.faults.clear()
        proxy.rule = faults.nth(kind, number, "PUT", "POST")
        first = ada("push")
        met = bool(proxy.faults)
        proxy.rule = None
        assert first.code in (0, *CODES), first.stderr
        if first.code:
            others = network.clone(tmp_path / f"other{number}")
            others.ok("check")
            ada.ok("push")
        assert head(ada) in ada.ok("ls-remote", "origin").stdout
        if not met:
            break
    assert number
    assert files(network.clone(tmp_path / "bob")) == files(ada)


def test_nothing_that_a_network_has_changed_is_accepted(
    network: Shared, proxy: FaultProxy, tmp_path: Path
) -> None:
    """Every answer with a body worth the name has one bit flipped, one request after the other."""
    ada = begin(network, tmp_path / "ada")
    bad = behind(network, proxy)
    for number in range(0, 60, 3 if SOME else 1):
        proxy.faults.clear()
        proxy.rule = faults.nth(faults.CORRUPT_ANSWER, number, bit=7919 * (number + 1))
        target = tmp_path / f"clone{number}"
        bob = bad.bf(tmp_path, "Bob")
        result = bob("clone", bad.url, target.name)
        met = bool(proxy.faults)
        proxy.rule = None
        if result.code == 0:
            assert files(network.bf(target)) == files(ada)
            network.bf(target).ok("check")
        else:
            assert result.code in CODES, result.stderr
            assert not target.exists()
        if not met:
            break
    assert number


if "ssh" in KINDS:

    @pytest.mark.parametrize("cut", [{"cut_up": 4500}, {"cut_down": 3000}])
    def test_an_ssh_connection_that_breaks_leaves_both_sides_whole(
        request: pytest.FixtureRequest, tmp_path: Path, cut: dict[str, int]
    ) -> None:
        place = KINDS["ssh"](request, tmp_path)
        assert place.port
        assert place.redirect
        ada = begin(place, tmp_path / "ada")
        with Wire(place.port, **cut) as wire:
            through = place.redirect(wire.port)
            ada.ok("remote", "set-url", "origin", through.url)
            ada.environment |= through.environment
            write(ada, DRUMS, wav(take(3)))
            ada.ok("commit", "-m", "again")
            assert ada("push").code in CODES
            assert wire.cuts == 1
            place.clone(tmp_path / "other").ok("check")
            ada.ok("push")
        assert files(place.clone(tmp_path / "bob")) == files(ada)
