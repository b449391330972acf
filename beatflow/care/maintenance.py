"""Finding what is missing or damaged and whom it hurts, and collecting what nothing reaches."""

from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from beatflow.care.harm import tell_whom
from beatflow.care.problem import Findings, Problem
from beatflow.care.survey import Survey
from beatflow.care.verification import Verification
from beatflow.errors import DamagedError, NotFoundError
from beatflow.lock import wait_while_held
from beatflow.objects.checking import Checkup
from beatflow.objects.collection import Collected
from beatflow.objects.git.store import GitStore
from beatflow.objects.operation import OPERATIONS, iter_operations, read_operation
from beatflow.objects.pointer import Pointer
from beatflow.repository import REMOTES, Repository
from beatflow.revision.revision import list_commits
from beatflow.sharing.partial.selection import read_selection
from beatflow.transaction import BAD_JOURNAL, JOURNAL, Transaction

_TRIES = 5

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A remote that is asked for its sounds.

    Parameters
    ----------
    remote : str
        Its name here.
    find_missing : callable
        Returns the oids of those sounds that it does not have.
    """

    remote: str
    find_missing: Callable[[Sequence[Pointer]], Container[str]]


def examine(
    repository: Repository,
    commits: Sequence[str] = (),
    data: bool = False,
    verification: Verification | None = None,
    progress: Progress = lambda fraction, what: None,
    inquiry: Inquiry | None = None,
) -> Findings:
    """Return what is wrong with a repository; nothing is changed.

    Parameters
    ----------
    commits : sequence of str
        Look at the files of these alone, and at everything stored of them; empty for all of the repository.
    data : bool
        Decode all sound and compare every checksum. Of everything, each stored chunk is decoded once; of single
        commits, each file is put together and compared with its oid.
    verification : Verification, optional
        Packs whose data was read already.
    progress : callable
        Called with the fraction done and what is being checked.
    inquiry : Inquiry, optional
        Ask a remote for what was pushed there, and for what a partial clone has left elsewhere; otherwise that is
        taken to be there.
    """
    findings = Findings()
    progress(0.0, "history")
    survey = Survey(repository.git, data)
    if commits:
        survey.walk(commits, follow=False)
    else:
        _check_state(repository, findings)
        survey.walk(_read_starts(repository, findings), follow=True)
        _check_operations(repository, findings)
    findings.objects = {oid: kind for oid, (kind, _) in survey.broken.items()}
    findings.problems += [Problem(kind, text, oid) for oid, (kind, text) in survey.broken.items()]
    progress(0.1, "audio store")
    _find_elsewhere(repository, survey, findings)
    _check_audio(repository, survey, commits, data, verification, progress, findings)
    if inquiry:
        progress(0.99, "the remote")
        _ask_remote(repository, survey, inquiry, findings)
    tell_whom(repository, survey, commits, findings)
    progress(1.0, "done")
    return findings


def examine_at_rest(examine_now: Callable[[], Findings], repository: Repository) -> Findings:
    """Examine again where somebody changed the repository meanwhile: what was being written looks like damage.

    Parameters
    ----------
    examine_now : callable
        Examines, all opened anew.
    repository : Repository
    """
    for _ in range(_TRIES - 1):
        before = _look_at_writers(repository)
        try:
            findings = examine_now()
        except FileNotFoundError:
            continue
        # All of it may also have happened while one writer was at one of its steps.
        held = findings.problems and wait_while_held(repository.directory / "lock")
        if not findings.problems or (not held and _look_at_writers(repository) == before):
            return findings
    return examine_now()


def _look_at_writers(repository: Repository) -> tuple[object, ...]:
    """Return what changes whenever somebody writes, down to the lock's text while they do."""
    found: list[object] = []
    with suppress(OSError):
        found.append(sorted(path.name for path in (repository.audio.path / "packs").iterdir()))
    for file in (
        repository.directory / "lock",
        repository.state / JOURNAL,
        repository.directory / OPERATIONS,
    ):
        with suppress(OSError):
            found.append((file.name, file.read_bytes()))
    return tuple(found)


def get_commits(repository: Repository, revisions: Iterable[str]) -> list[str]:
    """Return the commits that revisions name, each once; of a range ``A..B`` or a set all that are in it."""
    return list(dict.fromkeys(oid for text in revisions for oid in list_commits(repository, text)))


def collect(repository: Repository, dry_run: bool = False) -> Collected:
    """Drop the sound that no ref and no operation reaches, and what dead writers left behind."""
    with Transaction(repository, "gc", "collect garbage"):
        reached = set(find_reached(repository).values())
        collected = repository.audio.collect(reached, dry_run=dry_run)
        if not dry_run:
            forget_provenance(repository, reached)
    return collected


def find_reached(repository: Repository) -> dict[str, str]:
    """Return git's id of each pointer that a ref or an operation reaches, to the sound that it stands for."""
    survey = Survey(repository.git, data=False, strict=True)
    survey.walk(find_starts(repository), follow=True)
    return survey.pointers


def forget_provenance(repository: Repository, reached: Container[str]) -> None:
    """Remove the provenance records that wait for sounds which nothing reaches."""
    for path in (repository.state / "provenance").glob("*.json"):
        if path.stem not in reached:
            path.unlink(missing_ok=True)


def find_starts(repository: Repository) -> list[str]:
    """Return the commits from which everything is reached; a ref that cannot be read is an error, not a gap."""
    found = [repository.git.read_ref(name) for name in repository.git.list_refs()]
    return [oid for oid in (*found, repository.head) if oid]


