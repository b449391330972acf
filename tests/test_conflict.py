"""Names of takes, conflicts in a tree, and the small parts of merging that know no sound."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.merge.ancestry import find_merge_bases
from beatflow.merge.conflict import TAKES, Conflict, find_conflicts, get_conflict, name_take, split_take
from beatflow.merge.linemerge import MAX_TEXT, is_text, merge_lines
from beatflow.merge.scoremerge import merge_scores
from beatflow.merge.threeway import check_folders, merge_entries
from beatflow.objects.git.value import FILE, Entry, Signature
from beatflow.repository import Repository
from beatflow.track import parse_track

NAMES = st.text(st.sampled_from("ab.é -"), min_size=1, max_size=8).filter(
    lambda name: not set(name) <= {"."} and not set(name.split(".")) & set(TAKES)
)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("stems/bass.wav", "stems/bass.ours.wav"),
        ("README", "README.ours"),
        (".bfignore", ".bfignore.ours"),
        ("a.b/c", "a.b/c.ours"),
        ("take.tar.gz", "take.tar.ours.gz"),
        ("bass.ours.wav", "bass.ours.ours.wav"),
    ],
)
def test_where_a_take_is_kept(path: str, kept: str) -> None:
    assert name_take(path, "ours") == kept
    assert split_take(kept) == (path, "ours")


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=3), st.sampled_from(TAKES))
def test_a_takes_name_leads_back(parts: list[str], take: str) -> None:
    path = "/".join(parts)
    assert split_take(name_take(path, take)) == (path, take)


@settings(deadline=None)
@given(st.lists(NAMES, max_size=5, unique=True), st.sets(st.sampled_from(TAKES), min_size=2))
def test_conflicts_are_found_among_other_files(paths: list[str], takes: set[str]) -> None:
    tree = [*paths, *(name_take(path, take) for path in paths for take in takes), "x.ours.wav", "y.base"]
    assert [conflict.path for conflict in find_conflicts(tree)] == sorted(paths)
    assert all(set(conflict.takes) == takes for conflict in find_conflicts(tree))


def test_a_conflict_by_name() -> None:
    bass = Conflict("stems/bass.wav", ("ours", "theirs"))
    known = [bass, Conflict("loops/bass.wav", TAKES), Conflict("pad.wav", ("ours", "base"))]
    stems = {"low": "stems/bass.wav"}
    assert get_conflict(known, "low", stems) == bass
    assert get_conflict(known, "stems/bass.theirs.wav", {}) == bass
    assert get_conflict(known, "pad", {}).deleted_by == "theirs"
    assert bass.deleted_by is None
    with pytest.raises(UsageError, match=r"bass may be stems/bass.wav or loops/bass.wav"):
        get_conflict(known, "bass", {})
    with pytest.raises(NotFoundError, match="drums is not in conflict"):
        get_conflict(known, "drums", stems)


# Lines ---------------------------------------------------------------------------------------------------

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d"]), max_size=8).map(b"".join)


@settings(deadline=None)
@given(LINES, LINES, LINES)
def test_lines_merge_alike_from_both_sides(base: bytes, ours: bytes, theirs: bytes) -> None:
    assert merge_lines(base, base, theirs) == theirs
    assert merge_lines(base, ours, base) == ours
    assert merge_lines(base, ours, ours) == ours
    merged, swapped = merge_lines(base, ours, theirs), merge_lines(base, theirs, ours)
    assert merged == swapped


@settings(deadline=None)
@given(st.lists(st.integers(0, 9).map(lambda n: b"%d\n" % n), min_size=3, max_size=12), st.data())
def test_lines_changed_apart_are_both_there(lines: list[bytes], data: st.DataObject) -> None:
    lines = [b"%d %s" % (number, line) for number, line in enumerate(lines)]
    first = data.draw(st.integers(0, len(lines) - 3))
    last = data.draw(st.integers(first + 2, len(lines) - 1))
    ours = [*lines[:first], b"ours\n", *lines[first + 1 :]]
    theirs = [*lines[:last], b"theirs\n", *lines[last + 1 :]]
    both = [*ours[:last], b"theirs\n", *ours[last + 1 :]]
    assert merge_lines(*(b"".join(side) for side in (lines, ours, theirs))) == b"".join(both)


def test_what_is_text() -> None:
    assert is_text("naïve\r\n".encode("latin-1"))
    assert not is_text(b"a\0b")
    assert not is_text(b"a" * (MAX_TEXT + 1))
    assert merge_lines(b"a\r\nb\r\nc\r\n", b"a\r\nb\r\nC\r\n", b"A\r\nb\r\nc\r\n") == b"A\r\nb\r\nC\r\n"


# Trees ---------------------------------------------------------------------------------------------------

PATHS = ("a", "b", "c/d", "e")
TREES = st.dictionaries(
    st.sampled_from(PATHS), st.sampled_from("1234").map(lambda digit: Entry(FILE, digit * 40)), max_size=4
)


@settings(deadline=None)
@given(TREES, TREES, TREES)
def test_nothing_that_somebody_has_is_dropped(
    base: dict[str, Entry], ours: dict[str, Entry], theirs: dict[str, Entry]
) -> None:
    result = merge_entries(base, ours, theirs)
    there = {entry.oid for entry in result.tree.values()}
    there |= {
        entry.oid for clash in result.clashes for entry in (clash.ours, clash.theirs, clash.base) if entry
    }
    old = {entry.oid for entry in base.values()}
    for side in (ours, theirs):
        assert {entry.oid for entry in side.values()} - old <= there


@settings(deadline=None)
@given(TREES, TREES)
def test_one_side_alone_is_taken(base: dict[str, Entry], side: dict[str, Entry]) -> None:
    for ours, theirs in ((side, base), (base, side), (side, side)):
        result = merge_entries(base, ours, theirs)
        assert (result.tree, result.clashes) == (side, [])


def test_file_and_folder() -> None:
    check_folders(dict.fromkeys(["a", "b/c", "b.d"], Entry(FILE, "1" * 40)))
    with pytest.raises(ConflictError, match="b/c is a file on one side and a folder on the other") as caught:
        check_folders(dict.fromkeys(["b/c", "b/c/d"], Entry(FILE, "1" * 40)))
    assert "mv b/c b/c.old" in str(caught.value.hint)


# Scores --------------------------------------------------------------------------------------------------


def test_stems_whose_names_have_dots() -> None:
    base = b'tempo = 90.0\n[stems."kick.1"]\nfile = "k.wav"\n'
    merged = merge_scores(base, base.replace(b"90", b"91"), base + b"gain_db = 2.0\n", None)
    assert merged
    assert parse_track(merged.data).stems["kick.1"].gain_db == 2.0


def test_both_added_a_score() -> None:
    merged = merge_scores(
        None, b"tempo = 90.0\n", b'tempo = 90.0\nkey = "A:min"\n[mix]\nfile = "m.wav"\n', None
    )
    assert merged
    assert (parse_track(merged.data).key, parse_track(merged.data).mix_file) == ("A:min", "m.wav")
    assert merged.conflicts == ()


# History -------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=9))
def test_merge_bases_are_the_best_common_ancestors(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[int, int]]
) -> None:
    git = Repository.create(tmp_path_factory.mktemp("h"), lambda: Signature("A", "a@x", 1)).git
    tree = git.write_tree({})
    commits: list[str] = []
    ancestors: dict[str, set[str]] = {}
    for number, choice in enumerate(links):
        parents = list(dict.fromkeys(commits[at] for at in choice if at < number))
        oid = git.write_commit(tree, parents, str(number), Signature("A", "a@x", 1 + number))
        commits.append(oid)
        ancestors[oid] = {oid}.union(*(ancestors[parent] for parent in parents))
    for one, two in itertools.combinations(commits, 2):
        shared = ancestors[one] & ancestors[two]
        best = {oid for oid in shared if not any(oid in ancestors[other] - {other} for other in shared)}
        found = find_merge_bases(git, [one], [two])
        assert set(found) == best
        assert git.merge_base(one, two) in (found or [None])
