"""The real servers that sharing is tested against, on loopback: an S3, a git host with LFS, an SSH server.

Each is a process of its own on free ports, started when a test first asks for it, and gone with the test run, however
that ends. Nothing here knows BeatFlow. ``python -m tests.githost`` is the git host, ``tests/faults.py`` what stands
between us and any of them.
"""

import base64
import getpass
import http.client
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults import FaultProxy

HERE = Path(__file__).parents[1]
PASSWORD = "sesame-4711"  # to be looked for where no secret may be
PATIENCE_S = 60.0
_DIES_WITH_US = '"$@" & child=$!; read -r _; kill -9 $child'


_FOLDERS = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"))


def find(program: str) -> str | None:
    """Return where a program is: among ours, on the path, or where those for servers are."""
    return shutil.which(program, path=_FOLDERS)


def has(*programs: str) -> bool:
    """Tell whether these programs are installed."""
    return all(map(find, programs))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(argv: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the context, or of this process, even when that is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["sh", "-c", _DIES_WITH_US, "sh", *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=HERE,
        )
    try:
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens on a port."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"no server on port {port}: {log.read_text()[-2000:]}")


@dataclass(frozen=True)
class S3:
    """SeaweedFS's S3, whose conditional writes are real. Signs what it asks, so wrong keys are refused."""

    port: int
    filer_port: int
    access_key: str = "ada-key"
    secret_key: str = PASSWORD

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, endpoint: str | None = None) -> dict[str, str]:
        """Return what a command needs to find and open it; ``endpoint`` for a proxy before it."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    def bucket(self, name: str | None = None) -> str:
        """Make a bucket that is empty and the caller's own; return its name."""
        name = name or f"b{secrets.token_hex(6)}"
        self._filer("POST", f"/buckets/{name}/")
        return name

    def keys(self, bucket: str) -> list[str]:
        """Return every key of a bucket, read past S3."""
        return sorted(self._walk(f"/buckets/{bucket}/", ""))

    def read(self, bucket: str, key: str) -> bytes:
        """Return what lies under a key, read past S3."""
        return self._filer("GET", f"/buckets/{bucket}/{key}")

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put bytes under a key past S3: a remote that went bad, or never was good."""
        self._filer("PUT", f"/buckets/{bucket}/{key}", data)

    def remove(self, bucket: str, key: str) -> None:
        """Lose what lies under a key."""
        self._filer("DELETE", f"/buckets/{bucket}/{key}")

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        listed = json.loads(self._filer("GET", folder + "?limit=100000", accept="application/json"))
        for entry in listed["Entries"] or []:
            name = entry["FullPath"].rsplit("/", 1)[1]
            if name == ".uploads":  # of unfinished multipart uploads
                continue
            if entry["Mode"] & 1 << 31:  # Go's bit for folders
                yield from self._walk(f"{folder}{name}/", f"{prefix}{name}/")
            else:
                yield prefix + name

    def _filer(self, method: str, path: str, data: bytes | None = None, accept: str = "*/*") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.filer_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, data, {"Accept": accept})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status < 300, (method, path, answer.status, body[:200])
            return body
        finally:
            connection.close()


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3]:
    """Run SeaweedFS with its data in a folder."""
    (folder / "data").mkdir(parents=True)
    names = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    found = S3(ports["s3"], ports["filer"])
    credentials = [{"accessKey": found.access_key, "secretKey": found.secret_key}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    keys = folder / "keys.json"
    keys.write_text(
        json.dumps({"identities": [{"name": "ada", "credentials": credentials, "actions": actions}]})
    )
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **{
            f"{name.split('.')[0]}.port{name.partition('.')[1]}{name.partition('.')[2]}": ports[name]
            for name in names
        },
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 256,
        "volume.max": 3000,  # each bucket makes some of its own
        "volume.minFreeSpace": "1MiB",
        "volume.preStopSeconds": 0,
        "filer": "true",
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.localSocket": folder / "s3.sock",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "s3.autoCreateBucket": "false",
        "s3.config": keys,
    }
    log = folder / "weed.log"
    argv = [
        find("weed") or "weed",
        "-logtostderr=true",
        "server",
        *(f"-{name}={value}" for name, value in options.items()),
    ]
    with running(argv, log) as process:
        wait_for(found.port, process, log)
        wait_for(found.filer_port, process, log)
        found.bucket("beatflow-ready")
        until = time.monotonic() + PATIENCE_S
        while True:  # it listens before it has a volume to write to
            try:
                found.write("beatflow-ready", "here", b"ready")
                break
            except (AssertionError, OSError):
                assert time.monotonic() < until, log.read_text()[-2000:]
                time.sleep(0.05)
        yield found


@dataclass(frozen=True)
class GitHost:
    """A git host with LFS: git's own http-backend, giftless, and an LFS locks API. Any user name with its password.

    Repositories are ``<organization>/<name>.git``. Those of the organization ``whole`` know no ranges, as giftless
    itself; of others a sound can be had from any byte on.
    """

    port: int
    folder: Path
    scheme: str = "http"
    user: str = "ada"
    password: str = PASSWORD
    certificate: Path | None = None

    def repository(self, name: str | None = None, organization: str = "label") -> str:
        """Make an empty bare repository; return its path in URLs: ``label/<name>.git``."""
        path = f"{organization}/{name or 'r' + secrets.token_hex(6)}.git"
        target = self.folder / "git" / path
        git("init", "-q", "--bare", "-b", "main", target)
        git("config", "http.receivepack", "true", cwd=target)
        return path

    def path(self, repository: str) -> Path:
        """Return where a bare repository lies."""
        return self.folder / "git" / repository

    def url(self, repository: str, login: bool = False, port: int | None = None) -> str:
        """Return a URL, with name and password in it where asked for; ``port`` for a proxy before it."""
        who = f"{self.user}:{self.password}@" if login else ""
        return f"{self.scheme}://{who}127.0.0.1:{port or self.port}/{repository}"

    def sounds(self, repository: str) -> dict[str, Path]:
        """Return what giftless holds of a repository, by oid."""
        found = self.folder / "lfs" / repository.removesuffix(".git")
        return {path.name: path for path in found.iterdir()} if found.is_dir() else {}

    def netrc(self, home: Path) -> None:
        """Write name and password where every client looks for them."""
        path = home / ".netrc"
        path.write_text(f"machine 127.0.0.1 login {self.user} password {self.password}\n")
        path.chmod(0o600)

    @property
    def authorization(self) -> str:
        """What the header of that name says."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@contextmanager
