"""Whatever stands where a file was is refused at once."""

import os
import sys
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


def test_what_is_no_file(tmp_path: Path) -> None:
    places = [Path(os.devnull)]
    if sys.platform != "win32":
        places.append(tmp_path / "pipe")
        os.mkfifo(places[-1])
    for place in places:
        with pytest.raises(AudioError, match="not a regular file"):
            open_regular(place)
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(OSError, match=r"No such file|Is a directory"):
            open_regular(place)
