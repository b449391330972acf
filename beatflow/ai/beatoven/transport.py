"""Requests to the service: what is sent again and what never is, how long is waited, and what an answer may weigh.

Knows HTTP and nothing of music. The key goes to the service's own origin only, and is in no message.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)

from beatflow.ai.beatoven.address import check_base, find_origin, follow, show
from beatflow.errors import EngineError

_T = TypeVar("_T")
Wait = Callable[[float], None]
"""Called with seconds to wait; waits, and may raise to stop."""

_AGAIN = (429, 500, 502, 503, 504)
_LATER = "run the same command again later; what was begun is remembered"
_NETWORK = "see whether the network is up"
_ASK = "ask hello@beatoven.ai"
_KEY = "export BEATOVEN_API_KEY=…, from https://sync.beatoven.ai/apiDashboard"
_CREDITS = "see your credits at https://sync.beatoven.ai/apiDashboard"
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Parameters
    ----------
    connect_s, read_s : float
        Until a connection stands; between two pieces of an answer.
    answer_s, sound_s : float
        For a whole answer in JSON; for a whole file.
    attempts : int
        For requests that may be repeated.
    pause_s, longest_pause_s : float
        Before the second attempt, doubled each time; and at most, also where the service asks for more.
    answer_bytes, sound_bytes : int
        At most.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    answer_s: float = 60.0
    sound_s: float = 1800.0
    attempts: int = 6
    pause_s: float = 1.0
    longest_pause_s: float = 60.0
    answer_bytes: int = 1 << 20
    sound_bytes: int = 256 << 20


class RefusedError(EngineError):
    """The service answered that it will not do this; ``status`` is HTTP's.

    ``after_s`` is how long it wants to be left alone.
    """

    def __init__(self, status: int, message: str, hint: str, after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.after_s = after_s


class UnsentError(EngineError):
    """A request certainly never reached the service."""


class UnclearError(EngineError):
    """A request may or may not have been acted upon: the answer never came, or made no sense."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched, open at its start, and its digest."""

    file: BinaryIO
    sha256: str
    size_bytes: int


