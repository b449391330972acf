"""What became of a file between two sides, told by sound where it is one: figures of both, and an explanation.

Joins files, the store, meters and the explainer. Files that are no sound are compared as text where they are text.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from beatflow.content import HEAD_BYTES, is_sound
from beatflow.delivery import digest
from beatflow.diff.sides import Facts, File, Pair, Side, read_score
from beatflow.errors import AbsentError, AudioError, DamagedError, NotFoundError
from beatflow.explaining import Explainer, explain_sounds
from beatflow.history import MODIFIED
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.sound.explanation import Explanation
from beatflow.track import Track

MAX_TEXT = 256 * 1024
"""Text above this many bytes is only said to differ."""

SOUND, TEXT, BINARY = "sound", "text", "binary"

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One side of a sound.

    ``loudness_lufs`` and ``true_peak_dbtp`` are None for silence; ``tempo`` and ``key`` where nobody has measured them.
    """

    oid: str | None
    duration_s: float
    frames: int
    sample_rate: int
    channels: int
    subtype: str
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    tempo: float | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one file.

    Parameters
    ----------
    path, source : str, str or None
        Where it is, and where it was when it was renamed.
    state : str
        ``added``, ``deleted``, ``renamed`` or ``modified``.
    content : str
        ``sound``, ``text`` or ``binary``.
    before, after : Measured or None
        The two sounds; None where there is none, or it cannot be decoded.
    explanation : Explanation or None
        Of a modified sound.
    lines : tuple of str
        A unified diff, for text.
    problem : str or None
        Why it could not be compared.
    damaged : bool
        That is because stored data is missing or damaged.
    """

    path: str
    state: str
    content: str
    source: str | None = None
    before: Measured | None = None
    after: Measured | None = None
    explanation: Explanation | None = None
    lines: tuple[str, ...] = ()
    problem: str | None = None
    damaged: bool = False

    @property
    def same(self) -> bool:
        """Whether there is nothing to hear: the samples are the same, only the file around them is another."""
        return self.explanation is not None and self.explanation.identical


@dataclass(frozen=True, slots=True)
class Lent:
    """A modified sound's two versions as files on a disk."""

    before: Path
    after: Path


class Comparer:
    """Compares files, one after the other.

    Parameters
    ----------
    repository : Repository or None
        Where figures and explanations are remembered.
    old, new : Side
    measure : bool
        Measure tempo and key where they are not known.
    lend : bool
        Lend the files behind each modified sound, which otherwise are not read where everything is known of them.
    """

    def __init__(
        self, repository: Repository | None, old: Side, new: Side, measure: bool = False, lend: bool = False
    ) -> None:
        self._repository = repository
        self._old, self._new = old, new
        self._scores = read_score(old), read_score(new)
        self._measure, self._lends = measure, lend

    @contextmanager
    def compare(self, pair: Pair, progress: Progress) -> Iterator[tuple[Difference, Lent | None]]:
        """Give what became of a file, and the files behind it, which are there inside the ``with`` block only."""
        with make_scratch(self._repository) as folder:
            yield self._compare(pair, folder, progress)

    def _compare(self, pair: Pair, folder: Path, progress: Progress) -> tuple[Difference, Lent | None]:
        content = BINARY
        try:
            if pair.error:
                raise pair.error
            content = find_content(pair)
            if content == SOUND:
                return self._compare_sounds(pair, folder, progress)
            _check_sounds(pair)
            if pair.kind != MODIFIED or content == BINARY:
                return Difference(pair.path, pair.kind, content, pair.source), None
            return Difference(pair.path, pair.kind, content, lines=_compare_text(pair)), None
        except (AudioError, DamagedError, NotFoundError, OSError) as error:
            problem = str(error) if isinstance(error, OSError) else error.message
            damaged = isinstance(error, DamagedError | NotFoundError) and not isinstance(error, AbsentError)
            return Difference(
                pair.path, pair.kind, content, pair.source, problem=problem, damaged=damaged
            ), None

    def _compare_sounds(self, pair: Pair, folder: Path, progress: Progress) -> tuple[Difference, Lent | None]:
        before, after = (
            _Local(self._repository, file, folder / name) if file else None
            for file, name in ((pair.before, "before"), (pair.after, "after"))
        )
        # The meters run beside the explanation, on the other core.
        with ThreadPoolExecutor(1) as helper:
            jobs = [
                helper.submit(self._listen, file, side, score) if file else None
                for file, side, score in (
                    (before, self._old, self._scores[0]),
                    (after, self._new, self._scores[1]),
                )
            ]
            explanation = None
            if pair.kind == MODIFIED and before and after:
                explanation = self._explain(before, after, progress)
            old, new = (job.result() if job else None for job in jobs)
        found = Difference(pair.path, pair.kind, SOUND, pair.source, old, new, explanation)
        lent = Lent(before.place, after.place) if self._lends and explanation and before and after else None
        return found, lent

    def _explain(self, before: "_Local", after: "_Local", progress: Progress) -> Explanation:
        try:
            return self._find(before, after, progress)
        except AudioError as error:
            # It names the file that was read, which may be a copy.
            for sound, age in ((before, "old"), (after, "new")):
                if sound.file.place is None and error.message.startswith(f"{sound.place.name} "):
                    message = error.message.removeprefix(sound.place.name)
                    raise AudioError(f"the {age} {sound.file.path}{message}", hint=error.hint) from error
            raise

    def _find(self, before: "_Local", after: "_Local", progress: Progress) -> Explanation:
        explainer = Explainer(self._repository) if self._repository else None
        if explainer is None or before.oid is None or after.oid is None:
            return explain_sounds(before.place, after.place, progress)
        known = explainer.known(before.oid, after.oid)
        if known is None:
            known = explain_sounds(before.place, after.place, progress)
            explainer.remember(before.oid, after.oid, known)
        return known

    def _listen(self, sound: "_Local", side: Side, score: Track) -> Measured:
        """Measure what is not known of a sound, and remember it; of the mix the score knows tempo and key."""
        from beatflow.sound.files import read_info

        with _naming(sound.file), sound.file.open() as opened:
            info = read_info(opened, sound.file.path)
        known = side.known(sound.oid) if sound.oid else {}
        new = _hear(sound, info.frames, known, self._measure and "tempo" not in known)
        if new and sound.oid and self._repository:
            self._repository.analysis_cache.put(sound.oid, new)
        facts = known | new
        if sound.file.path == score.mix_file:
            facts |= {
                "tempo": score.tempo or facts.get("tempo"),
                "key": score.key or facts.get("key"),
            }
        return Measured(
            sound.oid,
            info.duration_s,
            info.frames,
            info.sample_rate,
            info.channels,
            info.subtype,
            facts["loudness_lufs"],
            facts["true_peak_dbtp"],
            facts.get("tempo"),
            facts.get("key"),
        )


