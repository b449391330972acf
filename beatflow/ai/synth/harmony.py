"""Chords of a key: spelling, naming, voicing with little movement, and fitting chords to a given melody."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from beatflow.ai.synth.grid import Event, Grid
from beatflow.ai.synth.randomness import Stream
from beatflow.sound.tonality import NOTE_NAMES, SCALES, Key

_QUALITIES = {
    (0, 4, 7): "", (0, 3, 7): "m", (0, 3, 6): "dim", (0, 4, 8): "aug",
    (0, 4, 7, 11): "maj7", (0, 3, 7, 10): "m7", (0, 4, 7, 10): "7", (0, 3, 6, 10): "m7b5",
    (0, 4, 7, 11, 14): "maj9", (0, 3, 7, 10, 14): "m9", (0, 4, 7, 10, 14): "9", (0, 3, 7, 10, 13): "m7b9",
    (0, 3, 6, 10, 13): "m7b5b9", (0, 4, 7, 10, 13): "7b9", (0, 2, 7): "sus2", (0, 5, 7): "sus4", (0, 7): "5",
    (0, 4, 7, 14): "add9", (0, 3, 7, 14): "madd9",
}  # fmt: skip
_RANGE = (50, 77)
"""Where chords sit: D3 .. F5, above the bass and under most of the melody."""
# Krumhansl and Kessler 1982 (Psychological Review 89:334), tenths of a rating.
_PROFILES = {
    "maj": (64, 22, 35, 23, 44, 41, 25, 52, 24, 37, 23, 29),
    "min": (63, 27, 35, 54, 26, 35, 25, 48, 40, 27, 33, 32),
}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord of the key: its scale degree (0 the tonic), and intervals above the root."""

    degree: int
    root: int
    intervals: tuple[int, ...]

    @property
    def name(self) -> str:
        """As on a lead sheet: ``Am7``, ``Fmaj9``."""
        return NOTE_NAMES[self.root] + _QUALITIES.get(self.intervals, "")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class Span:
    """A chord and the ticks for which it sounds."""

    tick: int
    length: int
    chord: Chord


def scale_chord(key: Key, degree: int, tones: int, colour: str = "") -> Chord:
    """Stack thirds of the scale on a degree; ``colour`` ``sus2``, ``sus4``, ``add9`` or ``5`` where that stays pure.

    A minor or diminished ninth (b9) sounds wrong in these styles: such chords stay at the seventh.
    """
    scale = SCALES[key.mode]

    def above(steps: int) -> int:
        octave, index = divmod(degree + steps, 7)
        return scale[index] + 12 * octave - scale[degree]

    thirds = tuple(above(2 * i) for i in range(tones))
    if len(thirds) == 5 and thirds[4] == 13:
        thirds = thirds[:4]
    wanted = {
        "sus2": (0, above(1), 7), "sus4": (0, above(3), 7), "5": (0, 7), "add9": (*thirds[:3], above(8)),
    }.get(colour, thirds)  # fmt: skip
    if wanted not in _QUALITIES or thirds[2] != 7:
        wanted = thirds
    return Chord(degree, (key.tonic + scale[degree]) % 12, wanted)


def voicings(chord: Chord) -> list[tuple[int, ...]]:
    """Every close and drop-two voicing within the chords' range, of at most four tones (the bass has the root)."""
    tones = list(chord.pitch_classes)
    if len(tones) > 4:
        tones.remove(chord.root)
    found = []
    for turn in range(len(tones)):
        order = tones[turn:] + tones[:turn]
        for octave in (48, 60):
            notes = [octave + order[0]]
            for tone in order[1:]:
                notes.append(notes[-1] + (tone - notes[-1]) % 12)
            shapes = [notes] if len(notes) < 4 else [notes, [notes[-2] - 12, *notes[:-2], notes[-1]]]
            found += [tuple(sorted(shape)) for shape in shapes]
    inside = [notes for notes in found if notes[0] >= _RANGE[0] and notes[-1] <= _RANGE[1]]
    return inside or found


def _movement(before: Sequence[int], after: Sequence[int]) -> float:
    """How far the hands move, plus what sounds bad by itself: a muddy low second, a wide hand."""
    travel = 0.0
    for note in after:
        travel += min(abs(note - other) for other in before)
    travel += 0.5 * abs(after[-1] - before[-1])
    for low, high in pairwise(after):
        if high - low <= 2 and low < 57:
            travel += 4.0
        if high - low == 1:
            travel += 1.5
    return travel + 0.15 * abs(after[0] - 57)


