"""Which stored chunks are sound: those whose records are whole, and whole with all that they stand on."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.objects.ids import sha256
from beatflow.objects.intake import Buffers
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import Codec, Flag, Kind
from beatflow.objects.packset import PackSet
from beatflow.objects.packwriter import NewRecord, PackWriter
from beatflow.objects.reach import ALONE, LOST, MAX_DEPTH, Reach
from beatflow.objects.standing import Standing, Standings

IDS = [sha256(b"%d" % number) for number in range(10)]

# Of each chunk: what it stands on, how many predictions deep it says that it is, whether its record is damaged.
CHUNKS = st.lists(
    st.tuples(
        st.lists(st.integers(0, len(IDS) - 1), max_size=3, unique=True),
        st.integers(1, MAX_DEPTH + 1),
        st.sampled_from((False, False, False, True)),
    ),
    max_size=len(IDS),
)
Chunks = list[tuple[list[int], int, bool]]


def make_record(number: int, needs: list[int], depth: int) -> NewRecord:
    if not needs:
        return NewRecord(Kind.CHUNK, IDS[number], Codec.NONE, 0, bytes(4), 9, b"plain")
    table = len(needs).to_bytes(2, "little") + b"".join(IDS[need] for need in needs)
    parameters = bytes((1, 0, depth, depth + 1))
    return NewRecord(Kind.CHUNK, IDS[number], Codec.PREDICTION, Flag.DEPENDS, parameters, 9, table + b"rest")


def write(folder: Path, chunks: Chunks) -> PackSet:
    """Put every other chunk into another pack."""
    (folder / "packs").mkdir()
    for odd in (0, 1):
        writer = PackWriter(folder / "new")
        damaged = []
        for number, (needs, depth, is_damaged) in enumerate(chunks):
            if number % 2 == odd:
                writer.add(make_record(number, needs, depth))
                damaged += [writer.position - 1] if is_damaged else []
        path = folder / "packs" / f"{writer.finish()}.pack"
        data = bytearray(writer.path.read_bytes())
        for at in damaged:
            data[at] ^= 1
        writer.path.unlink()
        path.write_bytes(data)
    return PackSet(folder / "packs")


def find_sound(chunks: Chunks) -> dict[int, int]:
    """Return how deep each sound chunk is."""
    sound: dict[int, int] = {}
    for deepest in range(MAX_DEPTH + 1):
        for number, (needs, depth, is_damaged) in enumerate(chunks):
            stands = all(need in sound and sound[need] < depth for need in needs)
            if not is_damaged and stands and (depth if needs else 0) == deepest:
                sound[number] = deepest
    return sound


@given(CHUNKS, st.permutations(range(len(IDS))), st.integers(1, len(IDS)))
@settings(deadline=None)
def test_sound_is_what_can_be_read_with_all_that_it_needs(
    tmp_path_factory: pytest.TempPathFactory, chunks: Chunks, order: list[int], together: int
) -> None:
    """However many are judged at a time."""
    standings = Standings(write(tmp_path_factory.mktemp("store"), chunks), Buffers())
    sound = find_sound(chunks)
    # Who stands on what says that it is deeper than himself is no reason to believe in either.
    lies = any(
        chunks[need][1] >= depth
        for needs, depth, _ in chunks
        for need in needs
        if need < len(chunks) and chunks[need][0]
    )
    for start in range(0, len(order), together):
        some = order[start : start + together]
        found = standings.judge([IDS[number] for number in some])
        for number, standing in zip(some, found, strict=True):
            assert standing.is_there == (number < len(chunks))
            assert not standing.is_sound or number in sound
            assert lies or standing == Standing(number < len(chunks), number in sound)


def test_along_a_file(tmp_path: Path) -> None:
    chunks: Chunks = [([], 1, False), ([0], 1, False), ([1], 2, True), ([2], 3, False)]
    standings = Standings(write(tmp_path, chunks), Buffers())
    standings.note(IDS[9], Reach(4, 5))
    refs = [ChunkRef(IDS[number], 9) for number in (3, 1, 0, 9, 8)]
    find = standings.along(refs)
    assert [find(ref) for ref in refs] == [LOST, Reach(1, 2), ALONE, Reach(4, 5), LOST]
    standings.forget(IDS[9])
    assert find(refs[3]) == LOST
