"""The drummer: the genre's patterns with ghost notes, rolls, fills at the seams and a cymbal after them."""

from dataclasses import dataclass, replace

from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.composing.feels import carry_rows, grammar_of
from beatflow.ai.synth.composing.fills import BACK, FILLS
from beatflow.ai.synth.composing.form import Bar
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.genres.genre import Rows
from beatflow.ai.synth.grid import STEP, TICKS, Event
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.words.vocabulary import ADDED

_VELOCITY = {"X": 116, "x": 98, "o": 72, "g": 44, "?": 64}
_PLAYED = {"g": 0.75, "?": 0.5}
_ELEMENTS: dict[str, tuple[int, ...]] = {
    "kick": (drum.KICK, drum.BOOM), "snare": (drum.SNARE, drum.CLAP, drum.SNAP), "rim": (drum.RIM,),
    "hats": drum.HATS, "ride": (drum.RIDE, drum.RIDE_BELL), "claps": (drum.CLAP,),
    "cymbals": (drum.CRASH, drum.SPLASH, drum.CHINA, drum.RIDE, drum.REVERSE),
    "toms": (drum.LOW_TOM, drum.FLOOR_TOM, drum.MID_TOM, drum.HIGH_TOM, drum.TOP_TOM), "shaker": (drum.SHAKER,
        drum.CABASA),
    "tambourine": (drum.TAMBOURINE,), "congas": (drum.CONGA, drum.CONGA_MUTE, drum.TUMBA),
    "bongos": (drum.BONGO_HIGH, drum.BONGO_LOW), "claves": (drum.CLAVES,), "agogo": (drum.AGOGO_HIGH, drum.AGOGO_LOW),
    "timbales": (drum.TIMBALE_HIGH, drum.TIMBALE_LOW), "cabasa": (drum.CABASA,), "triangle": (drum.TRIANGLE,
        drum.TRIANGLE_MUTE),
    "guiro": (drum.GUIRO_SHORT, drum.GUIRO_LONG), "woodblock": (drum.WOODBLOCK_HIGH, drum.WOODBLOCK_LOW),
        "snaps": (drum.SNAP,),
}  # fmt: skip
_MAIN = frozenset((drum.KICK, drum.SNARE, drum.CLAP, *drum.HATS))
_SOFT_KITS = frozenset(("dusty", "soft", "brushes", "jazz", "bossa", "taiko"))


def compose_drums(score: Score, stream: Stream) -> list[Event]:
    """Every hit of the piece. Hits carry General MIDI drum numbers; an open hat lasts until the next hat."""
    player = _Drummer(score, stream)
    for bar in score.bars:
        player.play(bar)
    return _choke(sorted(player.kept()), score.grid.end)


@dataclass(frozen=True, slots=True)
class _Groove:
    """What the drummer settled on for a slot of the form: two patterns of each that take turns."""

    kicks: tuple[str, str]
    snares: tuple[str, str]
    hat: str
    open: str
    extra: Rows
    lifts: Rows
    small: Rows
    large: Rows


