"""How a commit is told: the lines of ``bf log`` and ``bf show``, and the fields of ``--format`` and ``--json``.

Pure text; colour comes in as a callable.
"""

import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from beatflow.errors import UsageError
from beatflow.history import ADDED, DELETED, FileChange
from beatflow.logbook import LogEntry
from beatflow.repository import BRANCHES, REMOTES, TAGS
from beatflow.wording import format_iso_time, format_loudness, format_tempo, format_time, short_name

Style = Callable[[str, str], str]
_SIGNS = {ADDED: ("+", "added"), DELETED: ("−", "removed")}
MAX_NAMES = 8


def format_refs(entry: LogEntry, branch: str | None, head: str | None, style: Style) -> str:
    """Write the names of a commit: ``(HEAD → main, take2, tag v1)``, with a space behind; empty for none."""
    names = []
    if entry.oid == head and branch is None:
        names.append(style("HEAD", "head"))
    for ref in sorted(
        entry.refs, key=lambda ref: (ref != f"{BRANCHES}{branch}", not ref.startswith(BRANCHES), ref)
    ):
        if ref == f"{BRANCHES}{branch}":
            names.append(style("HEAD → ", "head") + style(branch or "", "branch"))
        elif ref.startswith(BRANCHES):
            names.append(style(ref.removeprefix(BRANCHES), "branch"))
        elif ref.startswith(TAGS):
            names.append(style(f"tag {ref.removeprefix(TAGS)}", "tag"))
        elif ref.startswith(REMOTES):
            names.append(style(ref.removeprefix(REMOTES), "remote"))
    return f"({', '.join(names)}) " if names else ""


def format_title(entry: LogEntry, branch: str | None, head: str | None, style: Style) -> str:
    """Write a commit's first line: id, names, title."""
    return f"{style(entry.oid[:7], 'oid')} {format_refs(entry, branch, head, style)}{entry.commit.title}"


def format_facts(entry: LogEntry, style: Style) -> str:
    """Write a commit's second line: how it sounds, what it touched, who and when."""
    parts = []
    if entry.tempo is not None:
        parts.append(format_tempo(entry.tempo))
    if entry.key:
        parts.append(entry.key)
    if entry.loudness_lufs is not None:
        parts.append(format_loudness(entry.loudness_lufs))
    touched = format_touched(entry.changes, style)
    if touched:
        parts.append(touched)
    author = entry.commit.author
    parts.append(style(f"{author.name}, {format_time(author)}", "dim"))
    return " · ".join(parts)


def format_touched(changes: Iterable[FileChange], style: Style) -> str:
    """Write what a commit touched: ``+pads drums mix −vocals``."""
    words = []
    for change in changes:
        sign, name = _SIGNS.get(change.kind, ("", "changed"))
        words.append(style(sign + short_name(change.path), name))
    more = len(words) - MAX_NAMES
    return " ".join(words[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def describe(entry: LogEntry) -> dict[str, Any]:
    """Return a commit as the object that ``--json`` gives."""
    author = entry.commit.author
    return {
        "oid": entry.oid,
        "parents": list(entry.parents),
        "refs": list(entry.refs),
        "message": entry.commit.message.strip(),
        "author": author.name,
        "email": author.email,
        "time": format_iso_time(author),
        "tempo": entry.tempo,
        "key": entry.key,
        "mix": entry.mix,
        "loudness_lufs": entry.loudness_lufs,
        "changes": [describe_change(change) for change in entry.changes],
    }


def describe_change(change: FileChange) -> dict[str, Any]:
    """Return a change as an object for JSON."""
    return {"path": change.path, "kind": change.kind, "source": change.source}


def format_change(change: FileChange, style: Style) -> str:
    """Write a change as a line: sign, path, and where a renamed file was."""
    sign, name = _SIGNS.get(change.kind, ("~", "changed"))
    return style(f"{sign} {change.path}", name) + (f" (was {change.source})" if change.source else "")


def format_origin(record: Mapping[str, Any], style: Style) -> str:
    """Write where a sound comes from in a few words: ``synth: "lofi" seed 7``."""
    words = [str(record.get("engine", "?")) + ":"]
    if record.get("prompt"):
        words.append(f'"{record["prompt"]}"')
    if record.get("seed") is not None:
        words.append(f"seed {record['seed']}")
    if len(words) == 1:
        inputs = [item.get("path") or str(item.get("oid"))[:7] for item in record.get("inputs", [])]
        words.append(f"from {', '.join(inputs)}" if inputs else "no inputs")
    return style(" ".join(words), "dim")


FIELDS = (
    "oid", "short", "message", "body", "author", "email", "time", "refs", "parents", "tempo", "key", "loudness_lufs",
)  # fmt: skip


def make_formatter(template: str) -> Callable[[LogEntry], str]:
    r"""Compile a ``--format``: ``{oid} {message}``, with ``\n``, ``\t`` and ``\0`` as in shells.

    Raises
    ------
    UsageError
        A field does not exist, or a brace is left open.
    """
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UsageError(f"--format: {error}", hint="{oid} {message}; write {{ for a brace") from error
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise UsageError(f"--format has no field {{{unknown[0]}}}", hint=f"there are {', '.join(FIELDS)}")
    plain = template.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")

    def render(entry: LogEntry) -> str:
        author = entry.commit.author
        values = {
            "oid": entry.oid,
            "short": entry.oid[:7],
            "message": entry.commit.title,
            "body": entry.commit.message.strip(),
            "author": author.name,
            "email": author.email,
            "time": format_iso_time(author),
            "refs": " ".join(entry.refs),
            "parents": " ".join(entry.parents),
            "tempo": "" if entry.tempo is None else entry.tempo,
            "key": entry.key or "",
            "loudness_lufs": "" if entry.loudness_lufs is None else round(entry.loudness_lufs, 1),
        }
        try:
            return plain.format_map(values)
        except (ValueError, TypeError) as error:
            raise UsageError(f"--format: {error}", hint="{oid} {message}") from error

    return render
