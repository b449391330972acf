"""Writes a commit out for other programs: projects, tagged files, an archive. All of it appears at once, or nothing.

Joins the session, the writers of formats, and the files' places. Says nothing itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from beatflow.daw.archive import write_archive
from beatflow.daw.arranging import Arrangement, Look, arrange, format_moment
from beatflow.daw.dawproject import write_dawproject, zip_time
from beatflow.daw.labels import shift_of, tags_of
from beatflow.daw.outputs import Outputs
from beatflow.daw.reaper import format_project
from beatflow.daw.safename import Names, make_safe
from beatflow.daw.session import Lane, Session
from beatflow.daw.sounds import Shelf
from beatflow.errors import AudioError, BeatFlowError, UsageError
from beatflow.objects.pointer import read_pointer
from beatflow.repository import Repository
from beatflow.track import TRACK_FILE
from beatflow.wording import short_name

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be written, and where; all paths absolute.

    Parameters
    ----------
    reaper, dawproject, archive : Path or None
        A project of REAPER's, a DAWproject, a zip of all files.
    folders : mapping of str to Path
        Where the sounds go as tagged files: ``wav``, ``flac``, ``mp3``, ``ogg``.
    force : bool
        Replace what is there.
    dry_run : bool
        Only say what would be written.
    """

    reaper: Path | None = None
    dawproject: Path | None = None
    archive: Path | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """One file: where it is, its kind, which file of the track it is of, and its bytes, None in a dry run."""

    path: Path
    kind: str
    source: str | None = None
    size: int | None = None


