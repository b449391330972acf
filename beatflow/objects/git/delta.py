"""How an object stands in a git pack: its head, and deltas, which put it together from another (gitformat-pack)."""

from typing import NamedTuple, Protocol

_OFFSET_DELTA, _BASE_DELTA = 6, 7


class DeltaError(Exception):
    """Bytes that are not what git's format says."""


class Readable(Protocol):
    """Bytes, or a mapped file."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


class Head(NamedTuple):
    """What an object's first bytes say.

    Attributes
    ----------
    kind : int
        Git's number: 1 commit, 2 tree, 3 blob, 4 tag; 6 and 7 are deltas.
    size : int
        Bytes, unpacked, of the object or of its delta.
    base : int, bytes or None
        Of a delta, where in the pack what it leans on begins, or that object's id.
    data_at : int
        Where the zlib stream begins.
    """

    kind: int
    size: int
    base: int | bytes | None
    data_at: int


def read_head(data: Readable, offset: int, id_bytes: int = 20) -> Head:
    """Read the head of the object that begins at ``offset``.

    Raises
    ------
    DeltaError
        It is cut short, or leans on nothing.
    """
    # No head is longer: 10 bytes of length, and 10 of a distance or an id.
    raw = data[offset : offset + 10 + id_bytes]
    try:
        byte = raw[0]
        at, kind, size, shift = 1, byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = raw[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
        base: int | bytes | None = None
        if kind == _OFFSET_DELTA:
            byte = raw[at]
            at += 1
            distance = byte & 0x7F
            while byte & 0x80:
                byte = raw[at]
                at += 1
                distance = (distance + 1) << 7 | byte & 0x7F
            base = offset - distance
            if distance == 0 or base < 0:
                raise DeltaError("a delta leans on nothing")
        elif kind == _BASE_DELTA:
            base = raw[at : at + id_bytes]
            at += id_bytes
    except IndexError as error:
        raise DeltaError("it is cut short") from error
    if at > len(raw):
        raise DeltaError("it is cut short")
    return Head(kind, size, base, offset + at)


def read_sizes(delta: bytes) -> tuple[int, int, int]:
    """Return the bytes of what a delta leans on, of what it makes, and where its first instruction stands."""
    sizes = []
    at = 0
    for _ in range(2):
        size = shift = 0
        while True:
            if at >= len(delta) or shift > 63:
                raise DeltaError("a delta is cut short")
            byte = delta[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        sizes.append(size)
    return sizes[0], sizes[1], at


def apply_delta(delta: bytes, base: bytes, largest: int) -> bytes:
    """Put an object together from another one.

    Raises
    ------
    DeltaError
        The delta does not fit its base, or makes more than ``largest`` bytes, or not as many as it says.
    """
    base_size, size, at = read_sizes(delta)
    if base_size != len(base) or size > largest:
        raise DeltaError("a delta does not fit what it leans on")
    result = bytearray()
    end = len(delta)
    while at < end:
        code = delta[at]
        at += 1
        if code & 0x80:
            numbers = bytearray(7)
            for bit in range(7):
                if code >> bit & 1:
                    numbers[bit : bit + 1] = delta[at : at + 1] or _raise("a delta is cut short")
                    at += 1
            start = int.from_bytes(numbers[:4], "little")
            length = int.from_bytes(numbers[4:], "little") or 0x10000
            piece = base[start : start + length]
        else:
            length = code
            piece = delta[at : at + code]
            at += code
        if not length or len(piece) != length:
            raise DeltaError("a delta copies what is not there")
        result += piece
        if len(result) > size:
            break
    if len(result) != size:
        raise DeltaError("a delta makes something of another length than it says")
    return bytes(result)


def _raise(why: str) -> bytes:
    raise DeltaError(why)
