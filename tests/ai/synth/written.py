"""Pieces written down and not played: what composition tests look at."""

from functools import cache

from beatflow.ai.engine import Brief, Context
from beatflow.ai.synth.composing.choices import choose
from beatflow.ai.synth.composing.composition import compose
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.grid import STEP, Event

Written = tuple[Score, dict[str, list[Event]]]


@cache
def written(prompt: str, bars: int | None = 8, **wanted: object) -> Written:
    """Score and parts of a prompt."""
    return write(Brief(prompt, bars=bars, **wanted))


def write(brief: Brief, going_on: bool = False) -> Written:
    """Score and parts of a brief."""
    choices = choose(brief, going_on=going_on)
    made = compose(brief, choices, going_on=going_on)
    return made.score, {part: list(events) for part, events in made.parts.items()}


def steps(score: Score, events: list[Event], midi: int, bar: int) -> list[int]:
    """The sixteenths of a bar on which a drum is played, swing taken back."""
    grid = score.grid
    places = [grid.swung(step * STEP) for step in range(grid.steps)]
    inside = [
        event.tick - bar * grid.bar
        for event in events
        if event.midi == midi and event.tick // grid.bar == bar
    ]
    return sorted({min(range(grid.steps), key=lambda step: abs(places[step] - tick)) for tick in inside})


def played(score: Score, events: list[Event], bar: int) -> list[tuple[int, int]]:
    """What is played in a bar: (ticks after the bar line, MIDI note)."""
    size = score.grid.bar
    return sorted((event.tick - bar * size, event.midi) for event in events if event.tick // size == bar)


def context(**facts: object) -> Context:
    """What is there already."""
    return Context(**facts)
