"""``bf gc --aggressive``: never larger, never anything lost, whatever comes in between."""

import errno
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from beatflow.care.repacking import repack
from beatflow.errors import DamagedError
from beatflow.objects.git.value import Signature
from beatflow.objects.pack import Codec, Kind
from beatflow.objects.store import AudioStore
from beatflow.repository import Repository
from tests.conftest import Bf
from tests.crashing import FULL, KILL, Crasher
from tests.objects.damage import entries, flip
from tests.objects.test_care import plain, publish
from tests.world import wav_bytes

RATE = 8000
SIGNATURE = Signature("Ada", "ada@example.com", 1_700_000_000)


def noise(seconds: float, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 4000, (int(seconds * RATE), 2))


def write(path: Path, samples: NDArray[np.float64]) -> None:
    path.write_bytes(wav_bytes(np.rint(samples).clip(-32768, 32767), RATE))


def make_history(bf: Bf) -> None:
    """Record versions that only a long search finds in each other: 8 seconds later, and quieter."""
    song = noise(12, 1)
    bf.ok("init")
    write(bf.directory / "song.wav", song)
    bf.ok("commit", "-m", "a take")
    write(bf.directory / "song.wav", np.concatenate([noise(8, 2), 0.7 * song]))
    bf.ok("commit", "-m", "with a beginning")
    (bf.directory / "notes.txt").write_text("loud\n")
    write(bf.directory / "song.wav", noise(3, 3))
    bf.ok("commit", "-m", "another")
    bf.ok("undo")


def store_of(bf: Bf) -> AudioStore:
    return AudioStore(bf.directory / ".beatflow" / "audio")


def read_all(bf: Bf) -> dict[str, bytes]:
    store = store_of(bf)
    return {oid: store.read(oid) for oid in store.oids()}


def files_in(bf: Bf) -> dict[str, bytes]:
    audio = bf.directory / ".beatflow" / "audio"
    folders = (audio / "packs", audio / "tmp")
    return {
        str(path.relative_to(audio)): path.read_bytes() for folder in folders for path in folder.iterdir()
    }


@pytest.fixture
def history(bf: Bf) -> Bf:
    make_history(bf)
    return bf


def test_smaller_and_nothing_lost(history: Bf) -> None:
    sounds = read_all(history)
    history.ok("gc")
    gathered = store_of(history).usage().stored_bytes
    found = history.ok("gc", "--aggressive", "--json").json["collected"]
    assert found["bytes_before"] == gathered
    assert found["bytes_after"] == store_of(history).usage().stored_bytes < 0.85 * gathered
    assert read_all(history) == sounds
    assert len(sounds) == 3
    assert history.ok("check", "--data").stdout == ""
    history.ok("redo")
    assert (history.directory / "song.wav").read_bytes() == wav_bytes(np.rint(noise(3, 3)), RATE)
    history.ok("undo")
    history.ok("restore", "--source", "HEAD~1", "song.wav")
    assert (history.directory / "song.wav").read_bytes() in sounds.values()


def test_a_second_run_gains_nothing(history: Bf) -> None:
    history.ok("gc", "--aggressive")
    before = files_in(history)
    assert "nothing to gain" in history.ok("gc", "--aggressive").stderr
    assert files_in(history) == before


def test_what_cannot_be_made_smaller_is_only_collected(bf: Bf) -> None:
    bf.ok("init")
    for seed in (1, 2):
        (bf.directory / "blob.bin").write_bytes(np.random.default_rng(seed).bytes(400_000))
        bf.ok("commit", "-m", str(seed))
    sounds = read_all(bf)
    planned = bf.ok("gc", "--dry-run", "--json").json["collected"]
    done = bf.ok("gc", "--aggressive", "--json").json["collected"]
    assert (done["packs_before"], done["packs_after"]) == (2, 1)
    assert abs(done["bytes_after"] - planned["bytes_after"]) < 300
    assert read_all(bf) == sounds


def test_what_nothing_reaches_is_dropped(history: Bf) -> None:
    with store_of(history).batch() as batch:
        path = history.directory / "gone.wav"
        write(path, noise(2, 9))
        gone = batch.add_path(path).oid
        batch.publish()
    path.unlink()
    kept = read_all(history)
    history.ok("gc", "--aggressive")
    assert gone in kept
    assert read_all(history).keys() == kept.keys() - {gone}


def test_a_merge_draws_on_both_sides(bf: Bf) -> None:
    ours, theirs = noise(12, 1), noise(12, 2)
    bf.ok("init")
    write(bf.directory / "song.wav", noise(1, 3))
    bf.ok("commit", "-m", "root")
    bf.ok("switch", "-c", "take")
    write(bf.directory / "song.wav", theirs)
    bf.ok("commit", "-m", "theirs")
    bf.ok("switch", "main")
    write(bf.directory / "song.wav", ours)
    bf.ok("commit", "-m", "ours")
    repository = Repository.get(bf.directory, lambda: SIGNATURE)
    git = repository.git
    parents = [git.read_ref("refs/heads/main"), git.read_ref("refs/heads/take")]
    write(bf.directory / "song.wav", 0.8 * theirs)
    bf.ok("commit", "-m", "merged")
    merged = git.read_commit(git.read_ref("refs/heads/main") or "")
    oid = git.write_commit(merged.tree, [one for one in parents if one], "merged", SIGNATURE)
    git.write_ref("refs/heads/main", oid)
    sounds = read_all(bf)
    bf.ok("gc")
    before = store_of(bf).usage().stored_bytes
    bf.ok("gc", "--aggressive")
    assert store_of(bf).usage().stored_bytes < 0.8 * before
    assert read_all(bf) == sounds


