"""Finding what is missing or damaged and whom it hurts, and collecting what nothing reaches."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from beatflow.care.verification import Verification
from beatflow.errors import DamagedError, NotFoundError
from beatflow.lock import wait_while_held
from beatflow.objects.checking import Checkup, LostRange
from beatflow.objects.collection import Collected
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import TREE, Commit, Entry
from beatflow.objects.layout import Layout
from beatflow.objects.operation import OPERATIONS, iter_operations, read_operation
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.revision.revision import list_commits
from beatflow.sharing.partial.selection import read_selection
from beatflow.transaction import BAD_JOURNAL, JOURNAL, Transaction
from beatflow.worktree import read_pointer

_TRIES = 5

OURS = "refs/beatflow/"
"""Below this are refs of BeatFlow's own: operations, not the musician's commits."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing or damaged, and whom it hurts.

    Attributes
    ----------
    kind : str
        ``sound``, ``pack``, ``commit``, ``tree``, ``blob``, ``ref``, ``operation`` or ``journal``.
    message : str
    oid : str or None
        The sound's oid, or git's id of the object.
    commits, paths : tuple of str
        Every commit that has it, oldest first, and its paths there.
    undo : bool
        No commit of a branch or tag has it, only what ``bf undo`` goes back to.
    pack, offset : str, int or None
        Where it lies in the audio store.
    ranges : tuple of LostRange
        What is lost of a sound; empty where that is all of it.
    ref : str or None
        The ref that it is about.
    """

    kind: str
    message: str
    oid: str | None = None
    commits: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    undo: bool = False
    pack: str | None = None
    offset: int | None = None
    ranges: tuple[LostRange, ...] = ()
    ref: str | None = None


@dataclass
class Findings:
    """What an examination found, and what there is to mend.

    Attributes
    ----------
    problems : list of Problem
    packs : set of str
        Names of damaged packs.
    chunks : dict
        Id of each lost chunk to how its bytes are read.
    manifests, sounds : set of str
        Sounds of which nothing can be told any more, and those of which only parts are lost.
    objects : dict
        Git's id of each object that is missing or damaged, to whether it is a ``commit``, ``tree`` or ``blob``.
    refs : list of str
        Refs that cannot be read, ``HEAD`` included.
    elsewhere : dict
        Of a partial clone, the oid of each sound that is not here, which is no problem, to its bytes.
    """

    problems: list[Problem] = field(default_factory=list)
    packs: set[str] = field(default_factory=set)
    chunks: dict[bytes, Layout | None] = field(default_factory=dict)
    manifests: set[str] = field(default_factory=set)
    sounds: set[str] = field(default_factory=set)
    objects: dict[str, str] = field(default_factory=dict)
    refs: list[str] = field(default_factory=list)
    elsewhere: dict[str, int] = field(default_factory=dict)


Ask = Callable[[Sequence[Pointer]], Container[str]]
"""Returns the oids of those sounds that a remote does not have."""


def examine(
    repository: Repository,
    commits: Sequence[str] = (),
    data: bool = False,
    verification: Verification | None = None,
    progress: Progress = lambda fraction, what: None,
    ask: Ask | None = None,
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
    ask : callable, optional
        Asks a remote for what a partial clone has left there; otherwise that is taken to be there.
    """
    findings = Findings()
    progress(0.0, "history")
    survey = _Survey(repository.git, data)
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
    if ask and findings.elsewhere:
        progress(0.99, "the remote")
        lost = ask([Pointer(oid, size) for oid, size in sorted(findings.elsewhere.items())])
        text = "is neither here nor at the remote"
        findings.problems += [Problem("sound", text, oid) for oid in findings.elsewhere if oid in lost]
    _tell_whom(repository, survey, commits, findings)
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
    survey = _Survey(repository.git, data=False, strict=True)
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


class _Survey:
    """A walk over git's objects that goes on where something is damaged, unless it is strict.

    Attributes
    ----------
    pointers : dict
        Git's id of each pointer met, to the sound that it stands for.
    sizes : dict
        Oid of each sound met to its bytes.
    size : int
        Of all of them.
    broken : dict
        Git's id of each object that is missing or damaged, to its kind and what is wrong.
    """

    def __init__(self, git: GitStore, data: bool, strict: bool = False) -> None:
        self._git = git
        self._data = data
        self._strict = strict
        self.pointers: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.size = 0
        self.broken: dict[str, tuple[str, str]] = {}

    def walk(self, starts: Iterable[str], follow: bool) -> None:
        """Look at commits and all that they lead to; with `follow` also at their ancestors."""
        seen: set[str] = set()
        waiting = [Entry(0, oid) for oid in starts]
        while waiting:
            entry = waiting.pop()
            if entry.oid in seen:
                continue
            seen.add(entry.oid)
            try:
                waiting += self._look_at(entry, follow)
            except DamagedError as error:
                if self._strict:
                    raise
                kind = {0: "commit", TREE: "tree"}.get(entry.mode, "blob")
                self.broken[entry.oid] = kind, error.message

    def _look_at(self, entry: Entry, follow: bool) -> list[Entry]:
        git = self._git
        if self._data:
            git.check_object(entry.oid)
        if entry.mode == 0:
            found = git.read_commit(entry.oid)
            return [Entry(TREE, found.tree), *(Entry(0, oid) for oid in found.parents if follow)]
        if entry.mode == TREE:
            return [child for _, child in git.iter_folder(entry.oid)]
        if pointer := read_pointer(git, entry):
            self.pointers[entry.oid] = pointer.oid
            self.sizes[pointer.oid] = pointer.size
            self.size += pointer.size
        return []


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
            text = f"{error.message}; bf undo and bf op log stop there"
            findings.problems.append(Problem("operation", text, oid))


