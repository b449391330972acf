"""URLs of git repositories: where to knock, and where their sounds lie by custom.

Knows the text only. A password in it was parted before (`places.address`).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from beatflow.errors import UsageError

_SCP = re.compile(r"(?:([^@/\\:\s]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@/\\:\s]{2,}):(?!//)(\S.*)")
_SCHEMES = ("https", "http", "ssh", "git", "file")
_LOCAL = re.compile(r"/|[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True, slots=True)
class GitUrl:
    """A repository's URL, parsed.

    Parameters
    ----------
    scheme : str
        ``https``, ``http``, ``ssh``, ``git``, or ``file`` for a folder of this machine.
    host : str
        Without brackets; empty for a folder.
    path : str
        As the server is asked for it; of a folder the absolute path.
    user : str
    port : int or None
    """

    scheme: str
    host: str
    path: str
    user: str = ""
    port: int | None = None

    @property
    def place(self) -> str:
        """Host and port, as they stand in a URL."""
        return f"{self._host}:{self.port}" if self.port else self._host

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def folder(self) -> Path | None:
        """The repository's folder where it lies on this machine."""
        return Path(self.path) if self.scheme == "file" else None

    @property
    def text(self) -> str:
        """The URL for libgit2, with a user's name and never with a password."""
        if self.scheme == "file":
            return self.path
        who = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{who}{self.place}{self.path}"

    @property
    def lfs(self) -> str:
        """Where git-lfs looks for the sounds unless it is told otherwise; for ssh and git:// over https, any port."""
        place = self.place if self.scheme in ("https", "http") else self._host
        scheme = self.scheme if self.scheme in ("https", "http") else "https"
        path = "/" + self.path.lstrip("/").rstrip("/")
        return f"{scheme}://{place}{path}{'' if path.endswith('.git') else '.git'}/info/lfs"


def parse_git_url(text: str) -> GitUrl:
    """Read the URL of a git repository, ``host:path`` for ssh, or an absolute path.

    Raises
    ------
    UsageError
        It is none.
    """
    if _LOCAL.match(text):
        return GitUrl("file", "", text)
    scp = _SCP.fullmatch(text)
    if scp and not re.match(r"[a-z+]+://", text):
        return _checked(GitUrl("ssh", scp[2].strip("[]"), scp[3], scp[1] or ""), text)
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise UsageError(f"{text!r} is no git URL", "https://host/track.git or git@host:track.git")
    if scheme == "file":
        path = unquote(parts.path)
        return GitUrl("file", "", path[1:] if re.match(r"/[A-Za-z]:", path) else path)
    # What ssh hands to a shell is decoded; what http sends stays as it was written.
    path = unquote(parts.path) if scheme == "ssh" else parts.path
    if scheme == "ssh" and path.startswith("/~"):
        path = path[1:]
    if parts.query:
        path += f"?{parts.query}"
    found = GitUrl(scheme, parts.hostname or "", path, unquote(parts.username or ""), parts.port)
    return _checked(found, text)


def _checked(url: GitUrl, text: str) -> GitUrl:
    """Refuse what a program would take for an option, or that names no host or path."""
    if not url.host or url.host.startswith("-") or url.user.startswith("-") or not url.path.strip("/"):
        raise UsageError(f"{text!r} is no git URL", "https://host/track.git or git@host:track.git")
    return url
