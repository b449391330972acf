"""The stat cache: whatever is in its file, it costs time and nothing else."""

import json
import os
from pathlib import Path

import pytest

from beatflow.objects.git.value import FILE, Entry
from beatflow.statcache import VERSION, StatCache, identify
from tests.conftest import Bf
from tests.world import write_tone

OID = "ab" * 20


@pytest.mark.parametrize("files", [[], 5, None, {"a": 5}, {"a": []}, {"a": [1] * 6}, {"a": "123456"}])
def test_another_shape_counts_as_empty(tmp_path: Path, files: object) -> None:
    path = tmp_path / "files"
    path.write_text(json.dumps({"version": VERSION, "files": files}))
    assert StatCache(path).find("a", os.stat(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "5", "[]", '{"version": 2}', "\0"])
def test_another_text_counts_as_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "files"
    path.write_text(text)
    assert StatCache(path).find("a", os.stat(tmp_path)) is None


@pytest.mark.parametrize(("mode", "oid"), [(0o100634, OID), (True, OID), (FILE, OID[:-1] + "z")])
def test_an_impossible_entry_is_not_believed(tmp_path: Path, mode: int, oid: str) -> None:
    file, path = tmp_path / "mix.wav", tmp_path / "files"
    file.write_bytes(b"x")
    status = os.stat(file)
    rows = {"mix.wav": [*identify(status), mode, oid], "sound": [*identify(status), FILE, OID]}
    path.write_text(json.dumps({"version": VERSION, "files": rows}))
    later = status.st_ctime_ns + 10**9
    os.utime(path, ns=(later, later))
    cache = StatCache(path)
    assert cache.find("mix.wav", status) is None
    assert cache.find("sound", status) == Entry(FILE, OID)


@pytest.mark.parametrize("shift_s", [-(10**9), -3600, 3600, 10**9])
def test_clocks_that_are_wrong(bf: Bf, shift_s: int) -> None:
    """A file from the future or the past is seen when it changes, and so is one written after the clock went back."""
    bf.ok("init")
    mix = bf.directory / "mix.wav"
    for number in range(3):
        write_tone(mix, hz=200 + number)
        moment = mix.stat().st_mtime_ns + shift_s * 10**9
        os.utime(mix, ns=(moment, moment))
        os.utime(bf.directory / ".beatflow" / "state" / "files", ns=(moment, moment)) if number else None
        bf.now += shift_s if number % 2 else -shift_s
        assert bf.ok("status", "--porcelain").stdout.endswith(" mix.wav\n")
        bf.ok("commit", "-m", f"take {number}")
        assert bf.ok("status", "--porcelain").stdout == ""
        assert bf.ok("cat", "HEAD:mix.wav").out_bytes == mix.read_bytes()
    assert bf.ok("log", "--format", "{message}").stdout.split("\n")[:3] == ["take 2", "take 1", "take 0"]