def voice_lead(spans: Sequence[Span], start: tuple[int, ...] = (57, 60, 64, 69)) -> list[tuple[int, ...]]:
    """One voicing per span, each the nearest to the one before."""
    result: list[tuple[int, ...]] = []
    previous = start
    for span in spans:
        previous = min(voicings(span.chord), key=lambda notes: (_movement(previous, notes), notes))
        result.append(previous)
    return result


def progress_through(
    grid: Grid, key: Key, progressions: Sequence[tuple[int, ...]], tones: int, colours: Sequence[str], stream: Stream,
    resolve: bool,
) -> list[Span]:  # fmt: skip
    """Lay a progression over the bars: one chord a bar, the last phrase's end varied, home at a real ending."""
    degrees = stream.choice(progressions)
    turnaround = stream.choice((4, 4, 3))
    colour = [stream.choice(colours) for _ in degrees]
    halves = stream.chance(0.4)
    spans: list[Span] = []
    for bar in range(grid.bars):
        index = bar % len(degrees)
        degree, tick = degrees[index], bar * grid.bar
        if resolve and bar == grid.bars - 1 and bar > 0:
            spans.append(Span(tick, grid.bar, scale_chord(key, 0, tones)))
        elif bar % 8 == 7 and degree != turnaround and degree != 0 and grid.meter == "4/4" and halves:
            half = grid.bar // 2
            spans.append(Span(tick, half, scale_chord(key, degree, tones, colour[index])))
            spans.append(Span(tick + half, half, scale_chord(key, turnaround, tones)))
        else:
            spans.append(Span(tick, grid.bar, scale_chord(key, degree, tones, colour[index])))
    return spans


def guess_key(events: Sequence[Event]) -> Key:
    """The key whose profile fits the notes best, weighted by length; the last note's key wins a near tie."""
    weight = [0] * 12
    for event in events:
        weight[event.midi % 12] += event.length
    last = events[-1].midi % 12
    best, best_score = Key(last, "maj"), -1.0
    for mode, profile in _PROFILES.items():
        mean = sum(profile) // 12
        for tonic in range(12):
            score = sum(weight[(tonic + i) % 12] * (profile[i] - mean) for i in range(12)) * 1.0
            score *= 1.08 if tonic == last else 1.0
            if score > best_score:
                best, best_score = Key(tonic, mode), score
    return best


def harmonise(grid: Grid, key: Key, melody: Sequence[Event], tones: int) -> list[Span]:
    """A chord a bar that fits a melody: most held notes are chord tones, the bass moves well, home at both ends.

    The best path over the seven degrees (Viterbi), integer scores.
    """
    moves = {
        (4, 0): 6,
        (3, 0): 3,
        (0, 3): 4,
        (0, 5): 4,
        (5, 3): 5,
        (3, 4): 5,
        (1, 4): 5,
        (0, 4): 3,
        (5, 1): 3,
        (6, 0): 2,
    }
    chords = [scale_chord(key, degree, 3) for degree in range(7)]
    usable = [d for d in range(7) if chords[d].intervals[2] == 7]
    paths: dict[int, tuple[int, tuple[int, ...]]] = {}
    for bar in range(grid.bars):
        fit = {d: _fit(grid, bar, chords[d], melody) for d in usable}
        edge = bar in (0, grid.bars - 1)
        fit = {
            d: value + (12 if edge and d == 0 else 0) + (2 if d in (0, 3, 4, 5) else 0)
            for d, value in fit.items()
        }
        if not paths:
            paths = {d: (fit[d], (d,)) for d in usable}
            continue
        old = paths
        paths = {}
        for d in usable:
            score, path = max((old[e][0] + moves.get((e, d), -3 if e == d else 0), old[e][1]) for e in usable)
            paths[d] = (score + fit[d], (*path, d))
    degrees = max(paths.values())[1]
    return [Span(i * grid.bar, grid.bar, scale_chord(key, d, tones)) for i, d in enumerate(degrees)]


def _fit(grid: Grid, bar: int, chord: Chord, melody: Sequence[Event]) -> int:
    """How much of a bar's melody the chord holds: sixteenths on root, third and fifth, more on the beats."""
    start, end, score = bar * grid.bar, (bar + 1) * grid.bar, 0
    weights = {chord.pitch_classes[0]: 3, chord.pitch_classes[1]: 3, chord.pitch_classes[2]: 2}
    for event in melody:
        held = min(event.tick + event.length, end) - max(event.tick, start)
        if held > 0:
            strong = 2 if (event.tick - start) % (grid.bar // 2) < grid.bar // 16 else 1
            score += strong * weights.get(event.midi % 12, -2) * max(1, held * 8 // grid.bar)
    return score
