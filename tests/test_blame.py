"""Where stretches come from, and which commits touched them, over histories whose explanations are written by hand.

The sounds are real files in a real repository; only what became of each is given, so that every figure is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from beatflow.blame.blame import Blame, blame
from beatflow.blame.story import Stretch
from beatflow.blame.touching import iter_touching
from beatflow.errors import DamagedError, NotFoundError, UsageError
from beatflow.history import read_content, write_commit
from beatflow.objects.git.value import Entry, Signature
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.revision.span import get_span, is_span, split_span
from beatflow.sound.explanation import Change, Explanation, Piece
from beatflow.timecode import Span
from tests.conftest import EPOCH, Bf
from tests.world import wav_bytes

RATE = 44100
GAIN = Change("gain", {"gain_db": -1.5})
TAKE = Change("new_take", {})
SAME = Change("identical", {})


def region(action: str, start: int, frames: int) -> Change:
    return Change("region", {"action": action, "start_frame": start, "frames": frames})


@dataclass
class World:
    """A repository in which each version of a sound is known by a number; ``explained`` says how one became another."""

    bf: Bf
    explained: dict[tuple[int, int], Explanation] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)
    time_s: int = EPOCH

    @property
    def repository(self) -> Repository:
        def sign() -> Signature:
            self.time_s += 60
            return Signature("Ada", "ada@example.com", self.time_s)

        return Repository.get(self.bf.directory, sign)

    def sound(self, number: int, frames: int = 1000) -> Entry:
        """Store version ``number`` of a sound."""
        samples = np.random.default_rng(number).integers(-9000, 9000, (frames, 1))
        path = self.bf.directory / "scratch.wav"
        path.write_bytes(wav_bytes(samples))
        self.bf.ok("commit", "-m", "scratch", "scratch.wav")
        entry = read_content(self.repository, self.repository.head)["scratch.wav"]
        pointer = read_pointer(self.repository.git, entry)
        assert pointer
        self.numbers[pointer.oid] = number
        self.lengths[number] = frames
        return entry

    def commit(self, title: str, files: Mapping[str, Entry], *parents: str) -> str:
        """Write a commit of just these files."""
        return write_commit(self.repository, dict(files), parents, title, {})

    def became(
        self,
        before: int,
        after: int,
        *changes: Change,
        pieces: list[tuple[int, int, int | None]] | None = None,
    ) -> None:
        """Say how one version became another; all of it from where it is when no pieces are given."""
        frames = self.lengths[after]
        values = tuple(Piece(*piece) for piece in pieces or [(0, frames, 0)])
        self.explained[before, after] = Explanation(
            changes, values, RATE, self.lengths[before], frames, -200.0, None
        )

    def explain(self, before: str, after: str) -> Explanation:
        pair = self.numbers[before], self.numbers[after]
        self.asked.append(pair)
        if pair not in self.explained:
            raise DamagedError(f"{pair[0]} is damaged")
        return self.explained[pair]

    def blame(self, commit: str, path: str = "bass.wav", span: Span | None = None) -> Blame:
        return blame(self.repository, commit, path, self.explain, span)

    def story(self, commit: str, path: str = "bass.wav", span: Span | None = None) -> list[str]:
        return [tell(stretch) for stretch in self.blame(commit, path, span).stretches]

    def touching(
        self, commit: str, start: int, end: int, path: str = "bass.wav", topological: bool = False
    ) -> list[str]:
        found = iter_touching(
            self.repository, [commit], [], path, Span(start, end), self.explain, topological
        )
        return [item.title for item in found]


def tell(stretch: Stretch) -> str:
    """Write a stretch in one line: ``300-500 replaced two; gain three``."""
    works = [f"; {change.kind} {work.commit.title}" for work in stretch.works for change in work.changes]
    moved = f" @{stretch.start_frame}" if stretch.start_frame != stretch.start else ""
    end = stretch.start + stretch.frames
    return f"{stretch.start}-{end} {stretch.kind} {stretch.commit.title}{moved}" + "".join(works)


@pytest.fixture
def world(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> World:
    bf.ok("init")
    # A thousand frames are enough where every frame counts.
    monkeypatch.setattr("beatflow.blame.story.SHORT_S", 0)
    return World(bf)


def test_a_sound_comes_from_the_commit_that_added_it(world: World) -> None:
    one = world.sound(1)
    first = world.commit("one", {"bass.wav": one})
    second = world.commit("two", {"bass.wav": one, "other.wav": world.sound(2)}, first)
    assert world.story(second) == ["0-1000 added one"]
    assert world.asked == []


def test_a_region_is_of_the_commit_that_replaced_it(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    world.became(1, 2, region("replaced", 300, 200), pieces=[(0, 300, 0), (300, 200, None), (500, 500, 500)])
    assert world.story(second) == ["0-300 added one", "300-500 replaced two", "500-1000 added one"]
    assert world.story(second, span=Span(400, 600)) == ["400-500 replaced two", "500-600 added one"]
    assert world.story(second, span=Span(900, None)) == ["900-1000 added one"]
    assert world.story(second, span=Span(5000, None)) == []


def test_material_is_followed_through_moves_and_gains(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    third = world.commit("three", {"bass.wav": world.sound(3, 1100)}, second)
    world.became(1, 2, GAIN)
    world.became(2, 3, region("inserted", 0, 100), pieces=[(0, 100, None), (100, 1000, 0)])
    assert world.story(third) == ["0-100 inserted three", "100-1100 added one @0; gain two"]


def test_neighbours_with_one_story_are_one_stretch(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    third = world.commit("three", {"bass.wav": world.sound(3)}, second)
    world.became(1, 2, SAME, pieces=[(0, 400, 0), (400, 600, 400)])
    world.became(2, 3, SAME, pieces=[(0, 500, 0), (500, 500, 500)])
    assert world.story(third) == ["0-1000 added one"]


def test_a_cut_shows_in_where_the_material_was(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2, 900)}, first)
    world.became(1, 2, region("deleted", 300, 100), pieces=[(0, 300, 0), (300, 600, 400)])
    assert world.story(second) == ["0-300 added one", "300-900 added one @400"]


def test_a_new_name_is_followed(world: World) -> None:
    one = world.sound(1)
    first = world.commit("one", {"old.wav": one})
    second = world.commit("two", {"bass.wav": one}, first)
    assert world.story(second) == ["0-1000 added one"]
    assert world.blame(second).stretches[0].path == "old.wav"


def test_a_new_name_and_a_gain_at_once_are_followed(world: World) -> None:
    first = world.commit("one", {"old.wav": world.sound(1), "gone.wav": world.sound(3)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    world.became(1, 2, GAIN)
    world.became(3, 2, TAKE, pieces=[(0, 1000, None)])
    assert world.story(second) == ["0-1000 added one; gain two"]


def test_another_take_is_no_renaming(world: World) -> None:
    first = world.commit("one", {"old.wav": world.sound(1), "gone.wav": world.sound(3)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    world.became(1, 2, TAKE, pieces=[(0, 1000, None)])
    # The third, gone.wav, cannot be read.
    assert world.story(second) == ["0-1000 added two"]


def test_a_copy_is_followed(world: World) -> None:
    one = world.sound(1)
    first = world.commit("one", {"other.wav": one})
    second = world.commit("two", {"other.wav": one, "bass.wav": one}, first)
    assert world.story(second) == ["0-1000 added one"]


def test_an_old_version_that_came_back_is_the_old_commits(world: World) -> None:
    one, two = world.sound(1), world.sound(2)
    first = world.commit("one", {"bass.wav": one})
    second = world.commit("two", {"bass.wav": two}, first)
    third = world.commit("three", {"bass.wav": one}, second)
    pieces = [(0, 300, 0), (300, 200, None), (500, 500, 500)]
    world.became(1, 2, region("replaced", 300, 200), pieces=pieces)
    world.became(2, 1, region("replaced", 300, 200), pieces=pieces)
    assert world.story(third) == [
        "0-300 added one",
        "300-500 added one; restored three",
        "500-1000 added one",
    ]


def test_a_merge_takes_from_both_sides(world: World) -> None:
    base = world.commit("base", {"bass.wav": world.sound(1)})
    ours = world.commit("ours", {"bass.wav": world.sound(2)}, base)
    theirs = world.commit("theirs", {"bass.wav": world.sound(3)}, base)
    merge = world.commit("merge", {"bass.wav": world.sound(4)}, ours, theirs)
    here, there = (
        [(0, 100, 0), (100, 100, None), (200, 800, 200)],
        [(0, 700, 0), (700, 100, None), (800, 200, 800)],
    )
    world.became(1, 2, region("replaced", 100, 100), pieces=here)
    world.became(1, 3, region("replaced", 700, 100), pieces=there)
    world.became(2, 4, region("replaced", 700, 100), pieces=there)
    world.became(3, 4, region("replaced", 100, 100), pieces=here)
    assert world.story(merge) == [
        "0-100 added base",
        "100-200 replaced ours",
        "200-700 added base",
        "700-800 replaced theirs",
        "800-1000 added base",
    ]
    assert world.touching(merge, 0, 1000) == ["theirs", "ours", "base"]
    assert world.touching(merge, 700, 800) == ["theirs", "base"]
    assert world.touching(merge, 100, 200) == ["ours", "base"]


def test_a_copy_in_one_side_is_not_the_others_own(world: World) -> None:
    base = world.commit("base", {"bass.wav": world.sound(1)})
    ours = world.commit("ours", {"bass.wav": world.sound(2)}, base)
    theirs = world.commit("theirs", {"bass.wav": world.sound(3)}, base)
    merge = world.commit("merge", {"bass.wav": world.sound(4)}, ours, theirs)
    here, there = [(0, 100, None), (100, 900, 100)], [(0, 900, 0), (900, 100, None)]
    world.became(1, 2, region("replaced", 0, 100), pieces=here)
    world.became(1, 3, region("replaced", 900, 100), pieces=there)
    # Both played the same thing, so that theirs is in ours as well, at another place.
    world.became(2, 4, region("replaced", 900, 100), pieces=[(0, 900, 0), (900, 100, 0)])
    world.became(3, 4, region("replaced", 0, 100), pieces=[(0, 100, 900), (100, 900, 100)])
    assert world.story(merge) == ["0-100 replaced ours", "100-900 added base", "900-1000 replaced theirs"]


def test_what_a_merge_did_to_the_other_side_is_its_own(world: World) -> None:
    base = world.commit("base", {"bass.wav": world.sound(1)})
    ours = world.commit("ours", {"bass.wav": world.sound(2)}, base)
    theirs = world.commit("theirs", {"bass.wav": world.sound(3)}, base)
    merge = world.commit("merge", {"bass.wav": world.sound(4)}, ours, theirs)
    pieces = [(0, 700, 0), (700, 100, None), (800, 200, 800)]
    world.became(1, 2, GAIN)
    world.became(1, 3, region("replaced", 700, 100), pieces=pieces)
    world.became(2, 4, region("replaced", 700, 100), pieces=pieces)
    world.became(3, 4, GAIN)
    assert world.story(merge) == [
        "0-700 added base; gain ours",
        "700-800 replaced theirs; gain merge",
        "800-1000 added base; gain ours",
    ]


def test_a_merge_that_took_one_side_whole_asks_no_other(world: World) -> None:
    one, two = world.sound(1), world.sound(2)
    base = world.commit("base", {"bass.wav": one})
    theirs = world.commit("theirs", {"bass.wav": two}, base)
    merge = world.commit("merge", {"bass.wav": two}, base, theirs)
    world.became(1, 2, TAKE, pieces=[(0, 1000, None)])
    assert world.story(merge) == ["0-1000 new_take theirs"]
    assert world.asked == [(1, 2)]
    assert world.touching(merge, 0, 10) == ["theirs", "base"]


def test_a_damaged_version_ends_the_search_and_says_so(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    (stretch,) = world.blame(second).stretches
    assert (stretch.kind, stretch.commit.title, stretch.problem) == ("unknown", "two", "1 is damaged")
    assert world.touching(second, 0, 10) == ["two", "one"]


def test_two_rates_are_told_in_their_own_frames(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1, 2000)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    world.became(1, 2, Change("sample_rate", {"before": 2 * RATE, "after": RATE}), GAIN)
    (stretch,) = world.blame(second, span=Span(100, 200)).stretches
    assert (stretch.start, stretch.frames, stretch.start_frame, stretch.sample_rate) == (
        100,
        100,
        200,
        2 * RATE,
    )


def test_what_is_no_sound_or_not_there_is_refused(world: World) -> None:
    text = Entry(0o100644, world.repository.git.write_blob(b"verse\n"))
    commit = world.commit("one", {"bass.wav": world.sound(1), "notes.txt": text})
    with pytest.raises(UsageError, match=r"notes\.txt is no sound") as caught:
        world.blame(commit, "notes.txt")
    assert caught.value.hint == "bf log notes.txt lists the commits that changed it"
    with pytest.raises(NotFoundError) as missing:
        world.blame(commit, "bas.wav")
    assert missing.value.hint == "did you mean bass.wav?"
    with pytest.raises(NotFoundError):
        world.touching(commit, 0, 10, path="notes.txt")


# The log of a stretch ------------------------------------------------------------------------------------


def test_only_commits_that_touched_a_stretch_are_found(world: World) -> None:
    first = world.commit("one", {"bass.wav": world.sound(1)})
    second = world.commit("two", {"bass.wav": world.sound(2)}, first)
    third = world.commit("three", {"bass.wav": world.sound(3, 1100)}, second)
    last = world.commit("four", {"bass.wav": world.sound(4, 1100)}, third)
    world.became(1, 2, region("replaced", 300, 200), pieces=[(0, 300, 0), (300, 200, None), (500, 500, 500)])
    world.became(2, 3, region("inserted", 0, 100), pieces=[(0, 100, None), (100, 1000, 0)])
    world.became(3, 4, Change("fade", {"direction": "out", "start_frame": 1000, "frames": 100}))
    assert world.touching(last, 400, 500) == ["two", "one"]
    assert world.touching(last, 700, 800) == ["one"]
    assert world.touching(last, 1050, 1060) == ["four", "one"]
    assert world.touching(last, 0, 50) == ["three"]


def test_a_path_with_a_new_name_is_followed(world: World) -> None:
    one = world.sound(1)
    first = world.commit("one", {"old.wav": one})
    second = world.commit("two", {"bass.wav": one}, first)
    assert world.touching(second, 0, 10) == ["one"]


def test_parents_become_those_that_are_shown(world: World) -> None:
    one, note = world.sound(1), world.sound(9)
    first = world.commit("one", {"bass.wav": one})
    second = world.commit("two", {"bass.wav": one, "other.wav": note}, first)
    third = world.commit("three", {"bass.wav": world.sound(2)}, second)
    world.became(1, 2, GAIN)
    found = list(
        iter_touching(
            world.repository, [third], [], "bass.wav", Span(0, None), world.explain, topological=True
        )
    )
    assert [(commit.title, commit.parents) for commit in found] == [("three", (first,)), ("one", ())]


@pytest.mark.parametrize(
    ("text", "path", "span"),
    [
        ("stems/bass.wav:0:30-0:45", "stems/bass.wav", "0:30-0:45"),
        ("stems/bass.wav:b33-b34", "stems/bass.wav", "b33-b34"),
        ("bass.wav:b33-34", "bass.wav", "b33-34"),
        ("bass.wav:b33.2", "bass.wav", "b33.2"),
        ("bass.wav:12.5s-", "bass.wav", "12.5s-"),
        ("bass.wav:1:02:03-1:02:04.5", "bass.wav", "1:02:03-1:02:04.5"),
        (r"C:\songs\mix.wav", r"C:\songs\mix.wav", None),
        (r"C:\songs\mix.wav:0:30-0:45", r"C:\songs\mix.wav", "0:30-0:45"),
        ("HEAD:mix.wav", "HEAD:mix.wav", None),
        ("mix.wav", "mix.wav", None),
        ("b33-b34", "b33-b34", None),
        ("take: 2.wav", "take: 2.wav", None),
    ],
)
def test_a_path_and_its_stretch_are_told_apart(text: str, path: str, span: str | None) -> None:
    assert split_span(text) == (path, span)


def test_words_are_stretches_or_not() -> None:
    assert all(map(is_span, ("0:30", "b1", "12.5s", "b1-b2", "0:30-", "90-95")))
    assert not any(map(is_span, ("v1", "HEAD", "main", "-", "b", "3f9a", "HEAD~2", "a-b")))


def test_a_stretch_in_bars_goes_by_the_commits_tempo(world: World) -> None:
    score = world.repository.git.write_blob(b'tempo = 120.0\nmeter = "4/4"\n')
    tree = {"bass.wav": world.sound(1), "track.toml": Entry(0o100644, score)}
    commit = world.commit("one", tree)
    assert get_span(world.repository, commit, "bass.wav", "b2") == Span(2 * RATE, 4 * RATE)
