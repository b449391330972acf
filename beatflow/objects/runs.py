"""Chunks on their way into a pack: hashed, looked up, joined into runs and coded on threads, given back in order.

Knows what a chunk needs to become a record, and no packs: it is told what is stored.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from beatflow.native.buffers import copy_bytes
from beatflow.objects.ids import sha256
from beatflow.objects.intake import Intake
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import Kind
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.split import Block, Place
from beatflow.objects.standing import Standing
from beatflow.objects.threads import Pending, Workers

if TYPE_CHECKING:
    from beatflow.objects.coding import RunCoder
    from beatflow.objects.prediction import Advisor

# Chunks that one thread codes after each other, so that it may learn from each for the next.
_RUN_CHUNKS = 8
_FEW_CHUNKS = 2
# What takes less than handing it to a thread and back.
_SMALL_BYTES = 128 * 1024
# Of the file that comes next; together they make a run for each of two threads.
_EARLY_BLOCKS = 3

T = TypeVar("T")


class Coded(NamedTuple):
    """What becomes of one chunk; no record where the store has it already."""

    layout: Layout | None
    ref: ChunkRef
    record: NewRecord | None


class _Chunk(NamedTuple):
    """A chunk, and its bytes where it is to be coded."""

    layout: Layout | None
    ref: ChunkRef
    is_there: bool
    data: bytes | None


class _Run(NamedTuple):
    """Chunks that follow each other and are read alike, and the byte of their region at which they begin."""

    layout: Layout | None
    start: int
    chunks: list[_Chunk]


class _Done(Generic[T]):
    """An outcome that nobody has to wait for."""

    def __init__(self, outcome: T) -> None:
        self._outcome = outcome

    def done(self) -> bool:
        """Say that it is there."""
        return True

    def result(self) -> T:
        """Return it."""
        return self._outcome

    def cancel(self) -> None:
        """Do nothing."""


class Looked(NamedTuple):
    """A chunk's id, how it stands, and its bytes where they may have to be coded."""

    id: bytes
    standing: Standing
    data: bytes | None


class LookUps:
    """The blocks of one file, their chunks hashed and looked up on threads, a little ahead of whoever takes them.

    Parameters
    ----------
    intake : Intake
    pool : Workers
    judge : callable
        Tells of chunks' ids how they stand; called on any thread.

    Attributes
    ----------
    intake : Intake
    """

    def __init__(
        self, intake: Intake, pool: Workers, judge: Callable[[Sequence[bytes]], list[Standing]]
    ) -> None:
        self.intake = intake
        self._pool = pool
        self._judge = judge
        self._blocks = iter(intake)
        self._waiting: deque[tuple[Block, Pending[list[Looked]]]] = deque()
        self._error: Exception | None = None

    def begin(self) -> None:
        """Have the first blocks looked up before they are asked for; whoever asks is told what goes wrong."""
        try:
            while len(self._waiting) < _EARLY_BLOCKS and self._submit_next():
                pass
        except Exception as error:
            self._error = error

    def __iter__(self) -> Iterator[tuple[list[Place], list[Looked]]]:
        """Yield the chunks of each block, where they lay and what is known of them."""
        while True:
            while len(self._waiting) < 2 and self._submit_next():
                pass
            if not self._waiting:
                return
            block, outcome = self._waiting.popleft()
            found = outcome.result()
            self.intake.release(block)
            yield block.places, found

    def close(self) -> None:
        """Look up no more."""
        for _, outcome in self._waiting:
            outcome.cancel()
        self._waiting.clear()

    def _submit_next(self) -> bool:
        """Have one more block looked up; return whether there was one."""
        if self._error is not None:
            raise self._error
        block = next(self._blocks, None)
        if block is None:
            return False
        if block.end <= _SMALL_BYTES:
            self._waiting.append((block, _Done(self._look_up(block))))
        else:
            self._waiting.append((block, self._pool.submit(self._look_up, block)))
        return True

    def _look_up(self, block: Block) -> list[Looked]:
        with memoryview(block.data) as data:
            ids = [sha256(data[place.start : place.end]) for place in block.places]
        return [
            Looked(
                id, standing, None if standing.is_sound else copy_bytes(block.data, place.start, place.end)
            )
            for id, standing, place in zip(ids, self._judge(ids), block.places, strict=True)
        ]


