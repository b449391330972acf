"""Brings what a partial clone has left elsewhere: when it is first needed, or because somebody asks for it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from beatflow.errors import (
    AbsentError,
    BeatFlowError,
    DamagedError,
    EngineError,
    LockedError,
    NotFoundError,
    UsageError,
)
from beatflow.history import find_branch_tips
from beatflow.objects.git.value import Entry
from beatflow.objects.pointer import Pointer, read_pointer
from beatflow.repository import Repository
from beatflow.sharing.configured import Configured, list_remotes
from beatflow.sharing.partial.mentions import Mentions
from beatflow.sharing.partial.selection import Selection, read_selection, write_selection
from beatflow.sharing.remote import Remote
from beatflow.sharing.watch import Watch
from beatflow.track import TRACK_FILE, parse_track
from beatflow.transaction import Transaction

Open = Callable[[Configured], Remote]


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A sound that history mentions, and a path at which it does."""

    path: str
    pointer: Pointer


class _LacksError(NotFoundError):
    """A remote that answers, and has none of the sounds."""


class Elsewhere:
    """Where the rest of a partial clone is: each remote is opened when it is first asked.

    One that cannot be reached is not asked again, so that a command which needs a hundred sounds does not wait a
    hundred times for nobody.

    Parameters
    ----------
    open_remote : callable
        Opens a remote that the track knows by name.
    """

    def __init__(self, open_remote: Open) -> None:
        self._open = open_remote
        self._remotes: dict[str, Remote] = {}
        self._failures: dict[str, BeatFlowError] = {}

    def get(self, configured: Configured) -> Remote:
        """Return a remote; one that failed before raises why, anew."""
        name = configured.name
        if name in self._failures:
            raise self._failures[name]
        if name not in self._remotes:
            self._remotes[name] = self._open(configured)
        return self._remotes[name]

    def give_up(self, configured: Configured, error: BeatFlowError) -> None:
        """Remember why a remote is not to be asked again."""
        self._failures[configured.name] = error


def supply(repository: Repository, oids: Sequence[str], elsewhere: Elsewhere, watch: Watch) -> None:
    """Bring sounds that are read and not here; a whole clone brings none.

    Parameters
    ----------
    repository : Repository
        May be in the middle of a transaction.
    oids : sequence of str
    elsewhere : Elsewhere
    watch : Watch

    Raises
    ------
    AbsentError
        Says which sounds are where, and why they cannot be had.
    DamagedError
        What came is not what was asked for.
    """
    selection = read_selection(repository.directory)
    if selection.is_whole:
        return
    found = find_mentioned(repository, oids)
    bring(repository, selection, list(found.values()), elsewhere, watch)


def bring(
    repository: Repository,
    selection: Selection,
    sounds: Sequence[Mentioned],
    elsewhere: Elsewhere,
    watch: Watch,
) -> int:
    """Bring sounds from where a partial clone left them; return how many came. Errors as in `supply`."""
    audio = repository.audio
    lacking = list({sound.pointer.oid: sound for sound in sounds if sound.pointer.oid not in audio}.values())
    count = len(lacking)
    failure: tuple[Configured, BeatFlowError] | None = None
    for configured in _list_remotes(repository, selection) if lacking else ():
        try:
            _bring_from(repository, elsewhere.get(configured), lacking, watch)
        except (EngineError, LockedError):
            raise
        except BeatFlowError as error:
            failure = failure or (configured, error)
            # What lacks or has spoilt one sound may have the next.
            if not isinstance(error, _LacksError | DamagedError):
                elsewhere.give_up(configured, error)
        lacking = [sound for sound in lacking if sound.pointer.oid not in audio]
        if not lacking:
            break
    if lacking and failure and isinstance(failure[1], DamagedError):
        raise failure[1]
    if lacking:
        raise _explain(lacking, failure, selection.remote)
    return count


def _bring_from(repository: Repository, remote: Remote, sounds: Sequence[Mentioned], watch: Watch) -> None:
    """Bring what a remote has of some sounds."""
    pointers = [sound.pointer for sound in sounds]
    what = f"fetching {_name(sounds)}"
    watch.begin(what)
    try:
        transfer = remote.plan_fetch(repository, pointers)
    except NotFoundError as error:
        # If it is not there at all, that says more than that it lacks a sound.
        remote.read_refs()
        missing = remote.find_missing(pointers)
        there = [pointer for pointer in pointers if pointer.oid not in missing]
        if not there:
            raise _LacksError(error.message, error.hint) from error
        transfer = remote.plan_fetch(repository, there)
    watch.begin(what, transfer.bytes)
    transfer.run(watch.advance)


def _list_remotes(repository: Repository, selection: Selection) -> list[Configured]:
    """Return the remotes to ask, the one that the rest was left at first."""
    remotes = list_remotes(repository)
    return sorted(remotes, key=lambda remote: remote.name != selection.remote)


def _explain(
    lacking: Sequence[Mentioned], failure: tuple[Configured, BeatFlowError] | None, name: str
) -> AbsentError:
    """Say which sounds are where and how they can be had."""
    what, verb = _name(lacking), "is" if len(lacking) == 1 else "are"
    if failure is None:
        return AbsentError(
            f"{what} {verb} not here but at {name}, and this track knows no remote of that name",
            hint=f"bf remote add {name} URL",
        )
    configured, error = failure
    return AbsentError(
        f"{what} {verb} not here but at {configured.name} ({configured.url}), "
        f"and cannot be had from there now: {error.message}",
        hint=error.hint or f"when it can be reached: bf fetch {lacking[0].path}",
    )


