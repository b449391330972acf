"""Pulling weights: what must be fetched, whether there is room for it, fetching it, and proving that it came whole.

Into the hub's own cache, or into a folder per model where the user has one. What is complete is not fetched again and
costs no request; what was interrupted goes on where it stopped.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from beatflow.ai.engine import Setup
from beatflow.ai.weights.catalogue import Model, get_model
from beatflow.ai.weights.hub import Offer, Repository, fetch_file, locked, place_in_cache, read_repository
from beatflow.ai.weights.record import (
    FileRecord,
    compute_digest,
    read_record,
    record_path,
    told_digest,
    write_record,
)
from beatflow.ai.weights.shelf import (
    count_bytes,
    find_weights,
    hub_cache,
    matching,
    repository_folder,
    weight_files,
)
from beatflow.errors import BeatFlowError, DamagedError, EngineError

MARGIN_BYTES = 50_000_000
"""Left free on the disk."""

Told = Callable[[int, int, str], None]
"""Called with bytes that have come, bytes to come in all, and the file."""


def tell_nobody(done: int, total: int, name: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What pulling a model means.

    Parameters
    ----------
    model : Model
    folder : Path
        Where the files lie, or will.
    repository : Repository or None
        As it is on the hub; None where it was not asked, because everything is here.
    wanted : tuple of Offer
        The files of the model.
    missing : tuple of Offer
        Those of them that are not here.
    partial_bytes : int
        Of the missing ones, what an interrupted pull has left.
    repair : bool
        What is here is believed only once it was read.
    source : Path or None
        A folder in the hub's cache that has all of it, to be copied to the folder of the user's.
    """

    model: Model
    folder: Path
    repository: Repository | None = None
    wanted: tuple[Offer, ...] = ()
    missing: tuple[Offer, ...] = ()
    partial_bytes: int = 0
    repair: bool = False
    source: Path | None = None

    @property
    def fetch_bytes(self) -> int:
        """What must still come."""
        if self.source:
            return count_bytes(self.source)
        return sum(offer.size for offer in self.missing) - self.partial_bytes


def plan_pull(name: str, setup: Setup, repair: bool = False) -> Plan:
    """Find out what must be fetched; asks the hub unless everything is here.

    Parameters
    ----------
    repair : bool
        Read what is here, and fetch anew what does not match its digest.

    Raises
    ------
    EngineError
        There is no such model, the hub cannot be asked, or must not be.
    """
    model = get_model(name)
    found = find_weights(model.name, setup)
    if found and not repair:
        if setup.models and not found.is_relative_to(setup.models):
            return Plan(model, setup.models / model.name, source=found)
        return Plan(model, found)
    if setup.offline:
        raise EngineError(
            f"offline, and the weights of {model.name} are not {'checked' if found else 'here'}",
            hint="leave out --offline (BF_OFFLINE, HF_HUB_OFFLINE), or copy them as docs/models.md tells",
        )
    # What is mended stays at its revision.
    repository = read_repository(model.repository, _revision(found) if found else None)
    folder = _goal(model, setup, found, repository)
    plan = Plan(model, folder, repository, _choose(model, setup.runtime, repository), repair=repair)
    wanted = plan.wanted
    missing = tuple(offer for offer in wanted if not _is_here(plan, offer, repair))
    partial = sum(min(_size(_partial(plan, offer)), offer.size) for offer in missing)
    return replace(plan, missing=missing, partial_bytes=partial)


def pull(plan: Plan, told: Told = tell_nobody) -> Path:
    """Fetch what a plan lacks, and prove each file by its digest before it counts.

    Raises
    ------
    BeatFlowError
        There is no room for it.
    DamagedError
        What came is not what the hub says it is.
    EngineError
        The hub cannot be reached. What has come is kept.
    """
    repository = plan.repository
    if repository is None and plan.source is None:
        return plan.folder
    check_room(plan)
    if plan.source:
        return _copy(plan, plan.source, told)
    assert repository is not None
    total, done = plan.fetch_bytes, 0
    for offer in plan.missing:

        def advance(count: int, name: str = offer.name) -> None:
            nonlocal done
            done += count
            told(done, total, name)

        advance(0)
        with locked(_lock(plan, offer)):
            # Somebody else may have fetched it while we waited.
            if not _is_here(plan, offer, plan.repair):
                _fetch(plan, repository, offer, advance)
    for offer in plan.wanted:
        if not _in_own_folder(plan):
            place_in_cache(repository, offer, plan.folder.parents[2], pinned=plan.repair)
    _remember(plan, repository)
    if _in_own_folder(plan):
        with locked(_lock(plan, plan.wanted[0])), suppress(OSError):
            (plan.folder / ".incomplete").rmdir()
    return plan.folder


def _copy(plan: Plan, source: Path, told: Told) -> Path:
    """Copy from the hub's cache, with what is known of the files."""
    record = read_record(source)
    plan.folder.mkdir(parents=True, exist_ok=True)
    total, done = plan.fetch_bytes, 0
    for path in weight_files(source):
        told(done, total, path.name)
        entry = told_digest(path, record.files.setdefault(path.name, FileRecord()))
        entry.size = path.stat().st_size
        partial = plan.folder / f".{path.name}.incomplete"
        try:
            shutil.copy2(path, partial)
            partial.replace(plan.folder / path.name)
        finally:
            partial.unlink(missing_ok=True)
        done += entry.size
    told(done, total, "")
    write_record(plan.folder, record)
    return plan.folder


