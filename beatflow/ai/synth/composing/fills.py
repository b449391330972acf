"""What leads from one phrase into the next, by kind of drummer: rows of a bar's last quarter or half. No players.

Rows end at the bar line: their last mark is the bar's last sixteenth.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.genres.genre import Rows


@dataclass(frozen=True, slots=True)
class Fills:
    """Small ones (four sixteenths) on the backbeat's drum or, as rows, on others; large ones of eight."""

    small: tuple[Rows, ...]
    large: tuple[Rows, ...]


BACK = 0
"""Stands for the genre's own backbeat drum."""

FILLS: Mapping[str, Fills] = {
    "kit": Fills(
        (((BACK, "x.xX"),), ((BACK, "oxxX"),), ((BACK, "..xx"),), ((BACK, "X.oX"),), ((BACK, "xxoX"),)),
        (
            ((drum.SNARE, "..x.xxXX"), (drum.LOW_TOM, "......o.")),
            ((drum.HIGH_TOM, "X.x....."), (drum.MID_TOM, "..x.x..."), (drum.LOW_TOM, "....X.XX")),
            ((drum.SNARE, "x..x..xX"), (drum.MID_TOM, ".o...o..")),
            ((drum.SNARE, "ooxxxxXX"),),
        ),
    ),
    "toms": Fills(
        (((drum.HIGH_TOM, "xx.."), (drum.LOW_TOM, "..xX")), ((drum.SNARE, "x.xX"),), ((drum.MID_TOM, "x.x."),
        (drum.FLOOR_TOM, ".x.X"))),
        (
            ((drum.SNARE, "Xxxx...."), (drum.HIGH_TOM, "....xx.."), (drum.FLOOR_TOM, "......xX")),
            ((drum.TOP_TOM, "Xx......"), (drum.HIGH_TOM, "..xx...."), (drum.MID_TOM, "....xx.."), (drum.FLOOR_TOM,
            "......XX")),
            ((drum.SNARE, "X..X..X."), (drum.FLOOR_TOM, ".xx.xx.X")),
            ((drum.HIGH_TOM, "x.x.x..."), (drum.FLOOR_TOM, "...x.xxX"), (drum.SNARE, "X.......")),
        ),
    ),
    "snare": Fills(
        (((drum.SNARE, "oxxX"),), ((drum.SNARE, "o.xx"),)),
        (((drum.SNARE, "ooooxxXX"),), ((drum.SNARE, "x.x.xxXX"), (drum.CLAP, "x...x..."))),
    ),
    "claps": Fills(
        (((BACK, "..xx"),), ((BACK, "x..x"),), ((drum.OPEN_HAT, "..x."), (BACK, "...x"))),
        (
            ((BACK, "x..x..xx"),), ((drum.SNARE, "..o.x.xx"), (BACK, "x...x...")),
            ((drum.MID_TOM, "x..x...."), (drum.LOW_TOM, "......x."), (BACK, "....x..x")), ((drum.SNARE, "ooooxxxX"),),
        ),
    ),
    "rolls": Fills(
        (((BACK, "...x"),), ((BACK, "..xx"),), ((drum.RIM, "x.xx"),)),
        (((BACK, "x.....xx"),), ((BACK, "x..x..x."), (drum.RIM, ".x..x..x")), ((drum.SNARE, "x...xxXX"),)),
    ),
    "breaks": Fills(
        (((drum.SNARE, "gxxX"),), ((drum.SNARE, "x..X"), (drum.KICK, ".xx.")), ((drum.SNARE, "..xX"),)),
        (
            ((drum.SNARE, "X.gxX.xX"), (drum.KICK, ".x....x.")), ((drum.SNARE, "x.xxx.xx"), (drum.KICK, "...x.x..")),
            ((drum.SNARE, "xgxgxxXX"),), ((drum.SNARE, "X..X..XX"), (drum.KICK, ".xx.xx..")),
        ),
    ),
    "brushes": Fills(
        (((drum.SNARE, "g.og"),), ((drum.SNARE, "..oo"),), ((drum.RIM, "..o."), (drum.KICK, "...o"))),
        (
            ((drum.SNARE, "o..o..ox"), (drum.KICK, "..o..o..")), ((drum.SNARE, "g.o.o.xx"), (drum.LOW_TOM, "......o.")),
            ((drum.SNARE, "x...o.o."), (drum.HIGH_TOM, "..o....."), (drum.LOW_TOM, ".......x")),
        ),
    ),
    "taiko": Fills(
        (((drum.LOW_TOM, "xxxX"),), ((drum.MID_TOM, "x.x."), (drum.LOW_TOM, ".x.X"))),
        (
            ((drum.LOW_TOM, "XxxxXxXX"), (drum.KICK, "X...X.XX")),
            ((drum.HIGH_TOM, "xxx....."), (drum.MID_TOM, "...xxx.."), (drum.LOW_TOM, "......XX"), (drum.KICK,
            ".......X")),
            ((drum.SNARE, "ooxxxxXX"), (drum.LOW_TOM, "X...X...")),
        ),
    ),
    "timbales": Fills(
        (((drum.TIMBALE_HIGH, "x.xX"),), ((drum.TIMBALE_LOW, "xx.."), (drum.TIMBALE_HIGH, "..xX")), ((drum.SNARE,
        ".xxX"),)),
        (
            ((drum.TIMBALE_HIGH, "X..X..xx"), (drum.TIMBALE_LOW, ".xx.xx..")),
            ((drum.SNARE, "x..x..x."), (drum.TIMBALE_HIGH, "....xxXX")),
            ((drum.CONGA, "xx.xx.xx"), (drum.TUMBA, "..x..x.."), (drum.TIMBALE_HIGH, ".......X")),
        ),
    ),
    "none": Fills((), ()),
}  # fmt: skip
