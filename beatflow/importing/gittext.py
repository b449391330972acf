"""What is said of a git repository whose history is taken over. Pure text, but for looking which files are there."""

from pathlib import Path

from beatflow.importing.gitimport import GitPlan
from beatflow.wording import format_size, plural


def describe_git_plan(plan: GitPlan) -> dict[str, object]:
    """Return a plan as JSON."""
    return {
        "git": plan.source.directory,
        "commits": plan.commits,
        "branches": plan.branches,
        "refs": plan.refs,
        "head": plan.head,
        "sounds": len(plan.sounds),
        "bytes": sum(one.size for one in plan.sounds),
        "absent": [one.oid for one in plan.absent],
        "remotes": [remote.name for remote in plan.remotes],
    }


def format_git_outcome(plan: GitPlan, where: str, dry_run: bool) -> str:
    """Say what came of it in one line."""
    word = "would become" if dry_run else "became"
    branches = f"{plan.branches} branch" + ("" if plan.branches == 1 else "es")
    size = format_size(sum(one.size for one in plan.sounds))
    return (
        f"{plural(plan.commits, 'commit')} on {branches}, {plural(len(plan.sounds), 'sound')} ({size}),"
        f" {word} the track {where}"
    )


def format_git_remarks(plan: GitPlan, root: Path) -> list[str]:
    """Say what else the musician should know."""
    remarks = []
    if plan.absent:
        count = plural(len(plan.absent), "sound")
        remarks.append(f"{count} left at {plan.remotes[0].name} until needed")
    if plan.unfilled and root == plan.source.root:
        count = plural(len(plan.unfilled), "file")
        remarks.append(f"pointers of git-lfs in place of sounds: {count}; git lfs pull brings them")
    if (root / ".gitignore").exists() and not (root / ".bfignore").exists():
        remarks.append("what .gitignore names is new to BeatFlow: cp .gitignore .bfignore")
    return remarks
