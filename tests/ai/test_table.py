"""Finding and choosing engines."""

from importlib import metadata

import pytest

from beatflow.ai import table
from beatflow.ai.table import Listing, engine_names, engines_for, get_engine, pick
from beatflow.errors import EngineError


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if packages had brought engines."""
    points = {
        "halves": "tests.toys:ToySeparator",
        "gone": "tests.toys:Nothing",
        "lost": "no_such_package:Engine",
    }
    entries = [metadata.EntryPoint(name, value, table.GROUP) for name, value in points.items()]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == table.GROUP else [])


def test_own_engines_do_what_their_listings_say() -> None:
    for name, listing in table.ENGINES.items():
        info = get_engine(name).info
        assert info.name == name
        assert info.tasks == set(listing.tasks)
        assert set(listing.tasks) <= set(table.TASKS)


@pytest.mark.parametrize("task", table.TASKS)
def test_every_task_has_an_engine(task: str) -> None:
    choice = pick(task)
    assert task in choice.info.tasks
    assert "the best one at hand" in choice.reason
    assert choice.info.name in engines_for(task)


@pytest.mark.usefixtures("plugged")
def test_engines_of_other_packages() -> None:
    assert engine_names() == [*table.ENGINES, "halves", "gone", "lost"]
    assert pick("separate", "halves").info.licence == "CC0-1.0"
    assert list(engines_for("separate")) == ["dsp", "halves"]


@pytest.mark.usefixtures("plugged")
@pytest.mark.parametrize(
    ("task", "name", "message"),
    [
        ("generate", "sinth", r"no engine 'sinth'; did you mean synth\?"),
        ("generate", "xyzzy", "no engine 'xyzzy'$"),
        ("separate", "yin", "engine yin cannot separate"),
        ("separate", "gone", "engine gone cannot be loaded"),
        ("separate", "lost", "engine lost cannot be loaded: No module named 'no_such_package'"),
    ],
)
def test_wrong_names(task: str, name: str, message: str) -> None:
    with pytest.raises(EngineError, match=message) as caught:
        pick(task, name)
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_auto_passes_over_what_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    big = Listing("no_such_package:Big", ("separate",), "big")
    halves = Listing("tests.toys:ToySeparator", ("separate",), "toy")
    monkeypatch.setattr(table, "ENGINES", {"big": big, "halves": halves})
    choice = pick("separate")
    assert choice.info.name == "halves"
    assert "No module named" in choice.reason
    monkeypatch.setattr(table, "ENGINES", {"big": big})
    with pytest.raises(EngineError, match="no engine here can separate; big"):
        pick("separate")
