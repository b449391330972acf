"""The example of docs/plug-in: installed with pip as a stranger's would be, used, and held to the contract."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from shutil import copytree

import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.table import engine_names, get_engine, pick
from beatflow.errors import EngineError
from tests.conftest import Bf
from tests.world import write_tone

from .contract import ENGINE_CHECKS, SEPARATOR_CHECKS
from .generating import GENERATOR_CHECKS, Case

SOURCE = Path(__file__).parents[2] / "docs" / "plug-in"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, installed without any network."""
    folder = tmp_path_factory.mktemp("plug-in")
    # pip builds inside the sources.
    source = copytree(
        SOURCE, folder / "source", ignore=lambda _, names: {"build", "__pycache__"} & set(names)
    )
    target = folder / "site"
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pip", "install", *options, "--target", target, source],
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
    )
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.startswith("beatflow_drone")]:
        del sys.modules[name]


@pytest.mark.usefixtures("installed")
def test_found_by_name(site: Path) -> None:
    assert engine_names()[-2:] == ["drone", "midside"]
    assert get_engine("drone").info.licence == "Apache-2.0"
    assert Path(str(import_module("beatflow_drone").__file__)).is_relative_to(site)
    assert pick("generate", setup=Setup(offline=True)).info.name != "drone"
    with pytest.raises(EngineError, match="engine midside cannot generate"):
        pick("generate", "midside")


def test_gone_when_it_is_not_installed() -> None:
    with pytest.raises(EngineError, match="no engine 'drone'"):
        pick("generate", "drone")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("check", ENGINE_CHECKS)
@pytest.mark.parametrize("name", ["drone", "midside"])
def test_engines(name: str, check) -> None:
    check(get_engine(name))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("check", GENERATOR_CHECKS)
def test_drone(check) -> None:
    check(Case(lambda: get_engine("drone")))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("check", SEPARATOR_CHECKS)
def test_midside(check) -> None:
    check(get_engine("midside"))


@pytest.mark.usefixtures("installed")
def test_used_by_the_commands(bf: Bf) -> None:
    bf.ok("init")
    made = bf.ok(
        "generate",
        "a calm drone",
        "--engine",
        "drone",
        "--bpm",
        "120",
        "--key",
        "Dm",
        "--bars",
        "2",
        "--json",
    )
    assert made.json["engine"] == "drone"
    assert made.json["frames"] == 4 * 44100
    assert {stem["name"] for stem in made.json["stems"]} == {"root", "fifth", "octave"}
    write_tone(bf.directory / "song.wav")
    parts = bf.ok("split", "song.wav", "--engine", "midside", "-o", "parts", "--json").json
    assert [stem["name"] for stem in parts["stems"]] == ["middle", "sides"]
    bf.environment["BF_ENGINE"] = "drone"
    assert bf.ok("generate", "again", "-o", "again", "--bars", "1", "--json").json["engine"] == "drone"


def test_its_own_tests_pass(site: Path, tmp_path: Path) -> None:
    copytree(SOURCE / "tests", tmp_path / "tests")
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), root])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
