"""Threads that an interruption leaves behind."""

import threading

import pytest

from beatflow.objects.ahead import work_ahead
from beatflow.objects.pool import Pool


def fail() -> None:
    raise ValueError("no")


def test_outcomes_and_errors_come_back_in_order() -> None:
    with Pool(3, "test") as pool:
        assert list(pool.map(lambda number: number * 2, range(20))) == list(range(0, 40, 2))
        assert [b for _, b in work_ahead(pool, 2, str, range(5))] == list("01234")
        with pytest.raises(ValueError, match="no"):
            pool.submit(fail).result()
    assert not any(thread.name == "test" for thread in threading.enumerate())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interruption_waits_for_nobody_and_an_error_for_what_has_begun(stop: type[BaseException]) -> None:
    begun, free = threading.Event(), threading.Event()
    called: list[int] = []

    def hang() -> None:
        begun.set()
        free.wait(10)
        called.append(1)

    waits = stop is ValueError
    with pytest.raises(stop), Pool(1, "test") as pool:  # noqa: PT012  # what is tested is the block's end
        first = pool.submit(hang)
        second = pool.submit(called.append, 2)
        begun.wait()
        if waits:
            free.set()
        raise stop
    assert first.done() == waits
    assert second.cancelled()
    free.set()
    first.result(10)
    for thread in threading.enumerate():
        if thread.name == "test":
            thread.join(10)
    assert called == [1]
