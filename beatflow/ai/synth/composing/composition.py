"""From the choices to the written parts: form and chords first, then every player. Knows no sound.

Music that begins between two bar lines is written from the bar line before it, and cut there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beatflow.ai.engine import Brief, Context
from beatflow.ai.synth.composing.bass import compose_bass
from beatflow.ai.synth.composing.choices import Choices
from beatflow.ai.synth.composing.chord import Span
from beatflow.ai.synth.composing.chords import compose_chords
from beatflow.ai.synth.composing.drums import compose_drums
from beatflow.ai.synth.composing.fitting import harmonise
from beatflow.ai.synth.composing.form import Bar, follow_energy, plan_bars
from beatflow.ai.synth.composing.harmony import Harmony, follow_chords, lay_chords
from beatflow.ai.synth.composing.melody import compose_melody
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.grid import STEP, TICKS, Event, Grid

_NONE = Context()


@dataclass(frozen=True, slots=True)
class Composition:
    """What is played: the plan, the parts' events from the start of the music, and the ticks cut off before it."""

    score: Score
    parts: Mapping[str, Sequence[Event]]
    phase: int = 0


def compose(
    brief: Brief,
    choices: Choices,
    melody: Sequence[Event] | None = None,
    going_on: bool = False,
    drums: Sequence[Event] | None = None,
) -> Composition:
    """Write everything down, heard or not: each part draws from a stream of its own.

    Parameters
    ----------
    brief : Brief
        For loop, structure and context.
    choices : Choices
    melody : sequence of Event, optional
        Given: the chords fit it.
    going_on : bool
        The context's piece goes on: no intro.
    drums : sequence of Event, optional
        Given: the bass follows them.
    """
    context = brief.context or _NONE
    grid = Grid(choices.tempo, choices.meter, choices.bars, choices.swing, choices.swing_unit)
    phase = round(context.phase * TICKS) % grid.bar
    wide = replace(grid, bars=grid.bars + 1) if phase else grid
    bars = _plan(brief, choices, context, wide.bars, going_on)
    spans = _chords(brief, choices, context, wide, bars, melody)
    score = Score(
        wide, choices.key, choices.genre, choices.mood, spans, bars, choices.bends, choices.request.amounts,
        choices.humanize,
    )  # fmt: skip
    parts = _play(choices, score, brief.loop, drums)
    if phase:
        parts = {part: _cut(events, phase, grid.end, part == "drums") for part, events in parts.items()}
    return Composition(replace(score, grid=grid), parts, phase)


def _plan(brief: Brief, choices: Choices, context: Context, count: int, going_on: bool) -> list[Bar]:
    """The form; beside music that is there, its energy."""
    own = choices.melody_stream.fork("form")
    loop, energy = brief.loop, choices.mood.energy
    bars = plan_bars(min(count, choices.bars), loop, energy, own, brief.structure, going_on)
    if count > len(bars):
        # The last, partial bar: the first one come round, or the ending moved on.
        last = replace(bars[0] if loop else bars[-1], index=len(bars))
        if not loop:
            bars[-1] = replace(bars[-1], fill="small" if len(bars) > 1 else "")
        bars.append(last)
    return follow_energy(bars, context.energy) if context.energy else bars


def _chords(
    brief: Brief, choices: Choices, context: Context, grid: Grid, bars: Sequence[Bar], melody: Sequence[Event] | None
) -> list[Span]:  # fmt: skip
    """A given melody's chords, those that are there, or the genre's."""
    if melody is not None:
        return harmonise(grid, choices.key, melody, min(choices.tones, 4))
    followed = follow_chords(context, grid, choices.key, not brief.loop)
    own = choices.stream.fork("harmony")
    harmony = Harmony(grid, choices.key, choices.genre, choices.tones, choices.mood.colour, own)
    return followed or lay_chords(harmony, bars, not brief.loop)


def _play(
    choices: Choices, score: Score, loop: bool, given: Sequence[Event] | None = None
) -> dict[str, list[Event]]:
    """Every player in turn."""
    stream, styles = choices.stream, choices.styles
    drums = compose_drums(score, stream.fork("drums")) if given is None else list(given)
    register = max(-7, min(7, round(5 * choices.mood_of("melody").register)))
    lift = (
        1
        if choices.mood_of("chords").register > 0.9
        else -1
        if choices.mood_of("chords").register < -1.3
        else 0
    )
    return {
        "drums": drums,
        "bass": compose_bass(score, drums, styles["bass"], stream.fork("bass")),
        "chords": compose_chords(score, styles["chords"], lift, loop, stream.fork("chords")),
        "melody": compose_melody(
            score, styles["melody"], register, choices.sounds["melody"], choices.melody_stream.fork("melody")
        ),
        "texture": [],
    }


def _cut(events: Sequence[Event], phase: int, end: int, struck: bool) -> list[Event]:
    """What sounds from a tick on, moved to the start; what was struck before it is left out."""
    kept = []
    for event in events:
        start, stop = event.tick - phase, event.tick + event.length - phase
        if start < 0 and (struck or stop < STEP):
            continue
        if start < end:
            late = max(start, 0)
            length = min(stop, end) - late if not struck else event.length
            kept.append(
                replace(
                    event, tick=late, length=max(length, STEP // 4), glide=event.glide if start >= 0 else 0
                )
            )
    return sorted(kept)
