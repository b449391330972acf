"""The bass player: roots with the kick, walks to the next chord, riffs, 808 glides, rolling and acid sixteenths."""

from beatflow.ai.synth.drumkit import KICK
from beatflow.ai.synth.grid import STEP, Event
from beatflow.ai.synth.harmony import Span
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.score import Bar, Score

_LOWEST = 31
"""G1, 49 Hz: lower roots vanish on small speakers."""
_RIFFS = (
    ((0, 3, 0), (3, 2, 0), (6, 2, 2), (8, 3, 0), (14, 2, 3)),
    ((0, 2, 0), (3, 1, 0), (6, 3, 1), (10, 2, 0), (12, 3, 2)),
    ((0, 4, 0), (7, 1, 0), (8, 2, 3), (11, 2, 2), (14, 1, 0)),
    ((2, 2, 0), (5, 1, 0), (6, 2, 3), (10, 2, 0), (13, 1, 2), (14, 2, 0)),
)  # fmt: skip
"""(step, steps long, 0 root, 1 third, 2 fifth, 3 octave)."""


def compose_bass(score: Score, drums: list[Event], style: str, stream: Stream) -> list[Event]:
    """A monophonic line that follows the chords and the kicks.

    Parameters
    ----------
    drums : list of Event
        For the kicks; they are the same whether the drums are heard or not.
    style : str
        ``walk riff 808 offbeat rolling reese drone pulse octaves acid``.
    """
    player = _Bassist(score, drums, stream)
    play = {
        "walk": player.walk, "riff": player.riff, "808": player.kicks_only, "offbeat": player.offbeat,
        "rolling": player.rolling, "reese": player.reese, "drone": player.drone, "pulse": player.pulse,
        "octaves": player.octaves, "acid": player.acid,
    }[style]  # fmt: skip
    for bar in score.bars:
        if "bass" in bar.parts:
            if bar.fill == "end":
                player.note(bar, 0, score.grid.steps, player.root(score.spans_in(bar.index)[0]), 104)
            else:
                play(bar)
    return _one_voice(sorted(player.events))