# Sound ---------------------------------------------------------------------------------------------------


def _find_elsewhere(repository: Repository, survey: _Survey, findings: Findings) -> None:
    """Note what a partial clone has left at its remote."""
    if not read_selection(repository.directory).is_whole:
        audio = repository.audio
        findings.elsewhere = {oid: size for oid, size in survey.sizes.items() if oid not in audio}


def _check_audio(
    repository: Repository,
    survey: _Survey,
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
        findings.problems.append(Problem("sound", problem.message, problem.oid, ranges=problem.ranges))
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


# Whom it hurts -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Uses:
    """The commits that have something, oldest first, and its paths there."""

    commits: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    undo: bool = False


def _tell_whom(repository: Repository, survey: _Survey, commits: Sequence[str], findings: Findings) -> None:
    """Add to each problem the commits and paths that it hurts."""
    hurt = {problem.oid for problem in findings.problems if problem.oid}
    names = {blob: oid for blob, oid in survey.pointers.items() if oid in hurt}
    names |= {oid: oid for oid in findings.objects}
    if not names:
        return
    git = repository.git
    if commits:
        scopes = [list(commits)]
    else:
        tips: dict[bool, list[str]] = {False: [], True: []}
        for name in (*git.list_refs(), "HEAD"):
            with suppress(DamagedError):
                if oid := repository.head if name == "HEAD" else git.read_ref(name):
                    tips[name.startswith(OURS)].append(oid)
        scopes = [tips[False], tips[True]]
    uses: dict[str, _Uses] = {}
    seen: set[str] = set()
    places = _Places(git, names)
    for number, starts in enumerate(scopes):
        found = sorted(
            _iter_readable(git, starts, seen, follow=not commits), key=lambda commit: commit.time_s
        )
        for commit in found:
            for path, name in places.find(commit.tree):
                use = uses.setdefault(name, _Uses(undo=bool(number)))
                if use.undo == bool(number):
                    use.paths.add(path.removeprefix("before/").removeprefix("after/") if number else path)
                    if commit.oid not in use.commits[-1:]:
                        use.commits.append(commit.oid)
    for at, problem in enumerate(findings.problems):
        if problem.oid in uses:
            use = uses[problem.oid]
            findings.problems[at] = replace(
                problem, commits=tuple(use.commits), paths=tuple(sorted(use.paths)), undo=use.undo
            )
        elif problem.kind == "commit" and problem.oid:
            findings.problems[at] = replace(problem, commits=(problem.oid,))


def _iter_readable(git: GitStore, starts: Iterable[str], seen: set[str], follow: bool) -> Iterator[Commit]:
    """Yield commits and their ancestors, parents before children, passing over what cannot be read."""
    waiting = list(starts)
    found = []
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        try:
            commit = git.read_commit(oid)
        except DamagedError:
            continue
        found.append(commit)
        waiting += commit.parents if follow else ()
    return iter(reversed(found))


class _Places:
    """Where in trees given objects stand; each tree is looked into once.

    Parameters
    ----------
    names : dict
        Git's id of what is looked for, to the name under which it is reported.
    """

    def __init__(self, git: GitStore, names: dict[str, str]) -> None:
        self._git = git
        self._names = names
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def find(self, tree: str) -> tuple[tuple[str, str], ...]:
        """Return path and name of each thing in a tree that is looked for."""
        if tree in self._names:
            return (("", self._names[tree]),)
        stack = [tree]
        while stack:
            oid = stack[-1]
            rows = self._rows(oid)
            below = [
                entry.oid
                for _, entry in rows
                if entry.mode == TREE and entry.oid not in self._known and entry.oid not in self._names
            ]
            if oid in self._known or not below:
                self._known.setdefault(oid, tuple(self._collect(rows)))
                stack.pop()
            else:
                stack += below
        return self._known[tree]

    def _rows(self, oid: str) -> list[tuple[str, Entry]]:
        try:
            return list(self._git.iter_folder(oid))
        except DamagedError:
            return []

    def _collect(self, rows: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, str]]:
        for name, entry in rows:
            if entry.oid in self._names:
                yield name, self._names[entry.oid]
            elif entry.mode == TREE:
                yield from ((f"{name}/{path}", found) for path, found in self._known[entry.oid])
