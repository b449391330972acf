"""``bf cat``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import complete_entry
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def cat(
    invocation: Invocation,
    name: Annotated[
        str,
        Argument(
            metavar="REV:PATH",
            help="A file in a commit; REV is HEAD if left out.",
            autocompletion=complete_entry,
        ),
    ],
    preview: Annotated[
        bool, Option("--preview", help="Write the small copy to listen to, as Ogg Opus.")
    ] = False,
) -> None:
    """Write a file of any commit to standard output, byte for byte.

    --preview writes the small copy that a partial clone has in place of a sound, or makes it where the sound is here.

    Examples:
      bf cat HEAD~1:mix.wav > before.wav
      bf cat v1:stems/drums.wav | ffplay -
      bf cat --preview v1:mix.wav | ffplay -
    """
    from beatflow.objects.pointer import iter_content, read_pointer
    from beatflow.revision.revision import get_entry

    repository = invocation.repository()
    path, entry = get_entry(repository, name)
    pointer = read_pointer(repository.git, entry)
    if invocation.ui.terminal and pointer:
        raise UsageError(f"{path} is sound, not text for a terminal", hint=f"bf cat {name} > FILE")
    if preview:
        if pointer is None:
            raise UsageError(f"{path} is no sound", hint=f"bf cat {name}")
        from beatflow.sharing.partial.previews import open_preview

        with open_preview(repository, pointer.oid) as file:
            invocation.ui.emit_bytes(iter(lambda: file.read(1 << 20), b""))
        return
    invocation.ui.emit_bytes(iter_content(repository.git, repository.audio, entry))
