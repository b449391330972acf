"""A track as a remote, from the library: what may go wrong between asking and publishing."""

from pathlib import Path

import pytest

from beatflow.errors import ConflictError, LockedError, NotFoundError, UsageError
from beatflow.lock import Lock
from beatflow.repository import Repository
from beatflow.sharing.access import Access
from beatflow.sharing.configured import complete_remote, get_remote
from beatflow.sharing.flows.cloning import CloneRequest, clone, name_folder
from beatflow.sharing.flows.fetching import FetchRequest, fetch, receive, stage_incoming
from beatflow.sharing.flows.pushing import PushRequest, push
from beatflow.sharing.opening import choose_sources, open_configured, read_address
from beatflow.sharing.remote import MovedError, RefUpdate, RemoteError
from beatflow.sharing.track.track import TrackRemote, find_track
from beatflow.sharing.watch import Unwatched
from beatflow.transaction import Transaction
from tests.conftest import Bf
from tests.sharing.flows.test_forks import ADA
from tests.world import write_tone


@pytest.fixture
def song(bf: Bf) -> Repository:
    bf.ok("init")
    write_tone(bf.directory / "bass.wav", hz=110)
    bf.ok("commit", "-m", "first")
    return Repository(bf.directory, lambda: ADA)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(lambda: ADA, tmp_path)


@pytest.fixture
def copy(song: Repository, access: Access, tmp_path: Path) -> Repository:
    made = clone(str(song.root), tmp_path / "copy", CloneRequest(), access, Unwatched())
    return Repository(made.root, lambda: ADA)


def grow(repository: Repository, bf: Bf, name: str) -> str:
    write_tone(repository.root / name, hz=float(len(name) * 100))
    return Bf(repository.root, now=bf.now).ok("commit", "-m", name).stdout.strip()


def test_a_ref_that_moved_meanwhile_is_not_overwritten(song: Repository, copy: Repository, bf: Bf) -> None:
    remote = TrackRemote(song.root, lambda: ADA)
    before = song.head
    mine = grow(copy, bf, "mine.wav")
    theirs = grow(song, bf, "theirs.wav")
    remote.plan_send(copy, []).run()
    with pytest.raises(MovedError):
        remote.publish(copy, [RefUpdate("refs/heads/main", before, mine)])
    assert Repository(song.root, lambda: ADA).head == theirs
    assert not (song.root / "mine.wav").exists()


def test_refs_move_only_when_all_sounds_are_there(song: Repository, copy: Repository, bf: Bf) -> None:
    remote = TrackRemote(song.root, lambda: ADA)
    mine = grow(copy, bf, "mine.wav")
    with pytest.raises(RemoteError, match="are gone again"):
        remote.publish(copy, [RefUpdate("refs/heads/main", song.head, mine)])
    with pytest.raises(NotFoundError, match="any more"):
        remote.fetch_history(copy.git, ["refs/heads/nix"])
    assert remote.locks() is None or remote.locks()


def test_all_refs_of_a_push_move_or_none(song: Repository, copy: Repository) -> None:
    remote = TrackRemote(song.root, lambda: ADA)
    head = copy.head
    updates = [RefUpdate("refs/heads/new", None, head), RefUpdate("refs/heads/main", "1" * 40, head)]
    with pytest.raises(MovedError):
        remote.publish(copy, updates)
    assert song.git.read_ref("refs/heads/new") is None


def test_two_that_push_at_the_same_moment(song: Repository, copy: Repository, access: Access, bf: Bf) -> None:
    """The second reads the refs before the first publishes, and publishes after."""
    third = Repository(
        clone(str(song.root), song.root.parent / "third", CloneRequest(), access, Unwatched()).root,
        lambda: ADA,
    )
    first, second = grow(copy, bf, "a.wav"), grow(third, bf, "bb.wav")
    configured = get_remote(third, "origin")
    remote = open_configured(third, configured, access)

    def overtake(*_: object) -> None:
        push(
            copy, get_remote(copy, "origin"), TrackRemote(song.root, lambda: ADA), PushRequest(), Unwatched()
        )

    with pytest.raises(MovedError):
        push(third, configured, remote, PushRequest(), Unwatched(), overtake)
    now = Repository(song.root, lambda: ADA)
    assert now.head == first
    assert third.git.read_ref("refs/remotes/origin/main") != second


def test_what_was_swept_before_the_refs_moved_is_noticed(
    song: Repository, copy: Repository, access: Access, bf: Bf
) -> None:
    grow(song, bf, "new.wav")
    configured = get_remote(copy, "origin")
    remote = open_configured(copy, configured, access)
    incoming = receive(copy, configured, remote, FetchRequest(), Unwatched())
    assert incoming.moved.sounds == 1
    Bf(copy.root, now=bf.now).ok("gc")
    again = Repository(copy.root, lambda: ADA)
    with (
        pytest.raises(ConflictError, match="swept away"),
        Transaction(again, "fetch", "origin") as transaction,
    ):
        stage_incoming(transaction, incoming)
    assert fetch(again, configured, remote, FetchRequest(), Unwatched()).moved.sounds == 1


def test_two_clones_to_one_place_do_not_mix(song: Repository, access: Access, tmp_path: Path) -> None:
    from beatflow.sharing.flows.cloning import _name_unfinished

    unfinished = _name_unfinished(tmp_path / "copy", read_address(str(song.root), access))
    unfinished.mkdir()
    other = Repository.create(unfinished, lambda: ADA)
    with Lock(other.state / "cloning", "bf clone"), pytest.raises(LockedError):
        clone(str(song.root), tmp_path / "copy", CloneRequest(), access, Unwatched())
    assert unfinished.is_dir()
    clone(str(song.root), tmp_path / "copy", CloneRequest(), access, Unwatched())
    assert not unfinished.exists()


def test_what_a_folder_is_called(access: Access) -> None:
    assert name_folder("/media/stick/night drive") == "night drive"
    assert name_folder("git@example.com:night.git") == "night"
    assert name_folder("git@example.com:ada/night.git/") == "night"
    assert name_folder("s3://bucket") == "bucket"
    assert name_folder("/home/ada/night/.git") == "night"
    for odd in ("/", "https://", ""):
        with pytest.raises(NotFoundError):
            name_folder(odd)


def test_what_a_track_is(song: Repository, tmp_path: Path) -> None:
    assert find_track(song.root) == find_track(song.directory) == song.root
    assert find_track(tmp_path) is None


def test_what_a_fetch_is_told(copy: Repository) -> None:
    assert choose_sources(copy, [], False).remotes[0].name == "origin"
    assert choose_sources(copy, ["origin", "main"], False).branches == ("main",)
    assert choose_sources(copy, ["bass.wav"], False).paths == ("bass.wav",)
    assert len(choose_sources(copy, [], True).remotes) == 1
    with pytest.raises(UsageError):
        choose_sources(copy, ["origin"], True)
    assert complete_remote(copy.root, "or") == ["origin"]
    assert complete_remote(copy.root, "x") == []
    assert complete_remote(copy.root.parent, "") == []
