"""Rhythms and contours that melodies are made of, by style. Data and drawing; knows no chords."""

from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.ai.synth.composing.rhythm import Figure
from beatflow.ai.synth.randomness import Stream

RHYTHMS: Mapping[str, tuple[Figure, ...]] = {
    "lyric": (
        ((0, 3), (3, 3), (6, 5)), ((2, 2), (4, 2), (6, 3), (10, 5)), ((0, 4), (4, 2), (6, 2), (8, 7)),
        ((3, 1), (4, 4), (8, 2), (10, 5)), ((0, 2), (2, 2), (4, 3), (7, 3), (10, 4)), ((6, 2), (8, 3), (11, 4)),
    ),
    "vocal": (
        ((2, 2), (4, 2), (6, 2), (8, 2), (10, 4)), ((0, 2), (3, 1), (4, 2), (6, 2), (8, 5)), ((2, 1), (3, 2), (5, 1),
        (6, 4), (12, 3)),
        ((0, 3), (3, 1), (4, 3), (8, 2), (10, 2), (12, 3)), ((4, 2), (6, 2), (8, 2), (10, 1), (11, 4)),
    ),
    "sparse": (
        ((0, 6), (8, 6)), ((4, 4), (10, 6)), ((2, 3), (6, 8)), ((8, 2), (10, 6)), ((0, 3), (3, 9)), ((6, 2), (8, 6)),
    ),
    "riff": (
        ((0, 2), (3, 2), (6, 2), (8, 2), (11, 2), (14, 2)), ((0, 1), (2, 1), (3, 2), (6, 2), (10, 2), (12, 3)),
        ((0, 3), (3, 3), (6, 2), (8, 3), (11, 3), (14, 2)), ((2, 2), (4, 1), (5, 2), (8, 1), (10, 2), (12, 2)),
        ((0, 2), (4, 2), (6, 2), (7, 3), (12, 2)),
    ),
    "bells": (((0, 8), (10, 6)), ((4, 4), (8, 6)), ((0, 4), (6, 10)), ((2, 6), (12, 4)), ((0, 3), (3, 3), (6, 10))),
    "anthem": (
        ((0, 6), (6, 6), (12, 4)), ((0, 8), (8, 4), (12, 4)), ((0, 10), (12, 2), (14, 2)), ((0, 3), (3, 3), (6, 10)),
        ((0, 4), (4, 4), (8, 6), (14, 2)),
    ),
    "pulse": (
        ((0, 1), (3, 1), (6, 1), (8, 1), (11, 1), (14, 1)), ((2, 1), (6, 1), (10, 1), (13, 1), (14, 1)),
    ),
    "arps": (
        tuple((step, 1) for step in range(16)), tuple((step, 1) for step in (0, 2, 3, 5, 6, 8, 10, 11, 13, 14)),
        tuple((step, 2) for step in range(0, 16, 2)),
    ),
    "bebop": (
        ((0, 2), (2, 2), (4, 2), (6, 2), (8, 2), (10, 4)), ((2, 2), (4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2)),
        ((4, 2), (6, 2), (8, 2), (10, 2), (12, 3)), ((0, 4), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2)),
        ((0, 2), (2, 2), (4, 4), (10, 2), (12, 2), (14, 2)), ((6, 2), (8, 2), (10, 2), (12, 2), (14, 2)),
    ),
    "blues": (
        ((2, 2), (4, 2), (6, 4), (12, 3)), ((0, 2), (2, 2), (4, 6)), ((2, 2), (4, 2), (6, 2), (8, 5)), ((0, 4), (6, 2),
        (8, 6)),
    ),
    "bossa": (
        ((0, 4), (4, 2), (6, 4), (12, 2), (14, 2)), ((2, 2), (4, 2), (6, 2), (8, 6)), ((0, 6), (6, 2), (8, 2), (10, 6)),
        ((4, 2), (6, 2), (10, 2), (12, 4)),
    ),
    # Horns that punctuate: one or two short figures with air around them.
    "answers": (
        ((10, 1), (12, 1), (14, 2)), ((0, 1), (3, 1), (6, 2)), ((6, 1), (7, 1), (10, 4)), ((0, 2), (11, 1), (14, 1)),
        ((3, 1), (6, 3), (12, 3)),
    ),
    "chops": (((0, 1), (3, 1), (6, 2), (11, 1), (14, 1)), ((3, 1), (4, 1), (7, 2), (10, 2), (13, 1)), ((2, 2), (6, 1),
        (9, 1), (12, 2))),
    "cowbells": (
        ((0, 2), (3, 1), (4, 2), (6, 2), (8, 2), (11, 1), (12, 2), (14, 2)), ((0, 1), (2, 1), (4, 1), (7, 1), (8, 1),
        (10, 1), (12, 2), (15, 1)),
        ((0, 2), (2, 2), (4, 1), (6, 2), (8, 2), (10, 2), (13, 1), (14, 2)),
    ),
}  # fmt: skip
STYLES = tuple(RHYTHMS)
RIFFING = frozenset(("riff", "pulse", "arps", "cowbells", "chops"))
"""Styles that repeat one bar rather than spin a line out."""
AIRY = frozenset(("answers", "sparse", "bells", "blues"))
"""Styles that leave every second bar, or the end of a phrase, to the others."""
_ANSWER = {"riff": "riff", "bebop": "lyric", "arps": "arps", "cowbells": "cowbells", "chops": "chops"}


