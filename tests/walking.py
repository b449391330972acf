"""Random walks through every command that changes a track: ``python -m tests.walking [WALKS] [STEPS] [SEED]``.

Whatever was done, as many undos pass back through the same refs, HEAD and files, and redo passes forward again; what a
command refused changed nothing. Files that the musician edited by hand since are hers: these are not compared.
"""

import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from beatflow.errors import ConflictError
from beatflow.objects.git.value import Signature
from beatflow.objects.operation import OPERATIONS
from beatflow.repository import Repository
from beatflow.transaction import Transaction
from tests.conftest import Bf
from tests.world import tone, wav_bytes

NAMES = ("main", "take2", "club/mix")
TAGS = ("v1", "v2", "club")
SOUNDS = ("mix.wav", "stems/bass.wav", "stems/drums.wav")
TEXTS = ("notes.txt", "fx/reverb.txt", "fx", "stems/bass.wav")
REFUSALS = (1, 2, 3, 4)


@dataclass(frozen=True)
class State:
    """What undo promises to bring back."""

    head: str
    refs: dict[str, str]
    files: dict[str, tuple[bytes, int]]

    def without(self, paths: set[str]) -> "State":
        """The state less what was edited by hand; a file and a folder of one name cannot both be."""
        files = {
            path: file
            for path, file in self.files.items()
            if not any(
                path == one or path.startswith(one + "/") or one.startswith(path + "/") for one in paths
            )
        }
        return State(self.head, self.refs, files)


@dataclass(frozen=True)
class Moment:
    """A state that was, and the files that were edited by hand since."""

    state: State
    edited: set[str] = field(default_factory=set)


def read_state(repository: Repository) -> State:
    """Read refs, HEAD, and every file with its bytes and executable bit."""
    refs = {name: oid for name, oid in repository.git.read_refs().items() if name != OPERATIONS}
    files = {
        path.relative_to(repository.root).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o100)
        for path in repository.root.rglob("*")
        if path.is_file() and ".beatflow" not in path.relative_to(repository.root).parts
    }
    return State(repository.git.read_head(), refs, files)


def make_sounds() -> list[bytes]:
    """Make takes of one piece that merge in every way: as it was, louder, other stretches, another piece, empty."""
    base = tone(0.3, 220)
    first, second = base.copy(), base.copy()
    first[1000:3000] = tone(0.3, 330)[1000:3000]
    second[8000:11000] = tone(0.3, 440)[8000:11000]
    gain = np.rint(base * 0.5).astype(np.int16)
    return [wav_bytes(samples) for samples in (base, gain, first, second, tone(0.2, 880), base[:0])]


