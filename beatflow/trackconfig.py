"""The settings of a track that belong to its history: git's ``config``, read without libgit2, and what changes take
there.

Which remotes there are, and which branch follows which of theirs. Knows no meaning but one: what was learnt of a remote
goes with its address.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from beatflow.gitconfig import parse_config

if TYPE_CHECKING:
    from beatflow.objects.operation import Change
    from beatflow.repository import Repository


def read_settings(directory: Path) -> dict[str, str]:
    """Return what ``config`` in a ``.beatflow`` says: lower-case ``section.name``, a subsection as it is, to a value.

    Not what the user's own files say: a remote of all tracks is none.
    """
    return parse_config((directory / "config").read_text(encoding="utf-8", errors="surrogateescape"))


def apply_settings(repository: "Repository", settings: Mapping[str, "Change"]) -> None:
    """Write what settings are after a change; None takes one out. Needs the lock."""
    for key, change in settings.items():
        if change.after is None:
            repository.git.remove_config(key)
        else:
            repository.git.write_config(key, change.after)
        name = re.fullmatch(r"remote\.([^./\\][^/\\]*)\.url", key)
        if name:
            import shutil  # hardly any change is one of a remote

            shutil.rmtree(find_cache(repository, name[1]), ignore_errors=True)


def find_cache(repository: "Repository", remote: str) -> Path:
    """Return the folder in which a track keeps what it learns of a remote; it need not be there."""
    return repository.state / "remotes" / remote
