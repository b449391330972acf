"""Runs commands that die, or find the disk full, at any one of their changes to the disk.

`Crasher` starts one process that has everything imported and forks a child for each command. In the child every
call that changes the disk is a numbered *step* with a label: Python's own by an audit hook, those of the pack
writer, ``fsync`` and libgit2 by wrappers. The child is killed just before its step, in the middle of it where a pack is
written; or from that step on whatever needs space fails, as on a full disk.
"""

import errno
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import beatflow
from beatflow import cli
from beatflow.invocation import Invocation

KILL, FULL, LIMIT, COUNT = "kill", "full", "limit", "count"
_NEEDS_SPACE = ("open", "mkdir", "symlink", "link", "write", "fsync", "git")
_EVENTS = {
    "os.rename": "rename",
    "os.remove": "remove",
    "os.mkdir": "mkdir",
    "os.rmdir": "rmdir",
    "os.link": "link",
    "os.symlink": "symlink",
    "os.truncate": "truncate",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative for a signal), what it said, and the steps that it came to."""

    code: int
    stderr: str
    steps: tuple[str, ...]


class Crasher:
    """Runs commands in children of one process, to be used as a context."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashing"],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def run(
        self,
        directory: Path,
        *argv: str,
        mode: str = COUNT,
        step: int = 0,
        after_s: float | None = None,
        environment: dict[str, str] | None = None,
    ) -> Ended:
        """Run a command in a folder.

        Parameters
        ----------
        mode : str
            What happens at `step` (from 1 on): `KILL`, or `FULL` from there on. `LIMIT`: the system itself lets no
            file become longer than `step` bytes. `COUNT` lets the command run to its end.
        after_s : float, optional
            Kill it after this time instead.
        """
        assert self._process.stdin
        assert self._process.stdout
        request = {
            "directory": str(directory),
            "argv": argv,
            "mode": mode,
            "step": step,
            "after_s": after_s,
            "environment": environment or {},
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Ended(answer["code"], answer["stderr"], tuple(answer["steps"]))


class _Steps:
    """Counts the changes to the disk in this process, and ends them at the chosen one."""

    def __init__(self, directory: str, mode: str, fatal: int) -> None:
        self.labels: list[str] = []
        self._root = directory
        self._mode = mode
        self._fatal = fatal

    def take(self, what: str, path: str, torn: Callable[[], object] | None = None) -> None:
        """Come to a step; `torn` does half of it."""
        self.labels.append(f"{what} {_place(path, self._root)}")
        if self._mode == KILL and len(self.labels) == self._fatal:
            if torn:
                torn()
            os.kill(os.getpid(), signal.SIGKILL)
        if self._mode == FULL and len(self.labels) >= self._fatal and what.startswith(_NEEDS_SPACE):
            if torn:
                torn()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Hear of what Python is about to do."""
        if event == "open":
            path, _, flags = args
            if not isinstance(flags, int) or not flags & _WRITING or isinstance(path, int):
                return
            what = "open"
        elif event in _EVENTS:
            what = _EVENTS[event]
            path = args[1] if what in ("rename", "link", "symlink") else args[0]
        else:
            return
        name = "lock" if isinstance(path, int) else os.fsdecode(path)
        if not name.startswith("/") or name.startswith(self._root):
            self.take(what, name)

    def install(self) -> None:
        """Put the counting in place; there is no way back."""
        from beatflow.objects import care, collection, durable, packwriter
        from beatflow.objects.git.objects import GitObjects

        steps, real_write = self, packwriter.PackWriter._write

        def write(writer: packwriter.PackWriter, data: bytes) -> None:
            half = memoryview(data)[: len(data) // 2]
            steps.take("write", str(writer.path), lambda: writer._file.write(half))
            real_write(writer, data)

        packwriter.PackWriter._write = write  # type: ignore[method-assign]
        for owner, name in (
            (durable, "fsync_file"),
            (durable, "fsync_directory"),
            (care, "fsync_directory"),
            (collection, "fsync_directory"),
        ):
            setattr(owner, name, self._wrap(getattr(owner, name)))
        writing = GitObjects._writing

        @contextmanager
        def fragile() -> Iterator[None]:
            with writing():
                steps.take(f"git {sys._getframe(2).f_code.co_name}", "")
                yield

        GitObjects._writing = staticmethod(fragile)  # type: ignore[method-assign]
        sys.addaudithook(self.hook)

    def _wrap(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        def fsync(what: int | Path) -> None:
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else str(what)
            self.take("fsync", path)
            real(what)

        return fsync


def _place(path: str, root: str) -> str:
    """Say in which part of a track a path lies; names that differ each time are left out."""
    parts = Path(path.removeprefix(root).lstrip("/")).parts
    if not parts or parts[0] != ".beatflow":
        return "." if path.startswith(root) else "scratch" if path and path != "lock" else path
    if parts[1:2] == ("audio",):
        return "/".join(parts[1:3]) + (" folder" if len(parts) == 3 else "")
    if parts[1:2] == ("state",) and len(parts) == 3:
        return "state/" + (parts[2] if not parts[2].endswith(".tmp") else parts[2].split(".")[1])
    return "/".join(parts[1:3]) if parts[1:2] == ("state",) else "/".join(parts[1:2])


def make(message: str) -> int:
    """Do what a maker does: put a file in place with its provenance, remove another, and commit."""
    from beatflow.history import record_commit
    from beatflow.objects.git.value import Signature
    from beatflow.repository import Repository
    from beatflow.scratch import Scratch
    from beatflow.transaction import Transaction

    signature = Signature("Ada", "ada@example.com", 1_700_000_000)
    try:
        repository = Repository.get(Path.cwd(), lambda: signature)
        with (
            Transaction(repository, "generate", message) as transaction,
            Scratch(repository.scratch) as scratch,
        ):
            made = scratch.new_file(".wav")
            made.write_bytes((repository.root / "mix.wav").read_bytes()[:-400])
            entry = transaction.put_file("stems/made.wav", made)
            transaction.put_entries({"mix.wav": None})
            oid = repository.git.read_blob(entry.oid).split(b"sha256:")[1][:64].decode()
            transaction.put_provenance(oid, {"engine": "test", "inputs": []})
            record_commit(transaction, message)
            transaction.publish()
    except Exception as error:
        return cli._report(error, Invocation())
    return 0


def _in_child(request: dict[str, Any], said: int, counted: int) -> None:
    """Run the command and end the process."""
    code = 99
    steps = _Steps(request["directory"] + "/", request["mode"], request["step"])
    try:
        os.environ.update(request["environment"])
        os.chdir(request["directory"])
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        argv = request["argv"]
        steps.install()
        if request["mode"] == LIMIT:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["step"], hard))
        code = make(*argv[1:]) if argv[0] == "make" else cli.main(argv)
    finally:
        with suppress(OSError):
            os.write(counted, json.dumps(steps.labels).encode())
        os._exit(code)


def _serve() -> None:
    # Loaded here, so that no child spends time on it.
    for module in pkgutil.walk_packages(beatflow.__path__, "beatflow."):
        # The compiled kernels are a library, though they look like a module.
        left_out = ("beatflow.ai", "beatflow.sound", "beatflow.__main__", "beatflow.native.kernels")
        if not module.name.startswith(left_out):
            import_module(module.name)
    for line in sys.stdin:
        request = json.loads(line)
        said, counted = (os.memfd_create(name) for name in ("said", "counted"))
        child = os.fork()
        if not child:
            _in_child(request, said, counted)
        if request["after_s"] is not None:
            time.sleep(request["after_s"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        texts = [os.pread(file, 1 << 22, 0).decode("utf-8", "replace") for file in (said, counted)]
        os.close(said)
        os.close(counted)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "stderr": texts[0],
            "steps": json.loads(texts[1] or "[]"),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
