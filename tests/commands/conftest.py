"""What tests of several commands share: a folder of tiny, randomly initialised checkpoints in the hub's own format."""

from pathlib import Path

import pytest

from tests.conftest import Bf


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with musicgen-small and musicgen-melody, as ``BF_MODELS`` wants it."""
    pytest.importorskip("transformers")
    from tests.ai.checkpoints import build_checkpoint

    folder = tmp_path_factory.mktemp("models")
    build_checkpoint(folder / "musicgen-small", "plain")
    build_checkpoint(folder / "musicgen-melody", "melody")
    return folder


@pytest.fixture
def neural(bf: Bf, models: Path) -> Bf:
    """Commands that find these weights, and nothing of the network."""
    bf.environment |= {"BF_MODELS": str(models), "BF_OFFLINE": "1", "BF_DEVICE": "cpu"}
    return bf
