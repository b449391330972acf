"""Tiny checkpoints of all three models, built once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from .checkpoints import SOURCES, build_demucs


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, and far slower where others use the cores as well."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as ``BF_MODELS`` names it."""
    folder = tmp_path_factory.mktemp("models")
    for name in SOURCES:
        build_demucs(folder / name, name)
    return folder
