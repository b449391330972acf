"""The programs that can keep versions of sound, and the commands that their users type.

Commands are split at spaces and then filled in: ``{track}`` is the musician's folder, ``{store}`` an empty one
outside it, ``{to}`` the empty folder that a restore goes to (and runs in), ``{name}`` the version (v01), ``{back}``
how many commits ago it was, ``{message}`` its message and ``{tops}`` the folders and sounds at its top, one
argument each.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Tool:
    """One program. `store` are the folders that its history takes; `gc` packs them tighter, if that is its way."""

    name: str
    programs: tuple[str, ...]
    init: tuple[str, ...]
    commit: tuple[str, ...]
    restore: tuple[str, ...]
    store: tuple[str, ...]
    status: tuple[str, ...] = ()
    gc: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def missing(self) -> list[str]:
        """Return the programs that it needs and that are not installed."""
        return [program for program in self.programs if find(program) is None]


def find(program: str) -> str | None:
    """Return a program's path: `bf` as it is installed beside this Python, anything else from PATH."""
    if program == "bf":
        return shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    return shutil.which(program)


_GIT_COMMIT = ("git add -A", "git commit -q -m {message}")
_WORKTREE = "git -C {track} worktree add -f --detach {to} HEAD~{back}"
_GIT_STATUS = ("git status --porcelain",)

TOOLS = (
    Tool(
        "bf",
        ("bf",),
        init=("bf init",),
        commit=("bf commit -m {message}",),
        restore=("bf -C {track} restore --source HEAD~{back} --to {to} .",),
        store=("{track}/.beatflow",),
        status=("bf status",),
        gc=("bf gc",),
    ),
    Tool(
        "git",
        ("git",),
        init=("git init -q",),
        commit=_GIT_COMMIT,
        restore=(_WORKTREE,),
        store=("{track}/.git",),
        status=_GIT_STATUS,
        gc=("git gc -q",),
    ),
    Tool(
        "git-lfs",
        ("git", "git-lfs"),
        init=("git init -q", "git lfs install --local", "git lfs track *.wav"),
        commit=_GIT_COMMIT,
        restore=(_WORKTREE,),
        store=("{track}/.git",),
        status=_GIT_STATUS,
    ),
    Tool(
        "git-annex",
        ("git", "git-annex"),
        init=("git init -q", "git annex init -q", "git config annex.largefiles largerthan=100kb"),
        commit=("git annex add -q .", "git add -A", "git commit -q -m {message}"),
        restore=(_WORKTREE,),
        store=("{track}/.git",),
        status=_GIT_STATUS,
        note="moves files into its store and leaves links: a restore copies nothing, and a program that "
        "writes in place cannot",
    ),
    Tool(
        "DVC",
        ("git", "dvc"),
        init=("git init -q", "dvc init -q", "dvc config core.analytics false", "dvc cache dir {store}"),
        commit=("dvc add -q {tops}", *_GIT_COMMIT),
        restore=(_WORKTREE, "dvc checkout -q"),
        store=("{track}/.git", "{track}/.dvc", "{store}"),
        status=("dvc status", *_GIT_STATUS),
        environment={"DVC_NO_ANALYTICS": "1"},
    ),
    Tool(
        "borg-lz4",
        ("borg",),
        init=("borg init -e none {store}",),
        commit=("borg create {store}::{name} .",),
        restore=("borg extract {store}::{name}",),
        store=("{store}",),
    ),
    Tool(
        "borg-zstd",
        ("borg",),
        init=("borg init -e none {store}",),
        commit=("borg create --compression zstd,3 {store}::{name} .",),
        restore=("borg extract {store}::{name}",),
        store=("{store}",),
    ),
    Tool(
        "restic",
        ("restic",),
        init=("restic -q -r {store} init",),
        commit=("restic -q -r {store} backup --tag {name} .",),
        restore=("restic -q -r {store} restore latest --tag {name} --target {to}",),
        store=("{store}",),
        environment={"RESTIC_PASSWORD": "benchmark"},
        note="encrypts",
    ),
    Tool(
        "bup",
        ("bup",),
        init=("bup init",),
        commit=("bup index .", "bup save -q --strip -n {name} ."),
        restore=("bup restore -q -C {to} /{name}/latest/.",),
        store=("{store}",),
        environment={"BUP_DIR": "{store}"},
    ),
)
