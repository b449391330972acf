"""A mix beside its stems and its score: which of its chunks are nothing but their sum.

Joins `track.toml`'s faders with the store's renditions. What the score says may be wrong or late: the store keeps a
rendition only where it gives the very bytes of the mix.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from beatflow.errors import UsageError
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import Predicted, Source
from beatflow.objects.reach import MAX_DEPTH, Reach
from beatflow.objects.rendition import Part, Voice, can_render, encode, render, sum_parts
from beatflow.objects.sources import SourceFile
from beatflow.sound.fader import Fader, get_gains
from beatflow.track import Track

# Reading one chunk must not take more than a reader allows, by far; what a source says it takes is at most 255.
_MOST_COST, _UNTOLD_COST = 1024, 255
_PROBE_FRAMES = 64


class ScoredStem(NamedTuple):
    """A stored stem of the score, and its fader."""

    file: SourceFile
    fader: Fader


class _Laid(NamedTuple):
    file: SourceFile
    gains: tuple[int, ...]
    offset: int


class ScoreRenderer:
    """Renders the chunks of a mix from its stems; None where they are not what stands there.

    Parameters
    ----------
    layout : Layout
        Of the mix.
    stems : sequence of ScoredStem
        Those that sound.
    master_db : float
    """

    def __init__(self, layout: Layout, stems: Sequence[ScoredStem], master_db: float) -> None:
        self._layout = layout
        self._stems = []
        for file, fader in stems:
            gains = get_gains(fader, master_db, layout.channels)
            if any(gains):
                self._stems.append(_Laid(file, gains, fader.offset))

    def render(self, frame: int, raw: bytes) -> Predicted | None:
        """Return what gives back the bytes of a chunk that begins at a frame of the mix, None where nothing does."""
        frames = len(raw) // self._layout.frame_bytes
        if not self._may_be(frame, raw, frames):
            return None
        voices, reaches = [], []
        for file, gains, offset in self._stems:
            part = file.cover(frame - offset, frames)
            if part is None or file.layout is None:
                continue
            layout = Layout(file.layout.format, file.layout.channels)
            voices.append(Voice(Source(layout, part.chunks, part.start), gains))
            reaches += [(file, file.reach((ref,)), ref) for ref in part.chunks]
        depth = 1 + max((reach.depth for _, reach, _ in reaches), default=MAX_DEPTH)
        costs = [reach.cost for _, reach, _ in reaches]
        if depth > MAX_DEPTH or 1 + sum(costs) > _MOST_COST or max(costs) >= _UNTOLD_COST:
            return None
        files = {ref: file for file, _, ref in reaches}
        with suppress(ValueError):
            if render(voices, lambda ref: _fetch(files[ref], ref), self._layout, frames) == raw:
                return encode(voices, self._layout, Reach(depth, min(_UNTOLD_COST, 1 + sum(costs))))
        return None

    def _may_be(self, frame: int, raw: bytes, frames: int) -> bool:
        """Compare the first few frames: most that is no render shows there, before anything is decoded."""
        count = min(_PROBE_FRAMES, frames)
        parts = []
        for file, gains, offset in self._stems:
            low = frame - offset
            found = file.peek_bytes(max(low, 0), low + count)
            if found is None or file.layout is None:
                return False
            parts.append(Part(max(-low, 0), found, file.layout, gains))
        try:
            return raw.startswith(sum_parts(parts, self._layout, count))
        except ValueError:  # a stem that is not of numbers
            return False


def _fetch(file: SourceFile, ref: ChunkRef) -> bytes:
    found = file.read((ref,))
    if found is None:
        raise ValueError("a stem cannot be read")
    return found[ref.id]


class _FirstOf:
    """Several scores that may be what a mix was made by, the one that was right last tried first."""

    def __init__(self, renderers: list[ScoreRenderer]) -> None:
        self._renderers = renderers

    def render(self, frame: int, raw: bytes) -> Predicted | None:
        for number, renderer in enumerate(self._renderers):
            found = renderer.render(frame, raw)
            if found is not None:
                self._renderers.insert(0, self._renderers.pop(number))
                return found
        return None


def make_renderer(
    makings: "Sequence[tuple[Track, Mapping[str, SourceFile | None]]]", layout: Layout
) -> _FirstOf | None:
    """Return what renders a mix of this layout, None where no score allows that.

    Parameters
    ----------
    makings : sequence of scores, each with its stems
        Name to SourceFile; None for what is not stored, or not as samples.
    layout : Layout
    """
    found = [_render_by(track, layout, stems) for track, stems in makings] if can_render(layout) else []
    renderers = [renderer for renderer in found if renderer]
    return _FirstOf(renderers) if renderers else None


def _render_by(
    track: Track, layout: Layout, stems: "Mapping[str, SourceFile | None]"
) -> ScoreRenderer | None:
    solo = any(stem.solo for stem in track.stems.values())
    sounding = []
    for name, stem in track.stems.items():
        if stem.mute or (solo and not stem.solo):
            continue
        file = stems.get(name)
        # One that is not there as samples may have none: what the others give is compared anyway.
        if file and file.layout and file.layout.channels in (1, layout.channels):
            sounding.append(ScoredStem(file, Fader(stem.gain_db, stem.pan, offset=stem.offset)))
    try:
        return ScoreRenderer(layout, sounding, track.master_db) if sounding else None
    except UsageError:  # a fader beyond its range: what stands there is no render
        return None
