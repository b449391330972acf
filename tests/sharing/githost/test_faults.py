"""What a bad network, or a bad host, does to sounds and history: nothing is lost, and nothing gets in unproven."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from beatflow.errors import BeatFlowError
from beatflow.repository import Repository
from beatflow.sharing.remote import RefUpdate, RemoteError
from tests import faults
from tests.faults import FaultProxy, Wire, once
from tests.servers import GitHost, SshHost, has
from tests.sharing.githost.hosting import (
    MAIN,
    fetch_all,
    make_track,
    open_host,
    open_ssh,
    pointer_of,
    send_all,
    song,
)

KICK, SNARE = song(0.3, 220.0), song(0.2, 330.0)
LONG = song(2.5, 200.0)


@pytest.fixture
def hosted(git_host: GitHost, tmp_path: Path) -> tuple[str, Repository]:
    """A repository of the host that has a track with two sounds."""
    track = make_track(tmp_path / "track", kick=KICK, snare=SNARE)
    name = git_host.repository()
    send_all(open_host(git_host, name), track)
    return name, track


@pytest.mark.parametrize("kind", faults.KINDS)
@pytest.mark.parametrize("within", ["/objects/batch", "/objects/storage/"])
def test_a_fetch_survives(
    kind: str, within: str, git_host: GitHost, hosted: tuple[str, Repository], tmp_path: Path
) -> None:
    name, _ = hosted
    other = make_track(tmp_path / "other")
    # giftless names its own port: sounds must go by the proxy as well.
    with FaultProxy(git_host.port, once(kind, within=within)) as proxy:
        remote = open_host(git_host, name, port=proxy.port)
        try:
            fetch_all(remote, other)
        except BeatFlowError:
            # One bit of the question or the answer is another: it is no JSON, or names other sounds.
            assert kind in (faults.CORRUPT_ANSWER, faults.CORRUPT_REQUEST)
            assert within == "/objects/batch"
            fetch_all(remote, other)
    for data in (KICK, SNARE):
        assert other.audio.read(pointer_of(data).oid) == data


@pytest.mark.parametrize("kind", faults.KINDS)
@pytest.mark.parametrize("within", ["/objects/batch", "/objects/storage/", "git-receive-pack"])
def test_a_push_survives(kind: str, within: str, git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track", kick=KICK)
    name = git_host.repository()
    with FaultProxy(git_host.port, once(kind, "POST" if "pack" in within else "", within)) as proxy:
        remote = open_host(git_host, name, port=proxy.port)
        try:
            send_all(remote, track)
        except BeatFlowError:
            assert kind in (faults.CORRUPT_ANSWER, faults.CORRUPT_REQUEST)
            send_all(remote, track)
    assert open_host(git_host, name).read_refs().refs == {MAIN: track.head}
    assert git_host.sounds(name)[pointer_of(KICK).oid].read_bytes() == KICK


def test_a_download_goes_on_where_it_stopped(git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track", long=LONG)
    name = git_host.repository()
    send_all(open_host(git_host, name), track)
    other = make_track(tmp_path / "other")
    with FaultProxy(git_host.port, once(faults.CUT_ANSWER, "GET", "/objects/storage/")) as proxy:
        heard: list[int] = []
        remote = open_host(git_host, name, port=proxy.port)
        remote.fetch_history(other.git, [MAIN])
        remote.plan_fetch(other, [pointer_of(LONG)]).run(heard.append)
    assert sum(heard) == len(LONG)  # and not half of it twice
    assert other.audio.read(pointer_of(LONG).oid) == LONG


@pytest.mark.parametrize("organization", ["label", "whole"])
def test_the_next_command_goes_on_as_well(organization: str, git_host: GitHost, tmp_path: Path) -> None:
    track = make_track(tmp_path / "track", long=LONG)
    name = git_host.repository(organization=organization)
    remote = open_host(git_host, name)
    send_all(remote, track)
    other = make_track(tmp_path / "other")
    remote.fetch_history(other.git, [MAIN])

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remote.plan_fetch(other, [pointer_of(LONG)]).run(interrupt)
    for thread in threading.enumerate():
        if thread.daemon and "_labour" in thread.name:
            thread.join()
    part = other.scratch / "incoming" / f"{pointer_of(LONG).oid}.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(LONG[:1000])
    plan = open_host(git_host, name).plan_fetch(other, [pointer_of(LONG)])
    assert plan.bytes == len(LONG) - 1000
    moved = plan.run().bytes
    # A host that knows no ranges begins anew.
    assert moved == (len(LONG) - 1000 if organization == "label" else len(LONG))
    assert other.audio.read(pointer_of(LONG).oid) == LONG
    assert not part.exists()


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * (len(KICK) + 5), b"x" * len(KICK)])
def test_what_lies_there_from_before_is_proven_too(
    left: bytes, git_host: GitHost, hosted: tuple[str, Repository], tmp_path: Path
) -> None:
    name, _ = hosted
    other = make_track(tmp_path / "other")
    part = other.scratch / "incoming" / f"{pointer_of(KICK).oid}.part"
    part.parent.mkdir()
    part.write_bytes(left)
    fetch_all(open_host(git_host, name), other)
    assert other.audio.read(pointer_of(KICK).oid) == KICK


def test_a_host_that_stays_busy_is_named(
    git_host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.sharing.githost.http.ATTEMPTS", 1)
    name = git_host.repository()
    for kind, words in ((faults.BUSY, "fails"), (faults.REFUSE, "cannot be reached")):
        with FaultProxy(git_host.port, always(kind)) as proxy, pytest.raises(RemoteError, match=words):
            open_host(git_host, name, port=proxy.port).find_missing([pointer_of(KICK)])


def always(kind: str) -> Callable[[faults.Request], str]:
    return lambda request: kind


if has("ssh", "sshd"):

    def test_a_cut_ssh_connection_is_named(ssh_host: SshHost, tmp_path: Path) -> None:
        bare = ssh_host.repository()
        track = make_track(tmp_path / "track", kick=KICK)
        remote = open_ssh(ssh_host, bare)
        remote.publish(track, [RefUpdate(MAIN, None, track.head)])
        with Wire(ssh_host.port, cut_down=1000) as wire:
            cut = open_ssh(ssh_host, bare, port=wire.port)
            with pytest.raises(RemoteError):
                cut.read_refs()
        assert remote.read_refs().refs == {MAIN: track.head}

    def test_what_ssh_says_is_passed_on(ssh_host: SshHost, tmp_path: Path) -> None:
        bare = ssh_host.repository()
        with pytest.raises(RemoteError, match="ssh does not know it yet"):
            open_ssh(ssh_host, bare, without(ssh_host, ssh_host.known_hosts)).read_refs()
        with pytest.raises(RemoteError, match="does not let you in"):
            open_ssh(ssh_host, bare, without(ssh_host, ssh_host.key)).read_refs()
        with pytest.raises(RemoteError, match="no such repository"):
            open_ssh(ssh_host, tmp_path / "nothing.git").read_refs()
        with pytest.raises(RemoteError, match="is not installed"):
            open_ssh(ssh_host, bare, {"GIT_SSH_COMMAND": "", "GIT_SSH": "/nowhere/ssh"}).read_refs()

    def without(host: SshHost, path: Path) -> dict[str, str]:
        return {"GIT_SSH_COMMAND": host.command.replace(str(path), "/dev/null")}
