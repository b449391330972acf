"""What comes before each command, however its line was read."""

from pathlib import Path

from beatflow.commandtable import COMMANDS, CONTENT_WITH_LESS, READERS
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def check_folder(directory: Path) -> None:
    """See that commands can run in a folder."""
    if not directory.is_dir():
        raise UsageError(f"no folder {str(directory)!r}", hint="-C wants a folder to run in")


def begin(invocation: Invocation, name: str) -> None:
    """Bring what a command reads from the folder and a partial clone has left elsewhere."""
    reads = COMMANDS.get(name, ("",))[0] in ("make", "listen") or name in READERS
    if reads and name not in CONTENT_WITH_LESS:
        from beatflow.commands.supplying import bring_files

        bring_files(invocation, invocation.words)
