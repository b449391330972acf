"""The drummer: patterns of the genre with ghost notes, rolls, fills at phrase ends and a crash after them."""

from beatflow.ai.synth.drumkit import (
    CLAP,
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    SHAKER,
    SNARE,
)
from beatflow.ai.synth.grid import STEP, TICKS, Event
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.score import Bar, Score

_VELOCITY = {"X": 116, "x": 98, "o": 72, "g": 44, "?": 64}
_PLAYED = {"g": 0.75, "?": 0.5}
_WALTZ = {
    "kick": ("X.....o.....", "X.......x...", "X.........o."),
    "snare": ("....o...X..g", "....o...X...", "........X..."),
    "hat": ("x.o.x.o.x.o.", "x.oox.oox.oo", "x...x.o.x.o."),
}
_SIX_EIGHT = {
    "kick": ("X.......x...", "X...o.......", "X..........o"),
    "snare": ("......X.....", "......X...g.", "......X....g"),
    "hat": ("x.o.o.x.o.o.", "xoo.ooxoo.oo", "x.o.oox.o.oo"),
}
_SMALL_FILLS = ("..x.xX", "..oxxX", "....xx", "..X.oX", "x..xoX")
_LARGE_FILLS = (
    ((SNARE, "..........x.xxXX"), (LOW_TOM, "..............o.")),
    ((HIGH_TOM, "........X.x....."), (MID_TOM, "..........x.x..."), (LOW_TOM, "............X.XX")),
    ((SNARE, "........x..x..xX"), (MID_TOM, ".........o...o..")),
    ((SNARE, "........ooxxxxXX"),),
)  # fmt: skip


def compose_drums(score: Score, stream: Stream) -> list[Event]:
    """Every hit of the piece. Hits carry General MIDI drum numbers; an open hat lasts until the next hat."""
    player = _Drummer(score, stream)
    for bar in score.bars:
        player.play(bar)
    return _choke(sorted(player.events), score.grid.end)


