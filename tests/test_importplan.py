"""Which commits a folder becomes: from names and dates alone."""

from calendar import timegm
from time import strptime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.importing.order import Candidate, longest_rise, order_all, settle_times
from beatflow.importing.plan import Plan, make_plan

NOW = timegm(strptime("2026-11-21", "%Y-%m-%d"))


def at(text: str) -> int:
    return timegm(strptime(text, "%Y-%m-%d %H:%M"))


def plan(*rows: tuple[str, str], same: bool = True, digests: dict[str, str] | None = None) -> Plan:
    files = [
        Candidate(path, 100, at(when), path.endswith(".wav"), (digests or {}).get(path))
        for path, when in rows
    ]
    return make_plan(files, lambda one, two: same, NOW, 0, "folder")


def told(result: Plan) -> list[str]:
    return [" + ".join(f"{item.path} < {item.source}" for item in step.files) for step in result.steps]


def sources(result: Plan) -> list[str]:
    return [" + ".join(item.source for item in step.files) for step in result.steps]


DAYS = [f"2024-05-{day:02} 12:00" for day in range(1, 31)]


def test_numbers_words_and_stems_of_one_version() -> None:
    result = plan(
        ("song_v1.wav", DAYS[0]),
        ("song_v2 final.wav", DAYS[4]),
        ("song_FINAL_final2.wav", DAYS[9]),
        ("song_v3.wav", DAYS[6]),
        ("drums v3.wav", DAYS[6]),
        ("cover.png", DAYS[5]),
    )
    assert told(result) == [
        "song.wav < song_v1.wav",
        "song.wav < song_v2 final.wav",
        "cover.png < cover.png + drums.wav < drums v3.wav + song.wav < song_v3.wav",
        "song.wav < song_FINAL_final2.wav",
    ]
    assert [step.time_s for step in result.steps] == [at(DAYS[day]) for day in (0, 4, 6, 9)]


def test_final_is_where_its_date_puts_it() -> None:
    result = plan(
        ("a_v1.wav", DAYS[0]), ("a_final.wav", DAYS[2]), ("a_v2.wav", DAYS[3]), ("a_final2.wav", DAYS[5])
    )
    assert sources(result) == ["a_v1.wav", "a_final.wav", "a_v2.wav", "a_final2.wav"]


def test_final_is_last_where_all_was_copied_at_once() -> None:
    names = ["a_final.wav", "a_final2.wav", "a_v1.wav", "a_v2.wav"]
    result = plan(*[(name, f"2026-01-01 10:{minute:02}") for minute, name in enumerate(names)])
    assert sources(result) == ["a_v1.wav", "a_v2.wav", "a_final.wav", "a_final2.wav"]


def test_what_has_no_version_is_in_the_last_where_dates_tell_nothing() -> None:
    rows = [("a_v2.wav", "2026-01-01 10:00"), ("a_v1.wav", "2026-01-01 10:01"), ("b.wav", "2026-01-01 10:00")]
    result = plan(*rows)
    assert sources(result) == ["a_v1.wav", "a_v2.wav + b.wav"]
    assert not any(item.version.date_passed_over for step in result.steps for item in step.files)


def test_a_date_that_contradicts_the_numbers_is_passed_over() -> None:
    result = plan(
        ("a_v1.wav", DAYS[0]), ("a_v2.wav", "2026-10-10 10:00"), ("a_v3.wav", DAYS[4]), ("a_v4.wav", DAYS[6])
    )
    assert sources(result) == ["a_v1.wav", "a_v2.wav", "a_v3.wav", "a_v4.wav"]
    assert [step.time_s for step in result.steps] == [at(DAYS[day]) for day in (0, 0, 4, 6)]
    assert [step.files[0].version.date_passed_over for step in result.steps] == [False, True, False, False]


def test_ten_comes_after_nine() -> None:
    result = plan(*[(f"a v{number}.wav", "2024-01-01 10:00") for number in (10, 9, 2, 1)])
    assert sources(result) == ["a v1.wav", "a v2.wav", "a v9.wav", "a v10.wav"]


def test_a_date_in_the_name_beats_the_files_own() -> None:
    result = plan(("b 2024-05-03.wav", "2026-01-01 10:00"), ("b 2024-05-01.wav", "2026-01-01 10:00"))
    assert sources(result) == ["b 2024-05-01.wav", "b 2024-05-03.wav"]
    assert [step.time_s for step in result.steps] == [at(DAYS[0]), at(DAYS[2])]


