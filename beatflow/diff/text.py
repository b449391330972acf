"""How a difference is told: the lines of ``bf diff`` and its document in ``--json``. Pure text."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from beatflow.changetext import name_channels, name_depth, tell_change
from beatflow.diff.comparison import TEXT, Difference, Measured
from beatflow.diff.composition import Composition, Move
from beatflow.sound.explanation import Explanation
from beatflow.timecode import Clock
from beatflow.wording import (
    format_duration,
    format_loudness,
    format_number,
    format_tempo,
)

Style = Callable[[str, str], str]

DEEP_DB = -60.0
"""A null this deep leaves nothing to hear, so that it does not matter where it is worst."""

EXACT_DB = -150.0
"""A null this deep is rounding in the arithmetic of the comparison: not one sample differs."""

_SIGNS = {"added": ("+", "added"), "deleted": ("−", "removed"), "renamed": (">", "changed")}
_LINES = {"+": "added", "-": "removed", "@": "dim"}
_LEAST_MOVE_DB = 0.1
_MOST_REGIONS = 6


# Lines ---------------------------------------------------------------------------------------------------


def format_difference(
    item: Difference, clock: Clock, style: Style, curve: bool = False, clean: Callable[[str], str] = str
) -> Iterator[str]:
    """Yield the lines that tell a difference.

    Parameters
    ----------
    clean : callable
        Makes control characters in names and texts visible.
    clock : Clock
        Tempo and meter of the new side.
    curve : bool
        Print the curves of equalisers and of levels over time.
    """
    sign, name = _SIGNS.get(item.state, ("~", "changed"))
    was = clean(f" (was {item.source})") if item.source else ""
    yield style(clean(f"{sign} {item.path}"), name) + was
    if item.problem:
        yield clean(f"    cannot be compared: {item.problem}")
        return
    for phrase in tell_difference(item, clock):
        yield f"    {phrase}"
    figures = format_figures(item)
    if figures:
        yield "    " + style(figures, "dim")
    if curve and item.explanation:
        for line in _format_curves(item.explanation):
            yield f"    {line}"
    for line in item.lines:
        kind = _LINES.get(line[:1])
        line = clean(line)
        yield "    " + (style(line, kind) if kind else line)


def tell_difference(item: Difference, clock: Clock) -> list[str]:
    """Return what became of a file, a phrase each."""
    explanation = item.explanation
    if explanation is None:
        if item.state == "modified" and not item.lines:
            return ["the text differs" if item.content == TEXT else "the bytes differ"]
        return []
    return tell_explanation(explanation, clock)


def tell_explanation(explanation: Explanation, clock: Clock) -> list[str]:
    """Return what became of a sound, a phrase each, how much that leaves, and how much of it was compared."""
    if explanation.identical:
        return ["the samples are identical; only the file around them differs", *_tell_limits(explanation)]
    clock = replace(clock, sample_rate=explanation.sample_rate)
    phrases = list(_tell_changes(explanation, clock))
    depth = tell_null(explanation, clock)
    return [*phrases, *([depth] if depth else []), *_tell_limits(explanation)]


def _tell_changes(explanation: Explanation, clock: Clock) -> Iterator[str]:
    """Yield a phrase for each change; many regions of one kind are one phrase, where the first of them stands."""
    folded = set()
    for change in explanation.changes:
        action = change.figures.get("action") if change.kind == "region" else None
        alike = [other for other in explanation.find("region") if other["action"] == action] if action else []
        if len(alike) <= _MOST_REGIONS:
            yield tell_change(change, clock)
        elif action not in folded:
            folded.add(action)
            place = "source_frame" if action == "deleted" else "start_frame"
            start = min(other[place] for other in alike)
            frames = max(other[place] + other["frames"] for other in alike) - start
            all_s = sum(other["frames"] for other in alike) / clock.sample_rate
            yield (
                f"{clock.format_span(start, frames)}: {len(alike)} places {action}, "
                f"{format_duration(all_s)} in all"
            )


def tell_null(explanation: Explanation, clock: Clock) -> str | None:
    """Say how much the changes leave unexplained, and where most of that is."""
    depth = explanation.null_depth_db
    if depth is None or explanation.identical or explanation.new_take:
        return None
    if explanation.find("residual"):
        return None  # that says it
    if depth <= EXACT_DB:
        kinds = {change.kind for change in explanation.changes}
        return "the rest is the same, sample for sample" if kinds <= {"region", "moved"} else None
    said = f"then nulls to {format_number(depth)} dB"
    worst = explanation.worst_s
    if worst is None or depth <= DEEP_DB:
        return said
    bars = clock.name_bars(round(worst * clock.sample_rate), 1) if clock.beat_s else ""
    return f"{said}, worst at {format_duration(worst)}" + (f" ({bars})" if bars else "")


def _tell_limits(explanation: Explanation) -> list[str]:
    compared_s = explanation.compared_s
    return [f"compared over the first {format_duration(compared_s)}"] if compared_s is not None else []


def format_figures(item: Difference) -> str:
    """Write what was measured of a sound: both sides where there are both."""
    one, two = item.before, item.after
    if one and two:
        return " · ".join(_format_both(one, two))
    side = two or one
    return " · ".join(_format_one(side)) if side else ""


def _format_one(side: Measured) -> Iterator[str]:
    yield format_duration(side.duration_s)
    yield _format_format(side)
    yield _format_loudness(side)
    if side.true_peak_dbtp is not None:
        yield f"{format_number(side.true_peak_dbtp)} dBTP"
    if side.tempo:
        yield format_tempo(side.tempo)
    if side.key:
        yield side.key


def _format_both(one: Measured, two: Measured) -> Iterator[str]:
    """Yield what differs and no change says, and of what does not the loudness, the tempo and the key."""
    for name, old, new in list_figures(one, two):
        if old == new:
            if name in ("tempo", "key", "loudness"):
                yield old
        elif name != "format":
            # One unit is enough: −14.2 → −15.7 LUFS.
            number, _, unit = old.partition(" ")
            yield f"{number if unit and new.endswith(f' {unit}') else old} → {new}"


def list_figures(one: Measured, two: Measured) -> list[tuple[str, str, str]]:
    """Return the rows of a table of both sides: what it is, before, after; what neither side has is left out."""
    rows = [
        ("length", format_duration(one.duration_s), format_duration(two.duration_s)),
        ("format", _format_format(one), _format_format(two)),
        ("loudness", _format_loudness(one), _format_loudness(two)),
        ("true peak", _format_peak(one), _format_peak(two)),
    ]
    if one.tempo or two.tempo:
        old, new = (format_tempo(side.tempo) if side.tempo else "–" for side in (one, two))
        rows.append(("tempo", old, new))
    if one.key or two.key:
        rows.append(("key", one.key or "–", two.key or "–"))
    return rows


def _format_format(side: Measured) -> str:
    return f"{side.sample_rate} Hz, {name_depth(side.subtype)}, {name_channels(side.channels)}"


def _format_loudness(side: Measured) -> str:
    """Write the loudness; what is heard but too short or too quiet for a figure is not silent."""
    if side.loudness_lufs is None and side.true_peak_dbtp is not None:
        return "no loudness"
    return format_loudness(side.loudness_lufs)


def _format_peak(side: Measured) -> str:
    return "–" if side.true_peak_dbtp is None else f"{format_number(side.true_peak_dbtp)} dBTP"


def _format_curves(explanation: Explanation) -> Iterator[str]:
    for kind, unit in (("eq", "Hz"), ("level", "s")):
        for change in explanation.find(kind):
            yield f"{unit:>9}  dB"
            for place, gain_db in change["curve"]:
                digits = 0 if unit == "Hz" else 1
                yield f"{place:9.{digits}f}  {format_number(gain_db, 2)}"


# The mix -------------------------------------------------------------------------------------------------


def format_composition(mix: Composition, style: Style, clean: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the lines that tell a mix as the sum of its stems; none where it is not."""
    if not mix.fits:
        return
    yield style(clean(f"= {mix.path}"), "changed") + " as the sum of its stems"
    yield "    " + clean(tell_moves(mix))
    yield "    " + style(tell_rest(mix), "dim")


