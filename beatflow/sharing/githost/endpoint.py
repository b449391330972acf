"""Where a repository's sounds lie: lfs.url, what the host's ssh says, or where git-lfs would look.

What the track itself says (``.lfsconfig``) was written by whoever committed it, so it is believed only as far as that
can do no harm: it names a protected address, without a login, and gets no password that was meant for another host.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from beatflow.errors import BeatFlowError
from beatflow.gitconfig import parse_config
from beatflow.objects.git.store import GitStore
from beatflow.sharing.access import Access
from beatflow.sharing.githost import ssh
from beatflow.sharing.githost.credentials import Keyring
from beatflow.sharing.githost.url import GitUrl
from beatflow.sharing.githost.words import explain, tidy
from beatflow.sharing.remote import RemoteError

SET_URL = "git config --file .beatflow/config lfs.url"
_LFSCONFIG = ".lfsconfig"
_MAX_CONFIG = 64 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LEEWAY_S = 30.0
_USUAL_S = 600.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An LFS server: its URL, what goes into each request, and who we are for it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    keyring: Keyring | None = None


class Endpoints:
    """Finds, and remembers, the LFS server of one repository.

    Parameters
    ----------
    url : GitUrl
    access : Access
    keyring : Keyring or None
        Who we are for the repository's own host.
    """

    def __init__(self, url: GitUrl, access: Access, keyring: Keyring | None) -> None:
        self._url = url
        self._access = access
        self._keyring = keyring
        self._named: str | None = None
        self._by_ssh: dict[str, tuple[float, Endpoint]] = {}
        self._rings: dict[str, Keyring] = {}

    def name(self, url: str) -> None:
        """Go by an ``lfs.url`` that was read before."""
        with suppress(RemoteError):
            self._named = self._check_foreign(url) if url else None

    def read(self, git: GitStore, commits: Iterable[str | None]) -> str | None:
        """Look for an ``lfs.url``: in the musician's own configuration, then in the first commit that is here.

        Returns
        -------
        str or None
            What was found.

        Raises
        ------
        RemoteError
            The one in the track leads where it must not.
        """
        own = git.read_config("lfs.url")
        if own:
            self._named = _check_url(own.rstrip("/"), "lfs.url")
            return self._named
        for commit in commits:
            if commit is None or not git.has(commit):
                continue
            text = _read_lfsconfig(git, commit)
            before, self._named = self._named, self._check_foreign(text.rstrip("/")) if text else None
            if self._named not in (None, before) and urlsplit(str(self._named)).hostname != self._url.host:
                self._access.tell(
                    f"sounds of this track lie at {urlsplit(str(self._named)).netloc} (.lfsconfig)"
                )
            break
        return self._named

    @property
    def is_named(self) -> bool:
        """Whether an ``lfs.url`` says where the sounds are."""
        return self._named is not None

    def get(self, operation: str) -> Endpoint:
        """Return where to ask for ``upload`` or ``download``.

        Raises
        ------
        RemoteError
            The host has no LFS as far as its ssh knows.
        """
        if self._named:
            return Endpoint(self._named, {}, self._ring(self._named))
        if self._url.scheme == "ssh":
            return self._ask_ssh(operation)
        return Endpoint(self._url.lfs, {}, self._ring(self._url.lfs))

    def _ring(self, url: str) -> Keyring:
        """Return the repository's own keyring for its own host, and another for any other."""
        here, there = urlsplit(self._url.lfs), urlsplit(url)
        if self._keyring and (here.scheme, here.netloc) == (there.scheme, there.netloc):
            return self._keyring
        return self._rings.setdefault(f"{there.scheme}://{there.netloc}", Keyring(url, self._access))

    def _check_foreign(self, text: str) -> str:
        url = _check_url(text, f"the track's {_LFSCONFIG}")
        parts = urlsplit(url)
        plain = self._url.scheme == "http" and parts.hostname == self._url.host
        if parts.scheme == "http" and not plain and parts.hostname not in _LOOPBACK:
            raise RemoteError(
                f"the track's {_LFSCONFIG} sends sounds to {tidy(url)}, which is not protected",
                f"ask who made the track, or name it yourself: {SET_URL} {url}",
            )
        return url

    def _ask_ssh(self, operation: str) -> Endpoint:
        known = self._by_ssh.get(operation)
        if known and known[0] > time.monotonic():
            return known[1]
        path = self._url.path.lstrip("/") if not self._url.path.startswith("//") else self._url.path
        done = ssh.run(self._url, self._access, "git-lfs-authenticate", path, operation)
        where = self._url.host
        if done.returncode == ssh.NOT_THERE or b"git-lfs-authenticate" in done.stderr:
            raise RemoteError(
                f"{where} has no LFS over ssh (git-lfs-authenticate), so it takes history, but no sounds",
                f"name its LFS server ({SET_URL} https://…), or share in a folder or bucket",
            )
        if done.returncode:
            complaint = ssh.last_words(done.stderr) or f"ssh ended with {done.returncode}"
            raise explain(RemoteError(complaint), where)
        endpoint, seconds = _parse_answer(done.stdout, self._url)
        self._by_ssh[operation] = (time.monotonic() + seconds - _LEEWAY_S, endpoint)
        return endpoint


def _parse_answer(data: bytes, url: GitUrl) -> tuple[Endpoint, float]:
    """Read what git-lfs-authenticate says, and for how many seconds that holds."""
    try:
        answer = json.loads(data)
        href = answer.get("href") or url.lfs
        headers = {str(name): str(value) for name, value in (answer.get("header") or {}).items()}
        seconds = float(answer.get("expires_in") or _USUAL_S)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise RemoteError(
            f"{url.host} answers git-lfs-authenticate with something else than JSON", "ask who runs that host"
        ) from error
    checked = _check_url(str(href).rstrip("/"), f"{url.host}")
    return Endpoint(checked, headers, None), seconds


def _check_url(text: str, who: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise RemoteError(
            f"{who} names {tidy(text)!r} as the place of the sounds, which is no https:// address without a login",
            f"{SET_URL} https://…",
        )
    return text


def _read_lfsconfig(git: GitStore, commit: str) -> str | None:
    """Return the ``lfs.url`` that a commit's own ``.lfsconfig`` names."""
    try:
        entry = git.find_entry(git.read_commit(commit).tree, _LFSCONFIG)
        if entry is None or git.blob_size(entry.oid) > _MAX_CONFIG:
            return None
        text = git.read_blob(entry.oid).decode("utf-8", "replace")
        return parse_config(text).get("lfs.url")
    except BeatFlowError:
        # What is damaged is found, and told, by who reads the history.
        return None
