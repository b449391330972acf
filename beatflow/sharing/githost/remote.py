"""A git repository with LFS as a remote: over https, ssh or git://, or in a folder of this machine.

History goes by libgit2's transports, sounds by the LFS API of the host, or into the repository's own LFS folder. A
plain ``git clone`` with git-lfs gives the same files.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from beatflow.errors import NotFoundError
from beatflow.objects.durable import write_cache
from beatflow.objects.git.store import GitStore
from beatflow.objects.pointer import Pointer
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.sharing.access import Access
from beatflow.sharing.githost.bare import BareRepository, DiskFetch, DiskSend, find_git
from beatflow.sharing.githost.credentials import Keyring, Login
from beatflow.sharing.githost.endpoint import Endpoints
from beatflow.sharing.githost.url import parse_git_url
from beatflow.sharing.githost.words import explain, hint_login, tidy
from beatflow.sharing.remote import (
    LockKeeper,
    MovedError,
    Progress,
    RefUpdate,
    RemoteError,
    RemoteRefs,
    Transfer,
)

if TYPE_CHECKING:
    from beatflow.objects.git.libgittransport import Advertised, Report
    from beatflow.sharing.githost.lfs import LfsClient

T = TypeVar("T")

_ATTEMPTS = 4
_FIRST_WAIT_S = 0.25
_MAY_PASS = re.compile(
    r"reset|eof|timed out|timeout|closed|disconnect|broken pipe|refused|unreachable|connect|recv|send|"
    r"status code: (408|429|5)|unexpected (?!http status)|invalid pkt|short|parse|protocol|resolve|ssl error|"
    r"checksum|corrupt|inflate|zlib",
    re.IGNORECASE,
)
_LFS_URL = "lfs-url"


def is_git(path: Path) -> bool:
    """Say whether a folder is a git repository, bare or with a ``.git`` in it."""
    return find_git(path) is not None


class GitRemote:
    """A git repository elsewhere.

    Parameters
    ----------
    url : str
        A git URL without a password, or the absolute path of a repository on this machine.
    access : Access
    cache : Path, optional
        Folder for what is learnt of it.
    password : str, optional
        What the user gave with the address.

    Raises
    ------
    UsageError
        It is no git URL.
    NotFoundError
        It is a folder without a git repository.
    """

    kind = "git"

    def __init__(
        self, url: str, access: Access, cache: Path | None = None, password: str | None = None
    ) -> None:
        self._url = parse_git_url(url)
        self._access = access
        self._cache = cache
        self._bare: BareRepository | None = None
        if self._url.folder is not None:
            folder = find_git(self._url.folder)
            if folder is None:
                raise NotFoundError(f"{self._url.path} is no git repository", "git init --bare makes one")
            self._bare = BareRepository(folder)
        web = self._url.scheme in ("http", "https")
        self._keyring = Keyring(self._url.text, access, password) if web else None
        self._endpoints = Endpoints(self._url, access, self._keyring)
        if cache:
            with suppress(OSError):
                self._endpoints.name((cache / _LFS_URL).read_text("utf-8", "replace"))
        self._advertised: Advertised | None = None
        self._listens = True

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self._url.text

    # Refs ------------------------------------------------------------------------------------------------

    def read_refs(self) -> RemoteRefs:
        """Return what is there now; annotated tags by what they lead to."""
        found = self._list()
        refs = {name: found.peeled.get(name, oid) for name, oid in found.refs.items()}
        return RemoteRefs(refs, found.head)

    def _list(self) -> "Advertised":
        from beatflow.objects.git import libgittransport

        self._advertised = self._again(lambda url, door: libgittransport.list_refs(url, door))
        return self._advertised

    def fetch_history(self, git: GitStore, refs: Collection[str], progress: Progress | None = None) -> None:
        """Bring the commits that these refs name, and all behind them, into ``git``; no ref of ours moves."""
        from beatflow.objects.git import libgittransport

        if not refs:
            return
        haves = [oid for name, oid in git.read_refs().items() if not name.startswith("refs/beatflow/")]

        def bring(url: str, door: "_Door") -> None:
            with _scratch(git) as scratch:
                libgittransport.fetch(url, git.path, scratch, refs, haves, door, progress)

        self._again(bring)

    def publish(
        self, repository: Repository, updates: Sequence[RefUpdate], progress: Progress | None = None
    ) -> None:
        """Give it the history behind ``updates``, then have it move its refs.

        A host compares each ref with where it is expected when it moves it. Where it refuses some of them for
        reasons of its own, those already moved are taken back.

        Raises
        ------
        MovedError
            A ref is not at its ``before``. Nothing was changed.
        RemoteError
            The host cannot be reached, or refuses.
        """
        git = repository.git
        if self._bare:
            open_updates = [update for update in updates if self._where(update.name) != update.after]
            self._bare.publish(git, open_updates)
            return
        for attempt in range(_ATTEMPTS):
            waiting = self._outstanding(updates)
            if not waiting:
                return
            try:
                report = self._push(git, waiting, progress)
            except _LostError as lost:
                # It may have happened all the same: only the refs over there can tell.
                if attempt == _ATTEMPTS - 1:
                    raise lost.reason from lost
                time.sleep(_FIRST_WAIT_S * 2**attempt)
                continue
            self._settle(git, waiting, report)
            return

    def _outstanding(self, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Return what is still to be moved, with ``before`` as the host has it."""
        found = self._list()
        waiting = []
        for update in updates:
            there = found.refs.get(update.name)
            known = (there, found.peeled.get(update.name, there))
            if update.after in known:
                continue
            if update.before not in known:
                raise _moved(update.name, self.address)
            waiting.append(RefUpdate(update.name, there, update.after))
        return waiting

    def _where(self, name: str) -> str | None:
        assert self._bare
        git = GitStore(self._bare.folder)
        return git.read_target(name)

    def _push(self, git: GitStore, updates: Sequence[RefUpdate], progress: Progress | None) -> "Report":
        from beatflow.objects.git import libgittransport

        rows = [(update.name, update.before, update.after) for update in updates]
        try:
            with self._reached() as (url, door), _scratch(git) as scratch:
                return libgittransport.push(url, git.path, scratch, rows, door, progress, self._listens)
        except libgittransport.LeaseError as error:
            raise _moved(error.name, self.address) from error

    def _settle(self, git: GitStore, updates: Sequence[RefUpdate], report: "Report") -> None:
        """Say what became of refused refs, and take the others back."""
        there = self._list().refs if report.refused else {}
        after = {update.name: update.after for update in updates}
        # A request that reached the host twice is refused the second time.
        refused = {name: why for name, why in report.refused.items() if there.get(name) != after.get(name)}
        if not refused:
            return
        name, why = next(iter(refused.items()))
        expected = {update.name: update.before for update in updates}
        done = [update for update in updates if update.name not in refused]
        with suppress(RemoteError, MovedError, _LostError):
            if done:
                self._push(
                    git, [RefUpdate(u.name, u.after, u.before) for u in done if u.before != u.after], None
                )
        if there.get(name) != expected.get(name):
            raise _moved(name, self.address)
        said = " ".join(line.removeprefix("remote: ") for line in report.lines[:3])
        raise RemoteError(
            f"{self.address} refuses {name}: {tidy(why)}{f' ({tidy(said)})' if said else ''}",
            "ask its owner, or push another branch",
        )

    # Sounds ----------------------------------------------------------------------------------------------

    def find_missing(self, sounds: Sequence[Pointer]) -> set[str]:
        """Return the oids of those that it does not have, by its own word."""
        if self._on_disk:
            return {sound.oid for sound in sounds if self._on_disk.find(sound) is None}
        offers = self._client.batch("download", sounds)
        return {oid for oid, offer in offers.items() if "download" not in offer.actions}

    def find_damaged(self, sounds: Sequence[Pointer], progress: Progress | None = None) -> set[str]:
        """Read all that is there of sounds; return the oids of those that are missing or damaged there."""
        if self._on_disk is None:
            from beatflow.sharing.githost.proving import find_damaged

            return find_damaged(self._client, sounds, progress)
        damaged = set()
        for sound in sounds:
            if not self._on_disk.proves(sound):
                damaged.add(sound.oid)
            if progress:
                progress(sound.size)
        return damaged

    def plan_fetch(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to bring sounds that ``repository`` lacks into its store; asks nobody yet."""
        head = self._head_commit()
        self._read_config(repository, head, repository.head)
        if self._on_disk:
            return DiskFetch(self._on_disk, repository, sounds)
        from beatflow.sharing.githost.receiving import Fetch

        return Fetch(self._client, repository, sounds)

    def plan_send(self, repository: Repository, sounds: Sequence[Pointer]) -> Transfer:
        """Plan to give it what it lacks of these sounds, which it is asked for."""
        self._read_config(repository, repository.head, self._head_commit())
        if self._on_disk:
            return DiskSend(self._on_disk, repository, sounds)
        from beatflow.sharing.githost.sending import Send

        return Send(self._client, repository, sounds)

    def locks(self) -> LockKeeper | None:
        """Return the host's locks; a folder has none."""
        if self._on_disk:
            return None
        from beatflow.sharing.githost.lfslocks import LfsLocks

        return LfsLocks(self._client, self.address)

    def previews(self) -> None:
        """Return None: git hosts keep sounds and nothing beside them."""
        return

    @property
    def _on_disk(self) -> BareRepository | None:
        """The repository's own LFS folder, unless an ``lfs.url`` says that sounds lie elsewhere."""
        return None if self._endpoints.is_named else self._bare

    @cached_property
    def _client(self) -> "LfsClient":
        from beatflow.sharing.githost.http import Http
        from beatflow.sharing.githost.lfs import LfsClient

        return LfsClient(Http(self._access), self._endpoints)

    def _head_commit(self) -> str | None:
        found = self._advertised
        return found.refs.get(found.head) if found and found.head else None

    def _read_config(self, repository: Repository, *commits: str | None) -> None:
        named = self._endpoints.read(repository.git, commits)
        if self._cache:
            with suppress(OSError):
                self._cache.mkdir(parents=True, exist_ok=True)
                write_cache(self._cache / _LFS_URL, (named or "").encode("utf-8", "replace"))

    # Reaching it -----------------------------------------------------------------------------------------

    def _again(self, work: Callable[[str, "_Door"], T]) -> T:
        """Do what may be done twice, again while it fails for reasons that may pass."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._reached() as (url, door):
                    return work(url, door)
            except _LostError as lost:
                if attempt == _ATTEMPTS - 1:
                    raise lost.reason from lost
                time.sleep(_FIRST_WAIT_S * 2**attempt)
        raise AssertionError

    @contextmanager
    def _reached(self) -> Iterator[tuple[str, "_Door"]]:
        """Give libgit2's URL and who we are there, and say in words what goes wrong.

        Raises
        ------
        _LostError
            It may do when it is tried again.
        RemoteError
            It will not.
        """
        from beatflow.objects.git.libgittransport import GarbledError, LoginError, TransportError

        door = _Door(self._keyring)
        where = self._url.place or self._url.path
        complaint = ""
        try:
            if self._url.scheme == "ssh":
                from beatflow.sharing.githost.ssh import Bridge

                with Bridge(self._url, self._access) as bridge:
                    try:
                        yield bridge.url, door
                    except TransportError:
                        complaint = bridge.complaint
                        raise
            else:
                yield self._url.text, door
        except LoginError as error:
            message = f"{where} wants a login, and none of those known opens it"
            raise RemoteError(message, hint_login(where)) from error
        except GarbledError as error:
            self._listens = False
            raise _LostError(explain(error, where)) from error
        except TransportError as error:
            reason = explain(error, where, complaint)
            if not complaint and _MAY_PASS.search(error.message):
                raise _LostError(reason) from error
            raise reason from error
        door.approve()


class _LostError(Exception):
    """A connection that was lost: whether what it was for has happened is not known."""

    def __init__(self, reason: RemoteError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class _Door:
    """Gives libgit2 one login after the other."""

    def __init__(self, keyring: Keyring | None) -> None:
        self._keyring = keyring
        self._given: Login | None = None

    def next_login(self) -> tuple[str, str] | None:
        """Return the next to try."""
        self._given = self._keyring.login(refused=self._given) if self._keyring else None
        return (self._given.user, self._given.password) if self._given else None

    def approve(self) -> None:
        """Say that the last one has opened."""
        if self._keyring and self._given:
            self._keyring.approve()


@contextmanager
def _scratch(git: GitStore) -> Iterator[Path]:
    """Give an empty folder on the disk of a store."""
    parent = git.path / "tmp"
    parent.mkdir(exist_ok=True)
    with Scratch(parent) as scratch:
        folder = scratch.new_file(".git")
        folder.mkdir()
        yield folder


def _moved(name: str, where: str) -> MovedError:
    short = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return MovedError(f"{short} has moved at {where}: somebody else has pushed", "bf pull")
