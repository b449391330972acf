"""The keyboard and guitar player: comping rhythms over led voices, stabs, pads, ostinatos and arpeggios."""

from collections.abc import Sequence

from beatflow.ai.synth.composing.chord import Span
from beatflow.ai.synth.composing.comping import BROKEN, COMPING, HELD, STRUMMED
from beatflow.ai.synth.composing.form import Bar
from beatflow.ai.synth.composing.rhythm import fit
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.composing.voicing import Voices, voice_lead
from beatflow.ai.synth.grid import STEP, Event
from beatflow.ai.synth.randomness import Stream

SLOW = frozenset((
    "pad", "warm pad", "dark pad", "glass pad", "strings", "supersaw", "choir", "tremolo strings", "french horn",
    "low brass", "voice", "accordion",
))  # fmt: skip
"""Sounds whose attack is too slow for short notes."""
_ORDERS = ((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 3, 2, 1), (0, 2, 3, 1), (0, 2, 1, 2))


def compose_chords(score: Score, style: str, register: int, loop: bool, stream: Stream) -> list[Event]:
    """Voice-led chords in a comping style of `comping.STYLES`.

    Parameters
    ----------
    register : int
        Octaves by which they lie higher.
    loop : bool
        The last chord leads to the first.
    """
    player = _Player(score, style, register, loop, stream)
    for bar in score.bars:
        if "chords" in bar.parts:
            player.play(bar)
    return sorted(player.events)


