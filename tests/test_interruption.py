"""Ctrl-C that somebody swallowed is heard at the next report of progress."""

import signal
import sys
from collections.abc import Iterator

import pytest

from beatflow.interruption import Interruption, check_interrupted, install
from beatflow.ui import Ui


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before, hook = signal.signal(signal.SIGINT, signal.default_int_handler), sys.unraisablehook
    yield
    signal.signal(signal.SIGINT, before)
    sys.unraisablehook = hook


def test_what_was_swallowed_comes_back() -> None:
    install()
    with Ui().progress("play") as progress:
        progress(0.1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress(0.2)


class Noisy:
    """Interrupted, or broken, in its destructor."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __del__(self) -> None:
        if self.error is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        raise self.error("lost")


def test_what_a_destructor_swallows_comes_back_without_noise(capsys: pytest.CaptureFixture[str]) -> None:
    install()
    Noisy(KeyboardInterrupt)
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt):
        check_interrupted()
    Noisy(ValueError)
    assert "ValueError: lost" in capsys.readouterr().err


def test_nothing_pressed_nothing_raised() -> None:
    check_interrupted()
    install()
    assert isinstance(signal.getsignal(signal.SIGINT), Interruption)
    check_interrupted()


def test_what_ignores_interruptions_goes_on() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    install()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    check_interrupted()
