"""The places that tests of sharing run against."""

from pathlib import Path

import pytest

from tests.sharing.places import KINDS, Shared


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    """Each kind of place in turn, with nothing in it."""
    return KINDS[request.param](request, tmp_path)


@pytest.fixture
def stick(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    """A folder on a disk that people hand to each other."""
    return KINDS["folder"](request, tmp_path)
