"""History over libgit2's transports: what refs a repository elsewhere has, fetching from it, pushing to it.

Knows URLs and no credentials but those it is handed. Works through a scratch repository that borrows the objects of
ours, so that no ref, no FETCH_HEAD and no setting of ours is touched, and what arrives lies apart until it is whole.
"""

import os
import queue
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pygit2
from pygit2.enums import CredentialType

from beatflow.errors import BeatFlowError
from beatflow.objects.durable import fsync_directory, publish_file
from beatflow.objects.git import libgit
from beatflow.objects.git.memorybound import bounded_memory

T = TypeVar("T")
Progress = Callable[[int], None]

_CONNECT_MS, _SILENCE_MS = 20_000, 120_000
pygit2.settings.server_connect_timeout = _CONNECT_MS
# A host that says nothing for so long has gone; while it works, git's protocol has it send a sign of life every 5 s.
pygit2.settings.server_timeout = _SILENCE_MS
_GONE_S = 2.0


class TransportError(BeatFlowError):
    """A transport has failed; the message is libgit2's own."""


class GarbledError(TransportError):
    """What the host says while it works is no UTF-8, for which pygit2 hears none of the rest."""


class LoginError(BeatFlowError):
    """The host wants a login, and none of those that there are will do."""


class LeaseError(BeatFlowError):
    """A ref is not where it was expected."""

    def __init__(self, name: str, found: str | None) -> None:
        super().__init__(f"{name} is at {found or 'nothing'}")
        self.name = name
        self.found = found


class Doorkeeper(Protocol):
    """Gives names and passwords."""

    def next_login(self) -> tuple[str, str] | None:
        """Return the next to try: called once when the host asks, and again when it refused what it was given."""
        ...


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a repository says that it has: ref to object, annotated tags to what they name, and HEAD's ref."""

    refs: Mapping[str, str]
    peeled: Mapping[str, str]
    head: str | None


@dataclass(slots=True)
class Report:
    """What a host said to a push: refused refs with its reason, and the lines it wrote."""

    refused: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def list_refs(url: str, doorkeeper: Doorkeeper | None = None) -> Advertised:
    """Ask a repository for its refs.

    Raises
    ------
    TransportError, LoginError
    """

    def ask(link: "_Link") -> Advertised:
        with tempfile.TemporaryDirectory() as folder:
            remote = _make_empty(Path(folder)).remotes.create_anonymous(url)
            heads = remote.list_heads(callbacks=link, proxy=True)
        found = {head.name: str(head.oid) for head in heads if head.name}
        named = next((head.symref_target for head in heads if head.name == "HEAD"), None)
        peeled = {name[:-3]: oid for name, oid in found.items() if name.endswith("^{}")}
        refs = {
            name: oid for name, oid in found.items() if name.startswith("refs/") and not name.endswith("^{}")
        }
        return Advertised(refs, peeled, named or _guess_head(refs, found.get("HEAD")))

    return _run(ask, _Link(doorkeeper), None)


def fetch(
    url: str,
    git: Path,
    scratch: Path,
    names: Collection[str],
    haves: Collection[str],
    doorkeeper: Doorkeeper | None = None,
    progress: Progress | None = None,
) -> None:
    """Bring what refs of another repository name, and all behind it, into ours, as packs; no ref of ours moves.

    Parameters
    ----------
    url : str
    git : Path
        Our git directory.
    scratch : Path
        An empty folder on its disk.
    names : collection of str
        Full names of refs over there.
    haves : collection of str
        Commits that are here with all behind them.
    doorkeeper, progress : optional
        ``progress`` is called with bytes received.

    Raises
    ------
    TransportError, LoginError
    """
    repo = _borrow(git, scratch, haves)

    def receive(link: "_Link") -> None:
        remote = repo.remotes.create_anonymous(url)
        remote.fetch([f"+{name}" for name in sorted(names)], callbacks=link, proxy=True)

    with bounded_memory("the history over there"):
        _run(receive, _Link(doorkeeper), progress)
    source, target = scratch / "objects" / "pack", git / "objects" / "pack"
    target.mkdir(parents=True, exist_ok=True)
    # An index comes last: a pack without one is not looked at.
    for path in sorted(source.iterdir(), key=lambda path: path.suffix == ".idx"):
        if path.suffix in (".pack", ".idx"):
            path.chmod(0o644)
            publish_file(path, target / path.name)
    fsync_directory(target)


def push(
    url: str,
    git: Path,
    scratch: Path,
    updates: Sequence[tuple[str, str | None, str | None]],
    doorkeeper: Doorkeeper | None = None,
    progress: Progress | None = None,
    listen: bool = True,
) -> Report:
    """Send what refs shall name and have the host move them, each only from where it is expected to be.

    Parameters
    ----------
    url : str
    git, scratch : Path
        As for `fetch`.
    updates : sequence of (name, before, after)
        ``before`` as the host advertises it; None for a ref that is not, or shall not be, there.
    doorkeeper, progress : optional
        ``progress`` is called with bytes sent.
    listen : bool
        Whether to hear what hooks say.

    Raises
    ------
    LeaseError
        A ref is elsewhere; nothing was sent.
    GarbledError
        It may have happened or not; without ``listen`` that would be told.
    TransportError, LoginError
        It may have happened or not.
    """
    repo = _borrow(git, scratch, ())
    before = {name: before for name, before, _ in updates}
    link = (_HearingLink if listen else _PushLink)(doorkeeper, before)

    def send(link: "_Link") -> None:
        remote = repo.remotes.create_anonymous(url)
        remote.push([f"+{after or ''}:{name}" for name, _, after in updates], callbacks=link, proxy=True)

    _run(send, link, progress)
    return link.report


