"""Which files of a worktree are none of our business: ``.bfignore``, in gitignore's syntax."""

import re
from pathlib import Path
from typing import Protocol

from beatflow.errors import UsageError

IGNORE_FILE = ".bfignore"

CLUTTER = (".DS_Store", "Thumbs.db", "desktop.ini", "._*")
"""What operating systems leave behind; ``!name`` in ``.bfignore`` takes it back in."""


_MOST_STARS = 4


class Ignore(Protocol):
    """Says whether a path is ignored; a folder's path ends in ``/``."""

    def __call__(self, path: str, /) -> bool: ...


def read_ignore(root: Path) -> Ignore:
    """Read the rules of a worktree; without a ``.bfignore`` only the usual clutter is ignored."""
    try:
        text = (root / IGNORE_FILE).read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return _is_clutter
    lines = text.splitlines()
    tangled = next(filter(is_tangled, lines), None)
    if tangled:
        raise UsageError(
            f"{IGNORE_FILE} has a line with too many *: {tangled[:80]!r}", hint=f"mend {IGNORE_FILE}"
        )
    # 30 ms to import, and most tracks have no such file.
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines([*CLUTTER, *lines]).match_file
    except ValueError as error:
        raise UsageError(f"{IGNORE_FILE} has a bad line: {error}", hint=f"mend {IGNORE_FILE}") from error


def is_tangled(pattern: str) -> bool:
    """Say whether a pattern has so many wildcards that looking whether a name matches may take for ever.

    The work grows with the length of a name to the power of their number, and anybody may have written the pattern.
    """
    parts = pattern.split("/")
    return parts.count("**") > _MOST_STARS or any(
        len(re.findall(r"\*+", part)) > _MOST_STARS for part in parts
    )


def _is_clutter(path: str) -> bool:
    name = path.rstrip("/").rpartition("/")[2]
    return name in CLUTTER or name.startswith("._")
