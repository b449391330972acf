"""Which sounds a folder holds, for commands that take a whole folder: in order, and what is wrong with the others.

Hidden files and folders are left out, and so are files that nobody would take for a sound.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.errors import BeatFlowError
from beatflow.sound.files import SoundInfo, read_info

SUFFIXES = {
    ".wav",
    ".wave",
    ".rf64",
    ".bwf",
    ".aif",
    ".aiff",
    ".aifc",
    ".flac",
    ".mp3",
    ".ogg",
    ".oga",
    ".opus",
}
"""A file of such a name that is no sound is a broken one; any other is simply not meant."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """A file of which nothing came, and why; ``broken`` where something should have come of it."""

    path: str
    message: str
    hint: str | None = None
    broken: bool = True


@dataclass(frozen=True, slots=True)
class FoundSound:
    """A sound in a folder: where it is, how to call it, its path below the folder, and what its header says."""

    path: Path
    name: str
    below: PurePosixPath
    info: SoundInfo


def iter_sounds(
    folder: Path, name: str, on_mishap: Callable[[Mishap], None], output: Path | None = None
) -> Iterator[FoundSound]:
    """Yield the sounds in a folder and the folders in it, by name.

    Parameters
    ----------
    folder : Path
    name : str
        What to call it.
    on_mishap : callable
        Told of each other file.
    output : Path, optional
        A folder that is left out, since results go there.
    """
    for path in _walk(folder, output.resolve() if output else None):
        below = PurePosixPath(path.relative_to(folder).as_posix())
        shown = (PurePosixPath(name) / below).as_posix()
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            if not is_sound(head) and path.suffix.lower() not in SUFFIXES:
                on_mishap(Mishap(shown, "no sound", broken=False))
                continue
            info = read_info(path, shown)
        except BeatFlowError as error:
            on_mishap(Mishap(shown, error.message, error.hint))
        except OSError as error:
            on_mishap(Mishap(shown, explain_error(error)))
        else:
            yield FoundSound(path, shown, below, info)


def explain_error(error: OSError) -> str:
    """What the system says, in lower case."""
    return (error.strerror or str(error)).lower()


def _walk(folder: Path, output: Path | None) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            one for one in folders if not one.startswith(".") and (here / one).resolve() != output
        )
        yield from (
            here / file for file in sorted(files) if not file.startswith(".") and (here / file).is_file()
        )
