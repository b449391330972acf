"""Frees space: drops sounds here that a remote verifiably has, and keeps what is current, new or the last copy.

What was dropped comes back when it is needed, as in any partial clone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from beatflow.errors import UsageError
from beatflow.history import find_branch_tips
from beatflow.repository import BRANCHES, Repository
from beatflow.sharing.partial.mentions import Mentions
from beatflow.sharing.partial.previews import make_previews
from beatflow.sharing.partial.selection import read_selection, write_selection
from beatflow.sharing.partial.supply import Mentioned
from beatflow.sharing.remote import Remote
from beatflow.sharing.watch import Watch
from beatflow.transaction import Transaction

_DAY_S = 86_400.0
_AGES_S = {"d": _DAY_S, "w": 7 * _DAY_S, "mo": 30 * _DAY_S, "y": 365 * _DAY_S}


@dataclass(frozen=True, slots=True)
class Terms:
    """What may go: only what is neither current on a branch here nor kept by one of these.

    Parameters
    ----------
    keep : int
        The newest so many versions of each path stay.
    before_s : float or None
        What was current in a commit after this Unix time stays.
    previews : bool
        Small copies are made of what goes.
    verify : bool
        The remote's own copy is read through first, not only looked up.
    """

    keep: int = 1
    before_s: float | None = None
    previews: bool = False
    verify: bool = False

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise UsageError(
                f"--keep {self.keep}: at least the newest version stays", hint="bf prune --keep 1"
            )


def parse_age(text: str) -> float:
    """Read ``90d``, ``12w``, ``6mo`` or ``1y``; return seconds.

    Raises
    ------
    UsageError
        It is none.
    """
    match = re.fullmatch(r"(\d{1,6})(d|w|mo|y)", text.strip().lower())
    if not match:
        raise UsageError(f"{text!r} is no age", hint="--older 90d, 12w, 6mo or 1y")
    return int(match[1]) * _AGES_S[match[2]]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was dropped, or would be.

    Attributes
    ----------
    dropped : list of Mentioned
    refused : list of Mentioned
        Would go by the terms, but the remote does not have them, or not whole: these may be the last copies.
    bytes_before, bytes_after : int
        Of all packs; in a dry run the latter is an estimate.
    """

    dropped: list[Mentioned]
    refused: list[Mentioned]
    bytes_before: int
    bytes_after: int


def prune(
    repository: Repository,
    remote: Remote,
    name: str,
    terms: Terms,
    watch: Watch,
    dry_run: bool = False,
) -> Pruned:
    """Drop the sounds that may go and that a remote has.

    Parameters
    ----------
    remote : Remote
        Asked for each sound; believed only where it has verifiably all of it.
    name : str
        Under which the track knows it.

    Raises
    ------
    DamagedError
        History or a sound that stays cannot be followed; nothing was changed.
    NotFoundError
        Nothing is at the remote.
    """
    watch.begin("looking for what may go")
    may_go = list_dispensable(repository, terms)
    missing = _find_unsafe(remote, may_go, terms, watch) if may_go else set()
    going = [sound for sound in may_go if sound.pointer.oid not in missing]
    refused = [sound for sound in may_go if sound.pointer.oid in missing]
    if terms.previews and going and not dry_run:
        make_previews(repository, [sound.pointer.oid for sound in going], watch)
    with Transaction(repository, "prune", name):
        # Somebody may have gone to another branch while the network was asked.
        current = {sound.pointer.oid for sound in list_dispensable(repository, terms)}
        going = [sound for sound in going if sound.pointer.oid in current]
        audio = repository.audio
        stay = set(audio.oids()) - {sound.pointer.oid for sound in going}
        watch.begin("dropping")
        if going and not dry_run:
            # Before anything goes: from here on what is not here is elsewhere.
            selection = read_selection(repository.directory)
            write_selection(
                repository.directory,
                replace(
                    selection,
                    pruned=True,
                    previews=selection.previews or terms.previews,
                    remote=name if selection.is_whole else selection.remote,
                ),
            )
        if not going:
            size = audio.usage().stored_bytes
            return Pruned([], refused, size, size)
        collected = audio.collect(stay, dry_run=dry_run)
    return Pruned(going, refused, collected.bytes_before, collected.bytes_after)


def _find_unsafe(remote: Remote, may_go: Sequence[Mentioned], terms: Terms, watch: Watch) -> set[str]:
    """Return the oids of those that the remote does not have, or not as they should be."""
    pointers = [sound.pointer for sound in may_go]
    watch.begin(f"asking {remote.address}")
    # If it is not there at all, that says more than that it lacks each sound.
    remote.read_refs()
    missing = remote.find_missing(pointers)
    if not terms.verify:
        return missing
    watch.begin(f"reading {remote.address}")
    there = [pointer for pointer in pointers if pointer.oid not in missing]
    return missing | remote.find_damaged(there, watch.advance)


def list_dispensable(repository: Repository, terms: Terms) -> list[Mentioned]:
    """Return the sounds that are here and that the terms let go, each once, the newest first."""
    git, audio = repository.git, repository.audio
    held = set(_list_current(repository))
    versions: dict[str, set[str]] = {}
    found: dict[str, Mentioned] = {}
    tips = find_branch_tips(repository)
    for commit, path, pointer in Mentions(git).iter_new(git.iter_history(tips)):
        newest = versions.setdefault(path, set())
        if len(newest) < terms.keep:
            newest.add(pointer.oid)
        recent = terms.before_s is not None and commit.time_s >= terms.before_s
        if recent or pointer.oid in newest:
            held.add(pointer.oid)
        found.setdefault(pointer.oid, Mentioned(path, pointer))
    return [sound for oid, sound in found.items() if oid not in held and oid in audio]


def _list_current(repository: Repository) -> list[str]:
    """Return the sounds at the tips of the branches here, and at HEAD."""
    git = repository.git
    tips = {*git.read_refs(BRANCHES).values(), *([repository.head] if repository.head else [])}
    mentions = Mentions(git)
    return [pointer.oid for tip in tips for _, pointer in mentions.list_all(git.read_commit(tip).tree)]
