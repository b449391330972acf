"""Notes as a small picture: a piano roll, or the grid of a drum machine. Pure text; knows no terminal."""

from collections.abc import Iterator, Mapping, Sequence

from beatflow.sound.note import Note
from beatflow.sound.tonality import NOTE_NAMES

LOUD_HIT = 96
_BAR = 16


def name_note(midi: int) -> str:
    """Its name and octave, middle C being C4."""
    return f"{NOTE_NAMES[midi % 12]}{midi // 12 - 1}"


def draw_melody(notes: Sequence[Note], places: Sequence[int], tempo: float, columns: int) -> Iterator[str]:
    """A row for each pitch that is there, the highest on top, and a place for each sixteenth.

    Parameters
    ----------
    notes : sequence of Note
    places : sequence of int
        On which sixteenth from a bar line each begins.
    tempo : float
        BPM.
    columns : int
        How wide a line may be; what is longer goes on below, bar by bar.
    """
    lengths = [max(1, round(note.duration_s * tempo / 15.0)) for note in notes]
    size = max((place + length for place, length in zip(places, lengths, strict=True)), default=1)
    rows = {midi: [""] * size for midi in sorted({note.midi for note in notes}, reverse=True)}
    for note, place, length in zip(notes, places, lengths, strict=True):
        row = rows[note.midi]
        row[place : place + length] = ["━"] * length
    for note, place in zip(notes, places, strict=True):
        rows[note.midi][place] = "●"
    yield from _draw({name_note(midi): cells for midi, cells in rows.items()}, columns)


def draw_beat(
    notes: Sequence[Note], places: Sequence[int], names: Mapping[int, str], columns: int
) -> Iterator[str]:
    """A row for each drum that is hit, in the order of ``names``; capitals are loud."""
    size = max(places, default=0) + 1
    rows = {name: [""] * size for midi, name in names.items() if any(note.midi == midi for note in notes)}
    for note, place in zip(notes, places, strict=True):
        rows[names[note.midi]][place] = "X" if note.velocity >= LOUD_HIT else "x"
    yield from _draw(rows, columns)


def _draw(rows: Mapping[str, list[str]], columns: int) -> Iterator[str]:
    """Rows of sixteenths in bars of 4/4, numbered, as many of them beside each other as there is room for."""
    margin = max(map(len, rows), default=0) + 2
    size = max(map(len, rows.values()), default=0)
    bars = max(1, -(-size // _BAR))
    beside = max(1, (columns - margin) // (_BAR + 1))
    for first in range(0, bars, beside):
        shown = range(first, min(bars, first + beside))
        yield (" " * margin + " ".join(f"{bar + 1:<{_BAR}}" for bar in shown)).rstrip()
        for name, cells in rows.items():
            full = cells + [""] * (bars * _BAR - len(cells))
            drawn = ("".join(cell or "·" for cell in full[bar * _BAR : (bar + 1) * _BAR]) for bar in shown)
            yield f"{name:<{margin}}" + "|".join(drawn)