# Coming in between -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["coding anew", "proving"])
def test_interrupted_it_leaves_everything_as_it_was(history: Bf, when: str) -> None:
    before = files_in(history)

    def stop(fraction: float, what: str) -> None:
        assert 0 <= fraction <= 1
        if what == when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repack(Repository.get(history.directory, lambda: SIGNATURE), stop)
    assert files_in(history) == before


def test_what_does_not_prove_true_is_thrown_away(history: Bf) -> None:
    before = files_in(history)

    def spoil(_: float, what: str) -> None:
        if what == "proving":
            for path in (history.directory / ".beatflow" / "audio" / "tmp").iterdir():
                for entry in entries(path):
                    flip(path, entry.offset + 100)

    with pytest.raises(DamagedError):
        repack(Repository.get(history.directory, lambda: SIGNATURE), spoil)
    assert files_in(history) == before


@pytest.fixture(scope="module")
def crasher(hermetic: dict[str, str]) -> Iterator[Crasher]:
    with Crasher() as crasher:
        yield crasher


MOMENT = {"BF_NOW": "1700009000 +0000"}


def test_killed_at_every_kind_of_step(history: Bf, crasher: Crasher, tmp_path: Path) -> None:
    sounds = read_all(history)
    whole = tmp_path / "whole"
    shutil.copytree(history.directory, whole)
    steps = crasher.run(whole, "gc", "--aggressive", environment=MOMENT).steps
    assert {"rename audio/packs", "remove audio/packs"} <= set(steps)
    # Of each kind the first and the last.
    chosen = {steps.index(label) + 1 for label in steps} | {
        len(steps) - steps[::-1].index(label) for label in steps
    }
    for step in sorted(chosen):
        root = tmp_path / str(step)
        shutil.copytree(history.directory, root)
        ended = crasher.run(root, "gc", "--aggressive", mode=KILL, step=step, environment=MOMENT)
        assert ended.code == -signal.SIGKILL
        bf = Bf(root, now=1_700_010_000)
        assert read_all(bf) == sounds, steps[step - 1]
        assert bf.ok("check", "--data").stdout == ""
        bf.ok("gc", "--aggressive")
        assert read_all(bf) == sounds, steps[step - 1]
        assert len(files_in(bf)) == 1
        shutil.rmtree(root)


def test_a_full_disk(history: Bf, crasher: Crasher, tmp_path: Path) -> None:
    before = files_in(history)
    root = tmp_path / "whole"
    shutil.copytree(history.directory, root)
    steps = crasher.run(root, "gc", "--aggressive", environment=MOMENT).steps
    for step in (steps.index("write audio/tmp") + 2, len(steps) - steps[::-1].index("fsync audio/tmp")):
        root = tmp_path / str(step)
        shutil.copytree(history.directory, root)
        ended = crasher.run(root, "gc", "--aggressive", mode=FULL, step=step, environment=MOMENT)
        assert ended.code == 1
        assert os.strerror(errno.ENOSPC).lower() in ended.stderr.lower()
        assert "hint:" in ended.stderr
        assert files_in(Bf(root)) == before


# What is not understood ------------------------------------------------------------------------------------


def test_what_is_damaged_is_left_alone(history: Bf) -> None:
    store = store_of(history)
    victim = max((store.path / "packs").iterdir(), key=lambda path: path.stat().st_size)
    flip(victim, next(entry for entry in entries(victim) if entry.kind == Kind.CHUNK).offset + 100)
    damaged = victim.read_bytes()
    readable = {}
    for oid in store.oids():
        try:
            readable[oid] = store.read(oid)
        except DamagedError:
            lost = oid
    result = history.ok("gc", "--aggressive")
    assert "left alone since damaged: 1 pack" in result.stderr
    assert victim.read_bytes() == damaged
    after = store_of(history)
    assert {oid: after.read(oid) for oid in readable} == readable
    assert lost in after


def test_what_is_unknown_is_left_alone(history: Bf) -> None:
    store = store_of(history)
    pack = next((store.path / "packs").iterdir())
    needed = next(entry for entry in entries(pack) if entry.kind == Kind.CHUNK)
    publish(store, plain(90, b"k" * 32, b"\x01\x00" + needed.id, flags=1), plain(91, b"l" * 32, b"later"))
    sounds = read_all(history)
    history.ok("gc", "--aggressive")
    assert read_all(history) == sounds
    kept = {(entry.kind, entry.id) for path in (store.path / "packs").iterdir() for entry in entries(path)}
    assert {(90, b"k" * 32), (91, b"l" * 32), (Kind.CHUNK, needed.id)} <= kept


def test_new_versions_are_predicted_from_what_it_wrote(history: Bf) -> None:
    history.ok("gc", "--aggressive")
    packs = set(files_in(history))
    song = noise(12, 1)
    write(history.directory / "song.wav", np.concatenate([noise(8, 2), 0.7 * song]) * 0.5)
    history.ok("commit", "-m", "quieter")
    (new,) = set(files_in(history)) - packs
    found = entries(store_of(history).path / new)
    assert any(entry.codec == Codec.PREDICTION for entry in found)
