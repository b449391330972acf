"""Git-lfs on top of a track's audio store: a standalone custom transfer agent, and the settings that make git use it.

Git-lfs runs the agent in place of talking to a server, and speaks lines of JSON with it: what it pushes goes into the
store, what it pulls comes out of it. Protocol: git-lfs's docs/custom-transfers.md. What came that way is named by the
ref ``refs/beatflow/lfs``, so that collecting garbage keeps it though no commit of the track has it.
"""

import json
import shlex
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from beatflow.errors import BeatFlowError, DamagedError, NotFoundError
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import FILE, Entry
from beatflow.objects.ids import is_oid
from beatflow.objects.pointer import Pointer, encode_pointer
from beatflow.repository import Repository
from beatflow.scratch import Scratch, sweep
from beatflow.sharing.sounds.intake import Intake

KEPT_REF = "refs/beatflow/lfs"
AGENT = "beatflow"
_STEP_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20
_MISSING, _REFUSED, _DAMAGED = 404, 422, 500

Message = dict[str, Any]


class LfsAgent:
    """Answers git-lfs, one request after the other.

    Parameters
    ----------
    repository : Repository
        The track whose store is used.
    folder : Path
        Where files for git-lfs are made, on the disk of its own storage: it takes them by a rename.
    send : callable
        Writes one line for git-lfs, at once.
    """

    def __init__(self, repository: Repository, folder: Path, send: Callable[[str], None]) -> None:
        self._repository = repository
        self._folder = folder
        self._send = send

    def run(self, lines: Iterable[bytes]) -> None:
        """Answer until git-lfs says that it is done, or goes away."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._repository.scratch.mkdir(exist_ok=True)
        sweep(self._folder)
        with ExitStack() as stack:
            self._scratch = stack.enter_context(Scratch(self._folder))
            for line in lines:
                message = _read(line)
                if message.get("event") == "terminate":
                    return
                self._answer(message)

    def _answer(self, message: Message) -> None:
        match message.get("event"):
            case "init":
                self._say({})
            case "download" | "upload" as event:
                oid = str(message.get("oid"))
                answer: Message = {"event": "complete", "oid": oid}
                try:
                    pointer = _read_pointer(message)
                    if event == "upload":
                        self._take(pointer, Path(str(message.get("path"))))
                    else:
                        answer["path"] = str(self._give(pointer))
                except NotFoundError as error:
                    answer["error"] = _tell(_MISSING, error)
                except BeatFlowError as error:
                    answer["error"] = _tell(_DAMAGED if isinstance(error, DamagedError) else _REFUSED, error)
                except OSError as error:
                    answer["error"] = {"code": _REFUSED, "message": f"{error.strerror}: {error.filename}"}
                self._say(answer)
            case event:
                self._say({"error": {"code": _REFUSED, "message": f"nobody here knows {str(event)[:80]!r}"}})

    def _give(self, pointer: Pointer) -> Path:
        """Write a sound to a file for git-lfs, verified."""
        audio = self._repository.audio
        size = audio.size(pointer.oid)
        if size != pointer.size:
            raise DamagedError(f"sound {pointer.oid[:12]} has {size} bytes in place of {pointer.size}")
        path = self._scratch.new_file()
        report = self._report(pointer)
        audio.write_files([(pointer.oid, path)], report)
        return path

    def _take(self, pointer: Pointer, path: Path) -> None:
        """Add a file of git-lfs's to the store, verified, and have it kept; both are durable after."""
        if not path.is_file():
            raise NotFoundError(f"there is no file {path}")
        with Intake(self._repository) as intake:
            intake.add_file(pointer, path, self._report(pointer))
        keep_sound(self._repository, pointer)

    def _report(self, pointer: Pointer) -> Callable[[int], None]:
        """Return what tells git-lfs how far one transfer is, a megabyte at a time."""
        done = told = 0

        def report(count: int) -> None:
            nonlocal done, told
            done += count
            if done - told >= _STEP_BYTES or done >= pointer.size:
                step, told = done - told, done
                self._say(
                    {"event": "progress", "oid": pointer.oid, "bytesSoFar": done, "bytesSinceLast": step}
                )

        return report

    def _say(self, message: Message) -> None:
        self._send(json.dumps(message))


def keep_sound(repository: Repository, pointer: Pointer) -> None:
    """Have a sound stay that no commit of the track has."""
    git = repository.git
    with repository.locked("bf lfs-agent"):
        kept = git.read_ref(KEPT_REF)
        tree = git.read_tree(git.read_commit(kept).tree if kept else None)
        path = f"{pointer.oid[:2]}/{pointer.oid}"
        if path in tree:
            return
        tree[path] = Entry(FILE, git.write_blob(encode_pointer(pointer)))
        who = repository.signer()
        commit = git.write_commit(git.write_tree(tree), (), "Sounds that git-lfs keeps here", who)
        git.write_ref(KEPT_REF, commit, who)
        git.flush()


def _read(line: bytes) -> Message:
    try:
        message = json.loads(line) if len(line) < _LONGEST_LINE else None
    except (ValueError, RecursionError):
        message = None
    return message if isinstance(message, dict) else {}


def _read_pointer(message: Message) -> Pointer:
    oid, size = message.get("oid"), message.get("size")
    if not (isinstance(oid, str) and is_oid(oid) and isinstance(size, int) and size >= 0):
        raise BeatFlowError("that is no sound's id and size")
    return Pointer(oid, size)


def _tell(code: int, error: BeatFlowError) -> Message:
    return {"code": code, "message": error.message + (f" ({error.hint})" if error.hint else "")}


# Settings ------------------------------------------------------------------------------------------------


def install_agent(repository: Repository, git: GitStore, program: str) -> str:
    """Have git-lfs of a git repository keep its files in a track's store; return the command that it will run.

    Parameters
    ----------
    repository : Repository
    git : GitStore
        The git repository.
    program : str
        The Python that runs BeatFlow.
    """
    words = ["-m", "beatflow", "-C", str(repository.root), "lfs-agent", "--git-dir", str(git.path)]
    arguments = shlex.join(words)
    git.write_config(f"lfs.customtransfer.{AGENT}.path", program)
    git.write_config(f"lfs.customtransfer.{AGENT}.args", arguments)
    # Our own threads keep every core busy, and there is one writer at a time.
    git.write_config(f"lfs.customtransfer.{AGENT}.concurrent", "false")
    git.write_config("lfs.standalonetransferagent", AGENT)
    return f"{program} {arguments}"


def uninstall_agent(git: GitStore) -> None:
    """Have git-lfs of a git repository talk to its server again."""
    for name in ("path", "args", "concurrent"):
        git.remove_config(f"lfs.customtransfer.{AGENT}.{name}")
    git.remove_config("lfs.standalonetransferagent")