class _Local:
    """A sound that can be had as a file on a disk: where it lies, or else copied there when it is first needed.

    ``oid`` is None outside a repository, where it is of no use.
    """

    def __init__(self, repository: Repository | None, file: File, copy: Path) -> None:
        self.file = file
        self._repository = repository
        self._copy = copy
        self._lock = Lock()
        self.oid = file.oid
        if file.place and repository:
            self.oid = digest(file.place)

    @property
    def place(self) -> Path:
        """The file, verified when it comes out of the store."""
        if self.file.place:
            return self.file.place
        with self._lock:
            if not self._copy.exists():
                self._write()
        return self._copy

    def _write(self) -> None:
        # Under its name only when it is whole: the meters and the explainer ask for it side by side.
        part = self._copy.with_suffix(".part")
        if self.file.oid and self._repository:
            with _naming(self.file):
                self._repository.audio.write_files([(self.file.oid, part)])
        else:
            with self.file.open() as source:
                part.write_bytes(source.read())
        part.replace(self._copy)


@contextmanager
def make_scratch(repository: Repository | None) -> Iterator[Path]:
    """Give a folder for copies of sounds: on the track's own disk, or where that cannot be written the system's."""
    with ExitStack() as stack:
        folder = None
        if repository is not None:
            with suppress(OSError):
                folder = stack.enter_context(Scratch(repository.scratch)).folder
        yield folder or Path(stack.enter_context(TemporaryDirectory(prefix="beatflow-")))


@contextmanager
def _naming(file: File) -> Iterator[None]:
    """Have an error of the store name the sound that is asked for, not only the part that is damaged."""
    try:
        yield
    except (DamagedError, NotFoundError) as error:
        if file.oid is None or isinstance(error, AbsentError):
            raise
        why = error.message.removeprefix(f"{file.oid}: ")
        raise DamagedError(f"sound {file.oid[:12]} is missing or damaged: {why}", hint="bf check") from error


def find_content(pair: Pair) -> str:
    """Say what kind of file it is: ``sound`` where all there is of it is sound, else ``text`` or ``binary``."""
    heads = []
    for file in (pair.before, pair.after):
        if file:
            with _naming(file), file.open() as opened:
                heads.append(opened.read(HEAD_BYTES))
    if all(is_sound(head) for head in heads):
        return SOUND
    return BINARY if any(b"\0" in head for head in heads) else TEXT


def _check_sounds(pair: Pair) -> None:
    """Name the side that is no sound where the other one is: a bounce that failed, a text called ``mix.wav``.

    Raises
    ------
    AudioError
        That is so.
    """
    if pair.kind != MODIFIED or pair.before is None or pair.after is None:
        return
    kinds = {}
    for file in (pair.before, pair.after):
        with _naming(file), file.open() as opened:
            kinds[file] = is_sound(opened.read(HEAD_BYTES))
    if len(set(kinds.values())) == 2:
        from beatflow.sound.files import read_info

        odd = next(file for file, sound in kinds.items() if not sound)
        with odd.open() as opened:
            read_info(opened, odd.path)


def _hear(sound: _Local, frames: int, known: Facts, whole: bool) -> Facts:
    """Measure loudness unless it is known, or with ``whole`` everything, tempo and key included."""
    from beatflow.sound.files import iter_audio

    if {"loudness_lufs", "true_peak_dbtp"} <= known.keys() and not whole:
        return {}
    if not frames:
        return {"loudness_lufs": None, "true_peak_dbtp": None}
    blocks = iter_audio(sound.place, name=sound.file.path)
    if whole:
        from beatflow.sound.analysis import analyze

        return analyze(blocks).to_json()
    from beatflow.sound.loudness import measure_loudness

    loudness = measure_loudness(blocks)
    return {"loudness_lufs": loudness.integrated_lufs, "true_peak_dbtp": loudness.true_peak_dbtp}


def _compare_text(pair: Pair) -> tuple[str, ...]:
    texts: list[Sequence[str]] = []
    for file in (pair.before, pair.after):
        assert file is not None
        with file.open() as opened:
            data = opened.read(MAX_TEXT + 1)
        if len(data) > MAX_TEXT:
            return ()
        texts.append(data.decode("utf-8", "replace").splitlines())
    return tuple(difflib.unified_diff(texts[0], texts[1], lineterm="", n=1))[2:]