def tell_moves(mix: Composition) -> str:
    """Say what became of the stems in a mix: ``drums changed; bass +1.0 dB, pads muted``."""
    moves = ", ".join(tell_move(move) for move in mix.moves) or "no fader moved"
    return f"{', '.join(mix.changed)} changed; {moves}" if mix.changed else moves


def tell_move(move: Move) -> str:
    """Say what became of a stem in the mix: ``drums +1.0 dB``, ``pads muted``."""
    before, after = move.before, move.after
    if before is None or after is None:
        return f"{move.stem} {'added' if after else 'taken out'}"
    if after.muted or before.muted:
        return f"{move.stem} {'muted' if after.muted else 'back in'}"
    parts = []
    gain_db = move.gain_db
    if gain_db is not None and abs(gain_db) >= _LEAST_MOVE_DB / 2:
        parts.append(f"{'+' if gain_db > 0 else ''}{format_number(gain_db)} dB")
    if move.panned:
        parts.append(f"panned {_name_pan(before.pan)} → {_name_pan(after.pan)}")
    if before.inverted != after.inverted:
        parts.append("polarity inverted")
    return f"{move.stem} {' and '.join(parts)}"


def _name_pan(pan: float) -> str:
    if abs(pan) < 0.005:
        return "centre"
    return f"{abs(pan) * 100:.0f} % {'right' if pan > 0 else 'left'}"


