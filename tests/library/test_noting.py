"""What is written down of runs, and how it is read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from beatflow.ai.engine import RunFacts
from beatflow.errors import ContractError, MemoryShortError, NotFoundError, UsageError
from beatflow.library.journal import NAME, note_event, read_events
from beatflow.library.noting import Run, noting

AT = "2026-11-22T06:00:00+01:00"


@dataclass
class File:
    name: str
    path: Path
    oid: str = "ab" * 32


@dataclass
class Result:
    prompt: str = "lofi"
    seed: int = 7
    seconds: float = 2.5
    tempo: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"swing": 54})


def begin(folder: Path | None, root: Path | None = None) -> Run:
    return Run(folder, lambda: AT, "generate", root, {"prompt": "asked", "engine": "synth"})


def test_a_result_is_noted_at_once(tmp_path: Path) -> None:
    with noting(begin(tmp_path, tmp_path)) as run:
        run.ask(engine="musicgen-small")
        files = File("mix", tmp_path / "a" / "mix.wav"), File("drums", Path("/elsewhere/drums.wav"))
        run.add(Result(), files, RunFacts("cuda:0", "float16", "transformers"), inputs=["hum.wav"])
        (event,) = read_events(tmp_path)[0]
    assert event == {
        "kind": "generation", "at": AT, "command": "generate", "ok": True, "prompt": "lofi", "seed": 7,
        "seconds": 2.5, "engine": "musicgen-small", "device": "cuda:0", "dtype": "float16",
        "runtime": "transformers", "inputs": ["hum.wav"],
        "sounds": [
            {"name": "mix", "path": "a/mix.wav", "oid": "ab" * 32},
            {"name": "drums", "path": "/elsewhere/drums.wav", "oid": "ab" * 32},
        ],
    }  # fmt: skip


def test_parameters_are_noted_where_no_record_has_them(tmp_path: Path) -> None:
    begin(tmp_path).add(Result(), [File("mix", tmp_path / "mix.wav")])
    begin(tmp_path, tmp_path).add(Result())
    assert [event["parameters"] for event in read_events(tmp_path)[0]] == [{"swing": 54}] * 2


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (ContractError("no tempo"), "no tempo", 8),
        (MemoryShortError("too large"), "too large", 6),
        (MemoryError(), "MemoryError: ", 6),
        (OSError(28, "full"), "OSError: [Errno 28] full", 1),
        (RuntimeError("odd"), "RuntimeError: odd", 70),
    ],
)
def test_why_nothing_came_of_it(tmp_path: Path, error: Exception, told: str, code: int) -> None:
    with pytest.raises(type(error)), noting(begin(tmp_path)):
        raise error
    (event,) = read_events(tmp_path)[0]
    assert (event["ok"], event["error"], event["exit_code"]) == (False, told, code)
    assert (event["prompt"], event["engine"]) == ("asked", "synth")
    assert event["seconds"] >= 0


@pytest.mark.parametrize(
    "error", [UsageError("?"), NotFoundError("?"), BrokenPipeError(), KeyboardInterrupt()]
)
def test_what_is_no_failure_of_an_engine(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), noting(begin(tmp_path)):
        raise error
    assert not (tmp_path / NAME).exists()


def test_nothing_is_noted_without_a_journal(tmp_path: Path) -> None:
    begin(None).add(Result())
    with pytest.raises(ContractError), noting(begin(None)):
        raise ContractError("no")
    assert list(tmp_path.iterdir()) == []


def test_what_json_cannot_hold_stops_no_command(tmp_path: Path) -> None:
    note_event(tmp_path, "play", AT, path=Path("/x"), oid=object, name="\udcff")
    (event,) = read_events(tmp_path)[0]
    assert (event["path"], event["name"]) == ("/x", "\udcff")


def test_a_journal_is_read_from_where_one_was(tmp_path: Path) -> None:
    note_event(tmp_path, "play", AT, oid="a")
    first, end = read_events(tmp_path)
    note_event(tmp_path, "play", AT, oid="b")
    second, last = read_events(tmp_path, end)
    assert [event["oid"] for event in (*first, *second)] == ["a", "b"]
    assert read_events(tmp_path, last) == ([], last)
    # One that is shorter than it was is another one.
    (tmp_path / NAME).write_bytes(b"")
    note_event(tmp_path, "play", AT, oid="c")
    assert [event["oid"] for event in read_events(tmp_path, last)[0]] == ["c"]
    assert read_events(tmp_path / "nowhere", 5) == ([], 0)
