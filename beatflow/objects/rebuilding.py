"""Rebuilds a chunk from the chunks that its record names, whichever way it is described.

Knows which codecs do that; how each of them does, its own module knows.
"""

from collections.abc import Callable

from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import Codec, Record
from beatflow.objects.predictioncodec import decode
from beatflow.objects.rendition import decode as decode_rendition


def rebuild(record: Record, fetch: Callable[[ChunkRef], bytes]) -> bytes:
    """Return the bytes of a chunk, not compared with its id yet.

    Parameters
    ----------
    record : Record
        Of one of the codecs in `REBUILT`.
    fetch : callable
        Gives the verified bytes of a chunk that it depends on.

    Raises
    ------
    DamagedError
        It cannot be decoded.
    """
    length = record.entry.raw_length
    if record.entry.codec == Codec.RENDITION:
        return decode_rendition(record.parameters, record.payload, length, fetch)
    return decode(record.parameters, record.payload, length, fetch)
