"""Merging: a table of what two people may do to one track, and what has to come of it."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from beatflow.errors import ConflictError, DamagedError, NotFoundError
from beatflow.history import read_content
from beatflow.merge.conflict import find_conflicts
from beatflow.objects.operation import OPERATIONS
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import find_record, write_pending
from beatflow.sound.fader import Fader
from beatflow.sound.files import read_audio
from beatflow.sound.mix import render_mix
from beatflow.sound.writing import write_audio
from beatflow.track import TRACK_FILE, parse_track
from beatflow.undo import undo
from tests.forks import RATE, Files, Fork, new, put, scale, take, wav

BASS = take(1)
SCORE = b"""title = "night"  # working title
tempo = 90.0

[stems.bass]
file = "bass.wav"
"""


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    folder = tmp_path / "track"
    folder.mkdir()
    return Fork(folder)


@dataclass(frozen=True)
class Case:
    """Base, what each side changes, what is there afterwards, and which paths are in conflict."""

    name: str
    base: Files
    ours: Files
    theirs: Files
    expected: Files
    conflicts: tuple[str, ...] = ()
    symmetric: bool = field(default=True)


ONE, TWO = put(BASS, 0.25, new(2)), put(BASS, 1.0, new(3))
BOTH = put(ONE, 1.0, new(3))
CLASH = put(BASS, 0.3, new(4))
LONGER = np.concatenate([BASS, new(5)])
CUT = BASS[: RATE // 2 * 3]
LOUDER = scale(BASS, 1.5)
OLD, MINE, YOURS = wav(BASS), wav(ONE), wav(TWO)
TEXT = b"intro\nverse\nchorus\nbridge\nouttro\n"

CASES = [
    Case(
        "changed there only",
        {"a.wav": OLD},
        {"b.txt": b"b"},
        {"a.wav": YOURS},
        {"a.wav": YOURS, "b.txt": b"b"},
    ),
    Case(
        "added on both sides, apart",
        {"a.wav": OLD},
        {"b.wav": MINE},
        {"c.wav": YOURS},
        {"a.wav": OLD, "b.wav": MINE, "c.wav": YOURS},
    ),
    Case(
        "added alike",
        {"a.wav": OLD},
        {"b.wav": MINE},
        {"b.wav": MINE, "x": b"x"},
        {"a.wav": OLD, "b.wav": MINE, "x": b"x"},
    ),
    Case(
        "added differently",
        {"a.wav": OLD},
        {"b.wav": MINE},
        {"b.wav": YOURS},
        {"a.wav": OLD, "b.wav": MINE, "b.ours.wav": MINE, "b.theirs.wav": YOURS},
        ("b.wav",),
    ),
    Case("deleted there", {"a.wav": OLD, "b": b"b"}, {"b": b"c"}, {"a.wav": None}, {"b": b"c"}),
    Case(
        "deleted on both sides",
        {"a.wav": OLD, "b": b"b"},
        {"a.wav": None},
        {"a.wav": None, "c": b"c"},
        {"b": b"b", "c": b"c"},
    ),
    Case(
        "deleted there, changed here",
        {"a.wav": OLD, "b": b"b"},
        {"a.wav": MINE},
        {"a.wav": None},
        {"a.wav": MINE, "a.ours.wav": MINE, "a.base.wav": OLD, "b": b"b"},
        ("a.wav",),
    ),
    Case(
        "deleted here, changed there",
        {"a.wav": OLD, "b": b"b"},
        {"a.wav": None},
        {"a.wav": MINE},
        {"a.wav": MINE, "a.theirs.wav": MINE, "a.base.wav": OLD, "b": b"b"},
        ("a.wav",),
    ),
    Case(
        "renamed here, changed there",
        {"a.wav": OLD},
        {"a.wav": None, "s/sub.wav": OLD},
        {"a.wav": YOURS},
        {"s/sub.wav": YOURS},
    ),
    Case(
        "renamed and deleted",
        {"a.wav": OLD, "b": b"b"},
        {"a.wav": None, "sub.wav": OLD},
        {"a.wav": None, "b": b"c"},
        {"sub.wav": OLD, "b": b"c"},
    ),
    Case(
        "renamed alike",
        {"a.wav": OLD},
        {"a.wav": None, "c.wav": OLD},
        {"a.wav": None, "c.wav": OLD, "d": b"d"},
        {"c.wav": OLD, "d": b"d"},
    ),
    Case(
        "renamed in two ways",
        {"a.wav": OLD},
        {"a.wav": None, "c.wav": OLD},
        {"a.wav": None, "d.wav": OLD},
        {"c.wav": OLD},
        (),
        False,
    ),
    Case(
        "renamed to what the other adds",
        {"a.wav": OLD},
        {"a.wav": None, "c.wav": OLD},
        {"c.wav": YOURS},
        {"c.wav": OLD, "c.ours.wav": OLD, "c.theirs.wav": YOURS},
        ("c.wav",),
    ),
    Case("different stretches", {"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": YOURS}, {"a.wav": wav(BOTH)}),
    Case(
        "the same stretch",
        {"a.wav": OLD},
        {"a.wav": MINE},
        {"a.wav": wav(CLASH)},
        {"a.wav": MINE, "a.ours.wav": MINE, "a.theirs.wav": wav(CLASH), "a.base.wav": OLD},
        ("a.wav",),
    ),
    Case(
        "one stretch alike, another not",
        {"a.wav": OLD},
        {"a.wav": MINE},
        {"a.wav": wav(BOTH)},
        {"a.wav": wav(BOTH)},
    ),
    Case(
        "appended there",
        {"a.wav": OLD},
        {"a.wav": MINE},
        {"a.wav": wav(LONGER)},
        {"a.wav": wav(put(LONGER, 0.25, new(2)))},
    ),
    Case(
        "shortened there",
        {"a.wav": OLD},
        {"a.wav": MINE},
        {"a.wav": wav(CUT)},
        {"a.wav": wav(put(CUT, 0.25, new(2)))},
    ),
    Case(
        "shortened where the other plays",
        {"a.wav": OLD},
        {"a.wav": wav(put(BASS, 1.7, new(2)))},
        {"a.wav": wav(CUT)},
        {
            "a.wav": wav(put(BASS, 1.7, new(2))),
            "a.ours.wav": wav(put(BASS, 1.7, new(2))),
            "a.theirs.wav": wav(CUT),
            "a.base.wav": OLD,
        },
        ("a.wav",),
    ),
    Case(
        "appended on both sides",
        {"a.wav": OLD},
        {"a.wav": wav(LONGER)},
        {"a.wav": wav(np.concatenate([BASS, new(6)]))},
        {
            "a.wav": wav(LONGER),
            "a.ours.wav": wav(LONGER),
            "a.theirs.wav": wav(np.concatenate([BASS, new(6)])),
            "a.base.wav": OLD,
        },
        ("a.wav",),
    ),
    Case(
        "a gain and a stretch",
        {"a.wav": OLD},
        {"a.wav": wav(LOUDER)},
        {"a.wav": MINE},
        {"a.wav": wav(scale(ONE, 1.5))},
    ),
    Case(
        "a gain and something appended",
        {"a.wav": OLD},
        {"a.wav": wav(LOUDER)},
        {"a.wav": wav(LONGER)},
        {"a.wav": wav(scale(LONGER, 1.5))},
    ),
    Case(
        "a gain and a cut",
        {"a.wav": OLD},
        {"a.wav": wav(LOUDER)},
        {"a.wav": wav(CUT)},
        {"a.wav": wav(scale(CUT, 1.5))},
    ),
    Case(
        "mute and a stretch",
        {"a.wav": OLD},
        {"a.wav": wav(BASS * 0)},
        {"a.wav": MINE},
        {"a.wav": wav(BASS * 0), "a.ours.wav": wav(BASS * 0), "a.theirs.wav": MINE, "a.base.wav": OLD},
        ("a.wav",),
    ),
    Case(
        "two gains",
        {"a.wav": OLD},
        {"a.wav": wav(LOUDER)},
        {"a.wav": wav(scale(BASS, -3))},
        {
            "a.wav": wav(LOUDER),
            "a.ours.wav": wav(LOUDER),
            "a.theirs.wav": wav(scale(BASS, -3)),
            "a.base.wav": OLD,
        },
        ("a.wav",),
    ),
    Case(
        "another sample rate",
        {"a.wav": OLD},
        {"a.wav": wav(ONE, 16000)},
        {"a.wav": YOURS},
        {"a.wav": wav(ONE, 16000), "a.ours.wav": wav(ONE, 16000), "a.theirs.wav": YOURS, "a.base.wav": OLD},
        ("a.wav",),
    ),
    Case(
        "another number of channels",
        {"a.wav": OLD},
        {"a.wav": wav(ONE[:, :1])},
        {"a.wav": YOURS},
        {"a.wav": wav(ONE[:, :1]), "a.ours.wav": wav(ONE[:, :1]), "a.theirs.wav": YOURS, "a.base.wav": OLD},
        ("a.wav",),
    ),
    Case(
        "text in different lines",
        {"a": TEXT},
        {"a": b"count in\n" + TEXT},
        {"a": TEXT.replace(b"outtro", b"outro")},
        {"a": b"count in\n" + TEXT.replace(b"outtro", b"outro")},
    ),
    Case(
        "text in the same line",
        {"a.txt": TEXT},
        {"a.txt": TEXT.replace(b"verse", b"verse 1")},
        {"a.txt": TEXT.replace(b"verse", b"verse A")},
        {
            "a.txt": TEXT.replace(b"verse", b"verse 1"),
            "a.ours.txt": TEXT.replace(b"verse", b"verse 1"),
            "a.theirs.txt": TEXT.replace(b"verse", b"verse A"),
            "a.base.txt": TEXT,
        },
        ("a.txt",),
    ),
    Case(
        "bytes that are no text",
        {"a": b"\0\1\2"},
        {"a": b"\0\1\3"},
        {"a": b"\0\1\4"},
        {"a": b"\0\1\3", "a.ours": b"\0\1\3", "a.theirs": b"\0\1\4", "a.base": b"\0\1\2"},
        ("a",),
    ),
    Case(
        "a score in different keys",
        {TRACK_FILE: SCORE, "bass.wav": OLD},
        {TRACK_FILE: SCORE.replace(b"90.0", b"92.0  # faster")},
        {TRACK_FILE: SCORE + b"gain_db = -1.5  # too loud\n"},
        {
            TRACK_FILE: SCORE.replace(b"90.0", b"92.0  # faster") + b"gain_db = -1.5  # too loud\n",
            "bass.wav": OLD,
        },
    ),
    Case(
        "a file and a sound",
        {"a": b"text"},
        {"a": MINE},
        {"a": b"other text"},
        {"a": MINE, "a.ours": MINE, "a.theirs": b"other text", "a.base": b"text"},
        ("a",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_becomes_of_two_lines_of_work(fork: Fork, case: Case) -> None:
    fork.part(case.base, case.ours, case.theirs)
    before = fork.read()
    done = fork.merge()
    assert fork.read() == case.expected
    assert done.outcome is not None
    assert tuple(trouble.conflict.path for trouble in done.outcome.troubles) == case.conflicts
    tree = read_content(fork.repository, fork.repository.head)
    assert tree == fork.repository.worktree.look()
    assert tuple(conflict.path for conflict in find_conflicts(tree)) == case.conflicts
    parents = fork.repository.git.read_commit(done.commit).parents
    assert len(parents) == 2
    undo(fork.repository)
    assert fork.read() == before
    assert fork.repository.head == parents[0]


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.conflicts and case.symmetric], ids=lambda case: case.name
)
def test_a_clean_merge_is_the_same_from_the_other_side(fork: Fork, case: Case) -> None:
    fork.part(case.base, case.ours, case.theirs)
    fork.go("theirs")
    fork.merge("main")
    there = fork.read()
    if TRACK_FILE in there:
        there[TRACK_FILE] = case.expected[TRACK_FILE] or b""
    assert there == case.expected


def test_nothing_to_merge_and_going_forward(fork: Fork) -> None:
    fork.part({"a": b"a"}, {}, {"a": b"b"})
    done = fork.merge()
    assert done.kind == "fast_forward"
    assert fork.repository.head == fork.repository.git.read_ref("refs/heads/theirs") == done.commit
    assert fork.read() == {"a": b"b"}
    operations = fork.repository.git.read_ref(OPERATIONS)
    assert fork.merge().kind == "up_to_date"
    assert fork.repository.git.read_ref(OPERATIONS) == operations
    undo(fork.repository)
    assert fork.read() == {"a": b"a"}
    done = fork.merge(fast_forward="never", message="with a commit")
    assert done.kind == "merged"
    assert fork.repository.git.read_commit(done.commit).message == "with a commit\n"


def test_only_going_forward(fork: Fork) -> None:
    fork.part({"a": b"a"}, {"b": b"b"}, {"a": b"b"})
    with pytest.raises(ConflictError, match="both gone on"):
        fork.merge(fast_forward="only")


def test_dry_run_changes_nothing(fork: Fork) -> None:
    fork.part({"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": wav(CLASH)})
    before, head = fork.read(), fork.repository.head
    done = fork.merge(dry_run=True)
    assert done.outcome
    assert done.outcome.troubles[0].reason == "both changed"
    assert (fork.read(), fork.repository.head) == (before, head)


def test_unrelated_histories(fork: Fork) -> None:
    fork.commit({"a.wav": OLD})
    fork.repository.git.write_head("refs/heads/other")
    fork.commit({"a.wav": MINE, "b": b"b"})
    fork.go("main")
    with pytest.raises(ConflictError, match="no commit in common"):
        fork.merge("other")
    fork.merge("other", allow_unrelated=True)
    assert fork.read() == {"a.wav": OLD, "a.ours.wav": OLD, "a.theirs.wav": MINE, "b": b"b"}


def test_uncommitted_work_comes_along_or_is_in_the_way(fork: Fork) -> None:
    fork.part({"a": b"a", "b": b"b"}, {"c": b"c"}, {"a": b"A"})
    fork.write({"b": b"edited", "d": b"new"})
    fork.merge()
    assert fork.read() == {"a": b"A", "b": b"edited", "c": b"c", "d": b"new"}
    undo(fork.repository)
    fork.write({"a": b"edited"})
    before = fork.read()
    with pytest.raises(ConflictError, match="uncommitted changes would be overwritten: a"):
        fork.merge()
    assert fork.read() == before
    fork.write({"a": b"a"})
    fork.write({"b.ours": b"mine"})
    fork.go("theirs")
    assert fork.read()["b.ours"] == b"mine"


def test_a_take_never_overwrites_a_file(fork: Fork) -> None:
    fork.part({"a.wav": OLD, "a.ours.wav": YOURS}, {"a.wav": MINE}, {"a.wav": wav(CLASH)})
    before = fork.read()
    with pytest.raises(ConflictError, match=r"a.ours.wav is there already") as caught:
        fork.merge()
    assert caught.value.hint == "mv a.ours.wav a.ours.wav.old, commit, then merge again"
    assert fork.read() == before


def test_uncommitted_file_where_a_take_would_be(fork: Fork) -> None:
    fork.part({"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": wav(CLASH)})
    fork.write({"a.theirs.wav": YOURS})
    with pytest.raises(ConflictError, match=r"overwritten: a.theirs.wav"):
        fork.merge()


def test_file_and_folder(fork: Fork) -> None:
    fork.part({"x": b"x"}, {"a": b"a"}, {"a/b.txt": b"b"})
    with pytest.raises(ConflictError, match="a is a file on one side and a folder on the other"):
        fork.merge()


def test_a_file_that_became_a_folder(fork: Fork) -> None:
    fork.part({"a": b"a", "b": b"b"}, {"b": b"c"}, {"a": None, "a/b.txt": b"b"})
    fork.merge()
    assert fork.read() == {"a/b.txt": b"b", "b": b"c"}


def test_modes_and_links(fork: Fork) -> None:
    fork.commit({"run": b"#!/bin/sh\n", "a": b"a"})
    fork.go("theirs", new=True)
    (fork.root / "run").chmod(0o755)
    fork.commit({})
    fork.go("main")
    fork.commit({"run": b"#!/bin/bash\n"})
    fork.merge()
    assert fork.read()["run"] == b"#!/bin/bash\n"
    assert (fork.root / "run").stat().st_mode & 0o100
    (fork.root / "a").unlink()
    (fork.root / "a").symlink_to("run")
    fork.commit({})
    fork.go("theirs")
    fork.commit({"a": b"b"})
    done = fork.merge("main")
    assert done.outcome
    assert done.outcome.troubles[0].reason == "a link on one side"
    assert (fork.root / "a.theirs").is_symlink()
    assert (fork.root / "a").read_bytes() == b"b"


def test_score_keys_in_conflict_stay_readable(fork: Fork) -> None:
    fork.part(
        {TRACK_FILE: SCORE, "bass.wav": OLD},
        {TRACK_FILE: SCORE.replace(b"90.0", b"92.0")},
        {TRACK_FILE: SCORE.replace(b"90.0", b"88.0") + b'gain_db = -1.5\n[stems.pad]\nfile = "pad.wav"\n'},
    )
    done = fork.merge()
    assert done.outcome
    assert done.outcome.troubles[0].reason == "both changed tempo"
    merged = fork.read()[TRACK_FILE]
    track = parse_track(merged)
    assert (track.tempo, track.stems["bass"].gain_db, track.stems["pad"].file) == (92.0, -1.5, "pad.wav")
    assert b"# working title" in merged
    assert parse_track(fork.read()["track.theirs.toml"]).tempo == 88.0


def test_a_stem_that_one_side_took_out_of_the_score(fork: Fork) -> None:
    two = SCORE + b'\n[stems.pad]\nfile = "pad.wav"\n'
    fork.part({TRACK_FILE: two}, {TRACK_FILE: two.replace(b"90.0", b"92.0")}, {TRACK_FILE: SCORE})
    fork.merge()
    assert list(parse_track(fork.read()[TRACK_FILE]).stems) == ["bass"]
    undo(fork.repository)
    fork.commit({TRACK_FILE: two + b"gain_db = 2.0\n"})
    done = fork.merge()
    assert done.outcome
    assert done.outcome.troubles[0].reason == "both changed stems.pad"
    assert parse_track(fork.read()[TRACK_FILE]).stems["pad"].gain_db == 2.0


def test_a_score_that_cannot_be_read_is_kept_whole(fork: Fork) -> None:
    fork.part({TRACK_FILE: SCORE}, {TRACK_FILE: SCORE + b"pan = 0.5\n"}, {TRACK_FILE: b"tempo = \n"})
    done = fork.merge()
    assert done.outcome
    assert [trouble.conflict.path for trouble in done.outcome.troubles] == [TRACK_FILE]
    assert fork.read()["track.theirs.toml"] == b"tempo = \n"


# Mixes ---------------------------------------------------------------------------------------------------

MIXED = b"""[mix]
file = "mix.wav"
[stems.bass]
file = "bass.wav"
[stems.drums]
file = "drums.wav"
gain_db = -6.0
"""
DRUMS = take(9)


def mix(folder: Path, bass: np.ndarray, drums: np.ndarray, drums_db: float = -6.0) -> bytes:
    """Render what MIXED says."""
    sounds = {}
    for name, samples in (("bass", bass), ("drums", drums)):
        path = folder / f"{name}.wav"
        path.write_bytes(wav(samples))
        sounds[name] = read_audio(path)
    audio, _ = render_mix(sounds, {"drums": Fader(gain_db=drums_db)})
    write_audio(folder / "mix.wav", audio)
    return (folder / "mix.wav").read_bytes()


def test_a_render_is_rendered_again(fork: Fork, tmp_path: Path) -> None:
    base = {
        TRACK_FILE: MIXED,
        "bass.wav": OLD,
        "drums.wav": wav(DRUMS),
        "mix.wav": mix(tmp_path, BASS, DRUMS),
    }
    drums = put(DRUMS, 0.5, new(10))
    fork.part(
        base,
        {"bass.wav": MINE, "mix.wav": mix(tmp_path, ONE, DRUMS)},
        {"drums.wav": wav(drums), "mix.wav": mix(tmp_path, BASS, drums)},
    )
    done = fork.merge()
    assert done.outcome
    assert [(item.path, item.how) for item in done.outcome.merged] == [("mix.wav", "mix")]
    assert fork.read()["mix.wav"] == mix(tmp_path, ONE, drums)
    tree = fork.repository.worktree.look()
    pointer = read_pointer(fork.repository.git, tree["mix.wav"])
    assert pointer
    record = find_record(fork.repository, pointer.oid)
    assert record
    assert [item["path"] for item in record["inputs"]] == ["bass.wav", "drums.wav"]
    assert "stems" not in record  # a fader is off its zero


def test_a_fader_here_and_a_stem_there(fork: Fork, tmp_path: Path) -> None:
    base = {
        TRACK_FILE: MIXED,
        "bass.wav": OLD,
        "drums.wav": wav(DRUMS),
        "mix.wav": mix(tmp_path, BASS, DRUMS),
    }
    fork.part(
        base,
        {TRACK_FILE: MIXED.replace(b"-6.0", b"-3.0")},
        {"bass.wav": MINE, "mix.wav": mix(tmp_path, ONE, DRUMS)},
    )
    fork.merge()
    assert fork.read()["mix.wav"] == mix(tmp_path, ONE, DRUMS, -3.0)


def test_a_master_by_hand_is_no_render(fork: Fork, tmp_path: Path) -> None:
    mastered = wav(scale(take(11), 2))
    fork.part(
        {TRACK_FILE: MIXED, "bass.wav": OLD, "drums.wav": wav(DRUMS), "mix.wav": mix(tmp_path, BASS, DRUMS)},
        {"bass.wav": MINE, "mix.wav": mix(tmp_path, ONE, DRUMS)},
        {"mix.wav": mastered},
    )
    done = fork.merge()
    assert done.outcome
    assert [trouble.conflict.path for trouble in done.outcome.troubles] == ["mix.wav"]
    assert fork.read()["mix.theirs.wav"] == mastered


def test_a_stem_in_conflict_leaves_a_mix_that_fits(fork: Fork, tmp_path: Path) -> None:
    fork.part(
        {TRACK_FILE: MIXED, "bass.wav": OLD, "drums.wav": wav(DRUMS), "mix.wav": mix(tmp_path, BASS, DRUMS)},
        {"bass.wav": MINE, "mix.wav": mix(tmp_path, ONE, DRUMS)},
        {"bass.wav": wav(CLASH), "mix.wav": mix(tmp_path, CLASH, DRUMS)},
    )
    done = fork.merge()
    assert done.outcome
    assert [trouble.conflict.path for trouble in done.outcome.troubles] == ["bass.wav"]
    assert fork.read()["mix.wav"] == mix(tmp_path, ONE, DRUMS)


# Histories -----------------------------------------------------------------------------------------------


def crossed(fork: Fork, ours: np.ndarray, theirs: np.ndarray) -> tuple[str, str]:
    """Two branches that each merged the other's first commit, and are on their way again."""
    fork.part({"a.wav": OLD}, {"a.wav": wav(ours)}, {"a.wav": wav(theirs)})
    one = fork.repository.head
    two = fork.repository.git.read_ref("refs/heads/theirs")
    assert one
    assert two
    fork.merge(two)
    fork.go("theirs")
    fork.merge(one)
    return one, two


