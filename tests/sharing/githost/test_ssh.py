"""The bridge on loopback: only libgit2 gets through it, and it ends with its block."""

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from beatflow.sharing.access import Access
from beatflow.sharing.githost.ssh import Bridge, build_command, last_words
from beatflow.sharing.githost.url import parse_git_url
from tests.sharing.githost.hosting import ADA

SSH_URL = parse_git_url("ssh://ada@host.example:2222/so%20ngs/it's.git")


def pretend(tmp_path: Path) -> Access:
    """An ssh that notes what it was asked to run."""
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {tmp_path}/asked\nexec cat\n')
    program.chmod(0o755)
    return Access(lambda: ADA, tmp_path, environment={"GIT_SSH_COMMAND": f"{program} -o 'A=b c'"})


def request(port: int, service: str, secret: str) -> bytes:
    """Speak to a bridge as libgit2 does; return what comes back to four bytes more."""
    line = f"{service} /{secret}\0host=127.0.0.1:{port}\0".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        found = b""
        # A bridge that hangs up may do so before all has been said.
        with suppress(OSError):
            connection.sendall(b"%04x" % (len(line) + 4) + line + b"0000")
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(100):
                found += data
        return found


def test_only_who_knows_the_secret_gets_through(tmp_path: Path) -> None:
    with Bridge(SSH_URL, pretend(tmp_path)) as bridge:
        url = parse_git_url(bridge.url)
        assert url.port
        secret = url.path.lstrip("/")
        assert len(secret) == 32
        for service, word in (("git-upload-pack", "0" * 32), ("git-upload-pack", ""), ("rm", secret)):
            assert request(url.port, service, word) == b""
        assert not (tmp_path / "asked").exists()
        assert request(url.port, "git-upload-pack", secret) == b"0000"
        asked = (tmp_path / "asked").read_text().splitlines()
        assert asked == [
            "-o",
            "A=b c",
            "-p",
            "2222",
            "ada@host.example",
            """git-upload-pack '/so ngs/it'"'"'s.git'""",
        ]
    with pytest.raises(ConnectionRefusedError):
        request(url.port, "git-upload-pack", secret)


def test_a_bridge_ends_what_hangs(tmp_path: Path) -> None:
    access = Access(lambda: ADA, tmp_path, environment={"GIT_SSH_COMMAND": "sh -c 'exec sleep 1000'"})
    with Bridge(SSH_URL, access) as bridge:
        url = parse_git_url(bridge.url)
        assert url.port
        waiting = threading.Thread(target=request, args=(url.port, "git-upload-pack", url.path.lstrip("/")))
        waiting.start()
        while not bridge.is_busy:
            time.sleep(0.01)
    waiting.join(10)
    assert not waiting.is_alive()


def test_the_users_own_ssh_is_run(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tsshCommand = env ssh -4\n")
    plain = Access(lambda: ADA, tmp_path, environment={"GIT_SSH": "env"})
    assert build_command(parse_git_url("host:a"), plain, "x", "a") == ["env", "host", "x a"]
    configured = Access(lambda: ADA, tmp_path, tmp_path)
    command = build_command(parse_git_url("host:a"), configured, "x", "a b")
    assert command == ["sh", "-c", 'env ssh -4 "$@"', "env ssh -4", "host", "x 'a b'"]


def test_the_line_that_says_most_is_told() -> None:
    said = b"@@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n@@@@@@\r\nlost\r\n"
    assert last_words(said) == "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @"
    assert last_words(b"Welcome\nto the host\n") == "Welcome"
    assert last_words(b"") == ""
