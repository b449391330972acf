"""Finds in words and as JSON: where each is, when it came in, and how it fits. Pure text; knows no terminal."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from beatflow.finding.occurrences import SURE, Occurrence
from beatflow.finding.ranking import Match
from beatflow.finding.search import Find, Findings
from beatflow.wording import (
    format_duration,
    format_iso_time,
    format_number,
    format_tempo,
    format_time,
    plural,
)

Style = Callable[[str, str | int], str]
_SHOWN_PLACES = 6
_SAME_PACE = 0.004


def describe(findings: Findings, finds: list[Find]) -> dict[str, Any]:
    """What ``--json`` writes."""
    return {
        "finds": [describe_find(find) for find in finds],
        "found": len(findings.finds),
        "looked_at": findings.looked_at,
        "unheard": findings.unheard,
        "elsewhere": findings.elsewhere,
        "failures": [
            {"path": one.path, "error": one.message, "hint": one.hint}
            for one in findings.mishaps
            if one.broken
        ],
    }


def describe_find(find: Find) -> dict[str, Any]:
    """A find as plain values."""
    version, figures = find.version, find.figures
    document: dict[str, Any] = {
        "track": os.fspath(version.place.root) if version.place.repository else None,
        "path": version.path,
        "oid": version.oid,
        "commit": version.commit.oid if version.commit else None,
        "time": format_iso_time(version.commit.author) if version.commit else None,
        "message": version.commit.title if version.commit else None,
        "current": version.current,
        "duration_s": figures.duration_s,
        "tempo": figures.tempo,
        "tempo_told": figures.tempo_told,
        "key": figures.key,
        "key_told": figures.key_told,
        "engine": figures.engine,
        "prompt": figures.prompt,
    }
    if figures.mood:
        document |= {"mood": figures.mood.best, "scores": dict(figures.mood.scores)}
    if find.match:
        document["match"] = find.match.to_json()
    return document


def tell_find(find: Find, here: Path | None, style: Style, safe: Callable[[str], str]) -> Iterator[str]:
    """A find in one line, and one for each place where a sample is used; ``safe`` makes names fit for a terminal."""
    version, match = find.version, find.match
    parts = [_score(match), style(safe(_name(find, here)), "strong")]
    if match and not match.occurrences:
        parts.append(_place(match))
    parts.append(", ".join(_figures(find)))
    if version.commit:
        title = safe(version.commit.title)
        parts.append(style(f"{version.commit.oid[:8]} {format_time(version.commit.author)} {title}", "dim"))
    elif version.place.repository:
        parts.append(style("not committed", "dim"))
    yield "  ".join(part for part in parts if part)
    if match:
        shown = match.occurrences[:_SHOWN_PLACES]
        for one in shown:
            yield f"      {_tell_occurrence(one)}"
        more = len(match.occurrences) - len(shown)
        if more > 0:
            yield f"      and {plural(more, 'place')} more"
        if match.recorded and not match.occurrences:
            yield "      its provenance says so; it cannot be heard"


def _name(find: Find, here: Path | None) -> str:
    """What to type to get at it: a path, or ``REV:PATH`` where the folder has it no more."""
    version = find.version
    name = version.path
    if version.commit and not version.current:
        name = f"{version.commit.oid[:8]}:{name}"
    root = version.place.root
    return name if version.place.repository is None or root == here else f"{root}: {name}"


def _score(match: Match | None) -> str:
    if match is None:
        return ""
    if any(one.gain_db is not None for one in match.occurrences):
        return "exact "
    if match.occurrences:
        return "sure  " if match.score >= SURE else "likely"
    return "noted " if match.recorded else f"{match.score:.2f}"


def _place(match: Match) -> str:
    if match.tune:
        start, end, semitones = match.tune.start_s, match.tune.end_s, match.tune.semitones
        shift = (
            f" {format_number(semitones, 0) if semitones < 0 else f'+{semitones}'} semitones"
            if semitones
            else ""
        )
        pace = f" {round(100 * match.tune.pace)} % of the pace" if abs(match.tune.pace - 1) > 0.1 else ""
        return f"{_clock(start)}–{_clock(end)}{shift}{pace}"
    if match.likeness:
        one = match.likeness
        aspects = f"timbre {one.timbre:.2f}, rhythm {one.rhythm:.2f}, harmony {one.harmony:.2f}"
        return f"{_clock(one.start_s)}–{_clock(one.end_s)} {aspects}"
    return ""


def _tell_occurrence(one: Occurrence) -> str:
    part = f"{_clock(one.start_s)}–{_clock(one.end_s)}"
    of = f"its {_clock(one.sample_start_s)}–{_clock(one.sample_end_s)}"
    if one.gain_db is not None:
        return f"{part}: {of} as it is, {format_number(one.gain_db, 1)} dB"
    slower = round(100 * (one.stretch - 1), 1)
    pace = (
        ""
        if abs(slower) < 100 * _SAME_PACE
        else f", {abs(slower):g} % {'slower' if slower > 0 else 'faster'}"
    )
    return f"{part}: {of}{pace}, {round(100 * one.share)} % of its landmarks"


def _figures(find: Find) -> Iterator[str]:
    figures = find.figures
    if figures.tempo is not None:
        other = f" or {', '.join(f'{tempo:g}' for tempo in figures.alternatives[:2])}" if find.octave else ""
        yield format_tempo(figures.tempo) + other
    if figures.key:
        yield figures.key
    if figures.duration_s is not None:
        yield _clock(figures.duration_s)
    if figures.mood:
        yield f"{figures.mood.best} {figures.mood.scores[figures.mood.best]:.2f}"
    if figures.engine:
        yield figures.engine


def _clock(seconds: float) -> str:
    """Like ``1:05.3``."""
    return format_duration(round(seconds, 1))[:-2]
