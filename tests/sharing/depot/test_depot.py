"""A depot as a remote: pushing, fetching, and what may be there instead."""

import threading
from pathlib import Path

import pytest

from beatflow.errors import ConflictError, DamagedError, NotFoundError
from beatflow.objects.pointer import Pointer
from beatflow.places.disk import DiskPlace
from beatflow.places.place import ChangedError, Place, Progress
from beatflow.repository import Repository
from beatflow.sharing.depot.depot import DepotRemote
from beatflow.sharing.depot.layout import REFS
from beatflow.sharing.remote import MovedError, RefUpdate, RemoteError, RemoteRefs
from tests.conftest import Bf
from tests.sharing.depot.conftest import ADA
from tests.world import write_tone

MAIN = "refs/heads/main"


@pytest.fixture
def track(bf: Bf) -> Repository:
    """A track with one version."""
    bf.ok("init")
    write_tone(bf.directory / "mix.wav")
    bf.ok("commit", "-m", "first")
    return open_track(bf)


def open_track(bf: Bf) -> Repository:
    found = Repository.find(bf.directory, lambda: ADA)
    assert found
    return found


def tip(repository: Repository) -> str:
    assert repository.head
    return repository.head


def sounds_of(repository: Repository) -> list[Pointer]:
    from beatflow.objects.pointer import decode_pointer

    tree = repository.tree_of(repository.head)
    found = [decode_pointer(repository.git.read_blob(entry.oid)) for entry in tree.values()]
    return [pointer for pointer in found if pointer]


def test_a_push_makes_a_depot_and_a_fetch_reads_it(track: Repository, place: Place, tmp_path: Path) -> None:
    remote = DepotRemote(place, tmp_path / "cache")
    assert (remote.kind, remote.address) == ("depot", str(tmp_path / "stick"))
    with pytest.raises(NotFoundError, match="nothing is at"):
        remote.read_refs()
    sounds = sounds_of(track)
    assert remote.find_missing(sounds) == {pointer.oid for pointer in sounds}
    sending = remote.plan_send(track, sounds)
    assert (sending.sounds, (tmp_path / "stick").exists()) == (1, False)
    assert sending.bytes > 0
    assert sending.run().sounds == 1
    assert remote.read_refs() == RemoteRefs({}, None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track)), RefUpdate("refs/tags/v1", None, tip(track))])
    assert remote.read_refs() == RemoteRefs({MAIN: tip(track), "refs/tags/v1": tip(track)}, MAIN)
    assert remote.find_missing(sounds) == set()
    other = Repository.create(tmp_path / "other", lambda: ADA)
    reading = DepotRemote(place, None)
    reading.fetch_history(other.git, [MAIN, "refs/heads/none"])
    assert other.git.read_commit(tip(track)).title == "first"
    assert reading.plan_fetch(other, sounds).run().sounds == 1
    assert sounds[0].oid in other.audio
    reading.fetch_history(other.git, [])


def test_the_loser_is_told_to_pull_and_nothing_is_overwritten(
    track: Repository, bf: Bf, place: Place
) -> None:
    remote = DepotRemote(place, None)
    first = tip(track)
    remote.publish(track, [RefUpdate(MAIN, None, first)])
    (bf.directory / "notes.txt").write_text("louder\n")
    bf.ok("commit", "-m", "second")
    second = tip(open_track(bf))
    remote.publish(track, [RefUpdate(MAIN, first, second)])
    with pytest.raises(MovedError) as caught:
        remote.publish(track, [RefUpdate(MAIN, None, first), RefUpdate("refs/heads/b", None, first)])
    assert caught.value.exit_code == 4
    assert remote.read_refs().refs == {MAIN: second}
    remote.publish(track, [RefUpdate(MAIN, second, None)])
    assert remote.read_refs() == RemoteRefs({}, None)


def test_pushes_of_different_branches_at_once_all_stand(track: Repository, place: Place) -> None:
    errors: list[BaseException] = []

    def push(number: int) -> None:
        try:
            remote = DepotRemote(place, None)
            remote.publish(track, [RefUpdate(f"refs/heads/take{number}", None, tip(track))])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    refs = DepotRemote(place, None).read_refs().refs
    assert sorted(refs) == [f"refs/heads/take{number}" for number in range(6)]


