"""What a shell offers for the beginning of a revision or a path. Quick, and silent about whatever goes wrong."""

import os
import re
from pathlib import Path

from beatflow.errors import BeatFlowError
from beatflow.history import read_content
from beatflow.objects.git.value import Signature
from beatflow.repository import Repository
from beatflow.revision.revision import get_commit, list_names

_SIGN = re.compile(r"^(.*?(?:\.{2,3}|[\^~(|&]))?([^.^~(|&]*)$", re.DOTALL)


def complete_revision(directory: Path, text: str) -> list[str]:
    """Return the branches and tags that a beginning may become; behind ``..`` and ``^`` as well."""
    try:
        repository = Repository.find(directory, lambda: Signature("", "", 0))
        match = _SIGN.match(text)
        if repository is None or match is None:
            return []
        before, begun = match[1] or "", match[2]
        return [before + name for name in list_names(repository) if name.startswith(begun)]
    except (BeatFlowError, OSError):
        return []


def complete_entry(directory: Path, text: str) -> list[str]:
    """Return what ``REV:PATH`` may become: revisions before the colon, a commit's files and folders behind it."""
    revision, colon, begun = text.partition(":")
    if not colon:
        return [f"{name}:" for name in complete_revision(directory, text)] + _list_files(
            "HEAD", "", directory, text
        )
    return _list_files(revision or "HEAD", f"{revision}:", directory, begun)


def complete_word(directory: Path, text: str) -> list[str]:
    """Return what a revision or a path of the disk may become."""
    folder, slash, begun = text.rpartition("/")
    try:
        with os.scandir(directory / (folder + slash)) as entries:
            found = sorted(
                folder + slash + entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith("."))
            )
    except OSError:
        found = []
    return complete_revision(directory, text) + found


def _list_files(revision: str, prefix: str, directory: Path, begun: str) -> list[str]:
    try:
        repository = Repository.find(directory, lambda: Signature("", "", 0))
        if repository is None:
            return []
        tree = read_content(repository, get_commit(repository, revision))
    except (BeatFlowError, OSError):
        return []
    depth = begun.count("/") + 1
    parts = {path: path.split("/") for path in tree if path.startswith(begun)}
    return sorted(
        {prefix + "/".join(part[:depth]) + ("/" if len(part) > depth else "") for part in parts.values()}
    )
