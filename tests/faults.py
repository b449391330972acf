"""A proxy that misbehaves: it stands between a client and a server on loopback and does to requests what networks do.

`FaultProxy` reads HTTP/1.1 one request at a time, so that it can lose an answer to a request that was carried out,
send one twice, cut a body in half, flip a bit or say 503. `Wire` moves bytes of any protocol and cuts them off. Both
count what went over them. What goes wrong is a `Fault` from a rule, or drawn from a seed.
"""

import itertools
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PASS = "pass"
REFUSE = "refuse"  # the connection ends before the request has reached the server
CUT_REQUEST = "cut-request"  # the server gets half a body
LOSE_ANSWER = "lose-answer"  # the server has done it, the client never hears
CUT_ANSWER = "cut-answer"  # the client gets half a body
CORRUPT_REQUEST = "corrupt-request"  # one bit of the body is another
CORRUPT_ANSWER = "corrupt-answer"
REPEAT = "repeat"  # the server gets it twice, the client the second answer
DELAY = "delay"
BUSY = "busy"  # 503 without asking the server
LIMIT = "limit"  # 429; both say to come back in ``retry_after_s``, by itself at once
KINDS = (
    REFUSE, CUT_REQUEST, LOSE_ANSWER, CUT_ANSWER, CORRUPT_REQUEST, CORRUPT_ANSWER, REPEAT, DELAY, BUSY, LIMIT
)  # fmt: skip
_READ = 1 << 16


@dataclass(frozen=True)
class Request:
    """One request, as far as a rule may want to know."""

    number: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """What is done to one request."""

    kind: str = PASS
    delay_s: float = 0.0
    bit: int = 0


Rule = Callable[[Request], Fault | str | None]


@dataclass
class Counts:
    """What went over the proxy: requests, and bytes with their headers."""

    requests: int = 0
    up: int = 0
    down: int = 0


def at_random(seed: int, share: float = 0.2, kinds: tuple[str, ...] = KINDS, delay_s: float = 0.05) -> Rule:
    """Return a rule that lets something happen to such a share of all requests."""
    draw = random.Random(seed)
    mutex = threading.Lock()

    def rule(_: Request) -> Fault:
        with mutex:
            if draw.random() >= share:
                return Fault()
            return Fault(draw.choice(kinds), delay_s, draw.getrandbits(48))

    return rule


def once(kind: str, method: str = "", within: str = "", count: int = 1) -> Rule:
    """Return a rule that does something to the first requests of a method whose target contains something."""
    left = count
    mutex = threading.Lock()

    def rule(request: Request) -> Fault | None:
        nonlocal left
        with mutex:
            if left and method in ("", request.method) and within in request.target:
                left -= 1
                return Fault(kind, 0.2, 1 << 40)
        return None

    return rule


def nth(kind: str, number: int, *methods: str, bit: int = 0) -> Rule:
    """Return a rule that does something to one request, counted from 0: of all, or of those by these methods."""
    numbers = itertools.count()

    def rule(request: Request) -> Fault | None:
        if methods and request.method not in methods:
            return None
        return Fault(kind, bit=bit) if next(numbers) == number else None

    return rule


