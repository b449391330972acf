"""Turns the chunks of one run of samples, or single chunks of bytes, into records: plain, predicted or rendered.

Knows codecs and predictions, no packs. Whichever is smaller is taken; where predictions have proven much smaller, the
plain codec is no longer tried.
"""

from math import log2

from beatflow.errors import DamagedError
from beatflow.native import prediction as native
from beatflow.objects.codec import encode
from beatflow.objects.flac import LEVEL
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.pack import Codec, Flag, Kind
from beatflow.objects.packwriter import NewRecord
from beatflow.objects.prediction import Guide, Predicted, Renderer
from beatflow.objects.predictioncodec import encode as encode_prediction

# A prediction this much smaller than the plain codec is expected to be needs no comparing with it.
_CLEARLY = 0.75


class RunCoder:
    """Codes chunks that follow each other in one file.

    Parameters
    ----------
    layout : Layout or None
        How to read them; None for plain bytes.
    guide : Guide or None
        Proposes predictions.
    level : float
        FLAC's.
    renderer : Renderer or None
        Knows what the samples are the sum of.
    """

    def __init__(
        self,
        layout: Layout | None,
        guide: Guide | None,
        level: float = LEVEL,
        renderer: Renderer | None = None,
    ) -> None:
        self._layout = layout
        self._guide = guide
        self._renderer = renderer
        self._level = level
        # The first stream of a run proves that the compressor, and what surrounds it, works as it should.
        self._flac_proven = False
        # Bits per sample of a plain chunk, less the logarithm of how rough it was.
        self._plain_bits: float | None = None

    def code(
        self, frame: int, ref: ChunkRef, raw: bytes, passed: list[tuple[int, ChunkRef]], plainly: bool = False
    ) -> NewRecord:
        """Return the record of a new chunk.

        Parameters
        ----------
        frame : int
            Of its region, at which it begins.
        ref : ChunkRef
        raw : bytes
        passed : list of (frame, ChunkRef)
            Chunks before it that are stored already; they are taken note of, and taken off.
        plainly : bool
            Whether it must stand alone.
        """
        while passed:
            known = passed.pop(0)
            if self._guide:
                self._guide.pass_over(*known)
        rendered = self._renderer.render(frame, raw) if self._renderer and not plainly else None
        if rendered is not None:
            return _make_record(Codec.RENDITION, ref, raw, rendered)
        attempt = None if plainly else self._predict(frame, ref, raw)
        if attempt is None:
            return self._code_plainly(ref, raw)
        predicted, rough, size = attempt
        bits = 8 * len(predicted.payload) / size
        if self._plain_bits is not None and bits < _CLEARLY * (self._plain_bits + rough):
            self._guide_settles(True)
            return predicted
        plain = self._code_plainly(ref, raw)
        self._plain_bits = 8 * len(plain.payload) / size - rough
        won = len(predicted.payload) < len(plain.payload)
        self._guide_settles(won)
        return predicted if won else plain

    def _predict(self, frame: int, ref: ChunkRef, raw: bytes) -> tuple[NewRecord, float, int] | None:
        """Return a predicted record, how rough the samples are and how many; None where no prediction holds."""
        if self._guide is None or self._layout is None:
            return None
        proposal = self._guide.propose(frame, raw)
        if proposal is None:
            return None
        try:
            found = encode_prediction(raw, self._layout, proposal, self._level)
            rough = _measure_roughness(raw, self._layout)
        except (DamagedError, ValueError):
            return None
        predicted = _make_record(Codec.PREDICTION, ref, raw, found)
        return predicted, rough, len(raw) // self._layout.format.width

    def _code_plainly(self, ref: ChunkRef, raw: bytes) -> NewRecord:
        found = encode(raw, self._layout, self._level, self._flac_proven)
        self._flac_proven |= found.codec is Codec.FLAC
        return NewRecord(Kind.CHUNK, ref.id, found.codec, 0, found.parameters, len(raw), found.payload)

    def _guide_settles(self, won: bool) -> None:
        if self._guide:
            self._guide.settle(won)


def _make_record(codec: Codec, ref: ChunkRef, raw: bytes, found: Predicted) -> NewRecord:
    return NewRecord(Kind.CHUNK, ref.id, codec, Flag.DEPENDS, found.parameters, len(raw), found.payload)


def _measure_roughness(raw: bytes, layout: Layout) -> float:
    """Return the logarithm of the mean second difference: what a plain codec needs grows and falls with it."""
    if native.is_at_hand():
        return log2(native.measure_roughness(raw, layout.format, layout.channels) + 1.0)
    from beatflow.objects.samples import join_samples, measure_roughness

    return log2(measure_roughness(join_samples((raw,), layout)) + 1.0)
