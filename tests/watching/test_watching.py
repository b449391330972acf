"""The real watcher, beside a program that writes: started, told to stop, killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beatflow.errors import LockedError, UsageError
from beatflow.lock import Lock
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.watching.draft import Keeping, list_drafts
from beatflow.watching.watching import Event, watch_track
from tests.conftest import Bf
from tests.world import write_tone

PATIENCE_S = 30


class Watcher:
    """A watcher in a thread of its own, and the events that it told of."""

    def __init__(self, folder: Path, quiet_s: float = 0.2, polling: bool = False) -> None:
        self.repository = Repository(folder, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))
        self.events: list[Event] = []
        self._news = threading.Condition()
        self.stop = threading.Event()
        self._taken = 0
        self._thread = threading.Thread(
            target=watch_track, args=(self.repository, quiet_s, Keeping(), self._hear, self.stop, polling)
        )

    def _hear(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        with self._news:
            found: list[Event] = []

            def look() -> bool:
                found[:] = [event for event in self.events[self._taken :] if event.kind == kind]
                return bool(found)

            assert self._news.wait_for(look, PATIENCE_S), [event.kind for event in self.events]
            self._taken = self.events.index(found[0]) + 1
            return found[0].facts

    @contextmanager
    def running(self) -> Iterator["Watcher"]:
        self._thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            self._thread.join(PATIENCE_S)
            assert not self._thread.is_alive()


@pytest.fixture
def track(bf: Bf) -> Bf:
    bf.ok("init")
    write_tone(bf.directory / "a.wav")
    bf.ok("commit", "-m", "first")
    return bf


@pytest.mark.parametrize("polling", [False, True])
def test_what_is_written_becomes_a_draft(track: Bf, polling: bool) -> None:
    with Watcher(track.directory, polling=polling).running() as watcher:
        watcher.wait_for("watching")
        data = write_tone(track.directory / "stems" / "two words 🎹.wav", hz=330)
        facts = watcher.wait_for("draft")
        assert facts["changes"] == [{"path": "stems/two words 🎹.wav", "kind": "added"}]
        assert track.ok("cat", "draft:stems/two words 🎹.wav").out_bytes == data
        (track.directory / "x.tmp").write_bytes(b"1")
        track.ok("commit", "-m", "all of it")
        assert watcher.wait_for("commit")["commit"]
    kinds = [event.kind for event in watcher.events]
    assert kinds.count("draft") == 1, "neither a temporary file nor a commit is worth one"


def test_a_file_that_grows_is_waited_for(track: Bf) -> None:
    with Watcher(track.directory, quiet_s=0.5).running() as watcher:
        watcher.wait_for("watching")
        whole = write_tone(track.directory.parent / "whole.wav", seconds=1)
        with (track.directory / "take.wav").open("wb") as file:
            for at in range(0, len(whole), 20_000):
                file.write(whole[at : at + 20_000])
                file.flush()
                watcher.stop.wait(0.05)
        watcher.wait_for("draft")
        assert track.ok("cat", "draft:take.wav").out_bytes == whole
    assert len(list_drafts(watcher.repository)) == 1


def test_another_command_at_work_is_waited_for(track: Bf) -> None:
    with Watcher(track.directory).running() as watcher:
        watcher.wait_for("watching")
        with Lock(track.directory / ".beatflow/lock", "bf pull"):
            write_tone(track.directory / "b.wav")
            assert "bf pull" in watcher.wait_for("waiting")["reason"]
        watcher.wait_for("draft")


def test_a_draft_that_fails_does_not_end_it(track: Bf) -> None:
    with Watcher(track.directory).running() as watcher:
        watcher.wait_for("watching")
        hidden = track.directory / ".bfignore"
        hidden.write_text("*" * 3 + "a*b*c*d*e*f*g*h\n")
        assert "too many *" in watcher.wait_for("waiting")["reason"]
        hidden.write_text("*.bak\n")
        watcher.wait_for("draft")


def test_what_failed_is_tried_again_by_itself(track: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.watching.watching._AGAIN_S", 0.3)
    audio, aside = track.directory / ".beatflow/audio", track.directory / ".beatflow/aside"
    with Watcher(track.directory).running() as watcher:
        watcher.wait_for("watching")
        audio.rename(aside)
        audio.write_bytes(b"no folder")
        write_tone(track.directory / "b.wav", hz=440)
        watcher.wait_for("failed")
        audio.unlink()
        aside.rename(audio)
        assert watcher.wait_for("draft")["changes"] == [{"path": "b.wav", "kind": "added"}]
        assert [event.kind for event in watcher.events].count("failed") <= 2


def test_a_commit_takes_the_place_of_the_draft_at_once(track: Bf) -> None:
    with Watcher(track.directory).running() as watcher:
        watcher.wait_for("watching")
        write_tone(track.directory / "b.wav", hz=440)
        draft = watcher.wait_for("draft")["draft"]
        track.ok("commit", "-m", "kept")
        watcher.wait_for("commit")
        assert watcher.wait_for("pruned")["drafts"] == [draft]


def test_a_track_that_is_gone_is_told(track: Bf) -> None:
    with spawn(track) as watcher:
        read_event(watcher, "watching")
        track.directory.rename(track.directory.parent / "elsewhere")
        assert watcher.wait(PATIENCE_S) == 3


def test_one_watcher_for_each_track(track: Bf) -> None:
    with Watcher(track.directory).running() as watcher:
        watcher.wait_for("watching")
        with pytest.raises(LockedError, match="watched already"):
            watch_track(watcher.repository, 1, Keeping(), lambda event: None, threading.Event())
    with pytest.raises(UsageError, match="quiet time"):
        watch_track(watcher.repository, 0, Keeping(), lambda event: None, threading.Event())


def spawn(track: Bf) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "beatflow", "watch", "--quiet", "0.2s", "--json"],
        cwd=track.directory, env=os.environ | {"BF_NOW": "1700000000 +0000"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def read_event(process: "subprocess.Popen[str]", kind: str) -> dict[str, Any]:
    assert process.stdout
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == kind:
            return event
    raise AssertionError(f"it ended without {kind}")


def test_killed_and_interrupted(track: Bf) -> None:
    with spawn(track) as first:
        read_event(first, "watching")
        first.kill()
    with spawn(track) as second:
        read_event(second, "watching")
        write_tone(track.directory / "b.wav", hz=440)
        assert read_event(second, "draft")["changes"] == [{"path": "b.wav", "kind": "added"}]
        second.send_signal(signal.SIGINT)
        assert second.wait(PATIENCE_S) == 0
    track.ok("check", "--data")
