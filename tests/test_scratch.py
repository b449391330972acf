"""Where unfinished files lie: what is told of a folder in which none can."""

from pathlib import Path

import pytest

from beatflow.scratch import Scratch


def test_who_cannot_write_is_told_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nono") as error, Scratch(tmp_path / "nono"):
        pass
    assert error.value.filename == str(tmp_path / "nono")
