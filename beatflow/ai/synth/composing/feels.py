"""Drum grammars in meters of three: how each feel is played in 3/4 and in 6/8. Patterns, no players."""

from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.genres.genre import Genre, Patterns, Rows

_Table = Mapping[str, Mapping[str, Patterns]]
_WALTZ: _Table = {
    "backbeat": {
        "kick": ("X.....o.....", "X.......x...", "X.........o."),
        "snare": ("....o...X..g", "....o...X...", "........X..."),
        "hat": ("x.o.x.o.x.o.", "x.oox.oox.oo", "x...x.o.x.o."),
    },
    "four": {
        "kick": ("X...X...X...",), "snare": ("........X...", "........X..g"),
        "hat": ("..x...x...x.", "o.xoo.xoo.xo"),
    },
    "half": {
        "kick": ("X.......x...", "X.....o.....", "X..x......x."), "snare": ("....X.......", "....X......g"),
        "hat": ("x.x.x.x.x.x.", "x.xxx.x.x.xx", "x..x..x.x.x."),
    },
    "broken": {
        "kick": ("X.....x.....", "X.........x.", "X..x........"), "snare": ("....X..g..X.", "....X..g.g..",
            "........X..g"),
        "hat": ("x.x.x.x.x.x.", "x.xox.xox.xo"),
    },
    "swing": {
        "kick": ("o...o...o...",), "snare": (".......g....", "......g...g.", "..g........."),
        "hat": ("x...X.x.X...", "x...X...X.x.", "x...X.x.X.x."),
    },
    "latin": {
        "kick": ("x.....o.x...", "x.......o..."), "snare": ("x.....x...x.", "x...x.....x."),
        "hat": ("o.o.o.o.o.o.", "ooxoooxoooxo"),
    },
    "tresillo": {
        "kick": ("X...X...X...", "X.....x.x..."), "snare": ("...x..x...x.", "......x...x."),
        "hat": ("x.x.x.x.x.x.", "x.oxx.oxx.ox"),
    },
    "still": {
        "kick": ("x...........", "X.......x..."), "snare": ("............", "........o..."),
        "hat": ("............", "....o...o...", "..g...g...g."),
    },
}  # fmt: skip
_SIX_EIGHT: _Table = {
    "backbeat": {
        "kick": ("X.......x...", "X...o.......", "X..........o"),
        "snare": ("......X.....", "......X...g.", "......X....g"),
        "hat": ("x.o.o.x.o.o.", "xoo.ooxoo.oo", "x.o.oox.o.oo"),
    },
    "four": {
        "kick": ("X.....X.....",), "snare": ("......X.....", "......X...g."),
        "hat": ("..x.x...x.x.", "o.x.x.o.x.x."),
    },
    "half": {
        "kick": ("X...........", "X.........o."), "snare": ("......X.....", "......X...g."),
        "hat": ("x.x.x.x.x.x.", "x.xxx.x.x.xx"),
    },
    "broken": {
        "kick": ("X...x.......", "X.......x...", "X...x....o.."), "snare": ("......X..g.g", "......X.g..."),
        "hat": ("x.o.o.x.o.o.", "xooxooxooxoo"),
    },
    "swing": {
        "kick": ("o.....o.....",), "snare": ("....g.......", "........g.g.", "..g....g...."),
        "hat": ("x...x.X...x.", "x.o.x.X.o.x.", "x...x.x...x."),
    },
    "latin": {
        "kick": ("x.....x.....", "x...o.x...o."), "snare": ("x.....x..x..", "x...x...x..."),
        "hat": ("o.o.o.o.o.o.", "x.o.o.x.o.o."),
    },
    "tresillo": {
        "kick": ("X.....X.....", "X.....X...x."), "snare": ("...x..x..x..", "...x.....x.."),
        "hat": ("x.o.o.x.o.o.", "xooxooxooxoo"),
    },
    "still": {
        "kick": ("x...........", "X.....x....."), "snare": ("............", "......o....."),
        "hat": ("............", "..o.o...o.o.", "..g...g....."),
    },
}  # fmt: skip
_BELLS = frozenset((
    drum.CLAVES, drum.AGOGO_HIGH, drum.COWBELL, drum.WOODBLOCK_HIGH, drum.TIMBALE_HIGH,
))  # fmt: skip
_SKINS = frozenset((drum.CONGA, drum.TUMBA, drum.BONGO_LOW))
_BACKBEATS = frozenset((drum.CLAP, drum.SNARE, drum.SNAP, drum.TAMBOURINE, drum.PEDAL_HAT))


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a genre's drummer plays in a meter."""

    kicks: Patterns
    snares: Patterns
    hats: Patterns
    open_hats: Patterns
    percussion: Rows
    lifts: Rows


def grammar_of(genre: Genre, meter: str) -> Grammar:
    """A genre's patterns in a meter: its own in 4/4, its feel's in 3/4 and 6/8."""
    if meter == "4/4":
        return Grammar(genre.kicks, genre.snares, genre.hats, genre.open_hats, genre.percussion, genre.lifts)
    table = (_WALTZ if meter == "3/4" else _SIX_EIGHT)[genre.feel]
    quiet = ("............",)
    open_hats = quiet if all(not row.strip(".") for row in genre.open_hats) else (*quiet, "..........o.")
    return Grammar(
        table["kick"], table["snare"] if any(row.strip(".") for row in genre.snares) else quiet, table["hat"],
        open_hats, carry_rows(genre.percussion, meter), carry_rows(genre.lifts, meter),
    )  # fmt: skip


def carry_rows(rows: Rows, meter: str) -> Rows:
    """Rows of other drums in a meter."""
    if meter == "4/4":
        return rows
    return tuple((midi, _carry(midi, row, meter)) for midi, row in rows)


def _carry(midi: int, row: str, meter: str) -> str:
    busy = sum(mark != "." for mark in row[:16]) >= 8
    if meter == "3/4":
        # What marks two and four marks three.
        return "........x..." if midi in _BACKBEATS and not busy else row[:12]
    if midi in _BELLS:
        return "x.x.xx.x.x.x"  # the bell of the African six
    if midi in _SKINS:
        return "....oo....oo"
    if midi in _BACKBEATS and not busy:
        return "......x....."
    return (
        "x.o.o.x.o.o."
        if busy
        else "".join(row[i] if row[i] != "." and i % 2 == 0 else "." for i in range(12))
    )
