"""What a merge came to, in words and as JSON. Pure text; knows no terminal and changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from shlex import quote
from typing import Any

from beatflow.merge.conflict import BASE, OURS, THEIRS, Conflict
from beatflow.merge.merging import RENDERED, SCORE, TEXT, Merged, Outcome, Trouble
from beatflow.merge.picking import Picks, Request
from beatflow.timecode import Clock
from beatflow.wording import format_number, plural

ReadClock = Callable[[int], Clock]
"""Gives the clock of the track at a sample rate."""

_MOST = 4


def tell_outcome(outcome: Outcome | None, read_clock: ReadClock) -> Iterator[str]:
    """Yield what is worth telling of a merge: notes, what came out whole, conflicts and what decides each."""
    if outcome is None:
        return
    for note in outcome.notes:
        yield f"note     {note}"
    for merged in outcome.merged:
        yield tell_merged(merged, read_clock)
    for trouble in outcome.troubles:
        yield tell_trouble(trouble, read_clock)
        yield f"         {tell_way_out(trouble.conflict)}"


def count_conflicts(outcome: Outcome | None) -> str:
    """Return how many conflicts are left and what to do, to be put behind a sentence; empty for none."""
    if outcome is None or not outcome.troubles:
        return ""
    return f"; {plural(len(outcome.troubles), 'conflict')} kept in every take: bf resolve lists them"


def tell_merged(merged: Merged, read_clock: ReadClock) -> str:
    """Say how a file came out whole: ``merged   stems/bass.wav: bars 5–6 ours, bars 33–34 theirs``."""
    if merged.how == RENDERED:
        text = "rendered again from the stems"
        if merged.clipped:
            text += f", {plural(merged.clipped, 'sample')} clipped"
    elif merged.how == SCORE:
        text = "by key"
    elif merged.how == TEXT:
        text = "by lines"
    else:
        text = _tell_stretches(merged, read_clock)
    return f"merged   {merged.path}: {text}"


def _tell_stretches(merged: Merged, read_clock: ReadClock) -> str:
    assert merged.sound is not None
    clock = read_clock(merged.sound.sample_rate)
    changed = [item for item in merged.sound.stretches if item.source != BASE]
    gained = [item for item in changed if item.gain or item.equaliser]
    words = [
        f"{clock.name_bars(item.start, item.end - item.start)} {item.source}" for item in gained or changed
    ]
    told = ", ".join(_shorten(list(dict.fromkeys(words))))
    if gained:
        other = THEIRS if gained[0].source == OURS else OURS
        works = list(
            dict.fromkeys(_tell_gains(item.gain.gains_db) if item.gain else "equaliser" for item in gained)
        )
        sides = {item.source for item in gained}
        whose = f"that {other} put there" if len(sides) == 1 else "of the other side"
        told += f", with the {' and '.join(works[:_MOST])} {whose}"
    return told


def _tell_gains(gains_db: Sequence[float]) -> str:
    told = [f"{'+' if gain > 0 else ''}{format_number(gain, 2)}" for gain in gains_db]
    return (told[0] if len(set(told)) == 1 else "/".join(told)) + " dB"


def tell_trouble(trouble: Trouble, read_clock: ReadClock) -> str:
    """Say what is in conflict, why, and where: ``conflict stems/bass.wav: both changed bars 33–34``."""
    text = f"conflict {trouble.conflict.path}: {trouble.reason}"
    if trouble.ranges:
        clock = read_clock(trouble.sample_rate)
        places = [clock.name_bars(start, end - start) for start, end in trouble.ranges]
        text += f" {', '.join(_shorten(list(dict.fromkeys(places))))}"
    return text


def tell_way_out(conflict: Conflict) -> str:
    """Return the commands that resolve a conflict."""
    path = f"./{conflict.path}" if conflict.path.startswith("-") else conflict.path
    return f"bf resolve {quote(path)} --take {'|'.join(conflict.takes + _deleted(conflict))}"


def _deleted(conflict: Conflict) -> tuple[str, ...]:
    return (conflict.deleted_by,) if conflict.deleted_by else ()


def _shorten(words: list[str]) -> list[str]:
    return words if len(words) <= _MOST else [*words[: _MOST - 1], f"and {len(words) - _MOST + 1} more"]


def tell_picks(picks: Picks, request: Request, read_clock: ReadClock) -> Iterator[str]:
    """Yield what became of each commit that was done again or taken back."""
    for item in picks.picked:
        yield from tell_outcome(item.outcome, read_clock)
        if item.commit is None:
            yield f"{item.source[:7]} {item.title}: nothing to do, HEAD has it already"
        else:
            done = "would " + request.kind if request.dry_run else f"[{item.commit[:7]}] {request.kind}"
            yield f"{done} {item.source[:7]} {item.title}{count_conflicts(item.outcome)}"
    if picks.left:
        rest = " ".join(oid[:7] for oid in picks.left)
        yield f"not done yet: bf {request.kind} {rest}"


def picks_document(picks: Picks) -> dict[str, Any]:
    """Return what a cherry-pick or revert did as JSON."""
    return {
        "commits": [
            {
                "source": item.source,
                "title": item.title,
                "commit": item.commit,
                **outcome_document(item.outcome),
            }
            for item in picks.picked
        ],
        "left": list(picks.left),
    }


def outcome_document(outcome: Outcome | None) -> dict[str, Any]:
    """Return the parts of a merge's JSON that tell of files."""
    if outcome is None:
        return {"merged": [], "conflicts": [], "notes": []}
    return {
        "merged": [
            {"path": item.path, "how": item.how}
            | (
                {"sample_rate": item.sound.sample_rate, "stretches": item.sound.to_json()}
                if item.sound
                else {}
            )
            for item in outcome.merged
        ],
        "conflicts": [
            {
                **conflict_document(item.conflict),
                "reason": item.reason,
                "sample_rate": item.sample_rate or None,
                "ranges": [{"start_frame": start, "frames": end - start} for start, end in item.ranges],
            }
            for item in outcome.troubles
        ],
        "notes": list(outcome.notes),
    }


def conflict_document(conflict: Conflict) -> dict[str, Any]:
    """Return a conflict as JSON: its path, and each take's file."""
    return {"path": conflict.path, "takes": conflict.files, "deleted_by": conflict.deleted_by}
