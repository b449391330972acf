"""How the program ends: at once, but not before what others want done at the end."""

import subprocess
import sys

import pytest

from beatflow import __version__

RUN = "import sys; sys.argv = ['bf', *{argv!r}]; from beatflow.__main__ import run; print('code', run())"


def end(before: str, *argv: str) -> tuple[int, list[str]]:
    """Run a program around `run`; its exit code and what it wrote."""
    code = f"{before}\n{RUN.format(argv=list(argv))}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_nothing_is_taken_apart_where_nothing_is_left_to_do() -> None:
    assert end("", "--version") == (0, [f"bf {__version__}"])
    assert end("", "--nonsense") == (2, [])


def test_what_was_to_be_done_at_the_end_is_done() -> None:
    assert end("import atexit; atexit.register(print, 'bye')", "--version") == (
        0,
        [f"bf {__version__}", "bye"],
    )


@pytest.mark.parametrize(
    "before",
    [
        "import threading; threading.Thread(target=threading.main_thread().join).start()",
        "import sys; sys.setprofile(lambda *_: None)",
    ],
)
def test_a_thread_or_a_profiler_is_waited_for(before: str) -> None:
    assert end(before, "--version") == (0, [f"bf {__version__}", "code 0"])
