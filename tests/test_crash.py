"""Nothing is ever lost: commands that die or find the disk full at any step, and writers and readers side by side.

In the suite each kind of step is tried. ``BEATFLOW_CRASH=all`` tries every single one, ``BEATFLOW_KILLS=500`` kills at
so many random moments, ``BEATFLOW_STRESS_S=180`` lets two writers and a reader run for so long.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from beatflow.objects.git.value import Signature
from beatflow.objects.operation import OPERATIONS
from beatflow.objects.store import AudioStore
from beatflow.repository import Repository
from beatflow.transaction import JOURNAL
from tests.conftest import Bf
from tests.crashing import COUNT, FULL, KILL, LIMIT, Crasher, Ended
from tests.world import write_tone

EVERY_STEP = os.environ.get("BEATFLOW_CRASH") == "all"
KILLS = int(os.environ.get("BEATFLOW_KILLS", "6"))
SEED = int(os.environ.get("BEATFLOW_SEED", "1"))
STRESS_S = float(os.environ.get("BEATFLOW_STRESS_S", "2"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="steps are taken in a forked child")

Files = dict[str, bytes]


@dataclass(frozen=True)
class State:
    """All that a user can see: HEAD, refs, files; and the newest operation."""

    head: str
    refs: dict[str, str]
    files: Files
    operation: str | None


def open_track(root: Path) -> Repository:
    return Repository(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000))


def read_state(root: Path) -> State:
    repository = open_track(root)
    refs = repository.git.read_refs()
    operation = refs.pop(OPERATIONS, None)
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".beatflow" not in path.parts
    }
    return State(repository.git.read_head(), refs, files, operation)


def contents(root: Path) -> dict[str, Files]:
    """Return what every commit that a ref or an operation reaches holds, read in full."""
    repository = open_track(root)
    git = repository.git
    result: dict[str, Files] = {}
    for commit in git.iter_history(git.read_refs().values()):
        files = {}
        for path, entry in git.read_tree(commit.tree).items():
            data = git.read_blob(entry.oid)
            if data.startswith(b"version https://git-lfs"):
                data = repository.audio.read(data.split(b"sha256:")[1][:64].decode())
            files[path] = data
        result[commit.oid] = files
    return result


def leftovers(root: Path) -> list[str]:
    own = root / ".beatflow"
    return [path.name for folder in ("tmp", "audio/tmp") for path in (own / folder).iterdir()]


def add_garbage(root: Path) -> None:
    """Have a pack in the store that no commit needs, as a writer leaves it that dies before its journal."""
    source = root.parent / "garbage.wav"
    write_tone(source, hz=999)
    with AudioStore(root / ".beatflow" / "audio").batch() as batch:
        batch.add_path(source)
        batch.publish()


@pytest.fixture(scope="module")
def crasher(hermetic: dict[str, str]) -> Iterator[Crasher]:
    with Crasher() as crasher:
        yield crasher


@pytest.fixture(scope="module")
def template(hermetic: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A track with two branches, garbage in its store and uncommitted work."""
    root = tmp_path_factory.mktemp("template") / "track"
    root.mkdir()
    bf = Bf(root)
    bf.ok("init")
    write_tone(root / "mix.wav", hz=200)
    write_tone(root / "stems" / "bass.wav", hz=100)
    (root / "notes.txt").write_text("first\n")
    bf.ok("commit", "-m", "first")
    bf.ok("switch", "-c", "other")
    write_tone(root / "mix.wav", hz=210)
    (root / "stems" / "bass.wav").unlink()
    write_tone(root / "drums" / "kick.wav", hz=50)
    bf.ok("commit", "-m", "other")
    bf.ok("switch", "main")
    write_tone(root / "mix.wav", hz=220)
    bf.ok("commit", "-m", "second")
    add_garbage(root)
    write_tone(root / "stems" / "bass.wav", hz=110)
    (root / "notes.txt").write_text("changed\n")
    return root


COMMANDS: dict[str, tuple[str, ...]] = {
    "commit": ("commit", "-m", "third"),
    "make": ("make", "made"),
    "switch": ("switch", "--detach", "HEAD~1"),
    "switch -c": ("switch", "-c", "new", "main"),
    "restore": ("restore", "--source", "other", "."),
    "undo": ("undo",),
    "gc": ("gc",),
}


# What docs/format.md numbers, in the order of a change, of a collection's own steps last.
NUMBERED = (
    "truncate lock",
    "write audio/tmp",
    "git write_blob ",
    "fsync audio/tmp",
    "rename audio/packs",
    "fsync audio/packs folder",
    "rename state/provenance",
    "git write_commit ",
    "fsync state/journal",
    "rename state/journal",
    "fsync state",
    "git write_ref ",
    "git write_head ",
    "remove .",
    "rename .",
    "remove state/journal",
    "rmdir tmp",
    "remove audio/packs",
)


