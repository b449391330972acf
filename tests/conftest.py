"""A hermetic world for every test: own home, own clock, own identity, one language, nothing of the user's."""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from beatflow.cli import main

pytest_plugins = ["tests.servers", "tests.impatience", "tests.loudspeaker"]
EPOCH = 1_700_000_000
# huggingface_hub reads this once, when it is first imported, and that may be while tests are collected.
os.environ["HF_HOME"] = os.path.join(tempfile.gettempdir(), "beatflow-tests-without-weights")
# The models of these tests are tiny: threads that wait for each other cost far more than they give. Read once as well.
os.environ["OMP_NUM_THREADS"] = "1"
# How long an example takes says how busy this machine is.
hypothesis.settings.register_profile("beatflow", deadline=None)
hypothesis.settings.load_profile("beatflow")
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "NUMBA_CACHE_DIR")


@pytest.fixture(scope="session", autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Replace the environment for the whole run."""
    home = tmp_path_factory.mktemp("home")
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "xterm-256color",
        "COLUMNS": "80",
        "BF_AUTHOR_NAME": "Ada",
        "BF_AUTHOR_EMAIL": "ada@example.com",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONWARNINGS": "error",
        "OMP_NUM_THREADS": "1",
    }
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    yield environment
    os.environ.clear()
    os.environ.update(before)


@dataclass
class Result:
    """What a command said and how it ended."""

    code: int
    out_bytes: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """Standard output as text."""
        return self.out_bytes.decode()

    @property
    def json(self) -> Any:
        """Standard output as the JSON document that it must be."""
        return json.loads(self.out_bytes)


@dataclass
class Bf:
    """Runs commands in a folder; the clock moves by a minute each time.

    ``bf("status")`` runs in this process and is quick; ``bf.spawn("status")`` runs the real program.
    """

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    now: int = EPOCH

    def __call__(self, *args: object, stdin: bytes = b"", cwd: Path | None = None) -> Result:
        """Run in this process."""
        out, err = io.BytesIO(), io.BytesIO()
        streams = sys.stdin, sys.stdout, sys.stderr
        before = dict(os.environ)
        os.environ.update(self._next_environment())
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        sys.stdout = io.TextIOWrapper(out, encoding="utf-8")
        sys.stderr = io.TextIOWrapper(err, encoding="utf-8")
        try:
            with chdir(cwd or self.directory):
                code = main([str(arg) for arg in args])
            sys.stdout.flush()
            sys.stderr.flush()
            return Result(code, out.getvalue(), err.getvalue().decode("utf-8", "replace"))
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
            os.environ.clear()
            os.environ.update(before)

    def ok(self, *args: object, stdin: bytes = b"") -> Result:
        """Run in this process; it must succeed."""
        result = self(*args, stdin=stdin)
        assert result.code == 0, result.stderr
        return result

    def fails(self, code: int, *args: object, stdin: bytes = b"") -> str:
        """Run in this process; it must end with this code, without data. Returns what it said."""
        result = self(*args, stdin=stdin)
        assert result.code == code, result.stdout + result.stderr
        assert result.stdout == ""
        return result.stderr

    def spawn(self, *args: str | bytes, stdin: bytes = b"", cwd: Path | None = None) -> Result:
        """Run the real program."""
        done = subprocess.run(
            [sys.executable, "-m", "beatflow", *args],
            input=stdin,
            capture_output=True,
            cwd=cwd or self.directory,
            env=os.environ | self._next_environment(),
            check=False,
            timeout=120,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    def _next_environment(self) -> dict[str, str]:
        self.now += 60
        return {"BF_NOW": f"{self.now} +0000"} | self.environment


@pytest.fixture
def bf(tmp_path: Path) -> Bf:
    """Commands run in a fresh, empty folder."""
    directory = tmp_path / "track"
    directory.mkdir()
    return Bf(directory)
