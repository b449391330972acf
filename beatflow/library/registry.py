"""Which tracks there are on this machine: a line in a file of the user's for each, added when one changes first.

Light on purpose, since every change of a track comes by here: one small file is read, and written once per track. Knows
neither what is in a track nor whether it is still there. The file only ever grows by whole lines, so that two processes
at once lose nothing: ``"/music/night drive"`` makes a track known, ``["/music/night drive"]`` has it forgotten again.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

NAME = "tracks.jsonl"


def remember_track(state: Path | None, root: Path) -> None:
    """Make a track known. What cannot be written is simply not remembered: no command fails over it.

    Parameters
    ----------
    state : Path or None
        The user's state folder; made when first needed.
    root : Path
        The track's folder.
    """
    if state is None:
        return
    path = os.path.realpath(root)
    if not _is_known(_read(state), path):
        _append(state, path)


def forget_track(state: Path, root: Path) -> bool:
    """Have a track known no more; whether it was. Its next change makes it known again."""
    path = os.path.realpath(root)
    known = _is_known(_read(state), path)
    if known:
        _append(state, [path])
    return known


def list_tracks(state: Path | None) -> list[Path]:
    """Return the folders of all known tracks, those first known first; some may be gone by now."""
    known: dict[str, None] = {}
    for line in _read(state).splitlines() if state else ():
        # A line that was cut off by a full disk is none.
        with suppress(ValueError):
            item = json.loads(line)
            if isinstance(item, str):
                known[item] = None
            elif isinstance(item, list) and item:
                known.pop(item[0], None)
    return [Path(path) for path in known]


def _is_known(lines: bytes, path: str) -> bool:
    known, forgotten = _encode(path), _encode([path])
    last = next((line for line in reversed(lines.split(b"\n")) if line in (known, forgotten)), None)
    return last == known


def _encode(item: str | list[str]) -> bytes:
    # Names that are not UTF-8 come as lone surrogates, for which JSON has an escape.
    return json.dumps(item).encode()


def _read(state: Path) -> bytes:
    with suppress(OSError):
        return (state / NAME).read_bytes()
    return b""


def _append(state: Path, item: str | list[str]) -> None:
    with suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        handle = os.open(state / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, _encode(item) + b"\n")
        finally:
            os.close(handle)
