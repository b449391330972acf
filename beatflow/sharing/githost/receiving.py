"""Sounds from an LFS server into the store: several at once, resumed where they broke off, each proven."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from beatflow.errors import BeatFlowError, DamagedError
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.sharing.githost.crew import work_together
from beatflow.sharing.githost.http import Request
from beatflow.sharing.githost.lfs import BATCH, Action, LfsClient, Offer, request_for
from beatflow.sharing.githost.part import Part, TooMuchError, count_here
from beatflow.sharing.githost.words import RefusedError, TransientError
from beatflow.sharing.remote import Moved, Progress, RemoteError
from beatflow.sharing.sounds.intake import Intake, find_absent

WORKERS = 6
_INCOMING = "incoming"
_BLOCK = 256 * 1024
_TRIES = 3


class Fetch:
    """A transfer from an LFS server that has been planned; nothing was asked yet."""

    def __init__(self, client: LfsClient, repository: Repository, sounds: Sequence[Pointer]) -> None:
        self._client = client
        self._repository = repository
        self._absent = find_absent(repository.audio, sounds)
        self._folder = repository.scratch / _INCOMING
        self._parts: list[Part] = []

    @property
    def sounds(self) -> int:
        """How many come."""
        return len(self._absent)

    @property
    def bytes(self) -> int:
        """How many bytes come, less those that an earlier attempt has left."""
        return sum(sound.size for sound in self._absent) - count_here(self._folder, iter(self._absent))

    def run(self, progress: Progress | None = None) -> Moved:
        """Bring them.

        Raises
        ------
        DamagedError
            Some are not to be had, or not as they should be; all others are here.
        RemoteError
            The server cannot be reached, or refuses.
        """
        if not self._absent:
            return Moved()
        self._folder.mkdir(parents=True, exist_ok=True)
        moved = 0

        def count(number: int) -> None:
            nonlocal moved
            moved += number
            if progress:
                progress(number)

        losses = Losses()
        arrived = 0
        with Intake(self._repository) as intake:
            coming = work_together(iter_offers(self._client, self._absent), self._bring, WORKERS, count)
            try:
                for (sound, _), outcome in coming:
                    if isinstance(outcome, Exception):
                        losses.add(outcome)
                        continue
                    intake.add_file(sound, outcome.path)
                    outcome.remove()
                    arrived += 1
            except BaseException:
                self._client.http.stop()
                raise
            finally:
                coming.close()
                for part in self._parts:
                    part.close()
        losses.tell(len(self._absent))
        return Moved(arrived, moved)

    def _bring(self, item: tuple[Pointer, Offer], tell: Progress) -> Part:
        sound, offer = item
        action = find_download(sound, offer)
        part = Part(self._folder, sound)
        self._parts.append(part)
        try:
            for _ in range(_TRIES):
                fill(self._client, sound, action, part, tell)
                if part.is_right():
                    return part
                part.restart()
        except BaseException:
            part.close()
            raise
        part.remove()
        raise DamagedError(
            f"sound {sound.oid[:12]} comes from the host with another content",
            "ask who pushed it to push it again",
        )


def iter_offers(client: LfsClient, sounds: Sequence[Pointer]) -> Iterator[tuple[Pointer, Offer]]:
    """Ask where sounds are to be had, some at a time as they are wanted: what is offered runs out."""
    waiting = iter(sounds)
    while group := list(islice(waiting, BATCH)):
        offers = client.batch("download", group)
        yield from ((sound, offers[sound.oid]) for sound in group)


class Sink(Protocol):
    """Takes the bytes of a sound, from where it stands on."""

    @property
    def size(self) -> int:
        """How many it has."""
        ...

    def write(self, data: bytes) -> None:
        """Take more; TooMuchError where that is more than the sound has."""
        ...

    def restart(self) -> None:
        """Forget all."""
        ...


def fill(client: LfsClient, sound: Pointer, action: Action, sink: Sink, tell: Progress) -> None:
    """Download one sound to its end: again where the network breaks, and by a new ticket where one has run out."""

    def attempt() -> None:
        nonlocal action
        if sink.size >= sound.size:
            return
        if action.is_stale:
            action = find_download(sound, client.batch("download", [sound])[sound.oid])
        _stream(client, sound, action, sink, tell)

    renewed_at = -1
    while True:
        try:
            client.http.retry(attempt, lambda: sink.size)
            return
        except RefusedError as error:
            # It may run out earlier than it said, and the next one as well while a long sound comes.
            if error.status not in (400, 401, 403) or renewed_at >= sink.size:
                raise
            renewed_at = sink.size
            action = find_download(sound, client.batch("download", [sound])[sound.oid])


def _stream(client: LfsClient, sound: Pointer, action: Action, sink: Sink, tell: Progress) -> None:
    """Download one sound once, from where the sink stands on where the server can.

    Raises
    ------
    TransientError
        It broke off, and what came is in the sink; or more came than the sound has.
    """
    headers = {"Accept-Encoding": "identity"}
    begin = sink.size
    if begin:
        headers["Range"] = f"bytes={begin}-"
    request: Request = request_for(action, "GET", client.endpoint("download"), headers)
    try:
        with client.http.stream(request, (200, 206)) as response:
            span = response.headers.get("Content-Range", "")
            if begin and not (response.status == 206 and span.startswith(f"bytes {begin}-")):
                # It knows no ranges, or another one than was asked for.
                sink.restart()
                if response.status == 206:
                    raise TransientError(_cut_off(sound))
            # Not stream(): that hands on each chunk of the server's, and giftless sends one per line feed.
            while block := response.read(_BLOCK, decode_content=True):
                sink.write(block)
                tell(len(block))
    except TooMuchError as error:
        sink.restart()
        raise TransientError(
            _of_one(f"the host sends more of sound {sound.oid[:12]} than its {sound.size} bytes")
        ) from error
    except RefusedError as error:
        if error.status == 416:
            sink.restart()
            raise TransientError(_cut_off(sound)) from error
        raise
    if sink.size < sound.size:
        raise TransientError(_cut_off(sound))


def _cut_off(sound: Pointer) -> RefusedError:
    return _of_one(f"sound {sound.oid[:12]} is cut off by the host")


def _of_one(message: str) -> RefusedError:
    """Return an error of one sound that is none of the others'."""
    return RefusedError(0, None, message, "run it again: it goes on where it stopped")


