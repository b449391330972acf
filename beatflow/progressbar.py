"""The bar that shows on a terminal how far something is; it appears only once that takes a while.

The one place that loads rich, which takes as long as all of a quick command.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_S = 0.3


class ProgressBar:
    """A fraction and some words, shown from `PATIENCE_S` after its beginning on.

    Parameters
    ----------
    file : TextIO
        The terminal.
    color : bool
    what : str
        What is being done, at the beginning.
    """

    def __init__(self, file: TextIO, color: bool, what: str) -> None:
        self._file = file
        self._color = color
        self._latest = 0.0, what
        self._shown: tuple[Progress, TaskID] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="beatflow-bar", daemon=True)

    def show(self, fraction: float, what: str) -> None:
        """Say that this fraction (0..1) is done, and what is being done."""
        self._latest = fraction, what
        if self._shown:
            bar, task = self._shown
            bar.update(task, completed=fraction, description=what)

    def begin(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def end(self) -> None:
        """Take the bar off the terminal, if it ever was there."""
        self._over.set()
        self._thread.join()
        if self._shown:
            self._shown[0].stop()

    def _wait(self) -> None:
        if self._over.wait(PATIENCE_S):
            return
        from rich import progress
        from rich.console import Console

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
        )
        console = Console(file=self._file, no_color=not self._color)
        bar = progress.Progress(*columns, console=console, transient=True)
        task = bar.add_task("", total=1.0)
        if not self._over.is_set():
            self._shown = bar, task
            self.show(*self._latest)
            bar.start()


@contextmanager
def open_bar(file: TextIO, color: bool, what: str) -> Iterator[ProgressBar]:
    """Give a bar that ends with the ``with`` block."""
    bar = ProgressBar(file, color, what)
    bar.begin()
    try:
        yield bar
    finally:
        bar.end()
