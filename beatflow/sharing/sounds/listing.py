"""Which sounds a stretch of history names."""

from collections.abc import Iterable

from beatflow.objects.git.history import iter_new_files
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer, read_pointer


def list_sounds(git: GitStore, tips: Iterable[str], known: Iterable[str] = ()) -> list[Pointer]:
    """Return the sounds of the commits behind ``tips`` that are not behind ``known``, each once.

    What stands in the trees of ``known`` is left out; what only older commits behind them had may be among them.

    Raises
    ------
    DamagedError
        A commit, a tree or a pointer is missing.
    """
    found: dict[str, Pointer] = {}
    for entry in iter_new_files(git, tips, known):
        pointer = read_pointer(git, entry)
        if pointer:
            found.setdefault(pointer.oid, pointer)
    return list(found.values())
