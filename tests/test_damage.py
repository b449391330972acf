"""Any damage to any file of a repository: what is read is right, or an error says so; never a bug, never wrong bytes.

``BEATFLOW_DAMAGE=5000`` damages so many times, ``BEATFLOW_SEED`` chooses otherwise.
"""

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import pytest

from beatflow.objects.git.value import Signature
from beatflow.objects.operation import OPERATIONS
from beatflow.repository import Repository
from tests.conftest import Bf
from tests.world import write_tone

TIMES = int(os.environ.get("BEATFLOW_DAMAGE", "3"))
SEED = int(os.environ.get("BEATFLOW_SEED", "1"))
BUG = 70
LONGEST_S = 60
# Files that hold sound or history, by name below .beatflow; the others are damaged too, as "anything".
PLACES = {
    "packs": "audio/packs/*.pack",
    "format": "audio/format",
    "objects": "objects/??/*",
    "refs": "refs/*/*",
    "HEAD": "HEAD",
    "config": "config",
    "journal": "state/journal",
    "stat cache": "state/files",
    "provenance": "state/provenance/*.json",
    "lock": "lock",
    "anything": "**/*",
}
# Not ``log --graph``: libgit2 walks history by itself there, and reads a commit that is cut short for ever.
READING = (
    ("status",),
    ("log",),
    ("show",),
    ("op", "log"),
    ("diff", "HEAD~1"),
    ("check", "--data"),
)
CHANGING = (
    ("commit", "-m", "again"),
    ("switch", "--detach", "HEAD~1"),
    ("undo",),
    ("restore", "-s", "HEAD~1", "mix.wav"),
    ("gc",),
)


@pytest.fixture(scope="module")
def template(hermetic: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "track"
    root.mkdir()
    bf = Bf(root)
    bf.ok("init")
    bf.ok("config", "user.name", "Ada")
    (root / "notes.txt").write_text("words\n")
    write_tone(root / "mix.wav", hz=200)
    bf.ok("commit", "-m", "first")
    write_tone(root / "mix.wav", hz=210)
    bf.ok("commit", "-m", "second")
    bf.ok("tag", "v1")
    own = root / ".beatflow"
    newest = (own / "refs" / "beatflow" / "operations").read_text().strip()
    (own / "state" / "journal").write_text(newest)
    (own / "lock").write_text('{"pid": 1, "command": "bf commit"}')
    folder = own / "state" / "provenance"
    folder.mkdir()
    (folder / f"{'ab' * 32}.json").write_text('{"inputs": [], "schema": "beatflow.provenance/1"}')
    return root


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A command that hangs is a failure, not a wait."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"longer than {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def flip(data: bytes, choose: random.Random) -> bytes:
    at = choose.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << choose.randrange(8),)) + data[at + 1 :]


def cut(data: bytes, choose: random.Random) -> bytes:
    return data[: choose.randrange(len(data))]


def blank(data: bytes, choose: random.Random) -> bytes:
    """Zeros from somewhere on, as some file systems leave after a power cut."""
    at = choose.randrange(len(data))
    return data[:at] + bytes(len(data) - at)


def scramble(data: bytes, choose: random.Random) -> bytes:
    at = choose.randrange(len(data))
    return data[:at] + choose.randbytes(choose.randrange(1, 40)) + data[at + choose.randrange(20) :]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (flip, cut, blank, scramble)


def use(bf: Bf, right: dict[str, bytes], changes: Sequence[tuple[str, ...]]) -> None:
    """Read all, then change something; whatever the damage, nothing may be wrong without being said."""
    for argv in (*READING, *changes):
        signal.alarm(LONGEST_S)
        result = bf(*argv)
        assert result.code not in (BUG, 130), (argv, result.stderr)
    for revision, data in right.items():
        result = bf("cat", f"{revision}:mix.wav")
        assert result.code != BUG, result.stderr
        assert result.code != 0 or result.out_bytes == data
    mix = bf.directory / "mix.wav"
    assert not mix.exists() or mix.read_bytes() in right.values()


@pytest.mark.parametrize("place", PLACES)
def test_damage_is_said_or_does_not_matter(template: Path, tmp_path: Path, place: str) -> None:
    choose = random.Random(f"{SEED} {place}")
    bf = Bf(template)
    commits = bf.ok("log", "--format", "{oid}").stdout.split()
    right = {oid: bf.ok("cat", f"{oid}:mix.wav").out_bytes for oid in commits}
    wrong = []
    for _ in range(TIMES):
        root = tmp_path / "track"
        shutil.copytree(template, root, symlinks=True)
        found = sorted((root / ".beatflow").glob(PLACES[place]))
        victim = choose.choice([path for path in found if path.is_file() and path.stat().st_size])
        data = choose.choice(DAMAGES)(victim.read_bytes(), choose)
        victim.chmod(0o644)
        victim.write_bytes(data)
        try:
            use(Bf(root), right, choose.sample(CHANGING, 2))
        except AssertionError as error:
            wrong.append(f"{victim.relative_to(root)}: {data[:1000]!r}: {error}")
        shutil.rmtree(root)
    assert not wrong, "\n".join(wrong)


def test_no_object_of_history_that_is_cut_short_is_read_for_ever(template: Path, tmp_path: Path) -> None:
    """In processes of their own, since nothing could stop libgit2 here."""
    root = tmp_path / "track"
    shutil.copytree(template, root, symlinks=True)
    (root / ".beatflow" / "state" / "journal").unlink()
    bf = Bf(root)
    repository = Repository(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000))
    head = repository.head or ""
    parent = repository.git.read_commit(head).parents[0]
    operation = repository.git.read_ref(OPERATIONS) or ""
    blob = repository.tree_of(head)["notes.txt"].oid
    for oid, argv in (
        (head, ("status",)),
        (parent, ("restore", "-s", "HEAD~1", "mix.wav")),
        (parent, ("show", parent[:8])),
        (repository.git.read_commit(head).tree, ("ls",)),
        (operation, ("op", "log")),
        (blob, ("cat", "HEAD:notes.txt")),
        (parent, ("check",)),
    ):
        victim = root / ".beatflow" / "objects" / oid[:2] / oid[2:]
        whole = victim.read_bytes()
        victim.chmod(0o644)
        victim.write_bytes(whole[: len(whole) // 2])
        result = bf.spawn(*argv)
        assert result.code == 7, (argv, result)
        victim.write_bytes(whole)


def test_a_head_that_is_no_text(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "track"
    shutil.copytree(template, root, symlinks=True)
    (root / ".beatflow" / "HEAD").write_bytes(b"ref: refs/heads/\xd7\xef\n")
    for argv in (["status"], ["commit", "-m", "again"], ["log"]):
        assert "HEAD cannot be read" in Bf(root).fails(7, *argv)
