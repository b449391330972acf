"""File names that every disk can hold: Windows, FAT and exFAT included. Pure text.

Windows forbids ``< > : " / \\ | ? *``, what is below a space, a space or a dot at the end, and the names of old
devices; disks that do not tell upper from lower case, or one way of writing an accent from the other, hold
only one of such two.
"""

import unicodedata

MAX_NAME = 120
"""In UTF-8 bytes: file systems take 255 (in UTF-16 units on Windows), but whole paths only about 260 there."""

_FORBIDDEN = set('<>:"/\\|?*\ufffe\uffff')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in "123456789¹²³")}


def make_safe(name: str) -> str:
    """Return the nearest file name that can be written anywhere; the suffix stays."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    text = "".join("_" if _is_forbidden(letter) else letter for letter in text).strip(" ").rstrip(".")
    text = text.rstrip(" .")
    stem, dot, suffix = text.rpartition(".")
    if not dot:
        stem, suffix = text, ""
    if text.split(".")[0].rstrip(" ").lower() in _DEVICES:
        stem = "_" + stem
    return _shorten(stem, dot + suffix) or "_"


def _is_forbidden(letter: str) -> bool:
    return letter in _FORBIDDEN or unicodedata.category(letter) in ("Cc", "Cs")


def _shorten(stem: str, suffix: str) -> str:
    room = MAX_NAME - len(suffix.encode())
    if room < 1:
        return (stem + suffix).encode()[:MAX_NAME].decode("utf-8", "ignore").rstrip(" .")
    if len(stem.encode()) <= room:
        return stem + suffix
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + suffix


class Names:
    """Gives each file of a folder tree a safe path that no other one has.

    `changed` says which paths could not stay as they were.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self.changed: dict[str, str] = {}

    def take(self, path: str) -> str:
        """Return a safe path, with ``/`` between folders, for a file that would be called this."""
        *folders, name = [make_safe(part) for part in path.split("/") if part not in ("", ".", "..")] or ["_"]
        stem, dot, suffix = name.rpartition(".")
        if not dot:
            stem, suffix = name, ""
        number, result = 1, "/".join([*folders, name])
        while _fold(result) in self._taken:
            number += 1
            result = "/".join([*folders, f"{stem} ({number}){dot}{suffix}"])
        self._taken.add(_fold(result))
        if result != path:
            self.changed[path] = result
        return result


def _fold(path: str) -> str:
    """What two paths have in common that one disk or another cannot hold side by side."""
    return unicodedata.normalize("NFKC", path).casefold()
