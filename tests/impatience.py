"""Retries without the waiting: where a test has the network fail, nobody needs a rest."""

from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session")
def impatient() -> Iterator[None]:
    """Have everything in this process that asks again do so at once."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("http", "remote"):
            patch.setattr(f"beatflow.sharing.githost.{module}._FIRST_WAIT_S", 0.001)
        if find_spec("obstore"):
            from beatflow.places.bucket import place, store

            patch.setattr(place, "_PAUSE_S", 0.001)
            patch.setitem(store._RETRIES["backoff"], "init_backoff", timedelta(milliseconds=1))
            patch.setitem(store._RETRIES["backoff"], "max_backoff", timedelta(milliseconds=10))
        yield
