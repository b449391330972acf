"""Sounds between two tracks, and between a track and a depot in a folder; the lock is held for publishing alone."""

from pathlib import Path

import pytest

from beatflow.errors import DamagedError, LockedError, NotFoundError
from beatflow.lock import Lock
from beatflow.objects.git.value import Signature
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.pointer import Pointer
from beatflow.places.disk import DiskPlace
from beatflow.repository import Repository
from beatflow.sharing.depot.sounds import DepotSounds
from beatflow.sharing.remote import Moved
from beatflow.sharing.sounds.intake import Intake, find_absent
from beatflow.sharing.track.sounds import TrackSounds
from tests.objects.damage import entries, flip
from tests.objects.test_coding import chunk_of, file_of, predicted, whole
from tests.world import tone, wav_bytes


def make(folder: Path) -> Repository:
    folder.mkdir()
    return Repository.create(folder, lambda: Signature("Ada", "ada@example.com", 0, 0))


@pytest.fixture
def here(tmp_path: Path) -> Repository:
    return make(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Repository:
    return make(tmp_path / "there")


def add(repository: Repository, *files: bytes) -> list[Pointer]:
    """Add files by the way that whole files come in."""
    found = []
    with Intake(repository) as intake:
        for data in files:
            path = intake.new_file()
            path.write_bytes(data)
            pointer = point(data)
            intake.add_file(pointer, path)
            found.append(pointer)
    return found


def point(data: bytes) -> Pointer:
    import hashlib

    return Pointer(hashlib.sha256(data).hexdigest(), len(data))


SONG, OTHER = wav_bytes(tone(3.0)), wav_bytes(tone(3.0, 330.0))


def packs(repository: Repository) -> list[Path]:
    return list((repository.audio.path / "packs").iterdir())


def is_clean(repository: Repository) -> bool:
    return not list(repository.scratch.iterdir()) and not list((repository.audio.path / "tmp").iterdir())


def test_by_way_of_a_depot(here: Repository, there: Repository, tmp_path: Path) -> None:
    sounds = add(here, SONG, OTHER)
    place = DiskPlace(tmp_path / "depot")
    depot = DepotSounds(place)
    assert depot.find_missing(sounds) == {sound.oid for sound in sounds}
    seen: list[int] = []
    plan = depot.plan_send(here, sounds[:1])
    assert not list(place.list("audio/"))
    assert plan.run(seen.append) == Moved(1, plan.bytes)
    assert sum(seen) == plan.bytes == sum(item.size for item in place.list("audio/"))
    assert depot.find_missing(sounds) == {sounds[1].oid} == depot.find_damaged(sounds)
    assert depot.plan_send(here, sounds).run().sounds == 1
    assert depot.plan_send(here, sounds).run() == Moved()

    cache = there.state / "remotes" / "origin" / "audio"
    depot = DepotSounds(place, cache)
    plan = depot.plan_fetch(there, sounds)
    assert find_absent(there.audio, sounds) == sounds
    assert plan.run() == Moved(2, plan.bytes)
    assert [there.audio.read(sound.oid) for sound in sounds] == [SONG, OTHER]
    assert depot.plan_fetch(there, sounds).run() == Moved()
    assert len(list(cache.iterdir())) == 2
    assert is_clean(here)
    assert is_clean(there)


def test_what_is_no_pack_in_a_depot_is_left_alone(here: Repository, tmp_path: Path) -> None:
    (tmp_path / "depot" / "audio").mkdir(parents=True)
    (tmp_path / "depot" / "audio" / "notes.txt").write_text("mine")
    (tmp_path / "depot" / "audio" / "0.pack").write_text("mine")
    sounds = add(here, SONG)
    depot = DepotSounds(DiskPlace(tmp_path / "depot"))
    depot.plan_send(here, sounds).run()
    assert depot.find_missing(sounds) == set()


def test_a_damaged_depot_is_mended_by_the_next_push(
    here: Repository, there: Repository, tmp_path: Path
) -> None:
    sounds = add(here, SONG)
    depot = DepotSounds(DiskPlace(tmp_path / "depot"))
    depot.plan_send(here, sounds).run()
    (pack,) = (tmp_path / "depot" / "audio").iterdir()
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:100])
    assert depot.find_missing(sounds)
    with pytest.raises(NotFoundError, match="damaged pack") as raised:
        DepotSounds(DiskPlace(tmp_path / "depot")).plan_fetch(there, sounds)
    assert "bf push --verify" in (raised.value.hint or "")
    depot = DepotSounds(DiskPlace(tmp_path / "depot"))
    depot.plan_send(here, sounds).run()
    depot.plan_fetch(there, sounds).run()
    assert there.audio.read(sounds[0].oid) == SONG


