"""The chunks of several files in the order of time: what sounds together stands together.

What a mix is predicted from, its stems at the same place, is at hand then when the mix is put together. Knows manifests
only.
"""

from collections.abc import Iterator, Sequence
from heapq import merge

from beatflow.objects.manifest import ChunkRef, Manifest

# What a container does not say: any rate will do, as long as all of its chunks have the same.
_ANY_RATE = 44_100

FILES_AT_ONCE = 32
"""How many files are put together side by side: chunks of all of them are in memory at once."""


def iter_in_time(
    manifests: Sequence[Manifest], delays_s: Sequence[float] | None = None
) -> Iterator[tuple[int, ChunkRef]]:
    """Yield the chunks of all files, each with the number of its file: those of one file in its own order.

    Parameters
    ----------
    manifests : sequence of Manifest
    delays_s : sequence of float, optional
        By how many seconds each file is to come after the others.
    """
    delays_s = delays_s or [0.0] * len(manifests)
    timed = (_iter_timed(number, *one) for number, one in enumerate(zip(manifests, delays_s, strict=True)))
    return ((number, ref) for _, number, ref in merge(*timed))


def count_rate(manifest: Manifest) -> float:
    """Return how many bytes a second of a file's first PCM takes, 0 where there is none."""
    layouts = (region.layout for region in manifest.regions if region.layout)
    return next((layout.frame_bytes * (layout.sample_rate or _ANY_RATE) for layout in layouts), 0)


def _iter_timed(number: int, manifest: Manifest, time_s: float) -> Iterator[tuple[float, int, ChunkRef]]:
    """Yield a file's chunks with the time, in seconds, at which each ends; bytes take no time."""
    for region in manifest.regions:
        layout = region.layout
        rate = layout.frame_bytes * (layout.sample_rate or _ANY_RATE) if layout else 0
        for ref in region.chunks:
            time_s += ref.length / rate if rate else 0.0
            yield time_s, number, ref