def _borrow(git: Path, scratch: Path, haves: Collection[str]) -> pygit2.Repository:
    """Make a repository that has our objects, and refs of its own that name ``haves``."""
    repo = _make_empty(scratch)
    objects = os.fsencode((git / "objects").absolute())
    (scratch / "objects" / "info").mkdir(exist_ok=True)
    (scratch / "objects" / "info" / "alternates").write_bytes(objects + b"\n")
    lines = [f"{oid} refs/heads/{number:09}\n" for number, oid in enumerate(sorted(set(haves)))]
    (scratch / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))
    return repo


def _make_empty(folder: Path) -> pygit2.Repository:
    """Make a repository to reach others from. A host that sends on to another host is not followed.

    libgit2 would tell the other the login that is meant for the first.
    """
    libgit.create(folder, "main")
    repo = pygit2.Repository(str(folder))
    repo.config["http.followRedirects"] = "false"
    return repo


def _guess_head(refs: Mapping[str, str], oid: str | None) -> str | None:
    """Name the branch that HEAD is on where the host does not: the usual names first."""
    same = [name for name in refs if refs[name] == oid and name.startswith("refs/heads/")]
    return min(
        same, key=lambda name: (name not in ("refs/heads/main", "refs/heads/master"), name), default=None
    )


class _Link(pygit2.RemoteCallbacks):
    """What libgit2 calls back; its counts go to the thread that waits."""

    # Not heard: it may be no UTF-8, or cut within a letter, which pygit2 takes for a failure of the whole.
    sideband_progress: Any = None

    def __init__(self, doorkeeper: Doorkeeper | None) -> None:
        super().__init__()
        self._doorkeeper = doorkeeper
        self.counts: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.stopped = False
        self._bytes = 0

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.UserPass:
        """Give the next login."""
        login = self._doorkeeper.next_login() if self._doorkeeper else None
        if login is None or not allowed_types & CredentialType.USERPASS_PLAINTEXT:
            raise LoginError("the host wants a login")
        return pygit2.UserPass(*login)

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        """Count what was received."""
        self._count(stats.received_bytes)

    def _count(self, total: int) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        if total > self._bytes:
            self.counts.put(total - self._bytes)
            self._bytes = total


class _PushLink(_Link):
    """A link that looks where the refs are before anything is sent, and hears what became of them."""

    def __init__(self, doorkeeper: Doorkeeper | None, before: Mapping[str, str | None]) -> None:
        super().__init__(doorkeeper)
        self._before = before
        self.report = Report()

    def push_negotiation(self, updates: list[pygit2.remotes.PushUpdate]) -> None:
        """Refuse where a ref is not at its place; the host compares once more when it moves it."""
        for update in updates:
            found = str(update.src) if str(update.src).strip("0") else None
            if found != self._before[update.dst_refname]:
                raise LeaseError(update.dst_refname, found)

    def push_transfer_progress(self, objects_pushed: int, total_objects: int, bytes_pushed: int) -> None:
        """Count what was sent."""
        self._count(bytes_pushed)

    def push_update_reference(self, refname: str, message: str | None) -> None:
        """Hear whether a ref was moved."""
        if message is not None:
            self.report.refused[refname] = message


class _HearingLink(_PushLink):
    """A link that hears what hooks on the host say."""

    _heard = ""

    def sideband_progress(self, string: str) -> None:
        """Hear some of it."""
        *whole, self._heard = (self._heard + string).replace("\r", "\n").split("\n")
        self.report.lines += [line.strip() for line in whole if line.strip()]
        self._count(self._bytes)


def _run(work: Callable[[_Link], T], link: _Link, progress: Progress | None) -> T:
    """Do blocking work on a thread, so that Ctrl-C is heard, and what ``progress`` raises, while a host is silent."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def do() -> None:
        try:
            outcome.append(work(link))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.05)
            _pass_on(link, progress)
        _pass_on(link, progress)
    except BaseException:
        link.stopped = True
        thread.join(_GONE_S)
        raise
    if failure:
        error = failure[0]
        if isinstance(error, BeatFlowError) or not isinstance(error, Exception):
            raise error
        if isinstance(error, UnicodeDecodeError):
            raise GarbledError("the host says something that is no UTF-8") from error
        raise TransportError(str(error).strip() or type(error).__name__) from error
    return outcome[0]


def _pass_on(link: _Link, progress: Progress | None) -> None:
    with suppress(queue.Empty):
        while True:
            count = link.counts.get_nowait()
            if progress:
                progress(count)