@dataclass(slots=True)
class Report:
    """What was written.

    Parameters
    ----------
    session : Session or None
        None where only an archive was wanted.
    files : list of Written
    renamed : dict of str to str
        Names that some disks cannot hold, and what they became.
    failures : list of BeatFlowError
        What could not be taken along.
    remarks : list of str
    """

    session: Session | None = None
    files: list[Written] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    failures: list[BeatFlowError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def export(repository: Repository, commit: str, wish: Wish, look: Look, progress: Progress) -> Report:
    """Write a commit out.

    Raises
    ------
    ConflictError
        Something is in the way; nothing was written.
    UsageError
        There is no sound in it, or its score cannot be read.
    NotFoundError, DamagedError
        A sound is not in the store, or cannot be read whole; nothing was written.
    """
    with Outputs(repository, wish.force) as outputs:
        return _Exporter(repository, commit, wish, outputs, progress).run(look)


def list_uncommitted(repository: Repository, commit: str) -> list[str]:
    """Return the score and the sounds of a commit that are otherwise in the folder, or are not there."""
    shelf = Shelf(repository, commit)
    worktree = repository.worktree
    paths = [
        path
        for path, entry in shelf.tree.items()
        if path == TRACK_FILE or read_pointer(repository.git, entry)
    ]
    return sorted(path for path in paths if worktree.identify(path) != shelf.tree[path])


class _Exporter:
    """One export: what it is of, where it goes, and what is told of it."""

    def __init__(
        self, repository: Repository, commit: str, wish: Wish, outputs: Outputs, progress: Progress
    ) -> None:
        self._repository, self._commit = repository, commit
        self._wish, self._outputs, self._progress = wish, outputs, progress
        self._shelf = Shelf(repository, commit)
        self._report = Report()
        self._done = self._whole = 0

    def run(self, look: Look) -> Report:
        wish = self._wish
        for target in (wish.reaper, wish.dawproject, wish.archive):
            if target:
                self._outputs.check_free(target)
        if wish.reaper or wish.dawproject or wish.folders:
            arrangement = arrange(
                self._repository,
                self._commit,
                self._shelf,
                look,
                lambda done, what: self._progress(done / 2, what),
            )
            self._report.session = arrangement.session
            self._report.failures += arrangement.failures
            self._report.remarks += arrangement.remarks
            self._count(arrangement)
            if wish.reaper:
                self._write_reaper(arrangement.session, wish.reaper)
            if wish.dawproject:
                self._write_dawproject(arrangement.session, wish.dawproject)
            for kind, folder in wish.folders.items():
                self._write_sounds(arrangement, kind, folder)
        if wish.archive:
            self._write_archive(wish.archive)
        root = self._repository.root.resolve()
        if any(file.path.resolve().is_relative_to(root) for file in self._report.files):
            self._report.remarks.append(
                "what lies inside the track goes into the next commit unless .bfignore names it"
            )
        self._report.remarks = list(dict.fromkeys(self._report.remarks))
        if not wish.dry_run:
            self._outputs.publish()
        return self._report

    def _count(self, arrangement: Arrangement) -> None:
        projects = (self._wish.reaper is not None) + (self._wish.dawproject is not None)
        lanes = list(arrangement.session.lanes)
        self._whole = projects * sum(lane.size for lane in lanes)
        lanes += [arrangement.mix] if arrangement.mix else []
        self._whole += len(self._wish.folders) * sum(lane.size for lane in lanes)

    def _advance(self, size: int, what: str) -> None:
        self._done += size
        self._progress(0.5 + self._done / max(self._whole, 1) / 2, what)

    # Projects --------------------------------------------------------------------------------------------

    def _write_reaper(self, session: Session, target: Path) -> None:
        # A name that can be told in the project, whatever the project itself is called.
        folder = target.parent / make_safe(f"{target.stem}-media")
        lanes = {lane.path: lane for lane in session.lanes}
        files = self._name(lanes, lambda path: PurePosixPath(path).name)
        for (path, lane), name in zip(lanes.items(), files, strict=True):
            self._put(folder / name, "media", path, partial(self._copy, lane))
        # The project comes last, so that it never names what is not there.
        places = {path: f"{folder.name}/{name}" for path, name in zip(lanes, files, strict=True)}
        data = format_project(session, places).encode("utf-8", "replace")
        self._put(target, "reaper", None, lambda file: file.write(data))

    def _write_dawproject(self, session: Session, target: Path) -> None:
        lanes = {lane.path: lane for lane in session.lanes}
        files = self._name(lanes, lambda path: f"audio/{PurePosixPath(path).name}")
        places = dict(zip(lanes, files, strict=True))
        self._put(
            target, "dawproject", None, lambda file: write_dawproject(file, session, places, self._copy)
        )

    def _copy(self, lane: Lane, file: BinaryIO) -> None:
        self._shelf.copy(lane.path, file, lambda size: self._advance(size, lane.path))

    def _name(self, paths: Iterable[str], suggest: Callable[[str], str]) -> list[str]:
        """Return a safe name for each file, and note which could not be as it was suggested."""
        names = Names()
        result = []
        for path in paths:
            wanted = suggest(path)
            result.append(names.take(wanted))
            if result[-1] != wanted:
                self._report.renamed.setdefault(path, result[-1])
        return result

    # Files -----------------------------------------------------------------------------------------------

    def _write_sounds(self, arrangement: Arrangement, kind: str, folder: Path) -> None:
        from beatflow.daw.encoding import SUFFIXES

        session, mix = arrangement.session, arrangement.mix
        lanes = [*([mix] if mix else []), *session.lanes]
        shift_s = shift_of(lanes)
        if shift_s:
            self._report.remarks.append(
                f"time stamps are {shift_s:.3f} s later: a stem begins before the piece does"
            )
        files = self._name((lane.path for lane in lanes), lambda path: _with_suffix(path, SUFFIXES[kind]))
        for lane, name in zip(lanes, files, strict=True):
            write = partial(self._convert, session, lane, lane == mix, shift_s, kind)
            try:
                self._put(folder / name, kind, lane.path, write)
            except AudioError as error:
                told = lane.path in error.message
                message = error.message if told else f"{lane.path}: {error.message}"
                self._report.failures.append(AudioError(message, hint=error.hint))
                self._outputs.drop(folder / name)

    def _convert(
        self, session: Session, lane: Lane, is_mix: bool, shift_s: float, kind: str, file: BinaryIO
    ) -> None:
        from beatflow.daw.encoding import choose_rate, write_file

        tags = tags_of(self._repository, session, lane, is_mix, shift_s, choose_rate(lane, kind))
        self._progress(0.5 + self._done / max(self._whole, 1) / 2, lane.path)
        with self._shelf.open(lane.path) as source:
            self._report.remarks += write_file(lane, source, file, kind, tags)
        self._advance(lane.size, lane.path)

    # Archive ---------------------------------------------------------------------------------------------

    def _write_archive(self, target: Path) -> None:
        tree = self._shelf.tree
        if not tree:
            raise UsageError(f"there is no file in {self._commit[:7]}", hint="bf ls shows what is there")
        self._whole += sum(source.size for source in map(self._shelf.find, tree) if source)
        self._put(target, "zip", None, self._fill_archive)

    def _fill_archive(self, file: BinaryIO) -> None:
        commit = self._repository.git.read_commit(self._commit)
        date = zip_time(*format_moment(commit.author, commit.time_s))
        packed = write_archive(file, self._shelf, self._repository.root.name, date, self._advance)
        for path, name in packed.renamed.items():
            self._report.renamed.setdefault(path, name)
        self._report.remarks += [
            f"{path} is a link, which a zip cannot hold everywhere" for path in packed.links
        ]

    def _put(self, target: Path, kind: str, source: str | None, write: Callable[[BinaryIO], object]) -> None:
        """Write one file, or in a dry run only see whether it could be."""
        if self._wish.dry_run:
            self._outputs.claim(target)
            self._report.files.append(Written(target, kind, source))
            return
        path = self._outputs.new_file(target)
        with path.open("xb") as file:
            write(file)
        self._report.files.append(Written(target, kind, source, path.stat().st_size))


def _with_suffix(path: str, suffix: str) -> str:
    """Return the path of a converted sound: another suffix in place of a sound's, Opus stays what it is in Ogg."""
    pure = PurePosixPath(path)
    if suffix == ".ogg" and pure.suffix.lower() == ".opus":
        return path
    # What is behind a dot may be part of the name: take.2
    known = short_name(path) != path
    return (pure.with_suffix(suffix) if known else pure.with_name(pure.name + suffix)).as_posix()
