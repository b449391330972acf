"""A writer that is killed, or runs out of disk, at any step leaves a store that is whole."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beatflow.objects import durable
from beatflow.objects.ids import sha256
from beatflow.objects.layout import SampleFormat
from beatflow.objects.store import AudioStore
from tests.objects import sounds
from tests.objects.damage import entries, flip, only_pack

OLD = sounds.wav(sounds.samples(sounds.music(30_000), SampleFormat.S16LE))
NEW = sounds.wav(sounds.samples(sounds.music(30_000, seed=2), SampleFormat.S16LE))

# Every call that changes the disk is counted; the one numbered `fatal` is the last, a write stops half-way in it.
KILLED = """
import io, os, signal, sys
from pathlib import Path
from beatflow.objects import care, collection, durable, packwriter
from beatflow.objects.store import AudioStore

fatal, task, path, argument = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
step = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def fragile(owner, name):
    real = getattr(owner, name)
    def wrapper(*arguments, **options):
        global step
        step += 1
        if step == fatal:
            if name == "_write":
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            die()
        return real(*arguments, **options)
    setattr(owner, name, wrapper)

fragile(packwriter.PackWriter, "_write")
fragile(durable, "fsync_file")
fragile(durable, "fsync_directory")
fragile(care, "fsync_directory")
fragile(collection, "fsync_directory")
for name in ("replace", "unlink", "hardlink_to"):
    fragile(Path, name)

store = AudioStore(path)
if task == "add":
    with store.batch() as batch:
        batch.add_path(Path(argument))
        batch.publish()
elif task == "collect":
    store.collect([argument])
else:
    store.quarantine(argument)
print(step)
"""


def run_to(fatal: int, task: str, store: AudioStore, argument: str) -> bool:
    """Run a task, killed at step `fatal`; return whether it got to its end."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(fatal), task, str(store.path), argument],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


def add(store: AudioStore, *files: bytes) -> list[str]:
    with store.batch() as batch:
        oids = [batch.add_stream(io.BytesIO(data)).oid for data in files]
        batch.publish()
    return oids


def test_killed_while_adding(tmp_path: Path) -> None:
    store = AudioStore.create(tmp_path / "audio")
    (old,) = add(store, OLD)
    song = tmp_path / "new.wav"
    song.write_bytes(NEW)
    new = sha256(NEW).hex()
    step, finished = 1, False
    while not finished:
        finished = run_to(step, "add", store, str(song))
        after = AudioStore(store.path)
        assert list(after.check(data=True)) == []
        assert after.read(old) == OLD
        if new in after:
            assert after.read(new) == NEW
            for pack in (store.path / "packs").iterdir():
                if bytes.fromhex(new) in {entry.id for entry in entries(pack)}:
                    pack.unlink()
        else:
            assert not finished
        store.sweep()
        step += 1
    assert step > 8


def test_killed_while_collecting(tmp_path: Path) -> None:
    step, finished = 1, False
    while not finished:
        store = AudioStore.create(tmp_path / str(step))
        old, _ = add(store, OLD, b"to be dropped")
        (new,) = add(store, NEW)
        with store.batch() as batch:
            batch.add_stream(io.BytesIO(b"dropped too"))
            batch.publish()
        before = AudioStore(store.path)
        assert before.read(old) == OLD
        finished = run_to(step, "collect", store, old)
        after = AudioStore(store.path)
        assert list(after.check(data=True)) == []
        assert after.read(old) == before.read(old) == OLD
        assert not finished or new not in after
        # What was interrupted is finished by the next one.
        store.collect([old])
        assert list(AudioStore(store.path).oids()) == [old]
        step += 1
    assert step > 8


def test_killed_in_quarantine(tmp_path: Path) -> None:
    step, finished = 1, False
    while not finished:
        store = AudioStore.create(tmp_path / str(step))
        old, lost = add(store, OLD, b"lost")
        pack = only_pack(store.path)
        flip(pack, pack.read_bytes().index(b"lost"))
        damaged = pack.read_bytes()
        finished = run_to(step, "quarantine", store, pack.stem)
        after = AudioStore(store.path)
        assert after.read(old) == OLD
        assert {problem.oid for problem in after.check([old, lost], data=True)} == {lost}
        if not pack.exists():
            assert next((store.path / "quarantine").iterdir()).read_bytes() == damaged
        step += 1
    assert step > 6


FULL = """
import io, resource, sys
from pathlib import Path
import numpy as np
from beatflow.objects.store import AudioStore

store = AudioStore(Path(sys.argv[1]))
random = np.random.default_rng(3)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, unlimited[1]))
with store.batch() as batch:
    first = batch.add_stream(io.BytesIO(b"before"))
    try:
        batch.add_stream(io.BytesIO(random.bytes(3_000_000)))
    except OSError as error:
        print(error)
    last = batch.add_stream(io.BytesIO(b"after"))
    batch.publish()
assert store.read(first.oid) + store.read(last.oid) == b"beforeafter"
try:
    with store.batch() as batch:
        batch.add_stream(io.BytesIO(random.bytes(3_000_000)))
except OSError as error:
    print(error)
"""


def test_full_disk(tmp_path: Path) -> None:
    store = AudioStore.create(tmp_path / "audio")
    (old,) = add(store, OLD)
    run = subprocess.run([sys.executable, "-c", FULL, str(store.path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("File too large") == 2
    assert store.read(old) == OLD
    assert list(store.check(data=True)) == []
    assert not list((store.path / "tmp").iterdir())


def test_write_atomic_leaves_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    durable.write_atomic(path, b"old")
    durable.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"

    def fail(temporary: Path, final: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "publish_file", fail)
    with pytest.raises(OSError, match="No space"):
        durable.write_atomic(path, b"newer")
    monkeypatch.setattr(Path, "hardlink_to", fail)
    with pytest.raises(OSError, match="No space"):
        durable.link_or_copy(path, tmp_path / "copy")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_links_leave_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    durable.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"
