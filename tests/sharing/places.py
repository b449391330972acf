"""Every kind of place that a track is shared over, for tests that run against each: where it is, and how to get in."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Bf
from tests.servers import git, has


@dataclass
class Shared:
    """Somewhere to push to: its URL, what a command's environment needs for it, and what it can do."""

    kind: str
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int | None = None  # of the server behind it, for a proxy
    redirect: Callable[[int], "Shared"] | None = None  # the same place, through another port

    @property
    def is_git(self) -> bool:
        return self.kind in ("bare", "file", "http", "ssh")

    def bf(self, folder: Path, name: str = "Ada") -> Bf:
        """Return commands of somebody who may use it, in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        who = {"BF_AUTHOR_NAME": name, "BF_AUTHOR_EMAIL": f"{name.lower()}@example.com"}
        return Bf(folder, self.environment | who)

    def clone(self, folder: Path, *options: str, name: str = "Bob") -> Bf:
        """Clone it for somebody else."""
        self.bf(folder.parent, name).ok("clone", *options, self.url, folder.name)
        return self.bf(folder, name)


def _folder(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    (tmp_path / "stick").mkdir()
    return Shared("folder", str(tmp_path / "stick" / "track"))


def _track(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    root = tmp_path / "other"
    root.mkdir()
    Bf(root).ok("init")
    return Shared("track", str(root))


def _s3(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    s3 = request.getfixturevalue("s3")
    url = f"s3://{request.getfixturevalue('bucket')}/{secrets.token_hex(6)}/night drive"

    def through(port: int) -> Shared:
        return Shared("s3", url, s3.environment(f"http://127.0.0.1:{port}"), port, through)

    return through(s3.port)


def _bare(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    git("init", "-q", "--bare", "-b", "main", tmp_path / "bare.git")
    return Shared("bare", str(tmp_path / "bare.git"))


def _file(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    return Shared("file", f"file://{_bare(request, tmp_path).url}")


def _http(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    host = request.getfixturevalue("git_host")
    name = host.repository()
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {host.user} password {host.password}\n")
    netrc.chmod(0o600)

    def through(port: int) -> Shared:
        return Shared("http", host.url(name, port=port), {"NETRC": str(netrc)}, port, through)

    return through(host.port)


def _ssh(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    host, lfs = request.getfixturevalue("ssh_host"), request.getfixturevalue("git_host")
    repository = host.repository()
    host.offer_lfs(lfs.url(lfs.repository()) + "/info/lfs", lfs.authorization)

    def through(port: int) -> Shared:
        url = host.url(repository, port)
        # A wire is cut for one alone.
        command = host.quick_command if port == host.port else host.command
        return Shared("ssh", url, {"GIT_SSH_COMMAND": command}, port, through)

    return through(host.port)


KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], Shared]] = {"folder": _folder, "track": _track}
if has("weed"):
    KINDS["s3"] = _s3
if has("git", "git-lfs"):
    KINDS |= {"bare": _bare, "file": _file, "http": _http}
if has("git", "git-lfs", "ssh", "sshd"):
    KINDS["ssh"] = _ssh
