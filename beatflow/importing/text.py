"""What the commits of an import say, and how its plan is shown. Pure text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from beatflow.changetext import tell_briefly, tell_change
from beatflow.importing.order import Version
from beatflow.importing.plan import Placed, Plan, Step
from beatflow.objects.git.value import Signature
from beatflow.sound.explanation import Explanation
from beatflow.timecode import Clock
from beatflow.wording import format_time, plural, short_name

_TOLD = 3
"""How many files a title tells of."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A file that went in, what became of its sound, if that is known, and whether there was one at its path before."""

    placed: Placed
    explanation: Explanation | None
    existed: bool


def format_message(step: Step, heard: Sequence[Heard], directory: str, offset_min: int) -> str:
    """Write a commit's message: its version and what changed, then each file and how its place was found."""
    told = [_tell_title(one) for one in heard[:_TOLD]]
    if len(heard) > _TOLD:
        told.append(f"{len(heard) - _TOLD} more")
    told += [f"−{short_name(path)}" for path in step.removed[:_TOLD]]
    said = "; ".join(told)
    lines = [f"{step.label}: {said}" if step.label else said, ""]
    for one in heard:
        reason = tell_reason(one.placed.version, offset_min)
        lines.append(f"{_on_one_line(one.placed.path)} from {quote(one.placed.source)}: {reason}")
        if one.explanation:
            clock = Clock(one.explanation.sample_rate)
            lines.append("  " + "; ".join(tell_change(change, clock) for change in one.explanation.changes))
        lines += [f"  also as {quote(other.path)}, byte for byte" for other in one.placed.version.alias]
    lines += [f"{_on_one_line(path)} is not in this version" for path in step.removed]
    return "\n".join([*lines, "", f"Imported from {directory}."])


def _tell_title(heard: Heard) -> str:
    name = short_name(_on_one_line(heard.placed.path))
    if heard.explanation:
        return tell_briefly(name, heard.explanation, Clock(heard.explanation.sample_rate))
    return name if heard.existed else f"+{name}"


def tell_reason(version: Version, offset_min: int) -> str:
    """Say how a file's place in history was found."""
    said = version.name.tell() if not version.name.says_nothing else ""
    written = _format(version.file.mtime_s, offset_min)
    if not version.date_passed_over:
        return ", ".join(word for word in (said, f"written {written}") if word)
    if version.name.moment is not None:
        return f"{said} (the file itself: {written})"
    return ", ".join(word for word in (said, f"its date {written} does not fit and was passed over") if word)


def format_plan(plan: Plan, offset_min: int) -> list[str]:
    """Write what would become of a folder, a commit at a time."""
    lines = []
    for number, step in enumerate(plan.steps, 1):
        title = step.label or ", ".join(short_name(placed.path) for placed in step.files[:_TOLD])
        lines.append(f"{number:3}  {_format(step.time_s, offset_min)}  {title}")
        width = max((len(placed.path) for placed in step.files), default=0)
        for placed in step.files:
            reason = tell_reason(placed.version, offset_min)
            lines.append(f"       {placed.path:{width}}  from {quote(placed.source)}: {reason}")
        lines += [f"       {path} is not in this version" for path in step.removed]
    return lines


def format_remarks(plan: Plan) -> list[str]:
    """Write what else there is to say of a plan."""
    lines = [
        f"{quote(one.path)} is byte for byte {quote(other.path)}: one version"
        for one, other in plan.duplicates
    ]
    lines += [f"{quote(name)} with numbers: different sounds, kept side by side" for name in plan.apart]
    return lines


def describe_plan(plan: Plan, offset_min: int) -> list[dict[str, object]]:
    """Return the commits of a plan as JSON."""
    return [
        {
            "label": step.label,
            "time_s": step.time_s,
            "removed": step.removed,
            "files": [
                {
                    "path": placed.path,
                    "source": placed.source,
                    "reason": tell_reason(placed.version, offset_min),
                    "also": [other.path for other in placed.version.alias],
                }
                for placed in step.files
            ],
        }
        for step in plan.steps
    ]


def format_outcome(count: int, files: int, where: str, dry_run: bool) -> str:
    """Say what came of it in one line."""
    word = "would become" if dry_run else "became"
    return f"{plural(files, 'file')} {word} {plural(count, 'commit')} in {where}"


def quote(path: str) -> str:
    """Put a path in quotes."""
    return f'"{_on_one_line(str(PurePosixPath(path)))}"'


def _on_one_line(path: str) -> str:
    return path.replace("\n", "\\n")


def _format(time_s: int, offset_min: int) -> str:
    return format_time(Signature("", "", max(0, time_s), offset_min))
