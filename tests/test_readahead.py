"""A commit reads the next sound while it codes the last: whatever the next one proves to be, all is kept as it is."""

import shutil
from pathlib import Path

import pytest

from beatflow.objects import intake
from tests.conftest import Bf
from tests.world import write_tone


def write_folder(folder: Path) -> dict[str, bytes]:
    """Write sounds, words and others, each too large for a glance."""
    content = {f"{name}.wav": write_tone(folder / f"{name}.wav", 2.0, 200.0 + ord(name)) for name in "adfg"}
    content |= {"b.txt": b"words\n" * 60_000, "c.bin": bytes(400_000), "e.wav": content["a.wav"]}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return content


def test_every_file_is_kept_as_it_is(bf: Bf) -> None:
    bf.ok("init")
    content = write_folder(bf.directory)
    bf.ok("commit", "-m", "all")
    shutil.move(bf.directory / "d.wav", bf.directory / "z.wav")
    content["z.wav"] = content.pop("d.wav")
    content["f.wav"] = write_tone(bf.directory / "f.wav", 2.5, 330.0)
    bf.ok("commit", "-m", "renamed and changed")
    assert bf.ok("ls", "--name-only").stdout.split() == sorted(content)
    for name, data in content.items():
        bf.ok("restore", "--source", "HEAD", "--to", "out", name)
        assert (bf.directory / "out" / name).read_bytes() == data
    bf.ok("check", "--data")


def test_what_goes_away_meanwhile_is_left_out(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    bf.ok("init")
    content = write_folder(bf.directory)
    begin = intake.FileReading._read

    def read_and_remove(self: intake.FileReading) -> None:
        (bf.directory / "f.wav").unlink(missing_ok=True)
        begin(self)

    monkeypatch.setattr(intake.FileReading, "_read", read_and_remove)
    bf.ok("commit", "-m", "all but one")
    assert bf.ok("ls", "--name-only").stdout.split() == sorted(content.keys() - {"f.wav"})
    bf.ok("check", "--data")
