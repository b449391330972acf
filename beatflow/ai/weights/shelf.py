"""Where weights lie: a folder of the user's, or the hub's own cache. Looks only; never uses the network."""

from pathlib import Path

from beatflow.ai.engine import Setup


def find_weights(name: str, setup: Setup) -> Path | None:
    """Find the folder with all files of a model, or None. Quick: no file is opened."""
    raise NotImplementedError


def get_weights(name: str, setup: Setup) -> Path:
    """Find the folder with all files of a model.

    Raises
    ------
    EngineError
        They are not here, or not complete; the hint is ``bf models pull NAME``.
    """
    raise NotImplementedError


def digest_weights(folder: Path) -> dict[str, str]:
    """File of a model to its sha256: as recorded when it was pulled, or computed and remembered beside it."""
    raise NotImplementedError
