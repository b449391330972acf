"""Working ahead on threads: outcomes come in the order of the items, and few of them wait in memory.

Knows nothing of what the work is.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from beatflow.objects.threads import Pending, Workers

A = TypeVar("A")
B = TypeVar("B")


def work_ahead(
    pool: Workers, window: int, work: Callable[[A], B], items: Iterable[A]
) -> Generator[tuple[A, B], None, None]:
    """Yield each item with its outcome, working on up to `window` of those that follow.

    An exception of `work` is raised in its item's turn. Closing the generator cancels what has not begun.
    """
    ahead: deque[tuple[A, Pending[B]]] = deque()
    try:
        for item in items:
            ahead.append((item, pool.submit(work, item)))
            if len(ahead) > window:
                first, future = ahead.popleft()
                yield first, future.result()
        while ahead:
            first, future = ahead.popleft()
            yield first, future.result()
    finally:
        for _, future in ahead:
            future.cancel()
