"""Bytes by key in a bucket.

What is sent is compared by the digest that the service gives for it, or read back where it gives none. Small
documents move by conditional writes. Requests are repeated where that is safe; what is asked in the main thread can be
interrupted. obstore's errors end here: they hold URLs, which a traceback would show.
"""

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from beatflow.places.bucket.wording import explain, is_about_bucket, is_worth_repeating
from beatflow.places.key import check_key, check_prefix, is_key
from beatflow.places.place import ChangedError, Content, Item, PlaceError, Progress

if TYPE_CHECKING:
    from beatflow.places.bucket.store import Stores

_T = TypeVar("_T")
MAX_READ_BYTES = 64 << 20
PART = 5 << 20
"""Bytes of a part of an upload, the least that S3 takes; what is larger goes up in several at once."""
_PARTS_AT_ONCE = 3
_WINDOW = 4 << 20
_WINDOWS_AT_ONCE = 4
_BLOCK = 1 << 18
_ATTEMPTS = 4
_PAUSE_S = 0.2
_MD5 = re.compile(r'"?([0-9a-f]{32}(?:-\d+)?)"?')
_WHOLE = "bf fetch again; if it stays so, bf push --verify from where it is whole"


class BucketPlace:
    """A prefix in a bucket.

    Parameters
    ----------
    stores : Stores
        obstore's, opened on the prefix.
    address : str
        For people.
    scheme : str
        ``s3``, ``gs`` or ``az``.
    """

    def __init__(self, stores: "Stores", address: str, scheme: str) -> None:
        self._reading, self._writing, self._swapping = stores
        self._address = address
        self._scheme = scheme

    @property
    def address(self) -> str:
        """Scheme, bucket and prefix."""
        return self._address

    def is_empty(self) -> bool:
        """Say whether nothing lies there."""

        def look() -> bool:
            return not any(obstore.list(self._reading, chunk_size=1))

        return self._ask("read", look)

    def list(self, prefix: str = "") -> Iterator[Item]:
        """Yield what lies under keys with a prefix, ordered by key."""
        check_prefix(prefix)

        def read() -> "list[Item]":
            return [
                Item(meta["path"], meta["size"], _tag(meta))
                for page in obstore.list(self._reading, prefix=prefix.rstrip("/") or None)
                for meta in page
                if is_key(meta["path"])
            ]

        yield from sorted(self._ask("read", read), key=lambda item: item.key)

    def find(self, key: str) -> Item | None:
        """Return what lies under a key without reading it; None when nothing does."""
        check_key(key)
        meta = self._ask("read", lambda: self._missing_is_none(lambda: obstore.head(self._reading, key)))
        return Item(key, meta["size"], _tag(meta)) if meta else None

    def read(self, key: str) -> Content | None:
        """Return what lies under a key, at most 64 MiB."""
        check_key(key)
        for attempt in range(2):
            content = self._ask("read", lambda: self._missing_is_none(lambda: self._read(key)))
            if content is None or attempt:
                break
            # Another digest than the service's own: damaged on the way, unless that digest is of something else.
            if _MD5.fullmatch(content.tag) is None or _md5(content.data) in content.tag:
                break
        return content

    def _read(self, key: str) -> Content:
        result = obstore.get(self._reading, key)
        if result.meta["size"] > MAX_READ_BYTES:
            raise PlaceError(
                f"{key} at {self._address} is larger than it can be", "see what has been put there"
            )
        return Content(bytes(result.bytes()), _tag(result.meta))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``start`` on."""
        check_key(key)
        if length == 0:
            return b""
        return self._ask("read", lambda: self._read_range(key, start, length))

    def _read_range(self, key: str, start: int, length: int) -> bytes:
        try:
            data = bytes(obstore.get_range(self._reading, key, start=start, length=length))
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
            raise PlaceError(f"there is no {key} at {self._address}", _WHOLE) from None
        if len(data) != length:
            raise PlaceError(f"{key} at {self._address} is shorter than it should be", _WHOLE)
        return data

    def fetch(self, key: str, target: Path, progress: Progress | None = None) -> None:
        """Write what lies under a key to a new file: several stretches at once, each asked for again if it breaks."""
        item = self.find(key)
        if item is None:
            raise PlaceError(f"there is no {key} at {self._address}", _WHOLE)
        with target.open("xb") as file:
            for data in self._iter_windows(key, item.size):
                file.write(data)
                if progress:
                    progress(len(data))

    def _iter_windows(self, key: str, size: int) -> Iterator[bytes]:
        waiting: deque[Future[bytes]] = deque()
        for start in range(0, size, _WINDOW):
            waiting.append(_start(partial(self.read_range, key, start, min(_WINDOW, size - start))))
            if len(waiting) >= _WINDOWS_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def store(self, key: str, source: Path, progress: Progress | None = None) -> Item:
        """Put a file under a key and prove that its bytes are there. What lies there already is compared."""
        check_key(key)
        size = source.stat().st_size
        expected = _digest_of_parts(source)
        there = self.find(key)
        if there and there.size == size and self._holds(there, source, expected):
            if progress:
                progress(size)
            return there
        counted = _Counted(progress)
        for _ in range(2):
            self._ask("write to", lambda: self._put(key, source, size, counted))
            there = self.find(key)
            if there and there.size == size and self._holds(there, source, expected):
                return there
        raise self._refuse_loss()

    def _refuse_loss(self) -> PlaceError:
        return PlaceError(
            f"{self._address} does not hold what was sent to it", "try again; if it stays so, ask the service"
        )

    def _put(self, key: str, source: Path, size: int, counted: "_Counted") -> None:
        if size <= PART:
            obstore.put(self._writing, key, source.read_bytes(), use_multipart=False)
            counted.reach(size)
            return
        obstore.put(
            self._writing,
            key,
            counted.iter_blocks(source),
            use_multipart=True,
            chunk_size=PART,
            max_concurrency=_PARTS_AT_ONCE,
        )

    def _holds(self, item: Item, source: Path, expected: str) -> bool:
        """Say whether an item has a file's bytes: by its digest, or by reading it back."""
        if _is_digest(item.tag, expected):
            return True
        # Encrypted by a key of one's own, or not at Amazon: the tag is no digest.
        digest = hashlib.sha256()
        for data in self._iter_windows(item.key, item.size):
            digest.update(data)
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == digest.digest()

    def swap(self, key: str, data: bytes, tag: str | None) -> str:
        """Put small content in place of what had ``tag`` by a conditional write, and prove that it is there."""
        check_key(key)
        for attempt in range(_ATTEMPTS):
            try:
                new = self._swap_once(key, data, tag)
            except (AlreadyExistsError, PreconditionError, FileNotFoundError) as error:
                self._refuse_missing_bucket(error)
                # After an answer that was lost, what refuses may be what we have written ourselves.
                there = self.read(key) if attempt else None
                if there and there.data == data:
                    return there.tag
                raise ChangedError(
                    f"{key} at {self._address} has been changed by somebody else", "try again"
                ) from None
            except BaseError as error:
                if attempt + 1 == _ATTEMPTS or not is_worth_repeating(error, unconnected=True):
                    raise explain(error, self._address, self._scheme, "write to") from None
                time.sleep(_PAUSE_S * 2**attempt)
            else:
                if self._has_arrived(key, data, new):
                    return new
                tag = new  # damaged on the way: put right what we have put there
        raise self._refuse_loss()

    def _has_arrived(self, key: str, data: bytes, tag: str) -> bool:
        """Say whether what was put and got a tag is what was sent, or has been changed by somebody else since."""
        if _is_digest(tag, _md5(data)):
            return True
        there = self.read(key)
        return there is None or there.tag != tag or there.data == data

    def _swap_once(self, key: str, data: bytes, tag: str | None) -> str:
        mode: Any = "create" if tag is None else _version(tag)
        result = _interruptibly(
            lambda: obstore.put(self._swapping, key, data, mode=mode, use_multipart=False)
        )
        return _tag(result)

    def remove(self, key: str) -> None:
        """Remove what lies under a key; nothing there is fine."""
        check_key(key)
        self._ask("write to", lambda: self._missing_is_none(lambda: obstore.delete(self._writing, key)))

    # Asking ----------------------------------------------------------------------------------------------

    def _ask(self, doing: str, call: Callable[[], _T]) -> _T:
        """Ask the service for something that may be asked for again."""
        for attempt in range(_ATTEMPTS):
            try:
                return _interruptibly(call)
            except (BaseError, OSError) as error:
                if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                    raise
                if attempt + 1 == _ATTEMPTS or not is_worth_repeating(error):
                    raise explain(error, self._address, self._scheme, doing) from None
                time.sleep(_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    def _missing_is_none(self, call: Callable[[], _T]) -> _T | None:
        try:
            return call()
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
            return None

    def _refuse_missing_bucket(self, error: Exception) -> None:
        if is_about_bucket(str(error)):
            raise explain(error, self._address, self._scheme, "read") from None


class _Counted:
    """Tells progress of an upload that may have to begin anew: each byte once."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told = 0

    def reach(self, position: int) -> None:
        """Say that so much of the file has gone."""
        if position > self._told:
            step, self._told = position - self._told, position
            if self._progress:
                self._progress(step)

    def iter_blocks(self, source: Path) -> Iterator[bytes]:
        """Yield a file's bytes."""
        position = 0
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
                position += len(block)
                self.reach(position)


def _interruptibly(call: Callable[[], _T]) -> _T:
    """Call, from the main thread in another one: obstore would not let Ctrl-C through before it has an answer."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    return _start(call).result()


def _start(call: Callable[[], _T]) -> "Future[_T]":
    """Call in a thread that nobody waits for when the program ends."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _tag(meta: Any) -> str:
    """Return the tag of what obstore says of an object; Google goes by versions instead."""
    version = meta.get("version")
    return (meta.get("e_tag") or "") + (f"\n{version}" if version else "")


def _version(tag: str) -> dict[str, str]:
    e_tag, _, version = tag.partition("\n")
    return {**({"e_tag": e_tag} if e_tag else {}), **({"version": version} if version else {})}


def _is_digest(tag: str, expected: str) -> bool:
    """Say whether a tag is the digest that is expected; other services' tags are none."""
    match = _MD5.fullmatch(tag.partition("\n")[0])
    return match is not None and match[1] == expected


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _digest_of_parts(source: Path) -> str:
    """Return S3's digest of a file as `BucketPlace.store` sends it: its MD5, or that of its parts' and their number."""
    digests = []
    with source.open("rb") as file:
        while data := file.read(PART):
            digests.append(hashlib.md5(data, usedforsecurity=False))
    if len(digests) <= 1:
        return digests[0].hexdigest() if digests else _md5(b"")
    return f"{_md5(b''.join(digest.digest() for digest in digests))}-{len(digests)}"
