"""An LFS server that answers as a test wants it to: for what no sane one says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from beatflow.objects.pointer import Pointer
from beatflow.sharing.access import Access
from beatflow.sharing.githost.remote import GitRemote
from tests.sharing.githost.hosting import ADA


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON, or bytes."""

    status: int = 200
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Answer]


@dataclass
class OddHost:
    """A running server; ``asked`` is what it was asked so far."""

    port: int
    script: Script
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, folder: Path, **environment: str) -> GitRemote:
        """Open a repository of it."""
        access = Access(lambda: ADA, folder, folder, environment)
        return GitRemote(f"{self.url}/a.git", access, None, "pw")

    def paths(self, method: str) -> list[str]:
        """Return the paths asked for."""
        return [asked.path for asked in self.asked if asked.method == method]


@contextmanager
def serve(script: Script) -> Iterator[OddHost]:
    """Run a server whose every answer ``script`` gives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            host.asked.append(asked)
            answer = host.script(asked)
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response_only(answer.status)
            for name, value in ({"Content-Length": str(len(data))} | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host = OddHost(server.server_port, script)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def offer(asked: Asked, **actions: object) -> Answer:
    """Answer a batch with the same actions for every sound."""
    rows = [{**row, "actions": actions} for row in asked.json["objects"]]
    return Answer(200, {"transfer": "basic", "objects": rows})


def refuse(asked: Asked, code: int, message: str) -> Answer:
    """Answer a batch with an error for every sound."""
    rows = [{**row, "error": {"code": code, "message": message}} for row in asked.json["objects"]]
    return Answer(200, {"objects": rows})


def at(host: OddHost, path: str, **more: object) -> dict[str, object]:
    """An action that leads to a path of the host."""
    return {"href": host.url + path, **more}


SOUND = Pointer("a" * 64, 10)
