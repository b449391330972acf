"""What happened to sounds and is in no commit: made, failed, played, taken out, liked. One line of JSON each.

Light on purpose: commands that make or play a sound write here and load no database. The catalogue
(`beatflow.library.catalogue`) is built from these lines and from the repositories, so it may be deleted at any time.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

KINDS = ("generation", "play", "download", "favorite", "unfavorite")
NAME = "library.jsonl"

Event = Mapping[str, Any]


def note_event(folder: Path, kind: str, at: str, **facts: Any) -> None:
    """Add a line to a journal. What cannot be written is simply not remembered: no command fails over it.

    Parameters
    ----------
    folder : Path
        `Repository.state`, or the user's state folder outside a track; made when first needed.
    kind : str
        One of `KINDS`.
    at : str
        When, in ISO 8601 with its offset.
    facts
        By the glossary's names: ``oid``, ``path``, ``engine``, ``prompt``, ``seconds``, ``ok`` …
    """
    assert kind in KINDS
    # What JSON has no form for is told in words.
    line = (
        json.dumps({"kind": kind, "at": at, **facts}, ensure_ascii=True, sort_keys=True, default=str) + "\n"
    )
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # One write in append mode: two processes at once never mix their lines.
        handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def read_events(folder: Path, start: int = 0) -> tuple[list[Event], int]:
    """Read the whole lines of a journal from a byte on; also say where they end.

    Lines that cannot be read are left out. A journal that is shorter than ``start`` is another one: it is read whole.
    """
    try:
        with (folder / NAME).open("rb") as file:
            file.seek(0 if file.seek(0, os.SEEK_END) < start else start)
            start, data = file.tell(), file.read()
    except OSError:
        return [], 0
    # What somebody is writing just now is left for the next time.
    whole = data[: data.rfind(b"\n") + 1]
    events: list[Event] = []
    for line in whole.splitlines():
        with suppress(ValueError, RecursionError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("kind") in KINDS and isinstance(event.get("at"), str):
                events.append(event)
    return events, start + len(whole)
