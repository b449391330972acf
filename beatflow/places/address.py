"""Where something is shared, as people write it: a folder, a bucket, a git host.

Only reads the text: what lies there is for others to find out. A password in a URL is parted from it, so that what is
shown and kept never holds one.
"""

import os.path
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from beatflow.errors import UsageError


class AddressKind(Enum):
    """What kind of place an address means."""

    FOLDER = "folder"
    BUCKET = "bucket"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class Address:
    """A place, parsed.

    Parameters
    ----------
    kind : AddressKind
    text : str
        The address for people and for configuration, absolute and without a password; parsing it gives the same.
    path : Path or None
        Of a folder.
    scheme : str
        ``file``; of buckets ``s3``, ``gs`` or ``az``; of git hosts ``https``, ``http``, ``ssh``, ``git``.
    bucket, prefix : str
        Of a bucket; the prefix without slashes at its ends.
    password : str or None
        What stood in the URL.
    """

    kind: AddressKind
    text: str
    scheme: str
    path: Path | None = None
    bucket: str = ""
    prefix: str = ""
    password: str | None = field(default=None, repr=False)


_BUCKETS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azure": "az",
    "abfs": "az",
    "abfss": "az",
}
_GIT = {"https": "https", "http": "http", "ssh": "ssh", "git": "git", "git+ssh": "ssh", "ssh+git": "ssh"}
_EXAMPLES = (
    "a folder, file:///folder, s3://bucket/track, gs://…, az://…, https://host/track.git, git@host:track.git"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")  # one letter is a drive of Windows
_SCP = re.compile(r"(?:[^@/\\:\s]+@)?(?:[^@/\\:\s]{2,}|\[[0-9A-Fa-f:.]+\]):(?!//|:)\S.*")
_BUCKET_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,221}")
_PREFIX_PART = re.compile(r"[^\x00-\x1f\x7f/\\?#]+")


def parse_address(text: str, base: Path) -> Address:
    """Read an address; a relative folder is meant from ``base`` on.

    A folder that exists is one, whatever its name looks like.

    Raises
    ------
    UsageError
        It can be none.
    """
    if not text or text != text.strip() or re.search(r"[\x00-\x1f\x7f]", text):
        raise UsageError(f"{text!r} is no address", f"one of {_EXAMPLES}")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match and match[2] else ""
    if scheme == "file":
        return _folder(_file_path(text))
    if scheme in _BUCKETS:
        return _bucket(_BUCKETS[scheme], text)
    if scheme in _GIT:
        return _git(_GIT[scheme], text)
    if scheme:
        raise UsageError(f"{scheme}:// is nothing that BeatFlow can share with", f"one of {_EXAMPLES}")
    path = base / Path(text).expanduser()
    if _SCP.fullmatch(text) and not path.exists() and not text.startswith(("/", ".", "~")):
        if text.startswith("-"):
            raise UsageError(f"{text!r} is no address", f"one of {_EXAMPLES}")
        return Address(AddressKind.GIT, text, "ssh")
    return _folder(path)


def _folder(path: Path) -> Address:
    path = Path(os.path.normpath(path.absolute()))
    return Address(AddressKind.FOLDER, str(path), "file", path)


def _file_path(text: str) -> Path:
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{text} names another machine", "file:///folder has three slashes")
    path = unquote(parts.path)
    if not path.startswith("/") or "\0" in path:
        raise UsageError(f"{text} is no absolute path", "file:///folder has three slashes")
    # file:///C:/Music
    return Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path)


def _bucket(scheme: str, text: str) -> Address:
    _, _, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise UsageError(
            f"{scheme}:// has a bucket's name and nothing else before the first slash",
            "keys come from the environment or the provider's own files (docs/remotes.md)",
        )
    prefix = prefix.strip("/")
    parts = prefix.split("/") if prefix else []
    if not _BUCKET_NAME.fullmatch(bucket):
        raise UsageError(f"{text} names no bucket", f"{scheme}://bucket/track")
    if any(part in (".", "..") or not _PREFIX_PART.fullmatch(part) for part in parts):
        raise UsageError(f"{text} has a prefix that cannot be", f"{scheme}://bucket/track")
    whole = f"{scheme}://{bucket}/{prefix}" if prefix else f"{scheme}://{bucket}"
    return Address(AddressKind.BUCKET, whole, scheme, bucket=bucket, prefix=prefix)


def _git(scheme: str, text: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{_hide(text)} is no address: {error}", f"one of {_EXAMPLES}") from error
    host, user = parts.hostname or "", parts.username or ""
    if not host or host.startswith("-") or unquote(user).startswith("-"):
        raise UsageError(f"{_hide(text)} names no host", f"one of {_EXAMPLES}")
    if parts.fragment:
        raise UsageError(f"{_hide(text)} has a # in it", f"one of {_EXAMPLES}")
    where = f"[{host}]" if ":" in host else host
    clean = f"{scheme}://{user + '@' if user else ''}{where}{f':{port}' if port else ''}{parts.path}"
    if parts.query:
        clean += f"?{parts.query}"
    password = unquote(parts.password) if parts.password else None
    return Address(AddressKind.GIT, clean, scheme, password=password)


def _hide(text: str) -> str:
    """Leave out what may be a password."""
    return re.sub(r"//[^/]*@", "//…@", text)