class _Player:
    """Knows the voices of every chord and the rhythm of every slot of the form."""

    def __init__(self, score: Score, style: str, register: int, loop: bool, stream: Stream) -> None:
        self.score, self.style, self.stream = score, style, stream
        self.touch = stream.fork("touch")
        self.mood = score.mood_of("chords")
        self.events: list[Event] = []
        voices = voice_lead(score.spans, score.genre.voicing, loop)
        self.voices: dict[int, Voices] = {}
        laid: dict[tuple[object, ...], Voices] = {}
        for span, notes in zip(score.spans, voices, strict=True):
            # A section that returns is played as it was.
            number, inside = divmod(span.tick, score.grid.bar)
            bar = score.bars[number]
            found = laid.setdefault((bar.material, bar.inside, inside, span.chord), notes)
            self.voices[span.tick] = tuple(note + 12 * register for note in found)

    def play(self, bar: Bar) -> None:
        """One bar."""
        spans = self.score.spans_in(bar.index)
        if bar.fill == "end":
            self._strum(spans[0].tick, spans[0].length, self.voices[spans[0].tick], 96)
        elif self.style == "arpeggio":
            for span in spans:
                self._arpeggio(bar, span)
        else:
            self._comp(bar, spans)

    def _rhythm(self, bar: Bar) -> list[tuple[int, int]]:
        """What the slot settled on; the phrase's last bar turns it, a break or a simple mood holds."""
        figures = COMPING.get(self.style, COMPING["hold"])
        own = self.stream.fork("rhythm", bar.slot)
        main, turn = own.choice(figures), own.choice(figures)
        if self.style == "charleston":
            turn = self.stream.fork(bar.material, bar.inside).choice(
                figures
            )  # the left hand never repeats itself
            main = turn if bar.inside % 2 else main
        hits = fit(turn if bar.phrase == 3 else main, self.score.grid.meter, bar.inside)
        if self.mood.density < -0.6 or (bar.role == "break" and self.style in ("power", "chug")):
            hits = hits[: max(1, len(hits) // 2)]
            hits[-1] = (
                (hits[-1][0], self.score.grid.steps - hits[-1][0]) if self.style not in BROKEN else hits[-1]
            )
        return hits

    def _comp(self, bar: Bar, spans: Sequence[Span]) -> None:
        """One bar of chords in a rhythm; a chord that changes within the bar cuts what holds over it."""
        start = bar.index * self.score.grid.bar
        if self.style in HELD:
            hits = [(span.tick, span.length) for span in spans]
        else:
            hits = [(start + step * STEP, length * STEP) for step, length in self._rhythm(bar)]
            for span in spans[1:]:
                if all(tick != span.tick for tick, _ in hits):
                    hits.append((span.tick, 4 * STEP))
            if self.mood.density > 0.7 and self.style not in HELD:
                hits = self._busier(bar, hits)
        hits.sort()
        for place, (tick, length) in enumerate(hits):
            span = [s for s in spans if s.tick <= tick][-1]
            limit = hits[place + 1][0] if place + 1 < len(hits) else start + self.score.grid.bar
            held = min(length, limit - tick, span.tick + span.length - tick)
            strong = place == 0 or (tick - start) % (4 * STEP) == 0
            velocity = (88 if place == 0 else 80 if strong else 72) * (0.85 + 0.25 * bar.energy)
            velocity *= 1.0 + 0.12 * max(-1.5, min(1.0, self.mood.energy))
            notes = self.voices[span.tick]
            if self.style in BROKEN:
                self._broken(place, tick, held, notes, velocity)
            elif self.style == "chug" and length == STEP:
                self._strum(tick, held, notes[:2], velocity * 0.85)
            else:
                self._strum(tick, held, notes, velocity)

    def _busier(self, bar: Bar, hits: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Another short chord in the widest gap."""
        start = bar.index * self.score.grid.bar
        taken = {(tick - start) // STEP for tick, _ in hits}
        free = [step for step in range(2, self.score.grid.steps, 2) if not {step - 1, step, step + 1} & taken]
        return [*hits, *((start + step * STEP, 2 * STEP) for step in free[:2])]

    def _broken(self, place: int, tick: int, held: int, notes: Voices, velocity: float) -> None:
        """One note at a time: an ostinato circles over the lowest, a guitar picks pairs of the upper ones."""
        if self.style == "ostinato":
            order = (0, 2, 1, 2) if len(notes) > 2 else (0, 1)
            self._strum(tick, held, (notes[order[place % len(order)]],), velocity)
            return
        upper = notes[-3:]
        pair = (upper[place % len(upper)], upper[(place + 1) % len(upper)])
        self._strum(tick, held, tuple(sorted(pair)) if place % 4 == 0 else pair[:1], velocity)

    def _strum(self, tick: int, length: int, notes: Sequence[int], velocity: float) -> None:
        """A chord whose notes start one after the other, by up to 12 ms where hands play it; the top sings out."""
        loose = self.score.genre.humanise_s * self.score.humanize
        spread = round(loose * 30000 * self.touch.uniform(0.1, 0.5)) if self.style in STRUMMED else 0
        first = self.score.event(tick, length, notes[0], velocity, self.touch)
        for place, note in enumerate(notes):
            level = velocity * (1.06 if place == len(notes) - 1 else 0.94)
            jitter = 1.0 + 0.05 * self.touch.bell() * min(self.score.humanize, 1.5)
            played = max(1, min(127, round(level * jitter)))
            self.events.append(Event(first.tick, first.length, note, played, first.shift + place * spread))

    def _arpeggio(self, bar: Bar, span: Span) -> None:
        """The chord's notes one by one, an octave up where the order runs past them."""
        own = self.stream.fork("arpeggio", bar.slot)
        order = own.choice(_ORDERS)
        pace = own.choice((1, 1, 2)) if self.score.grid.tempo < 120 else 2
        if self.mood.density < -0.6:
            pace *= 2
        notes = self.voices[span.tick]
        for place in range(span.length // (STEP * pace)):
            octave, index = divmod(order[place % len(order)], len(notes))
            lift = 12 if bar.energy > 0.6 and place % 8 >= 6 else 0
            velocity = 92 if place % 4 == 0 else 72 + 8 * (place % 2)
            tick = span.tick + place * STEP * pace
            midi = notes[index] + 12 * octave + lift
            self.events.append(self.score.event(tick, STEP * pace, midi, velocity, self.touch))
