"""Which sound of a parent commit a file came from: the same path, another name, a copy, or another name and a change.

Knows trees and ids; whether two sounds are one take is for the explanation to say, which is handed in.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from beatflow.errors import AudioError, DamagedError, NotFoundError, UsageError
from beatflow.history import DELETED, RENAMED, pair_renames
from beatflow.objects.git.value import TREE, Commit, Entry
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.sound.explanation import Explanation

Explain = Callable[[str, str], Explanation]
"""Explains how one sound of the store became another, by their ids; raises what `UNREADABLE` names."""

UNREADABLE = (AudioError, DamagedError, NotFoundError)

_CANDIDATES = 3
"""How many files that vanished are listened to for one that appeared: each may take seconds."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file of a commit that is a sound: ``oid`` is the sound's."""

    commit: str
    path: str
    oid: str


def get_version(repository: Repository, commit: str, path: str) -> Version:
    """Return the sound at a path of a commit.

    Raises
    ------
    NotFoundError
        Nothing is there; the nearest paths are given.
    UsageError
        What is there is no sound.
    """
    git = repository.git
    entry = git.find_entry(git.read_commit(commit).tree, path)
    if entry is None:
        near = difflib.get_close_matches(path, repository.tree_of(commit), n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"bf ls {commit[:7]}"
        raise NotFoundError(f"no file {path!r} in {commit[:7]}", hint=hint)
    if entry.mode == TREE:
        raise UsageError(
            f"{path or '.'} is a folder", hint=f"name a sound in it; bf ls {commit[:7]} lists them"
        )
    version = find_version(repository, commit, path)
    if version is None:
        raise UsageError(f"{path} is no sound", hint=f"bf log {path} lists the commits that changed it")
    return version


def find_version(repository: Repository, commit: str, path: str) -> Version | None:
    """Return the sound at a path of a commit, None where there is none."""
    git = repository.git
    entry = git.find_entry(git.read_commit(commit).tree, path)
    pointer = read_pointer(git, entry) if entry else None
    return Version(commit, path, pointer.oid) if pointer else None


def find_formers(
    repository: Repository, commit: Commit, version: Version, explain: Explain
) -> tuple[list[Version], str | None]:
    """Return what a commit's file came from in each parent, and why one could not be looked at, if one could not."""
    formers, problem = [], None
    for parent in commit.parents:
        try:
            former = find_former(repository, commit, parent, version, explain)
        except UNREADABLE as error:
            problem = error.message
            continue
        if former:
            formers.append(former)
    return formers, problem


def find_former(
    repository: Repository, commit: Commit, parent: str, version: Version, explain: Explain
) -> Version | None:
    """Return the sound of a parent that a commit's file came from, None where it came from nowhere."""
    git, path = repository.git, version.path
    old_tree = git.read_commit(parent).tree
    entry, former = git.find_entry(commit.tree, path), git.find_entry(old_tree, path)
    if former == entry:
        return Version(parent, path, version.oid)
    same = find_version(repository, parent, path) if former else None
    if same:
        return same
    differences = git.diff_trees(old_tree, commit.tree)
    changes = pair_renames(differences)
    for change in changes:
        if change.kind == RENAMED and change.path == path and change.source:
            return find_version(repository, parent, change.source)
    copies = [other for other, stood in git.read_tree(old_tree).items() if stood == entry]
    if copies:
        return find_version(repository, parent, _nearest(path, copies)[0])
    gone = [
        change.path for change in changes if change.kind == DELETED and _is_sound(repository, change.before)
    ]
    return _find_changed(repository, version, parent, gone, explain)


def _find_changed(
    repository: Repository, version: Version, parent: str, gone: list[str], explain: Explain
) -> Version | None:
    """Return what was renamed and changed at once: a sound that vanished and explains this one."""
    for name in _nearest(version.path, gone)[:_CANDIDATES]:
        former = find_version(repository, parent, name)
        if former:
            try:
                explanation = explain(former.oid, version.oid)
            except UNREADABLE:
                continue
            if not explanation.new_take:
                return former
    return None


def _is_sound(repository: Repository, entry: Entry | None) -> bool:
    return entry is not None and read_pointer(repository.git, entry) is not None


def _nearest(path: str, names: list[str]) -> list[str]:
    """Sort names by how like a path they are, the likest first."""
    return sorted(names, key=lambda name: (-difflib.SequenceMatcher(None, path, name).ratio(), name))