class FaultProxy:
    """An HTTP/1.1 proxy before one server on loopback, to be used as a context.

    Parameters
    ----------
    upstream : int
        The server's port.
    rule : callable, optional
        What to do to a request; ``proxy.rule`` may be set at any time. None, or a rule that returns None, lets it pass.
    certificate : Path, optional
        With it the client's side is TLS.
    """

    def __init__(self, upstream: int, rule: Rule | None = None, certificate: Path | None = None) -> None:
        self.rule = rule
        self.retry_after_s = 0
        self.counts = Counts()
        self.faults: list[tuple[str, str, str]] = []  # what happened: kind, method, target
        self._upstream = upstream
        self._mutex = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake who waits in accept().
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._mutex:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), self._held(client):
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            with (
                self._held(client),
                self._held(socket.create_connection(("127.0.0.1", self._upstream))) as server,
            ):
                self._relay(_Stream(client), _Stream(server))

    @contextmanager
    def _held(self, connection: socket.socket) -> Iterator[socket.socket]:
        with self._mutex:
            self._open.add(connection)
        try:
            yield connection
        finally:
            with self._mutex:
                self._open.discard(connection)
            connection.close()

    def _relay(self, client: "_Stream", server: "_Stream") -> None:
        while True:
            head = client.read_head()
            expects = b"100-continue" in head.lower()
            if expects:
                client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                head = b"\r\n".join(
                    line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:")
                )
            raw = client.read_body(head, answer=False)
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            with self._mutex:
                self.counts.requests += 1
                self.counts.up += len(head) + len(raw)
                number = self.counts.requests
            rule = self.rule
            found = rule(Request(number, method, target, _headers(head), raw)) if rule else None
            fault = Fault(found) if isinstance(found, str) else found or Fault()
            if fault.kind != PASS:
                self.faults.append((fault.kind, method, target))
            if not self._exchange(client, server, method, head, raw, fault):
                return

    def _exchange(
        self, client: "_Stream", server: "_Stream", method: str, head: bytes, raw: bytes, fault: Fault
    ) -> bool:
        """Carry one request out; tell whether the connection lives on."""
        time.sleep(fault.delay_s if fault.kind == DELAY else 0.0)
        if fault.kind in (BUSY, LIMIT):
            status = b"503 Service Unavailable" if fault.kind == BUSY else b"429 Too Many Requests"
            wait = f"Retry-After: {self.retry_after_s}".encode()
            client.send(b"HTTP/1.1 " + status + b"\r\n" + wait + b"\r\nContent-Length: 0\r\n\r\n")
            return True
        if fault.kind == REFUSE:
            client.reset()
            return False
        if fault.kind == CUT_REQUEST:
            server.send(head + raw[: len(raw) // 2])
            server.reset()
            client.reset()
            return False
        if fault.kind == CORRUPT_REQUEST:
            raw = _flip(raw, fault.bit)
        answer_head, answer = b"", b""
        for _ in range(2 if fault.kind == REPEAT else 1):
            server.send(head + raw)
            answer_head = server.read_head()
            while answer_head.startswith(b"HTTP/1.1 1"):
                answer_head = server.read_head()
            answer = b"" if method == "HEAD" else server.read_body(answer_head, answer=True)
        if fault.kind == LOSE_ANSWER:
            client.reset()
            return False
        if fault.kind == CORRUPT_ANSWER:
            answer = _flip(answer, fault.bit)
        sent = answer_head + (answer[: len(answer) // 2] if fault.kind == CUT_ANSWER else answer)
        with self._mutex:
            self.counts.down += len(sent)
        client.send(sent)
        if fault.kind == CUT_ANSWER:
            client.reset()
            return False
        return "close" not in _headers(answer_head).get("connection", "").lower()


class _Stream:
    """A connection, read message by message."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ahead = b""

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """End the connection as one that broke, not one that was closed."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def read_head(self) -> bytes:
        """Return a message's head with the empty line that ends it."""
        return self._until(b"\r\n\r\n")

    def read_body(self, head: bytes, answer: bool) -> bytes:
        """Return the body as it came, with the frames of a chunked one."""
        headers = _headers(head)
        if answer and head.split(b" ", 2)[1][:3] in (b"204", b"304"):
            return b""
        if "chunked" in headers.get("transfer-encoding", ""):
            return b"".join(self._chunks())
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        return self._rest() if answer else b""

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._until(b"\r\n")
            yield line
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while (line := self._until(b"\r\n")) != b"\r\n":
                    yield line
                yield line
                return
            yield self._exactly(size + 2)

    def _until(self, end: bytes) -> bytes:
        while end not in self._ahead:
            self._ahead += self._more()
        found, self._ahead = self._ahead.split(end, 1)
        return found + end

    def _exactly(self, size: int) -> bytes:
        parts, have = [self._ahead], len(self._ahead)
        while have < size:
            parts.append(self._more())
            have += len(parts[-1])
        whole = b"".join(parts)
        self._ahead = whole[size:]
        return whole[:size]

    def _rest(self) -> bytes:
        parts, self._ahead = [self._ahead], b""
        with suppress(EOFError):
            while True:
                parts.append(self._more())
        return b"".join(parts)

    def _more(self) -> bytes:
        data = self._connection.recv(_READ)
        if not data:
            raise EOFError
        return data


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def _flip(data: bytes, bit: int) -> bytes:
    """Return data with one bit flipped; nothing of nothing."""
    if not data:
        return data
    at = bit % (len(data) * 8)
    return data[: at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1 :]


class Wire:
    """A TCP proxy for any protocol, to be used as a context: counts, and cuts after so many bytes.

    ``cut_up``/``cut_down`` (bytes to or from the server, over all connections) may be set at any time; each cuts once.
    """

    def __init__(self, upstream: int, cut_up: int | None = None, cut_down: int | None = None) -> None:
        self.cut_up, self.cut_down = cut_up, cut_down
        self.up = self.down = 0
        self.cuts = 0
        self._upstream = upstream
        self._mutex = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._mutex:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._upstream)) as server:
            with self._mutex:
                self._open |= {client, server}
            back = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
            back.start()
            self._pump(client, server, True)
            back.join()
            with self._mutex:
                self._open -= {client, server}

    def _pump(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_READ):
                if self._count(len(data), up):
                    for one in (source, target):
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        with suppress(OSError):
                            one.shutdown(socket.SHUT_RDWR)
                    break
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _count(self, size: int, up: bool) -> bool:
        """Count bytes; tell whether the connection is to be cut here."""
        with self._mutex:
            if up:
                self.up += size
                due = self.cut_up is not None and self.up > self.cut_up
                self.cut_up = None if due else self.cut_up
            else:
                self.down += size
                due = self.cut_down is not None and self.down > self.cut_down
                self.cut_down = None if due else self.cut_down
            self.cuts += due
            return due