def serve_git(folder: Path, certificate: Path | None = None) -> Iterator[GitHost]:
    """Run a git host with its data in a folder; over TLS where a certificate (with its key in one file) is given."""
    (folder / "git").mkdir(parents=True)
    (folder / "lfs").mkdir()
    (port,) = free_ports(1)
    scheme = "https" if certificate else "http"
    argv = [sys.executable, "-m", "tests.githost", folder, str(port), PASSWORD, scheme]
    log = folder / "githost.log"
    with ExitStack() as stack:
        process = stack.enter_context(running(argv, log))
        wait_for(port, process, log)
        if certificate:
            port = stack.enter_context(FaultProxy(port, certificate=certificate)).port
        yield GitHost(port, folder, scheme, certificate=certificate)


@dataclass(frozen=True)
class SshHost:
    """An SSH server on this machine that lets in whoever has ``key``, and serves git and git-lfs-authenticate.

    ``lfs`` (a file) names what git-lfs-authenticate answers; without it there is no such thing on that host.
    """

    port: int
    key: Path
    known_hosts: Path
    folder: Path
    control: Path
    lfs: Path = field(kw_only=True)

    @property
    def command(self) -> str:
        """What GIT_SSH_COMMAND wants."""
        return (
            f"ssh -F none -i {self.key} -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"
        )

    @property
    def quick_command(self) -> str:
        """The same with one connection for all, as many have it in their settings: to open one takes 0.15 s."""
        return f"{self.command} -o ControlMaster=auto -o ControlPath={self.control} -o ControlPersist=20"

    def repository(self, name: str | None = None) -> Path:
        """Make an empty bare repository; return its path, which URLs have too."""
        path = self.folder / f"{name or 'r' + secrets.token_hex(6)}.git"
        git("init", "-q", "--bare", "-b", "main", path)
        return path

    def url(self, repository: Path, port: int | None = None) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{port or self.port}{urllib.parse.quote(str(repository))}"

    def offer_lfs(self, href: str, authorization: str) -> None:
        """Answer git-lfs-authenticate from now on."""
        self.lfs.write_text(
            json.dumps({"href": href, "header": {"Authorization": authorization}, "expires_in": 600})
        )


