"""The folder that the musician works in: scanning it, taking snapshots, putting files back.

Knows no refs and no operations. Everything it overwrites or removes is the caller's to have kept before.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from beatflow import placing
from beatflow.attributes import LfsPaths
from beatflow.content import HEAD_BYTES, MAX_BINARY, is_kept_as_audio
from beatflow.errors import AudioError, BeatFlowError, ConflictError, DamagedError, UsageError
from beatflow.filename import is_private
from beatflow.ignore import read_ignore
from beatflow.objects.durable import copy_verified
from beatflow.objects.git.store import GitStore
from beatflow.objects.git.value import (
    EXECUTABLE,
    FILE,
    SYMLINK,
    Entry,
    Tree,
    blob_oid,
    decode_path,
    encode_path,
)
from beatflow.objects.opening import open_regular
from beatflow.objects.pointer import Pointer, encode_pointer, read_pointer
from beatflow.recognition import recognise
from beatflow.sharing.partial.absent import AbsentFiles
from beatflow.statcache import StatCache, identify

if TYPE_CHECKING:
    from beatflow.objects.batch import Batch
    from beatflow.objects.prediction import Advisor
    from beatflow.objects.store import AudioStore

REPOSITORY = ".beatflow"
ABSENT = "absent"
_BLOCK = 1 << 20
# How far to look for the next file that is new.
_AHEAD = 100
# Files of the folder that others are written from: a track has a mix and a few dozen stems.
_BESIDE = 64


class Forecast(Protocol):
    """Knows which sounds of a change may be predicted from which others."""

    def order(self, path: str) -> Any:
        """Return what to sort paths by: parts come before what is mixed of them."""
        ...

    def is_likely_kept(self, path: str, size: int) -> bool:
        """Say whether a file may be one that is kept already, elsewhere: copied or renamed."""
        ...

    def expect(self, paths: Set[str]) -> None:
        """Learn which paths there will be."""
        ...

    def note(self, path: str, entry: Entry, place: Path) -> None:
        """Learn that a file is stored, and where it lies."""
        ...

    def advise(self, path: str) -> "Advisor":
        """Return what the file at a path may be predicted from."""
        ...


Placed = tuple[Path | None, Entry]
"""A finished file and what it is; without one, what would lie there and is left elsewhere on purpose."""

Advance = Callable[[int, str], None]
"""Called with the bytes read since the last call and the path; raising in it interrupts the work."""


class Found(NamedTuple):
    """A file of the worktree: its path below the root, and what ``lstat`` says of it."""

    path: str
    status: os.stat_result


class Worktree:
    """The files around a repository.

    Parameters
    ----------
    root : Path
        The folder.
    git : GitStore
        Where content is kept.
    open_audio : callable
        Opens the store where sound is kept.
    directory : Path
        The repository's own folder, where the stat cache lies and what says which files are left elsewhere.
    expect : callable, optional
        Says what the current commit has at a path, so that a file which is just that is known whatever form it is
        kept in there.
    """

    def __init__(
        self,
        root: Path,
        git: GitStore,
        open_audio: "Callable[[], AudioStore]",
        directory: Path,
        expect: Callable[[str], Entry | None] = lambda path: None,
    ) -> None:
        self.root = root
        self._git = git
        self._open_audio = open_audio
        self._expect = expect
        self._directory = directory
        self._lfs_paths = LfsPaths(root)
        self._cache = StatCache(directory / "state" / "files")
        self._absent = AbsentFiles(directory / "state" / ABSENT)

    @cached_property
    def _audio(self) -> "AudioStore":
        return self._open_audio()

    @cached_property
    def _is_beside_git(self) -> bool:
        return os.path.lexists(self.root / ".git")

    # Reading ---------------------------------------------------------------------------------------------

    def scan(self) -> Iterator[Found]:
        """Yield every file that is not ignored, in no particular order. Other tracks inside are left alone."""
        ignored = read_ignore(self.root)
        waiting = [""]
        while waiting:
            prefix = waiting.pop()
            with os.scandir(self.root / prefix if prefix else self.root) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    if is_private(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        inner_track = os.path.lexists(Path(entry.path, REPOSITORY))
                        if not inner_track and not ignored(path + "/"):
                            waiting.append(path + "/")
                    elif (entry.is_file(follow_symlinks=False) or entry.is_symlink()) and not ignored(path):
                        yield Found(path, entry.stat(follow_symlinks=False))

    def look(self, advance: Advance | None = None) -> Tree:
        """Return what stands at every path without storing anything."""
        return self._survey(lambda found, rest: self._identify(found, advance))

    def snapshot(
        self,
        batch: "Batch",
        advance: Advance | None = None,
        forecast: Forecast | None = None,
        without: Callable[[str], bool] | None = None,
    ) -> Tree:
        """Return what stands at every path, with all content stored: sound in the batch, the rest in git.

        What ``without`` is true of is left out.
        """

        def keep(found: Found, rest: Sequence[Found]) -> Entry:
            return self._keep(found, batch, advance, forecast, rest)

        return self._survey(keep, forecast, without)

    def find(self, path: str) -> Found | None:
        """Return the file at a path, ignored or not; None when there is none."""
        status = placing.find_file(self.root, path)
        return Found(path, status) if status else None

    def capture(self, path: str, batch: "Batch") -> Entry | None:
        """Return what stands at one path, read anew and stored; None when nothing does.

        This is for what is about to be overwritten, so no cache is believed.
        """
        found = self.find(path)
        if found is None:
            return self.find_absent(path)
        return self._confirm(found, batch) or self.keep_file(self.root / path, batch, name=path)

    def _confirm(self, found: Found, batch: "Batch") -> Entry | None:
        """Return what a sound is that the cache knows, read anew, where the store has all of it; None for any other.

        A third of the time that cutting it and looking for each of its chunks takes.
        """
        cached = self._cache.find(found.path, found.status)
        pointer = self._find_pointer(cached) if cached else None
        if cached is None or pointer is None or cached.oid != blob_oid(encode_pointer(pointer)):
            return None
        if pointer.oid not in self._audio:
            return None
        digest = _hash_file(self.root / found.path, found.status.st_size)
        return cached if digest == pointer.oid and batch.holds(pointer.oid) else None

    def _find_pointer(self, entry: Entry) -> Pointer | None:
        """Return the pointer that an entry is, None where git has no such thing that can be read."""
        with suppress(DamagedError):
            return read_pointer(self._git, entry) if self._git.has(entry.oid) else None
        return None

    def keep_path(self, path: str, batch: "Batch", forecast: Forecast) -> Entry | None:
        """Return what stands at one path, stored unless it is already; None when nothing does."""
        found = self.find(path)
        return self._keep(found, batch, None, forecast) if found else None

    def identify(self, path: str) -> Entry | None:
        """Return what stands at one path without storing it; None when nothing does."""
        found = self.find(path)
        return self._identify(found, None) if found else self.find_absent(path)

    def find_absent(self, path: str) -> Entry | None:
        """Return what would lie at a path where no file is, since this partial clone leaves it elsewhere."""
        entry = self._absent.entries.get(path)
        if entry is None or os.path.lexists(self.root / path):
            return None
        parents = ("/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1))
        in_the_way = any(
            os.path.lexists(self.root / part) and not placing.is_folder(self.root, part) for part in parents
        )
        return None if in_the_way else entry

    def list_absent(self) -> Tree:
        """Return all of those."""
        found = ((path, self.find_absent(path)) for path in self._absent.entries)
        return {path: entry for path, entry in found if entry}

    def list_left_out(self, entries: Mapping[str, Entry | None]) -> set[str]:
        """Return the paths whose sound is neither wanted in this partial clone nor here."""
        # Whoever only looks at the worktree needs none of it.
        from beatflow.sharing.partial.selection import read_selection

        selection = read_selection(self._directory)
        if selection.wants_all_paths:
            return set()
        return {
            path
            for path, entry in entries.items()
            if entry and not selection.wants(path)
            if (pointer := read_pointer(self._git, entry)) and pointer.oid not in self._audio
        }

    def save_cache(self) -> None:
        """Write the stat cache, when something new was learnt."""
        self._cache.save()

    def _survey(
        self,
        read: Callable[[Found, Sequence[Found]], Entry],
        forecast: Forecast | None = None,
        without: Callable[[str], bool] | None = None,
    ) -> Tree:
        tree: Tree = {}
        failures: list[BeatFlowError] = []
        order = forecast.order if forecast else str
        chosen = (found for found in self.scan() if without is None or not without(found.path))
        present = sorted(chosen, key=lambda found: order(found.path))
        absent = self.list_absent()
        if forecast:
            forecast.expect({found.path for found in present} | absent.keys())
        for number, found in enumerate(present, 1):
            try:
                tree[found.path] = read(found, present[number : number + _AHEAD])
            except FileNotFoundError:
                continue
            except PermissionError:
                failures.append(
                    AudioError(f"{found.path} may not be read", hint="give yourself the right to read it")
                )
            except AudioError as error:
                failures.append(error)
        if failures:
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            raise AudioError(failures[0].message + more, failures[0].hint or "or name it in .bfignore")
        self._cache.retain(set(tree))
        return tree | absent

    def _identify(self, found: Found, advance: Advance | None) -> Entry:
        cached = self._cache.find(found.path, found.status)
        if cached:
            return cached
        path = self.root / found.path
        data, kept_as_audio = _read_small(path, found.status, found.path in self._lfs_paths)
        entry = self._recognise(found, kept_as_audio)
        if entry is None and kept_as_audio:
            progress = (lambda count: advance(count, found.path)) if advance else None
            data = encode_pointer(
                Pointer(_hash_file(path, found.status.st_size, progress), found.status.st_size)
            )
        entry = entry or Entry(_mode_of(found.status), blob_oid(data))
        self._cache.record(found.path, found.status, entry)
        return entry

    def _recognise(self, found: Found, kept_as_audio: bool | None = None) -> Entry | None:
        """Return the entry of a file that is unchanged though its commit keeps it as BeatFlow would not."""
        expected = self._expect(found.path)
        files = (FILE, EXECUTABLE)
        if expected is None or expected.mode not in files or not self._git.has(expected.oid):
            return None
        mode, path = _mode_of(found.status), self.root / found.path
        try:
            pointer, size = read_pointer(self._git, expected), self._git.blob_size(expected.oid)
        except DamagedError:
            # Then nothing can be compared with it, and the file may be what it is mended from.
            return None
        if kept_as_audio is None:
            kept_as_audio = _is_kept_as_audio(path, found.status, found.path in self._lfs_paths)
        same = mode in files and recognise(
            path, found.status.st_size, expected.oid, pointer, size, kept_as_audio, self._is_beside_git
        )
        return Entry(mode, expected.oid) if same else None

    def _keep(
        self,
        found: Found,
        batch: "Batch",
        advance: Advance | None,
        forecast: Forecast | None,
        rest: Sequence[Found] = (),
    ) -> Entry:
        path = self.root / found.path
        entry = self._cache.find(found.path, found.status)
        if entry is None and forecast and forecast.is_likely_kept(found.path, found.status.st_size):
            entry = self._identify(found, advance)
        if entry is None:
            entry = self._recognise(found)
        if entry is None or not self._is_kept(entry, batch):
            advisor = forecast.advise(found.path) if forecast else None
            following = self._find_following(rest, forecast)
            entry = self.keep_file(path, batch, advance, advisor, found.path, following)
            self._cache.record(found.path, found.status, entry)
        if forecast:
            forecast.note(found.path, entry, path)
        return entry

    def _find_following(self, rest: Sequence[Found], forecast: Forecast | None) -> Path | None:
        """Return the file that the batch is likely to be given next, None where nothing is gained by reading it now."""
        for found in rest:
            size = found.status.st_size
            if self._cache.find(found.path, found.status) or size <= MAX_BINARY:
                continue
            if forecast and forecast.is_likely_kept(found.path, size):
                return None
            return self.root / found.path if stat.S_ISREG(found.status.st_mode) else None
        return None

    def keep_file(
        self,
        path: Path,
        batch: "Batch",
        advance: Advance | None = None,
        advisor: "Advisor | None" = None,
        name: str | None = None,
        following: Path | None = None,
    ) -> Entry:
        """Store the content of any file, in the worktree or not: sound in the batch, the rest in git.

        Parameters
        ----------
        path : Path
        batch : Batch
        advance : callable, optional
        advisor : Advisor, optional
            Knows, for sound, what it may be predicted from.
        name : str, optional
            Its path in the track: what ``.gitattributes`` gives to git-lfs is kept like sound.
        following : Path, optional
            Of the sound that is likely to come next.
        """
        is_lfs = name is not None and name in self._lfs_paths
        for _ in range(2):
            status = os.lstat(path)
            data, kept_as_audio = _read_small(path, status, is_lfs)
            if kept_as_audio or identify(os.lstat(path)) == identify(status):
                break
        else:
            raise ConflictError(
                f"{path} changes while it is being read", "stop what is writing it and try again"
            )
        if kept_as_audio:
            progress = (lambda count: advance(count, path.name)) if advance else None
            stored = batch.add_path(path, progress, advisor, following)
            data = encode_pointer(Pointer(stored.oid, stored.size))
        return Entry(_mode_of(status), self._git.write_blob(data))

    def _is_kept(self, entry: Entry, batch: "Batch") -> bool:
        if not self._git.has(entry.oid):
            return False
        pointer = read_pointer(self._git, entry)
        return pointer is None or pointer.oid in self._audio or pointer.oid in batch

    # Writing ---------------------------------------------------------------------------------------------

    def materialize(
        self, files: Sequence[tuple[Entry, Path]], progress: Callable[[int], None] | None = None
    ) -> None:
        """Write the verified content of entries to new files (never into the worktree itself).

        Parameters
        ----------
        files : sequence of (Entry, Path)
        progress : callable, optional
            Called with the bytes of sound written since the last call.
        """
        sounds: dict[str, list[Path]] = {}
        for entry, destination in files:
            if entry.mode == SYMLINK:
                destination.symlink_to(decode_path(self._git.read_blob(entry.oid)))
            elif pointer := read_pointer(self._git, entry):
                sounds.setdefault(pointer.oid, []).append(destination)
            else:
                destination.write_bytes(self._git.read_blob(entry.oid))
        beside = self._list_sounds() if sounds else {}
        self._audio.write_files([(oid, paths[0]) for oid, paths in sounds.items()], progress, beside)
        for oid, (first, *others) in sounds.items():
            for path in others:
                copy_verified(first, path, oid)
        for entry, destination in files:
            if entry.mode == EXECUTABLE:
                destination.chmod(destination.stat().st_mode | 0o111)

    def _list_sounds(self) -> dict[str, Path]:
        """Return where the folder's largest sounds lie, by oid, as far as they are known to be as last read."""
        found = {}
        for path in self._cache.list_largest(_BESIDE):
            here = self.find(path)
            entry = self._cache.find(path, here.status) if here else None
            pointer = self._find_pointer(entry) if entry else None
            if pointer and here and here.status.st_size == pointer.size:
                found[pointer.oid] = self.root / path
        return found

    def place(self, changes: Mapping[str, Placed | None]) -> None:
        """Move finished files to their paths; None removes what is there, as does what is left elsewhere.

        Removals come first, so that a file may become a folder. Each path changes by one rename.
        """
        # Before any file goes: a file that is there counts, whatever is said of its path.
        left_out = {path: change[1] for path, change in changes.items() if change and change[0] is None}
        self._absent.change(left_out, [path for path, change in changes.items() if change is None])
        files = {path: (change[0], change[1]) for path, change in changes.items() if change and change[0]}
        for path in sorted(changes.keys() - files.keys()):
            self._cache.forget(path)
            placing.remove(self.root, path)
        for path, (source, entry) in sorted(files.items()):
            target = placing.prepare(self.root, path)
            placing.move(source, target)
            self._cache.record(path, os.lstat(target), entry)
        self._absent.change({}, [path for path in self._absent.entries if os.path.lexists(self.root / path)])
        self._cache.save()

    def relative(self, path: Path) -> str:
        """Return a path of the file system as one below the root, ``""`` for the root itself.

        Raises
        ------
        UsageError
            It lies outside.
        """
        full = Path(os.path.normpath(Path.cwd() / path))
        for root in (self.root, self.root.resolve()):
            if full == root or full.is_relative_to(root):
                return "" if full == root else full.relative_to(root).as_posix()
        raise UsageError(f"{path} is outside the track {self.root}")


