"""A depot's history: git packs, one for what each push added, none of which leans on another for its deltas.

What comes is not believed: a pack must have the digest that names it, gets its index made here, and is then copied,
object by object and hashed anew, from a temporary repository into ours. Which packs have been taken is remembered, as a
cache: where that was wrong, all packs are fetched.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from beatflow.errors import DamagedError
from beatflow.objects.durable import write_cache
from beatflow.objects.git.history import copy_history, write_pack
from beatflow.objects.git.packindex import write_index
from beatflow.objects.git.store import GitStore
from beatflow.places.place import Place, Progress
from beatflow.scratch import Scratch
from beatflow.sharing.depot.layout import HISTORY, PACK

MAX_PACKS = 128
"""Once there are so many, a push writes everything into one."""
_WORKERS = 8
_REMEMBERED = "history.json"


class DepotHistory:
    """The history packs of one depot.

    Parameters
    ----------
    place : Place
    cache : Path or None
        Folder for what is worth remembering of this depot; it need not be there.
    """

    def __init__(self, place: Place, cache: Path | None) -> None:
        self._place = place
        self._cache = cache

    def send(
        self,
        git: GitStore,
        tips: Collection[str],
        there: Collection[str],
        packs: Sequence[str],
        progress: Progress | None = None,
    ) -> list[str]:
        """Put what a depot lacks of ``tips`` there and return the packs that its history is in from now on.

        Parameters
        ----------
        there : collection of str
            Commits that its refs name now.
        packs : sequence of str
            The packs that its history is in now.
        """
        present = {item.key for item in self._place.list(HISTORY)} if packs else set()
        lost = [name for name in packs if _key(name) not in present]
        known = [oid for oid in there if git.has(oid)]
        whole = len(known) == len(set(there))
        haves, kept = known, list(packs)
        if whole and (lost or len(packs) >= MAX_PACKS):
            tips, haves, kept = [*tips, *there], [], []
        with Scratch(_unfinished(git)) as scratch:
            pack = write_pack(git, tips, haves, scratch.folder)
            if pack is None:
                return kept
            with pack.open("rb") as file:
                name = hashlib.file_digest(file, "sha256").hexdigest()
            self._place.store(_key(name), pack, progress)
        return kept if name in kept else [*kept, name]

    def fetch(
        self, git: GitStore, tips: Collection[str], packs: Sequence[str], progress: Progress | None = None
    ) -> None:
        """Bring commits and all behind them into ``git``; no ref moves.

        Raises
        ------
        DamagedError
            The depot has not got all of them, or a pack does not prove to be what it should.
        """
        remembered = self._recall()
        new = [name for name in packs if name not in remembered]
        if len(new) < len(packs):
            try:
                self._take(git, tips, new, progress)
            except DamagedError:
                new = list(packs)  # what was remembered is not here, or not whole
            else:
                self.remember(packs)
                return
        self._take(git, tips, new, progress)
        self.remember(packs)

    def remember(self, packs: Sequence[str]) -> None:
        """Note that all that these packs hold, as far as anybody wants it, is here."""
        if self._cache is not None:
            with suppress(OSError):
                self._cache.mkdir(parents=True, exist_ok=True)
                write_cache(self._cache / _REMEMBERED, json.dumps(sorted(packs)).encode())

    def _recall(self) -> set[str]:
        if self._cache is None:
            return set()
        try:
            names = json.loads((self._cache / _REMEMBERED).read_bytes())
        except (OSError, ValueError, RecursionError):
            return set()
        return {str(name) for name in names} if isinstance(names, list) else set()

    def _take(
        self, git: GitStore, tips: Collection[str], names: Sequence[str], progress: Progress | None
    ) -> None:
        with Scratch(_unfinished(git)) as scratch:
            folder = scratch.folder / "incoming.git"
            GitStore.create(folder)
            # What leans on commits that are here already finds them there.
            (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
            (folder / "objects" / "info" / "alternates").write_bytes(
                str((git.path / "objects").absolute()).encode("utf-8", "surrogateescape") + b"\n"
            )
            self._fetch_packs(names, folder / "objects" / "pack", progress)
            copy_history(GitStore(folder), git, tips)

    def _fetch_packs(self, names: Sequence[str], folder: Path, progress: Progress | None) -> None:
        """Fetch packs side by side, prove them, and make their indexes."""
        with ThreadPoolExecutor(min(_WORKERS, max(1, len(names)))) as pool:
            jobs = [pool.submit(self._fetch_pack, name, folder) for name in names]
            try:
                for job in as_completed(jobs):
                    path = job.result()
                    if progress:
                        progress(path.stat().st_size)
                    write_index(path)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch_pack(self, name: str, folder: Path) -> Path:
        path = folder / f"pack-{name}{PACK}"
        for _ in range(2):  # once more: it may have been damaged on the way
            path.unlink(missing_ok=True)
            self._place.fetch(_key(name), path)
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == name:
                    return path
        raise DamagedError(
            f"the history pack {name[:12]} at {self._place.address} is damaged",
            "fetch again; if it stays so, push from a track that has everything",
        )


def _key(name: str) -> str:
    return f"{HISTORY}{name}{PACK}"


def _unfinished(git: GitStore) -> Path:
    folder = git.path / "tmp"
    folder.mkdir(exist_ok=True)
    return folder
