"""What commands do in a partial clone when they need sounds that it has left elsewhere: ask the remotes for them.

No command of its own; loads what speaks to remotes only when a sound is needed.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.repository import Repository
    from beatflow.sharing.access import Access
    from beatflow.sharing.partial.supply import Elsewhere

_WRITTEN = ("-o", "--output", "--to")
"""Options whose value is written, not read."""


def make_elsewhere(repository: "Repository", access: "Access") -> "Elsewhere":
    """Return the remotes of a track, none of which has been asked yet."""
    from beatflow.sharing.opening import open_configured
    from beatflow.sharing.partial.supply import Elsewhere

    return Elsewhere(lambda remote: open_configured(repository, remote, access))


def make_supply(invocation: Invocation, repository: "Repository") -> Callable[[list[str]], None]:
    """Return what brings sounds by their oids when they are read and not here."""
    elsewhere: Elsewhere | None = None

    def bring(oids: list[str]) -> None:
        nonlocal elsewhere
        from beatflow.commands.options import make_access
        from beatflow.sharing.partial.supply import supply

        elsewhere = elsewhere or make_elsewhere(repository, make_access(invocation))
        with invocation.ui.progress("fetching") as progress:
            supply(repository, oids, elsewhere, progress)

    return bring


def bring_files(invocation: Invocation, words: Sequence[str]) -> None:
    """Lay into the folder what the words of a command line name and a partial clone has left elsewhere."""
    repository = invocation.find_repository()
    # Looked for before anything is opened: a whole clone is to pay nothing.
    if repository is None or not repository.has_absent or {"--help", "-h"} & set(words):
        return
    from beatflow.commands.options import make_access
    from beatflow.sharing.partial.supply import fetch_paths, find_arguments, find_score

    read = [word for word, before in zip(words, ("", *words), strict=False) if before not in _WRITTEN]
    paths = find_arguments(repository, read) + (find_score(repository) if "--sum" in words else [])
    if paths:
        elsewhere = make_elsewhere(repository, make_access(invocation))
        with invocation.ui.progress("fetching") as progress:
            fetch_paths(repository, paths, elsewhere, progress, want=False)
