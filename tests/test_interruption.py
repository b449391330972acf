"""Ctrl-C that somebody swallowed is heard at the next report of progress."""

import signal
from collections.abc import Iterator

import pytest

from beatflow.interruption import Interruption, check_interrupted, install
from beatflow.ui import Ui


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_was_swallowed_comes_back() -> None:
    install()
    with Ui().progress("play") as progress:
        progress(0.1)
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            assert isinstance(error, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            progress(0.2)


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
