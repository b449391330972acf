"""A depot on a disk, and tracks' histories to put there."""

from pathlib import Path

import pytest

from beatflow.objects.git.value import Signature
from beatflow.places.disk import DiskPlace
from beatflow.places.place import Place

ADA = Signature("Ada", "ada@example.com", 1_700_000_000)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder that is not there yet."""
    return DiskPlace(tmp_path / "stick")
