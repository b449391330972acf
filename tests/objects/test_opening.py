"""Whatever stands where a file was is refused at once."""

import os
from pathlib import Path

import pytest

from beatflow.errors import AudioError
from beatflow.objects.opening import open_regular


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ü.bin"
    path.write_bytes(b"sound")
    with open_regular(path) as file:
        file.seek(1)
        assert file.read() == b"ound"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(AudioError, match="not a regular file"):
            open_regular(place)
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(OSError, match=r"No such file|Is a directory"):
            open_regular(place)