def find_download(sound: Pointer, offer: Offer) -> Action:
    """Return how a sound is to be had.

    Raises
    ------
    DamagedError
        The host does not have it.
    """
    action = offer.actions.get("download")
    if action is None:
        why = offer.message or "it names no address"
        raise DamagedError(
            f"the host does not give sound {sound.oid[:12]}: {why}",
            "ask who made that version to push it again",
        )
    return action


class Losses:
    """What went wrong with single sounds, to be told at the end; anything else is raised at once."""

    def __init__(self) -> None:
        self._errors: list[BeatFlowError] = []

    def add(self, error: Exception) -> None:
        """Note an error of one sound.

        Raises
        ------
        Exception
            It is none of this sound alone.
        """
        of_one = isinstance(error, DamagedError) or (
            isinstance(error, RefusedError) and error.status in (0, 404, 410, 413, 422)
        )
        if not of_one or not isinstance(error, BeatFlowError):
            raise error
        self._errors.append(error)

    def tell(self, total: int) -> None:
        """Raise the first, with how many there are."""
        if not self._errors:
            return
        first = self._errors[0]
        if len(self._errors) > 1:
            kind = DamagedError if isinstance(first, DamagedError) else RemoteError
            raise kind(f"{first.message} (and {len(self._errors) - 1} more of {total} sounds)", first.hint)
        raise first