@dataclass(frozen=True, slots=True)
class Motif:
    """A bar's rhythm, and for every note its scale steps from the first one."""

    rhythm: Figure
    contour: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """What a period of eight bars is made of: a call, what goes on from it, and two endings."""

    call: Motif
    second: Motif
    open_end: Motif
    close_end: Motif


def draw_theme(style: str, density: float, stream: Stream) -> Theme:
    """Draw the motifs of a style; they are kin: the ends take up the call's beginning."""
    call = draw_motif(style, density, stream)
    while len(call.rhythm) < 2:
        call = draw_motif(style, density, stream)  # one note is no motif
    second = call if style in RIFFING else draw_motif(style, density, stream)
    ending = "lyric" if style == "bebop" else _ANSWER.get(style, style)
    tail = draw_motif(ending, min(density, 0.0) - 0.2, stream)
    open_end = Motif(tail.rhythm, _blend(call.contour, tail.contour))
    close_end = Motif(tail.rhythm, tuple(-step for step in open_end.contour))
    return Theme(call, second, open_end, close_end)


def _blend(head: tuple[int, ...], tail: tuple[int, ...]) -> tuple[int, ...]:
    """The first half of one contour and the second of another."""
    half = len(tail) // 2
    return tuple(
        head[place] if place < half and place < len(head) else tail[place] for place in range(len(tail))
    )


def draw_motif(style: str, density: float, stream: Stream) -> Motif:
    """One bar: a rhythm of the style and a contour that mostly steps, leaps once at most, and turns back after it."""
    rhythm = stream.choice(RHYTHMS[style])
    if density < -0.3 and len(rhythm) > 2:
        rhythm = tuple(note for place, note in enumerate(rhythm) if place % 3 != 1)
    elif density > 0.5:
        rhythm = _filled(rhythm, stream)
    if style == "arps":
        return Motif(
            rhythm,
            tuple(
                stream.choice(((0, 2, 4, 7), (0, 4, 2, 4), (7, 4, 2, 0)))[i % 4] for i in range(len(rhythm))
            ),
        )
    shape = stream.choice(("arch", "arch", "rise", "fall", "valley", "wave"))
    contour, leapt = [0], 0
    for place in range(1, len(rhythm)):
        share = place / len(rhythm)
        upward = {
            "arch": share < 0.55,
            "rise": True,
            "fall": False,
            "valley": share > 0.5,
            "wave": place % 2 == 1,
        }[shape]
        step = stream.choice((1, 1, 1, 2, 0)) if not leapt else 1
        if not leapt and stream.chance(0.16):
            step = stream.choice((3, 4))
        # After a leap the line fills the gap.
        direction = -leapt if leapt else 1 if upward else -1
        leapt = direction if step >= 3 else 0
        contour.append(max(-3, min(4, contour[-1] + direction * step)))
    return Motif(rhythm, tuple(contour))


def _filled(rhythm: Figure, stream: Stream) -> Figure:
    """A long note split in two, once or twice."""
    notes = list(rhythm)
    for _ in range(2):
        place = max(range(len(notes)), key=lambda i: (notes[i][1], -i))
        step, length = notes[place]
        if length >= 4 and stream.chance(0.8):
            notes[place : place + 1] = [(step, length // 2), (step + length // 2, length - length // 2)]
    return tuple(notes)