def check_room(plan: Plan) -> None:
    """Refuse to begin what cannot be finished.

    Raises
    ------
    BeatFlowError
        The disk has not enough room.
    """
    existing = next(folder for folder in (plan.folder, *plan.folder.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if plan.fetch_bytes and plan.fetch_bytes + MARGIN_BYTES > free:
        raise BeatFlowError(
            f"{plan.model.name} needs {plan.fetch_bytes / 1e9:.2f} GB more, and {existing} has "
            f"{free / 1e9:.2f} GB free",
            hint=f"free some space, or put it elsewhere: BF_MODELS=DIR bf models pull {plan.model.name}",
        )


def _revision(found: Path) -> str | None:
    return found.name if found.parent.name == "snapshots" else read_record(found).revision


def _goal(model: Model, setup: Setup, found: Path | None, repository: Repository) -> Path:
    """The folder that a model is put into."""
    if found and found.parent.name != "snapshots":
        return found
    if not found and setup.models:
        return setup.models / model.name
    cache = found.parents[2] if found else hub_cache()
    assert cache is not None  # its client has just answered
    return repository_folder(cache, model.repository) / "snapshots" / repository.revision


def _choose(model: Model, runtime: str, repository: Repository) -> tuple[Offer, ...]:
    """The files that a runtime needs, of those that there are.

    Raises
    ------
    EngineError
        One is not there.
    """
    offers = {offer.name: offer for offer in repository.files if "/" not in offer.name}
    names = set(offers)
    chosen: dict[str, Offer] = {}
    for pattern in model.files_for(runtime):
        found = matching(names, pattern)
        if not found:
            raise EngineError(f"{model.repository} on the hub has no {pattern}", hint="bf models list")
        chosen |= {name: offers[name] for name in found}
    for name in sorted(names):
        if name not in chosen and any(fnmatchcase(name, pattern) for pattern in model.extras):
            chosen[name] = offers[name]
    # The small ones first: whatever is wrong shows before the hours.
    return tuple(sorted(chosen.values(), key=lambda offer: (offer.size, offer.name)))


def _fetch(plan: Plan, repository: Repository, offer: Offer, advance: Callable[[int], None]) -> None:
    partial, place = _partial(plan, offer), _place(plan, offer)
    if _size(partial) > offer.size:
        partial.unlink()
    fetch_file(repository, offer, partial, advance)
    digests = compute_digest(partial)
    if not _matches(offer, digests):
        partial.unlink()
        expected, got = (offer.sha256, digests[0]) if offer.sha256 else (offer.git, digests[1])
        raise DamagedError(
            f"{offer.name} of {plan.model.name} came with digest {got[:12]}…, the hub says {str(expected)[:12]}…",
            hint=f"bf models pull {plan.model.name} fetches it again",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(place)
    _note(plan, offer, place, digests[0])


def _note(plan: Plan, offer: Offer, place: Path, sha256: str) -> None:
    """Remember what was computed, so that it need not be computed again; a link and its blob have the same times."""
    if record_path(plan.folder).parent.is_dir():
        record = read_record(plan.folder)
        stat = place.stat()
        record.files[offer.name] = FileRecord(
            offer.size, offer.sha256, offer.git, sha256, stat.st_size, stat.st_mtime_ns
        )
        write_record(plan.folder, record)


def _remember(plan: Plan, repository: Repository) -> None:
    record = read_record(plan.folder)
    record.repository, record.revision = repository.name, repository.revision
    for offer in plan.wanted:
        entry = record.files.setdefault(offer.name, FileRecord())
        entry.size, entry.sha256, entry.git = offer.size, offer.sha256, offer.git
    write_record(plan.folder, record)


def _is_here(plan: Plan, offer: Offer, read: bool) -> bool:
    """Whether a file is here whole: by its place in the cache, elsewhere by its digest."""
    place = _place(plan, offer)
    if _size(place) != offer.size or not place.is_file():
        return False
    if not read:
        if not _in_own_folder(plan):
            return True
        entry = read_record(plan.folder).files.get(offer.name)
        if entry and _is_known(entry, offer, place):
            return True
    digests = compute_digest(place)
    if _matches(offer, digests):
        _note(plan, offer, place, digests[0])
        return True
    return False


def _is_known(entry: FileRecord, offer: Offer, place: Path) -> bool:
    """Whether a file was read since it was changed last, and was what is offered."""
    stat = place.stat()
    seen = (entry.seen_size, entry.seen_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    return seen and (entry.seen_sha256 == offer.sha256 if offer.sha256 else entry.git == offer.git)


def _matches(offer: Offer, digests: tuple[str, str]) -> bool:
    return digests[0] == offer.sha256 if offer.sha256 else digests[1] == offer.git


def _in_own_folder(plan: Plan) -> bool:
    return plan.folder.parent.name != "snapshots"


def _place(plan: Plan, offer: Offer) -> Path:
    """Where the bytes of a file lie in the end."""
    if _in_own_folder(plan):
        return plan.folder / offer.name
    return plan.folder.parent.parent / "blobs" / offer.etag


def _partial(plan: Plan, offer: Offer) -> Path:
    """Where they grow; named by the digest, so that it is always the same file that grows."""
    if _in_own_folder(plan):
        return plan.folder / ".incomplete" / f"{offer.etag}.incomplete"
    return _place(plan, offer).with_name(f"{offer.etag}.incomplete")


def _lock(plan: Plan, offer: Offer) -> Path:
    """Beside the folder of the model, as the hub's cache has it: what is in the folder comes and goes."""
    if _in_own_folder(plan):
        return plan.folder.parent / ".locks" / f"{plan.model.name}.lock"
    repository = plan.folder.parent.parent
    return repository.parent / ".locks" / repository.name / f"{offer.etag}.lock"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
