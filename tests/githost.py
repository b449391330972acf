"""A git host with LFS on loopback: ``python -m tests.githost FOLDER PORT PASSWORD SCHEME``.

Git over http is git's own ``http-backend``; sounds are giftless's. What giftless has not is here: the LFS locks API
(``git lfs lock`` is its judge), and answers from a given byte on.
"""

import base64
import hmac
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import waitress
from flask import Request
from giftless.app import init_app
from giftless.auth.identity import Identity

Environ = dict[str, Any]
Start = Callable[..., Any]
LFS = "/info/lfs/"
LIFETIME_S = 900
LFS_TYPE = "application/vnd.git-lfs+json"


class Musician(Identity):
    """Somebody who knows the password, and so may do anything."""

    def is_authorized(self, *_: object, **__: object) -> bool:
        return True


def authenticate(request: Request) -> Identity | None:
    """Let giftless trust what came past `Host`, which has asked for the password."""
    # Without an id PyJWT refuses the tickets that giftless writes.
    return Musician(id="musician") if request.environ.get("beatflow.trusted") else None


class Locks:
    """The LFS locks API, in memory: repository to path to lock."""

    def __init__(self) -> None:
        self._locks: dict[str, dict[str, dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._mutex = threading.Lock()

    def answer(self, repository: str, rest: str, environ: Environ) -> tuple[int, dict[str, Any]]:
        """Answer a request for ``<repository>/info/lfs/locks<rest>``."""
        asked = json.loads(read_body(environ) or b"{}")
        who = environ["beatflow.user"]
        with self._mutex:
            locks = self._locks.setdefault(repository, {})
            if environ["REQUEST_METHOD"] == "GET":
                query = parse_qs(environ.get("QUERY_STRING", ""))
                found = [lock for lock in locks.values() if _chosen(lock, query)]
                return 200, _page(found, query.get("cursor", ["0"])[0], query.get("limit", ["100"])[0])
            if rest == "":
                return self._lock(locks, asked["path"], who)
            if rest == "/verify":
                mine = [lock for lock in locks.values() if lock["owner"]["name"] == who]
                theirs = [lock for lock in locks.values() if lock["owner"]["name"] != who]
                return 200, {"ours": mine, "theirs": theirs}
            return _unlock(locks, rest.split("/")[1], who, bool(asked.get("force")))

    def _lock(self, locks: dict[str, dict[str, Any]], path: str, who: str) -> tuple[int, dict[str, Any]]:
        if path in locks:
            return 409, {"lock": locks[path], "message": "already created lock"}
        locks[path] = {
            "id": str(next(self._numbers)),
            "path": path,
            "locked_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "owner": {"name": who},
        }
        return 201, {"lock": locks[path]}


def _chosen(lock: dict[str, Any], query: dict[str, list[str]]) -> bool:
    return all(lock[name] in query.get(name, [lock[name]]) for name in ("path", "id"))


def _page(locks: list[dict[str, Any]], cursor: str, limit: str) -> dict[str, Any]:
    end = int(cursor) + int(limit)
    page: dict[str, Any] = {"locks": locks[int(cursor) : end]}
    return page | ({"next_cursor": str(end)} if end < len(locks) else {})


def _unlock(
    locks: dict[str, dict[str, Any]], number: str, who: str, force: bool
) -> tuple[int, dict[str, Any]]:
    for path, lock in locks.items():
        if lock["id"] == number:
            if lock["owner"]["name"] != who and not force:
                return 403, {"message": f"{lock['owner']['name']} holds that lock"}
            return 200, {"lock": locks.pop(path)}
    return 404, {"message": "no such lock"}


class Host:
    """The whole host as a WSGI application."""

    def __init__(self, folder: Path, password: str) -> None:
        self._folder = folder
        self._password = password
        self._locks = Locks()
        storage = {
            "storage_class": "giftless.storage.local_storage:LocalStorage",
            "storage_options": {"path": str(folder / "lfs")},
            "action_lifetime": LIFETIME_S,
        }
        transfer = {"factory": "giftless.transfer.basic_streaming:factory", "options": storage}
        settings = {
            "LEGACY_ENDPOINTS": False,
            "AUTH_PROVIDERS": ["tests.githost:authenticate"],
            "TRANSFER_ADAPTERS": {"basic": transfer},
            "PRE_AUTHORIZED_ACTION_PROVIDER": {
                "options": {"private_key": "for tests on loopback only, 32 bytes"}
            },
        }
        self._giftless = init_app(additional_config=settings).wsgi_app

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        user = self._recognise(environ.get("HTTP_AUTHORIZATION", ""))
        environ["beatflow.user"] = user
        if LFS + "objects/storage/" in path:  # giftless's own tickets
            environ["beatflow.trusted"] = user is not None
            return self._sound(environ, start)
        if user is None:
            start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="label"'), ("Content-Length", "0")])
            return [b""]
        repository, lfs, rest = path.partition(LFS)
        if lfs and not (self._folder / "git" / repository.lstrip("/")).is_dir():
            return _say(start, 404, {"message": "no such repository"})
        if lfs and rest.startswith("locks"):
            return _say(start, *self._locks.answer(repository, rest.removeprefix("locks"), environ))
        if lfs:
            environ["beatflow.trusted"] = True
            return self._giftless(environ, start)
        return self._git(environ, start)

    def _recognise(self, authorization: str) -> str | None:
        """Return who it is; anybody with the password may have any name."""
        scheme, _, word = authorization.partition(" ")
        if scheme != "Basic":
            return None
        user, _, password = base64.b64decode(word).decode().partition(":")
        return user if user and hmac.compare_digest(password, self._password) else None

    def _sound(self, environ: Environ, start: Start) -> Iterable[bytes]:
        asked = environ.get("HTTP_RANGE", "")
        if not asked.startswith("bytes=") or environ["PATH_INFO"].startswith("/whole/"):
            return self._giftless(environ, start)
        heard: list[Any] = []
        body = b"".join(self._giftless(environ, lambda *said: heard.extend(said)))
        status, headers = heard[0], heard[1]
        if not status.startswith("200"):
            start(status, headers)
            return [body]
        first, _, last = asked.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(body) - 1) + 1, len(body))
        if begin >= len(body):
            start(
                "416 Range Not Satisfiable",
                [("Content-Range", f"bytes */{len(body)}"), ("Content-Length", "0")],
            )
            return [b""]
        part = body[begin:end]
        span = ("Content-Range", f"bytes {begin}-{end - 1}/{len(body)}")
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start("206 Partial Content", [*kept, span, ("Content-Length", str(len(part)))])
        return [part]

    def _git(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Run git's CGI program."""
        names = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "PATH_INFO", "SERVER_PROTOCOL")
        variables = {name: environ.get(name, "") for name in names} | {
            "GIT_PROJECT_ROOT": str(self._folder / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": environ["beatflow.user"],
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
            "HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", ""),
        }
        with tempfile.TemporaryFile() as body:
            body.write(read_body(environ))
            variables["CONTENT_LENGTH"] = str(body.tell())
            body.seek(0)
            done = subprocess.run(
                ["git", "http-backend"],
                stdin=body,
                capture_output=True,
                env=os.environ | variables,
                check=False,
            )
        sys.stderr.write(done.stderr.decode("utf-8", "replace"))
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        kept = [(name, value) for name, value in headers if name != "Status"]
        start(status, [*kept, ("Content-Length", str(len(content)))])
        return [content]


def read_body(environ: Environ) -> bytes:
    """Return what was sent."""
    body: bytes = environ["wsgi.input"].read()
    return body


def _say(start: Start, code: int, answer: dict[str, Any]) -> list[bytes]:
    body = json.dumps(answer).encode()
    start(
        f"{code} {'OK' if code < 300 else 'No'}",
        [("Content-Type", LFS_TYPE), ("Content-Length", str(len(body)))],
    )
    return [body]


if __name__ == "__main__":
    folder, port, password, scheme = sys.argv[1:]
    waitress.serve(
        Host(Path(folder), password), host="127.0.0.1", port=int(port), threads=8, url_scheme=scheme
    )