# History -------------------------------------------------------------------------------------------------


def _read_starts(repository: Repository, findings: Findings) -> list[str]:
    """Return the commits that refs and HEAD name; note the refs that cannot be read."""
    git = repository.git
    starts = []
    for name in git.list_refs():
        try:
            starts.append(git.read_ref(name))
        except DamagedError as error:
            findings.refs.append(name)
            findings.problems.append(Problem("ref", error.message, git.read_target(name), ref=name))
    try:
        head = git.read_head()
        if not head.startswith("refs/"):
            git.read_commit(head)
            starts.append(head)
        elif head not in findings.refs and git.read_ref(head) is None and _was_there(git, head):
            findings.refs.append(head)
            text = f"{head}, the branch that HEAD names, is gone, though bf op log knows it"
            findings.problems.append(Problem("ref", text, ref=head))
    except DamagedError as error:
        findings.refs.append("HEAD")
        findings.problems.append(Problem("ref", error.message, ref="HEAD"))
    return [oid for oid in starts if oid]


def _was_there(git: GitStore, ref: str) -> bool:
    """Say whether the log of operations, as far as it can be read, ends with a ref being there."""
    with suppress(DamagedError):
        for operation in iter_operations(git):
            if ref in operation.refs:
                return operation.refs[ref].after is not None
    return False


def _check_state(repository: Repository, findings: Findings) -> None:
    if (repository.state / JOURNAL).exists():
        text = "a change was interrupted; the next command that writes finishes it"
        findings.problems.append(Problem("journal", text))
    if (repository.state / BAD_JOURNAL).exists():
        text = f"an interrupted change could not be finished; remove {repository.state / BAD_JOURNAL} to forget it"
        findings.problems.append(Problem("journal", text))


def _check_operations(repository: Repository, findings: Findings) -> None:
    """Read the log of operations from the newest on, as far as it can be followed."""
    git = repository.git
    try:
        oid = git.read_ref(OPERATIONS)
        while oid:
            oid = read_operation(git, oid).previous
    except DamagedError as error:
        if OPERATIONS not in findings.refs:
            text = f"bf undo and bf op log stop at this: {error.message}"
            findings.problems.append(Problem("operation", text, oid))


# Sound ---------------------------------------------------------------------------------------------------


def _find_elsewhere(repository: Repository, survey: Survey, findings: Findings) -> None:
    """Note what a partial clone has left at its remote."""
    if not read_selection(repository.directory).is_whole:
        audio = repository.audio
        findings.elsewhere = {oid: size for oid, size in survey.sizes.items() if oid not in audio}


def _ask_remote(repository: Repository, survey: Survey, inquiry: Inquiry, findings: Findings) -> None:
    """Note what a remote does not have of what its branches, as far as they are known here, name."""
    tips = repository.git.read_refs(f"{REMOTES}{inquiry.remote}/").values()
    pushed = Survey(repository.git, data=False)
    pushed.walk(tips, follow=True)
    sizes = {oid: size for oid, size in pushed.sizes.items() if oid in survey.sizes} | findings.elsewhere
    lost = inquiry.find_missing([Pointer(oid, size) for oid, size in sorted(sizes.items())])
    for oid in sizes:
        if oid in lost and oid in findings.elsewhere:
            findings.problems.append(Problem("sound", f"is neither here nor at {inquiry.remote}", oid))
        elif oid in lost:
            findings.problems.append(Problem("remote", f"missing or damaged at {inquiry.remote}", oid))


def _check_audio(
    repository: Repository,
    survey: Survey,
    commits: Sequence[str],
    data: bool,
    verification: Verification | None,
    progress: Progress,
    findings: Findings,
) -> None:
    audio = repository.audio
    wanted = sorted(set(survey.pointers.values()) - findings.elsewhere.keys())
    total = survey.size if commits else 2 * audio.usage().stored_bytes
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(min(1.0, 0.1 + 0.9 * done / max(total, 1)), "audio store")

    checkup = audio.checkup(advance)
    if commits:
        found = checkup.read_files(wanted, data)
    else:
        findings.problems += [
            Problem("pack", problem.message, pack=problem.pack, offset=problem.offset)
            for problem in checkup.check_packs(data, verification)
        ]
        # Files that nothing reaches are looked at too: whoever undoes by hand may want them.
        found = checkup.check_files(sorted({*wanted, *audio.oids()}))
    for problem in found:
        findings.problems.append(
            Problem("sound", problem.message, problem.oid, ranges=problem.ranges, cause=problem.cause)
        )
        if problem.oid:
            _note_lost(repository, checkup, problem.oid, findings)
    findings.packs = checkup.damaged


def _note_lost(repository: Repository, checkup: Checkup, oid: str, findings: Findings) -> None:
    """Note what would have to come back for a sound to be whole."""
    try:
        manifest = repository.audio.manifest(oid)
    except (DamagedError, NotFoundError):
        findings.manifests.add(oid)
        return
    lost = checkup.lost_of(manifest)
    if not lost:
        findings.manifests.add(oid)
        return
    findings.sounds.add(oid)
    for region in manifest.regions:
        for ref in region.chunks:
            if ref.id in lost:
                findings.chunks[ref.id] = region.layout
                for source in checkup.lost_sources(ref.id):
                    findings.chunks.setdefault(source, region.layout)
