"""The soloist: a theme in periods of eight bars that ask and answer, bent to the chords; hooks, solos, endings."""

from collections.abc import Sequence

from beatflow.ai.synth.composing.chord import Chord
from beatflow.ai.synth.composing.form import ROLES, Bar
from beatflow.ai.synth.composing.motifs import AIRY, RIFFING, Motif, Theme, draw_motif, draw_theme
from beatflow.ai.synth.composing.rhythm import BEATS, fit
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.grid import STEP, Event
from beatflow.ai.synth.randomness import Stream

_LOW, _HIGH = 62, 84
_SOLO = {"jazz": "bebop", "bossa nova": "bebop", "blues": "blues", "funk": "bebop", "trance": "arps"}
_LOW_SOUNDS = {
    "cello": -12,
    "trombone": -12,
    "french horn": -7,
    "lead guitar": -5,
    "saxophone": -3,
    "viola": -7,
    "voice": -3,
}
"""Semitones by which an instrument sings lower."""


def compose_melody(score: Score, style: str, register: int, sound: str, stream: Stream) -> list[Event]:
    """A line in phrases of four bars: call, continuation, call, answer; every second phrase comes home.

    Parameters
    ----------
    style : str
        Of `motifs.STYLES`.
    register : int
        Semitones to move the line's range by.
    sound : str
        Who plays: low instruments play lower.
    """
    singer = _Singer(score, style, register + _LOW_SOUNDS.get(sound, 0), stream)
    for bar in score.bars:
        singer.begin(bar)
        if "melody" in bar.parts:
            singer.play(bar)
    return _apart(sorted(singer.events))


