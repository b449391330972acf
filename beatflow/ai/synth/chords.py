"""The keyboard player: comping rhythms over led voices, stabs, long pads and arpeggios."""

from collections.abc import Mapping

from beatflow.ai.synth.grid import STEP, Event
from beatflow.ai.synth.harmony import Span, voice_lead
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.score import Bar, Score

Rhythm = tuple[tuple[int, int], ...]
_RHYTHMS: Mapping[str, tuple[Rhythm, ...]] = {
    "comp": (
        ((0, 6), (7, 7)), ((0, 9), (10, 5)), ((0, 3), (6, 8)), ((0, 6), (6, 4), (11, 4)),
        ((0, 3), (3, 6), (10, 5)),
    ),
    "hold": (((0, 16),),),
    "long": (((0, 16),),),
    "swell": (((0, 16),),),
    "chop": (((0, 3), (6, 2), (10, 3)), ((0, 2), (3, 2), (8, 4)), ((0, 3), (4, 1), (8, 3), (12, 1))),
    "stab": (
        ((0, 2), (3, 2), (6, 2), (11, 2), (14, 2)), ((2, 2), (5, 2), (10, 2), (13, 2)),
        ((3, 2), (6, 2), (11, 2), (14, 2)),
        ((0, 3), (6, 2), (9, 2), (14, 2)),
    ),
    "organ stab": (((2, 2), (6, 2), (10, 2), (14, 2)), ((2, 1), (3, 2), (6, 2), (10, 1), (11, 2), (14, 2))),
    "pulse": (((3, 1), (11, 1)), ((3, 2), (6, 1)), ((2, 1), (5, 1), (10, 2))),
}  # fmt: skip
SLOW = frozenset(("pad", "warm pad", "strings", "supersaw"))
"""Sounds whose attack is too slow for short notes."""


def compose_chords(score: Score, style: str, stream: Stream) -> list[Event]:
    """Voice-led chords in a comping style (``comp hold long swell chop stab pulse arpeggio`` …)."""
    voices = voice_lead(score.spans)
    lines = {span.tick: list(notes) for span, notes in zip(score.spans, voices, strict=True)}
    rhythms = _RHYTHMS.get(style, _RHYTHMS["hold"])
    main, turn = stream.choice(rhythms), stream.choice(rhythms)
    order = stream.choice(((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 3, 2, 1), (0, 2, 3, 1)))
    pace = stream.choice((1, 1, 2)) if score.grid.tempo < 120 else 2
    events: list[Event] = []
    for bar in score.bars:
        if "chords" not in bar.parts:
            continue
        spans = score.spans_in(bar.index)
        if bar.fill == "end":
            events += _strum(score, spans[0].tick, spans[0].length, lines[spans[0].tick], 96, style, stream)
        elif style == "arpeggio":
            for span in spans:
                events += _arpeggio(score, bar, span, lines[span.tick], order, pace, stream)
        else:
            events += _comp(score, bar, spans, lines, turn if bar.phrase == 3 else main, style, stream)
    return sorted(events)


def _comp(
    score: Score, bar: Bar, spans: list[Span], lines: Mapping[int, list[int]], rhythm: Rhythm, style: str,
    stream: Stream,
) -> list[Event]:  # fmt: skip
    """One bar of chords in a rhythm; a chord that changes within the bar cuts what holds over it."""
    start, events = bar.index * score.grid.bar, []
    if style in ("hold", "long", "swell"):
        hits = [(span.tick, span.length) for span in spans]
    else:
        hits = [(start + step * STEP, length * STEP) for step, length in rhythm if step < score.grid.steps]
        if len(spans) > 1 and all(tick != spans[1].tick for tick, _ in hits):
            hits.append((spans[1].tick, 4 * STEP))
    hits.sort()
    for place, (tick, length) in enumerate(hits):
        span = [s for s in spans if s.tick <= tick][-1]
        limit = hits[place + 1][0] if place + 1 < len(hits) else start + score.grid.bar
        held = min(length, limit - tick, span.tick + span.length - tick)
        velocity = (88 if place == 0 else 76) * (0.85 + 0.25 * bar.energy)
        events += _strum(score, tick, held, lines[span.tick], velocity, style, stream)
    return events


def _strum(
    score: Score, tick: int, length: int, notes: list[int], velocity: float, style: str, stream: Stream
) -> list[Event]:  # fmt: skip
    """A chord whose notes start one after the other, by up to 12 ms where hands play it; the top sings out."""
    spread = (
        round(score.genre.humanise_s * 30000 * stream.uniform(0.1, 0.5))
        if style in ("comp", "hold", "chop")
        else 0
    )
    first = score.event(tick, length, notes[0], velocity, stream)
    events = []
    for place, note in enumerate(notes):
        level = velocity * (1.06 if place == len(notes) - 1 else 0.94)
        played = max(1, min(127, round(level * (1.0 + 0.05 * stream.bell()))))
        events.append(Event(first.tick, first.length, note, played, first.shift + place * spread))
    return events


def _arpeggio(
    score: Score, bar: Bar, span: Span, notes: list[int], order: tuple[int, ...], pace: int, stream: Stream
) -> list[Event]:  # fmt: skip
    """The chord's notes one by one, an octave up where the order runs past them."""
    events = []
    for place in range(span.length // (STEP * pace)):
        octave, index = divmod(order[place % len(order)], len(notes))
        lift = 12 if bar.energy > 0.6 and place % 8 >= 6 else 0
        velocity = 92 if place % 4 == 0 else 72 + 8 * (place % 2)
        tick = span.tick + place * STEP * pace
        events.append(score.event(tick, STEP * pace, notes[index] + 12 * octave + lift, velocity, stream))
    return events
