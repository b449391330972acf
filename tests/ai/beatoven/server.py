"""A service on this machine that speaks Beatoven's public API over real sockets, and misbehaves on request."""

import io
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.wav import WavWriter

KEY = "s3cret-key"
STEMS = ("bass", "chords", "melody", "percussion")


@dataclass
class Answer:
    """One thing that the service does instead of what it should.

    ``cut`` sends only so many bytes of the body and hangs up; ``hang_s`` waits first; ``silent`` hangs up at once.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang_s: float = 0.0
    silent: bool = False


@dataclass
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


def make_wav(samples: np.ndarray, sample_rate: int = 44100, subtype: str = "PCM_16") -> bytes:
    """A sound as the bytes of a WAV file."""
    file = io.BytesIO()
    writer = WavWriter(file, sample_rate, samples.shape[1], subtype)
    writer.write(samples.astype(np.float32))
    writer.finish()
    return file.getvalue()


def make_music(seconds: float = 0.25, sample_rate: int = 44100, seed: int = 1) -> dict[str, Audio]:
    """Four stems, and a track that is their sum through a gentle limiter, as mastering would have it."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * sample_rate)
    stems = {
        name: Audio(0.1 * rng.standard_normal((frames, 2)).astype(np.float32), sample_rate) for name in STEMS
    }
    total = sum(stem.samples for stem in stems.values())
    return {"track": Audio(np.tanh(1.2 * total), sample_rate), **stems}


class Service:
    """What the service knows, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.plans: dict[tuple[str, str], list[Answer]] = {}
        self.polls = 2
        self.files = {name: make_wav(audio.samples) for name, audio in make_music().items()}
        self.tasks: dict[str, int] = {}
        self.url = ""
        self.meta: dict[str, Any] = {}
        self.closed = threading.Event()
        self.lock = threading.Lock()

    def plan(self, method: str, prefix: str, *answers: Answer) -> None:
        """Give these answers first to requests whose path begins so."""
        self.plans[method, prefix] = list(answers)

    def count(self, method: str, prefix: str) -> int:
        """How many such requests there were."""
        return len(self.find(method, prefix))

    def find(self, method: str, prefix: str) -> list[Asked]:
        """Such requests."""
        return [asked for asked in self.asked if asked.method == method and asked.path.startswith(prefix)]

    @property
    def orders(self) -> int:
        """How often something was ordered."""
        return self.count("POST", "/api/v1/tracks/compose")

    def answer(self, asked: Asked) -> Answer:
        """What a service in good health says."""
        for (method, prefix), answers in self.plans.items():
            if asked.method == method and asked.path.startswith(prefix) and answers:
                return answers.pop(0)
        if asked.path.startswith("/files/"):
            name = asked.path.removeprefix("/files/").partition("?")[0]
            return Answer(body=self.files[name]) if name in self.files else Answer(404)
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            return Answer(401, {"message": f"unknown key {asked.headers.get('Authorization')}"})
        if asked.method == "POST" and asked.path == "/api/v1/tracks/compose":
            task = f"ccb84650-7b4a_{len(self.tasks) + 1}"
            self.tasks[task] = self.polls
            return Answer(body={"status": "started", "task_id": task})
        task = asked.path.removeprefix("/api/v1/tasks/")
        if asked.method == "GET" and task in self.tasks:
            self.tasks[task] -= 1
            if self.tasks[task] >= 0:
                return Answer(body={"status": "running" if self.tasks[task] == 0 else "composing"})
            return Answer(body={"status": "composed", "meta": self.make_meta(task)})
        return Answer(404, {"error": "no such thing"})

    def make_meta(self, task: str) -> dict[str, Any]:
        """What is said of a track that is done."""
        urls = {name: f"{self.url}/files/{name}?signature=hush" for name in self.files}
        track = urls.pop("track")
        return {
            "project_id": "3ade3151",
            "track_id": task.partition("_")[0],
            "prompt": {"text": "…"},
            "version": 1,
            "track_url": track,
            "stems_url": urls,
        } | self.meta


@contextmanager
def serve(host: str = "127.0.0.1") -> Iterator[Service]:
    """A service that runs on a free port until the block ends."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            with service.lock:
                asked = Asked(self.command, self.path, dict(self.headers), body)
                service.asked.append(asked)
                answer = service.answer(asked)
            service.closed.wait(answer.hang_s)
            if answer.silent:
                self._hang_up()
                return
            content = answer.body
            if not isinstance(content, bytes):
                content = b"" if content is None else json.dumps(content).encode()
            self.send_response(answer.status)
            headers = {"Content-Length": str(len(content))} | dict(answer.headers)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content if answer.cut is None else content[: answer.cut])
            if answer.cut is not None or "Content-Length" in answer.headers:
                self._hang_up()

        def _hang_up(self) -> None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients hang up in these tests."""

    server = Server((host, 0), Handler)
    service.url = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()


def wait_until(service: Service, method: str, prefix: str, count: int = 1, at_most_s: float = 20.0) -> None:
    """Wait until so many requests arrived."""
    end = time.monotonic() + at_most_s
    while service.count(method, prefix) < count:
        assert time.monotonic() < end, service.asked
        time.sleep(0.01)
