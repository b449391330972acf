"""The compiled kernels as a whole: found, refused, done without, and built."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beatflow import native
from tests.conftest import Bf
from tests.world import tone, wav_bytes

ROOT = Path(__file__).parents[2]
COMPILED, IN_PYTHON = "1", "0"
# Of a VERSION, what `sign_exports` gives.
SIGNED = {4: "fd58dff7dfd28276"}


@pytest.fixture
def afresh() -> Iterator[None]:
    native.kernels.cache_clear()
    yield
    native.kernels.cache_clear()


def test_the_library_is_there() -> None:
    # Whoever runs the tests has installed the project, and has a compiler: .ci/run sees to it.
    assert native.kernels() is not None


def sign_exports() -> str:
    """Return a digest of everything that the wrappers take for granted: exported functions, structures and codes."""
    found = set()
    for source in sorted((ROOT / "beatflow" / "native").glob("*.[ch]")):
        text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.DOTALL)
        found |= set(re.findall(r"^BF_EXPORT ([^{;]+)", text, flags=re.MULTILINE))
        found |= set(re.findall(r"(?:struct|enum) bf_\w+ {[^}]*}", text))
        found |= set(re.findall(r"typedef struct {[^}]*} bf_\w+", text))
    words = sorted(" ".join(re.findall(r"\w+|\*", one)) for one in found)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def test_other_signatures_are_another_version() -> None:
    wanted = SIGNED.get(native.VERSION)
    assert sign_exports() == wanted, (
        "raise VERSION in native/__init__.py and version.c, and write this one down"
    )


@pytest.mark.usefixtures("afresh")
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "0")
    assert native.kernels() is None


@pytest.mark.usefixtures("afresh")
def test_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "VERSION", native.VERSION + 1)
    assert native.kernels() is None


@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize("content", [None, b"", b"not a library"])
def test_a_library_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    library = tmp_path / native.LIBRARY.name
    if content is not None:
        library.write_bytes(content)
    monkeypatch.setattr(native, "LIBRARY", library)
    assert native.kernels() is None


@pytest.mark.parametrize(("writer", "reader"), [(COMPILED, IN_PYTHON), (IN_PYTHON, COMPILED)])
def test_what_one_writes_the_other_reads(bf: Bf, writer: str, reader: str) -> None:
    versions = []
    for number, gain in enumerate((1.0, 0.7)):
        bass = np.rint(tone(4.0, 110.0) * gain).astype(np.int16)
        lead = tone(4.0, 440.0)
        sounds = {
            "bass.wav": wav_bytes(bass),
            "mix.wav": wav_bytes(bass + lead),
            "export.wav": wav_bytes((bass + lead).astype(np.int32) * 256, bits=24),
            "notes.txt": b"take %d" % number,
        }
        versions.append(sounds)
    bf.environment[native.SWITCH] = writer
    bf.spawn("init")
    for sounds in versions:
        for name, data in sounds.items():
            (bf.directory / name).write_bytes(data)
        assert bf.spawn("commit", "-m", "bounce").code == 0
    bf.environment[native.SWITCH] = reader
    assert bf.spawn("check", "--data").code == 0
    for revision, sounds in zip(("HEAD~1", "HEAD"), versions, strict=True):
        for name, data in sounds.items():
            assert bf.spawn("cat", f"{revision}:{name}").out_bytes == data


def build(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Build a wheel of a copy of the project, as an installer does."""
    copy = folder / "project"
    shutil.copytree(
        ROOT / "beatflow" / "native",
        copy / "beatflow" / "native",
        ignore=shutil.ignore_patterns("kernels.*[!h]"),
    )
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "beatflow/__init__.py"):
        shutil.copy(ROOT / name, copy / name)
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=copy, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_a_wheel_has_the_library(tmp_path: Path) -> None:
    done = build(tmp_path, {native.SWITCH: "1"})
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert "-py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl")
    assert f"beatflow/native/{native.LIBRARY.name}" in zipfile.ZipFile(wheel).namelist()


def test_without_a_compiler_a_wheel_is_pure_and_says_so(tmp_path: Path) -> None:
    done = build(tmp_path, {"CC": "no-such-compiler"})
    assert done.returncode == 0, done.stderr
    assert "without its compiled kernels" in done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*-py3-none-any.whl")
    assert f"beatflow/native/{native.LIBRARY.name}" not in zipfile.ZipFile(wheel).namelist()


def test_a_compiler_that_must_be_there(tmp_path: Path) -> None:
    done = build(tmp_path, {"CC": "no-such-compiler", native.SWITCH: "1"})
    assert done.returncode != 0
    assert not list(tmp_path.glob("*.whl"))
