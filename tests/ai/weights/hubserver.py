"""A hub on loopback that speaks what huggingface_hub's own client speaks: model info, HEAD and GET of files, ranges.

Run by tests, or by hand: ``python -m tests.ai.weights.hubserver PORT FOLDER`` serves ``FOLDER/OWNER/NAME/*``.
"""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LARGE = 1000
"""From this many bytes on a file is a large one, known by its sha256; smaller ones by git's blob id."""


@dataclass
class Hub:
    """What is served, what goes wrong on purpose, and what was asked."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and range of every request."""
    cut: list[int] = field(default_factory=list)
    """For each of the next answers to a GET of a large file: break off after so many bytes."""
    lie: set[str] = field(default_factory=set)
    """Files of which other bytes come than are told."""
    status: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    """Repository to the status and ``X-Error-Code`` that it answers with."""
    ranges: bool = True
    """Whether ranges are known."""
    pace_s: float = 0.0
    """Wait so long after every 64 KiB."""
    url: str = ""

    def revision(self, repository: str) -> str:
        """The commit: changes with the files."""
        digest = hashlib.sha1()
        for name, data in sorted(self.repositories[repository].items()):
            digest.update(name.encode() + data)
        return digest.hexdigest()

    def add(self, repository: str, folder: Path) -> None:
        """Serve the files of a folder."""
        self.repositories[repository] = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def fetched(self) -> list[tuple[str, str | None]]:
        """The files that were sent, with the range that was asked for."""
        return [
            (path.rsplit("/", 1)[1], span)
            for method, path, span in self.requests
            if method == "GET" and "/resolve/" in path
        ]


def git_id(data: bytes) -> str:
    """Git's blob id."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def etag(data: bytes) -> str:
    """What the hub names a file by."""
    return hashlib.sha256(data).hexdigest() if len(data) >= LARGE else git_id(data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = unquote(self.path.split("?")[0])
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(\w+))?", path)
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(\w+)/(.+)", path)
        match = info or resolve
        repository = match[1] if match else ""
        if repository in self.hub.status:
            return self._fail(*self.hub.status[repository])
        if repository not in self.hub.repositories:
            return self._fail(404, "RepoNotFound")
        if info:
            return self._info(repository)
        assert resolve
        if resolve[2] not in ("main", self.hub.revision(repository)):
            return self._fail(404, "RevisionNotFound")
        files = self.hub.repositories[repository]
        if resolve[3] not in files:
            return self._fail(404, "EntryNotFound")
        return self._file(repository, resolve[3], files[resolve[3]], body)

    def _fail(self, status: int, code: str | None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _info(self, repository: str) -> None:
        siblings = []
        for name, data in self.hub.repositories[repository].items():
            entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git_id(data)}
            if len(data) >= LARGE:
                entry["lfs"] = {"sha256": etag(data), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
        document = {
            "_id": "0", "id": repository, "modelId": repository, "sha": self.hub.revision(repository),
            "private": False, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
            "siblings": siblings, "createdAt": "2026-01-01T00:00:00.000Z", "lastModified": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip
        text = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _file(self, repository: str, name: str, data: bytes, body: bool) -> None:
        start = 0
        span = self.headers.get("Range")
        sent = bytes(len(data)) if name in self.hub.lie else data
        if span and self.hub.ranges:
            start = int(span.removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{etag(data)}"')
        if len(data) >= LARGE:
            self.send_header("X-Linked-Etag", f'"{etag(data)}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Repo-Commit", self.hub.revision(repository))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        rest = sent[start:]
        if len(data) >= LARGE and self.hub.cut:
            rest = rest[: self.hub.cut.pop(0)]
            self.close_connection = True
        for at in range(0, len(rest), 1 << 16):
            self.wfile.write(rest[at : at + (1 << 16)])
            if self.hub.pace_s:
                self.wfile.flush()
                threading.Event().wait(self.hub.pace_s)


@contextmanager
def serve(port: int = 0) -> Iterator[Hub]:
    """Run a hub for as long as the block lasts."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    # A client that goes away in the middle is what some tests are about.
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve a folder by hand."""
    with serve(int(sys.argv[1])) as hub:
        for owner in Path(sys.argv[2]).iterdir():
            for folder in owner.iterdir():
                hub.add(f"{owner.name}/{folder.name}", folder)
        hub.pace_s = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
        threading.Event().wait()


if __name__ == "__main__":
    main()
