"""What a library knows of tracks, on SQLite and on PostgreSQL alike."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from beatflow.errors import NotFoundError, UsageError
from beatflow.history import find_branch_tips
from beatflow.library.choosing import Source, choose_sound, find_source, journal_folder
from beatflow.library.database import Database, open_database
from beatflow.library.queries import (
    Entry,
    Filter,
    find_sounds,
    list_favorites,
    list_known_tracks,
    list_most_used,
    list_places,
    list_recent,
    list_runs,
    list_runs_of,
    search,
)
from beatflow.library.registry import remember_track
from beatflow.library.statistics import measure
from beatflow.library.updating import Sources, Update, empty_library, forget, update_library
from beatflow.undo import undo
from tests.library.postgres import find_programs, postgres
from tests.library.world import HOST, Studio, made

KINDS = ["sqlite", *(["postgresql"] if find_programs() else [])]
ANY = Filter()
ALL = Filter(stems=True, missing=True)


@pytest.fixture(scope="module", params=KINDS)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("library") / "library.sqlite3")
    else:
        with postgres() as url:
            yield url


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    opened = open_database(address, None)
    empty_library(opened, HOST)
    yield opened
    empty_library(opened, HOST)
    opened.close()


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def update(database: Database, studio: Studio) -> Update:
    return update_library(database, studio.sources())


def test_a_made_sound_and_its_run(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "first try", made("lofi, rainy night"))
    found = update(database, studio)
    assert (found.read, found.problems) == (1, {})
    (entry,) = list_recent(database, Filter())
    assert (entry.oid, entry.path, entry.kind, entry.engine) == (oid, "mix.wav", "generate", "synth")
    assert (entry.prompt, entry.message, entry.tempo, entry.key) == (
        "lofi, rainy night", "first try", 90.0, "A:min"
    )  # fmt: skip
    assert entry.duration_s == 20.0
    assert entry.commit == studio.track("night").head
    (run,) = list_runs(database, Filter())
    assert (run.oid, run.seed, run.noted, run.ok, run.device) == (oid, 7, False, True, "cpu")
    assert run.parameters["parameters"] == {"swing": 54}
    assert update(database, studio).read == 0


def test_only_what_is_new_is_read(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, "one")
    update(database, studio)
    studio.keep("night", "mix.wav", 221, "two")
    studio.keep("day", "mix.wav", 222, "other")
    assert update(database, studio).read == 2
    assert [entry.message for entry in list_recent(database, Filter())] == ["other", "two", "one"]
    (night,) = [track for track in list_known_tracks(database) if track.title == "night"]
    assert (night.commits, night.sounds, night.here, night.problem) == (2, 2, True, None)
    assert night.stored_bytes > 0


def test_what_is_in_no_commit_yet_and_then_is(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, None, made("lofi"))
    update(database, studio)
    (entry,) = list_recent(database, Filter())
    assert (entry.oid, entry.commit, entry.message) == (oid, None, None)
    studio.commit("night", "now it is")
    update(database, studio)
    (entry,) = list_recent(database, Filter())
    assert (entry.commit, entry.message, entry.path) == (studio.track("night").head, "now it is", "mix.wav")
    assert [hit.oid for hit in search(database, "now lofi", Filter())] == [oid]


def test_a_mix_that_bf_rendered_is_no_run_of_an_engine(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, None, {"kind": "mix", "engine": "mix", "inputs": []})
    update(database, studio)
    assert list_runs(database, Filter()) == []
    assert [entry.kind for entry in list_recent(database, Filter())] == ["mix"]


def test_what_was_noted_goes_before_what_records_say(database: Database, studio: Studio) -> None:
    mix = studio.keep("night", "mix.wav", 220, None, made("lofi", stems={"drums": "x"}))
    drums = studio.keep("night", "stems/drums.wav", 221, "made", made("lofi", stem="drums", mix=mix))
    update(database, studio)
    (run,) = list_runs(database, Filter())
    assert (run.oid, run.noted) == (mix, False)
    # The line of the journal comes a moment after the files.
    sounds = ("mix", "mix.wav", mix), ("drums", "stems/drums.wav", drums)
    studio.note_run("night", *sounds, prompt="lofi", engine="synth", seconds=2.5, duration_s=21.333)
    update(database, studio)
    (run,) = list_runs(database, Filter())
    assert (run.oid, run.noted, run.seconds) == (mix, True, 2.5)
    empty_library(database, HOST)
    update(database, studio)
    (again,) = list_runs(database, Filter())
    assert (again.oid, again.noted, again.seconds) == (mix, True, 2.5)
    # What the record has more is told with it.
    assert again.parameters["parameters"] == {"swing": 54}
    assert [run.oid for run in list_runs_of(database, drums)] == [mix]
    assert list_recent(database, Filter())[0].duration_s == 21.333


def test_parts_of_mixes_are_told_when_asked_for(database: Database, studio: Studio) -> None:
    mix = studio.keep("night", "mix.wav", 220, None, made("lofi"))
    drums = studio.keep("night", "stems/drums.wav", 221, "made", made("lofi", stem="drums", mix=mix))
    (studio.track("day").root / "track.toml").write_text('[stems.bass]\nfile = "bass.wav"\n')
    bass = studio.keep("day", "bass.wav", 222, "recorded")
    update(database, studio)
    assert [entry.oid for entry in list_recent(database, Filter())] == [mix]
    assert {entry.oid: entry.stem for entry in list_recent(database, ALL)} == {
        mix: None, drums: "drums", bass: "bass"
    }  # fmt: skip


def test_a_new_stem_and_its_new_mix_are_one_run(database: Database, studio: Studio) -> None:
    mix = studio.keep("night", "mix.wav", 220, None, made("break", kind="mix"))
    studio.keep("night", "stems/drums.wav", 221, "made", made("break", stem="drums", mix=mix))
    update(database, studio)
    (run,) = list_runs(database, Filter())
    assert (run.command, run.oid) == ("generate", mix)


def test_words(database: Database, studio: Studio) -> None:
    one = studio.keep("Café", "mix.wav", 220, "for Zoë's film", made("Dusty BREAK, 夜の雨 🎸"))
    two = studio.keep("night", "dusty.wav", 221, "a recording")
    (studio.track("night").root / "track.toml").write_text('title = "night drive"\ntempo = 90.0\n')
    faders = studio.commit("night", "louder brushes: don't")
    update(database, studio)

    def find(text: str, wanted: Filter = ANY) -> list[str | None]:
        return [entry.oid or entry.commit for entry in search(database, text, wanted)]

    assert find("dusty") == [two, one]
    assert find("DUST break") == [one]
    assert find("cafe zoe") == [one]
    assert find("夜の") == [one]
    assert find("🎸") == [one]
    assert find("dusty brushes") == []
    assert find("brush") == [faders]
    assert find("don't") == [faders]
    assert find("synth") == [one]
    assert find("night drive") == [faders, two]
    assert find("") == find('"*' + "'") == find("' OR 1=1 --") == []
    assert find("dusty", Filter(limit=1)) == [two]
    assert find("dusty", Filter(engine="synth")) == [one]
    assert find("dusty", Filter(track=studio.folder / "Café")) == [one]
    (hit,) = search(database, "brush", Filter())
    assert (hit.kind, hit.message, hit.track) == (
        "commit",
        "louder brushes: don't",
        str(studio.folder / "night"),
    )


def test_titles_that_change_are_found(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, "one")
    update(database, studio)
    (studio.track("night").root / "track.toml").write_text('title = "Aurora"\n')
    studio.commit("night", "named")
    update(database, studio)
    assert {entry.message for entry in search(database, "aurora", Filter())} == {"named", "one"}


def test_favorites_plays_and_downloads(database: Database, studio: Studio) -> None:
    one = studio.keep("night", "mix.wav", 220, "one")
    two = studio.keep("night", "mix.wav", 221, "two")
    for kind, oid in [
        ("play", two), ("play", one), ("play", two), ("download", one), ("favorite", one), ("favorite", two),
        ("unfavorite", one),
    ]:  # fmt: skip
        studio.note("night", kind, oid)
    update(database, studio)
    assert [entry.oid for entry in list_favorites(database, Filter())] == [two]
    played = list_most_used(database, "plays", Filter())
    assert [(entry.oid, entry.plays, entry.downloads) for entry in played] == [(two, 2, 0), (one, 1, 1)]
    assert [entry.oid for entry in list_most_used(database, "downloads", Filter())] == [one]
    assert played[0].played_at_s == studio.now - 4 * 60
    studio.note("night", "favorite", one)
    update(database, studio)
    assert len(list_favorites(database, Filter())) == 2
    # They are in the track, not in the database.
    empty_library(database, HOST)
    update(database, studio)
    assert len(list_favorites(database, Filter())) == 2
    assert list_most_used(database, "plays", Filter())[0].plays == 2


def test_undone_commits_go(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, "one")
    gone = studio.keep("night", "mix.wav", 221, "two")
    studio.note("night", "play", gone)
    update(database, studio)
    assert len(list_recent(database, Filter())) == 2
    undo(studio.track("night"))
    studio.keep("night", "mix.wav", 222, "three")
    update(database, studio)
    told = {entry.message or entry.kind for entry in list_recent(database, Filter())}
    assert told == {"one", "three", "file"}
    assert not search(database, "two", Filter())
    assert list_most_used(database, "plays", Filter())[0].oid == gone


def test_a_moved_track_is_the_same(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "one")
    studio.note("night", "favorite", oid)
    update(database, studio)
    shutil.move(studio.folder / "night", studio.folder / "moved")
    remember_track(studio.state, studio.folder / "moved")
    found = update(database, studio)
    assert found.moved == [studio.folder / "night"]
    (track,) = list_known_tracks(database)
    assert (track.path, track.here, track.title) == (str(studio.folder / "moved"), True, "moved")
    assert [entry.oid for entry in list_favorites(database, Filter())] == [oid]


def test_a_copied_track_is_another(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "one", made("lofi"))
    update(database, studio)
    shutil.copytree(studio.folder / "night", studio.folder / "copy")
    remember_track(studio.state, studio.folder / "copy")
    update(database, studio)
    assert len(list_known_tracks(database)) == 2
    # A sound that both have is one, and so is the run that made it.
    assert [entry.track for entry in list_recent(database, Filter())] == [str(studio.folder / "night")]
    assert [entry.oid for entry in list_recent(database, Filter(track=studio.folder / "copy"))] == [oid]
    assert len(list_runs(database, Filter())) == 1
    assert [Path(place.track).name for place in list_places(database, oid)] == ["night", "copy"]
    figures = measure(database, Filter(), None)
    assert (figures.tracks, figures.sounds, figures.commits, figures.runs) == (2, 1, 1, 1)


def test_a_deleted_track_is_told_only_when_asked_for(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, "one", made("lofi"))
    update(database, studio)
    shutil.rmtree(studio.folder / "night")
    update(database, studio)
    assert list_recent(database, Filter()) == []
    assert search(database, "lofi", Filter()) == []
    (entry,) = list_recent(database, Filter(missing=True))
    assert not entry.here
    assert measure(database, Filter(), None).missing == 1
    assert len(list_runs(database, Filter())) == 1
    assert forget(database, HOST, studio.folder / "night")
    assert list_recent(database, Filter(missing=True)) == []
    assert not forget(database, HOST, studio.folder / "night")


def test_one_bad_track_stops_no_other(database: Database, studio: Studio) -> None:
    studio.keep("bad", "mix.wav", 220, "one")
    studio.keep("good", "mix.wav", 221, "two")
    head = studio.track("bad").head or ""
    broken = studio.folder / "bad" / ".beatflow" / "objects" / head[:2] / head[2:]
    broken.chmod(0o600)
    broken.write_bytes(b"rotten")
    found = update(database, studio)
    assert [path.name for path in found.problems] == ["bad"]
    assert [entry.message for entry in list_recent(database, Filter())] == ["two"]
    assert {track.title: bool(track.problem) for track in list_known_tracks(database)} == {
        "bad": True, "good": False
    }  # fmt: skip


def test_runs_that_failed_and_runs_outside(database: Database, studio: Studio) -> None:
    studio.note_run(None, ("mix", "/tmp/x y/mix.wav", "ab" * 32), prompt="house", engine="synth", seconds=2.0,
                    real_time_factor=4.0, duration_s=8.0, device="cpu", dtype="float32")  # fmt: skip
    studio.note_run(
        "night", ok=False, error="no tempo", exit_code=8, prompt="slow", engine="musicgen-small", seed=3
    )
    update(database, studio)
    failed, fine = list_runs(database, Filter())
    assert (failed.ok, failed.error, failed.exit_code, failed.seed) == (False, "no tempo", 8, 3)
    assert (fine.track, fine.path, fine.duration_s) == (None, "/tmp/x y/mix.wav", 8.0)
    assert [run.prompt for run in list_runs(database, Filter(), failed=True)] == ["slow"]
    assert [run.prompt for run in list_runs(database, Filter(engine="synth"))] == ["house"]
    (entry,) = list_recent(database, Filter())
    assert (entry.track, entry.path, entry.prompt) == (None, "/tmp/x y/mix.wav", "house")
    figures = measure(database, Filter(), None)
    assert (figures.runs, figures.noted, figures.failed, figures.success_rate) == (2, 2, 1, 0.5)
    assert (figures.mean_s, figures.real_time_factor, figures.made_s) == (2.0, 4.0, 8.0)
    assert {share.name: (share.runs, share.failed) for share in figures.engines} == {
        "synth": (1, 0), "musicgen-small": (1, 1)
    }  # fmt: skip
    assert [share.name for share in figures.devices] == ["cpu"]
    assert measure(database, Filter(since_s=studio.now - 1.0), 1).runs == 1


def test_the_same_sound_made_twice_is_two_runs(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "one", made("lofi"))
    for _ in range(2):
        studio.note_run("night", ("mix", "mix.wav", oid), prompt="lofi", engine="synth", seed=7)
    update(database, studio)
    assert [run.oid for run in list_runs(database, Filter())] == [oid, oid]
    assert len(list_recent(database, Filter())) == 1


def test_what_is_measured_later_is_learned(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "one")
    update(database, studio)
    assert list_recent(database, Filter())[0].tempo is None
    studio.track("night").analysis_cache.put(oid, {"tempo": 91.5, "key": "C:maj", "duration_s": 3.25})
    assert update(database, studio).read == 1
    (entry,) = list_recent(database, Filter())
    assert (entry.tempo, entry.key, entry.duration_s) == (91.5, "C:maj", 3.25)


def test_odd_names_and_records(database: Database, studio: Studio) -> None:
    odd = studio.keep(
        "-n 🎧 ö", "sub dir/-o 夜\udcff.wav", 220, "mess\x07age\n\nbody", made("p" * 5000, seed=10**30)
    )
    wrong = studio.keep(
        "wrong", "mix.wav", 221, "x",
        {"kind": ["generate"], "prompt": 5, "tempo": float("inf"), "seconds": "long", "stem": None},
    )  # fmt: skip
    state = studio.track("wrong").state / "library.jsonl"
    state.write_bytes(
        b'{"kind": "generation", "at": "never"}\n{"kind": "play", "at": "2026-01-01T00:00:00", "oid": "zz"}\n'
        b'nonsense\n[1]\n{"kind": "generation", "at": "2026-01-01T00:00:00+01:00", "sounds": 7, "seed": 1e400,'
        b' "exit_code": 99999999999, "prompt": "nul\\u0000 \\ud83d"}\n{"kind": "play", "at": "2026-01'
    )
    found = update(database, studio)
    assert found.problems == {}
    entries = {entry.oid: entry for entry in list_recent(database, ALL)}
    assert entries[odd].path == "sub dir/-o 夜\udcff.wav"
    assert entries[odd].track == str(studio.folder / "-n 🎧 ö")
    assert entries[wrong].prompt is None
    runs = list_runs(database, Filter())
    assert {run.seed for run in runs} == {10**30, "inf"}
    assert "nul\ufffd \ufffd" in {run.prompt for run in runs}
    # The line that was cut off is read when it is whole.
    with state.open("ab") as file:
        file.write(b'-01T00:00:00", "oid": "' + wrong.encode() + b'"}\n')
    update(database, studio)
    assert list_most_used(database, "plays", Filter())[0].oid == wrong


def test_other_machines_tracks_are_left_alone(database: Database, studio: Studio) -> None:
    studio.keep("night", "mix.wav", 220, "one", made("lofi"))
    there = studio.sources()
    update_library(database, Sources("laptop", there.tracks, None, studio.sign))
    update_library(database, Sources(HOST, [], None, studio.sign))
    (entry,) = list_recent(database, Filter())
    assert (entry.host, entry.here) == ("laptop", True)
    empty_library(database, HOST)
    assert len(list_recent(database, Filter())) == 1
    empty_library(database, "laptop")
    assert list_recent(database, ALL) == []


def test_who_comes_second_takes_nothing_in_twice(
    database: Database, address: str, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.library import updating

    oid = studio.keep("night", "mix.wav", 220, "one", made("lofi"))
    studio.note("night", "play", oid)
    read = updating.read_new

    def read_slowly(*args: object) -> object:
        reading = read(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(updating, "read_new", read)
        other = open_database(address, None)
        update_library(other, studio.sources())
        other.close()
        return reading

    monkeypatch.setattr(updating, "read_new", read_slowly)
    update(database, studio)
    assert list_most_used(database, "plays", Filter())[0].plays == 1
    assert len(list_runs(database, Filter())) == 1


def test_what_a_word_means_and_where_it_can_be_read(database: Database, studio: Studio) -> None:
    kept = studio.keep("night", "mix.wav", 220, "one")
    loose = studio.keep("night", "loose.wav", 221, None, made("lofi"))
    studio.note_run("night", ("loose", "loose.wav", loose), prompt="lofi")
    for oid in ("abcd1" + "0" * 59, "abcd2" + "0" * 59):
        studio.note("night", "play", oid)
    update(database, studio)
    night = studio.track("night")

    def choose(word: str) -> Entry:
        return choose_sound(database, word, night.root, night)

    assert choose("HEAD:mix.wav").oid == choose("mix.wav").oid == choose(kept[:4]).oid == kept
    with pytest.raises(UsageError, match="several sounds: abcd"):
        choose("abcd")
    with pytest.raises(NotFoundError, match="neither a file"):
        choose("abc")
    with pytest.raises(NotFoundError):
        choose_sound(database, "HEAD:mix.wav", studio.folder, None)
    source = find_source(database, choose(kept[:8]), studio.sign)
    assert source.repository is not None
    assert (source.repository.root, source.word) == (night.root, f"{night.head}:mix.wav")
    assert find_source(database, choose("loose.wav"), studio.sign) == Source(
        None, str(night.root / "loose.wav")
    )
    assert journal_folder(database, choose("loose.wav"), HOST, None) == night.state
    assert journal_folder(database, choose("loose.wav"), "elsewhere", studio.state) == studio.state
    entry = choose("loose.wav")
    (night.root / "loose.wav").write_bytes(b"another")
    with pytest.raises(NotFoundError, match="not there any more"):
        find_source(database, entry, studio.sign)


def test_ids_by_their_beginning(database: Database, studio: Studio) -> None:
    oid = studio.keep("night", "mix.wav", 220, "one")
    update(database, studio)
    assert [entry.oid for entry in find_sounds(database, oid[:6], Filter())] == [oid]
    assert find_sounds(database, "0000", Filter()) == []
    assert find_branch_tips(studio.track("night"))
