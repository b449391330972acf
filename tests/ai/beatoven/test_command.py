"""``bf generate --engine beatoven`` as a user runs it, against a service on this machine."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beatflow.delivery import Delivery
from tests.conftest import Bf

from .server import KEY, STEMS, Service, serve, wait_until


@pytest.fixture
def service(bf: Bf, tmp_path: Path) -> Iterator[Service]:
    with serve() as running:
        running.polls = 0
        bf.environment |= {
            "BEATOVEN_API_KEY": KEY,
            "BF_BEATOVEN_URL": running.url,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        yield running


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_track_with_stems(bf: Bf, service: Service) -> None:
    bf.ok("init")
    made = bf.ok("generate", "calm lofi", "--engine", "beatoven", "--seed", "7", "--json").json
    assert made["engine"] == "beatoven"
    assert [stem["name"] for stem in made["stems"]] == list(STEMS)
    assert (bf.directory / "mix.wav").read_bytes() == service.files["track"]
    bf.ok("commit", "-m", "from the cloud")
    assert KEY.encode() not in read_all(bf.directory)
    assert b"hush" not in read_all(bf.directory)
    assert service.orders == 1


def test_several_are_ordered_together(bf: Bf, service: Service) -> None:
    bf.ok("init")
    bf.ok("generate", "calm lofi", "--engine", "beatoven", "--count", "2", "--json")
    orders = [asked.method for asked in service.asked]
    assert orders[:2] == ["POST", "POST"]
    assert service.orders == 2


def test_not_paid_twice_when_it_cannot_be_written(
    bf: Bf, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bf.ok("init")
    command = ["generate", "calm lofi", "--engine", "beatoven"]
    with monkeypatch.context() as full:
        full.setattr(Delivery, "publish", fill)
        bf.fails(1, *command)
    said = bf.ok(*command).stderr
    assert "taking up ccb84650-7b4a_1" in said
    assert service.orders == 1
    bf.ok(*command)
    assert service.orders == 2


def test_never_taken_unasked(bf: Bf, service: Service) -> None:
    assert "beatoven" not in bf.ok("generate", "calm lofi", "--bars", "1", "-n").stderr
    assert not service.asked


def test_a_dry_run_orders_nothing(bf: Bf, service: Service) -> None:
    assert "paid for" in bf.fails(2, "generate", "calm lofi", "--engine", "beatoven", "--dry-run")
    assert not service.asked


def test_errors(bf: Bf, service: Service) -> None:
    bf.environment["BEATOVEN_API_KEY"] = "wrong"
    said = bf.fails(5, "generate", "calm lofi", "--engine", "beatoven")
    assert "Beatoven does not know your key" in said
    assert "hint: export BEATOVEN_API_KEY" in said
    del bf.environment["BEATOVEN_API_KEY"]
    assert "needs a key" in bf.fails(5, "generate", "calm lofi", "--engine", "beatoven")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_interrupted_and_run_again(bf: Bf, service: Service) -> None:
    service.polls = 100_000
    bf.ok("init")
    command = ["generate", "calm lofi", "--engine", "beatoven"]
    process = subprocess.Popen(
        [sys.executable, "-m", "beatflow", *command],
        cwd=bf.directory,
        env=os.environ | bf.environment | {"BF_NOW": "1700000000 +0000"},
        stderr=subprocess.PIPE,
    )
    wait_until(service, "GET", "/api/v1/tasks/")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert not list(bf.directory.rglob("*.wav"))
    service.tasks = dict.fromkeys(service.tasks, 0)
    said = bf.ok(*command).stderr
    assert "taking up ccb84650-7b4a_1, which was ordered from Beatoven before" in said
    assert service.orders == 1
    assert (bf.directory / "mix.wav").is_file()
