"""Which files are git-lfs's by a track's own ``.gitattributes``, whatever is in them.

A track that came from git may have said so of MIDI files or pictures: what BeatFlow commits of them has to be a pointer
as well, or git takes them for changed. Reads the files beside the music as git does (gitattributes(5)): the nearest
folder first, the last line that matches. Of `info/attributes` and of the settings of a machine it knows nothing.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from beatflow.filename import TRACK_FILE
from beatflow.ignore import is_tangled

ATTRIBUTES = ".gitattributes"

_LFS = "lfs"
_OURS = frozenset({ATTRIBUTES, ".bfignore", TRACK_FILE})
"""Read from history as text, whatever a ``*`` says."""
_MACRO = "[attr]"
_LINE = r'("(?:[^"\\]|\\.)*"|\S+)\s+(.*)'
_ESCAPE = rb"\\([0-7]{3}|.)"
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_LARGEST = 1 << 20

Matches = Callable[[str], bool]


class LfsPaths:
    """Says of paths whether they are git-lfs's; reads each ``.gitattributes`` once.

    Parameters
    ----------
    root : Path
        The folder that paths are below.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rules: dict[str, list[tuple[Matches, bool]]] = {}
        self._macros: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        parts = path.split("/")
        if parts[-1] in _OURS:
            return False
        for depth in range(len(parts) - 1, -1, -1):
            below = "/".join(parts[depth:])
            for matches, is_lfs in self._read("/".join(parts[:depth])):
                if matches(below):
                    return is_lfs
        return False

    def _read(self, folder: str) -> list[tuple[Matches, bool]]:
        """Return what the file in a folder says, the last line first."""
        if folder not in self._rules:
            path = self._root / folder / ATTRIBUTES
            try:
                # Who leads it elsewhere by a link, or fills a disk with it, is not followed; nor does git.
                known = not path.is_symlink() and path.stat().st_size <= _LARGEST
                text = path.read_text("utf-8", "surrogateescape") if known else ""
            except OSError:
                text = ""
            if folder and "" not in self._rules:
                self._read("")  # macros stand there
            self._rules[folder] = list(self._parse(text.splitlines()))[::-1] if _LFS in text else []
        return self._rules[folder]

    def _parse(self, lines: Iterable[str]) -> Iterable[tuple[Matches, bool]]:
        for line in lines:
            found = re.match(_LINE, line.strip())
            if found is None or line.lstrip().startswith("#"):
                continue
            pattern, words = found[1], found[2].split()
            settings = [value for word in words if (value := self._read_setting(word)) is not None]
            if not settings:
                continue
            if pattern.startswith(_MACRO):
                self._macros[pattern.removeprefix(_MACRO)] = settings[-1]
            elif matches := _compile(_unquote(pattern)):
                yield matches, settings[-1]

    def _read_setting(self, word: str) -> bool | None:
        """Return whether a word has a file be git-lfs's; None where it says nothing of that."""
        if word in self._macros:
            return self._macros[word]
        return word == f"filter={_LFS}" if word.lstrip("-!").partition("=")[0] == "filter" else None


def _compile(pattern: str) -> Matches | None:
    # Git has no exceptions here, and folders stand for nothing.
    if pattern.startswith("!") or pattern.endswith("/") or is_tangled(pattern):
        return None
    # 30 ms to import, and most tracks have no such lines.
    from pathspec import GitIgnoreSpec

    # What matches a folder does not match what is in it.
    spec = GitIgnoreSpec.from_lines([pattern, f"!{pattern}/**"] if not pattern.endswith("/**") else [pattern])
    return spec.match_file


def _unquote(pattern: str) -> str:
    if not pattern.startswith('"'):
        return pattern

    def read(found: re.Match[bytes]) -> bytes:
        letter = found[1]
        return bytes([int(letter, 8) & 0xFF]) if len(letter) == 3 else _LETTERS.get(letter, letter)

    return re.sub(_ESCAPE, read, pattern[1:-1].encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )
