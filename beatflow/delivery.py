"""Where finished files go: into a track, as one operation that can be undone, or into any other folder.

Knows nothing of how they were made. Files are first written to a scratch folder on the disk of their destination, and
moved into place only when all of them are whole.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from beatflow.errors import ConflictError, NotFoundError, UsageError
from beatflow.history import read_content, read_track, record_commit
from beatflow.placing import check_free
from beatflow.repository import Repository
from beatflow.scratch import Scratch, sweep
from beatflow.track import TRACK_FILE
from beatflow.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a maker puts its files.

    Parameters
    ----------
    folder : Path
        Absolute; need not be there yet.
    file : str or None
        Name of the one file that is wanted; None for a whole set of files.
    """

    folder: Path
    file: str | None = None


def find_place(output: str, directory: Path) -> Place:
    """Understand ``-o``: a name that ends in ``/``, has no suffix or is a folder is one, all others are files."""
    path = Path(os.path.normpath(directory / output))
    if output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
        if path.is_file():
            raise UsageError(
                f"{output} is a file, not a folder", hint="give a folder, or a name like mix.wav"
            )
        return Place(path)
    return Place(path.parent, path.name)


@dataclass(frozen=True, slots=True)
class Handover:
    """Where and how a result is to be handed over.

    Parameters
    ----------
    directory : Path
        Where the user is; absolute.
    repository : Repository or None
        The track around it, for undo and provenance.
    place : Place or None
        None leaves it to the maker.
    force : bool
        Overwrite files outside the track.
    message : str, optional
        Commit the result, in the same operation.
    dry_run : bool
        Do everything but put it in place.
    midi : Path, optional
        Write the notes there, too; absolute.
    """

    directory: Path
    repository: Repository | None = None
    place: Place | None = None
    force: bool = False
    message: str | None = None
    dry_run: bool = False
    midi: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the files go: into the place, or else the track, or else where the user is."""
        if self.place:
            return self.place.folder
        return self.repository.root if self.repository else self.directory

    @property
    def below(self) -> Path | None:
        """Where the files go, as seen from the track's folder; None outside a track."""
        if self.repository is None:
            return None
        # Resolved, since a link may lead into the track from anywhere.
        inside, root = self.folder.resolve(), self.repository.root.resolve()
        return inside.relative_to(root) if inside.is_relative_to(root) else None


