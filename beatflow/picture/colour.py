"""Colours: two themes, and colour maps that are as even to the eye as their figures are.

Maps run through OKLab (Ottosson 2020), in which equal distances look alike; each is cut into 256 colours at equal
distances, and gets lighter (or darker) all the way, so that it also reads in grey. Draws nothing.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]
Table = NDArray[np.uint8]
Array = NDArray[np.float64]

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip

# Lightness, chroma and hue (degrees) that a map runs through.
_STOPS = {
    "heat": ((0.13, 0.02, 280), (0.30, 0.13, 290), (0.47, 0.17, 345),
             (0.66, 0.175, 35), (0.83, 0.15, 75), (0.97, 0.07, 105)),
    "heat-light": ((0.985, 0.005, 95), (0.86, 0.09, 75), (0.72, 0.145, 45),
                   (0.55, 0.17, 10), (0.38, 0.14, 310), (0.20, 0.06, 285)),
    "tone": ((0.13, 0.02, 280), (0.32, 0.075, 245), (0.52, 0.09, 215),
             (0.72, 0.115, 178), (0.87, 0.12, 150), (0.97, 0.06, 120)),
    "tone-light": ((0.985, 0.004, 150), (0.86, 0.06, 165), (0.70, 0.09, 190),
                   (0.52, 0.09, 215), (0.36, 0.08, 245), (0.22, 0.05, 270)),
    "less": ((0.93, 0.08, 220), (0.66, 0.14, 240), (0.40, 0.12, 262), (0.16, 0.015, 280)),
    "more": ((0.16, 0.015, 280), (0.40, 0.13, 30), (0.66, 0.17, 45), (0.93, 0.09, 80)),
    "less-light": ((0.30, 0.11, 262), (0.50, 0.13, 245), (0.75, 0.08, 230), (0.985, 0.003, 95)),
    "more-light": ((0.985, 0.003, 95), (0.78, 0.10, 60), (0.56, 0.17, 35), (0.36, 0.13, 25)),
}  # fmt: skip
_DIVERGING = {"change": ("less", "more"), "change-light": ("less-light", "more-light")}

SERIES = ("wave", "second", "third", "fourth", "fifth", "sixth")
"""Roles of several sounds in one picture, in order."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What the roles of a picture's shapes look like, as ``#rrggbb``, and which variant of the maps goes with them."""

    name: str
    colours: dict[str, str]
    suffix: str

    def __getitem__(self, role: str) -> str:
        """Return a role's colour."""
        return self.colours[role]

    def table(self, name: str) -> Table:
        """Return a map's 256 colours."""
        return colour_map(name + self.suffix)


DARK = Theme(
    "dark",
    {
        "paper": "#12141a", "panel": "#1a1e27", "ink": "#e8eaf0", "dim": "#98a0b3", "line": "#2a303d",
        "wave": "#3fc7bb", "second": "#f0a04e", "third": "#a98ff0", "fourth": "#62c47f", "fifth": "#f0697c",
        "sixth": "#6ea8f5", "beat": "#98a0b3", "downbeat": "#f0b04e", "clip": "#ff5a6e",
    },
    "",
)  # fmt: skip
LIGHT = Theme(
    "light",
    {
        "paper": "#f6f5f2", "panel": "#ffffff", "ink": "#1d2330", "dim": "#626a7a", "line": "#e3e1db",
        "wave": "#0d8f86", "second": "#c8701a", "third": "#7657cf", "fourth": "#2f8a4b", "fifth": "#c93c50",
        "sixth": "#2f6fd0", "beat": "#8a94a8", "downbeat": "#b86e00", "clip": "#d1243c",
    },
    "-light",
)  # fmt: skip
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}
MAPS = (*(name for name in _STOPS if not name.startswith(("less", "more"))), *_DIVERGING)


@cache
def colour_map(name: str) -> Table:
    """Return a map as 256 colours, shape (256, 3)."""
    if name in _DIVERGING:
        low, high = (colour_map(half) for half in _DIVERGING[name])
        return np.concatenate([low[::2], high[1::2]])
    light, chroma, hue = np.array(_STOPS[name]).T
    angle = np.radians(np.unwrap(hue, period=360))
    fine = np.linspace(0, len(light) - 1, 2000)
    at = np.arange(len(light))
    # Straight through OKLab between the stops, then cut again at equal distances.
    path = np.stack(
        [np.interp(fine, at, row) for row in (light, chroma * np.cos(angle), chroma * np.sin(angle))], axis=1
    )
    # Without its corners, which the eye takes for edges. Mirrored beyond the ends, these stay where they are.
    reach = len(fine) // 14
    padded = np.concatenate([2 * path[0] - path[reach:0:-1], path, 2 * path[-1] - path[-2 : -2 - reach : -1]])
    total = np.cumsum(np.concatenate([np.zeros((1, 3)), padded]), axis=0)
    path = (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)
    colours = from_oklab(path)
    # What a screen cannot show is clipped: distances are taken along what it does show.
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(to_oklab(colours), axis=0), axis=1))])
    even = np.linspace(0, along[-1], 256)
    table = np.stack([np.interp(even, along, colours[:, channel]) for channel in range(3)], axis=1)
    return np.asarray(np.round(table * 255), np.uint8)


def paint(shades: NDArray[np.floating], table: Table) -> NDArray[np.uint8]:
    """Colour values of 0 to 1; adds a last axis of three."""
    return table[np.asarray(np.clip(np.nan_to_num(shades), 0, 1) * 255 + 0.5, np.intp)]


def parse_hex(text: str) -> Rgb:
    """Read ``#rrggbb``."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def to_oklab(rgb: Array) -> Array:
    """Convert sRGB of 0 to 1, last axis of three, to OKLab."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def from_oklab(lab: Array) -> Array:
    """Convert OKLab to sRGB, clipped to 0 to 1."""
    lms = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(lms @ np.linalg.inv(_TO_LMS).T, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))