def chosen(steps: tuple[str, ...], last: bool) -> list[int]:
    """Return the steps to try: all, or of each kind that docs/format.md numbers the last or the first one."""
    if EVERY_STEP:
        return list(range(1, len(steps) + 1))
    order = list(enumerate(steps, 1))
    found = {label: number for number, label in (order if last else reversed(order))}
    return sorted(number for label, number in found.items() if label in NUMBERED)


def check_after(
    root: Path, bf: Bf, before: State, after: State, published: dict[str, Files], taken_back: bool
) -> bool:
    """Check everything that must hold after a command ended anyhow; return whether the change has happened."""
    found = read_state(root)
    interrupted = (root / ".beatflow" / "state" / JOURNAL).exists()
    # Readers need no recovery, and no file is ever half one and half the other.
    assert {oid: files for oid, files in contents(root).items() if oid in published} == published
    for path, data in found.files.items():
        assert data in (before.files.get(path), after.files.get(path)), path
    assert found.head in (before.head, after.head)
    for name, oid in found.refs.items():
        assert oid in (before.refs.get(name), after.refs.get(name)), name
    if not interrupted:
        assert found in (before, after)
    bf.ok("tag", "next")
    now = read_state(root)
    assert now.refs.pop("refs/tags/next")
    happened = interrupted or found == after
    wanted = after if happened else before
    assert (now.head, now.refs, now.files) == (wanted.head, wanted.refs, wanted.files)
    assert leftovers(root) == []
    assert bf.ok("check", "--data").stdout == ""
    if EVERY_STEP:
        git = ["git", "--git-dir=.beatflow", "fsck", "--strict"]
        assert subprocess.run(git, cwd=root, capture_output=True, check=True).stderr == b""
    bf.ok("undo")
    if happened and taken_back:
        bf.ok("undo")
        back = read_state(root)
        assert (back.head, back.refs, back.files) == (before.head, before.refs, before.files)
    return happened


class Scenario:
    """One command on copies of one track."""

    def __init__(self, crasher: Crasher, template: Path, folder: Path, command: str) -> None:
        self._crasher = crasher
        self._template = template
        self._folder = folder
        self._argv = COMMANDS[command]
        self.published = contents(template)
        root = self.copy("whole")
        self.before = read_state(root)
        whole = self.run(root)
        assert whole.code == 0, whole.stderr
        self.steps = whole.steps
        self.after = read_state(root)

    def copy(self, name: str) -> Path:
        root = self._folder / name
        shutil.copytree(self._template, root, symlinks=True)
        return root

    def run(self, root: Path, mode: str = COUNT, step: int = 0) -> Ended:
        moment = {"BF_NOW": "1700009000 +0000"}
        return self._crasher.run(root, *self._argv, mode=mode, step=step, environment=moment)

    def check(self, root: Path) -> bool:
        bf = Bf(root, now=1_700_010_000)
        back = self._argv[0] not in ("undo", "gc")
        return check_after(root, bf, self.before, self.after, self.published, back)


@pytest.mark.parametrize("command", COMMANDS if EVERY_STEP else ["make", "switch", "undo", "gc"])
def test_killed_at_every_step(crasher: Crasher, template: Path, tmp_path: Path, command: str) -> None:
    """Whatever was published is readable, nothing else is visible, and the next command sets all in order."""
    scenario = Scenario(crasher, template, tmp_path, command)
    happened = []
    for step in chosen(scenario.steps, last=True):
        root = scenario.copy("killed")
        assert scenario.run(root, KILL, step).code == -signal.SIGKILL
        happened.append(scenario.check(root))
        shutil.rmtree(root)
    if scenario.before != scenario.after:
        # Once it has happened at a step, it has at every later one.
        assert happened == sorted(happened)
        assert not happened[0]
        assert happened[-1]


@pytest.mark.parametrize("command", COMMANDS if EVERY_STEP else ["make", "gc"])
def test_disk_full_at_every_step(crasher: Crasher, template: Path, tmp_path: Path, command: str) -> None:
    """It is said clearly, nothing is lost, and with room again the next command works."""
    scenario = Scenario(crasher, template, tmp_path, command)
    for step in chosen(scenario.steps, last=False):
        root = scenario.copy("full")
        ended = scenario.run(root, FULL, step)
        happened = scenario.check(root)
        assert ended.code in (0, 1), ended.stderr
        assert "Traceback" not in ended.stderr
        if ended.code == 1:
            assert "o space left on device" in ended.stderr
            assert "hint: " in ended.stderr
        if scenario.before != scenario.after:
            assert happened == (ended.code == 0 or "recorded, but not finished" in ended.stderr)
        shutil.rmtree(root)