class _Drummer:
    """Draws the piece's patterns once, then plays them bar by bar."""

    def __init__(self, score: Score, stream: Stream) -> None:
        self.score, self.stream = score, stream
        self.events: list[Event] = []
        genre, meter = score.genre, score.grid.meter
        four = genre.kicks[0].startswith("X...X...")
        table = {"3/4": _WALTZ, "6/8": _SIX_EIGHT}.get(meter)
        kicks = genre.kicks if table is None else (("X...X...X...",) if four else table["kick"])
        snares = genre.snares if table is None else table["snare"]
        hats = genre.hats if table is None else table["hat"]
        self.kicks = (stream.choice(kicks), stream.choice(kicks))
        self.snares = (stream.choice(snares), stream.choice(snares))
        self.hat = stream.choice(hats)
        self.open = stream.choice(genre.open_hats)[: score.grid.steps]
        self.extra = [(midi, row[: score.grid.steps]) for midi, row in genre.percussion if stream.chance(0.7)]
        self.small = stream.choice(_SMALL_FILLS)
        self.large = stream.choice(_LARGE_FILLS)

    def play(self, bar: Bar) -> None:
        """One bar."""
        crashes = self.score.genre.kit not in ("dusty", "soft")
        if bar.opens and crashes and "drums" in bar.parts and bar.energy > 0.45:
            self._hit(bar, 0, CRASH, 84)
        if "drums" not in bar.parts:
            if bar.fill == "large":
                self._fill(bar, 12)
            return
        if bar.fill == "end":
            self._hit(bar, 0, KICK, 112)
            self._hit(bar, 0, CRASH, 92)
            return
        steps = self.score.grid.steps
        cut = {"small": steps - 4, "large": steps - 8, "build": steps}.get(bar.fill, steps)
        if self.score.genre.name == "ambient" and bar.fill:
            cut = steps
        sparse = bar.section == "break"
        variant = 1 if bar.phrase in (1, 3) else 0
        if not sparse:
            self._row(bar, KICK, self.kicks[variant], cut)
            self._row(bar, self.score.genre.backbeat, self.snares[variant], cut)
        self._hats(bar, cut)
        for midi, row in self.extra:
            if midi != RIDE or bar.section == "lift":
                self._row(bar, midi, row, steps, 0.75)
        if bar.fill == "build":
            self._build(bar)
        elif cut < steps:
            self._fill(bar, cut)

    def _hit(
        self, bar: Bar, step: int, midi: int, velocity: float, ticks: int = 0, length: int = STEP
    ) -> None:
        tick = bar.index * self.score.grid.bar + step * STEP + ticks
        loose = 0.0 if midi in (KICK, CRASH) and step == 0 else 1.0
        level = velocity * (0.86 + 0.22 * bar.energy)
        self.events.append(self.score.event(tick, length, midi, level, self.stream, loose))

    def _row(self, bar: Bar, midi: int, row: str, until: int, level: float = 1.0) -> None:
        busy = 1.0 + 0.4 * self.score.mood.density
        for step, mark in enumerate(row[:until]):
            if mark != "." and (mark not in _PLAYED or self.stream.chance(_PLAYED[mark] * busy)):
                self._hit(bar, step, midi, _VELOCITY[mark] * level)

    def _hats(self, bar: Bar, until: int) -> None:
        genre, stream = self.score.genre, self.stream
        lifted = bar.section == "lift" or (bar.energy > 0.62 and bar.section == "main")
        roll = stream.below(self.score.grid.steps // 2) * 2 if stream.chance(genre.rolls) else -1
        thin = self.score.mood.density < -0.5
        for step, mark in enumerate(self.hat[:until]):
            opened = lifted and self.open[step] != "."
            if opened:
                self._hit(bar, step, OPEN_HAT, _VELOCITY[self.open[step]] * 0.8, length=2 * STEP)
            elif step == roll:
                self._roll(bar, step)
            elif mark != "." and stream.chance(_PLAYED.get(mark, 1.0) * (0.5 if thin and step % 4 else 1.0)):
                self._hit(bar, step, genre.hat, _VELOCITY[mark] * (1.0 if step % 4 == 0 else 0.9))
        if self.score.mood.density > 0.3:
            self._row(bar, SHAKER, "o.o.o.o.o.o.o.o."[: self.score.grid.steps], until, 0.8)

    def _roll(self, bar: Bar, step: int) -> None:
        """Thirty-seconds or triplets over an eighth, getting louder or softer."""
        count = self.stream.choice((3, 4, 4, 6))
        rising = self.stream.chance(0.6)
        for i in range(count):
            part = i / count if rising else 1.0 - i / count
            self._hit(bar, step, CLOSED_HAT, 58 + 40 * part, TICKS // 2 * i // count, STEP // 2)

    def _fill(self, bar: Bar, cut: int) -> None:
        steps = self.score.grid.steps
        back = SNARE if self.score.genre.backbeat == CLAP else self.score.genre.backbeat
        if steps - cut <= 4:
            for step, mark in enumerate(self.small[-4:]):
                if mark != ".":
                    self._hit(bar, steps - 4 + step, back, _VELOCITY[mark] * 0.9)
            return
        self._hit(bar, cut, KICK, 100)
        for midi, row in self.large:
            for step, mark in enumerate(row[-8:]):
                if mark != ".":
                    self._hit(bar, steps - 8 + step, midi, _VELOCITY[mark] * 0.95)

    def _build(self, bar: Bar) -> None:
        """A roll that doubles its pace and grows: something is coming."""
        steps = self.score.grid.steps
        for step in range(steps):
            velocity = 40 + 70 * step / steps
            if (step < steps // 2 and step % 2 == 0) or step >= steps // 2:
                self._hit(bar, step, SNARE, velocity)


def _choke(events: list[Event], end: int) -> list[Event]:
    """End each open hat where the next hat of any kind begins."""
    hats = [event.tick for event in events if event.midi in (CLOSED_HAT, OPEN_HAT)]
    result = []
    for event in events:
        if event.midi == OPEN_HAT:
            following = min((tick for tick in hats if tick > event.tick), default=end)
            event = Event(event.tick, following - event.tick, event.midi, event.velocity, event.shift)
        result.append(event)
    return result
