"""All files of a commit in a zip, under names that every disk can hold; the score in it uses those names, too."""

import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from beatflow.daw.safename import Names, make_safe
from beatflow.daw.sounds import Shelf
from beatflow.errors import UsageError
from beatflow.objects.git.value import EXECUTABLE, SYMLINK
from beatflow.objects.pointer import read_pointer
from beatflow.track import TRACK_FILE, edit_track, parse_track

_LARGE = 0xF000_0000

Advance = Callable[[int, str], None]


@dataclass(slots=True)
class Packed:
    """What became of names, and the links, which a zip cannot hold everywhere."""

    renamed: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


def write_archive(
    file: BinaryIO, shelf: Shelf, top: str, date: tuple[int, int, int, int, int, int], advance: Advance
) -> Packed:
    """Write a zip.

    Parameters
    ----------
    file : binary file
        Empty.
    shelf : Shelf
    top : str
        The folder that everything lies in.
    date : tuple of int
        Of all files, as zips have it.
    advance : callable
        Called with the bytes read since the last call, and the path.

    Raises
    ------
    NotFoundError, DamagedError
        A file is not in the store, or cannot be read whole.
    """
    packed, names = Packed(), Names()
    paths = {}
    for path, entry in sorted(shelf.tree.items()):
        if entry.mode == SYMLINK:
            packed.links.append(path)
        else:
            paths[path] = names.take(path)
    packed.renamed = names.changed
    with zipfile.ZipFile(file, "w") as archive:
        for path, name in paths.items():
            entry = shelf.tree[path]
            info = zipfile.ZipInfo(f"{make_safe(top)}/{name}", date)
            # Sound hardly shrinks by it.
            stored = read_pointer(shelf.repository.git, entry) is not None
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | (0o755 if entry.mode == EXECUTABLE else 0o644)) << 16
            if path == TRACK_FILE and names.changed:
                archive.writestr(info, _rename_in_score(shelf, names.changed))
                continue
            source = shelf.find(path)
            large = source is not None and source.size > _LARGE
            with archive.open(info, "w", force_zip64=large) as member:

                def tell(size: int, path: str = path) -> None:
                    advance(size, path)

                shelf.copy(path, cast(BinaryIO, member), tell)
    return packed


def _rename_in_score(shelf: Shelf, renamed: dict[str, str]) -> bytes:
    data = shelf.repository.git.read_blob(shelf.tree[TRACK_FILE].oid)
    try:
        track = parse_track(data)
    except UsageError:
        return data
    changes: dict[Any, Any] = {
        ("stems", name, "file"): renamed[PurePosixPath(stem.file).as_posix()]
        for name, stem in track.stems.items()
        if PurePosixPath(stem.file).as_posix() in renamed
    }
    if track.mix_file in renamed:
        changes["mix", "file"] = renamed[track.mix_file]
    return edit_track(data, changes)
