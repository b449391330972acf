"""A given melody: its key, and chords that fit it bar by bar. Knows no sound."""

from collections.abc import Sequence

from beatflow.ai.synth.composing.chord import Chord, Span, scale_chord
from beatflow.ai.synth.grid import Event, Grid
from beatflow.sound.tonality import Key

# Krumhansl and Kessler 1982 (Psychological Review 89:334), tenths of a rating.
_PROFILES = {
    "maj": (64, 22, 35, 23, 44, 41, 25, 52, 24, 37, 23, 29),
    "min": (63, 27, 35, 54, 26, 35, 25, 48, 40, 27, 33, 32),
}


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
