"""The hub, spoken to through its own client: what a repository offers, and the bytes of one file from where we stopped.

The only module that uses the network for weights. Errors of the client become ours here. Knows nothing of where
weights lie.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from beatflow.ai.device import INSTALL
from beatflow.errors import BeatFlowError, EngineError

Told = Callable[[int], None]
"""Called with how many bytes more have come; less than 0 where some must come again."""

TRIES = 5
WAIT_S = 0.5
"""Before the first of these tries; each further one waits twice as long."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a repository offers: its size, and the sha256 of a large one or git's blob id of a small one."""

    name: str
    size: int
    sha256: str | None
    git: str | None

    @property
    def etag(self) -> str:
        """The digest by which the hub's cache names it."""
        return self.sha256 or self.git or ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as it is now: its revision (a commit) and its files."""

    name: str
    revision: str
    files: tuple[Offer, ...]


def import_hub() -> Any:
    """Import the hub's client, and keep it from printing.

    Raises
    ------
    EngineError
        It is not installed.
    """
    try:
        import huggingface_hub
        import huggingface_hub.file_download
        import huggingface_hub.utils
    except ImportError as error:
        raise EngineError("huggingface-hub is not installed", hint=INSTALL) from error
    hub: Any = huggingface_hub
    with warnings.catch_warnings():
        # It warns when HF_HUB_DISABLE_PROGRESS_BARS=0 asks for its bars; ours are shown in their place.
        warnings.simplefilter("ignore", UserWarning)
        hub.utils.disable_progress_bars()
    hub.utils.logging.set_verbosity_error()
    # It hands on, and keeps when the connection breaks, only whole blocks: 10 MB of them, half a minute on a slow line.
    hub.constants.DOWNLOAD_CHUNK_SIZE = 1 << 18
    return hub


def read_repository(name: str, revision: str | None = None) -> Repository:
    """Ask the hub what a repository offers, now or at a revision.

    Raises
    ------
    EngineError
        There is no such repository, it is not for everybody, or the hub cannot be reached.
    """
    hub = import_hub()
    with _translated(name):
        info = hub.HfApi(endpoint=hub.constants.ENDPOINT).model_info(
            name, revision=revision, files_metadata=True
        )
    files = []
    for sibling in info.siblings or ():
        lfs = sibling.lfs
        size = lfs.size if lfs else sibling.size
        files.append(Offer(sibling.rfilename, int(size or 0), lfs.sha256 if lfs else None, sibling.blob_id))
    if not info.sha:
        raise EngineError(f"the hub tells no revision of {name}", hint="try again later")
    return Repository(name, info.sha, tuple(files))


def fetch_file(repository: Repository, offer: Offer, partial: Path, told: Told) -> None:
    """Fetch a file into ``partial``, after what is there already.

    Raises
    ------
    EngineError
        The hub cannot be reached, or breaks off again and again without sending anything.
    OSError
        It cannot be written: the disk is full.
    """
    hub = import_hub()
    url = hub.hf_hub_url(
        repository.name, offer.name, revision=repository.revision, endpoint=hub.constants.ENDPOINT
    )
    partial.parent.mkdir(parents=True, exist_ok=True)
    tries = TRIES
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            with _translated(repository.name), partial.open("ab") as file:
                headers = hub.utils.build_hf_headers()
                found = hub.get_hf_file_metadata(url)
                # A file on another host is signed by its address; the token is not that host's business.
                if urlsplit(found.location).netloc != urlsplit(url).netloc:
                    headers.pop("authorization", None)
                hub.file_download.http_get(
                    found.location,
                    _Counted(file, partial, told),
                    resume_size=before,
                    headers=headers,
                    expected_size=offer.size,
                )
                file.flush()
                os.fsync(file.fileno())
            return
        except Broken:
            # What came is kept, and as long as anything comes it is worth going on.
            tries = TRIES if partial.stat().st_size > before else tries - 1
            if tries <= 0:
                raise
            time.sleep(WAIT_S * 2 ** (TRIES - tries))


def place_in_cache(repository: Repository, offer: Offer, cache: Path, pinned: bool) -> Path:
    """Have the client put a file whose blob is in its cache where it looks for it; no bytes are fetched for that.

    ``pinned`` keeps the revision that the cache has for the current one.
    """
    hub = import_hub()
    with _translated(repository.name):
        return Path(
            hub.hf_hub_download(
                repository.name,
                offer.name,
                revision=repository.revision if pinned else "main",
                cache_dir=cache,
                endpoint=hub.constants.ENDPOINT,
            )
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes, the hub's own client among them, from fetching the same file."""
    hub = import_hub()
    path.parent.mkdir(parents=True, exist_ok=True)
    with hub.utils.WeakFileLock(path):
        yield


class Broken(EngineError):
    """A connection that broke, or never came about: worth another try."""


class _Counted:
    """A file opened for appending, that tells how many bytes come."""

    def __init__(self, file: BinaryIO, path: Path, told: Told) -> None:
        self._file = file
        self._path = path
        self._told = told

    def write(self, data: bytes) -> int:
        try:
            count = self._file.write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(self._path)) from error
        self._told(count)
        return count

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        """A server that does not know ranges sends everything again."""
        self._file.flush()
        before = os.fstat(self._file.fileno()).st_size
        after = self._file.truncate(size)
        self._told(after - before)
        return after

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def _translated(repository: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except BeatFlowError:
        raise
    except Exception as error:
        ours = _translate(error, repository)
        if ours is None:
            raise
        raise ours from error


def _translate(error: Exception, repository: str) -> EngineError | None:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return EngineError(
            "HF_HUB_OFFLINE keeps the hub's client from the network", hint="unset HF_HUB_OFFLINE"
        )
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return EngineError(
            f"{repository} is only for those who have agreed to its terms",
            hint=f"agree at https://huggingface.co/{repository}, then: hf auth login",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        return EngineError(
            f"the hub has no {repository}, or not for you", hint="hf auth login, if it is private"
        )
    if isinstance(error, errors.EntryNotFoundError | errors.RevisionNotFoundError):
        return EngineError(f"the hub has a file of {repository} no longer", hint="try again later")
    if isinstance(error, errors.HfHubHTTPError) and status is not None:
        reason = f"the hub answers {status}"
        return (Broken if status >= 500 else EngineError)(
            reason, hint="try again later; what has come is kept"
        )
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        return None  # of the disk
    if isinstance(error, OSError | TimeoutError) or type(error).__module__.split(".")[0] in _CLIENTS:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Broken(
            f"the hub cannot be reached: {reason}",
            hint="check the network and run it again; what has come is kept",
        )
    return None


_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")