@contextmanager
def serve_ssh(folder: Path) -> Iterator[SshHost]:
    """Run OpenSSH's server with keys of its own."""
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    programs = folder / "bin"
    programs.mkdir()
    answer = folder / "lfs.json"
    authenticate = programs / "git-lfs-authenticate"
    authenticate.write_text(f"#!/bin/sh\ncat {answer}\n")
    authenticate.chmod(0o755)
    (port,) = free_ports(1)
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder / 'host'}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'key.pub'}\nStrictModes no\nPasswordAuthentication no\n"
        f"PermitRootLogin prohibit-password\nMaxStartups 100\nLogLevel ERROR\n"
        # One level down bash does not take itself for sshd's, and leaves the user's own settings alone.
        f'SetEnv PATH="{programs}:{os.environ["PATH"]}" SHLVL=1\nKexAlgorithms curve25519-sha256\nUseDNS no\n'
    )
    host_key = (folder / "host.pub").read_text().split()
    known = folder / "known_hosts"
    known.write_text(f"* {host_key[0]} {host_key[1]}\n")  # on a wire's port as well
    log = folder / "sshd.log"
    with (
        # The path of a socket may have about 100 bytes.
        TemporaryDirectory(prefix="bf-ssh-") as short,
        running([find("sshd") or "sshd", "-D", "-e", "-f", config], log) as process,
    ):
        wait_for(port, process, log)
        found = SshHost(port, folder / "key", known, folder, Path(short) / "control", lfs=answer)
        try:
            yield found
        finally:
            leave = [*shlex.split(found.quick_command), "-O", "exit", "-p", str(port), "127.0.0.1"]
            subprocess.run(leave, capture_output=True, check=False)


def make_certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    target = folder / "certificate.pem"
    curve, address = (
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        "subjectAltName=IP:127.0.0.1",
    )
    about = ("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", address)
    files = ("-keyout", str(target), "-out", str(folder / "public.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-nodes", *about, *files], check=True, capture_output=True
    )
    with target.open("ab") as file:
        file.write((folder / "public.pem").read_bytes())
    return target


def git(*argv: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run the real git; return what it printed."""
    done = subprocess.run(
        ["git", *map(str, argv)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


@pytest.fixture(scope="session")
def s3(hermetic: dict[str, str], impatient: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """SeaweedFS, once for the run."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture(scope="session")
def bucket(s3: S3) -> str:
    """A bucket for all tests, each with a prefix of its own, since every bucket costs SeaweedFS volumes; its name."""
    return s3.bucket()


@pytest.fixture(scope="session")
def git_host(
    hermetic: dict[str, str], impatient: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GitHost]:
    """Git over http with LFS, once for the run; each test makes a repository of its own."""
    with serve_git(tmp_path_factory.mktemp("githost") / "host") as found:
        yield found


@pytest.fixture(scope="session")
def tls_host(
    hermetic: dict[str, str], impatient: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GitHost]:
    """The same over https, with a certificate (``certificate``) that nobody vouches for."""
    folder = tmp_path_factory.mktemp("tlshost")
    with serve_git(folder / "host", make_certificate(folder)) as found:
        yield found


@pytest.fixture(scope="session")
def ssh_host(
    hermetic: dict[str, str], impatient: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SshHost]:
    """Git over ssh, once for the run."""
    with serve_ssh(tmp_path_factory.mktemp("sshhost") / "host") as found:
        yield found
