"""Threads for short work, and threads that an interruption leaves behind."""

import threading
from collections.abc import Callable

import pytest

from beatflow.objects.ahead import work_ahead
from beatflow.objects.pool import Pool
from beatflow.objects.threads import Threads


def fail() -> None:
    raise ValueError("no")


@pytest.mark.parametrize("make", [Pool, Threads])
def test_outcomes_and_errors_come_back_in_order(make: Callable[[int, str], Pool | Threads]) -> None:
    with make(3, "test") as pool:
        outcomes = [pool.submit(lambda number: number * 2, number) for number in range(20)]
        assert [outcome.result() for outcome in outcomes] == list(range(0, 40, 2))
        assert [b for _, b in work_ahead(pool, 2, str, range(5))] == list("01234")
        failed = pool.submit(fail)
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                failed.result()
        assert failed.done()
    assert not any(thread.name == "test" for thread in threading.enumerate())


def test_threads_finish_what_they_have_begun_and_leave_the_rest() -> None:
    begun, free, called = threading.Event(), threading.Event(), list[int]()

    def work() -> None:
        begun.set()
        free.wait(10)
        called.append(1)

    with pytest.raises(ValueError, match="no"), Threads(1, "test") as pool:  # noqa: PT012  # the block's end
        first = pool.submit(work)
        pool.submit(called.append, 2)
        begun.wait(10)
        assert not first.done()
        free.set()
        fail()
    assert first.done()
    assert called in ([1], [1, 2])


def test_what_is_cancelled_is_not_called() -> None:
    begun, free, called = threading.Event(), threading.Event(), list[int]()
    with Threads(1, "test") as pool:
        pool.submit(lambda: (begun.set(), free.wait(10)))
        begun.wait(10)
        pool.submit(called.append, 1).cancel()
        kept = pool.submit(called.append, 2)
        free.set()
        kept.result()
    assert called == [2]


def test_no_more_threads_than_there_is_work_for() -> None:
    with Threads(8, "test") as pool:
        for _ in range(5):
            pool.submit(str).result()
            while pool._idle._value == 0:  # type: ignore[attr-defined]  # it has answered, but does not wait yet
                pass
        assert sum(thread.name == "test" for thread in threading.enumerate()) == 1


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
