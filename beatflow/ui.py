"""The only module that prints: data to stdout, talk to stderr, colour, tables, progress, pager, editor.

Knows nothing of sound or history. It reads no environment: what the terminal may show comes in as `Look`.
A progress bar on a terminal is of `progressbar.py`.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple, TextIO, cast

from beatflow.columns import cell_width, pad, safe, safe_line
from beatflow.errors import UsageError
from beatflow.interruption import check_interrupted

if TYPE_CHECKING:
    import subprocess

SGR = {
    "oid": "33", "branch": "1;32", "remote": "1;31", "tag": "1;33", "head": "1;36",
    "added": "32", "removed": "31", "changed": "36", "conflict": "1;31",
    "error": "1;31", "warning": "1;33", "hint": "36", "heading": "1", "dim": "2", "strong": "1",
}  # fmt: skip
LANES = ("31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96")
_ASCII_DRAWING = str.maketrans(
    {
        **dict.fromkeys("│┃╎", "|"), **dict.fromkeys("─━╌", "-"), **dict.fromkeys("├┤┼┬┴╭╮╰╯┌┐└┘", "+"),
        **dict.fromkeys("●◉◆", "*"), "○": "o", "…": "...", "→": "->", "×": "x", "·": ".", "–": "-", "—": "-", "−": "-",
    }
)  # fmt: skip


PIPE_BYTES = 1 << 20


class Look(NamedTuple):
    """How to show things: color auto, always or never; progress auto, json or none; None for no program."""

    color: str = "auto"
    progress: str = "auto"
    quiet: bool = False
    pager: str | None = None
    editor: str | None = None


def plain_json(value: Any) -> Any:
    """Make a value fit for JSON: values with fields to objects, paths to text, numpy to Python, NaN to null."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain_json(value._asdict())
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        from dataclasses import asdict  # whoever has such a value has loaded it

        return plain_json(asdict(value))
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, PurePath):
        return value.as_posix()
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    if isinstance(value, Iterable):
        items = [plain_json(item) for item in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Flow(NamedTuple):
    """How far a transfer is, in bytes: what has moved, of how much (None: nobody knows), how many a second."""

    done: float
    total: float | None
    per_s: float | None

    def __str__(self) -> str:
        of = f" of {_format_bytes(self.total)}" if self.total else ""
        pace = f", {_format_bytes(self.per_s)}/s" if self.per_s else ""
        return f"{_format_bytes(self.done)}{of}{pace}"


Show = Callable[[float, str, float | None, Flow | None], None]
"""Shows a fraction, what is being done, the seconds left and, of a transfer, its bytes."""


class Progress:
    """Tells how far a task is; callable like an engine's ``progress``."""

    def __init__(self, show: Show, what: str, total: float | None) -> None:
        self._show = show
        self._what = what
        self._total = total
        self._done = 0.0
        self._start = time.monotonic(), 0.0
        self._moving = False
        self._flowing = False

    def __call__(self, fraction: float, what: str = "") -> None:
        """Say that this fraction (0..1) is done, and what is being done; interrupts where that was wanted."""
        check_interrupted()
        self._what = what or self._what
        fraction = min(max(fraction, 0.0), 1.0)
        self._show(fraction, self._what, self._estimate(fraction), self._flow())

    update = __call__

    def _estimate(self, fraction: float) -> float | None:
        """How many seconds are left; None where that would be a guess."""
        now = time.monotonic()
        if fraction and not self._moving:
            self._moving = True
            # What took long until the first few per cent was loading, and tells nothing about the pace.
            self._start = (now, fraction) if fraction < 0.1 else self._start
        began, done = self._start
        # Below 1 % the estimate is noise.
        return (now - began) * (1 - fraction) / (fraction - done) if fraction - done >= 0.01 else None

    def begin(self, what: str, total_bytes: float | None = None) -> None:
        """Say that another step begins, from nothing, and how many bytes it moves where that is known."""
        self._total, self._done = total_bytes, 0.0
        self._start = time.monotonic(), 0.0
        self._moving, self._flowing = False, total_bytes is not None
        self(0.0, what)

    def _flow(self) -> Flow | None:
        if not self._flowing:
            return None
        passed_s = time.monotonic() - self._start[0]
        # What moved in the first instants is no pace.
        return Flow(self._done, self._total, self._done / passed_s if passed_s > 0.5 else None)

    def advance(self, amount: float = 1.0, what: str = "") -> None:
        """Say that this much more of ``total`` is done."""
        self._done += amount
        self(self._done / self._total if self._total else 0.0, what)


class Ui:
    """The terminal, or whatever stands in for it."""

    def __init__(self, look: Look | None = None) -> None:
        self.look = look or Look()
        self._out: TextIO = sys.stdout
        self._err: TextIO = sys.stderr

    # Data: standard output.

    def emit(self, text: str = "", end: str = "\n") -> None:
        """Write one line of data to standard output."""
        _write(self._out, text + end)

    def emit_bytes(self, chunks: Iterable[bytes]) -> None:
        """Write raw bytes to standard output."""
        with self.open_pipe() as out:
            for chunk in chunks:
                out.write(chunk)

    @contextmanager
    def open_pipe(self) -> Iterator[BinaryIO]:
        """Give standard output as a binary file with a large buffer.

        Some readers (sox) take the first piece that comes out of a pipe for the whole header, so it must not be small.
        """
        self._out.flush()
        try:
            descriptor = os.dup(self._out.fileno())
        except (OSError, AttributeError):
            yield self._out.buffer
            self._out.buffer.flush()
        else:
            with os.fdopen(descriptor, "wb", buffering=PIPE_BYTES) as out:
                yield out

    def emit_event(self, document: Mapping[str, object]) -> None:
        """Write one event as a line of JSON, at once."""
        import json

        self.emit(json.dumps(plain_json(document), ensure_ascii=True, allow_nan=False))
        self._out.flush()

    def emit_json(self, schema: str, document: object) -> None:
        """Write one JSON document, with ``"schema": "beatflow.NAME/N"`` first."""
        import json

        body = plain_json(document)
        text = json.dumps({"schema": schema, **body}, ensure_ascii=False, indent=2, allow_nan=False)
        # A name that is not Unicode arrives as lone surrogates, which UTF-8 cannot carry; JSON has \udcXX.
        _write_bytes(self._out, text.encode("utf-8", "backslashreplace") + b"\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        styles: Mapping[str, str] | None = None,
    ) -> None:
        """Write aligned columns; numbers to the right. ``styles`` names a style per column."""
        grid = [["–" if cell is None else safe_line(str(cell)) for cell in row] for row in rows]
        typed = [
            all(re.fullmatch(r"[-+]?[\d.,]+( ?[%a-zA-Z]+)?|–", row[i]) for row in grid)
            for i in range(len(columns))
        ]
        widths = [max(cell_width(line[i]) for line in [list(columns), *grid]) for i in range(len(columns))]

        def line(cells: Sequence[str], style_of: Callable[[int], str | None]) -> str:
            parts = []
            for i, cell in enumerate(cells):
                padded = cell.rjust(widths[i]) if typed[i] else pad(cell, widths[i])
                padded = padded.rstrip() if i == len(cells) - 1 else padded
                name = style_of(i)
                parts.append(self.style(padded, name) if name else padded)
            return "  ".join(parts).rstrip()

        if any(columns):
            self.emit(line(list(columns), lambda _: "heading"))
        names = styles or {}
        for row in grid:
            self.emit(line(row, lambda i: names.get(columns[i])))

    def style(self, text: str, name: str | int) -> str:
        """Colour text for standard output; ``name`` is a key of `SGR`, or the number of a graph's lane."""
        return _paint(text, name) if self.color else text

    @property
    def color(self) -> bool:
        """Whether standard output gets colour."""
        return self._wants_color(self._out)

    @property
    def terminal(self) -> bool:
        """Whether standard output is a terminal."""
        return _isatty(self._out)

    @property
    def unicode(self) -> bool:
        """Whether standard output can carry box-drawing characters."""
        try:
            "│╮●".encode(self._out.encoding or "utf-8")
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 when there is none."""
        import shutil

        return shutil.get_terminal_size((80, 24)).columns

    # Talk: standard error.

    def say(self, text: str) -> None:
        """Tell the user something, unless ``--quiet``."""
        if self.look.quiet:
            return
        if self.look.progress == "json":
            self._event({"event": "message", "message": text})
        else:
            self._talk(text)

    def warn(self, text: str, hint: str | None = None) -> None:
        """Warn, even when quiet."""
        if self.look.progress == "json":
            self._event({"event": "warning", "message": text, "hint": hint})
        else:
            self._labelled("warning", text, hint)

    def error(self, message: str, hint: str | None = None, label: str = "error", exit_code: int = 1) -> None:
        """Report what went wrong and the way out."""
        if self.look.progress == "json":
            self._event({"event": label, "message": message, "hint": hint, "exit_code": exit_code})
        else:
            self._labelled(label, message, hint)

    def _labelled(self, label: str, text: str, hint: str | None) -> None:
        self._talk(
            f"{self._paint_talk(label + ':', 'warning' if label == 'warning' else 'error')} {safe(text)}"
        )
        if hint:
            self._talk(f"{self._paint_talk('hint:', 'hint')} {safe(hint)}")

    def _talk(self, text: str) -> None:
        # Data first, so that both keep their order; if it cannot be written, the last flush says so.
        with suppress(OSError):
            self._out.flush()
        # Nobody listening to the talk is no reason to stop the work.
        with suppress(OSError):
            _write(self._err, text + "\n")
            self._err.flush()

    def _paint_talk(self, text: str, name: str) -> str:
        return _paint(text, name) if self._wants_color(self._err) else text

    def _event(self, event: Mapping[str, object]) -> None:
        import json

        with suppress(BrokenPipeError):
            line = (
                json.dumps(plain_json(event), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
            )
            _write_bytes(self._err, line)
            self._err.flush()

    def _wants_color(self, stream: TextIO) -> bool:
        return self.look.color == "always" or (self.look.color == "auto" and _isatty(stream))

    @contextmanager
    def progress(self, what: str, total: float | None = None) -> Iterator[Progress]:
        """Show how a task goes: a bar on a terminal, NDJSON with ``--progress=json``, otherwise nothing."""
        if self.look.progress == "json":
            yield Progress(self._json_events(), what, total)
        elif self.look.progress == "auto" and not self.look.quiet and _isatty(self._err):
            with self._bar(what) as show:
                yield Progress(show, what, total)
        else:
            yield Progress(lambda *_: None, what, total)

    def _json_events(self) -> Show:
        last_s = -float("inf")
        last_what = None

        def show(fraction: float, what: str, eta_s: float | None, flow: Flow | None) -> None:
            nonlocal last_s, last_what
            now_s = time.monotonic()
            # Ten events a second are enough for any reader; a new step and the end are never dropped.
            if now_s - last_s >= 0.1 or what != last_what or fraction >= 1.0:
                last_s, last_what = now_s, what
                eta_s = None if eta_s is None else round(eta_s, 1)
                event = {"event": "progress", "fraction": round(fraction, 4), "what": what, "eta_s": eta_s}
                if flow:
                    per_s = None if flow.per_s is None else round(flow.per_s)
                    event |= {"bytes": flow.done, "total_bytes": flow.total, "bytes_per_s": per_s}
                self._event(event)

        return show

    @contextmanager
    def _bar(self, what: str) -> Iterator[Show]:
        from beatflow.progressbar import open_bar

        with open_bar(self._err, self._wants_color(self._err), safe(what)) as bar:

            def show(fraction: float, what: str, eta_s: float | None, flow: Flow | None) -> None:
                bar.show(fraction, safe(f"{what} {flow}" if flow else what))

            yield show

    @contextmanager
    def live_line(self) -> Iterator[Callable[[str, Mapping[str, object]], None]]:
        """Give what shows a line that is written anew each time: on a terminal, or as NDJSON with ``--progress=json``.

        It takes the line, and its facts for JSON.
        """
        if self.look.progress == "json":
            yield lambda _, facts: self._event({"event": "position", **facts})
        elif self.look.progress == "auto" and not self.look.quiet and _isatty(self._err):
            self._out.flush()
            try:
                yield lambda line, _: self._overwrite(safe_line(line)[: self.width - 1])
            finally:
                self._overwrite("")
        else:
            yield lambda _, __: None

    def _overwrite(self, line: str) -> None:
        with suppress(OSError):
            _write(self._err, f"\r\x1b[K{line}")
            self._err.flush()

    def check_output(self) -> None:
        """Refuse to write sound to standard output when it is a terminal.

        Raises
        ------
        UsageError
            It is a terminal.
        """
        if self.terminal:
            raise UsageError("sound would fill the terminal", hint="pipe it on, or give -o FILE")

    def read_input(self) -> BinaryIO:
        """Standard input as bytes, for an argument that is ``-``.

        Raises
        ------
        UsageError
            It is a terminal: nobody types sound.
        """
        if _isatty(sys.stdin):
            raise UsageError("nothing is piped in", hint="bf generate lofi -o - | bf analyze -")
        return sys.stdin.buffer

    # A person at a terminal.

    @contextmanager
    def pager(self) -> Iterator[None]:
        """Send what is emitted inside through the pager, when standard output is a terminal."""
        if not (self.look.pager and self.terminal):
            yield
            return
        import subprocess

        out = self._out
        with subprocess.Popen(_split(self.look.pager), stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            self._out = cast(TextIO, _Piped(process.stdin, out))
            # Leaving the pager early is how people stop reading; it is not an error.
            with suppress(BrokenPipeError):
                try:
                    yield
                finally:
                    self._out = out
                    with suppress(BrokenPipeError):
                        process.stdin.close()
            _wait_through_interrupts(process)

    def confirm(self, question: str, default: bool = False) -> bool:
        """Ask yes or no on a terminal; ``default`` where nobody can answer."""
        if not (_isatty(sys.stdin) and _isatty(self._err)):
            return default
        _write(self._err, f"{question} [{'Y/n' if default else 'y/N'}] ")
        self._err.flush()
        answer = sys.stdin.readline().strip().lower()
        return answer in ("y", "yes") if answer else default

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return _isatty(sys.stdin) and _isatty(self._err)

    def choose(self, question: str, answers: Sequence[str]) -> str | None:
        """Ask for one of some words, of which the first letters are enough; None where nobody answers."""
        if not self.can_ask:
            return None
        while True:
            _write(self._err, f"{question} [{'/'.join(answers)}] ")
            self._err.flush()
            line = sys.stdin.readline()
            answer = line.strip().lower()
            found = [word for word in answers if answer and word.startswith(answer)]
            if found or not line:
                return found[0] if found else None

    def edit(self, text: str) -> str | None:
        """Let the user edit text; None without a terminal or an editor, or when the editor fails."""
        if not (self.look.editor and _isatty(sys.stdin) and _isatty(self._err)):
            return None
        import subprocess
        import tempfile

        with tempfile.TemporaryDirectory(prefix="beatflow-") as folder:
            path = Path(folder, "BEATFLOW_EDITMSG")
            path.write_text(text, encoding="utf-8")
            try:
                done = subprocess.run([*_split(self.look.editor), os.fspath(path)], check=False)
            except OSError as error:
                message = f"the editor {self.look.editor!r} cannot be started"
                raise UsageError(message, hint='say it with -m "...", or: bf config editor nano') from error
            return path.read_text(encoding="utf-8") if done.returncode == 0 else None

    def flush(self) -> None:
        """Push out everything written so far; raises what the last write may have hidden."""
        self._out.flush()
        with suppress(BrokenPipeError):
            self._err.flush()


class _Piped:
    """Just enough of a text stream over a pipe, with the terminal's traits."""

    def __init__(self, buffer: IO[bytes], terminal: TextIO) -> None:
        self.buffer = buffer
        self.encoding = terminal.encoding
        self.isatty = terminal.isatty

    def flush(self) -> None:
        self.buffer.flush()


def _format_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _isatty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _paint(text: str, name: str | int) -> str:
    code = LANES[name % len(LANES)] if isinstance(name, int) else SGR[name]
    return f"\x1b[{code}m{text}\x1b[0m" if text else text


def _write(stream: TextIO, text: str) -> None:
    """Write text, whatever the encoding: names byte for byte, drawings as ASCII, the rest as ?."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        data = text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        data = text.translate(_ASCII_DRAWING).encode(encoding, "replace")
    _write_bytes(stream, data)


def _write_bytes(stream: TextIO, data: bytes) -> None:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode(getattr(stream, "encoding", None) or "utf-8", "replace"))
        return
    if not isinstance(stream, _Piped):
        stream.flush()
    buffer.write(data)
    if _isatty(stream):
        buffer.flush()


def _split(command: str) -> list[str]:
    import shlex

    return shlex.split(command)


def _wait_through_interrupts(process: "subprocess.Popen[bytes]") -> None:
    # Ctrl-C belongs to the pager while it is on the screen.
    while process.poll() is None:
        with suppress(KeyboardInterrupt):
            process.wait()