class _Singer:
    """Keeps the pitch at which the line is, so that it moves on from there."""

    def __init__(self, score: Score, style: str, register: int, stream: Stream) -> None:
        self.score, self.style, self.stream = score, style, stream
        self.touch = stream.fork("touch")
        self.mood = score.mood_of("melody")
        self.low, self.high = _LOW + register, _HIGH + register
        self.middle = (self.low + self.high) // 2
        self.pitch = self.middle
        self.themes: dict[str, Theme] = {}
        self.events: list[Event] = []

    def begin(self, bar: Bar) -> None:
        """A section's first note does not depend on what came before it."""
        if bar.inside == 0:
            self.pitch = self.middle + 2 * ROLES[bar.role].register

    def _theme(self, slot: str) -> Theme:
        if slot not in self.themes:
            own = self.stream.fork("theme", slot)
            style = "vocal" if slot == "b" and self.style == "lyric" else self.style
            self.themes[slot] = draw_theme(style, self.mood.density, own)
        return self.themes[slot]

    def play(self, bar: Bar) -> None:
        """One bar."""
        if bar.fill == "end":
            self.land(bar)
            return
        role = ROLES[bar.role]
        if role.melody == "none" and bar.role != "intro":
            return
        last = bar.index == len(self.score.bars) - 1
        home = bar.inside % 8 == 7 or last or bar.inside == bar.size - 1
        ends = bar.phrase == 3 or home
        if role.melody == "solo":
            own = self.stream.fork("solo", bar.material, bar.inside)
            style = _SOLO.get(self.score.genre.name, "riff" if self.style in RIFFING else "lyric")
            self.sing(bar, draw_motif(style, self.mood.density + 0.4, own), ends, home, vary=False)
            return
        theme = self._theme(bar.slot)
        if role.melody == "sparse" and bar.inside % 2 == 1:
            return
        if self._rests(bar):
            return
        motif = (theme.call, theme.second, theme.call, theme.close_end if home else theme.open_end)[
            bar.phrase
        ]
        if home and bar.phrase != 3:
            motif = theme.close_end
        self.sing(bar, motif, ends, home, vary=bar.phrase == 2 or bar.inside % 8 >= 4)

    def _rests(self, bar: Bar) -> bool:
        """Some styles leave room: the question hangs, horns come back when the bar is free."""
        if self.mood.density > 0.6:
            return False
        if self.style == "answers":
            return bar.inside % 2 == 0 and bar.inside % 8 != 6
        return self.style in AIRY and bar.phrase == 3 and bar.inside % 8 == 3

    def nearest(self, pitch_classes: Sequence[int], pitch: int, chord: Chord | None = None) -> int:
        """The note of these classes that is nearest to a pitch, pulled towards the middle."""
        fitting = [note for note in range(self.low, self.high + 1) if note % 12 in pitch_classes]
        return min(fitting, key=lambda note: (abs(note - pitch) * 4 + abs(note - self.middle), note))

    def sing(self, bar: Bar, motif: Motif, ends: bool, home: bool, vary: bool) -> None:
        """One bar of a motif, bent to the chords: strong and long notes are chord tones."""
        grid = self.score.grid
        start, beats = bar.index * grid.bar, BEATS[grid.meter]
        notes = fit(motif.rhythm, grid.meter)
        own = self.stream.fork("variation", bar.material, bar.inside)
        for place, (step, length) in enumerate(notes):
            tick = start + step * STEP
            chord = self.score.chord_at(tick)
            scale = self.score.scale(self.low - 2, self.high + 2, chord)
            if place == 0:
                # Return to the middle a little, so that each repeat starts from about the same place, and leave room
                # for what the motif does (about two semitones a step).
                lowest, highest = self.low - 2 * min(motif.contour), self.high - 2 * max(motif.contour)
                goal = max(min((2 * self.pitch + self.middle) // 3, highest), lowest)
                self.pitch = self.nearest(chord.pitch_classes[:4], goal)
            else:
                # From where the line is, so that what was bent to a chord bends the rest as well.
                line = motif.contour
                move = line[place] - line[place - 1] if place < len(line) else 0
                if vary and place == len(notes) - 1:
                    move += own.choice((-1, 1, 0, 2))
                self.pitch = self._within(self._from(scale, self.pitch, move))
            last = place == len(notes) - 1
            if last and ends:
                self.pitch = self._close(chord, home)
            elif step in beats or length >= 6 or (length >= 3 and self._rubs(chord)):
                self.pitch = self.nearest(chord.pitch_classes, self.pitch)
            held = min(length, grid.steps - step) * STEP
            velocity = (94 if step in beats else 84) * (0.85 + 0.25 * bar.energy)
            velocity *= 1.0 + 0.12 * max(-1.5, min(1.0, self.mood.energy))
            self.events.append(self.score.event(tick, held * 15 // 16, self.pitch, velocity, self.touch))

    def _from(self, scale: Sequence[int], pitch: int, move: int) -> int:
        """A note some steps of the scale away; what runs out of the range turns round."""
        place = min(range(len(scale)), key=lambda i: (abs(scale[i] - pitch), i)) + move
        if not 0 <= place < len(scale):
            place -= 2 * move
        return scale[max(0, min(len(scale) - 1, place))]

    def _within(self, pitch: int) -> int:
        """Not further than a sixth from the note before."""
        while pitch - self.events[-1].midi > 9:
            pitch -= 12
        while self.events[-1].midi - pitch > 9:
            pitch += 12
        return pitch

    def _rubs(self, chord: Chord) -> bool:
        """Over a chord tone by a half step: fine in passing, not to stay on."""
        return (self.pitch - 1) % 12 in chord.pitch_classes or chord.root not in self.score.key.pitch_classes

    def _close(self, chord: Chord, home: bool) -> int:
        """A question stays open on the fifth or third; the answer comes home to the root."""
        classes = chord.pitch_classes[:1] if home else chord.pitch_classes[1:3]
        return self.nearest(classes, self.pitch)

    def land(self, bar: Bar) -> None:
        """The last note: home, held."""
        start = bar.index * self.score.grid.bar
        chord = self.score.chord_at(start)
        self.pitch = self.nearest(chord.pitch_classes[:1], self.pitch)
        self.events.append(self.score.event(start, self.score.grid.bar, self.pitch, 92, self.touch))


def _apart(events: list[Event]) -> list[Event]:
    """One voice: of two notes at once the later written goes."""
    result: list[Event] = []
    for event in events:
        if not result or result[-1].tick != event.tick:
            result.append(event)
    return result
