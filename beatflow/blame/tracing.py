"""Where stretches of a sound were in the version before it, by what an explanation says of both.

Arithmetic on values: knows no samples, no files and no history.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from beatflow.sound.explanation import Change, Explanation, Piece

_EXACT_DB = -200.0
_AUDIBLE_DB = 0.05  # what an automation curve may stray from 0 dB where nothing was done
_SUB_SAMPLE = 0.005
_NO_WORK = {"identical", "moved", "region", "new_take"}
_FORMAT = {"sample_rate", "channels", "bit_depth"}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the new sound that has one story.

    Parameters
    ----------
    start, end : float
        In frames of the new sound; whole where no sample rate or tempo changed.
    source : float or None
        Where ``start`` was in the old sound, in its own frames. For what is new it is what stood in its place; None
        where nothing did, since it was inserted.
    scale : float
        Old frames per new frame.
    kept : bool
        The material is the old sound's.
    kind : str
        What a part that is new came in by: ``replaced``, ``inserted``, ``muted`` or ``new_take``; else empty.
    changes : tuple of Change
        What was done to kept material, empty where its samples are the same.
    """

    start: float
    end: float
    source: float | None
    scale: float
    kept: bool
    kind: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def touched(self) -> bool:
        """Whether anything was done here."""
        return not self.kept or bool(self.changes)

    @property
    def source_end(self) -> float | None:
        """Where the part ended in the old sound."""
        return None if self.source is None else self.source + (self.end - self.start) * self.scale


def trace(explanation: Explanation, start: float, end: float) -> list[Part]:
    """Return the parts of the new sound from ``start`` up to ``end``, one after the other without gaps.

    What lies beyond the new sound's own pieces counts as replaced.
    """
    works = _find_works(explanation)
    parts = []
    at = start
    for index, piece in enumerate(explanation.pieces):
        low, high = max(start, piece.start), min(end, piece.start + piece.frames)
        if low >= high:
            continue
        parts += _split(_place(explanation, index, low, high), works)
        at = high
    if at < end:
        parts.append(Part(at, end, at * rate_ratio(explanation), rate_ratio(explanation), False, "replaced"))
    return parts


def rate_ratio(explanation: Explanation) -> float:
    """Return the old sound's sample rate over the new one's."""
    for change in explanation.find("sample_rate"):
        return float(change["before"] / change["after"])
    return 1.0


def widen(explanation: Explanation, start: float, end: float) -> tuple[bool, list[tuple[float, float]]]:
    """Say whether anything was done between two frames of the new sound, and which stretches of the old one they were.

    What was deleted between them belongs to these, and so does what was replaced; to be moved is not to be touched.
    """
    parts = trace(explanation, start, end)
    touched = any(part.touched for part in parts)
    spans: list[tuple[float, float]] = []
    for part in parts:
        if part.source is None or part.source_end is None:
            continue
        low, high = part.source, part.source_end
        if spans and low >= spans[-1][1]:
            # Frames may be lost to rounding where a rate or a tempo changed.
            touched = touched or low - spans[-1][1] > 1
            spans[-1] = (spans[-1][0], high)
        else:
            touched = touched or bool(spans)
            spans.append((low, high))
    limit = explanation.frames_before
    return touched, [(max(0.0, low), min(high, limit)) for low, high in spans if low < limit and high > 0]


def _place(explanation: Explanation, index: int, low: float, high: float) -> Part:
    """Say where a stretch of one piece was."""
    pieces, ratio = explanation.pieces, rate_ratio(explanation)
    piece = pieces[index]
    speed = _speed(explanation)
    if piece.source is not None:
        source = (piece.source + (low - piece.start) * speed) * ratio
        return Part(low, high, source, ratio * speed, True)
    if explanation.new_take:
        return Part(low, high, low * ratio, ratio, False, "new_take")
    kind = _name(explanation, piece)
    before = [other for other in pieces[:index] if other.source is not None]
    after = [other for other in pieces[index:] if other.source is not None]
    gap_start = _source_end(before[-1], speed) if before else 0.0
    gap_end = float(after[0].source or 0) if after else explanation.frames_before / ratio
    # Pieces without a source that follow each other share what was there.
    first = before[-1].start + before[-1].frames if before else 0
    last = after[0].start if after else pieces[-1].start + pieces[-1].frames
    scale = (gap_end - gap_start) / (last - first)
    if kind == "inserted" or scale <= 0:
        return Part(low, high, None, ratio, False, kind or "inserted")
    source = (gap_start + (low - first) * scale) * ratio
    return Part(low, high, source, scale * ratio, False, kind or "replaced")


def _source_end(piece: Piece, speed: float) -> float:
    assert piece.source is not None
    return piece.source + piece.frames * speed


def _speed(explanation: Explanation) -> float:
    """Frames of the old sound that a frame of the new one takes up, at the new sound's sample rate."""
    for change in explanation.find("tempo"):
        return float(change["ratio"])
    return 1.0


def _name(explanation: Explanation, piece: Piece) -> str:
    """Return what a piece without a source came in by: the action of the region that most of it lies in, if any."""

    def shared(change: Change) -> int:
        end = min(change["start_frame"] + change["frames"], piece.start + piece.frames)
        return int(end - max(change["start_frame"], piece.start))

    regions = [change for change in explanation.find("region") if change["action"] != "deleted"]
    best = max(regions, key=shared, default=None)
    return str(best["action"]) if best is not None and shared(best) > 0 else ""


Works = list[tuple[Change, list[tuple[float, float]] | None]]
"""What was done to kept material, and where; None is everywhere."""


def _find_works(explanation: Explanation) -> Works:
    works: Works = []
    exact = explanation.null_depth_db is not None and explanation.null_depth_db <= _EXACT_DB
    for change in explanation.changes:
        figures = change.figures
        if change.kind == "moved" and abs(figures.get("fraction_frames") or 0.0) > _SUB_SAMPLE:
            works.append((change, None))
        elif change.kind in _NO_WORK or (change.kind in _FORMAT and exact):
            continue
        elif "start_frame" in figures and "frames" in figures:
            works.append((change, [(figures["start_frame"], figures["start_frame"] + figures["frames"])]))
        elif change.kind == "level" and figures.get("curve"):
            works.append((change, list(_find_audible(figures["curve"], explanation))))
        else:
            works.append((change, None))
    return works


def _find_audible(
    curve: list[tuple[float, float]], explanation: Explanation
) -> Iterator[tuple[float, float]]:
    """Yield where a curve of (s, dB) is not at 0 dB; it holds its first and its last value."""
    points = [(time_s * explanation.sample_rate, gain_db) for time_s, gain_db in curve]
    points = [(0.0, points[0][1]), *points, (float(explanation.frames_after), points[-1][1])]
    for (start, one_db), (end, two_db) in pairwise(points):
        if end > start and max(abs(one_db), abs(two_db)) >= _AUDIBLE_DB:
            yield start, end


def _split(part: Part, works: Works) -> list[Part]:
    """Cut kept material where something that was done to it begins or ends."""
    if not part.kept:
        return [part]
    edges = {part.start, part.end}
    for _, places in works:
        for place in places or ():
            edges |= {float(round(edge)) for edge in place if part.start < round(edge) < part.end}
    result: list[Part] = []
    cuts = sorted(edges)
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        changes = tuple(
            change
            for change, places in works
            if places is None or any(first <= middle < last for first, last in places)
        )
        if result and result[-1].changes == changes:
            low = result.pop().start
        source = (part.source or 0.0) + (low - part.start) * part.scale
        result.append(Part(low, high, source, part.scale, True, "", changes))
    return result