def find_mentioned(repository: Repository, oids: Iterable[str]) -> dict[str, Mentioned]:
    """Return where history mentions sounds: in the commit at hand if it does, else in the newest that does."""
    git = repository.git
    wanted = set(oids)
    found: dict[str, Mentioned] = {}
    starts = [oid for oid in (repository.head, *find_branch_tips(repository)) if oid]
    # Operations too: undo goes back to what no branch has.
    starts += [oid for name, oid in git.read_refs("refs/beatflow/").items()]
    for _, path, pointer in Mentions(git).iter_new(git.iter_history(dict.fromkeys(starts))):
        if pointer.oid in wanted and pointer.oid not in found:
            path = path.removeprefix("before/").removeprefix("after/")
            found[pointer.oid] = Mentioned(path, pointer)
            if len(found) == len(wanted):
                break
    return found


def fetch_paths(
    repository: Repository,
    paths: Sequence[str],
    elsewhere: Elsewhere,
    watch: Watch,
    dry_run: bool = False,
    want: bool = True,
) -> list[str]:
    """Bring the sounds of files and folders, lay them into the folder, and want them from now on.

    Parameters
    ----------
    paths : sequence of str
        Below the root; ``""`` for all of the folder.
    want : bool
        Whether later fetches and switches bring them as well.

    Returns
    -------
    list of str
        The paths whose files have come, or would.

    Raises
    ------
    NotFoundError
        The commit at hand has nothing at a path.
    AbsentError, DamagedError
        As in `supply`; nothing was changed then, but what had come need not come again.
    """
    git = repository.git
    head = repository.tree_of(repository.head)
    absent = repository.worktree.list_absent()
    chosen: dict[str, Entry] = {}
    for wanted in paths:
        below = {path for path in (*head, *absent) if _is_below(path, wanted)}
        if not below:
            raise NotFoundError(f"no file {wanted!r} in the last commit", hint="bf ls lists them")
        chosen |= {path: absent.get(path) or head[path] for path in sorted(below)}
    pointers = {path: read_pointer(git, entry) for path, entry in chosen.items() if git.has(entry.oid)}
    sounds = [Mentioned(path, pointer) for path, pointer in pointers.items() if pointer]
    coming = {path: entry for path, entry in chosen.items() if path in absent}
    lacking = [sound.path for sound in sounds if sound.pointer.oid not in repository.audio]
    if dry_run:
        return sorted({*coming, *lacking})
    selection = read_selection(repository.directory)
    # The network first, without the lock.
    bring(repository, selection, sounds, elsewhere, watch)
    with Transaction(repository, "fetch", ", ".join(paths) or ".") as transaction:
        if want and not selection.wants_all_paths:
            write_selection(repository.directory, selection.with_paths(tuple(paths)))
        still = repository.worktree.list_absent()
        transaction.put_entries(
            {path: entry for path, entry in coming.items() if still.get(path) == entry}, fetch=True
        )
        transaction.publish()
    return sorted({*coming, *lacking})


def fetch_rest(repository: Repository, elsewhere: Elsewhere, watch: Watch, dry_run: bool = False) -> int:
    """Make a partial clone whole: bring every sound that branches and tags mention; return how many lacked.

    Errors as in `supply`.
    """
    selection = read_selection(repository.directory)
    lacking = list_elsewhere(repository)
    if dry_run or selection.is_whole:
        return 0 if selection.is_whole else len(lacking)
    bring(repository, selection, lacking, elsewhere, watch)
    with Transaction(repository, "fetch", "the rest") as transaction:
        write_selection(repository.directory, Selection(remote=selection.remote))
        transaction.put_entries(repository.worktree.list_absent(), fetch=True)
        transaction.publish()
    return len(lacking)


def list_elsewhere(repository: Repository) -> list[Mentioned]:
    """Return the sounds that branches and tags mention and that are not here, each once, the newest first."""
    git, audio = repository.git, repository.audio
    found: dict[str, Mentioned] = {}
    known: set[str] = set()
    for _, path, pointer in Mentions(git).iter_new(git.iter_history(find_branch_tips(repository))):
        if pointer.oid in known:
            continue
        known.add(pointer.oid)
        if pointer.oid not in audio:
            found[pointer.oid] = Mentioned(path, pointer)
    return list(found.values())


def find_arguments(repository: Repository, words: Sequence[str]) -> list[str]:
    """Return the files left elsewhere that the words of a command line name, by themselves or by their folder."""
    absent = repository.worktree.list_absent()
    found = []
    for word in words if absent else ():
        if word.startswith("-"):
            continue
        with suppress(UsageError, OSError, ValueError):
            path = repository.worktree.relative(Path(word))
            found += [name for name in absent if _is_below(name, path)]
    return list(dict.fromkeys(found))


def find_score(repository: Repository) -> list[str]:
    """Return the files left elsewhere that the folder's score names: the mix and its stems."""
    try:
        track = parse_track((repository.root / TRACK_FILE).read_bytes())
    except (OSError, UsageError):
        return []
    absent = repository.worktree.list_absent()
    named = (track.mix_file, *(stem.file for stem in track.stems.values()))
    return [path for path in dict.fromkeys(named) if path in absent]


def _is_below(path: str, wanted: str) -> bool:
    return wanted in ("", path) or path.startswith(wanted + "/")


def _name(sounds: Sequence[Mentioned]) -> str:
    first = sounds[0]
    more = f" and {len(sounds) - 1} more" if len(sounds) > 1 else ""
    return f"{first.path} (sound {first.pointer.oid[:12]}){more}"