def _read_small(path: Path, status: os.stat_result, is_lfs: bool) -> tuple[bytes, bool]:
    """Return a file's bytes and False, or only its first ones and True when it belongs in the audio store."""
    if stat.S_ISLNK(status.st_mode):
        return encode_path(str(path.readlink())), False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if is_kept_as_audio(head, status.st_size, is_lfs):
            return head, True
        return head + file.read(), False


def _hash_file(path: Path, size: int, progress: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file's first `size` bytes: one that grows all the time must still come to an end."""
    digest = sha256()
    # The same memory for every block: new memory for each is a tenth of the work.
    block = memoryview(bytearray(_BLOCK))
    with open_regular(path) as file:
        while count := file.readinto(block[:size]):
            digest.update(block[:count])
            size -= count
            if progress:
                progress(count)
    return digest.hexdigest()


def _is_kept_as_audio(path: Path, status: os.stat_result, is_lfs: bool) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return False
    with path.open("rb") as file:
        return is_kept_as_audio(file.read(HEAD_BYTES), status.st_size, is_lfs)


def _mode_of(status: os.stat_result) -> int:
    if stat.S_ISLNK(status.st_mode):
        return SYMLINK
    return EXECUTABLE if os.name != "nt" and status.st_mode & stat.S_IXUSR else FILE
