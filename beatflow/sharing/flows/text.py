"""What a fetch, a pull or a push came to, in words and as JSON. Pure text; knows no terminal and changes nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from beatflow.merge.merge import FAST_FORWARD, UP_TO_DATE
from beatflow.merge.text import count_conflicts
from beatflow.repository import BRANCHES, REMOTES, TAGS
from beatflow.sharing.flows.fetching import FORCED, FORWARD, GONE, KEPT, NEW, Incoming, RefMove
from beatflow.sharing.flows.pulling import Pulled
from beatflow.sharing.remote import Moved
from beatflow.wording import format_size, plural

_FETCHED = {
    NEW: "new",
    FORWARD: "went on",
    FORCED: "was replaced",
    GONE: "is gone",
    KEPT: "kept as it is here",
}
_PUSHED = {NEW: "new", FORWARD: "went on", FORCED: "replaced", GONE: "deleted"}


def tell_moves(moves: Sequence[RefMove], where: str, pushed: bool = False) -> Iterator[str]:
    """Yield a line for each ref that moved: ``origin/main  went on  3f9a2c1..8b1d0e4``."""
    words = _PUSHED if pushed else _FETCHED
    names = [_name(move.name, where) for move in moves]
    width = max(map(len, names), default=0)
    for move, name in zip(moves, names, strict=True):
        yield f"{name:{width}}  {words[move.kind]:12}  {_range(move)}".rstrip()


def _name(ref: str, where: str) -> str:
    if ref.startswith(TAGS):
        return f"tag {ref.removeprefix(TAGS)}"
    if ref.startswith(BRANCHES):
        return f"{where}/{ref.removeprefix(BRANCHES)}"
    # Of a remote: the full name here.
    return ref.removeprefix(REMOTES)


def _range(move: RefMove) -> str:
    if move.before and move.after:
        return f"{move.before[:7]}..{move.after[:7]}"
    return (move.after or move.before or "")[:7]


def tell_moved(moved: Moved, verb: str) -> str:
    """Say what travelled: ``fetched 3 sounds (1.2 MB)``; empty for nothing."""
    if not moved.sounds:
        return ""
    return f"{verb} {plural(moved.sounds, 'sound')} ({format_size(moved.bytes)})"


def tell_pull(pulled: Pulled, here: str, dry_run: bool) -> str:
    """Say what became of the current branch."""
    merge, label = pulled.merge, pulled.label
    if merge.kind == UP_TO_DATE:
        return f"nothing to merge: {here} has everything of {label}"
    if merge.kind == FAST_FORWARD:
        return f"{here} {'would go' if dry_run else 'went'} forward to {label} ({merge.commit[:7]})"
    if dry_run:
        return f"would merge {label} into {here}"
    return f"[{here} {merge.commit[:7]}] merged {label}{count_conflicts(merge.outcome)}"


def moves_document(moves: Sequence[RefMove]) -> list[dict[str, Any]]:
    """Return ref moves as JSON."""
    return [
        {"ref": move.name, "before": move.before, "after": move.after, "kind": move.kind} for move in moves
    ]


def moved_document(moved: Moved) -> dict[str, Any]:
    """Return what travelled as JSON."""
    return {"sounds": moved.sounds, "bytes": moved.bytes}


def incoming_document(incoming: Incoming) -> dict[str, Any]:
    """Return a fetch as JSON."""
    return {
        "remote": incoming.remote.name or None,
        "url": incoming.remote.url,
        "refs": moves_document(incoming.moves),
        **moved_document(incoming.moved),
    }
