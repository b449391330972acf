"""The Git LFS batch API: asking a server where sounds are to be had or put.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md. What a server answers is a stranger's word: only what
was asked for is looked at, and only addresses that are protected as well as the server's own.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from urllib3.util import make_headers

from beatflow.objects.pointer import Pointer
from beatflow.sharing.githost.endpoint import SET_URL, Endpoint, Endpoints
from beatflow.sharing.githost.http import Http, Request
from beatflow.sharing.githost.words import RefusedError, tidy
from beatflow.sharing.remote import RemoteError

MEDIA_TYPE = "application/vnd.git-lfs+json"
BATCH = 100
"""Sounds asked for at once, as git-lfs does; servers may refuse more."""
_LEEWAY_S = 20.0
_FOR_EVER_S = 7 * 86400.0
_NO_LFS = (404, 405, 406, 501)
_WITHOUT_LFS = (
    f"switch it on there, name another LFS server ({SET_URL} https://…), or share in a folder or a bucket"
)


@dataclass(frozen=True, slots=True)
class Action:
    """A request that the server wants: address, headers, and until when (``time.monotonic``)."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    until_s: float

    @property
    def is_stale(self) -> bool:
        """Whether it has run out, or is about to."""
        return time.monotonic() > self.until_s


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server says of one sound: what to do, or why it cannot be done. Neither: it has it already."""

    actions: Mapping[str, Action]
    code: int = 0
    message: str = ""


class LfsClient:
    """Talks to the LFS server of one repository. Safe to use from several threads."""

    def __init__(self, http: Http, endpoints: Endpoints) -> None:
        self.http = http
        self._endpoints = endpoints

    def endpoint(self, operation: str) -> Endpoint:
        """Return the server for ``upload`` or ``download``."""
        return self._endpoints.get(operation)

    def batch(self, operation: str, sounds: Sequence[Pointer]) -> dict[str, Offer]:
        """Ask for sounds: to ``upload`` or to ``download``; by oid, one for each.

        Raises
        ------
        RemoteError
            The server cannot be reached, or refuses.
        """
        waiting = iter({sound.oid: sound for sound in sounds}.values())
        result: dict[str, Offer] = {}
        while group := list(islice(waiting, BATCH)):
            result |= self._ask(operation, group)
        return result

    def call(
        self, method: str, path: str, body: object, operation: str, expected: tuple[int, ...] = (200,)
    ) -> dict[str, Any]:
        """Send JSON to the server and return its answer."""
        endpoint = self.endpoint(operation)
        headers = {"Accept": MEDIA_TYPE, **endpoint.headers}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = MEDIA_TYPE
        answer = self.http.ask(
            Request(method, endpoint.url + path, headers, data, endpoint.keyring), expected
        )
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            host = urlsplit(endpoint.url).netloc
            raise RemoteError(
                f"{host} does not answer as an LFS server does", "check lfs.url, or the remote's address"
            )
        return found

    def _ask(self, operation: str, group: Sequence[Pointer]) -> dict[str, Offer]:
        asked = {
            "operation": operation,
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": sound.oid, "size": sound.size} for sound in group],
        }
        try:
            answer = self.call("POST", "/objects/batch", asked, operation)
        except RefusedError as error:
            # What giftless says when it has none of those asked for.
            if operation == "download" and error.status in (404, 422) and isinstance(error.answer, dict):
                return {sound.oid: Offer({}, error.status, error.message) for sound in group}
            if error.status in _NO_LFS:
                host = urlsplit(self.endpoint(operation).url).netloc
                message = f"{host} has no Git LFS for this repository, or does not show it to you"
                raise RefusedError(error.status, error.answer, message, _WITHOUT_LFS) from error
            raise
        endpoint = self.endpoint(operation)
        host = urlsplit(endpoint.url).netloc
        if answer.get("transfer", "basic") != "basic":
            raise RemoteError(
                f"{host} wants to transfer by {tidy(str(answer['transfer']))!r}",
                "ask for the basic transfer there",
            )
        rows = answer.get("objects")
        found = {
            row["oid"]: row
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and isinstance(row.get("oid"), str)
        }
        return {sound.oid: _read_offer(found.get(sound.oid), endpoint, host) for sound in group}


def _read_offer(row: Mapping[str, Any] | None, endpoint: Endpoint, host: str) -> Offer:
    if row is None:
        return Offer({}, 404, f"{host} says nothing of it")
    error = row.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        return Offer(
            {}, code if isinstance(code, int) else 500, f"{host}: {tidy(str(error.get('message', code)))}"
        )
    actions = row.get("actions")
    found = {}
    for name, action in (actions if isinstance(actions, dict) else {}).items():
        if isinstance(action, dict):
            found[str(name)] = _read_action(action, endpoint, host)
    return Offer(found)


def _read_action(action: Mapping[str, Any], endpoint: Endpoint, host: str) -> Action:
    href, header, seconds = action.get("href"), action.get("header") or {}, action.get("expires_in")
    url = href if isinstance(href, str) else ""
    scheme = ""
    # Brackets without an end, and the like, are no address either.
    with suppress(ValueError):
        scheme = urlsplit(url).scheme
    if scheme not in ("http", "https") or not isinstance(header, dict):
        raise RemoteError(f"{host} names no address for a sound", "ask who runs that host")
    if urlsplit(endpoint.url).scheme == "https" and scheme == "http":
        raise RemoteError(
            f"{host} wants a sound moved to or from http://{urlsplit(url).hostname}, which is not protected",
            "ask who runs that host",
        )
    for_s = float(seconds) if isinstance(seconds, int | float) and seconds else _FOR_EVER_S
    headers = {str(name): str(value) for name, value in header.items()}
    return Action(url, headers, time.monotonic() + for_s - min(_LEEWAY_S, for_s / 2))


def request_for(action: Action, method: str, endpoint: Endpoint, headers: Mapping[str, str]) -> Request:
    """Return the request of an action, with the login that opened the server where it leads there without one.

    No other login is tried: what is refused here is a ticket that has run out, and the batch is to be asked anew.
    """
    here, there = urlsplit(endpoint.url), urlsplit(action.url)
    given = {name.lower() for name in action.headers}
    merged = {name: value for name, value in headers.items() if name.lower() not in given}
    merged |= action.headers
    own = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    login = endpoint.keyring.current() if endpoint.keyring else None
    if own and login and "authorization" not in given:
        merged |= make_headers(basic_auth=f"{login.user}:{login.password}")
    return Request(method, action.url, merged)