@pytest.mark.parametrize(("when", "order"), [(DAYS[9], [1, 2, 0]), ("2024-04-01 10:00", [0, 1, 2])])
def test_a_plain_name_is_the_first_or_the_current_one(when: str, order: list[int]) -> None:
    rows = [("a.wav", when), ("a_v1.wav", DAYS[0]), ("a_v2.wav", DAYS[3])]
    assert sources(plan(*rows)) == [rows[index][0] for index in order]


def test_folders_may_be_versions() -> None:
    result = plan(
        ("v1/drums.wav", DAYS[0]),
        ("v1/guitar 2.wav", DAYS[0]),
        ("v2/drums.wav", DAYS[3]),
        ("2024-06-01/drums.wav", "2024-06-01 10:00"),
        ("old/song_v1.wav", DAYS[1]),
        ("song_v2.wav", DAYS[3]),
        ("mix/notes.txt", DAYS[0]),
    )
    assert told(result) == [
        "drums.wav < v1/drums.wav + guitar 2.wav < v1/guitar 2.wav + mix/notes.txt < mix/notes.txt"
        " + song.wav < old/song_v1.wav",
        "drums.wav < v2/drums.wav + song.wav < song_v2.wav",
        "drums.wav < 2024-06-01/drums.wav",
    ]


def test_folders_with_a_name_and_a_version() -> None:
    result = plan(
        ("song_v1/drums.wav", DAYS[0]), ("song_v2/drums.wav", DAYS[3]), ("song_v2/stems/bass.wav", DAYS[3])
    )
    assert told(result) == [
        "drums.wav < song_v1/drums.wav",
        "drums.wav < song_v2/drums.wav + stems/bass.wav < song_v2/stems/bass.wav",
    ]


def test_words_behind_a_number_describe_the_version_or_name_a_stem() -> None:
    described = plan(
        ("song_v1.wav", DAYS[0]), ("song_v2 louder bass.wav", DAYS[3]), ("song_v3_new vocals.wav", DAYS[5])
    )
    assert {item.path for step in described.steps for item in step.files} == {"song.wav"}
    assert [step.label for step in described.steps] == ["v1", "v2 louder bass", "v3 new vocals"]
    stems = plan(*[(f"song_v{one}_{stem}.wav", DAYS[one]) for one in (1, 2) for stem in ("bass", "drums")])
    assert told(stems) == [
        "song_bass.wav < song_v1_bass.wav + song_drums.wav < song_v1_drums.wav",
        "song_bass.wav < song_v2_bass.wav + song_drums.wav < song_v2_drums.wav",
    ]


def test_folders_may_be_versions_with_a_description() -> None:
    result = plan(("v1 first/a.wav", DAYS[0]), ("v2 louder/a.wav", DAYS[2]), ("v2 louder/b.wav", DAYS[2]))
    assert told(result) == ["a.wav < v1 first/a.wav", "a.wav < v2 louder/a.wav + b.wav < v2 louder/b.wav"]
    assert [step.label for step in result.steps] == ["v1 first", "v2 louder"]


def test_a_versions_folder_is_all_of_it() -> None:
    rows = [(f"v{number}/{name}.wav", DAYS[number]) for number in (1, 2, 3) for name in ("a", "b", "stems/c")]
    rows = [row for row in rows if row[0] not in ("v2/b.wav", "v3/stems/c.wav")]
    digests = {f"v{number}/{name}.wav": name for number in (1, 2, 3) for name in ("b", "stems/c")}
    result = plan(*rows, digests=digests)
    assert told(result) == [
        "a.wav < v1/a.wav + b.wav < v1/b.wav + stems/c.wav < v1/stems/c.wav",
        "a.wav < v2/a.wav",
        "a.wav < v3/a.wav + b.wav < v3/b.wav",
    ]
    assert [step.removed for step in result.steps] == [[], ["b.wav"], ["stems/c.wav"]]
    assert result.duplicates == []


def test_names_that_are_all_version_are_the_mix() -> None:
    assert told(plan(("v1.wav", DAYS[0]), ("v2.wav", DAYS[1]))) == ["mix.wav < v1.wav", "mix.wav < v2.wav"]


def test_bare_numbers_are_versions_of_the_same_take_only() -> None:
    rows = [("guitar 1.wav", DAYS[0]), ("guitar 2.wav", DAYS[3])]
    assert told(plan(*rows)) == ["guitar.wav < guitar 1.wav", "guitar.wav < guitar 2.wav"]
    apart = plan(*rows, same=False)
    assert told(apart) == ["guitar 1.wav < guitar 1.wav + guitar 2.wav < guitar 2.wav"]
    assert apart.apart == ["guitar"]


