"""Listening to many sounds on two threads: the libraries that decode and transform let others run meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from beatflow.errors import BeatFlowError
from beatflow.interruption import check_interrupted
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader

_THREADS = 2

Result = TypeVar("Result")
Progress = Callable[[float, str], None]


def iter_blocks(reader: AudioReader) -> Iterator[Audio]:
    """Yield the blocks of a sound until Ctrl-C is pressed: a thread is not told, and would hear hours to the end."""
    for block in reader.blocks():
        check_interrupted()
        yield block


def iter_done(
    wanted: Sequence[tuple[str, str, Callable[[], Result]]], progress: Progress, doing: str
) -> Iterator[tuple[str, Result | BeatFlowError | OSError]]:
    """Do what is wanted, and yield each result with its id as it is done; what cannot be read as the error it was.

    Parameters
    ----------
    wanted : sequence of (str, str, callable)
        Id, name, and what has to be done.
    progress : callable
        Told the share that is done, and what is being done: ``doing`` and the name.
    """

    def work(do: Callable[[], Result]) -> Result | BeatFlowError | OSError:
        try:
            return do()
        except (BeatFlowError, OSError) as error:
            return error

    waiting = iter(wanted)
    done = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        running: dict[Future[Result | BeatFlowError | OSError], tuple[str, str]] = {}
        try:
            while True:
                while len(running) < _THREADS and (item := next(waiting, None)):
                    running[pool.submit(work, item[2])] = item[0], item[1]
                if not running:
                    return
                progress(done / len(wanted), f"{doing} {next(iter(running.values()))[1]}")
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    oid, _ = running.pop(future)
                    done += 1
                    yield oid, future.result()
        finally:
            for future in running:
                future.cancel()