@dataclass
class Walk:
    """One walk in a fresh track."""

    directory: Path
    random: random.Random
    sounds: list[bytes]
    log: list[str] = field(default_factory=list)
    done: list[Moment] = field(default_factory=list)
    undone: list[Moment] = field(default_factory=list)
    last: list[Moment] = field(default_factory=list)
    counts: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.track = self.directory / "track"
        self.track.mkdir()
        self.bf = Bf(self.track)
        self.bf.ok("init")
        self.repository = Repository(self.track, lambda: Signature("Ada", "ada@example.com", 0))
        versions = self.directory / "versions"
        versions.mkdir()
        for number in range(2):
            (versions / f"mix_v{number + 1}.wav").write_bytes(self.sounds[number])
        (versions / "fx.txt").write_text("imported\n")

    def state(self) -> State:
        """Read the track as it is."""
        # A new reader: nothing of what it saw before may be believed.
        return read_state(Repository(self.track, self.repository.signer))

    def operations(self) -> str | None:
        """The newest operation."""
        return Repository(self.track, self.repository.signer).git.read_ref(OPERATIONS)

    def run(self, *words: str, step: str = "op") -> None:
        """Run a command; see that it changes all or nothing, and remember how things were before."""
        self.log.append("bf " + " ".join(words))
        before, operations = Moment(self.state()), self.operations()
        result = self.bf(*words)
        name = words[0]
        tally = self.counts.setdefault(name, [0, 0])
        tally[result.code in REFUSALS and self.operations() == operations] += 1
        assert result.code in (0, *REFUSALS), self.told(result.stderr)
        if self.operations() == operations:
            self.compare(before, "refused, and changed something")
            return
        if step == "undo":
            assert self.done, self.told("undo had nothing to undo")
            self.undone.append(before)
            self.compare(self.done.pop(), "undo went elsewhere")
        elif step == "redo":
            self.done.append(before)
            self.compare(self.undone.pop(), "redo went elsewhere")
        else:
            self.done.append(before)
            self.undone.clear()

    def compare(self, wanted: Moment, what: str) -> None:
        """Fail unless the track is as wanted, less what was edited by hand since."""
        here, there = self.state().without(wanted.edited), wanted.state.without(wanted.edited)
        if here != there:
            paths = {
                path for path in here.files | there.files if here.files.get(path) != there.files.get(path)
            }
            refs = {ref for ref in here.refs | there.refs if here.refs.get(ref) != there.refs.get(ref)}
            heads = "" if here.head == there.head else f" HEAD {there.head} is {here.head}"
            raise AssertionError(self.told(f"{what}: {sorted(paths)} {sorted(refs)}{heads}"))

    def told(self, what: str) -> str:
        """What went wrong, and after which commands."""
        return "\n".join([what, *self.log])

    def edit(self) -> None:
        """Write, remove or make executable a file, as the musician does."""
        path = self.random.choice(SOUNDS + TEXTS)
        place = self.track / path
        action = self.random.choice(("write", "write", "write", "remove", "mode"))
        self.log.append(f"{action} {path}")
        for moment in (*self.done, *self.undone):
            moment.edited.add(path)
        if action == "write":
            self.write(path, self.content(path))
        elif place.is_file():
            place.unlink() if action == "remove" else place.chmod(0o755)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whatever stands in its way."""
        place = self.track / path
        for parent in reversed(place.relative_to(self.track).parents):
            if (self.track / parent).is_file():
                (self.track / parent).unlink()
        if place.is_dir():
            shutil.rmtree(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def content(self, path: str) -> bytes:
        """Make up what could stand at a path."""
        if path.endswith(".wav") and self.random.random() < 0.9:
            return self.random.choice(self.sounds)
        return "\n".join(self.random.choice("abc") for _ in range(4)).encode()

    def put(self) -> None:
        """Write a file as a maker does, in an operation."""
        path = self.random.choice(SOUNDS + TEXTS)
        self.log.append(f"put {path}")
        before = Moment(self.state())
        repository = Repository(self.track, self.repository.signer)
        try:
            with Transaction(repository, "generate", path) as transaction:
                source = repository.scratch / "source"
                source.write_bytes(self.content(path))
                transaction.put_file(path, source)
                published = transaction.publish()
        except ConflictError:
            self.compare(before, "refused, and changed something")
            return
        if published:
            self.done.append(before)
            self.undone.clear()

    def commit(self) -> None:
        """Change something, most times, and commit."""
        for _ in range(self.random.choice((0, 1, 1, 2))):
            self.random.choice((self.edit, self.put, self.put))()
        self.run("commit", "-m", self.random.choice(("one", "two")))

    def begin(self) -> None:
        """Make two lines of work."""
        for path in (*SOUNDS, "notes.txt"):
            self.write(path, self.sounds[0] if path.endswith(".wav") else b"a\nb\nc\nd\n")
        self.run("commit", "-m", "first")
        self.run("switch", "-c", "take2")
        self.commit()
        self.run("switch", "main")
        self.commit()

    def step(self) -> None:
        """Do one thing at random."""
        choose = self.random.choice
        revision = choose(
            ("HEAD", "HEAD~1", "HEAD~2", "HEAD^2", "main", "take2", "club/mix", "v1", "@{1}", "@{2}")
        )
        steps: list[tuple[int, Callable[[], object]]] = [
            (1, self.edit),
            (3, self.put),
            (8, self.commit),
            (1, lambda: self.run("commit", "-m", "part", choose(("stems", "notes.txt", "mix.wav")))),
            (2, lambda: self.run("branch", choose(NAMES), revision, *choose(((), ("--force",))))),
            (1, lambda: self.run("branch", "--delete", choose(NAMES), *choose(((), ("--force",))))),
            (1, lambda: self.run("branch", choose(NAMES), "--move", choose(NAMES))),
            (2, lambda: self.run("tag", choose(TAGS), revision, *choose(((), ("--force",))))),
            (1, lambda: self.run("tag", "--delete", choose(TAGS))),
            (4, lambda: self.run("switch", choose(NAMES))),
            (3, lambda: self.run("switch", "-c", choose(NAMES), revision)),
            (1, lambda: self.run("switch", "--detach", revision)),
            (
                3,
                lambda: self.run(
                    "restore", "--source", revision, choose((".", "stems", "notes.txt", "mix.wav"))
                ),
            ),
            (1, lambda: self.run("restore", "--source", revision, "--to", "old", ".", "--force")),
            (6, lambda: self.run("merge", choose((*NAMES, revision)), *choose(((), ("--no-ff",))))),
            (
                3,
                lambda: self.run(
                    "resolve", choose(SOUNDS + TEXTS), "--take", choose(("ours", "theirs", "base"))
                ),
            ),
            (3, lambda: self.run("revert", revision)),
            (3, lambda: self.run("cherry-pick", revision)),
            (1, lambda: self.run("import", "../versions", "-y", *choose(((), ("--no-listen",))))),
            (1, lambda: self.run("generate", "beat", "--bars", "1", "--seed", "1", "--force")),
            (
                1,
                lambda: self.run(
                    "generate", "beat", "--bars", "1", "--seed", "2", "--commit", "-m", "beat", "--force"
                ),
            ),
            (1, lambda: self.run("gc")),
            (4, lambda: self.run("undo", step="undo")),
            (2, lambda: self.run("redo", step="redo")),
        ]
        weights = [weight for weight, _ in steps]
        self.random.choices([action for _, action in steps], weights)[0]()

    def insist(self, word: str) -> None:
        """Undo or redo one step, whatever was put in its way by hand moved away as the refusal says."""
        for _ in range(10):
            before = self.operations()
            self.run(word, step=word)
            if self.operations() != before:
                return
            said = self.bf(word).stderr
            match = re.match(r"error: (.+) is (no folder|a folder|no ordinary file) here\n", said)
            assert match, self.told(f"{word} was refused: {said}")
            place = self.track / match[1]
            files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
            paths = {path.relative_to(self.track).as_posix() for path in files}
            self.log.append(f"remove {match[1]}")
            for moment in (*self.done, *self.undone, *self.last):
                moment.edited.update(paths)
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        raise AssertionError(self.told(f"{word} was refused again and again"))

    def go(self, steps: int) -> None:
        """Walk, go all the way back, and forward again."""
        self.begin()
        for _ in range(steps):
            self.step()
        there, self.last = len(self.done), [Moment(self.state())]
        self.log.append("-- back")
        while self.done:
            self.insist("undo")
        assert self.bf("undo").code == 1, self.told("more to undo than was done")
        self.log.append("-- forward")
        for _ in range(there):
            self.insist("redo")
        self.compare(self.last[0], "forward again, but not where it was")
        result = self.bf("check")
        assert result.code == 0, self.told(result.stdout + result.stderr)


def walk(seed: int, steps: int) -> Walk:
    """Walk once; raise AssertionError with the commands where a promise was broken."""
    with tempfile.TemporaryDirectory() as folder:
        found = Walk(Path(folder), random.Random(seed), make_sounds())
        found.go(steps)
    return found


def main(arguments: list[str]) -> int:
    """Walk many times, and say which walks failed and what was tried how often."""
    walks, steps, first = (int(word) for word in (*arguments, *("100", "20", "0")[len(arguments) :]))
    counts: dict[str, list[int]] = {}
    failures = 0
    for seed in range(first, first + walks):
        try:
            for name, (did, refused) in walk(seed, steps).counts.items():
                tally = counts.setdefault(name, [0, 0])
                tally[0] += did
                tally[1] += refused
        except AssertionError as error:
            failures += 1
            sys.stdout.write(f"== walk {seed}\n{error}\n")
        sys.stderr.write(f"\r{seed - first + 1} of {walks}")
        sys.stderr.flush()
        sys.stdout.flush()
    for name, (did, refused) in sorted(counts.items()):
        sys.stdout.write(f"{name:12} {did:6} done {refused:6} refused\n")
    sys.stdout.write(f"{walks} walks of {steps} steps, {failures} failed\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
