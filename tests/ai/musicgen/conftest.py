"""A shelf of tiny checkpoints for every test of the MusicGen engine."""

from pathlib import Path

import pytest

SHELF = {
    "musicgen-small": "plain",
    "musicgen-melody": "melody",
    "musicgen-stereo-small": "stereo",
    "musicgen-stereo-melody": "stereo-melody",
}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as ``BF_MODELS`` names one; read only."""
    from ..checkpoints import build_checkpoint

    folder = tmp_path_factory.mktemp("models")
    for name, variant in SHELF.items():
        build_checkpoint(folder / name, variant)
    return folder
