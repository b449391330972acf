"""Which sounds of a track are wanted here, and where it is written down: ``.beatflow/partial``.

A whole clone has no such file, and asks for nothing more than that. Knows paths, no history and no remote.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.durable import write_atomic

FILE_NAME = "partial"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted.

    Parameters
    ----------
    audio : bool
        False: no sound but those at ``paths``.
    stems : tuple of str
        Where there are any: no sounds but these stems (and those at ``paths``): files or folders of these names.
    since : str or None
        A revision; once `resolve` has seen it, the id of the commit before which sounds are not wanted.
    paths : tuple of str
        Files and folders whose sounds are wanted besides.
    previews : bool
        Small copies of what is left elsewhere are wanted.
    pruned : bool
        Older sounds were dropped to free space.
    remote : str
        The name of the remote where the rest is.
    """

    audio: bool = True
    stems: tuple[str, ...] = ()
    since: str | None = None
    paths: tuple[str, ...] = ()
    previews: bool = False
    pruned: bool = False
    remote: str = "origin"

    @property
    def is_whole(self) -> bool:
        """Nothing is left elsewhere."""
        return self.wants_all_paths and self.since is None and not self.pruned

    @property
    def wants_all_paths(self) -> bool:
        """No path is left out, though older sounds may be."""
        return self.audio and not self.stems

    def wants(self, path: str) -> bool:
        """Say whether the sound at a path is wanted."""
        if self.wants_all_paths or any(
            wanted in ("", path) or path.startswith(wanted + "/") for wanted in self.paths
        ):
            return True
        pure = PurePosixPath(path)
        names = {name.lower() for name in self.stems}
        return bool(names) and not names.isdisjoint(part.lower() for part in (pure.stem, *pure.parts[:-1]))

    def with_paths(self, paths: tuple[str, ...]) -> "Selection":
        """Return one that wants further paths."""
        return replace(self, paths=tuple(dict.fromkeys((*self.paths, *paths))))


def read_selection(directory: Path) -> Selection:
    """Return what is wanted in a repository.

    Parameters
    ----------
    directory : Path
        Its ``.beatflow``.

    Raises
    ------
    DamagedError
        It cannot be read.
    BeatFlowError
        It is of a later version.
    """
    try:
        data = (directory / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return Selection()
    try:
        document = json.loads(data)
        version = int(document.pop("version"))
        if version > VERSION:
            raise BeatFlowError(
                f"{directory / FILE_NAME} is of a later version: {version}", hint="upgrade BeatFlow"
            )
        return Selection(
            bool(document["audio"]),
            tuple(map(str, document["stems"])),
            None if document["since"] is None else str(document["since"]),
            tuple(map(str, document["paths"])),
            bool(document["previews"]),
            bool(document["pruned"]),
            str(document["remote"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DamagedError(
            f"{directory / FILE_NAME}, which says which sounds are wanted here, cannot be read",
            hint=f"remove it, then bf fetch .: rm {directory / FILE_NAME}",
        ) from None


def write_selection(directory: Path, selection: Selection) -> None:
    """Write down what is wanted in a repository, durably; a whole clone has nothing written down."""
    if selection.is_whole and not selection.previews:
        (directory / FILE_NAME).unlink(missing_ok=True)
    else:
        document = {"version": VERSION} | asdict(selection)
        write_atomic(directory / FILE_NAME, json.dumps(document, indent=1).encode())
