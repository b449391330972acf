"""The plan that every part reads: grid, key, chords, sections with their energy, fills and parts. Knows no sound."""

from collections.abc import Sequence
from dataclasses import dataclass

from beatflow.ai.synth.genre import Genre
from beatflow.ai.synth.grid import STEP, Event, Grid
from beatflow.ai.synth.harmony import Chord, Span
from beatflow.ai.synth.prompt import Mood
from beatflow.ai.synth.randomness import Stream
from beatflow.sound.tonality import Key

_ALL = frozenset(("drums", "bass", "chords", "melody", "texture"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar's place in the form.

    ``phrase`` counts 0..3 within four bars; ``fill`` is ``""``, ``small``, ``large``, ``build`` or ``end``.
    """

    index: int
    section: str
    energy: float
    phrase: int
    fill: str
    parts: frozenset[str]
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Everything the parts agree on."""

    grid: Grid
    key: Key
    genre: Genre
    mood: Mood
    spans: Sequence[Span]
    bars: Sequence[Bar]

    def chord_at(self, tick: int) -> Chord:
        """The chord that sounds at a tick; past the end, the first one (a loop comes round)."""
        tick %= self.grid.end
        for span in reversed(self.spans[: tick // self.grid.bar * 2 + 2]):
            if span.tick <= tick:
                return span.chord
        return self.spans[0].chord

    def spans_in(self, bar: int) -> list[Span]:
        """The chords of one bar."""
        start = bar * self.grid.bar
        near = self.spans[bar : 2 * bar + 2]
        return [span for span in near if start <= span.tick < start + self.grid.bar]

    def scale(self, low: int, high: int) -> list[int]:
        """The key's notes from ``low`` to ``high``."""
        inside = set(self.key.pitch_classes)
        return [midi for midi in range(low, high + 1) if midi % 12 in inside]

    def event(
        self,
        tick: int,
        length: int,
        midi: int,
        velocity: float,
        stream: Stream,
        loose: float = 1.0,
        glide: int = 0,
    ) -> Event:
        """A note played by a person: swung, a little early or late, never exactly as hard."""
        start = self.grid.swung(tick)
        end = self.grid.swung(tick + length)
        shift = round(stream.bell() * self.genre.humanise_s * loose * 44100)
        touch = velocity * (1.0 + 0.08 * stream.bell())
        return Event(start, max(end - start, STEP // 4), midi, max(1, min(127, round(touch))), shift, glide)


def plan_bars(count: int, loop: bool, energy: float, stream: Stream) -> list[Bar]:
    """The form: short pieces are one section that grows; long ones have intro, lifts, breaks and an ending."""
    sections = _sections(count, loop, stream)
    bars = []
    for index in range(count):
        section = sections[index // 8]
        inside = index % 8
        level = {"intro": 0.35, "main": 0.55, "lift": 0.8, "break": 0.3, "outro": 0.35}[section]
        level += 0.1 if inside >= 4 else 0.0
        last = index == count - 1
        fill = ""
        if last and not loop and count > 1:
            fill = "end"
        elif inside == 7 or last:
            fill = "build" if section == "break" and inside == 7 else "large"
        elif inside == 3:
            fill = "small"
        opens = inside == 0 and (index > 0 or (loop and count >= 4)) and section not in ("break", "outro")
        parts = _parts_of(section, inside, stream.fork(index // 8))
        bars.append(
            Bar(index, section, max(0.1, min(1.0, level + energy * 0.25)), index % 4, fill, parts, opens)
        )
    return bars


def _sections(count: int, loop: bool, stream: Stream) -> list[str]:
    """One word for each eight bars."""
    blocks = -(-count // 8)
    if blocks <= 2:
        return ["main", "lift"][:blocks]
    middle = ["main", "lift", "break", "lift"]
    offset = 0 if loop else 1
    result = [middle[(i - offset) % 4] for i in range(blocks)]
    if not loop:
        result[0] = "intro"
        if blocks >= 4:
            result[-1] = "outro"
    return result


def _parts_of(section: str, inside: int, stream: Stream) -> frozenset[str]:
    """Who plays in a bar of a section."""
    if section == "intro":
        first = stream.choice([("chords",), ("chords", "melody"), ("drums", "chords")])
        later = {"drums", "chords", "bass"} if inside >= 4 else set()
        return frozenset({"texture", *first, *later})
    if section == "break":
        return frozenset({"chords", "melody", "texture"} | ({"drums", "bass"} if inside >= 4 else set()))
    if section == "outro":
        return frozenset({"chords", "bass", "texture"} | ({"drums"} if inside < 4 else set()))
    return _ALL
