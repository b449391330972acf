"""How the choices become effects and levels: equalisers, rooms, echoes and balance per stem."""

from collections.abc import Mapping
from itertools import pairwise

from beatflow.ai.synth.composing.choices import Choices
from beatflow.ai.synth.mixing.effects import Treatment
from beatflow.ai.synth.sounds.instruments import finish_of

LOUDNESS_LUFS = -14.0
"""Integrated loudness of the mix where none is asked for: what music services play at."""
_SHORT = frozenset(("stab", "pulse", "arpeggio", "deep stab", "skank", "organ stab"))
"""Styles of accompaniment that leave room for an echo."""
_KIT_EQ = {
    "dusty": (
        (10.0, -60.0), (25.0, -24.0), (50.0, -2.5), (2500.0, 2.0), (6000.0, 2.0), (9000.0, -1.0), (14000.0, -14.0),
    ),
    "boombap": (
        (10.0, -60.0), (25.0, -24.0), (50.0, -2.5), (3000.0, 2.0), (8000.0, 0.0), (15000.0, -6.0),
    ),
}  # fmt: skip
_DRUM_EQ = (
    (10.0, -60.0), (25.0, -24.0), (45.0, -4.5), (70.0, -1.5), (120.0, 0.0), (300.0, -1.5), (2500.0, 2.5), (5000.0, 1.5),
    (8000.0, -1.5), (16000.0, -6.0),
)  # fmt: skip
_BASS_EQ = (
    (10.0, -60.0), (25.0, -24.0), (40.0, -6.0), (80.0, -1.0), (250.0, 2.0), (900.0, 3.5), (3000.0, 1.0), (9000.0, -6.0),
)  # fmt: skip
_MELODY_EQ = ((120.0, -24.0), (260.0, -1.0), (3000.0, 1.0), (9000.0, 0.0), (16000.0, -3.0))
_TEXTURE_EQ = ((100.0, -20.0), (300.0, 0.0), (12000.0, 0.0))
Points = tuple[tuple[float, float], ...]


def _tilted(points: Points, brightness: float) -> Points:
    """An equaliser tilted around 700 Hz, by up to about 4 dB at 8 kHz."""
    octaves = ((200.0, -0.4), (700.0, 0.0), (2500.0, 0.5), (8000.0, 1.0))
    result = []
    for hz, gain_db in points:
        lean = octaves[-1][1]
        for (low, low_lean), (high, high_lean) in pairwise(octaves):
            if hz <= high:
                lean = low_lean + (high_lean - low_lean) * max(0.0, (hz - low) / (high - low))
                break
        result.append((hz, gain_db + 4.0 * brightness * lean))
    return tuple(result)


def treatment_of(part: str, choices: Choices) -> Treatment:
    """The effects of a stem: the genre's, the mood's, and what its instrument brings along."""
    genre, mood = choices.genre, choices.mood_of(part)
    spread = min(max(1.0 + 0.7 * mood.space, 0.15), 2.0)
    bright = max(-1.2, min(1.2, mood.brightness + (0.0 if part == "bass" else 0.25 * mood.energy)))
    tail_s = 0.16 + 0.5 * genre.space * spread
    kind = "hall" if tail_s > 0.3 else "plate"
    energy = max(0.0, mood.energy)
    if part == "drums":
        points = _KIT_EQ.get(choices.sounds["drums"], _DRUM_EQ)
        return Treatment(
            _tilted(points, bright), drive=1.1 + 0.4 * energy, room="room", space=genre.room * spread,
            space_s=0.06 + 0.05 * spread,
        )  # fmt: skip
    if part == "texture":
        return Treatment(_tilted(_TEXTURE_EQ, bright))
    finish = finish_of(choices.sounds[part])
    if part == "bass":
        drive = max(finish.drive, 0.9) + 0.4 * energy
        return Treatment(
            _tilted(_BASS_EQ, bright), drive=drive, body=finish.points, duck=genre.sidechain * 0.7
        )
    if part == "chords":
        points = _tilted(((40.0, -40.0), *genre.chords_eq), bright)
        echo = genre.echo if choices.styles["chords"] in _SHORT else 0.0
        return Treatment(
            points, drive=finish.drive, body=finish.points, room=kind, space=genre.space * spread, space_s=tail_s,
            tremolo=finish.tremolo, echo=echo, duck=genre.sidechain,
        )  # fmt: skip
    return Treatment(
        _tilted(_MELODY_EQ, bright), drive=finish.drive, body=finish.points, room=kind, space=genre.space * spread,
        space_s=tail_s, tremolo=finish.tremolo, echo=min(0.5, genre.echo * spread), duck=genre.sidechain * 0.4,
    )  # fmt: skip


def levels_of(choices: Choices) -> Mapping[str, float]:
    """Loudness of each stem against the others, in dB (LU)."""
    drums, bass, chords, melody = choices.genre.levels
    push = 1.5 * choices.mood_of("drums").energy
    # Loudness hardly hears the lowest octaves: by it alone a bass would be too strong.
    return {"drums": drums + push, "bass": bass - 1.5, "chords": chords, "melody": melody, "texture": -19.0}
