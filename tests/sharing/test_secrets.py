"""What opens doors is never shown, kept or put into a process list, whatever is done and however it fails."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers import PASSWORD, GitHost, has
from tests.sharing.places import KINDS, Shared
from tests.sharing.test_matrix import begin, head


@pytest.fixture(params=[kind for kind in ("s3", "http") if kind in KINDS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    return KINDS[request.param](request, tmp_path)


def files_with(text: bytes, root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and text in path.read_bytes()]


def command_lines(session: int) -> bytes:
    """Return what the processes of a session were called with."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append((folder / "cmdline").read_bytes())
    return b"\n".join(found)


def test_no_secret_is_told_or_kept(place: Shared, tmp_path: Path) -> None:
    ada = begin(place, tmp_path / "ada")
    bob = place.clone(tmp_path / "bob")
    for bf, *argv in (
        (ada, "--debug", "push"),
        (ada, "remote", "ls"),
        (ada, "ls-remote", "origin"),
        (ada, "lock", "notes.txt"),
        (bob, "pull", "--json"),
        (bob, "op", "log"),
        (bob, "config"),
    ):
        result = bf(*argv)
        assert PASSWORD not in result.stdout + result.stderr, argv
    assert not files_with(PASSWORD.encode(), ada.directory)
    assert not files_with(PASSWORD.encode(), bob.directory)


def test_wrong_ones_are_refused_without_being_told(place: Shared, tmp_path: Path) -> None:
    ada = begin(place, tmp_path / "ada")
    wrong = "not-the-" + PASSWORD
    if "AWS_SECRET_ACCESS_KEY" in ada.environment:
        ada.environment["AWS_SECRET_ACCESS_KEY"] = wrong
    if "NETRC" in ada.environment:
        netrc = Path(ada.environment["NETRC"])
        netrc.write_text(netrc.read_text().replace(PASSWORD, wrong))
    result = ada("--debug", "ls-remote", "origin")
    assert result.code == 1
    assert "hint: " in result.stderr
    assert wrong not in result.stdout + result.stderr
    assert not files_with(wrong.encode(), ada.directory)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no list of processes to read")
def test_no_secret_is_in_the_process_list(place: Shared, tmp_path: Path) -> None:
    ada = begin(place, tmp_path / "ada")
    (ada.directory / "more.txt").write_text("more\n")
    ada.ok("commit", "-m", "more")
    with subprocess.Popen(
        [sys.executable, "-m", "beatflow", "push"],
        cwd=ada.directory,
        env=os.environ | ada.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        seen = b""
        while process.poll() is None:
            seen += command_lines(process.pid)
    assert b"push" in seen
    assert PASSWORD.encode() not in seen
    assert process.returncode == 0
    assert head(ada) in ada.ok("ls-remote", "origin").stdout


if has("git", "git-lfs"):

    def test_a_password_in_an_address_is_refused_with_the_way_out(git_host: GitHost, tmp_path: Path) -> None:
        ada = Shared("http", "").bf(tmp_path / "ada")
        ada.ok("init")
        url = git_host.url(git_host.repository(), login=True)
        for argv in (
            ("remote", "add", "origin", url),
            ("clone", url),
            ("ls-remote", url),
            ("fork", url, "x"),
        ):
            result = ada(*argv)
            assert result.code == 2, (argv, result.stderr)
            assert "netrc" in result.stderr
            assert PASSWORD not in result.stdout + result.stderr
        assert not files_with(PASSWORD.encode(), tmp_path)
