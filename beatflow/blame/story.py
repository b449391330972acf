"""A stretch of a sound and its story; neighbours whose stories are one are told as one. Values, no history is read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from beatflow.objects.git.value import Commit
from beatflow.sound.explanation import Change

SHORT_S = 0.1
"""Stretches that are shorter and follow each other are told as one: nobody hears them apart, and where one take fades
into another there may be dozens. A short one alone is a click, or its repair, and stays."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a commit did to material that was there; ``restored`` is a change of its own: an old version came back."""

    commit: Commit
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a sound, and its story.

    Parameters
    ----------
    start, frames : int
        In the sound that was asked for.
    commit : Commit
        Brought the material in.
    kind : str
        How: ``added`` with the file, ``replaced``, ``inserted``, ``muted`` or ``new_take``; ``unknown`` where the
        version before cannot be read.
    path : str
        The file as it was called there.
    start_frame : int
        Where in that file, in its own frames.
    sample_rate : int
        Of that file.
    works : tuple of Work
        What was done to it since, the oldest first.
    problem : str or None
        Why nothing older could be looked at: the version before ``commit`` cannot be read.
    """

    start: int
    frames: int
    commit: Commit
    kind: str
    path: str
    start_frame: int
    sample_rate: int
    works: tuple[Work, ...] = ()
    problem: str | None = None


def join(told: Iterable[tuple[Stretch, float]], sample_rate: int) -> list[Stretch]:
    """Put stretches in order, those with the same story that follow each other both here and there as one.

    Parameters
    ----------
    told : iterable of (Stretch, float)
        Stretches that do not overlap, each with the frame at which it ends in its own file.
    sample_rate : int
        Of the sound that was asked for.
    """
    calm = _join(_calm(_join(told), round(SHORT_S * sample_rate)))
    return [stretch for stretch, _ in calm]


def _join(told: Iterable[tuple[Stretch, float]]) -> list[tuple[Stretch, float]]:
    result: list[tuple[Stretch, float]] = []
    for stretch, end in sorted(told, key=lambda pair: pair[0].start):
        last, reached = result[-1] if result else (None, 0.0)
        # Where rates differ, rounding costs a frame.
        if last and _is_story(last, stretch) and abs(stretch.start_frame - reached) <= 1:
            result[-1] = replace(last, frames=last.frames + stretch.frames), end
        else:
            result.append((stretch, end))
    return result


def _is_story(one: Stretch, two: Stretch) -> bool:
    return one == replace(two, start=one.start, frames=one.frames, start_frame=one.start_frame)


def _calm(told: Sequence[tuple[Stretch, float]], short: int) -> Iterator[tuple[Stretch, float]]:
    """Give several short stretches in a row the story that most of them have."""
    run: list[tuple[Stretch, float]] = []
    for pair in [*told, None]:
        if pair and pair[0].frames < short:
            run.append(pair)
            continue
        yield from run if len(run) < 2 else [_sum_up(run)]
        run = []
        if pair:
            yield pair


def _sum_up(run: Sequence[tuple[Stretch, float]]) -> tuple[Stretch, float]:
    def weigh(stretch: Stretch) -> int:
        return sum(other.frames for other, _ in run if _is_story(other, stretch))

    first, last = run[0][0], run[-1][0]
    main, end = max(run, key=lambda pair: weigh(pair[0]))
    scale = (end - main.start_frame) / main.frames
    frames = last.start + last.frames - first.start
    start_frame = main.start_frame - (main.start - first.start) * scale
    summed = replace(main, start=first.start, frames=frames, start_frame=max(0, round(start_frame)))
    return summed, start_frame + frames * scale
