"""How a difference is told: the lines of ``bf diff`` and its objects in ``--json``. Pure text."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from beatflow.comparison import Difference, Side
from beatflow.wording import format_duration, format_loudness, format_number, plural

Style = Callable[[str, str], str]
_SIGNS = {"added": ("+", "added"), "deleted": ("−", "removed"), "renamed": (">", "changed")}
_SAID = {
    "identical": "the samples are identical; only the file around them differs",
    "new_take": "a new take: nothing of the old one explains it",
    "format": "format",
    "binary": "binary files differ",
    "text": "text",
}


def format_difference(item: Difference, style: Style) -> Iterator[str]:
    """Yield the lines that tell a difference."""
    sign, name = _SIGNS.get(item.kind, ("~", "changed"))
    was = f" (was {item.source})" if item.source else ""
    yield style(f"{sign} {item.path}", name) + was
    if item.problem:
        yield f"    cannot be compared: {item.problem}"
        return
    said = _explain(item)
    if said:
        yield f"    {said}"
    if item.before and item.after:
        figures = _format_sides(item.before, item.after)
        if figures:
            yield f"    {figures}"
    else:
        side = item.after or item.before
        if side:
            yield f"    {_format_side(side)}"
    for line in item.lines:
        yield "    " + style(line, {"+": "added", "-": "removed", "@": "dim"}.get(line[:1], "plain"))


def describe_difference(item: Difference) -> dict[str, Any]:
    """Return a difference as an object for JSON."""
    result: dict[str, Any] = {"path": item.path, "kind": item.kind, "source": item.source}
    for name, side in (("before", item.before), ("after", item.after)):
        result[name] = asdict(side) if side else None
    result |= item.figures
    if item.lines:
        result["lines"] = list(item.lines)
    if item.problem:
        result["problem"] = item.problem
    return result


def _explain(item: Difference) -> str:
    figures = item.figures
    parts = []
    if item.kind in _SAID and item.kind not in ("text", "format"):
        parts.append(_SAID[item.kind])
    if item.kind in ("gain", "moved", "changed"):
        offset = figures.get("offset_frames", 0)
        if offset:
            side = "later" if offset > 0 else "earlier"
            seconds = format_number(abs(offset) / figures["sample_rate"], 4)
            parts.append(f"{plural(abs(offset), 'frame')} {side} ({seconds} s)")
        if abs(figures.get("gain_db", 0.0)) >= 0.005:
            parts.append(f"{'+' if figures['gain_db'] > 0 else ''}{format_number(figures['gain_db'], 2)} dB")
        if figures.get("polarity") == -1:
            parts.append("polarity inverted")
        depth = figures.get("null_depth_db")
        if depth is not None:
            worst = figures.get("worst_s")
            where = (
                f", worst at {format_duration(worst)}" if worst is not None and item.kind == "changed" else ""
            )
            parts.append(f"then nulls to {format_number(depth)} dB{where}")
    if figures.get("compared_s"):
        parts.append(f"compared over the first {format_duration(figures['compared_s'])}")
    return ", ".join(parts)


def _format_side(side: Side) -> str:
    return (
        f"{format_duration(side.duration_s)} · {side.sample_rate} Hz · {side.subtype} · "
        f"{plural(side.channels, 'channel')} · {format_loudness(side.loudness_lufs)}"
    )


def _format_sides(before: Side, after: Side) -> str:
    parts = []
    if before.frames != after.frames or before.sample_rate != after.sample_rate:
        parts.append(f"{format_duration(before.duration_s)} → {format_duration(after.duration_s)}")
    if before.sample_rate != after.sample_rate:
        parts.append(f"{before.sample_rate} → {after.sample_rate} Hz")
    if before.subtype != after.subtype:
        parts.append(f"{before.subtype} → {after.subtype}")
    if before.channels != after.channels:
        parts.append(f"{before.channels} → {plural(after.channels, 'channel')}")
    old, new = format_loudness(before.loudness_lufs), format_loudness(after.loudness_lufs)
    parts.append(f"{old} → {new}" if old != new else old)
    return " · ".join(parts)
