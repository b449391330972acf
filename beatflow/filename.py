"""Which names a file of a track may have: none that a disk may take for BeatFlow's or git's own folders.

Disks differ in what they hold for the same name: most of macOS and Windows are blind to case, Windows drops dots and
spaces at the end, reads what follows a colon as a stream of the file and gives long names a short one, HFS+ passes over
letters that have no width. Whatever any of them may equate counts as equal here. Knows no repository.
"""

import os
import re

from beatflow.errors import ConflictError

TRACK_FILE = "track.toml"
"""The score of the mix, which `track` reads."""

PRIVATE = frozenset({".beatflow", ".git", ".provenance"})
"""Folders that are BeatFlow's or git's, wherever they stand."""

# What Windows calls `.git` and `.beatflow` where it keeps short names: the first letters and a number.
_SHORT = r"(?:git|beatfl|proven)~[0-9]{1,2}"
# Of no width: HFS+ ignores them in names (the list is that of Apple's TN1150).
_IGNORED = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))
_NOT_ON_WINDOWS = r'[\\:*?"<>|\x00-\x1f]'
_DEVICES = r"(?s:(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?)"


def is_private(name: str) -> bool:
    """Say whether a file or folder of this name belongs to BeatFlow or git, in any spelling that a disk may equate."""
    # Asked of every file of a track: most names are told by a glance.
    if name.isascii() and "~" not in name and ":" not in name and "\\" not in name:
        return name.rstrip(" .").lower() in PRIVATE
    return any(_is_private_part(part) for part in name.split("\\"))


def _is_private_part(name: str) -> bool:
    plain = name.translate(_IGNORED).partition(":")[0].rstrip(" .").lower()
    return plain in PRIVATE or re.fullmatch(_SHORT, plain) is not None


def fold_name(name: str) -> str:
    """Return a name as the least careful disk sees it: two names that fold alike may be one file there."""
    import unicodedata

    plain = name.translate(_IGNORED).rstrip(" .")
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", plain).casefold())


def is_writable_name(name: str, windows: bool = os.name == "nt") -> bool:
    """Say whether a disk takes this as the name of one file: no way through folders, and on Windows no device."""
    if name in ("", ".", "..") or "\0" in name or "/" in name:
        return False
    if not windows:
        return True
    odd = re.search(_NOT_ON_WINDOWS, name) or name[-1] in " ." or re.fullmatch(_DEVICES, name.lower())
    return not odd


def check_path(path: str) -> None:
    """Refuse a path that could leave the worktree or touch the repository.

    Raises
    ------
    ConflictError
        It is absolute, has ``..`` in it, or names a private folder in any spelling.
    """
    for part in path.split("/"):
        if is_private(part):
            raise ConflictError(
                f"the path {path!r} cannot be written here", hint="it is private to BeatFlow or git"
            )
        if not is_writable_name(part):
            raise ConflictError(f"the path {path!r} cannot be written here", hint="rename it where it is")
