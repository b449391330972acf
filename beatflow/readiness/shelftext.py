"""Weights in a line each: rows of ``bf models list``, progress of a pull. Pure text; knows no terminal."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from beatflow.columns import pad
from beatflow.readiness.shelfview import Shelved
from beatflow.wording import format_size

TITLES = {
    "generate": "words to music",
    "accompany": "melody to music",
    "separate": "mix to stems",
    None: "your own",
}
_WINDOW_S = 5.0


def format_rows(rows: Sequence[Shelved], style: Callable[[str, str], str]) -> Iterator[str]:
    """Write the rows in columns, a block per task with the columns' names over it; 79 columns wide."""
    figures = ("licence", "size", "memory", "state", "speed")
    cells = {row.name: _cells(row) for row in rows}
    width = max([len(name) for name in cells] + [len(title) for title in TITLES.values()])
    widths = [
        max(len(figures[at]), *(len(line[at]) for line in cells.values())) for at in range(len(figures))
    ]
    first = True
    for task, title in TITLES.items():
        block = [row for row in rows if row.task == task]
        if not block:
            continue
        if not first:
            yield ""
        first = False
        yield style(_line(title, figures, width, widths), "heading")
        for row in block:
            line = _line(row.name, cells[row.name], width, widths)
            yield style(line, "dim") if row.state == "too large" else line


def _cells(row: Shelved) -> tuple[str, ...]:
    speed = "–" if row.speed is None else format_speed(row.speed.real_time_factor)
    memory = "–" if row.memory_bytes is None else format_size(row.memory_bytes)
    return row.licence or "–", format_size(row.size_bytes), memory, row.state, speed


def _line(name: str, cells: Sequence[str], width: int, widths: Sequence[int]) -> str:
    licence, size, memory, state, speed = (
        cell.rjust(room) if at in (1, 2, 4) else pad(cell, room)
        for at, (cell, room) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([pad(name, width), licence, size, memory, state, speed]).rstrip()


def format_speed(factor: float) -> str:
    """Write a real-time factor: ``0.42x``, ``3.1x``, ``120x``."""
    digits = 2 if factor < 1 else 1 if factor < 10 else 0
    return f"{factor:.{digits}f}x"


class Rate:
    """Bytes a second over the last seconds, from the clock that it is given."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque()

    def __call__(self, done: int) -> float | None:
        """Tell how many bytes are done by now; the rate, or None before there is one."""
        now = self._clock()
        self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[0][0] < now - _WINDOW_S:
            self._marks.popleft()
        then, before = self._marks[0]
        return (done - before) / (now - then) if now > then else None


def format_transfer(name: str, done: int, total: int, rate: float | None) -> str:
    """Write how far a pull is: ``musicgen-small 1.2 GB of 2.3 GB, 45 MB/s``."""
    pace = f", {format_size(rate)}/s" if rate else ""
    return f"{name} {format_size(done)} of {format_size(total)}{pace}"
