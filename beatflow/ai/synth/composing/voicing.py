"""Voice leading: every chord laid where the hands move least, without parallels between the outer voices.

Knows chords as values, no rhythm.
"""

from collections.abc import Sequence
from itertools import pairwise

from beatflow.ai.synth.composing.chord import Chord, Span

Voices = tuple[int, ...]
_RANGES = {"close": (50, 77), "open": (43, 79), "power": (40, 64)}
"""Where chords sit: D3 .. F5, above the bass and under most of the melody; open ones and guitars begin lower."""
_CENTRE = {"close": 57, "open": 48, "power": 45}


def voicings(chord: Chord, shape: str = "close") -> list[Voices]:
    """Every voicing of a chord within its shape's range, of at most four tones (the bass has the root).

    Parameters
    ----------
    chord : Chord
    shape : str
        ``close`` (close and drop two), ``open`` (root or fifth low, the others above) or ``power`` (root, fifth, root).
    """
    low, high = _RANGES[shape]
    if shape == "power":
        fifth = chord.fifth
        roots = [midi for midi in range(low, high - 12) if midi % 12 == chord.root]
        return [(root, root + fifth, root + 12) for root in roots]
    tones = _essential(chord)
    found = []
    for turn in range(len(tones)):
        order = tones[turn:] + tones[:turn]
        for octave in (36, 48, 60) if shape == "open" else (48, 60):
            notes = [octave + order[0]]
            for tone in order[1:]:
                notes.append(notes[-1] + (tone - notes[-1]) % 12)
            if shape == "open":
                shapes = [[notes[0], *(n + 12 for n in notes[1:])], [*notes[:1], *notes[2:], notes[1] + 12]]
            else:
                shapes = [notes] if len(notes) < 4 else [notes, [notes[-2] - 12, *notes[:-2], notes[-1]]]
            found += [tuple(sorted(one)) for one in shapes]
    if shape == "open":
        # What lies an octave under the others is the root or the fifth.
        found = [notes for notes in found if notes[0] % 12 in (chord.root, (chord.root + chord.fifth) % 12)]
    inside = [notes for notes in found if notes[0] >= low and notes[-1] <= high]
    return sorted(set(inside or found))


def _essential(chord: Chord) -> list[int]:
    """At most four tones: of five the root goes, which the bass has; home keeps it and goes without its fifth."""
    tones = list(dict.fromkeys(chord.pitch_classes))
    if len(tones) > 4:
        tones.remove((chord.root + 7) % 12 if chord.degree == 0 and 7 in chord.intervals else chord.root)
    if len(tones) == 2:
        tones.append(tones[0])
    return tones[:4]


def movement(before: Voices, after: Voices) -> int:
    """How far the hands move, in halves of a semitone, plus what sounds bad: parallel outer voices, leaps on top."""
    travel = sum(2 * min(abs(note - other) for other in before) for note in after)
    travel += sum(min(abs(note - other) for other in after) for note in before)
    top = abs(after[-1] - before[-1])
    travel += 2 * top + (6 * (top - 5) if top > 5 else 0)
    below, above = after[0] - before[0], after[-1] - before[-1]
    if below == above != 0 and (before[-1] - before[0]) % 12 in (0, 7):
        travel += 14
    return travel


def weight(notes: Voices, shape: str) -> int:
    """What is wrong with a voicing by itself: mud, rubbing semitones, a place far from the middle of its range."""
    cost = abs(notes[0] - _CENTRE[shape]) // 2
    for low, high in pairwise(notes):
        if high - low <= 2 and low < 57:
            cost += 8
        if high - low <= 4 and low < 48:
            cost += 10
        if high - low == 1:
            cost += 3
    if notes[-1] - notes[-2] == 1:
        cost += 6
    return cost


def voice_lead(spans: Sequence[Span], shape: str = "close", loop: bool = False) -> list[Voices]:
    """One voicing per span: the way through all of them with the least movement (Viterbi, integer costs).

    With ``loop`` the last voicing leads back to the first.
    """
    if not spans:
        return []
    options: dict[Chord, list[Voices]] = {}
    for span in spans:
        if span.chord not in options:
            options[span.chord] = voicings(span.chord, shape)
    moves: dict[tuple[Voices, Voices], int] = {}

    def move(before: Voices, after: Voices) -> int:
        known = moves.get((before, after))
        if known is None:
            known = moves[before, after] = movement(before, after) + weight(after, shape)
        return known

    first = options[spans[0].chord]
    start = min(first, key=lambda notes: (weight(notes, shape), notes)) if loop else None
    costs = {notes: weight(notes, shape) for notes in first if start is None or notes == start}
    back: list[dict[Voices, Voices]] = []
    for span in spans[1:]:
        following: dict[Voices, int] = {}
        source: dict[Voices, Voices] = {}
        for notes in options[span.chord]:
            following[notes], source[notes] = min(
                (cost + move(before, notes), before) for before, cost in costs.items()
            )
        costs = following
        back.append(source)
    _, last = min((cost + (move(notes, start) if start else 0), notes) for notes, cost in costs.items())
    path = [last]
    for source in reversed(back):
        path.append(source[path[-1]])
    return path[::-1]
