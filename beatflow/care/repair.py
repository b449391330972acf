"""Brings back what a check found lost: from what is left, from the folder, and from other places.

Nothing is deleted: what is damaged goes to ``quarantine`` folders. Nothing is believed: every chunk, sound and git
object that comes back is proved by its id. Moves no ref but one that cannot be read or is gone.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from beatflow.care.problem import Findings, Problem
from beatflow.errors import BeatFlowError, DamagedError, UsageError
from beatflow.objects.durable import free_name, write_atomic
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import blob_oid
from beatflow.objects.operation import OPERATIONS, iter_operations, read_operation
from beatflow.objects.pointer import Pointer, encode_pointer
from beatflow.objects.store import AudioStore
from beatflow.repository import BRANCHES, Repository, Signer
from beatflow.transaction import BAD_JOURNAL, Transaction
from beatflow.wording import plural
from beatflow.worktree import REPOSITORY

QUARANTINE = "quarantine"
HERE = "the track's folder"
_MENDED_BY = {
    "sound": "sound",
    "pack": "pack",
    "commit": "object",
    "tree": "object",
    "blob": "object",
    "ref": "ref",
}
"""Kind of a problem, to that of the repair that mends it."""

Examine = Callable[[], Findings]


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was done, or that would be.

    ``kind`` is ``pack``, ``sound``, ``object``, ``ref``, ``journal``, ``missing`` for sound that a dry run found
    nowhere, or ``skipped`` for a file that could not be read; ``source`` says where it came from, ``count`` of how many
    things; ``moved_to`` is the path at which a damaged pack is kept.
    """

    kind: str
    message: str
    source: str | None = None
    count: int = 1
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where lost things may be: any of history, an audio store, and a folder of files."""

    path: Path
    git: GitStore | None
    audio: AudioStore | None
    folder: Path | None


def open_place(text: str, signer: Signer) -> Place:
    """Open what ``--from`` names: a track, an audio store, or a folder of files.

    Raises
    ------
    UsageError
        It is something else.
    """
    path = Path(text)
    if not path.is_dir():
        remote = re.match(r"[a-z0-9+]+://|[^/]+@[^/]+:", text)
        raise UsageError(
            f"--from {text}: {'a remote is asked by cloning it' if remote else 'no such folder'}",
            f"bf clone {text} ../again, then --from ../again"
            if remote
            else "give a folder: another track, an audio store, or one with the sound files",
        )
    for root in (path, path.parent if path.name == REPOSITORY else path):
        if (root / REPOSITORY / "HEAD").is_file():
            track = Repository(root, signer)
            return Place(path, track.git, track.audio, root)
    if (path / "format").is_file() and (path / "packs").is_dir():
        return Place(path, None, AudioStore(path), None)
    return Place(path, None, None, path)


def repair(
    repository: Repository,
    findings: Findings,
    places: Sequence[Place],
    examine: Examine,
    dry_run: bool = False,
) -> Iterator[Repair]:
    """Mend what was found, yielding each thing that is done.

    Parameters
    ----------
    findings : Findings
        Of the first examination.
    places : sequence of Place
        Where to look; the track's own folder is always looked into, last.
    examine : callable
        Examines the repository anew.
    """
    if dry_run:
        yield from _repair_history(repository, findings, places, None)
        for name in sorted(findings.packs):
            count = repository.audio.count_sound(name)
            kept = f"keep {plural(count, 'record')} of it, all that is whole"
            yield Repair("pack", f"would move pack {name[:12]} to quarantine and {kept}", count=count)
        yield from _repair_sound(repository, findings, places, dry_run)
        return
    # Taking the lock also finishes a change that was interrupted, and an operation would say nothing: what is mended
    # is what history says already.
    with Transaction(repository, "check", "repair") as transaction:
        for name in sorted(findings.packs):
            with suppress(UsageError):
                saved = repository.audio.quarantine(name)
                kept = f"kept {plural(saved.records, 'record')} of it, all that is whole"
                text = f"moved pack {name[:12]} to quarantine, {kept}"
                yield Repair("pack", text, count=saved.records, moved_to=str(saved.moved_to))
        # What a damaged pack, tree or commit hides shows only when that is there again, so look again and again.
        seen: list[tuple[set[str], set[str]]] = []
        while (state := (set(findings.objects), set(findings.refs))) not in seen:
            seen.append(state)
            yield from _repair_history(repository, findings, places, transaction)
            if findings.packs or any(state):
                repository = Repository(repository.root, repository.signer)
                findings = examine()
        yield from _repair_sound(repository, findings, places, dry_run)


# Sound ---------------------------------------------------------------------------------------------------


def _repair_sound(
    repository: Repository, findings: Findings, places: Sequence[Place], dry_run: bool
) -> Iterator[Repair]:
    if not (findings.chunks or findings.manifests):
        return
    audio = repository.audio
    with audio.mending(findings.chunks, findings.manifests, findings.sounds, not dry_run) as mending:
        for place in places:
            if place.audio and not mending.is_whole:
                audio.mend_from(mending, place.audio, str(place.path))
        files = [
            (file, str(place.path)) for place in places if place.folder for file in _iter_files(place.folder)
        ]
        own = ((repository.root / found.path, HERE) for found in repository.worktree.scan())
        for group in (files, own):
            for file, name in group:
                if mending.is_whole:
                    break
                try:
                    if file.is_file() and not file.is_symlink():
                        mending.take_from_file(file, name)
                except (OSError, BeatFlowError) as error:
                    yield Repair("skipped", f"{file} could not be read: {error}", name)
        mending.publish()
        for name, count in mending.found.items():
            word = "would bring" if dry_run else "brought"
            yield Repair("sound", f"{word} back {plural(count, 'record')} of sound from {name}", name, count)
        if dry_run and (count := mending.count_missing()):
            yield Repair("missing", f"found {plural(count, 'record')} of sound nowhere", count=count)


def _iter_files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (REPOSITORY, ".git"))
        yield from (Path(parent, name) for name in sorted(names))


# History -------------------------------------------------------------------------------------------------


def _repair_history(
    repository: Repository, findings: Findings, places: Sequence[Place], transaction: Transaction | None
) -> Iterator[Repair]:
    """Mend objects, refs and what an interrupted change left; only say what could be done without a transaction."""
    bad = repository.state / BAD_JOURNAL
    if bad.exists():
        if transaction:
            refuge = repository.directory / QUARANTINE
            refuge.mkdir(exist_ok=True)
            bad.replace(free_name(refuge, BAD_JOURNAL))
        yield Repair("journal", f"{_did(transaction, 'moved', 'move')} {bad} to quarantine")
    targets = [(repository.git.read_target(name) or "") for name in findings.refs]
    wanted = [oid for oid in (*targets, *findings.objects) if oid]
    if wanted:
        yield from _take_objects(repository, wanted, places, transaction)
    lost = {oid for oid in findings.objects if not _has_object(repository.git, oid)}
    blobs = {oid for oid in lost if findings.objects[oid] == "blob"}
    if blobs:
        yield from _remake_blobs(repository, blobs, transaction)
    # Operations first: they know where branches were.
    for name in sorted(findings.refs, key=lambda name: (name != OPERATIONS, name == "HEAD", name)):
        yield from _repair_ref(repository, name, transaction)


def _take_objects(
    repository: Repository, wanted: Sequence[str], places: Sequence[Place], transaction: Transaction | None
) -> Iterator[Repair]:
    refuge = repository.directory / QUARANTINE
    for place in places:
        if place.git is None:
            continue
        if transaction:
            count = sum(len(repository.git.copy_object(oid, place.git, refuge)) for oid in wanted)
        else:
            count = sum(
                _has_object(place.git, oid) and not _has_object(repository.git, oid) for oid in wanted
            )
        if count:
            text = f"{_did(transaction, 'copied', 'copy')} {plural(count, 'object')} of history from {place.path}"
            yield Repair("object", text, str(place.path), count)


def _remake_blobs(
    repository: Repository, blobs: set[str], transaction: Transaction | None
) -> Iterator[Repair]:
    """Write lost pointers again from the sounds that they stand for, and small files from the folder."""
    for name, data in _find_blobs(repository, blobs):
        oid = blob_oid(data)
        if oid not in blobs:
            continue
        blobs.discard(oid)
        if transaction:
            repository.git.put_aside(oid, repository.directory / QUARANTINE)
            repository.git.write_blob(data)
        yield Repair("object", f"{_did(transaction, 'wrote', 'write')} {oid[:12]} again from {name}", name)


def _find_blobs(repository: Repository, blobs: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield whatever may be one of the lost blobs, and where it was found, while any is lost."""
    audio = repository.audio
    for oid in audio.oids():
        if not blobs:
            return
        with suppress(BeatFlowError):
            yield f"sound {oid[:12]}", encode_pointer(Pointer(oid, audio.size(oid)))
    for found in repository.worktree.scan():
        if not blobs:
            return
        with suppress(OSError, BeatFlowError):
            # `identify` also knows what the pointer of a sound would be.
            entry = repository.worktree.identify(found.path)
            if entry and entry.oid in blobs:
                path = repository.root / found.path
                yield found.path, _content_of(path, entry.oid)


