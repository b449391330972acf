"""A scene as PNG, drawn by Pillow at twice its size and brought down, so that edges are smooth; huge ones are not.

Words are in the typeface that comes with Pillow, the same on every machine; one of the system's is asked for only where
a name has letters that this one lacks.
"""

import io
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beatflow.picture.colour import DARK, Theme, paint, parse_hex
from beatflow.picture.scene import Area, Image, Line, Rect, Scene, Shape, Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_FINER = 2
_MOST_FINE = 30_000_000
"""Pixels; a larger picture is drawn at its own size: twice that would take hundreds of megabytes."""
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
# Signs that the typeface lacks, and what stands for them.
_PLAIN = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "—": "-",
        "→": ">",
        "♯": "#",
        "♭": "b",
        "×": "x",
        "•": "·",
        "\N{NO-BREAK SPACE}": " ",
    }
)
_SYSTEM_FONTS = (
    "NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial Unicode.ttf", "segoeui.ttf",
    "Arial.ttf",
)  # fmt: skip


def write_png(scene: Scene, theme: Theme = DARK) -> bytes:
    """Return a PNG file."""
    from PIL import Image as images
    from PIL import ImageDraw

    finer = _FINER if scene.width * scene.height <= _MOST_FINE else 1
    wide, high = scene.width * finer, scene.height * finer
    picture = images.new("RGB", (wide, high), parse_hex(theme["paper"]))
    pen = ImageDraw.Draw(picture, "RGBA")
    for shape in scene.shapes:
        _draw(picture, pen, shape, theme, finer)
    if finer > 1:
        picture = picture.resize((scene.width, scene.height), images.Resampling.BOX)
    pen = ImageDraw.Draw(picture)
    for shape in scene.shapes:
        if isinstance(shape, Text):
            _write(pen, shape, theme)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode an RGB image as PNG (ISO/IEC 15948), eight bits per channel, no filter.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
    """
    rows, columns, _ = image.shape
    raw = np.zeros((rows, 1 + columns * 3), np.uint8)  # each row starts with its filter type, 0
    raw[:, 1:] = image.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def _draw(picture: "Picture", pen: "ImageDraw", shape: Shape, theme: Theme, finer: int) -> None:
    if isinstance(shape, Image):
        _paste(picture, shape, theme, finer)
    elif isinstance(shape, Rect):
        corners = [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height]
        left, top, right, bottom = (round(corner * finer) for corner in corners)
        fill = _fill(theme, shape.role, shape.opacity)
        box = (left, top, max(right - 1, left), max(bottom - 1, top))
        pen.rounded_rectangle(box, shape.radius * finer, fill=fill)
    elif isinstance(shape, (Line, Area)):
        points = [(x * finer, y * finer) for x, y in shape.points]
        fill = _fill(theme, shape.role, shape.opacity)
        if isinstance(shape, Area) and len(points) > 2:
            pen.polygon(points, fill=fill)
        elif isinstance(shape, Line) and len(points) > 1:
            pen.line(points, fill=fill, width=max(1, round(shape.width * finer)), joint="curve")


def _paste(picture: "Picture", shape: Image, theme: Theme, finer: int) -> None:
    from PIL import Image as images

    values = shape.values
    size = max(1, round(shape.width * finer)), max(1, round(shape.height * finer))
    if min(values.shape) == 0:
        return
    small = images.fromarray(np.ascontiguousarray(paint(values, theme.table(shape.map))))
    # Smooth where there is less than a value to a pixel, the mean of several where there are more.
    method = images.Resampling.BOX if small.width > size[0] else images.Resampling.BILINEAR
    picture.paste(small.resize(size, method), (round(shape.x * finer), round(shape.y * finer)))


def _write(pen: "ImageDraw", shape: Text, theme: Theme) -> None:
    text, font = _choose_font(shape.text, round(shape.size * 2) / 2)
    at = round(shape.x), round(shape.y)
    heavy = 0.3 if shape.bold else 0
    pen.text(
        at,
        text,
        fill=parse_hex(theme[shape.role]),
        font=font,
        anchor=_ANCHORS[shape.anchor],
        stroke_width=heavy,
    )


def _choose_font(text: str, size: float) -> "tuple[str, FreeTypeFont | ImageFont]":
    """Return a font that has the letters of a text, and the text as that font can write it."""
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    own = plain.translate(_PLAIN)
    if all(_has(letter) for letter in set(own)):
        return own, _own_font(size)
    system = _system_font(size)
    if system:
        return plain.encode("utf-8", "replace").decode(), system
    return "".join(letter if _has(letter) else "?" for letter in own), _own_font(size)


@cache
def _has(letter: str) -> bool:
    """Say whether Pillow's typeface has a letter: all that it has not look like one that nobody has."""
    font = _own_font(16)
    try:
        shapes = [bytes(font.getmask(one)) for one in (letter, "\uffff")]
    except UnicodeError:
        return False
    return letter == " " or shapes[0] != shapes[1]


@cache
def _own_font(size: float) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)


@cache
def _system_font(size: float) -> "FreeTypeFont | None":
    from PIL import ImageFont

    for name in _SYSTEM_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


def _fill(theme: Theme, role: str, opacity: float) -> tuple[int, int, int, int]:
    return (*parse_hex(theme[role]), round(255 * opacity))