class Delivery:
    """Collects finished files and hands them over at once, to be used as a context.

    Parameters
    ----------
    handover : Handover
        If its folder lies in its track, handing over is a transaction, and what stood there before can be had back
        with ``bf undo``.
    kind, description : str
        For the operation.

    Raises
    ------
    NotFoundError
        There is a message, but the folder is in no track.
    """

    def __init__(self, handover: Handover, kind: str, description: str) -> None:
        self.handover = handover
        self.folder = handover.folder
        self.repository: Repository | None = None
        repository = handover.repository
        below = handover.below
        if repository and below is not None:
            if repository.directory.name in below.parts:
                raise UsageError(f"{self.folder} belongs to BeatFlow itself", hint="choose another folder")
            self.repository = repository
            self._prefix = below.as_posix() + "/" if below.parts else ""
        if handover.message is not None and self.repository is None:
            raise NotFoundError(
                "only files inside a track can be committed", hint="leave out -o, or --commit"
            )
        self._kind, self._description = kind, description
        self._files: dict[str, Path] = {}
        self._removed: list[str] = []
        self._expected: dict[Path, str] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._beneath: list[str] = []

    def __enter__(self) -> Self:
        self._scratch = open_scratch(self.handover).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.__exit__(kind, error, trace)

    def check_free(self, *names: str) -> None:
        """Refuse before the work what would be refused after it.

        Raises
        ------
        ConflictError
            A file is in the way, and neither undo nor ``force`` covers it.
        """
        if self.repository:
            for name in names:
                check_free(self.repository.root, self._prefix + name)
            return
        for name in names:
            check_new(self.folder / name, self.handover.force)

    def new_file(self, name: str) -> Path:
        """A fresh path for an unfinished file with this name's suffix."""
        return self._scratch.new_file(Path(name).suffix)

    def add(self, name: str, source: Path) -> str:
        """Take a finished file that `new_file` named; ``name`` is its path below the folder. Returns its sha256."""
        self._files[name] = source
        return digest(source)

    def adopt(self, name: str, source: Path) -> str:
        """Take a finished file from another scratch folder on the same disk; otherwise as `add`."""
        file = self.new_file(name)
        source.replace(file)
        return self.add(name, file)

    def remove(self, name: str) -> None:
        """Have a file of the track go."""
        self._removed.append(name)

    def describe(self, oid: str, record: dict[str, Any]) -> None:
        """Keep where a sound comes from; outside a track there is no place for it."""
        self._records[oid] = record

    @property
    def records(self) -> Mapping[str, dict[str, Any]]:
        """Where its sounds come from, so far."""
        return self._records

    def expect(self, path: Path, oid: str) -> None:
        """Have the delivery refused when a file that it was made from is not the same any more."""
        self._expected[path] = oid

    def build_on(self, paths: Iterable[str]) -> None:
        """Have these files of the track stored before what is delivered, which is made of nothing but them."""
        self._beneath += paths

    def publish(self) -> None:
        """Put everything in place.

        Raises
        ------
        ConflictError
            A file is in the way, or one that was expected has changed.
        """
        self.check_free(*self._files)
        if self.handover.dry_run:
            return
        if self.repository:
            self._publish_in_track(self.repository)
            return
        self._check_expected()
        for name, source in self._files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)

    def _check_expected(self) -> None:
        for file, oid in self._expected.items():
            if not file.is_file() or digest(file) != oid:
                raise ConflictError(f"{file.name} changed in the meantime", hint="run the command again")

    def _publish_in_track(self, repository: Repository) -> None:
        with Transaction(repository, self._kind, self._description) as transaction:
            self._check_expected()
            # The score first: it says what is a mix, and of what.
            paths = {self._prefix + name: source for name, source in self._files.items()}
            if TRACK_FILE in paths:
                transaction.put_file(TRACK_FILE, paths.pop(TRACK_FILE))
            for path in self._beneath:
                repository.worktree.keep_path(path, transaction.batch, transaction.forecast)
            for path in sorted(paths, key=transaction.forecast.order):
                transaction.put_file(path, paths[path])
            transaction.put_entries({self._prefix + name: None for name in self._removed})
            for oid, record in self._records.items():
                transaction.put_provenance(oid, record)
            if self.handover.message is not None:
                record_commit(
                    transaction, self.handover.message, self._find_committed(repository, transaction)
                )
            transaction.publish()

    @staticmethod
    def _find_committed(repository: Repository, transaction: Transaction) -> list[str]:
        """What a commit takes: what is delivered, and with a new mix its score and all of its stems."""
        former = read_content(repository, repository.head)
        staged = {path: entry for path, entry in transaction.staged.items() if entry or path in former}
        score = staged.get(TRACK_FILE) or repository.worktree.identify(TRACK_FILE)
        if score is None:
            return list(staged)
        track = read_track(repository, {TRACK_FILE: score})
        files = (
            [TRACK_FILE, *(stem.file for stem in track.stems.values())] if track.mix_file in staged else []
        )
        return [*staged, *(file for file in files if repository.worktree.find(file))]


def open_scratch(handover: Handover) -> Scratch:
    """A folder for unfinished files on the disk that they are handed over to; to be used as a context."""
    if handover.repository and handover.below is not None:
        # These are swept by the track.
        return Scratch(handover.repository.scratch)
    nearest = next(parent for parent in (handover.folder, *handover.folder.parents) if parent.is_dir())
    sweep(nearest)
    return Scratch(nearest)


def check_new(path: Path, force: bool) -> None:
    """Refuse to overwrite a file that no undo would bring back.

    Raises
    ------
    ConflictError
        It is there, and ``force`` is not given, or it is no file: a folder, a device, a pipe.
    """
    if path.is_dir():
        raise ConflictError(f"{path} is a folder", hint="choose another name")
    if path.exists() and not path.is_file():
        raise ConflictError(f"{path} is no ordinary file", hint="choose another name")
    if os.path.lexists(path) and not force:
        raise ConflictError(f"{path} is there already", hint="--force overwrites it")


def digest(path: Path) -> str:
    """The id of a sound: its file's sha256."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def spool(source: BinaryIO, folder: Path) -> Path:
    """Copy a stream that cannot be read twice into a file."""
    path = folder / "input"
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return path