def tell_rest(mix: Composition) -> str:
    """Say how much of a mix its stems leave unexplained, on both sides."""
    sides = [side for side in (mix.before, mix.after) if side]
    said = [
        "nothing" if side.unexplained_db <= EXACT_DB else f"{format_number(side.unexplained_db)} dB"
        for side in sides
    ]
    both = " → ".join(dict.fromkeys(said))
    worst = mix.after.worst_s if mix.after else None
    where = (
        f", most of it at {format_duration(worst)}"
        if worst is not None and mix.after and mix.after.unexplained_db > DEEP_DB
        else ""
    )
    return f"not explained by the stems: {both}{where}"


# JSON ----------------------------------------------------------------------------------------------------


def describe_differences(items: Iterable[Difference], mix: Composition | None) -> dict[str, Any]:
    """Return the document of ``bf diff --json``: ``changes``, each with its ``path`` and ``kind``, and ``files``."""
    items = list(items)
    changes = [change for item in items for change in _describe_changes(item)]
    document: dict[str, Any] = {
        "different": any(not item.same for item in items),
        "changes": changes + (list(_describe_moves(mix)) if mix else []),
        "files": [_describe_file(item) for item in items],
    }
    if mix:
        document["mix"] = {
            "path": mix.path,
            "fits": mix.fits,
            "before": asdict(mix.before) if mix.before else None,
            "after": asdict(mix.after) if mix.after else None,
        }
    return document


def _describe_changes(item: Difference) -> Iterator[Mapping[str, Any]]:
    head = {"path": item.path}
    if item.problem:
        yield head | {"kind": "unreadable", "problem": item.problem}
    elif item.state != "modified":
        yield head | {"kind": item.state} | ({"source": item.source} if item.source else {})
    elif item.explanation is None:
        yield head | {"kind": item.content} | ({"lines": list(item.lines)} if item.lines else {})
    else:
        for change in item.explanation.to_json()["changes"]:
            yield head | change


def _describe_moves(mix: Composition) -> Iterator[Mapping[str, Any]]:
    for move in mix.moves:
        yield {
            "path": mix.path,
            "kind": "fader",
            "stem": move.stem,
            "gain_db": move.gain_db,
            "before": asdict(move.before) if move.before else None,
            "after": asdict(move.after) if move.after else None,
        }


def _describe_file(item: Difference) -> dict[str, Any]:
    explanation = item.explanation
    row: dict[str, Any] = {
        "path": item.path,
        "state": item.state,
        "source": item.source,
        "content": item.content,
        "before": asdict(item.before) if item.before else None,
        "after": asdict(item.after) if item.after else None,
        "problem": item.problem,
    }
    if explanation:
        row |= {
            "identical": explanation.identical,
            "null_depth_db": explanation.null_depth_db,
            "worst_s": explanation.worst_s,
            "compared_s": explanation.compared_s,
            "pieces": [asdict(piece) for piece in explanation.pieces],
        }
    return row
