"""Tiny checkpoints of all three models, built once."""

from pathlib import Path

import pytest

from .checkpoints import SOURCES, build_demucs


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as ``BF_MODELS`` names it."""
    folder = tmp_path_factory.mktemp("models")
    for name in SOURCES:
        build_demucs(folder / name, name)
    return folder