class _Bassist:
    def __init__(self, score: Score, drums: list[Event], stream: Stream) -> None:
        self.score, self.stream = score, stream
        self.events: list[Event] = []
        self.steps = score.grid.steps
        self.riff_shape = stream.choice(_RIFFS)
        self.kicks: dict[int, list[int]] = {}
        for event in drums:
            if event.midi == KICK:
                bar, inside = divmod(event.tick, score.grid.bar)
                self.kicks.setdefault(bar, []).append(min(round(inside / STEP), self.steps - 1))
        self.acid_line = self._draw_acid()

    def _draw_acid(self) -> list[tuple[int, int, bool, bool]]:
        """(step, scale degree, accent, slide) of a bar of sixteenths."""
        line = []
        for step in range(self.steps):
            if step == 0 or self.stream.chance(0.72):
                degree = self.stream.choice((0, 0, 0, 7, 7, 2, 4, 6, 1, -1))
                line.append(
                    (step, 0 if step == 0 else degree, self.stream.chance(0.3), self.stream.chance(0.25))
                )
        return line

    def root(self, span: Span) -> int:
        """The chord's root in the bass register."""
        return _LOWEST + (span.chord.root - _LOWEST) % 12

    def note(self, bar: Bar, step: int, length: int, midi: int, velocity: float, glide: int = 0) -> None:
        tick = bar.index * self.score.grid.bar + step * STEP
        if step < self.steps:
            held = min(length, self.steps - step) * STEP
            event = self.score.event(tick, held, midi, velocity, self.stream, 0.5, glide)
            self.events.append(event)

    def at(self, bar: Bar, step: int) -> Span:
        """The chord at a step of a bar."""
        tick = bar.index * self.score.grid.bar + step * STEP
        spans = self.score.spans_in(bar.index)
        return [span for span in spans if span.tick <= tick][-1]

    def walk(self, bar: Bar) -> None:
        """Root on one, something with the kick in the second half, a step towards what comes."""
        spans = self.score.spans_in(bar.index)
        self.note(bar, 0, 6, self.root(spans[0]), 100)
        half = self.steps // 2
        later = [step for step in self.kicks.get(bar.index, []) if step >= half - 2] or [half]
        span = self.at(bar, later[0])
        tones = span.chord.intervals
        leap = self.stream.choice((0, 0, tones[2], 12)) if len(spans) == 1 else 0
        self.note(bar, later[0], 6, self.root(span) + leap, 90)
        if self.stream.chance(0.3 + 0.4 * bar.energy):
            self.note(bar, self.steps - 2, 2, self._approach(bar), 78)
        elif self.stream.chance(0.4):
            self.note(bar, 6, 1, self.root(self.at(bar, 6)) + 12, 64)

    def _approach(self, bar: Bar) -> int:
        """The scale's neighbour of the next bar's root."""
        target = _LOWEST + (self.score.chord_at((bar.index + 1) * self.score.grid.bar).root - _LOWEST) % 12
        scale = self.score.scale(target - 4, target + 4)
        place = scale.index(target)
        return scale[place + self.stream.choice((-1, -1, 1))]

    def riff(self, bar: Bar) -> None:
        """The piece's riff on each chord; the phrase's last bar leaves it."""
        for step, length, tone in self.riff_shape:
            if step >= self.steps or (bar.phrase == 3 and step >= self.steps - 4):
                continue
            span = self.at(bar, step)
            interval = (
                0,
                span.chord.intervals[1],
                span.chord.intervals[2 if len(span.chord.intervals) > 2 else 1],
                12,
            )[tone]
            self.note(bar, step, length, self.root(span) + interval, 102 if step == 0 else 88)
        if bar.phrase == 3:
            self.note(bar, self.steps - 2, 2, self._approach(bar), 84)

    def kicks_only(self, bar: Bar) -> None:
        """An 808 under the kicks, long, gliding into some notes."""
        steps = sorted(set(self.kicks.get(bar.index, [0])) | {0})
        for place, step in enumerate(steps):
            following = steps[place + 1] if place + 1 < len(steps) else self.steps
            midi, glide = self.root(self.at(bar, step)), 0
            if place and self.stream.chance(0.2 + 0.2 * (bar.phrase == 3)):
                glide = self.stream.choice((12, -5, 7))
            self.note(bar, step, following - step, midi, 108, glide)

    def offbeat(self, bar: Bar) -> None:
        """Between the kicks, an octave now and then."""
        for step in range(2, self.steps, 4):
            root = self.root(self.at(bar, step))
            self.note(bar, step, 2, root, 102)
            if self.stream.chance(0.25 + 0.3 * self.score.mood.density):
                self.note(bar, step + 1, 1, root + 12, 74)

    def rolling(self, bar: Bar) -> None:
        """Sixteenths in the gaps of a four-to-the-floor kick."""
        for step in range(self.steps):
            if step % 4:
                lift = 12 if step == self.steps - 2 and bar.phrase == 3 else 0
                self.note(bar, step, 1, self.root(self.at(bar, step)) + lift, (0, 82, 104, 90)[step % 4])

    def reese(self, bar: Bar) -> None:
        """Long notes, a second one late in the bar, a pull at the phrase's end."""
        self.note(bar, 0, 10, self.root(self.at(bar, 0)), 104)
        if bar.phrase in (1, 3) or self.stream.chance(0.4):
            span = self.at(bar, 10)
            leap = self.stream.choice((0, span.chord.intervals[2] - 12 if self.root(span) > 36 else 0, 12))
            self.note(bar, 10, 4, self.root(span) + leap, 96)
            self.note(bar, 14, 2, self._approach(bar), 88)
        else:
            self.note(bar, 10, 6, self.root(self.at(bar, 10)), 92)

    def drone(self, bar: Bar) -> None:
        """One note a chord, held through."""
        for span in self.score.spans_in(bar.index):
            step = (span.tick - bar.index * self.score.grid.bar) // STEP
            self.note(bar, step, span.length // STEP, self.root(span), 84)

    def pulse(self, bar: Bar) -> None:
        """Eighths on the root."""
        for step in range(0, self.steps, 2):
            last = step == self.steps - 2 and bar.phrase == 3
            midi = self._approach(bar) if last else self.root(self.at(bar, step))
            self.note(bar, step, 2, midi, 104 if step % 4 == 0 else 88)

    def octaves(self, bar: Bar) -> None:
        """Eighths that jump the octave, with sixteenths when it gets busy."""
        for step in range(0, self.steps, 2):
            root = self.root(self.at(bar, step))
            self.note(bar, step, 1, root + (12 if step % 4 else 0), 100 if step % 4 == 0 else 86)
            if bar.energy > 0.7 and step % 8 == 6:
                self.note(bar, step + 1, 1, root + 12, 72)

    def acid(self, bar: Bar) -> None:
        """A fixed line of sixteenths with accents and slides, one note changed at each phrase's end."""
        previous = 0
        for step, degree, accent, slide in self.acid_line:
            root = self.root(self.at(bar, step))
            scale = self.score.scale(root - 5, root + 17)
            if bar.phrase == 3 and step == self.acid_line[-1][0]:
                degree = 6
            midi = scale[scale.index(root) + degree]
            glide = max(-12, min(12, previous - midi)) if slide and previous else 0
            self.note(bar, step, 2 if slide else 1, midi, 122 if accent else 82, glide)
            previous = midi


def _one_voice(events: list[Event]) -> list[Event]:
    """Cut each note where the next begins; of two at once the later written one wins."""
    result: list[Event] = []
    for event in events:
        if result and result[-1].tick == event.tick:
            result.pop()
        if result and result[-1].tick + result[-1].length > event.tick:
            last = result[-1]
            shorter = event.tick - last.tick
            result[-1] = Event(last.tick, shorter, last.midi, last.velocity, last.shift, last.glide)
        result.append(event)
    return result