class _Drummer:
    """Settles on a groove for every slot of the form, then plays bar by bar."""

    def __init__(self, score: Score, stream: Stream) -> None:
        self.score, self.stream = score, stream
        self.mood = score.mood_of("drums")
        self.touch = stream.fork("touch")
        self.draw = stream
        self.events: list[Event] = []
        self.grooves: dict[str, _Groove] = {}
        self.steps = score.grid.steps

    def _settle(self, slot: str) -> _Groove:
        own, genre, meter = self.stream.fork("groove", slot), self.score.genre, self.score.grid.meter
        table, fills = grammar_of(genre, meter), FILLS[genre.fills]
        kicks = (own.choice(table.kicks), own.choice(table.kicks))
        snares = (own.choice(table.snares), own.choice(table.snares))
        hat, opened = own.choice(table.hats), own.choice(table.open_hats)
        steady = genre.feel in ("tresillo", "latin", "swing")
        extra = [row for row in table.percussion if own.chance(0.9 if steady else 0.7)]
        playing = {midi for midi, _ in extra}
        for element, amount in self.score.amounts.items():
            wanted = [row for row in table.percussion if row[0] in _ELEMENTS.get(element, ())]
            rows = tuple(wanted) or carry_rows(ADDED.get(element, ()), meter)
            if amount >= 0:
                extra += [row for row in rows if row[0] not in playing]
                playing |= {midi for midi, _ in rows}
        if self.score.amounts.get("percussion", -1) >= 0:
            extra = list(table.percussion) or list(carry_rows(ADDED["shaker"] + ADDED["congas"], meter))
        if genre.kit == "brushes":
            extra.append((drum.BRUSH, "x.......x......."[: self.steps]))
        small = own.choice(fills.small) if fills.small else ()
        large = own.choice(fills.large) if fills.large else ()
        return _Groove(kicks, snares, hat, opened, tuple(extra), table.lifts, small, large)

    def play(self, bar: Bar) -> None:
        """One bar."""
        if bar.slot not in self.grooves:
            self.grooves[bar.slot] = self._settle(bar.slot)
        groove, genre = self.grooves[bar.slot], self.score.genre
        # The same bar of the same material is played alike whenever it comes back.
        self.draw = self.stream.fork(bar.material, bar.inside)
        if "drums" not in bar.parts:
            if bar.fill in ("large", "build") and genre.fills != "none":
                self._fill(bar, groove, large=True)
            return
        crashes = genre.kit not in _SOFT_KITS
        if bar.opens and crashes and bar.energy > 0.45:
            self._hit(bar, 0, drum.CRASH, 84)
        if bar.fill == "end":
            self._end(bar, crashes)
            return
        if bar.role == "build":
            self._build(bar, groove)
            return
        filled = bool(bar.fill) and genre.fills != "none"
        large = bar.fill == "large"
        cut = self.steps - (0 if not filled or bar.fill == "build" else 8 if large else 4)
        self._beat(bar, groove, cut)
        if bar.fill == "build":
            self._roll_in(bar, 0.0)
        elif filled:
            self._fill(bar, groove, large)

    def _beat(self, bar: Bar, groove: _Groove, cut: int) -> None:
        """The groove itself, up to the fill."""
        genre, turn = self.score.genre, bar.inside % 2
        if bar.role != "break":
            self._row(bar, drum.KICK, self._part(_turn(groove.kicks, turn), bar), cut)
            snare = self._part(_turn(groove.snares, turn), bar)
            if bar.role == "bridge" and genre.feel == "backbeat" and self.steps == 16:
                snare = "........X......."  # half the pace
            late_s = genre.drag_s
            self._row(bar, genre.backbeat, snare, cut, late_s=late_s)
        self._hats(bar, groove, cut)
        thin = 0.35 if bar.energy < 0.42 or self.mood.density < -0.5 else 1.0
        for midi, row in groove.extra:
            asked = any(midi in _ELEMENTS.get(name, ()) for name in self.score.amounts)
            if midi == drum.RIDE and not bar.lifted and not asked:
                continue
            if asked or self.stream.fork("thin", midi, bar.material).chance(thin):
                self._row(bar, midi, self._part(row, bar), self.steps, 0.75)
        if bar.lifted and self.mood.density > -0.5:
            for midi, row in groove.lifts:
                self._row(bar, midi, self._part(row, bar), cut, 0.7)

    def _part(self, row: str, bar: Bar) -> str:
        """This bar's half of a pattern of two bars."""
        if len(row) <= self.steps or len(row) < 32:
            return row[: self.steps]
        half = 16 * (bar.inside % 2)
        return row[half : half + self.steps]

    def _hit(
        self, bar: Bar, step: int, midi: int, velocity: float, ticks: int = 0, length: int = STEP, late_s: float = 0.0
    ) -> None:  # fmt: skip
        tick = bar.index * self.score.grid.bar + step * STEP + ticks
        loose = 0.0 if midi in (drum.KICK, drum.CRASH, drum.BOOM) and step == 0 else 1.0
        level = velocity * (0.86 + 0.22 * bar.energy) * (1.0 + 0.12 * max(-1.5, min(1.0, self.mood.energy)))
        self.events.append(self.score.event(tick, length, midi, level, self.touch, loose, late_s=late_s))

    def _row(
        self, bar: Bar, midi: int, row: str, until: int, level: float = 1.0, late_s: float = 0.0
    ) -> None:
        busy = max(0.0, 1.0 + 0.5 * self.mood.density)
        ghosts = busy * (
            0.0 if self.score.amounts.get("ghosts", 0) < 0 else 1.3 if "ghosts" in self.score.amounts else 1.0
        )
        sparse = self.mood.density < -0.6
        for step, mark in enumerate(row[:until]):
            if mark == "." or (sparse and mark in "og" and step % 4 and midi in _MAIN):
                continue
            chance = _PLAYED.get(mark, 1.0) * (ghosts if mark == "g" else busy)
            if mark not in _PLAYED or self.draw.chance(chance):
                self._hit(bar, step, midi, _VELOCITY[mark] * level, late_s=late_s)
        if self.mood.density > 0.6 and midi in (drum.SNARE, drum.RIM, drum.KICK) and row.strip("."):
            self._add(bar, midi, row, until, level)

    def _add(self, bar: Bar, midi: int, row: str, until: int, level: float) -> None:
        """A busier hand: ghost notes between the snares, a soft kick before or after one that is there."""
        for step in range(1, until):
            near = row[step - 1] in "Xx" or (step + 1 < len(row) and row[step + 1] in "Xx")
            chance = (0.2 if near else 0.1) if midi != drum.KICK else (0.14 if step % 4 else 0.0)
            if row[step : step + 1] == "." and self.draw.chance(chance * min(self.mood.density, 2.0)):
                self._hit(bar, step, midi, (46 if midi != drum.KICK else 74) * level)

    def _hats(self, bar: Bar, groove: _Groove, until: int) -> None:
        genre, draw, amount = self.score.genre, self.draw, self.score.amounts.get("hats", 0)
        row = self._part(groove.hat, bar)
        if amount > 0:
            row = "".join(mark if mark != "." else "o" for mark in row)
        elif amount < 0:
            row = "".join(mark if step % 4 == 0 or mark == "X" else "." for step, mark in enumerate(row))
        rolls = genre.rolls * (1.0 + 0.5 * self.mood.density)
        if self.score.amounts.get("rolls", -1) >= 0:
            rolls = max(rolls, 0.9)
        roll = draw.below(self.steps // 2) * 2 if draw.chance(rolls) else -1
        thin = self.mood.density < -0.5 or bar.energy < 0.25
        opened_row = self._part(groove.open, bar)
        for step, mark in enumerate(row[:until]):
            opened = bar.lifted and opened_row[step] != "." and amount >= 0
            if opened:
                self._hit(bar, step, drum.OPEN_HAT, _VELOCITY[opened_row[step]] * 0.8, length=2 * STEP)
            elif step == roll:
                self._roll(bar, step)
            elif mark != "." and draw.chance(_PLAYED.get(mark, 1.0) * (0.5 if thin and step % 4 else 1.0)):
                accent = 1.0 if step % 4 == 0 or mark == "X" else 0.9
                self._hit(bar, step, genre.hat, _VELOCITY[mark] * accent * (0.84 if mark == "X" else 1.0))
        if self.mood.density > 0.3 and drum.SHAKER not in {midi for midi, _ in groove.extra}:
            self._row(bar, drum.SHAKER, "o.o.o.o.o.o.o.o."[: self.steps], until, 0.8)

    def _roll(self, bar: Bar, step: int) -> None:
        """Thirty-seconds or triplets over an eighth, getting louder or softer."""
        count = self.draw.choice((3, 4, 4, 6))
        rising = self.draw.chance(0.6)
        for i in range(count):
            part = i / count if rising else 1.0 - i / count
            self._hit(bar, step, drum.CLOSED_HAT, 58 + 40 * part, TICKS // 2 * i // count, STEP // 2)

    def _fill(self, bar: Bar, groove: _Groove, large: bool) -> None:
        """Into the next phrase; a bar without a beat keeps it short."""
        if self.score.amounts.get("fills", 0) < 0:
            return
        genre = self.score.genre
        back = (
            drum.SNARE
            if genre.backbeat in (drum.CLAP, drum.SNAP) and genre.fills == "kit"
            else genre.backbeat
        )
        if large and "drums" in bar.parts:
            self._hit(bar, self.steps - 8, drum.KICK, 92)
        short = "drums" not in bar.parts
        for midi, row in groove.large if large else groove.small:
            marks = row[-4:] if short else row
            for place, mark in enumerate(marks):
                if mark != "." and (mark not in _PLAYED or self.draw.chance(_PLAYED[mark])):
                    step = self.steps - len(marks) + place
                    self._hit(bar, step, back if midi == BACK else midi, _VELOCITY[mark] * 0.92)

    def _build(self, bar: Bar, groove: _Groove) -> None:
        """A whole section that rises: kicks, then a roll that doubles its pace; the last bar has no kick."""
        share = (bar.inside + 1) / bar.size
        if share < 1.0 or bar.size == 1:
            for beat in range(0, self.steps, 4):
                self._hit(bar, beat, drum.KICK, 100)
            self._hats(bar, groove, self.steps)
        self._roll_in(bar, bar.inside / bar.size)
        if share >= 1.0:
            self._hit(bar, self.steps // 2, drum.REVERSE, 80, length=self.steps // 2 * STEP)

    def _roll_in(self, bar: Bar, share: float) -> None:
        """A roll that doubles its pace and grows: something is coming."""
        for step in range(self.steps):
            done = share + step / self.steps * (1.0 if bar.role != "build" else 1.0 / bar.size)
            pace = 4 if done < 0.25 else 2 if done < 0.5 else 1
            if step % pace == 0:
                self._hit(bar, step, drum.SNARE, 40 + 70 * done)
            if done > 0.75:
                self._hit(bar, step, drum.SNARE, 36 + 60 * done, STEP // 2, STEP // 2)

    def _end(self, bar: Bar, crashes: bool) -> None:
        """One last hit."""
        if self.score.genre.feel == "still":
            self._hit(bar, 0, drum.BOOM if self.score.genre.kit == "taiko" else drum.KICK, 100)
            return
        self._hit(bar, 0, drum.KICK, 112)
        self._hit(bar, 0, drum.CRASH if crashes else drum.RIDE, 92 if crashes else 64)

    def kept(self) -> list[Event]:
        """The hits, without the drums that are to be left out."""
        gone = {
            midi
            for name, amount in self.score.amounts.items()
            if amount == -9
            for midi in _ELEMENTS.get(name, ())
        }
        if self.score.amounts.get("percussion", 0) == -9:
            gone |= (
                {event.midi for event in self.events}
                - _MAIN
                - {self.score.genre.backbeat, self.score.genre.hat}
            )
        fewer = {
            midi
            for name, amount in self.score.amounts.items()
            if amount == -1
            for midi in _ELEMENTS.get(name, ())
        }
        if self.score.amounts.get("hats", 0) == -9:
            gone.add(self.score.genre.hat)
        bar = self.score.grid.bar
        return [
            event for event in self.events
            if event.midi not in gone
            and not (event.midi in fewer and event.velocity < 80 and event.tick % bar % TICKS)
        ]  # fmt: skip


def _turn(patterns: tuple[str, str], turn: int) -> str:
    """Two patterns of a bar take turns; one of two bars has its own second bar."""
    return patterns[0] if len(patterns[0]) > 16 else patterns[turn]


def _choke(events: list[Event], end: int) -> list[Event]:
    """End each open hat where the next hat of any kind begins; of two equal hits at once the harder stays."""
    ticks = [event.tick for event in events if event.midi in drum.HATS]
    following = dict(zip(ticks, [*ticks[1:], end], strict=True)) if ticks else {}
    best: dict[tuple[int, int], Event] = {}
    for event in events:
        key = (event.tick, event.midi)
        if key not in best or best[key].velocity < event.velocity:
            best[key] = event
    result = []
    for event in best.values():
        if event.midi == drum.OPEN_HAT:
            event = replace(event, length=max(following[event.tick] - event.tick, STEP // 4))
        result.append(event)
    return sorted(result)
