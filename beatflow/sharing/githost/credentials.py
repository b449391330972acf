"""Who we are for a host: a password from the address, a token of the environment, netrc, git's own.

A login is looked for only once a host has asked for one, is given to that host alone, and is kept nowhere here.
"""

import base64
import netrc
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from beatflow.sharing.access import Access

_TOKEN_USER = "x-access-token"


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password; ``by_git`` where git's helpers gave it and want to hear whether it was right."""

    user: str
    password: str = field(repr=False)
    by_git: bool = False


class Keyring:
    """The logins for one URL, one after the other until one opens. Safe to use from several threads.

    Parameters
    ----------
    url : str
        ``https://[user@]host[:port]/path``.
    access : Access
    password : str, optional
        What the user gave with the address.
    """

    def __init__(self, url: str, access: Access, password: str | None = None) -> None:
        self._parts = urlsplit(url)
        self._access = access
        self._password = password
        self._mutex = threading.Lock()
        self._waiting = self._candidates()
        self._current: Login | None = None
        self._approved = False

    def login(self, refused: Login | None = None) -> Login | None:
        """Return a login to try; ``refused`` is one that did not open. None when there are no more."""
        with self._mutex:
            if refused is not None and refused == self._current:
                self._tell_git("reject")
                self._current = None
            if self._current is None:
                self._approved = False
                self._current = next(self._waiting, None)
            return self._current

    def current(self) -> Login | None:
        """Return the login in use, without looking for one."""
        return self._current

    def approve(self) -> None:
        """Say that the login in use has opened."""
        with self._mutex:
            if not self._approved:
                self._approved = True
                self._tell_git("approve")

    def _candidates(self) -> Iterator[Login]:
        host, user = self._parts.hostname or "", self._parts.username or ""
        if self._password is not None:
            yield Login(user or _TOKEN_USER, self._password)
        token = find_token(self._access, host)
        if token:
            yield Login(user or _TOKEN_USER, token)
        found = self._from_netrc(host, user)
        if found:
            yield found
        found = self._from_header()
        if found:
            yield found
        found = self._from_git(user)
        if found:
            yield found

    def _from_netrc(self, host: str, user: str) -> Login | None:
        named = self._access.environment.get("NETRC")
        paths = [Path(named)] if named else []
        if self._access.home:
            paths += [self._access.home / ".netrc", self._access.home / "_netrc"]
        for path in paths:
            with suppress(OSError, netrc.NetrcParseError, UnicodeDecodeError):
                found = netrc.netrc(str(path)).authenticators(host)
                if found and found[2] and user in ("", found[0]):
                    return Login(found[0], found[2])
        return None

    def _from_header(self) -> Login | None:
        """Read a login out of git's ``http.extraHeader`` for this URL, which builders of code (CI) set."""
        url = self._parts._replace(netloc=self._parts.netloc.rpartition("@")[2]).geturl()
        said = self._run_git(["config", "--get-urlmatch", "http.extraHeader", url])
        name, _, value = said.strip().partition(":")
        kind, _, word = value.strip().partition(" ")
        if name.lower() != "authorization" or kind.lower() != "basic":
            return None
        with suppress(ValueError):
            user, colon, password = base64.b64decode(word).decode().partition(":")
            return Login(user, password) if colon else None
        return None

    def _from_git(self, user: str) -> Login | None:
        said = self._ask_git("fill", [f"username={user}"] if user else [])
        values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        if not values.get("password"):
            return None
        return Login(values.get("username", user), values["password"], by_git=True)

    def _tell_git(self, what: str) -> None:
        """Let git's helpers keep a login that they gave, or forget it."""
        login = self._current
        if login and login.by_git:
            self._ask_git(what, [f"username={login.user}", f"password={login.password}"])

    def _ask_git(self, what: str, more: list[str]) -> str:
        """Run ``git credential``, which may ask the user."""
        place = (self._parts.netloc.rpartition("@"))[2]
        lines = [f"protocol={self._parts.scheme}", f"host={place}", f"path={self._parts.path.lstrip('/')}"]
        lines += more
        if any("\n" in line or "\0" in line for line in lines):
            return ""
        return self._run_git(["credential", what], "\n".join([*lines, "", ""]))

    def _run_git(self, arguments: list[str], said: str = "") -> str:
        """Run git and return its answer, empty where it is not installed or has none."""
        if not shutil.which("git"):
            return ""
        done = subprocess.run(
            ["git", *arguments],
            input=said,
            stdout=subprocess.PIPE,
            # What a helper complains about is no answer to whether there is a login.
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            cwd=self._access.directory,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""


def find_token(access: Access, host: str) -> str | None:
    """Return the environment's token for a host: ``BF_TOKEN_GITHUB_COM`` for github.com, in any case."""
    wanted = "bf_token_" + re.sub(r"[^a-z0-9]", "_", host.lower())
    found = (value for name, value in access.environment.items() if name.lower() == wanted and value)
    return next(found, None)
