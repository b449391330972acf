"""Sounds read back from an LFS server: the only proof that they lie there as they should."""

import hashlib
from collections.abc import Sequence

from beatflow.errors import DamagedError
from beatflow.objects.pointer import Pointer
from beatflow.sharing.githost.crew import work_together
from beatflow.sharing.githost.lfs import LfsClient, Offer
from beatflow.sharing.githost.part import TooMuchError
from beatflow.sharing.githost.receiving import WORKERS, fill, find_download, iter_offers
from beatflow.sharing.githost.words import RefusedError
from beatflow.sharing.remote import Progress

_NOT_AS_IT_SHOULD = (0, 404, 410, 422)
"""0: it ends too early or too late, as wrong as other bytes."""


def find_damaged(client: LfsClient, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
    """Read sounds, each whole, and return the oids of those that are missing or damaged there.

    Raises
    ------
    RemoteError
        The server cannot be reached, or refuses.
    """
    unique = list({sound.oid: sound for sound in sounds}.values())
    damaged: set[str] = set()
    going = work_together(
        iter_offers(client, unique), lambda item, tell: _is_right(client, *item, tell), WORKERS, progress
    )
    try:
        for (sound, _), outcome in going:
            if isinstance(outcome, Exception):
                raise outcome
            if not outcome:
                damaged.add(sound.oid)
    except BaseException:
        client.http.stop()
        raise
    finally:
        going.close()
    return damaged


def reads_back(client: LfsClient, sound: Pointer) -> bool:
    """Say whether what lies there now is the sound: nothing else proves what went over an open line."""
    return _is_right(client, sound, client.batch("download", [sound])[sound.oid], lambda count: None)


def _is_right(client: LfsClient, sound: Pointer, offer: Offer, tell: Progress) -> bool:
    digest = _Digest(sound)
    try:
        fill(client, sound, find_download(sound, offer), digest, tell)
    except DamagedError:
        return False
    except RefusedError as error:
        if error.status not in _NOT_AS_IT_SHOULD:
            raise
        return False
    return digest.hash.hexdigest() == sound.oid


class _Digest:
    """Takes a sound only to hash it."""

    def __init__(self, sound: Pointer) -> None:
        self._sound = sound
        self.restart()

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._sound.size:
            raise TooMuchError
        self.hash.update(data)

    def restart(self) -> None:
        self._size = 0
        self.hash = hashlib.sha256()