def test_same_bytes_are_one_version() -> None:
    rows = [("a_v1.wav", DAYS[0]), ("a_v2.wav", DAYS[1]), ("a_v2 copy.wav", DAYS[2]), ("a_v3.wav", DAYS[3])]
    result = plan(*rows, digests={"a_v2.wav": "x", "a_v2 copy.wav": "x"})
    assert len(result.steps) == 3
    (double,) = result.duplicates
    assert {double[0].path, double[1].path} == {"a_v2.wav", "a_v2 copy.wav"}


def test_going_back_to_an_old_version_is_a_version() -> None:
    rows = [("a_v1.wav", DAYS[0]), ("a_v2.wav", DAYS[1]), ("a_v3.wav", DAYS[2])]
    assert len(plan(*rows, digests={"a_v1.wav": "x", "a_v3.wav": "x"}).steps) == 3


def test_another_format_follows_or_stands_beside() -> None:
    later = plan(("a_v1.mp3.wav", DAYS[0]), ("a_v2.wav", DAYS[1]))
    assert len(later.steps) == 2
    beside = make_plan(
        [
            Candidate(path, 1, at(when), True)
            for path, when in (("a_v1.wav", DAYS[0]), ("a_v1.mp3", DAYS[0]), ("a_v2.wav", DAYS[2]))
        ],
        lambda one, two: False,
        NOW,
        0,
        "",
    )
    assert told(beside) == ["a.mp3 < a_v1.mp3 + a.wav < a_v1.wav", "a.wav < a_v2.wav"]
    changed = make_plan(
        [Candidate("a_v1.mp3", 1, at(DAYS[0]), True), Candidate("a_v2.wav", 1, at(DAYS[2]), True)],
        lambda one, two: False,
        NOW,
        0,
        "",
    )
    assert [step.files[0].gone for step in changed.steps] == [None, "a.mp3"]


def test_two_songs_with_the_same_numbers_months_apart_stay_apart() -> None:
    result = plan(
        ("a_v1.wav", "2024-01-01 10:00"), ("a_v2.wav", "2024-02-01 10:00"),
        ("b_v1.wav", "2024-08-01 10:00"), ("b_v2.wav", "2024-09-01 10:00"),
    )  # fmt: skip
    assert sources(result) == ["a_v1.wav", "a_v2.wav", "b_v1.wav", "b_v2.wav"]


def test_a_folder_without_versions_is_one_commit() -> None:
    result = plan(("a.wav", DAYS[0]), ("b.wav", DAYS[3]), ("final thoughts.txt", DAYS[9]))
    assert sources(result) == ["a.wav + b.wav + final thoughts.txt"]
    assert result.steps[0].label == "folder"


def test_no_two_files_of_a_commit_share_a_path() -> None:
    result = plan(
        ("Song V1.wav", DAYS[0]), ("song_v1.wav", DAYS[2]), ("song_v2.wav", DAYS[3]), ("song.txt", DAYS[0])
    )
    assert sources(result) == ["song.txt + Song V1.wav", "song_v1.wav", "song_v2.wav"]


NAMES = st.sampled_from(
    ["a", "a_v1", "a v2", "A_v3", "a final", "a FINAL2", "a old", "a 2024-05-01", "b", "b 1", "b 2", "b v2", "v1/b",
     "v2/b", "old/a", "c", "2024-05-02/a"]
)  # fmt: skip


@given(
    st.dictionaries(st.tuples(NAMES, st.sampled_from([".wav", ".mp3", ".txt"])), st.integers(-10, 2 * NOW)),
    st.booleans(),
)
def test_every_file_goes_in_once_and_time_never_runs_back(
    found: dict[tuple[str, str], int], same: bool
) -> None:
    files = [Candidate(name + suffix, 1, mtime, suffix != ".txt") for (name, suffix), mtime in found.items()]
    result = make_plan(files, lambda one, two: same, NOW, 0, "folder")
    placed = [item.source for step in result.steps for item in step.files]
    assert sorted(placed) == sorted(file.path for file in files)
    times = [step.time_s for step in result.steps]
    assert times == sorted(times)
    assert all(0 <= time_s <= NOW for time_s in times) or not times
    for step in result.steps:
        paths = [item.path for item in step.files]
        assert len(set(paths)) == len(paths)


@given(st.lists(st.integers(0, 20), max_size=12))
def test_longest_rise_rises(values: list[int]) -> None:
    kept = [values[index] for index in sorted(longest_rise(values))]
    assert kept == sorted(kept)
    assert bool(kept) == bool(values)
    settled = settle_times(list(values), 5)
    assert settled == sorted(settled)


def test_contradicting_orders_end_all_the_same() -> None:
    order = order_all(
        [["a", "b"], ["b", "a"], ["b", "c"]], lambda one, time_s: (time_s, one), {"a": 2, "b": 1, "c": 3}
    )
    assert order == ["b", "a", "c"]
