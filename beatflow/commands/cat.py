"""``bf cat``."""

from typing import Annotated

import typer

from beatflow.commands.options import complete_entry
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def cat(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="REV:PATH",
            help="A file in a commit; REV is HEAD if left out.",
            autocompletion=complete_entry,
        ),
    ],
) -> None:
    """Write a file of any commit to standard output, byte for byte.

    Examples:
      bf cat HEAD~1:mix.wav > before.wav
      bf cat v1:stems/drums.wav | ffplay -
    """
    from beatflow.revision.revision import get_entry
    from beatflow.worktree import iter_content, read_pointer

    invocation = Invocation.of(ctx)
    repository = invocation.repository()
    path, entry = get_entry(repository, name)
    if invocation.ui.terminal and read_pointer(repository.git, entry):
        raise UsageError(f"{path} is sound, not text for a terminal", hint=f"bf cat {name} > FILE")
    invocation.ui.emit_bytes(iter_content(repository.git, repository.audio, entry))
