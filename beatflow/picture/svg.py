"""A scene as SVG, alone or as part of a page: the same scene gives the same bytes.

With no theme it follows the reader's, light or dark; only colour maps, which are pictures in it, stay dark.
"""

from base64 import b64encode
from html import escape

from beatflow.picture.colour import DARK, LIGHT, Theme, paint
from beatflow.picture.png import encode_png
from beatflow.picture.scene import Area, Image, Rect, Scene, Shape, Text

_CONTROL = dict.fromkeys((*range(32), 65534, 65535), "�")
FONT = 'system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif'


def write_svg(scene: Scene, theme: Theme | None = None) -> bytes:
    """Return a whole SVG file; a theme of None follows the reader's."""
    body = draw_svg(scene, theme, f"<style>{write_colours(theme)}svg text{{font-family:{FONT}}}</style>")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + body + "\n").encode()


def write_colours(theme: Theme | None) -> str:
    """Return the roles as CSS variables, dark ones where the reader likes it dark if there is no theme."""
    if theme:
        return f":root{{{_list(theme)}}}"
    return f":root{{{_list(LIGHT)}}}@media (prefers-color-scheme:dark){{:root{{{_list(DARK)}}}}}"


def draw_svg(scene: Scene, theme: Theme | None, style: str = "", extra: str = "") -> str:
    """Return a scene as an ``svg`` element, whose colours are variables; ``extra`` lies on top."""
    shapes = "\n".join(_draw(shape, theme or DARK) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {scene.width} {scene.height}" width="{scene.width}" '
        f'height="{scene.height}" role="img" aria-label="{write_text(scene.title)}">{style}\n{shapes}{extra}</svg>'
    )


def write_text(text: str) -> str:
    """Return text as XML may hold it: a name that is not Unicode, or has control characters, is shown without."""
    plain = text.translate(_CONTROL).encode("utf-8", "replace").decode()
    return escape(plain)


def _draw(shape: Shape, theme: Theme) -> str:
    if isinstance(shape, Text):
        bold = ' font-weight="600"' if shape.bold else ""
        anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
        return (
            f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}"{anchor}{bold} '
            f'fill="var(--{shape.role})">{write_text(shape.text)}</text>'
        )
    if isinstance(shape, Rect):
        round_ = f' rx="{shape.radius:g}"' if shape.radius else ""
        return (
            f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"{round_} '
            f'fill="var(--{shape.role})"{_opacity(shape.opacity)}/>'
        )
    if isinstance(shape, Image):
        data = b64encode(encode_png(paint(shape.values, theme.table(shape.map)))).decode()
        return (
            f'<image x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
            f'preserveAspectRatio="none" href="data:image/png;base64,{data}"/>'
        )
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
    if isinstance(shape, Area):
        return f'<polygon points="{points}" fill="var(--{shape.role})"{_opacity(shape.opacity)}/>'
    return (
        f'<polyline points="{points}" fill="none" stroke="var(--{shape.role})" stroke-width="{shape.width:g}" '
        f'stroke-linejoin="round"{_opacity(shape.opacity)}/>'
    )


def _opacity(value: float) -> str:
    return "" if value == 1.0 else f' opacity="{value:g}"'


def _list(theme: Theme) -> str:
    return "".join(f"--{role}:{colour};" for role, colour in theme.colours.items())
