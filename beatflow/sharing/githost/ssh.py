"""The user's own ``ssh`` for git URLs, and a bridge on loopback over which libgit2 speaks through it.

So their configuration, keys, agents, jump hosts and known hosts hold, as they do for git. Whoever connects to the
bridge must know a secret that only its URL has.
"""

import hmac
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO

from beatflow.gitconfig import read_config
from beatflow.sharing.access import Access
from beatflow.sharing.githost.url import GitUrl
from beatflow.sharing.remote import RemoteError

_BLOCK = 64 * 1024
_PATIENCE_S = 5.0
_LAST_WORDS_S = 1.0
NOT_THERE = 127
"""What a shell exits with when there is no such program."""


def build_command(url: GitUrl, access: Access, program: str, *arguments: str) -> list[str]:
    """Return the command line that runs a program on a URL's host.

    Raises
    ------
    RemoteError
        There is no ssh on this machine.
    """
    remote = " ".join([program, *map(shlex.quote, arguments)])
    target = [
        *(["-p", str(url.port)] if url.port else []),
        f"{url.user}@{url.host}" if url.user else url.host,
    ]
    environment = access.environment
    command = environment.get("GIT_SSH_COMMAND") or _configured(access)
    if command and os.name == "posix":
        # As git does: a line for the shell, and the rest as its arguments.
        return ["sh", "-c", f'{command} "$@"', command, *target, remote]
    ssh = shlex.split(command, posix=False) if command else [environment.get("GIT_SSH") or "ssh"]
    if not shutil.which(ssh[0]):
        raise RemoteError(f"{ssh[0]} is not installed", "install OpenSSH, or use the host's https:// address")
    return [*ssh, *target, remote]


def _configured(access: Access) -> str | None:
    if access.home is None:
        return None
    return read_config(access.home / ".gitconfig", access.home).get("core.sshcommand")


def run(url: GitUrl, access: Access, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program on a URL's host and return what it said."""
    return subprocess.run(
        build_command(url, access, program, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def last_words(stderr: bytes) -> str:
    """Return the line of ssh's complaints that says most."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and set(line) != {"@"}]
    telling = [line for line in lines if any(word in line.lower() for word in _TELLING)]
    return (telling or lines or [""])[0][:300]


_TELLING = (
    "denied",
    "host key",
    "identification has changed",
    "could not resolve",
    "connection refused",
    "timed out",
    "no route",
    "not found",
    "does not appear",
    "not exist",
    "fatal",
)


class Bridge:
    """A git:// server on loopback, for one ``with`` block, each of whose connections is an ssh to the real host."""

    def __init__(self, url: GitUrl, access: Access) -> None:
        self._url = url
        self._commands = {
            service: build_command(url, access, service, url.path)
            for service in ("git-upload-pack", "git-receive-pack")
        }
        self._secret = secrets.token_hex(16)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._serving: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._heard = b""
        self._mutex = threading.Lock()

    def __enter__(self) -> "Bridge":
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake who waits in accept.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.stop()

    @property
    def url(self) -> str:
        """What libgit2 is given."""
        return f"git://127.0.0.1:{self._server.getsockname()[1]}/{self._secret}"

    @property
    def is_busy(self) -> bool:
        """Whether an ssh runs."""
        return any(process.poll() is None for process in self._processes)

    @property
    def complaint(self) -> str:
        """What ssh, or the program that it ran, complained about."""
        # All that it says is heard once it has ended; where it has not, it is not what failed.
        for thread in self._serving:
            thread.join(_LAST_WORDS_S)
        return last_words(self._heard)

    def stop(self) -> None:
        """End what still runs."""
        for process in self._processes:
            process.terminate()
        # A shell between us and ssh may leave it running; without us it ends by itself.
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for process in self._processes:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving.append(thread)
            self._connections.append(connection)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            service = self._read_service(connection)
            if service is None:
                return
            with subprocess.Popen(
                self._commands[service],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            ) as process:
                self._processes.append(process)
                assert process.stdin
                assert process.stdout
                assert process.stderr
                pumps = [
                    threading.Thread(target=_send, args=(connection, process.stdin), daemon=True),
                    threading.Thread(target=self._listen, args=(process.stderr,), daemon=True),
                ]
                for pump in pumps:
                    pump.start()
                _receive(process.stdout, connection)
                # The other side has said all: whoever still waits for more of ours is to stop.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                for pump in pumps:
                    pump.join()

    def _read_service(self, connection: socket.socket) -> str | None:
        """Read libgit2's request; None for anybody who does not know the secret."""
        connection.settimeout(_PATIENCE_S)
        with suppress(OSError, ValueError):
            length = int(_read_exactly(connection, 4), 16)
            request = _read_exactly(connection, min(length, _BLOCK) - 4)
            service, _, path = request.split(b"\0")[0].decode("ascii", "replace").partition(" ")
            known = hmac.compare_digest(path.lstrip("/").encode(), self._secret.encode())
            connection.settimeout(None)
            return service if known and service in self._commands else None
        return None

    def _listen(self, stream: IO[bytes]) -> None:
        for line in iter(stream.readline, b""):
            with self._mutex:
                self._heard = (self._heard + line)[-_BLOCK:]


def _read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ValueError("cut short")
        data += more
    return data


def _send(connection: socket.socket, stdin: IO[bytes]) -> None:
    with suppress(OSError, ValueError), stdin:
        while data := connection.recv(_BLOCK):
            _write_all(stdin, data)


def _write_all(stream: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _receive(stdout: IO[bytes], connection: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := stdout.read(_BLOCK):
            connection.sendall(data)
