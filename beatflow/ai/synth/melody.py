"""The soloist: a motif of two bars, repeated on other chords, answered at the phrase's end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beatflow.ai.synth.grid import STEP, Event
from beatflow.ai.synth.harmony import Chord
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.score import Bar, Score

Rhythm = tuple[tuple[int, int], ...]
_RHYTHMS: Mapping[str, tuple[Rhythm, ...]] = {
    "lyric": (
        ((0, 3), (3, 3), (6, 5)), ((2, 2), (4, 2), (6, 3), (10, 5)), ((0, 4), (4, 2), (6, 2), (8, 7)),
        ((3, 1), (4, 4), (8, 2), (10, 5)), ((0, 2), (2, 2), (4, 3), (7, 3), (10, 4)),
        ((6, 2), (8, 3), (11, 4)),
    ),
    "sparse": (
        ((0, 6),), ((4, 4), (10, 6)), ((2, 3), (6, 8)), ((8, 2), (10, 6)), ((0, 3), (3, 9)), ((6, 2), (8, 6)),
    ),
    "riff": (
        ((0, 2), (3, 2), (6, 2), (8, 2), (11, 2), (14, 2)),
        ((0, 1), (2, 1), (3, 2), (6, 2), (10, 2), (12, 3)),
        ((0, 3), (3, 3), (6, 2), (8, 3), (11, 3), (14, 2)),
        ((2, 2), (4, 1), (5, 2), (8, 1), (10, 2), (12, 2)),
        ((0, 2), (4, 2), (6, 2), (7, 3), (12, 2)),
    ),
    "bells": (((0, 8), (10, 6)), ((4, 10),), ((0, 4), (6, 10)), ((2, 6), (12, 4)), ((0, 3), (3, 3), (6, 10))),
    "anthem": (
        ((0, 6), (6, 6), (12, 4)), ((0, 8), (8, 4), (12, 4)), ((0, 10), (12, 2), (14, 2)), ((0, 3), (3, 3), (6, 10)),
    ),
    "pulse": (
        ((0, 1), (3, 1), (6, 1), (8, 1), (11, 1), (14, 1)), ((2, 1), (6, 1), (10, 1), (13, 1), (14, 1)),
    ),
}  # fmt: skip
_STEPS = (1, 1, 1, -1, -1, -1, 2, -2, 0, 3, -4)
_LOW, _HIGH = 62, 84


@dataclass(frozen=True, slots=True)
class _Motif:
    """A bar's rhythm and the scale steps between its notes."""

    rhythm: Rhythm
    moves: tuple[int, ...]


def _draw(style: str, density: float, stream: Stream) -> _Motif:
    rhythm = stream.choice(_RHYTHMS[style])
    if density < -0.3 and len(rhythm) > 2:
        rhythm = tuple(note for i, note in enumerate(rhythm) if i % 3 != 1)
    rising = stream.chance(0.5)
    moves = []
    for place in range(len(rhythm)):
        move = stream.choice(_STEPS)
        # An arch: up before the middle, down after it, or the other way round.
        upward = (place * 2 < len(rhythm)) == rising
        moves.append(
            abs(move) if upward and stream.chance(0.6) else -abs(move) if stream.chance(0.55) else move
        )
    return _Motif(rhythm, tuple(moves))


def compose_melody(score: Score, style: str, register: int, stream: Stream) -> list[Event]:
    """A line in phrases of four bars: a, b, a, answer; every second phrase comes home.

    Parameters
    ----------
    style : str
        ``lyric sparse riff bells anthem pulse``.
    register : int
        Semitones to move the line's range by.
    """
    density = score.mood.density
    first, second = _draw(style, density, stream), _draw(style, density, stream)
    while len(first.rhythm) < 2:
        first = _draw(style, density, stream)  # one note is no motif
    answer = _draw("sparse" if style in ("riff", "pulse") else style, density, stream)
    if style in ("riff", "pulse"):
        second = first
    singer = _Singer(score, register, stream)
    for bar in score.bars:
        if "melody" not in bar.parts:
            continue
        if bar.fill == "end":
            singer.land(bar)
            continue
        if style == "sparse" and bar.phrase == 3 and bar.index % 8 == 3:
            continue  # the question hangs
        motif = (first, second, first, answer)[bar.phrase]
        singer.sing(bar, motif, ends=bar.phrase == 3 or bar.index == len(score.bars) - 1)
    return sorted(singer.events)


class _Singer:
    """Keeps the pitch at which the line is, so that it moves on from there."""

    def __init__(self, score: Score, register: int, stream: Stream) -> None:
        self.score, self.stream = score, stream
        shift = register
        self.scale = score.scale(_LOW + shift, _HIGH + shift)
        self.middle = (_LOW + _HIGH) // 2 + shift
        self.pitch = self.middle
        self.events: list[Event] = []

    def nearest(self, pitch_classes: Sequence[int], pitch: int) -> int:
        """The scale's note of these classes that is nearest to a pitch, pulled towards the middle."""
        fitting = [note for note in self.scale if note % 12 in pitch_classes]
        return min(fitting, key=lambda note: (abs(note - pitch) * 4 + abs(note - self.middle), note))

    def sing(self, bar: Bar, motif: _Motif, ends: bool) -> None:
        """One bar of a motif, bent to the chords: strong and long notes are chord tones."""
        start = bar.index * self.score.grid.bar
        rhythm = [(step, length) for step, length in motif.rhythm if step < self.score.grid.steps]
        for place, (step, length) in enumerate(rhythm):
            tick = start + step * STEP
            chord = self.score.chord_at(tick)
            if place == 0:
                # Return to the middle a little, so that each repeat starts from about the same place.
                self.pitch = self.nearest(chord.pitch_classes[:4], (self.pitch + self.middle) // 2)
            else:
                self.pitch = self._step(self.pitch, motif.moves[place])
            last = place == len(rhythm) - 1
            if last and ends:
                self.pitch = self._close(bar, chord)
            elif step % 4 == 0 or length >= 3:
                self.pitch = self.nearest(chord.pitch_classes, self.pitch)
            held = min(length, self.score.grid.steps - step) * STEP
            velocity = (94 if step % 4 == 0 else 84) * (0.85 + 0.25 * bar.energy)
            self.events.append(self.score.event(tick, held * 15 // 16, self.pitch, velocity, self.stream))

    def _step(self, pitch: int, move: int) -> int:
        place = min(range(len(self.scale)), key=lambda i: abs(self.scale[i] - pitch)) + move
        if not 0 <= place < len(self.scale):
            place -= 2 * move
        return self.scale[max(0, min(len(self.scale) - 1, place))]

    def _close(self, bar: Bar, chord: Chord) -> int:
        """A question stays open on the fifth or third; the answer comes home to the root."""
        home = bar.index % 8 == 7 or bar.index == len(self.score.bars) - 1
        classes = chord.pitch_classes[:1] if home else chord.pitch_classes[1:3]
        return self.nearest(classes, self.pitch)

    def land(self, bar: Bar) -> None:
        """The last note: home, held."""
        start = bar.index * self.score.grid.bar
        chord = self.score.chord_at(start)
        self.pitch = self.nearest(chord.pitch_classes[:1], self.pitch)
        self.events.append(self.score.event(start, self.score.grid.bar, self.pitch, 92, self.stream))
