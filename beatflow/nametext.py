"""How branches and tags are told: the lines of their lists, and what was made or deleted of them.

Pure text; colour comes in as a callable.
"""

from collections.abc import Callable

from beatflow.naming import Name

Style = Callable[[str, str], str]


def format_name(row: Name, kind: str, style: Style) -> str:
    """Write a line of the list: name, commit, title; ``kind`` is the style of the name."""
    return f"{style(row.name, kind)} {style(row.oid[:7], 'oid')} {row.title}"


def format_made(name: str, oid: str, dry_run: bool) -> str:
    """Write which commit a new name is of."""
    return format_done(f"{name} at {oid[:7]}", dry_run)


def format_deleted(name: str, oid: str, dry_run: bool) -> str:
    """Write which commit a name was of, and how to have it back."""
    return format_done(f"deleted {name} (was {oid[:7]}); bf undo brings it back", dry_run)


def format_done(what: str, dry_run: bool) -> str:
    """Write what was done, or in a dry run would be."""
    return f"would be: {what}" if dry_run else what
