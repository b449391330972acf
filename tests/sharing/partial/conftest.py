"""The studio of these tests, built once."""

from pathlib import Path

import pytest

from tests.sharing.partial.studio import Studio, build, copy


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Studio:
    """A studio that nobody changes."""
    return build(tmp_path_factory.mktemp("studio"))


@pytest.fixture
def studio(model: Studio, tmp_path: Path) -> Studio:
    """A studio of one's own."""
    return copy(model, tmp_path)