def _content_of(path: Path, oid: str) -> bytes:
    """Return what git keeps of a file: its bytes, where it points, or the pointer to a sound."""
    if path.is_symlink():
        return os.fsencode(path.readlink())
    data = path.read_bytes()
    if blob_oid(data) == oid:
        return data
    from hashlib import sha256

    return encode_pointer(Pointer(sha256(data).hexdigest(), len(data)))


def _has_object(git: GitStore, oid: str) -> bool:
    try:
        git.check_object(oid)
    except DamagedError:
        return False
    return True


def _repair_ref(repository: Repository, name: str, transaction: Transaction | None) -> Iterator[Repair]:
    """Have a ref that cannot be read name again what its log, or the log of operations, says last."""
    git = repository.git
    with suppress(DamagedError):
        if (git.read_head() if name == "HEAD" else git.read_ref(name)) is not None:
            return
    if name != "HEAD" and git.read_target(name):
        # It names a commit that is not here: to name an older one would be to drop work without saying so.
        return
    target, source = _find_target(repository, name)
    if target is None:
        return
    if transaction:
        path = repository.directory / name
        refuge = repository.directory / QUARANTINE
        refuge.mkdir(exist_ok=True)
        kept = free_name(refuge, name.replace("/", "_"))
        if name == "HEAD":
            # Without a HEAD even for a moment this would be no repository; libgit2 writes none over a damaged one.
            shutil.copyfile(path, kept)
            write_atomic(path, f"ref: {target}\n".encode())
        else:
            if path.exists():
                path.replace(kept)
            git.write_ref(name, target)
    word = _did(transaction, "restored", "restore")
    yield Repair(
        "ref", f"{word} {name} to {target if name == 'HEAD' else target[:12]}, from {source}", source
    )


