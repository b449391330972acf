"""Where the service is, and to whom its key may go. Knows URLs; opens no connection."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from beatflow.errors import EngineError

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, a host and a port: what a key belongs to."""

    scheme: str
    host: str
    port: int


def find_origin(url: str) -> Origin | None:
    """The origin of an absolute http or https URL without a user name in it, else None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def check_base(url: str) -> str:
    """The service's address without a slash at its end.

    Raises
    ------
    EngineError
        It is no URL, or the key would travel in the clear to another machine.
    """
    origin = find_origin(url)
    if origin is None:
        raise EngineError(f"{url!r} is no address of a service", hint="one looks like https://host")
    if origin.scheme != "https" and not _is_here(origin.host):
        raise EngineError(f"{url} would send your key in the clear", hint="use https://")
    return url.rstrip("/")


def follow(url: str, target: str) -> str | None:
    """Where a redirection leads, or None where it must not be followed: only to https, or on the same host."""
    try:
        new = urljoin(url, target)
    except ValueError:
        return None
    before, after = find_origin(url), find_origin(new)
    if before is None or after is None:
        return None
    return new if after.scheme == "https" or (after.host == before.host and before.scheme == "http") else None


def show(url: str) -> str:
    """A URL for messages: host and path only, since what follows them may be a signature as good as a key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "which is no URL"
    return f"{parts.hostname or ''}{parts.path}"[:120]


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