class Transport:
    """Speaks to one service with one key.

    Parameters
    ----------
    base : str
        The service's address.
    key : str
    limits : Limits
    wait : callable
        Waits between attempts.

    Raises
    ------
    EngineError
        The address is no URL, or not a safe one.
    """

    def __init__(self, base: str, key: str, limits: Limits, wait: Wait) -> None:
        self._base = check_base(base)
        self._origin = find_origin(self._base)
        self._key = key
        self._limits = limits
        self._wait = wait
        timeout = urllib3.Timeout(connect=limits.connect_s, read=limits.read_s)
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout)

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def post(self, path: str, document: Any) -> Any:
        """Send JSON, once: it is repeated only where the service asks to be left alone for a while.

        Raises
        ------
        UnclearError
            It was sent, and what became of it is not known.
        EngineError
            It had no effect.
        """
        body = json.dumps(document, ensure_ascii=False).encode()
        return self._repeat(lambda: self._ask("POST", self._base + path, body), _was_put_off)

    def get(self, path: str) -> Any:
        """Ask for JSON, again and again where that may help.

        Raises
        ------
        EngineError
        """
        return self._repeat(lambda: self._ask("GET", self._base + path), _may_pass)

    def download(self, url: str, report: Callable[[float], None]) -> Download:
        """Fetch a file, from its start again where it breaks off.

        Parameters
        ----------
        url : str
            https, or on the service's own host.
        report : callable
            Called with the fraction that is there, as far as the length is known.

        Raises
        ------
        EngineError
            It cannot be had, its address is not a safe one, or it is larger than the limit.
        """
        safe = follow(self._base, url)
        if safe is None:
            raise EngineError(f"Beatoven names an unsafe address, {show(url)}", hint=_ASK)
        return self._repeat(lambda: self._fetch(safe, report), _may_pass)

    def _repeat(self, act: Callable[[], _T], worth: Callable[[EngineError], bool]) -> _T:
        """Do something until it succeeds, fails for good, or has been tried often enough."""
        pause_s = self._limits.pause_s
        for _ in range(self._limits.attempts - 1):
            try:
                return act()
            except EngineError as error:
                if not worth(error):
                    raise
                asked_s = error.after_s if isinstance(error, RefusedError) else None
            self._wait(min(pause_s if asked_s is None else asked_s, self._limits.longest_pause_s))
            pause_s *= 2
        return act()

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._open(method, url, headers, body) as answer:
            content = self._read_answer(answer)
            if answer.status not in (200, 201, 202):
                raise self._refusal(answer, content)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise UnclearError("Beatoven's answer is not JSON", hint=_LATER) from error

    def _fetch(self, url: str, report: Callable[[float], None]) -> Download:
        # Identity: a length that can be told and checked, and nothing that unfolds into gigabytes.
        headers = {"Accept-Encoding": "identity"}
        with self._open("GET", url, headers) as answer:
            if answer.status != 200:
                message = f"{show(url)} cannot be fetched ({answer.status})"
                raise RefusedError(answer.status, message, _LATER, _retry_after(answer))
            length = answer.length_remaining or 0
            self._check_size(length, url)
            end = time.monotonic() + self._limits.sound_s
            file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - whoever gets it closes it
            try:
                digest, size = hashlib.sha256(), 0
                while block := answer.read1(_BLOCK, decode_content=False):
                    size += len(block)
                    self._check_size(size, url)
                    if time.monotonic() > end:
                        raise UnclearError(f"{show(url)} comes too slowly", hint=_LATER)
                    digest.update(block)
                    file.write(block)
                    report(min(size / length, 1.0) if length else 0.0)
                file.seek(0)
            except BaseException:
                file.close()
                raise
        return Download(file, digest.hexdigest(), size)

    @contextmanager
    def _open(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send a request, follow what may be followed, and tell failures of the network apart."""
        answer: urllib3.BaseHTTPResponse | None = None
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                ours = find_origin(url) == self._origin
                key = {"Authorization": f"Bearer {self._key}"} if ours else {}
                answer = self._pool.request(
                    method, url, body=body, headers=headers | key, redirect=False, preload_content=False
                )
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                target = answer.headers.get("Location", "")
                answer.close()
                new = follow(url, target) if method == "GET" else None
                if new is None:
                    where = show(url)
                    raise RefusedError(answer.status, f"{where} leads somewhere unsafe", hint=_ASK)
                url = new
            raise RefusedError(508, f"{show(url)} leads round in circles", hint=_ASK)
        except HTTPError as error:
            raise _translate(error, url) from error
        finally:
            if answer is not None:
                # Closed rather than given back: what is left unread of it may be endless.
                answer.close()

    def _read_answer(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """All of a short answer, within its time."""
        content = b""
        end = time.monotonic() + self._limits.answer_s
        while block := answer.read1(_BLOCK, decode_content=False):
            content += block
            if len(content) > self._limits.answer_bytes or time.monotonic() > end:
                raise UnclearError("Beatoven's answer has no end", hint=_LATER)
        return content

    def _check_size(self, size: int, url: str) -> None:
        if size > self._limits.sound_bytes:
            limit = self._limits.sound_bytes >> 20
            raise EngineError(f"{show(url)} is larger than {limit} MiB", hint=_ASK)

    def _refusal(self, answer: urllib3.BaseHTTPResponse, content: bytes) -> RefusedError:
        """What an answer other than yes means to the user."""
        status = answer.status
        after_s = _retry_after(answer)
        message, hint = {
            401: ("Beatoven does not know your key", _KEY),
            402: ("Beatoven refuses: you are out of credits", _CREDITS),
            403: ("Beatoven refuses: your key or your credits do not reach so far", _CREDITS),
            404: ("Beatoven knows nothing of it", _ASK),
            429: (
                "Beatoven has had too many requests of yours",
                f"try again in {after_s or 60:g} s",
            ),
        }.get(status, (f"Beatoven refuses the request ({status})", _ASK))
        if status >= 500:
            message, hint = f"Beatoven has trouble of its own ({status})", _LATER
        return RefusedError(status, message + self._quote(content), hint, after_s)

    def _quote(self, content: bytes) -> str:
        """The service's own words, short, on one line and without the key."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(document, dict):
            return ""
        found = next((document[name] for name in ("message", "error", "detail") if name in document), "")
        if not isinstance(found, str) or not found:
            return ""
        text = "".join(letter if letter.isprintable() else " " for letter in found.replace(self._key, "…"))
        return f": {' '.join(text.split())[:200]}"


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    """How long the service wants to be left alone; a date instead of seconds is not heeded."""
    after = answer.headers.get("Retry-After", "")
    return float(after) if after.isascii() and after.isdecimal() else None


def _was_put_off(error: EngineError) -> bool:
    """Whether a request had no effect and will have one later.

    One that could not be sent is not among them: who has no network wants to hear it at once.
    """
    return isinstance(error, RefusedError) and error.status == 429


def _may_pass(error: EngineError) -> bool:
    """Whether something may go better the next time."""
    if isinstance(error, RefusedError):
        return error.status in _AGAIN
    return isinstance(error, UnsentError | UnclearError)


def _translate(error: HTTPError, url: str) -> EngineError:
    """A failure of the network in plain words, without the objects that urllib3 puts into its own."""
    origin = find_origin(url)
    host = origin.host if origin else "the service"
    if isinstance(error, NameResolutionError):
        return UnsentError(f"there is no host {host}", hint=_NETWORK)
    if isinstance(error, NewConnectionError):
        return UnsentError(f"{host} refuses the connection", hint=_NETWORK)
    if isinstance(error, ConnectTimeoutError):
        return UnsentError(f"{host} cannot be reached", hint=_NETWORK)
    if isinstance(error, SSLError) and "certificate" in str(error).lower():
        return EngineError(f"{host} has no valid certificate", hint="see who stands between you and it")
    if isinstance(error, LocationValueError):
        return EngineError(f"{show(url)} is no address", hint=_ASK)
    if isinstance(error, TimeoutError):
        return UnclearError(f"{host} does not answer", hint=_LATER)
    return UnclearError(f"the connection to {host} broke", hint=_LATER)
