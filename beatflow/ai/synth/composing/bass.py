"""The bass player: figures on the chords' roots, locked to the kick, walks, 808 slides, wobbles and acid lines."""

from collections.abc import Sequence
from dataclasses import replace

from beatflow.ai.synth.composing.basslines import FIGURES
from beatflow.ai.synth.composing.chord import Span
from beatflow.ai.synth.composing.form import Bar
from beatflow.ai.synth.composing.rhythm import BEATS, fit
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.drums_midi import KICK
from beatflow.ai.synth.grid import STEP, TICKS, Event
from beatflow.ai.synth.randomness import Stream

_LOWEST, _HIGHEST = 31, 55
"""G1, 49 Hz: lower roots vanish on small speakers. A walk turns back below G3."""
_WOBBLES = (
    (TICKS // 2,),
    (TICKS // 3, TICKS // 2),
    (TICKS // 4, TICKS // 2, TICKS // 3),
    (TICKS, TICKS // 4),
)
STYLES = (
    "walk", "808", "slide", "offbeat", "rolling", "reese", "drone", "pedal", "pulse", "octaves", "acid", "walking",
    "wobble", *FIGURES,
)  # fmt: skip


def compose_bass(score: Score, drums: Sequence[Event], style: str, stream: Stream) -> list[Event]:
    """A monophonic line that follows the chords and the kicks.

    Parameters
    ----------
    drums : sequence of Event
        For the kicks; they are the same whether the drums are heard or not.
    style : str
        Of `STYLES`.
    """
    player = _Bassist(score, drums, stream)
    players = {
        "walk": player.walk, "808": player.kicks_only, "slide": player.slide, "offbeat": player.offbeat,
        "rolling": player.rolling, "reese": player.reese, "drone": player.drone, "pedal": player.drone,
        "pulse": player.pulse, "octaves": player.octaves, "acid": player.acid, "walking": player.walking,
        "wobble": player.wobble,
    }  # fmt: skip
    for bar in score.bars:
        player.begin(bar)
        if "bass" not in bar.parts:
            continue
        if bar.fill == "end":
            player.note(bar, 0, player.steps, player.root(score.spans_in(bar.index)[0]), 104)
        elif style in FIGURES:
            player.figure(bar, FIGURES[style])
        else:
            players[style](bar)
    return _one_voice(sorted(player.events))


class _Bassist:
    def __init__(self, score: Score, drums: Sequence[Event], stream: Stream) -> None:
        self.score, self.stream = score, stream
        self.draw, self.touch = stream, stream.fork("touch")
        self.mood = score.mood_of("bass")
        self.events: list[Event] = []
        self.steps = score.grid.steps
        self.pitch = 40
        self.lift = max(-2, min(12, 12 if self.mood.register > 1.2 else 0))
        self.kicks = self._find_kicks(drums)
        self.acid_line = self._draw_acid(stream.fork("acid"))

    def _find_kicks(self, drums: Sequence[Event]) -> dict[int, list[int]]:
        """The steps of every bar on which the kick plays."""
        grid, found = self.score.grid, dict[int, list[int]]()
        places = [grid.swung(step * STEP) for step in range(self.steps)]
        for event in drums:
            if event.midi == KICK:
                bar, inside = divmod(event.tick, grid.bar)
                step = min(range(self.steps), key=lambda step: abs(places[step] - inside))
                found.setdefault(bar, []).append(step)
        return found

    def _draw_acid(self, own: Stream) -> list[tuple[int, int, bool, bool]]:
        """(step, scale degree, accent, slide) of a bar of sixteenths."""
        line = []
        for step in range(self.steps):
            if step == 0 or own.chance(0.72):
                degree = own.choice((0, 0, 0, 7, 7, 2, 4, 6, 1, -1))
                line.append((step, 0 if step == 0 else degree, own.chance(0.3), own.chance(0.25)))
        return line

    def begin(self, bar: Bar) -> None:
        """Get ready for a bar: what is drawn in it depends on its material only."""
        self.draw = self.stream.fork(bar.material, bar.inside)
        if bar.inside == 0:
            self.pitch = 40

    def root(self, span: Span) -> int:
        """The chord's root in the bass register."""
        return _LOWEST + (span.chord.root - _LOWEST) % 12 + self.lift

    def note(
        self, bar: Bar, step: int, length: int, midi: int, velocity: float, glide: int = 0, wobble: int = 0
    ) -> None:  # fmt: skip
        """One note, cut at the bar line."""
        tick = bar.index * self.score.grid.bar + step * STEP
        if step < self.steps:
            held = min(length, self.steps - step) * STEP
            force = velocity * (1.0 + 0.1 * max(-1.5, min(1.0, self.mood.energy)))
            event = self.score.event(tick, held, midi, force, self.touch, 0.5, glide, wobble=wobble)
            self.events.append(event)

    def at(self, bar: Bar, step: int) -> Span:
        """The chord at a step of a bar."""
        tick = bar.index * self.score.grid.bar + step * STEP
        return [span for span in self.score.spans_in(bar.index) if span.tick <= tick][-1]

    def figure(self, bar: Bar, figures: Sequence[str]) -> None:
        """A figure of the style on every chord; a phrase's last bar may take another."""
        own = self.stream.fork("figure", bar.slot)
        main, other = own.choice(figures), own.choice(figures)
        text = other if bar.phrase == 3 else main
        text = text[16 * (bar.inside % 2) :][:16] if len(text) > 16 else text
        notes: dict[int, tuple[int, str]] = {}
        for step, mark in enumerate(text):
            if mark in ".-":
                continue
            length = 1 + len(text[step + 1 :]) - len(text[step + 1 :].lstrip("-"))
            for onset, held in fit(((step, length),), self.score.grid.meter):
                notes.setdefault(onset, (held, mark))
        for step, (held, mark) in sorted(notes.items()):
            if self._skips(step, mark):
                continue
            midi = self._tone(bar, step, mark.lower())
            ghost = mark == "g"
            glide = -12 if mark == "o" and self.score.genre.name == "amapiano" else 0
            velocity = 46 if ghost else 106 if mark.isupper() else 88
            # The slap is short; everything else holds on to what is written.
            self.note(bar, step, 1 if ghost else held, midi, velocity, glide)

    def _skips(self, step: int, mark: str) -> bool:
        """A simpler line leaves out ghosts and what lies between the beats."""
        if self.mood.density > -0.6 or step % 8 == 0:
            return False
        return mark == "g" or (step % 4 != 0 and self.draw.chance(0.6))

    def _tone(self, bar: Bar, step: int, mark: str) -> int:
        """A mark of a figure over the chord of its step."""
        span = self.at(bar, step)
        root, chord = self.root(span), span.chord
        if mark == "a":
            return self._approach(bar)
        if mark == "d":
            down = chord.fifth - 12
            return root + (down if root + down >= 28 else chord.fifth)
        sixth = 9 if (chord.root + 9) % 12 in self.score.key.pitch_classes else chord.fifth
        seventh = chord.seventh if chord.seventh != 9 else 12
        return (
            root
            + {"r": 0, "g": 0, "t": chord.third, "f": chord.fifth, "x": sixth, "s": seventh, "o": 12}[mark]
        )

    def _next_root(self, bar: Bar) -> int:
        target = self.score.chord_at((bar.index + 1) * self.score.grid.bar).root
        return _LOWEST + (target - _LOWEST) % 12 + self.lift

    def _approach(self, bar: Bar) -> int:
        """The scale's neighbour of the next bar's root."""
        target = self._next_root(bar)
        chord = self.score.chord_at((bar.index + 1) * self.score.grid.bar)
        scale = self.score.scale(target - 4, target + 4, chord)
        return scale[scale.index(target) + self.draw.choice((-1, -1, 1))]

    def walk(self, bar: Bar) -> None:
        """Root on one, something with the kick in the second half, a step towards what comes."""
        spans = self.score.spans_in(bar.index)
        self.note(bar, 0, 6, self.root(spans[0]), 100)
        half = self.steps // 2
        later = [step for step in self.kicks.get(bar.index, []) if step >= half - 2] or [half]
        span = self.at(bar, later[0])
        leap = self.draw.choice((0, 0, span.chord.fifth, 12)) if len(spans) == 1 else 0
        self.note(bar, later[0], 6, self.root(span) + leap, 90)
        if len(spans) > 1:
            change = (spans[1].tick - bar.index * self.score.grid.bar) // STEP
            self.note(bar, change, 6, self.root(spans[1]), 94)
        busy = 0.4 * self.mood.density
        if self.draw.chance(0.3 + 0.4 * bar.energy + busy):
            self.note(bar, self.steps - 2, 2, self._approach(bar), 78)
        elif self.draw.chance(0.4 + busy):
            self.note(bar, 6, 1, self.root(self.at(bar, 6)) + 12, 64)

    def walking(self, bar: Bar) -> None:
        """A note on every beat: the root, then through the chord towards the next one, led to by a half step."""
        beats = list(BEATS[self.score.grid.meter]) if self.score.grid.meter != "6/8" else [0, 4, 6, 10]
        spans = self.score.spans_in(bar.index)
        for place, beat in enumerate(beats):
            span = self.at(bar, beat)
            start = (span.tick - bar.index * self.score.grid.bar) // STEP
            following = beats[place + 1] if place + 1 < len(beats) else self.steps
            if beat == start or place == 0:
                self.pitch = self._near(span.chord.root, self.pitch)
            elif following >= self.steps or any(
                s.tick == bar.index * self.score.grid.bar + following * STEP for s in spans
            ):
                goal = self.score.chord_at(bar.index * self.score.grid.bar + following * STEP).root
                target = self._near(goal, self.pitch)
                self.pitch = target + self._leading(target)
            else:
                self.pitch = self._through(span, self.pitch)
            self.note(bar, beat, following - beat, self.pitch, 100 if place == 0 else 92)
            if self.draw.chance(0.12 + 0.15 * self.mood.density) and following - beat == 4:
                self.note(bar, beat + 2, 1, self.pitch, 56)

    def _near(self, pitch_class: int, pitch: int) -> int:
        """The nearest note of a pitch class within reach, pulled towards the middle."""
        notes = [midi for midi in range(_LOWEST - 3, _HIGHEST - 2) if midi % 12 == pitch_class]
        return min(notes, key=lambda midi: (3 * abs(midi - pitch) + abs(midi - 40), midi))

    def _leading(self, target: int) -> int:
        """From above or below, by a half step more often than by a whole one of the scale."""
        step = self.draw.choice((-1, 1, -1, 1, -2, 2))
        if abs(step) == 2 and (target + step) % 12 not in self.score.key.pitch_classes:
            step //= 2
        return step

    def _through(self, span: Span, pitch: int) -> int:
        """Another chord tone, or a step of the scale, on in one direction."""
        tones = [midi for midi in range(_LOWEST - 3, _HIGHEST) if midi % 12 in span.chord.pitch_classes[:4]]
        reach = [midi for midi in tones if 0 < abs(midi - pitch) <= 7]
        upward = pitch < 38 or (pitch < 47 and self.draw.chance(0.6))
        ahead = [midi for midi in reach if (midi > pitch) == upward] or reach or [pitch]
        return self.draw.choice(sorted(ahead, key=lambda midi: abs(midi - pitch))[:2])

    def kicks_only(self, bar: Bar) -> None:
        """An 808 under the kicks, long, gliding into some notes."""
        steps = sorted(set(self.kicks.get(bar.index, [0])) | {0})
        for place, step in enumerate(steps):
            following = steps[place + 1] if place + 1 < len(steps) else self.steps
            midi, glide = self.root(self.at(bar, step)), 0
            if place and self.draw.chance(0.2 + 0.2 * (bar.phrase == 3)):
                glide = self.draw.choice((12, -5, 7))
            self.note(bar, step, following - step, midi, 108, glide)

    def slide(self, bar: Bar) -> None:
        """Drill's 808: under the kicks, and before the bar is over it slides up the octave or down from it."""
        steps = sorted(set(self.kicks.get(bar.index, [0])) | {0})
        previous = 0
        for place, step in enumerate(steps):
            following = steps[place + 1] if place + 1 < len(steps) else self.steps
            root = self.root(self.at(bar, step))
            up = place > 0 and self.draw.chance(0.25)
            midi = root + (12 if up else 0)
            glide = max(-12, min(12, previous - midi)) if place and (up or previous > root) else 0
            length = following - step
            last = place == len(steps) - 1 and length >= 4 and self.draw.chance(0.55)
            self.note(bar, step, length - 2 if last else length, midi, 108, glide)
            if last:
                goal = root + self.draw.choice((12, 12, 7, 5)) if midi == root else root
                chord = self.at(bar, following - 2).chord
                if goal % 12 not in (*chord.pitch_classes, *self.score.key.pitch_classes):
                    goal = root + 12
                self.note(bar, following - 2, 2, goal, 100, max(-12, min(12, midi - goal)))
            previous = midi

    def offbeat(self, bar: Bar) -> None:
        """Between the kicks, an octave now and then."""
        for step in range(2, self.steps, 4):
            root = self.root(self.at(bar, step))
            self.note(bar, step, 2, root, 102)
            if self.draw.chance(0.25 + 0.3 * self.mood.density):
                self.note(bar, step + 1, 1, root + 12, 74)

    def rolling(self, bar: Bar) -> None:
        """Sixteenths in the gaps of a four-to-the-floor kick."""
        for step in range(self.steps):
            if step % 4 and not (self.mood.density < -0.6 and step % 4 != 2):
                lift = 12 if step == self.steps - 2 and bar.phrase == 3 else 0
                self.note(bar, step, 1, self.root(self.at(bar, step)) + lift, (0, 82, 104, 90)[step % 4])

    def reese(self, bar: Bar) -> None:
        """Long notes, a second one late in the bar, a pull at the phrase's end."""
        late = 10 if self.steps == 16 else 6
        self.note(bar, 0, late, self.root(self.at(bar, 0)), 104)
        if bar.phrase in (1, 3) or self.draw.chance(0.4):
            span = self.at(bar, late)
            below = span.chord.fifth - 12 if self.root(span) > 36 else 0
            self.note(bar, late, 4, self.root(span) + self.draw.choice((0, below, 12)), 96)
            self.note(bar, self.steps - 2, 2, self._approach(bar), 88)
        else:
            self.note(bar, late, 6, self.root(self.at(bar, late)), 92)

    def drone(self, bar: Bar) -> None:
        """One note a chord, held through."""
        for span in self.score.spans_in(bar.index):
            step = (span.tick - bar.index * self.score.grid.bar) // STEP
            self.note(bar, step, span.length // STEP, self.root(span), 84)

    def pulse(self, bar: Bar) -> None:
        """Eighths on the root."""
        for step in range(0, self.steps, 4 if self.mood.density < -0.6 else 2):
            last = step == self.steps - 2 and bar.phrase == 3
            midi = self._approach(bar) if last else self.root(self.at(bar, step))
            self.note(bar, step, 2, midi, 104 if step % 4 == 0 else 88)

    def octaves(self, bar: Bar) -> None:
        """Eighths that jump the octave, with sixteenths when it gets busy."""
        for step in range(0, self.steps, 2):
            root = self.root(self.at(bar, step))
            self.note(bar, step, 1, root + (12 if step % 4 else 0), 100 if step % 4 == 0 else 86)
            if bar.energy + 0.3 * self.mood.density > 0.7 and step % 8 == 6:
                self.note(bar, step + 1, 1, root + 12, 72)

    def wobble(self, bar: Bar) -> None:
        """Long notes whose filter moves in eighths, triplets and sixteenths of the tempo; an answer an octave up."""
        rates = self.stream.fork("wobble", bar.slot).choice(_WOBBLES)
        half = self.steps // 2
        pieces = [(0, half), (half, half // 2), (half + half // 2, self.steps - half - half // 2)]
        if bar.phrase in (1, 3) and self.mood.density > -0.6:
            pieces = [(0, half // 2), (half // 2, half - half // 2), *pieces[1:]]
        for place, (step, length) in enumerate(pieces):
            span = self.at(bar, step)
            up = 12 if place == len(pieces) - 1 and bar.phrase in (1, 3) else 0
            rate = rates[place % len(rates)]
            self.note(bar, step, length, self.root(span) + up, 108 if place == 0 else 98, 0, rate)

    def acid(self, bar: Bar) -> None:
        """A fixed line of sixteenths with accents and slides, one note changed at each phrase's end."""
        previous = 0
        for step, degree, accent, slide in self.acid_line:
            span = self.at(bar, step)
            root = self.root(span)
            scale = self.score.scale(root - 5, root + 17, span.chord)
            if bar.phrase == 3 and step == self.acid_line[-1][0]:
                degree = 6
            midi = scale[min(scale.index(root) + degree, len(scale) - 1)]
            glide = max(-12, min(12, previous - midi)) if slide and previous else 0
            self.note(bar, step, 2 if slide else 1, midi, 122 if accent else 82, glide)
            previous = midi


def _one_voice(events: list[Event]) -> list[Event]:
    """Cut each note where the next begins; of two at once the harder one wins."""
    result: list[Event] = []
    for event in events:
        if result and result[-1].tick == event.tick:
            if result[-1].velocity >= event.velocity:
                continue
            result.pop()
        if result and result[-1].tick + result[-1].length > event.tick:
            result[-1] = replace(result[-1], length=event.tick - result[-1].tick)
        result.append(event)
    return result
