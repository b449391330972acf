"""How problems are told: in a musician's words, without what only helps to find a fault. Pure text."""

from collections.abc import Iterable

from beatflow.care.problem import Problem
from beatflow.objects.loss import LostRange
from beatflow.wording import format_duration, format_size, plural

_MAX_RANGES = 3


def format_problems(problems: Iterable[Problem]) -> list[str]:
    """Write a line for each thing that is lost, then one for each damaged pack, whatever is wrong there."""
    lines = []
    places: dict[str, set[int]] = {}
    for problem in problems:
        if problem.kind == "pack" and problem.pack:
            found = places.setdefault(problem.pack, set())
            found |= {problem.offset} if problem.offset is not None else set()
        else:
            lines.append(_format_problem(problem))
    for pack, offsets in places.items():
        where = f" at {plural(len(offsets), 'place')}" if offsets else ""
        lines.append(f"pack {pack[:12]}: damaged{where}")
    return lines


def _format_problem(problem: Problem) -> str:
    """Write what is lost, of what, in which commits: ``drums.wav: 0:03.000 to 0:05.100 lost in 2 commits (…)``."""
    told = []
    where = f"in {format_commits(problem)}" if problem.commits and problem.kind != "commit" else ""
    if problem.kind in ("sound", "tree", "blob"):
        told.append(" ".join(filter(None, (format_ranges(problem.ranges), "lost", where))))
    elif where:
        told.append(where)
    # Where something is lost only in part, that is all there is to say.
    if not problem.ranges:
        told.append(problem.message)
    subject = _subject(problem)
    return (f"{subject}: " if subject else "") + "; ".join(told)


def _subject(problem: Problem) -> str:
    if problem.paths:
        more = f" and {plural(len(problem.paths) - 2, 'more path')}" if len(problem.paths) > 2 else ""
        return ", ".join(path or "the whole folder" for path in problem.paths[:2]) + more
    if problem.kind == "commit" and problem.oid:
        return f"commit {problem.oid[:7]}"
    return "a sound of no commit" if problem.kind in ("sound", "remote") else ""


def format_commits(problem: Problem) -> str:
    """Write which commits have something: the only one, or how many, the first and the last."""
    commits = problem.commits
    if problem.undo:
        return "what bf undo goes back to"
    if len(commits) == 1:
        return f"commit {commits[0][:7]}"
    return f"{len(commits)} commits ({commits[0][:7]} to {commits[-1][:7]})"


def format_ranges(ranges: tuple[LostRange, ...]) -> str:
    """Write what of a sound is lost: times where they are known, else bytes."""
    parts = [_format_range(part) for part in ranges[:_MAX_RANGES]]
    if len(ranges) > _MAX_RANGES:
        rest = ranges[_MAX_RANGES:]
        parts.append(f"{len(rest)} more parts ({format_size(sum(part.size for part in rest))})")
    return ", ".join(parts)


def _format_range(part: LostRange) -> str:
    if part.start_s is not None and part.duration_s is not None:
        return f"{format_duration(part.start_s)} to {format_duration(part.start_s + part.duration_s)}"
    if part.start_frame is not None and part.frames is not None:
        return f"frames {part.start_frame} to {part.start_frame + part.frames}"
    return f"bytes {part.start_byte} to {part.start_byte + part.size}"