def _find_target(repository: Repository, name: str) -> tuple[str | None, str]:
    """Return what a ref named last, as far as that is clear, and what says so."""
    git = repository.git
    if name == OPERATIONS:
        tips = find_last_operations(git)
        return (tips[0] if len(tips) == 1 else None), "the operations that are stored"
    if name == "HEAD":
        return _find_branch(repository), "the log of operations"
    for oid in git.read_reflog(name)[:1]:
        if _is_commit(git, oid):
            return oid, "its log"
    with suppress(DamagedError):
        for operation in iter_operations(git):
            if name in operation.refs:
                after = operation.refs[name].after
                return (after if after and _is_commit(git, after) else None), "the log of operations"
    return None, ""


def _find_branch(repository: Repository) -> str | None:
    """Return the branch that HEAD named last: where the newest commit or switch went, or the only one there is."""
    git = repository.git
    with suppress(DamagedError):
        for operation in iter_operations(git):
            if operation.head and operation.head.after:
                return operation.head.after if operation.head.after.startswith(BRANCHES) else None
            moved = [name for name in operation.refs if name.startswith(BRANCHES)]
            if operation.kind == "commit" and len(moved) == 1:
                return moved[0]
    branches = [name for name in git.list_refs() if name.startswith(BRANCHES)]
    return branches[0] if len(branches) == 1 else None


def find_last_operations(git: GitStore) -> list[str]:
    """Return the operations that no other one follows; more than one when a writer died at the wrong moment."""
    found: dict[str, str | None] = {}
    for oid in git.iter_commits():
        with suppress(DamagedError):
            if git.find_entry(git.read_commit(oid).tree, "op.json"):
                found[oid] = read_operation(git, oid).previous
    return sorted(found.keys() - set(found.values()))


def _is_commit(git: GitStore, oid: str) -> bool:
    try:
        git.read_commit(oid)
    except DamagedError:
        return False
    return True


def _did(transaction: Transaction | None, done: str, plan: str) -> str:
    return done if transaction else f"would {plan}"


def advise(problem: Problem, repairs: Sequence[Repair] | None = None, dry_run: bool = False) -> str | None:
    """Return what can be done about a problem; None where nothing can be told.

    Parameters
    ----------
    problem : Problem
    repairs : sequence of Repair, optional
        What was done, with a problem that is still there, or what would be; None where nothing was tried.
    dry_run : bool
        Whether it would be.
    """
    found = {repair.kind for repair in repairs or ()}
    if dry_run and "missing" not in found and _MENDED_BY.get(problem.kind) in found:
        return None
    if problem.kind == "sound" and repairs is None:
        return (
            "bf check --repair brings back what the folder still has; add --from DIR for a backup or bounces"
        )
    if problem.kind == "sound":
        return "bf check --repair --from DIR takes it from a track or a folder that has the sound"
    if problem.kind == "pack" and repairs is None:
        return "bf check --repair writes anew what is whole of a damaged pack, and keeps the pack itself"
    if problem.kind == "remote":
        return "bf push --verify sends it there once more"
    if problem.kind in ("commit", "tree", "blob") or (problem.kind == "ref" and problem.oid):
        return "bf check --repair --from TRACK takes it from a track that has it"
    if problem.kind == "ref" and problem.ref == "HEAD":
        return "write 'ref: refs/heads/NAME' into .beatflow/HEAD, with the branch that you were on"
    if problem.kind == "ref":
        return f"write the id of the commit that it should name into .beatflow/{problem.ref}"
    return None
