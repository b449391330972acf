"""Requests to an LFS server that survive a bad network: retries, redirects, logins, and words for what is refused.

Knows HTTP and who may be told a password; what is asked and answered is for others.
"""

import contextlib
import random
import ssl
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProxySchemeUnknown, SSLError
from urllib3.util import Timeout, make_headers

from beatflow.sharing.access import Access
from beatflow.sharing.githost.credentials import Keyring
from beatflow.sharing.githost.words import PROXY_HINT, TransientError, refuse, tidy
from beatflow.sharing.remote import RemoteError

T = TypeVar("T")
Body = Callable[[], Iterator[bytes]]

ATTEMPTS = 6
MAX_ANSWER = 16 << 20
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 30.0
_MOST_REDIRECTS = 5
_CONNECT_S, _SILENCE_S = 20.0, 60.0
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Parameters
    ----------
    method, url : str
    headers : mapping
        A login of its own among them, where the one who gave the URL gave one.
    body : bytes or callable, optional
        A callable is asked anew for each attempt; its length is in ``headers``.
    keyring : Keyring, optional
        Who we are for this host.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | Body | None = None
    keyring: Keyring | None = None


class Http:
    """A pool of connections. Safe to use from several threads."""

    def __init__(self, access: Access, connections: int = 8) -> None:
        self._access = access
        self._connections = connections
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._mutex = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have whoever waits to try again give up."""
        self._stopped.set()

    def ask(self, request: Request, expected: tuple[int, ...] = (200,)) -> bytes:
        """Send a request with a short answer, again where that may help, and return the answer.

        Raises
        ------
        RemoteError
            The host cannot be reached, or refuses.
        """
        return self.retry(lambda: self._ask_once(request, expected))

    def _ask_once(self, request: Request, expected: tuple[int, ...]) -> bytes:
        with self.stream(request, expected) as response:
            # Read here, so that what is cut short is asked for again.
            data = response.read(MAX_ANSWER + 1, decode_content=True)
            if len(data) > MAX_ANSWER:
                raise RemoteError(
                    f"{urlsplit(request.url).hostname} answers without end", "check the remote's address"
                )
            return data

    @contextmanager
    def stream(
        self, request: Request, expected: tuple[int, ...] = (200,)
    ) -> Generator[urllib3.BaseHTTPResponse, None, None]:
        """Send a request once and give the answer, its body unread.

        Raises
        ------
        TransientError
            It may do when it is tried again.
        RemoteError
            It will not.
        """
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        with _translated(host):
            try:
                response = self._send(request)
            except ProxySchemeUnknown as odd:
                raise RemoteError(
                    f"the proxy before {host} is of a kind that is not known here", PROXY_HINT
                ) from odd
            except ValueError as odd:
                raise RemoteError(
                    f"{host}: an address or a header is none: {tidy(str(odd))}", "ask who runs that host"
                ) from odd
            try:
                if response.status not in expected:
                    wait_s = _parse_wait(response)
                    data = response.read(64 * 1024, decode_content=True)
                    error = refuse(response.status, data, host, request.method)
                    if response.status in _TRANSIENT:
                        raise TransientError(error, wait_s)
                    raise error
                yield response
            finally:
                response.drain_conn() if response.status in expected else response.close()
                response.release_conn()

    def retry(self, work: Callable[[], T], position: Callable[[], int] = lambda: 0) -> T:
        """Do it again while it fails for reasons that may pass, waiting longer each time.

        Parameters
        ----------
        work : callable
        position : callable, optional
            How far it has come: as long as that grows it is not given up.
        """
        attempt, reached = 0, position()
        while True:
            try:
                return work()
            except TransientError as error:
                attempt, reached = (0, position()) if position() > reached else (attempt + 1, reached)
                wait_s = error.wait_s
                if wait_s is None:
                    wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.0)
                if attempt >= ATTEMPTS or wait_s > _LONGEST_WAIT_S or self._stopped.wait(wait_s):
                    raise error.reason from error

    def _send(self, request: Request) -> urllib3.BaseHTTPResponse:
        """Send with a login once one is wanted, and follow redirects."""
        # A ticket that came with the address goes before who we are.
        has_ticket = any(name.lower() == "authorization" for name in request.headers)
        keyring = None if has_ticket else request.keyring
        login = keyring.current() if keyring else None
        while True:
            headers = dict(request.headers)
            if login:
                headers |= make_headers(basic_auth=f"{login.user}:{login.password}")
            response = self._follow(request, headers)
            if response.status != 401 or keyring is None:
                break
            response.drain_conn()
            response.release_conn()
            login = keyring.login(refused=login)
            if login is None:
                break
        if keyring and login and response.status < 400:
            keyring.approve()
        return response

    def _follow(self, request: Request, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        url, method = request.url, request.method
        for _ in range(_MOST_REDIRECTS):
            body = request.body() if callable(request.body) else request.body
            response = self._pool(url).urlopen(
                method,
                url,
                body=None if method == "GET" else body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or not target:
                return response
            response.drain_conn()
            response.release_conn()
            old, url = urlsplit(url), urljoin(url, target)
            new = urlsplit(url)
            if new.scheme not in ("http", "https") or (old.scheme, new.scheme) == ("https", "http"):
                raise RemoteError(
                    f"{old.netloc} sends on to {new.scheme}://{new.hostname}, which is not protected",
                    "ask who runs that host",
                )
            if (old.scheme, old.netloc) != (new.scheme, new.netloc):
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            if response.status == 303:
                method = "GET"
        raise RemoteError(
            f"{urlsplit(url).netloc} sends from one address to the next", "check the remote's address"
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = self._find_proxy(parts.scheme, parts.hostname or "")
        with self._mutex:
            if proxy not in self._pools:
                self._pools[proxy] = _make_pool(proxy, self._connections)
            return self._pools[proxy]

    def _find_proxy(self, scheme: str, host: str) -> str | None:
        known = {name.lower(): value for name, value in self._access.environment.items() if value}
        near = [
            suffix.strip().lstrip(".") for suffix in known.get("no_proxy", "").split(",") if suffix.strip()
        ]
        if "*" in near or any(host == suffix or host.endswith(f".{suffix}") for suffix in near):
            return None
        proxy = known.get(f"{scheme}_proxy") or known.get("all_proxy")
        return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _make_pool(proxy: str | None, connections: int) -> urllib3.PoolManager:
    """Return connections that go straight, or through a proxy, to which its own login is told."""
    timeout = Timeout(connect=_CONNECT_S, read=_SILENCE_S)
    headers = {"User-Agent": "beatflow"}
    if proxy is None:
        return urllib3.PoolManager(maxsize=connections, timeout=timeout, headers=headers)
    parts = urlsplit(proxy)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    known = make_headers(proxy_basic_auth=login) if parts.username else None
    return urllib3.ProxyManager(
        plain, maxsize=connections, timeout=timeout, headers=headers, proxy_headers=known
    )


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Turn the network's errors into ours."""
    try:
        yield
    except MaxRetryError as error:
        raise _translate(error.reason or error, host) from error
    except (HTTPError, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _translate(error, host) from error


def _translate(error: Exception, host: str) -> Exception:
    if isinstance(error, SSLError) and "certificate" in str(error).lower():
        return RemoteError(
            f"{host} has no certificate that this machine trusts", "set SSL_CERT_FILE to your own authority's"
        )
    words = f"{host} cannot be reached: {_say(error)}"
    return TransientError(
        RemoteError(words, "check the network, then run it again: it goes on where it stopped")
    )


def _say(error: Exception) -> str:
    name = type(error).__name__
    known = {
        "NameResolutionError": "no such host is known",
        "NewConnectionError": "nobody answers there",
        "ConnectTimeoutError": "nobody answers there",
        "ReadTimeoutError": "it fell silent",
        "ProtocolError": "the connection broke",
        "IncompleteRead": "the connection broke",
        "SSLError": "the protected connection broke",
        "ProxyError": "the proxy does not answer",
    }
    return known.get(name, "the connection broke")


def _parse_wait(response: urllib3.BaseHTTPResponse) -> float | None:
    """Return the seconds that the server asks to wait, by its own clock where it names a time."""
    text = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text[:6])
    with contextlib.suppress(ValueError, TypeError):
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    return None
