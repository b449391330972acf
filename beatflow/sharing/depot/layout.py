"""Where what lies in a depot, and whether a place is one. docs/format.md says the same in words.

Previews lie in ``previews/``, as `beatflow.sharing.partial.shelf` puts them into any place.
"""

import re

from beatflow.errors import NotFoundError
from beatflow.places.place import ChangedError, Place
from beatflow.sharing.remote import RemoteError

MARKER = "beatflow-depot"
REFS = "refs.json"
HISTORY = "history/"
AUDIO = "audio/"
LOCKS = "locks/"
BROKEN_LOCKS = "locks/broken/"
PACK = ".pack"

_TEXT = b"beatflow depot 1\n"
_PROBE = b"beatflow depot 0\n"
_NO_TAG = '"00000000000000000000000000000000"'
_NEWER = re.compile(rb"beatflow depot ([0-9]{1,9})\n")


def is_depot(place: Place) -> bool:
    """Say whether a place is a depot; False where nothing at all lies there, so that it may become one.

    Raises
    ------
    RemoteError
        Something else lies there, or a depot of a later format.
    """
    content = place.read(MARKER)
    if content is None:
        if place.is_empty():
            return False
        content = place.read(MARKER)  # somebody may have made one this very moment
    if content is None:
        raise RemoteError(
            f"{place.address} holds other things and no depot of BeatFlow's",
            f"choose a folder of its own, such as {place.address.rstrip('/')}/track",
        )
    if content.data == _TEXT:
        return True
    newer = _NEWER.fullmatch(content.data)
    if newer:
        raise refuse_newer(place)
    raise RemoteError(
        f"{place.address} is no depot of BeatFlow's: its {MARKER} says something else", "bf remote ls"
    )


def require_depot(place: Place) -> None:
    """Refuse a place that is no depot.

    Raises
    ------
    NotFoundError
        Nothing lies there yet.
    RemoteError
        Something else does.
    """
    if not is_depot(place):
        spelling = "" if "://" in place.address else ", and that its disk is plugged in"
        raise NotFoundError(
            f"nothing is at {place.address} yet",
            f"see how it is spelt{spelling}; bf push makes a depot of an empty place",
        )


def make_depot(place: Place) -> None:
    """Make an empty place a depot; it may be one.

    Raises
    ------
    RemoteError
        Something else lies there, or the place writes without heeding conditions, so that two pushes at once would
        not see each other.
    """
    if is_depot(place):
        return
    try:
        place.swap(MARKER, _TEXT, None)
    except ChangedError:
        require_depot(place)  # somebody else was as quick
        return
    for tag in (None, _NO_TAG):
        try:
            place.swap(MARKER, _PROBE, tag)
        except ChangedError:
            continue
        place.remove(MARKER)
        raise RemoteError(
            f"{place.address} overwrites what others have written: its service knows no conditional writes",
            "use a service that does (Amazon, Google, Azure, MinIO, SeaweedFS …), a folder or a git host",
        )


def refuse_newer(place: Place) -> RemoteError:
    """Return the error for a depot of a later format."""
    return RemoteError(
        f"{place.address} was written by a later version of BeatFlow", "pip install --upgrade beatflow"
    )
