"""How problems and repairs are told: one line each, in a musician's words. Pure text."""

from beatflow.care.problem import Problem
from beatflow.objects.checking import LostRange
from beatflow.wording import format_duration, format_size, plural

_MAX_RANGES = 3


def format_problem(problem: Problem) -> str:
    """Write what is lost, of what, in which commits, and why: ``drums.wav: 0:03.000 to 0:05.100 lost in …; …``."""
    where = []
    if problem.ranges or problem.kind == "sound":
        where.append(f"{format_ranges(problem.ranges)} lost".strip())
    if problem.commits and problem.kind != "commit":
        where.append(f"in {format_commits(problem)}")
    oid = problem.oid or ""
    told = not oid or oid[:12] in problem.message
    reason = problem.message if told else f"{problem.message} ({oid[:12]})"
    subject = _subject(problem)
    return (f"{subject}: " if subject else "") + (f"{' '.join(where)}; " if where else "") + reason


def _subject(problem: Problem) -> str:
    if problem.paths:
        more = f" and {plural(len(problem.paths) - 2, 'more path')}" if len(problem.paths) > 2 else ""
        return ", ".join(path or "the whole folder" for path in problem.paths[:2]) + more
    if problem.pack:
        return f"pack {problem.pack[:12]}" + (
            f" at byte {problem.offset}" if problem.offset is not None else ""
        )
    return "a sound of no commit" if problem.kind == "sound" else ""


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
