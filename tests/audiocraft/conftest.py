"""These tests need audiocraft, so they run in an environment of their own (docs/audiocraft.md, ``make audiocraft``)."""

import importlib.util
import logging

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("audiocraft") else ["*.py"]


# Its kernels are built for another torch, says xformers; audiocraft uses none of them here.
logging.getLogger("xformers").setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A checkpoint of each kind, in transformers' layout with audiocraft's beside it."""
    from tests.ai.checkpoints import VARIANTS, build_checkpoint
    from tests.audiocraft.checkpoints import add_native

    root = tmp_path_factory.mktemp("models")
    return {variant: add_native(build_checkpoint(root / variant, variant)) for variant in VARIANTS}


@pytest.fixture(scope="session")
def runtimes(folders):
    """Each checkpoint loaded by both libraries: (audiocraft, transformers)."""
    from beatflow.ai.device import choose_device
    from beatflow.ai.musicgen.audiocraft_runtime import AudiocraftRuntime
    from beatflow.ai.musicgen.transformers_runtime import TransformersRuntime

    cpu = choose_device("cpu")
    return {
        variant: (AudiocraftRuntime(folder, cpu, "float32"), TransformersRuntime(folder, cpu, "float32"))
        for variant, folder in folders.items()
    }