def test_a_lost_answer_is_a_success_when_asked_again(track: Repository, tmp_path: Path) -> None:
    """As of an S3 that has done what was asked, and got the question twice."""

    class Lossy(DiskPlace):
        def swap(self, key: str, data: bytes, tag: str | None) -> str:
            new = super().swap(key, data, tag)
            if key == REFS:
                raise ChangedError("it is another")
            return new

    remote = DepotRemote(Lossy(tmp_path / "stick"), None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    assert remote.read_refs().refs == {MAIN: tip(track)}


def test_who_never_comes_through_gives_up(track: Repository, tmp_path: Path) -> None:
    class Busy(DiskPlace):
        def swap(self, key: str, data: bytes, tag: str | None) -> str:
            if key == REFS:
                raise ChangedError("it is another")
            return super().swap(key, data, tag)

    with pytest.raises(ConflictError, match="too often"):
        DepotRemote(Busy(tmp_path / "stick"), None).publish(track, [RefUpdate(MAIN, None, tip(track))])


def test_a_stick_that_is_not_plugged_in_is_not_begun_anew(
    track: Repository, place: Place, tmp_path: Path
) -> None:
    remote = DepotRemote(place, tmp_path / "cache")
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    (tmp_path / "stick").rename(tmp_path / "pulled out")
    (tmp_path / "stick").mkdir()  # where it was mounted
    for call in (
        remote.read_refs,
        lambda: remote.plan_send(track, []),
        lambda: remote.publish(track, [RefUpdate(MAIN, tip(track), None)]),
    ):
        with pytest.raises(NotFoundError, match="is gone") as caught:
            call()
        assert "plug its disk in" in str(caught.value.hint)
    assert list((tmp_path / "stick").iterdir()) == []


def test_a_folder_with_other_things_is_refused(track: Repository, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "My Song.wav").touch()
    remote = DepotRemote(DiskPlace(tmp_path / "stick"), None)
    for call in (
        remote.read_refs,
        lambda: remote.find_missing(sounds_of(track)),
        lambda: remote.plan_send(track, sounds_of(track)).run(),
        lambda: remote.publish(track, [RefUpdate(MAIN, None, tip(track))]),
    ):
        with pytest.raises(RemoteError, match="holds other things"):
            call()
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["My Song.wav"]


def test_history_that_is_named_and_not_there_is_damage(
    track: Repository, place: Place, tmp_path: Path
) -> None:
    remote = DepotRemote(place, None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    content = place.read(REFS)
    assert content
    (tmp_path / "stick" / REFS).write_bytes(content.data.replace(tip(track).encode(), b"f" * 40))
    with pytest.raises(DamagedError):
        remote.read_refs()


def test_it_keeps_locks_and_previews(track: Repository, place: Place) -> None:
    remote = DepotRemote(place, None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    remote.locks().lock("mix.wav", "Ada", 1.0)
    assert [lock.path for lock in remote.locks().list_locks(2.0)] == ["mix.wav"]
    assert remote.previews() is not None


def test_what_is_rotten_there_is_found(track: Repository, place: Place, tmp_path: Path) -> None:
    remote = DepotRemote(place, None)
    sounds = sounds_of(track)
    oids = {pointer.oid for pointer in sounds}
    assert remote.find_damaged(sounds) == oids
    remote.plan_send(track, sounds).run()
    assert remote.find_damaged(sounds) == set()
    (path,) = (tmp_path / "stick" / "audio").iterdir()
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    assert remote.find_damaged(sounds) == oids


def add_version(bf: Bf, name: str) -> str:
    (bf.directory / f"{name}.txt").write_text(name)
    bf.ok("commit", "-m", name)
    return tip(open_track(bf))


def list_history(place: Place) -> set[str]:
    return {item.key.removeprefix("history/").removesuffix(".pack") for item in place.list("history/")}


def test_packs_that_were_put_together_are_removed_and_who_was_reading_them_reads_on(
    track: Repository, bf: Bf, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beatflow.sharing.depot.history.MAX_PACKS", 3)
    remote = DepotRemote(place, None)
    tips = [tip(track)]
    remote.publish(track, [RefUpdate(MAIN, None, tips[0])])
    for name in ("two", "three"):
        tips.append(add_version(bf, name))
        remote.publish(track, [RefUpdate(MAIN, tips[-2], tips[-1])])
    assert len(list_history(place)) == 3

    last = add_version(bf, "four")
    mutex = threading.Lock()

    class Overtaken(DiskPlace):
        """Somebody else pushes, and puts all together, just when a pack is asked for."""

        def fetch(self, key: str, target: Path, progress: Progress | None = None) -> None:
            with mutex:
                if remote.read_refs().refs[MAIN] != last:
                    remote.publish(track, [RefUpdate(MAIN, tips[-1], last)])
            super().fetch(key, target, progress)

    other = Repository.create(tmp_path / "other", lambda: ADA)
    DepotRemote(Overtaken(tmp_path / "stick"), tmp_path / "cache").fetch_history(other.git, [MAIN])
    assert other.git.read_commit(last).title == "four"
    assert len(list_history(place)) == 1


def test_who_comes_second_leaves_no_pack_that_nobody_names(
    track: Repository, bf: Bf, place: Place, tmp_path: Path
) -> None:
    first, second = tip(track), add_version(bf, "two")

    class Overtaken(DiskPlace):
        def swap(self, key: str, data: bytes, tag: str | None) -> str:
            if key == REFS and tag is None:
                DepotRemote(place, None).publish(track, [RefUpdate("refs/heads/other", None, first)])
            return super().swap(key, data, tag)

    remote = DepotRemote(Overtaken(tmp_path / "stick"), None)
    remote.publish(track, [RefUpdate(MAIN, None, second)])
    assert remote.read_refs().refs == {MAIN: second, "refs/heads/other": first}
    assert len(list_history(place)) == 2
    other = Repository.create(tmp_path / "other", lambda: ADA)
    remote.fetch_history(other.git, [MAIN, "refs/heads/other"])
    assert other.git.read_commit(second).parents == (first,)


@pytest.mark.parametrize("damage", ["lost", "flipped"])
def test_a_push_that_verifies_mends_history(
    track: Repository, bf: Bf, place: Place, tmp_path: Path, damage: str
) -> None:
    stick = tmp_path / "stick"
    bf.ok("push", str(stick))
    add_version(bf, "two")
    bf.ok("push", str(stick))
    path = min((stick / "history").iterdir())
    data = path.read_bytes()
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(data[:60] + bytes([data[60] ^ 4]) + data[61:])
    elsewhere = Bf(tmp_path, bf.environment)
    assert elsewhere("clone", str(stick), "before").code != 0
    assert "1 file of history lost or damaged\n" in bf.ok("push", str(stick), "--verify", "-n").stderr
    assert elsewhere("clone", str(stick), "before").code != 0
    assert (
        "1 file of history lost or damaged, and written anew" in bf.ok("push", str(stick), "--verify").stderr
    )
    elsewhere.ok("clone", str(stick), "after")
    assert len(list_history(place)) == 1
    assert DepotRemote(place, None).mend_history(track) == 0


def test_who_has_not_all_of_it_cannot_mend_history(track: Repository, place: Place, tmp_path: Path) -> None:
    remote = DepotRemote(place, None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    (path,) = (tmp_path / "stick" / "history").iterdir()
    path.unlink()
    other = Repository.create(tmp_path / "other", lambda: ADA)
    with pytest.raises(DamagedError, match="not all of it is here") as caught:
        remote.mend_history(other)
    assert "from a track that has" in str(caught.value.hint)


def test_a_depot_of_a_later_format_is_not_read(track: Repository, place: Place, tmp_path: Path) -> None:
    remote = DepotRemote(place, None)
    remote.publish(track, [RefUpdate(MAIN, None, tip(track))])
    (tmp_path / "stick" / "beatflow-depot").write_bytes(b"beatflow depot 2\n")
    for call in (remote.read_refs, lambda: remote.publish(track, [])):
        with pytest.raises(RemoteError, match="later version"):
            call()
