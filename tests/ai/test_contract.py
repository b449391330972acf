"""Every engine keeps its protocols' contract: the embedded ones, the neural ones on tiny weights, the remote one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beatflow.ai import table
from beatflow.ai.beatoven.engine import BeatovenEngine
from beatflow.ai.beatoven.job import Patience
from beatflow.ai.engine import Setup
from beatflow.ai.table import get_engine

from .beatoven.server import KEY, serve
from .checkpoints import build_checkpoint
from .contract import ENGINE_CHECKS, SEPARATOR_CHECKS
from .demucs.checkpoints import build_demucs
from .generating import (
    GENERATOR_CHECKS,
    Case,
    check_accompaniment,
    check_batch,
    check_continuation,
    check_generator_makes_music,
)

VARIANTS = {
    "musicgen-small": "plain",
    "musicgen-stereo-small": "stereo",
    "musicgen-melody": "melody",
}
GENERATORS = ("synth", "musicgen-small", "beatoven")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny weights."""
    folder = tmp_path_factory.mktemp("models")
    for name, variant in VARIANTS.items():
        build_checkpoint(folder / name, variant)
    build_demucs(folder / "htdemucs")
    return folder


@pytest.fixture(scope="module")
def setup(models: Path) -> Iterator[Setup]:
    """A machine with everything: weights, a key, a service."""
    with serve() as service:
        service.polls = 1
        yield Setup(device="cpu", models=models, keys={"beatoven": KEY}, addresses={"beatoven": service.url})


@pytest.fixture(scope="module")
def cases(setup: Setup) -> dict[str, Case]:
    """A way to make each generator. One that is loaded is kept: loading is not what is checked here."""
    patience = Patience(first_s=0.01, longest_s=0.01)
    made = {name: Case(lambda name=name: get_engine(name, setup)) for name in ("synth", *VARIANTS)}
    made["beatoven"] = Case(lambda: BeatovenEngine(setup, patience), repeats=False)
    return made


@pytest.mark.parametrize("check", ENGINE_CHECKS)
@pytest.mark.parametrize("name", table.ENGINES)
def test_engines(name: str, check, setup: Setup) -> None:
    check(get_engine(name, setup))
    check(get_engine(name))


@pytest.mark.parametrize("check", GENERATOR_CHECKS)
@pytest.mark.parametrize("name", GENERATORS)
def test_generators(name: str, check, cases: dict[str, Case]) -> None:
    check(cases[name])


@pytest.mark.parametrize("name", ["musicgen-stereo-small", "musicgen-melody"])
def test_other_sizes(name: str, cases: dict[str, Case]) -> None:
    check_generator_makes_music(cases[name])


@pytest.mark.parametrize("name", ["musicgen-small", "musicgen-melody", "beatoven"])
def test_batches(name: str, cases: dict[str, Case]) -> None:
    check_batch(cases[name])


@pytest.mark.parametrize("name", ["synth", "musicgen-melody"])
def test_accompaniments(name: str, cases: dict[str, Case]) -> None:
    check_accompaniment(cases[name])


@pytest.mark.parametrize("name", ["musicgen-stereo-small", "musicgen-melody"])
def test_continuations(name: str, cases: dict[str, Case]) -> None:
    check_continuation(cases[name])


@pytest.mark.parametrize("check", SEPARATOR_CHECKS)
@pytest.mark.parametrize("name", ["htdemucs"])
def test_separators(name: str, check, setup: Setup) -> None:
    check(get_engine(name, setup))


def test_making_and_asking_loads_nothing_heavy() -> None:
    """A list of engines can be shown without waiting for torch."""
    program = (
        "import sys\n"
        "from beatflow.ai import table\n"
        "assert 'numpy' not in sys.modules\n"
        "from beatflow.errors import EngineError\n"
        "for name in table.ENGINES:\n"
        "    engine = table.get_engine(name)\n"
        "    try:\n"
        "        getattr(engine, 'check_ready', lambda: None)()\n"
        "    except EngineError:\n"
        "        pass\n"
        "    getattr(engine, 'facts', None)\n"
        "heavy = {'torch', 'transformers', 'demucs', 'audiocraft', 'urllib3', 'soundfile'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