def test_what_has_rotted_is_found_and_sent_anew(here: Repository, there: Repository, tmp_path: Path) -> None:
    """Though a copy of the pack's end, with the manifests, says that all is well."""
    sounds = add(here, SONG, OTHER)
    depot = DepotSounds(DiskPlace(tmp_path / "depot"), tmp_path / "cache")
    depot.plan_send(here, sounds).run()
    assert depot.find_missing(sounds) == set()
    (pack,) = (tmp_path / "depot" / "audio").iterdir()
    pack.chmod(0o644)
    manifest = next(entry for entry in entries(pack) if entry.id.hex() == sounds[1].oid)
    flip(pack, manifest.offset + 80)
    assert depot.find_missing(sounds) == set()
    assert depot.find_damaged(sounds) == {sounds[1].oid}
    flip(pack, 100)
    assert depot.find_damaged(sounds) == {sound.oid for sound in sounds}
    plan = depot.plan_send(here, sounds)
    assert plan.bytes < pack.stat().st_size
    plan.run()
    assert depot.find_damaged(sounds) == set()
    assert depot.plan_send(here, sounds).sounds == 0
    DepotSounds(DiskPlace(tmp_path / "depot")).plan_fetch(there, sounds).run()
    assert [there.audio.read(sound.oid) for sound in sounds] == [SONG, OTHER]


def test_another_copy_may_stand_on_other_chunks(here: Repository, there: Repository, tmp_path: Path) -> None:
    """Which were not asked for, since the copy that proves damaged stands alone."""
    folder = tmp_path / "depot" / "audio"
    folder.mkdir(parents=True)
    put(folder, whole(2), file_of(2))
    (pack,) = folder.iterdir()
    put(folder, whole(1), predicted(2, [1], 1))
    flip(pack, 100)
    sounds = [Pointer(chunk_of(2).id.hex(), chunk_of(2).length)]
    depot = DepotSounds(DiskPlace(tmp_path / "depot"))
    depot.plan_fetch(there, sounds).run()
    assert there.audio.size(sounds[0].oid) == sounds[0].size
    assert not list(there.audio.check(data=True))

    flip(next(path for path in folder.iterdir() if path != pack), 100)
    with pytest.raises(DamagedError, match="is damaged") as raised:
        DepotSounds(DiskPlace(tmp_path / "depot")).plan_fetch(here, sounds).run()
    assert "bf push --verify" in (raised.value.hint or "")
    assert is_clean(here)


def put(folder: Path, *records: NewRecord) -> None:
    """Put a pack of records into a folder."""
    writer = PackWriter(folder / "new")
    for record in records:
        writer.add(record)
    name = writer.finish()
    writer.path.rename(folder / f"{name}.pack")


def test_between_tracks(here: Repository, there: Repository) -> None:
    sounds = add(here, SONG, OTHER)
    assert TrackSounds(here).find_missing(sounds) == set()
    assert TrackSounds(here).plan_fetch(there, sounds[:1]).run().sounds == 1
    assert TrackSounds(there).find_missing(sounds) == {sounds[1].oid}
    assert TrackSounds(there).find_damaged(sounds) == {sounds[1].oid}
    plan = TrackSounds(there).plan_send(here, sounds)
    assert (plan.sounds, plan.run()) == (1, Moved(1, plan.bytes))
    assert there.audio.read(sounds[1].oid) == OTHER
    assert is_clean(there)


def test_the_lock_is_asked_for_when_something_is_published(here: Repository, there: Repository) -> None:
    sounds = add(here, SONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lock.__init__, "__defaults__", (0.0,))
        patch.setattr(Repository.locked.__wrapped__, "__defaults__", (0.0,))
        with Lock(there.directory / "lock", "somebody"):
            plan = TrackSounds(here).plan_fetch(there, sounds)
            with pytest.raises(LockedError):
                plan.run()
    assert find_absent(there.audio, sounds) == sounds
    with there.locked("bf mix"):
        assert TrackSounds(here).plan_fetch(there, sounds).run().sounds == 1


def test_a_file_that_comes_as_another(here: Repository) -> None:
    wanted = point(SONG)
    with Intake(here) as intake:
        path = intake.new_file()
        path.write_bytes(SONG[:-1])
        with pytest.raises(DamagedError, match="in place of"):
            intake.add_file(wanted, path)
        path.write_bytes(SONG[:-1] + b"\x55")
        with pytest.raises(DamagedError, match="came damaged"):
            intake.add_file(wanted, path)
    assert not packs(here)


def test_files_that_came_before_an_interruption_stay(here: Repository, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(SONG)
    seen: list[int] = []
    intake = Intake(here)
    intake.__enter__()
    intake.add_file(point(SONG), path, seen.append)
    error = KeyboardInterrupt()
    intake.__exit__(KeyboardInterrupt, error, None)
    assert sum(seen) == len(SONG)
    assert path.read_bytes() == SONG
    assert find_absent(here.audio, [point(SONG), point(OTHER)]) == [point(OTHER)]
    assert is_clean(here)


def test_much_is_published_in_between(here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.sharing.sounds.intake._FLUSH_BYTES", 1000)
    add(here, SONG, OTHER)
    assert len(packs(here)) == 2
