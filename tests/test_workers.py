"""Several processes at work: results, errors, deaths, the end."""

import os
import signal
import sys
from collections.abc import Callable

import pytest

from beatflow.errors import AudioError, EngineError
from beatflow.workers import count_workers, run_all

Report = Callable[[float, str], None]


def square(number: int, report: Report) -> int:
    """Work that goes well, but for some numbers."""
    report(0.5, f"squaring {number}")
    if number == 3:
        raise AudioError("three is no sound", hint="take another")
    if number == 4:
        raise FileNotFoundError(2, "No such file", "four.wav")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    if number == 6:
        raise ZeroDivisionError("a bug")
    return number * number


def nobody(item: object, fraction: float, what: str) -> None:
    """Hear nothing."""


@pytest.mark.parametrize("workers", [1, 2])
def test_results_and_errors_come_with_their_items(workers: int) -> None:
    heard: list[tuple[int, float, str]] = []
    outcomes = {
        outcome.item: outcome
        for outcome in run_all(
            [1, 2, 3, 4, 7], square, workers, lambda item, part, what: heard.append((item, part, what))
        )
    }
    assert {item: outcome.result for item, outcome in outcomes.items()} == {
        1: 1, 2: 4, 3: None, 4: None, 7: 49,
    }  # fmt: skip
    refused, missing = outcomes[3].error, outcomes[4].error
    assert isinstance(refused, AudioError)
    assert (refused.message, refused.hint) == ("three is no sound", "take another")
    assert isinstance(missing, FileNotFoundError)
    assert sorted(heard) == [(number, 0.5, f"squaring {number}") for number in (1, 2, 3, 4, 7)]


def test_a_worker_that_dies_takes_only_its_own_item() -> None:
    outcomes = {outcome.item: outcome for outcome in run_all([1, 5, 2, 8], square, 2, nobody)}
    assert [outcomes[number].result for number in (1, 2, 8)] == [1, 4, 64]
    died = outcomes[5].error
    assert isinstance(died, EngineError)
    assert "ended" in died.message
    assert "--jobs 1" in (died.hint or "")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_is_not_taken_for_a_result(workers: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_all([6, 6], square, workers, nobody))


def test_raising_in_the_report_ends_everything() -> None:
    def stop(item: int, fraction: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_all([1, 2, 7], square, 2, stop))


def test_no_more_workers_than_things_or_cores() -> None:
    cores = os.cpu_count() or 1
    assert count_workers(1) == 1
    assert count_workers(1000) == cores
    assert count_workers(1000, threads=10_000) == 1
    assert count_workers(1000, wanted=3) == 3
    assert count_workers(0) == 1