def test_criss_cross(fork: Fork) -> None:
    one, two = crossed(fork, ONE, TWO)
    assert (fork.samples("a.wav") == BOTH).all()
    theirs = put(BOTH, 0.25, new(20))
    fork.commit({"a.wav": wav(theirs)}, "over ours")
    fork.go("main")
    ours = put(BOTH, 1.0, new(21))
    fork.commit({"a.wav": wav(ours)}, "over theirs")
    done = fork.merge()
    assert set(done.bases) == {one, two}
    assert done.outcome
    assert not done.outcome.troubles
    assert (fork.samples("a.wav") == put(theirs, 1.0, new(21))).all()


def test_criss_cross_over_a_conflict_that_was_resolved_in_two_ways(fork: Fork) -> None:
    fork.part({"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": wav(CLASH)})
    one, two = fork.repository.head, fork.repository.git.read_ref("refs/heads/theirs")
    assert one
    assert two
    for branch, other, kept in (("main", two, MINE), ("theirs", one, wav(CLASH))):
        fork.go(branch)
        fork.merge(other)
        fork.commit({"a.wav": kept, "a.ours.wav": None, "a.theirs.wav": None, "a.base.wav": None}, "mine")
    fork.go("main")
    fork.merge()
    read = fork.read()
    assert (read["a.ours.wav"], read["a.theirs.wav"], read["a.base.wav"]) == (MINE, wav(CLASH), OLD)


