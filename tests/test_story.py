"""Neighbouring stretches: told as one where their story is one, or where nobody could tell them apart."""

from beatflow.blame.story import Stretch, join
from beatflow.objects.git.value import Commit, Signature

RATE = 1000  # a short stretch has less than 100 frames
ADA = Signature("Ada", "ada@example.com", 0)


def told(start: int, end: int, title: str, source: int | None = None) -> tuple[Stretch, float]:
    """Make a stretch, with where it ends in its own file."""
    at = start if source is None else source
    commit = Commit(title, "", (), ADA, title, 0)
    return Stretch(start, end - start, commit, "added", "bass.wav", at, RATE), at + end - start


def stories(*rows: tuple[Stretch, float]) -> list[tuple[int, int, str, int]]:
    return [
        (row.start, row.start + row.frames, row.commit.title, row.start_frame) for row in join(rows, RATE)
    ]


def test_what_follows_here_and_there_is_one() -> None:
    rows = told(500, 900, "one"), told(0, 500, "one"), told(900, 1000, "two")
    assert stories(*rows) == [(0, 900, "one", 0), (900, 1000, "two", 900)]


def test_what_does_not_follow_there_is_two() -> None:
    rows = told(0, 500, "one"), told(500, 1000, "one", 800)
    assert stories(*rows) == [(0, 500, "one", 0), (500, 1000, "one", 800)]


def test_a_short_stretch_alone_stays() -> None:
    rows = told(0, 500, "one"), told(500, 503, "click"), told(503, 1000, "one")
    assert stories(*rows) == [(0, 500, "one", 0), (500, 503, "click", 500), (503, 1000, "one", 503)]


def test_short_stretches_in_a_row_have_the_story_of_most() -> None:
    shreds = [told(500 + at, 510 + at, "one" if at % 30 else "two", 700 + at) for at in range(0, 90, 10)]
    rows = told(0, 500, "two"), *shreds, told(590, 1000, "two")
    assert stories(*rows) == [(0, 500, "two", 0), (500, 590, "one", 700), (590, 1000, "two", 590)]


def test_what_was_shredded_joins_its_neighbour() -> None:
    shreds = [told(500 + at, 510 + at, "one" if at % 30 else "two") for at in range(0, 90, 10)]
    rows = told(0, 500, "one"), *shreds, told(590, 1000, "two")
    assert stories(*rows) == [(0, 590, "one", 0), (590, 1000, "two", 590)]


def test_a_sound_of_shreds_is_one() -> None:
    assert stories(told(0, 30, "one"), told(30, 50, "two"), told(50, 60, "two", 0)) == [(0, 60, "one", 0)]
    assert stories(told(0, 10, "one", 5), told(10, 50, "two", 3)) == [(0, 50, "two", 0)]
    assert stories() == []
