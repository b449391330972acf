"""Finding a git repository on this machine: where its objects, its HEAD and the files of its git-lfs lie.

Reads git's own files; asks no git and follows no remote.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import DamagedError, NotFoundError
from beatflow.gitconfig import parse_config
from beatflow.objects.git.store import GitStore
from beatflow.objects.ids import is_oid
from beatflow.repository import make_absolute

_LINK = "gitdir: "


@dataclass(frozen=True, slots=True)
class GitFolder:
    """A git repository.

    Parameters
    ----------
    root : Path or None
        The folder with its files; None for a bare one.
    directory : Path
        Where objects, refs and configuration lie.
    own : Path
        Where HEAD lies: another folder for a linked worktree, else the same.
    """

    root: Path | None
    directory: Path
    own: Path

    def open(self) -> GitStore:
        """Open its history.

        Raises
        ------
        DamagedError
            It cannot be read, or is of a format that this version does not know.
        """
        values = self.read_config()
        for name, plain in (("objectformat", "sha1"), ("refstorage", "files")):
            if values.get(f"extensions.{name}", plain) != plain:
                raise DamagedError(
                    f"{self.directory} keeps its history by {values[f'extensions.{name}']}, which is not supported",
                    hint="git clone it into a repository of the usual format",
                )
        # libgit2 would make such a history look whole.
        if (self.directory / "shallow").is_file():
            raise DamagedError(
                f"the history of {self.directory} is cut short",
                hint="git fetch --unshallow there, then again",
            )
        return GitStore(self.directory)

    def read_head(self) -> str:
        """Return what HEAD names: a branch's full name, or a commit."""
        try:
            text = (self.own / "HEAD").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DamagedError(f"{self.own / 'HEAD'} cannot be read", hint="git status there") from error
        return text.removeprefix("ref: ").strip()

    def has_commits(self) -> bool:
        """Say whether there is any branch, as far as a glance tells."""
        packed = self.directory / "packed-refs"
        branches = (self.directory / "refs" / "heads").rglob("*")
        return any(path.is_file() for path in branches) or (packed.is_file() and packed.stat().st_size > 0)

    def read_config(self) -> dict[str, str]:
        """Return the repository's own settings."""
        try:
            return parse_config((self.directory / "config").read_text("utf-8", "surrogateescape"))
        except OSError:
            return {}

    def find_sound(self, oid: str) -> Path | None:
        """Return where git-lfs keeps the file of an oid, if it has it."""
        if not is_oid(oid):
            return None
        storage = self.read_config().get("lfs.storage", "lfs")
        path = self.directory / storage / "objects" / oid[:2] / oid[2:4] / oid
        return path if path.is_file() else None


def find_git_folder(path: Path) -> GitFolder | None:
    """Return the git repository whose top folder, or whose bare folder, a path is; None where it is none."""
    path = make_absolute(path)
    inside = path / ".git"
    try:
        if inside.is_file() and inside.stat().st_size < 4096:
            text = inside.read_text("utf-8", "surrogateescape")
            if text.startswith(_LINK):
                return _resolve(path, Path(os.path.normpath(path / text.removeprefix(_LINK).strip())))
            return None
    except OSError:
        return None
    if inside.is_dir():
        return _resolve(path, inside)
    if path.name == ".git":
        return _resolve(path.parent, path)
    return _resolve(None, path)


def get_git_folder(path: Path) -> GitFolder:
    """Return the git repository at a path.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = find_git_folder(path)
    if found is None:
        raise NotFoundError(f"{path} is no git repository", hint="name the folder that holds .git")
    return found


def _resolve(root: Path | None, own: Path) -> GitFolder | None:
    try:
        common = (own / "commondir").read_text("utf-8", "surrogateescape").strip()
    except OSError:
        common = "."
    directory = Path(os.path.normpath(own / common))
    whole = (own / "HEAD").is_file() and (directory / "objects").is_dir() and (directory / "refs").is_dir()
    return GitFolder(root, directory, own) if whole else None