@pytest.mark.parametrize("command", ["make", "gc"])
def test_files_that_may_not_grow(crasher: Crasher, template: Path, tmp_path: Path, command: str) -> None:
    """The same with the system's own errors: writes that are cut short, at any length."""
    scenario = Scenario(crasher, template, tmp_path, command)
    whole = scenario.run(scenario.copy("unlimited"), LIMIT, 10**9)
    assert whole.code == 0
    failed = 0
    for limit in (5000, 90_000, 250_000):
        root = scenario.copy(str(limit))
        ended = scenario.run(root, LIMIT, limit)
        failed += ended.code
        happened = scenario.check(root)
        assert ended.code in (0, 1), ended.stderr
        assert ended.code == 0 or "ile too large" in ended.stderr
        if scenario.before != scenario.after:
            assert happened == (ended.code == 0 or "recorded, but not finished" in ended.stderr)
    assert failed


def test_killed_at_random_moments(crasher: Crasher, template: Path, tmp_path: Path) -> None:
    """The same on one track that lives on through every kill, at any moment, inside libgit2 too."""
    choose = random.Random(SEED)
    root = tmp_path / "track"
    shutil.copytree(template, root, symlinks=True)
    bf = Bf(root)
    known = set(read_state(root).files.values())
    killed = 0
    number = 0
    while killed < KILLS:
        number += 1
        assert number < 3 * KILLS + 30
        name = choose.choice([*COMMANDS])
        if name in ("commit", "make"):
            known.add(write_tone(root / "mix.wav", hz=300 + number))
            known.add(write_tone(root / "stems" / f"{choose.randrange(3)}.wav", hz=900 + number))
            known.add((root / "mix.wav").read_bytes()[:-400])
        argv = [f"new{number}" if word == "new" else word for word in COMMANDS[name]]
        before, published = read_state(root), contents(root)
        known.update(data for files in published.values() for data in files.values())
        ended = crasher.run(root, *argv, after_s=choose.uniform(0.0, 0.15))
        killed += ended.code == -signal.SIGKILL
        # A command may also refuse: uncommitted work in the way, nothing to commit, nothing to undo.
        assert ended.code in (-signal.SIGKILL, 0, 1, 4), ended.stderr
        found = read_state(root)
        assert {oid: files for oid, files in contents(root).items() if oid in published} == published
        assert known.issuperset(data for data in found.files.values() if data.startswith(b"RIFF"))
        if found.operation == before.operation and not (root / ".beatflow" / "state" / JOURNAL).exists():
            assert found == before
        bf.ok("tag", f"next{number}")
        assert leftovers(root) == []
        assert bf.ok("check", "--data").stdout == ""
        if name in ("commit", "gc"):
            assert read_state(root).files == before.files
    subprocess.run(["git", "--git-dir=.beatflow", "fsck", "--strict"], cwd=root, check=True)


def test_two_writers_and_a_reader(bf: Bf) -> None:
    """Every version that was published is there once, in one line of history; reading never fails."""
    bf.ok("init")
    for name in ("one", "two"):
        for number in range(3):
            write_tone(bf.directory / f"{name}.wav", hz=50 + number)
            bf.ok("commit", "-m", f"start {name} {number}")
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "tests.stress", str(bf.directory), name, str(STRESS_S)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two", "reader")
    }
    said = {name: json.loads(process.communicate()[0]) for name, process in processes.items()}
    assert all(not answer["failed"] for answer in said.values()), said
    assert said["reader"]["rounds"]
    published = {**said["one"]["done"], **said["two"]["done"]}
    assert len(published) >= 2
    rows = [line.split(" ", 2) for line in bf.ok("log", "--format", "{oid} {message}").stdout.splitlines()]
    assert sorted(" ".join(row[1:]) for row in rows if row[1] != "start") == sorted(published)
    repository = open_track(bf.directory)
    for oid, name, number in rows:
        commit = repository.git.read_commit(oid)
        assert len(commit.parents) == (0 if (name, number) == ("start", "one 0") else 1)
        if name != "start":
            data = bf.ok("cat", f"{oid}:{name}.wav").out_bytes
            assert hashlib.sha256(data).hexdigest() == published[f"{name} {number}"]
    assert bf.ok("check", "--data").stdout == ""
