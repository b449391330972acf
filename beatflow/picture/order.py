"""What a picture is ordered with: kinds, format, size, theme, stretch, read from words and checked before any work."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import UsageError
from beatflow.picture.colour import DARK, THEMES, Theme
from beatflow.picture.embedding import FORMATS as AUDIO
from beatflow.picture.layout import WIDTH, Size
from beatflow.picture.tracing import KINDS, Stretch

USUAL = ("wave", "spectrum", "loudness")
FORMATS = ("png", "svg", "html")
_SUFFIXES = {".png": "png", ".svg": "svg", ".html": "html", ".htm": "html"}
_PIXELS, _COLUMNS = (200, 10_000), (24, 1000)
_LINES = (4, 1000)


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted.

    Parameters
    ----------
    kinds : tuple of str or None
        Of `tracing.KINDS`; None for what is usual.
    stems : bool
        The stems of the track as well.
    format : str or None
        ``png``, ``svg``, ``html``; None for the terminal.
    size : Size
        Of a file.
    columns, lines : int, int or None
        Of a terminal.
    chosen : Theme or None
        None for the reader's own.
    audio : str
        ``opus``, ``mp3`` or ``none``.
    stretch : Stretch
    """

    kinds: tuple[str, ...] | None
    stems: bool
    format: str | None
    size: Size
    columns: int
    lines: int | None
    chosen: Theme | None
    audio: str
    stretch: Stretch

    @property
    def theme(self) -> Theme:
        """The theme of what cannot follow the reader's."""
        return self.chosen or DARK


def read_order(
    kind: str | None,
    output: str | None,
    format: str | None,
    size: str | None,
    theme: str | None,
    audio: str,
    stretch: tuple[str | None, str | None],
    width: int,
) -> Order:
    """Read what is wanted.

    Raises
    ------
    UsageError
        A word is none of those that there are, or a size is out of range.
    """
    kinds, stems = _read_kinds(kind)
    if format is not None and output is None:
        raise UsageError("--format is of a file", hint="bf plot FILE -o - --format png")
    chosen = None if output is None else _choose_format(output, format)
    wide, high = _read_pixels(size) if chosen else _read_cells(size)
    return Order(
        kinds,
        stems,
        chosen,
        Size(wide or WIDTH, high),
        wide or max(_COLUMNS[0], min(width, _COLUMNS[1])),
        high,
        THEMES[_pick(theme, tuple(THEMES), "theme")] if theme else None,
        _pick(audio, AUDIO, "format of a sound in a page"),
        Stretch(*stretch),
    )


def _read_kinds(text: str | None) -> tuple[tuple[str, ...] | None, bool]:
    if text is None:
        return None, False
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        _pick(word, (*KINDS, "stems", "all"), "kind of picture")
    if not words:
        raise UsageError("--kind names nothing", hint=f"--kind {','.join(USUAL)}")
    stems = "stems" in words
    if "all" in words:
        return KINDS, stems
    kinds = tuple(dict.fromkeys(word for word in words if word != "stems"))
    # Stems alone are drawn below their mix.
    return (kinds or ("wave",)), stems


def _choose_format(output: str, format: str | None) -> str:
    if format is not None:
        return _pick(format, FORMATS, "format")
    if output == "-":
        return "png"
    suffix = Path(output).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if not suffix:
        raise UsageError(
            f"{output} does not say what it should be", hint="-o FILE.png, FILE.svg or FILE.html"
        )
    raise UsageError(
        f"no picture can be written as {suffix}",
        hint=f"-o FILE.png, FILE.svg or FILE.html; or --format {'|'.join(FORMATS)}",
    )


def _read_pixels(text: str | None) -> tuple[int | None, int | None]:
    return _read_size(text, (_PIXELS, "pixels wide"), (_PIXELS, "pixels high"), "1600x900")


def _read_cells(text: str | None) -> tuple[int | None, int | None]:
    return _read_size(text, (_COLUMNS, "columns wide"), (_LINES, "lines high"), "100x40")


def _read_size(
    text: str | None, across: tuple[tuple[int, int], str], down: tuple[tuple[int, int], str], example: str
) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", text.strip())
    if not match:
        raise UsageError(
            f"{text!r} is not a size", hint=f"--size {example.partition('x')[0]} or --size {example}"
        )
    wide, high = int(match[1]), int(match[2]) if match[2] else None
    for value, ((least, most), what) in ((wide, across), (high, down)):
        if value is not None and not least <= value <= most:
            raise UsageError(f"a picture is {least} to {most} {what}, not {value}", hint=f"--size {example}")
    return wide, high


def _pick(word: str, known: Sequence[str], what: str) -> str:
    """Return a word in small letters, or say which one was probably meant."""
    small = word.strip().lower()
    if small in known:
        return small
    near = difflib.get_close_matches(small, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"no {what} {word!r}", hint=hint)
