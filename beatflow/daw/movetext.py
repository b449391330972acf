"""Faders that came back from another program, in words and as a document. Pure text."""

from collections.abc import Iterator
from typing import Any

from beatflow.daw.bringing import Move, Moves
from beatflow.wording import format_number, format_tempo


def format_moves(moves: Moves) -> Iterator[str]:
    """Yield a line for each thing that was moved, and for each track or stem that stands alone."""
    for move in moves.moves:
        yield _format_move(move)
    for name in moves.absent:
        yield f"{name}: no such track in the project"
    for name in moves.unknown:
        yield f"{name}: no such stem, left out"


def describe_moves(moves: Moves) -> dict[str, Any]:
    """Return it as a document."""
    keys = {"offset": "offset_frames"}
    return {
        "moves": [
            {
                "stem": move.stem,
                "what": keys.get(move.what, move.what),
                "before": move.before,
                "after": move.after,
            }
            for move in moves.moves
        ],
        "absent": list(moves.absent),
        "unknown": list(moves.unknown),
        "remarks": list(moves.remarks),
    }


def _format_move(move: Move) -> str:
    name = move.stem or {"master_db": "master"}.get(move.what, move.what)
    match move.what:
        case "gain_db" | "master_db":
            return f"{name}: {_signed(move.before)} → {_signed(move.after)} dB"
        case "pan":
            return f"{name}: {_side(move.before)} → {_side(move.after)}"
        case "mute" | "solo":
            return f"{name}: {move.what} {'on' if move.after else 'off'}"
        case "tempo":
            return f"tempo: {format_tempo(move.before)} → {format_tempo(move.after)}"
    return f"{name}: {move.what} {move.before} → {move.after} frames"


def _signed(gain_db: float) -> str:
    return ("+" if gain_db > 0 else "") + format_number(gain_db, 2)


def _side(pan: float) -> str:
    if not pan:
        return "centre"
    return f"{abs(pan) * 100:.0f} % {'left' if pan < 0 else 'right'}"