def test_criss_cross_over_a_conflict_that_was_resolved_alike(fork: Fork) -> None:
    fork.part({"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": wav(CLASH)})
    one, two = fork.repository.head, fork.repository.git.read_ref("refs/heads/theirs")
    assert one
    assert two
    gone = {"a.ours.wav": None, "a.theirs.wav": None, "a.base.wav": None}
    for branch, other, place in (("main", two, 1.0), ("theirs", one, 1.5)):
        fork.go(branch)
        fork.merge(other)
        fork.commit({"a.wav": wav(put(CLASH, place, new(round(place * 10)))), **gone}, "theirs it is")
    fork.go("main")
    done = fork.merge()
    assert done.outcome
    assert not done.outcome.troubles
    assert (fork.samples("a.wav") == put(put(CLASH, 1.0, new(10)), 1.5, new(15))).all()


def test_a_conflict_open_on_both_sides(fork: Fork) -> None:
    crossed(fork, ONE, CLASH)
    with pytest.raises(ConflictError, match=r"a.wav is in conflict on both sides already"):
        fork.merge("main")


def test_provenance_of_both_sides_travels(fork: Fork) -> None:
    repository = fork.repository
    oids = {
        name: sha256(data).hexdigest() for name, data in (("base", OLD), ("ours", MINE), ("theirs", YOURS))
    }
    fork.commit({"a.wav": OLD})
    fork.go("theirs", new=True)
    write_pending(repository, oids["theirs"], {"engine": "theirs"})
    fork.commit({"a.wav": YOURS})
    fork.go("main")
    write_pending(repository, oids["ours"], {"engine": "ours"})
    fork.commit({"a.wav": MINE})
    for record in (repository.state / "provenance").iterdir():
        record.unlink()
    done = fork.merge()
    found = find_record(repository, sha256(wav(BOTH)).hexdigest(), done.commit, search=False)
    assert found
    assert found["engine"] == "merge"
    assert [item["oid"] for item in found["inputs"]] == [oids["base"], oids["ours"], oids["theirs"]]
    assert found["stretches"] == [
        {"from": "ours", "start_frame": RATE // 4, "frames": RATE // 4},
        {"from": "theirs", "start_frame": RATE, "frames": RATE // 4},
    ]
    for name in ("ours", "theirs"):
        record = find_record(repository, oids[name], done.commit, search=False)
        assert record
        assert record["engine"] == name


def test_a_damaged_side(fork: Fork) -> None:
    fork.part({"a.wav": OLD}, {"a.wav": MINE}, {"a.wav": YOURS})
    before = fork.read()
    for pack in (fork.root / ".beatflow/audio/packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        for at in range(200, len(data) - 200, 50):
            data[at] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)
    head = fork.repository.head
    with pytest.raises((DamagedError, NotFoundError)):
        Fork(fork.root).merge()
    assert (fork.read(), fork.repository.head) == (before, head)