class ChunkCoder:
    """Codes the chunks of one file.

    Parameters
    ----------
    pool : Workers
    window : int
        Runs that may be under way at a time.
    is_written : callable
        Says whether a chunk has been written since it was looked up.
    advisor : Advisor, optional
        Knows what the file may be predicted from.
    """

    def __init__(
        self,
        pool: Workers,
        window: int,
        is_written: Callable[[bytes], bool],
        advisor: "Advisor | None",
    ) -> None:
        self._pool = pool
        self._window = window
        self._is_written = is_written
        self._advisor = advisor
        # Sounds repeat themselves: of chunks that are alike, the first is coded.
        self._begun: set[bytes] = set()

    def code(self, lookups: LookUps, at_end: Callable[[], None]) -> Generator[Coded, None, None]:
        """Yield what becomes of each chunk, in the order of the file. Closing it cancels what has not begun.

        Parameters
        ----------
        lookups : LookUps
            Of the file.
        at_end : callable
            Called when the last chunks have been handed to threads, and there is time for something else.
        """
        ahead: deque[Pending[list[Coded]]] = deque()
        runs = _join(self._sort(lookups), _RUN_CHUNKS if self._advisor else 1)
        try:
            run = next(runs, None)
            while run is not None:
                following = next(runs, None)
                is_only = following is None and not ahead
                if is_only or all(chunk.data is None for chunk in run.chunks):
                    ahead.append(_Done(_encode(run, self._advisor)))
                else:
                    ahead.append(self._pool.submit(_encode, run, self._advisor))
                run = following
                while ahead and (len(ahead) > self._window or ahead[0].done()):
                    yield from ahead.popleft().result()
            at_end()
            while ahead:
                yield from ahead.popleft().result()
        finally:
            for outcome in ahead:
                outcome.cancel()

    def _sort(self, lookups: LookUps) -> Iterator[_Chunk]:
        """Yield the chunks of a file, those that are to be coded with their bytes."""
        for places, found in lookups:
            for place, (id, standing, data) in zip(places, found, strict=True):
                is_needed = data is not None and id not in self._begun and not self._is_written(id)
                if is_needed:
                    self._begun.add(id)
                ref = ChunkRef(id, place.end - place.start)
                yield _Chunk(place.layout, ref, standing.is_there, data if is_needed else None)


def _encode(run: _Run, advisor: "Advisor | None") -> list[Coded]:
    new = sum(chunk.data is not None for chunk in run.chunks)
    # Where little of a run is new, as around a cut, looking for what explains it costs more than it saves.
    few = new <= _FEW_CHUNKS and 2 * new < len(run.chunks)
    coder = _open_coder(run.layout, advisor, few) if new and run.layout else None
    coded = []
    passed = []
    at = run.start
    for layout, ref, is_there, data in run.chunks:
        frame = at // layout.frame_bytes if layout else 0
        record = None
        if data is None:
            passed.append((frame, ref))
        elif coder is None:
            record = _code_bytes(ref, data)
        else:
            # What heals a damaged chunk must stand alone: others may be predicted from it.
            record = coder.code(frame, ref, data, passed, plainly=is_there)
        coded.append(Coded(layout, ref, record))
        at += ref.length
    return coded


def _open_coder(layout: Layout, advisor: "Advisor | None", few: bool) -> "RunCoder":
    """Begin to code a run; not before something in it is new, since this loads the codecs."""
    from beatflow.objects.coding import RunCoder

    guide = advisor.guide(layout) if advisor and not few else None
    return RunCoder(layout, guide, renderer=advisor.renderer(layout) if advisor else None)


def _code_bytes(ref: ChunkRef, data: bytes) -> NewRecord:
    from beatflow.objects.plain import encode_bytes

    found = encode_bytes(data)
    return NewRecord(Kind.CHUNK, ref.id, found.codec, 0, found.parameters, len(data), found.payload)


def _join(chunks: Iterator[_Chunk], longest: int) -> Iterator[_Run]:
    """Join chunks of the same layout into runs."""
    run: _Run | None = None
    at = 0
    for chunk in chunks:
        same = run is not None and chunk.layout == run.layout
        if run is not None and (not same or len(run.chunks) == longest):
            yield run
            run = None
        at = at if same else 0
        if run is None:
            run = _Run(chunk.layout, at, [])
        run.chunks.append(chunk)
        at += chunk.ref.length
    if run is not None:
        yield run
