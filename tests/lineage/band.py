"""Engines for tests of lineage, entered into the table under names of their own; records put into a track by hand."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import Brief, EngineInfo, Performance, Progress, Setup, no_progress
from beatflow.ai.table import ENGINES, Listing
from beatflow.provenance import write_pending
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from tests.conftest import Bf
from tests.toys import ToyDreamer, ToyProducer


def make_dreamer(setup: Setup) -> ToyDreamer:
    """An engine with non-commercial weights."""
    return ToyDreamer()


def make_toy(setup: Setup) -> ToyProducer:
    """An engine that makes stems, in no time."""
    return ToyProducer()


class Remote:
    """An engine on somebody else's machine."""

    info = EngineInfo("remote", "1", frozenset({"generate"}), "LicenseRef-remote", remote=True)

    def __init__(self, setup: Setup) -> None:
        self.made = 0

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Give something else each time."""
        noise = np.random.default_rng().normal(0, 0.1, (8000, 1)).astype(np.float32)
        return Performance({}, Audio(noise, 8000), "PCM_16", None, None, None, None, {})


def add_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter them into the table."""
    tasks = ("generate", "accompany", "extend")
    monkeypatch.setitem(ENGINES, "dreamer", Listing("tests.lineage.band:make_dreamer", tasks, "dreams"))
    monkeypatch.setitem(ENGINES, "toy", Listing("tests.lineage.band:make_toy", tasks[:2], "noise"))
    monkeypatch.setitem(ENGINES, "remote", Listing("tests.lineage.band:Remote", ("generate",), "far away"))


def change_dreamer(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Have the engine be another version, or run elsewhere."""
    for name in ("device", "dtype", "weights"):
        if name in changes:
            monkeypatch.setattr(ToyDreamer, "facts", replace(ToyDreamer.facts, **{name: changes[name]}))
    if "version" in changes:
        monkeypatch.setattr(ToyDreamer, "info", replace(ToyDreamer.info, version=changes["version"]))


def set_record(bf: Bf, path: str, **record: Any) -> str:
    """Have a file of the track have a record; returns its id."""
    oid = sha256((bf.directory / path).read_bytes()).hexdigest()
    write_pending(open_track(bf), oid, record)
    return oid


def open_track(bf: Bf) -> Repository:
    """The track that commands run in."""
    from beatflow.objects.git.value import Signature

    return Repository.get(bf.directory, lambda: Signature("Ada", "ada@example.com", bf.now, 0))
