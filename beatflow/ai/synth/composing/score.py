"""The plan that every part reads: grid, key, chords, bars, and how it is played. Knows no sound."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beatflow.ai.synth.composing.chord import Chord, Span
from beatflow.ai.synth.composing.form import Bar
from beatflow.ai.synth.exactmath import RATE
from beatflow.ai.synth.genres import Genre
from beatflow.ai.synth.grid import STEP, Event, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.words.moods import Mood
from beatflow.sound.tonality import Key

_STILL = Mood()


@dataclass(frozen=True, slots=True)
class Score:
    """Everything the parts agree on.

    Parameters
    ----------
    grid, key, genre, spans, bars
        ``spans`` begin at every bar line, and where else a chord changes.
    mood : Mood
        Of the whole.
    bends : mapping of str to Mood
        What words ask of single parts.
    amounts : mapping of str to int
        Drums that are to be more (1), fewer (-1) or gone (-9).
    humanize : float
        0 is a machine, 1 the genre's own looseness.
    """

    grid: Grid
    key: Key
    genre: Genre
    mood: Mood
    spans: Sequence[Span]
    bars: Sequence[Bar]
    bends: Mapping[str, Mood] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(default_factory=dict)
    humanize: float = 1.0
    _starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", tuple(span.tick for span in self.spans))

    def mood_of(self, part: str) -> Mood:
        """The mood as one part plays it."""
        return self.mood + self.bends.get(part, _STILL)

    def chord_at(self, tick: int) -> Chord:
        """The chord that sounds at a tick; past the end, the first one (a loop comes round)."""
        place = bisect_right(self._starts, tick % self.grid.end) - 1
        return self.spans[max(place, 0)].chord

    def spans_in(self, bar: int) -> Sequence[Span]:
        """The chords of one bar."""
        start = bar * self.grid.bar
        return self.spans[bisect_left(self._starts, start) : bisect_left(self._starts, start + self.grid.bar)]

    def scale(self, low: int, high: int, chord: Chord | None = None) -> list[int]:
        """The key's notes from ``low`` to ``high``; a chord's note from outside takes the place of the one it alters.

        The third of a chord on a root of the key is a step raised; a minor third, a seventh, a borrowed root are steps
        lowered.
        """
        inside = set(self.key.pitch_classes)
        if chord is not None:
            own = chord.root in inside
            for interval, tone in zip(chord.intervals, chord.pitch_classes, strict=True):
                if tone not in self.key.pitch_classes:
                    raised = own and interval in (2, 4, 7, 8, 9, 11, 14, 21)
                    inside -= {(tone + (-1 if raised else 1)) % 12} - set(chord.pitch_classes)
                    inside.add(tone)
        return [midi for midi in range(low, high + 1) if midi % 12 in inside]

    def event(
        self,
        tick: int,
        length: int,
        midi: int,
        velocity: float,
        touch: Stream,
        loose: float = 1.0,
        glide: int = 0,
        late_s: float = 0.0,
        wobble: int = 0,
    ) -> Event:
        """A note played by a person: swung, a little early or late, never exactly as hard.

        Parameters
        ----------
        touch : Stream
            Draws the looseness, nothing else, so that it moves no note.
        late_s : float
            How far behind the beat it lies where it is played as the genre plays it.
        """
        start = self.grid.swung(tick)
        end = self.grid.swung(tick + length)
        away_s = (touch.bell() * self.genre.humanise_s * loose + late_s) * self.humanize
        force = velocity * (1.0 + 0.08 * touch.bell() * min(self.humanize, 1.5))
        level = max(1, min(127, round(force)))
        return Event(start, max(end - start, STEP // 4), midi, level, round(away_s * RATE), glide, wobble)
