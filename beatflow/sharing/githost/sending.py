"""Sounds from the store to an LFS server: several at once, what it has is left out, and each is verified over there."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from beatflow.errors import DamagedError, NotFoundError
from beatflow.objects.pointer import Pointer
from beatflow.objects.store import AudioStore
from beatflow.repository import Repository
from beatflow.sharing.githost.crew import work_together
from beatflow.sharing.githost.http import Request
from beatflow.sharing.githost.lfs import MEDIA_TYPE, Action, LfsClient, Offer, request_for
from beatflow.sharing.githost.proving import reads_back
from beatflow.sharing.githost.receiving import WORKERS, Losses
from beatflow.sharing.githost.words import RefusedError
from beatflow.sharing.remote import Moved, Progress

_TRIES = 3
_DONE = (200, 201, 202, 204)
_CODING_THREADS = 2
_OURS = ("transfer-encoding", "content-length")


class Send:
    """A transfer to an LFS server that has been planned: the server has said what it lacks.

    Raises
    ------
    RemoteError
        It cannot be reached, or refuses.
    """

    def __init__(self, client: LfsClient, repository: Repository, sounds: Sequence[Pointer]) -> None:
        self._client = client
        self._repository = repository
        unique = {sound.oid: sound for sound in sounds}
        offers = client.batch("upload", list(unique.values())) if unique else {}
        self._items = [
            (unique[oid], offer) for oid, offer in offers.items() if offer.actions.get("upload") or offer.code
        ]

    @property
    def sounds(self) -> int:
        """How many go."""
        return len(self._items)

    @property
    def bytes(self) -> int:
        """How many bytes go."""
        return sum(sound.size for sound, _ in self._items)

    def run(self, progress: Progress | None = None) -> Moved:
        """Send them.

        Raises
        ------
        NotFoundError
            One is not here either; nothing was sent.
        RemoteError
            The server cannot be reached, or refuses some; all others are there.
        """
        if not self._items:
            return Moved()
        # Its own view of the packs, which several threads may read.
        store = AudioStore(self._repository.audio.path, _CODING_THREADS)
        for sound, _ in self._items:
            if sound.oid not in store:
                raise NotFoundError(
                    f"neither this track nor the remote has sound {sound.oid[:12]}",
                    "bf fetch brings what is elsewhere",
                )
        moved = sent = 0

        def count(number: int) -> None:
            nonlocal moved
            moved += number
            if progress:
                progress(number)

        losses = Losses()

        def give(item: tuple[Pointer, Offer], tell: Progress) -> None:
            self._give(store, *item, tell)

        going = work_together(self._items, give, WORKERS, count)
        try:
            for _, outcome in going:
                if isinstance(outcome, Exception):
                    losses.add(outcome)
                else:
                    sent += 1
        except BaseException:
            self._client.http.stop()
            raise
        finally:
            going.close()
        losses.tell(len(self._items))
        return Moved(sent, moved)

    def _give(self, store: AudioStore, sound: Pointer, offer: Offer, tell: Progress) -> None:
        client = self._client
        for _ in range(_TRIES):
            fresh = self._put(store, sound, offer, tell)
            if fresh is None or not _is_open(fresh.actions["upload"]) or reads_back(client, sound):
                return
            offer = fresh
        raise DamagedError(
            f"sound {sound.oid[:12]} arrives at the host with another content",
            "use the host's https:// address",
        )

    def _put(self, store: AudioStore, sound: Pointer, offer: Offer, tell: Progress) -> Offer | None:
        """Upload one sound and have it verified; return by which offer, None where the host has got it meanwhile."""
        client = self._client
        for is_second in (False, True):
            if is_second or (offer.actions and offer.actions["upload"].is_stale):
                offer = client.batch("upload", [sound])[sound.oid]
            if offer.code:
                raise RefusedError(
                    offer.code, None, f"{offer.message} (sound {sound.oid[:12]})", "ask who runs that host"
                )
            if "upload" not in offer.actions:
                return None
            try:
                self._upload(store, sound, offer.actions["upload"], tell)
                self._verify(sound, offer.actions.get("verify"))
            except RefusedError as error:
                # A ticket may have run out earlier than it said.
                if is_second or error.status not in (400, 401, 403):
                    raise
            else:
                return offer
        raise AssertionError

    def _upload(self, store: AudioStore, sound: Pointer, action: Action, tell: Progress) -> None:
        def body() -> Iterator[bytes]:
            for block in store.iter_bytes(sound.oid):
                tell(len(block))
                yield block

        headers = {"Content-Type": "application/octet-stream"}
        request = request_for(action, "PUT", self._client.endpoint("upload"), headers)
        given = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
        given["Content-Length"] = str(sound.size)
        self._client.http.ask(Request("PUT", request.url, given, body), _DONE)

    def _verify(self, sound: Pointer, action: Action | None) -> None:
        """Have the server look at what came, where it wants to be asked."""
        if action is None:
            return
        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        request = request_for(action, "POST", self._client.endpoint("upload"), headers)
        body = b'{"oid": "%s", "size": %d}' % (sound.oid.encode(), sound.size)
        self._client.http.ask(Request("POST", request.url, request.headers, body), _DONE)


def _is_open(action: Action) -> bool:
    """Say whether bytes go there over a line that does not protect them."""
    return urlsplit(action.url).scheme == "http"
