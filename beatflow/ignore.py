"""Which files of a worktree are none of our business: ``.bfignore``, in gitignore's syntax."""

from pathlib import Path
from typing import Protocol

from beatflow.errors import UsageError

IGNORE_FILE = ".bfignore"

CLUTTER = (".DS_Store", "Thumbs.db", "desktop.ini", "._*")
"""What operating systems leave behind; ``!name`` in ``.bfignore`` takes it back in."""


class Ignore(Protocol):
    """Says whether a path is ignored; a folder's path ends in ``/``."""

    def __call__(self, path: str, /) -> bool: ...


def read_ignore(root: Path) -> Ignore:
    """Read the rules of a worktree; without a ``.bfignore`` only the usual clutter is ignored."""
    try:
        text = (root / IGNORE_FILE).read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return _is_clutter
    # 30 ms to import, and most tracks have no such file.
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines([*CLUTTER, *text.splitlines()]).match_file
    except ValueError as error:
        raise UsageError(f"{IGNORE_FILE} has a bad line: {error}", hint=f"mend {IGNORE_FILE}") from error


def _is_clutter(path: str) -> bool:
    name = path.rstrip("/").rpartition("/")[2]
    return name in CLUTTER or name.startswith("._")
