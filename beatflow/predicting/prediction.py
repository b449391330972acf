"""What a new sound may be predicted from: its former version, and the sounds around it.

Joins fits with the store's predictions, chunk by chunk, in bytes as they stand in files: numpy is loaded only for what
kernels do not do. Everything here may guess wrong: the store compares and keeps what is smaller.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from beatflow.native import fit
from beatflow.native.fit import Stretches
from beatflow.objects.layout import Layout
from beatflow.objects.manifest import ChunkRef
from beatflow.objects.prediction import (
    MAX_SOURCE_CHUNKS,
    MAX_SOURCES,
    Guide,
    Prediction,
    Proposal,
    Source,
    is_predictable,
)
from beatflow.objects.reach import ALONE, MAX_DEPTH, Reach
from beatflow.objects.sources import SourceFile
from beatflow.predicting.gains import Fitted, fit_crossed, fit_filter, fit_gains
from beatflow.predicting.view import View, read_stretch

MAX_COST = 12
"""How many chunks' worth of decoding one chunk may take."""

_DEEPEST = MAX_DEPTH - 1
"""One step is left for the mix that is rendered from what is predicted so."""

_LEAST_FRAMES = 256
_LEAST_GAIN_BITS = 0.5
_CHEAP = 4
_LAGS = 8
_LIKENESS = 0.5
_MOST_HINTS = 2
# Where nothing was found several times, one run of so many is still looked at.
_SELDOM = 4


class Effort(NamedTuple):
    """How hard to search.

    Attributes
    ----------
    reach_s : float
        How far a version may have moved.
    searches : int
        How often to look for that in one file.
    patience : int
        How many chunks of a file that begins as it did must stay unexplained before anything is tried that takes long.
    failures : int
        How often what takes long may find nothing in one file.
    versions, siblings : int
        How many former versions, and how many sounds beside a new one, are looked at.
    cost : int
        How many chunks' worth of decoding one chunk may take.
    price_bits : float
        Bits per sample that a source must save for each chunk that it takes to decode: it must be worth its table of
        chunks, and the time.
    enough : float
        What leaves less than this share of the bits needs no better explanation.
    tireless : bool
        Whether to try each chunk, even where nothing was found for those before it.
    """

    reach_s: float = 3.0
    searches: int = 3
    patience: int = 2
    failures: int = 3
    versions: int = 3
    siblings: int = 14
    cost: int = MAX_COST
    price_bits: float = 0.1
    enough: float = 0.5
    tireless: bool = False


THOROUGH = Effort(
    reach_s=10.0,
    searches=8,
    patience=0,
    failures=1_000_000,
    versions=6,
    price_bits=0.02,
    enough=0.1,
    tireless=True,
)
"""For what is done once and may take long. The cost stays: later versions are to be predicted from what it writes."""


class _Input(NamedTuple):
    """A source file, and by how many frames the new sound is later."""

    file: SourceFile
    offset: int


class _Model(NamedTuple):
    """How the chunks of a run are made: from which inputs, channel by channel, across channels, or filtered.

    `bits` per sample are left of the chunk in which it was found.
    """

    inputs: tuple[_Input, ...]
    bits: float
    crossed: bool = False
    lags: int = 0


_Try = tuple[Callable[[View, Sequence[_Input], Effort], _Model | None], Sequence[_Input]]


class _Applied(NamedTuple):
    """A model fitted to one chunk, about how many bits per sample it leaves, and whether that is mere noise."""

    proposal: Proposal
    bits: float
    noise: bool


class SoundAdvisor:
    """Knows what one new file may be predicted from.

    Parameters
    ----------
    versions : sequence of SourceFile
        What stood at its path before, or may have been it.
    siblings : sequence of SourceFile
        What stands beside it now.
    effort : Effort
    """

    def __init__(
        self, versions: Sequence[SourceFile], siblings: Sequence[SourceFile], effort: Effort | None = None
    ) -> None:
        self._versions = versions
        self._siblings = siblings
        self.effort = effort or Effort()
        self._searches = 0
        self._searching = threading.Lock()
        self._guides = 0
        # How many chunks nothing simple has explained so far, and how many nothing at all.
        self._unexplained = 0
        self.failures = 0
        # Whether it is another from its first sample on: often the same sound, changed as a whole; else, another take.
        self.begins_anew = False
        # Offsets found so far; any thread may add to them, none relies on them.
        self.offsets: list[_Input] = []
        # What last explained a chunk so well that it is worth trying first on the next run.
        self.model: _Model | None = None

    def guide(self, layout: Layout) -> Guide | None:
        """Return a guide for a run of samples, None where there is nothing to predict from."""
        self._guides += 1
        if self.failures >= self.effort.failures and self._guides % _SELDOM:
            return None
        versions = [file for file in self._versions if _fits(file, layout)]
        siblings = [file for file in self._siblings if _fits(file, layout)]
        return _Guide(self, layout, versions, siblings) if versions or siblings else None

    def renderer(self, layout: Layout) -> None:
        """Return None: what makes a mix is not to be guessed, see `predicting/scoring.py`."""

    def may_try_hard(self) -> bool:
        """Say whether enough is at stake for what takes long, and count one more chunk."""
        self._unexplained += 1
        patience = 0 if self.begins_anew else self.effort.patience
        return self._unexplained > patience and self.failures < self.effort.failures

    def search(self, version: SourceFile, frame: int, raw: bytes, layout: Layout) -> None:
        """Look for a chunk's loudest stretch around its place in a version; a few times per file."""
        # One at a time: where numpy does it, a search of 30 seconds takes 250 MB.
        with self._searching:
            if self._searches < self.effort.searches:
                self._searches += 1
                self._search(version, frame, raw, layout)

    def _search(self, version: SourceFile, frame: int, raw: bytes, layout: Layout) -> None:
        from beatflow.predicting.search import find_place

        def read(first: int, frames: int) -> Stretches | None:
            form = version.layout
            found = read_stretch(version, form, frame + first, frames) if form else None
            return Stretches(found, form.format, form.channels) if form and found else None

        place = find_place(raw, layout, read, round(self.effort.reach_s * (layout.sample_rate or 44100)))
        if place and place.likeness > _LIKENESS and place.offset:
            offset = _Input(version, place.offset)
            if offset not in self.offsets:
                self.offsets.append(offset)


def _fits(file: SourceFile, layout: Layout) -> bool:
    if file.layout is None or not is_predictable(layout):
        return False
    same_rate = file.layout.sample_rate == layout.sample_rate
    return same_rate and file.layout.channels in (1, layout.channels)


class _Guide:
    """Proposes predictions for the chunks of one run; remembers what explained the last one."""

    def __init__(
        self,
        advisor: SoundAdvisor,
        layout: Layout,
        versions: Sequence[SourceFile],
        siblings: Sequence[SourceFile],
    ) -> None:
        self._advisor = advisor
        self._effort = advisor.effort
        self._layout = layout
        self._versions = versions
        self._siblings = siblings
        self._hints: list[_Input] = []
        known = advisor.model
        self._model = known if known and all(_fits(one.file, layout) for one in known.inputs) else None
        self._misses = 0
        self._wait = 0

    def pass_over(self, frame: int, ref: ChunkRef) -> None:
        """Learn from a chunk that is stored already where this sound lies in its former versions."""
        for file in self._versions:
            place = file.frame_of(ref.id)
            if place is not None and place != frame:
                hint = _Input(file, frame - place)
                if hint not in self._hints:
                    self._hints.append(hint)

    def propose(self, frame: int, raw: bytes) -> Proposal | None:
        """Return a prediction of new samples that begin at a frame of their region, or None."""
        if len(raw) < _LEAST_FRAMES * self._layout.frame_bytes:
            return None
        if frame == 0:
            self._advisor.begins_anew = True
        former = self._apply(self._model, frame, raw) if self._model else None
        if former and self._model and former.bits < self._model.bits + _LEAST_GAIN_BITS:
            return former.proposal
        if self._wait and not former:
            self._wait -= 1
            return None
        # Nothing known explains this chunk, or not as well as the last: an instrument may have come in.
        found = self._detect(frame, raw, former)
        if found is None:
            self._miss()
        return found and found.proposal

    def settle(self, won: bool) -> None:
        """Give up a model that is of no use."""
        if won:
            self._misses = 0
        else:
            self._miss()

    def _miss(self) -> None:
        self._model = None
        self._misses += 1
        self._wait = 0 if self._effort.tireless else 4**self._misses - 1

    # Finding out ----------------------------------------------------------------------------------------

    def _detect(self, frame: int, raw: bytes, best: _Applied | None) -> _Applied | None:
        """Find what explains a chunk better than the model of the last one did, and make it the model."""
        view = View(frame, raw, self._layout)
        if view.plain is None or view.plain < 2 * _LEAST_GAIN_BITS:
            return best
        for attempt, inputs in self._list_tries(frame, raw):
            model = attempt(view, inputs, self._effort)
            found = self._apply(model, frame, raw) if model else None
            if model and found and (best is None or found.bits < best.bits):
                best = found
                self._model = model._replace(bits=found.bits)
            if best and (best.noise or best.bits < self._effort.enough * view.plain):
                self._advisor.model = self._model
                break
        else:
            self._advisor.failures += best is None
        return best

    def _list_tries(self, frame: int, raw: bytes) -> Iterator[_Try]:
        """Yield what may explain a chunk, and from which inputs, the likeliest and cheapest first."""
        unmoved = [_Input(file, 0) for file in (*self._versions, *self._siblings)]
        moved = [*self._hints[:_MOST_HINTS], *self._advisor.offsets]
        # A version that is itself a mix of much takes long to decode: not before the rest has failed.
        cheap = [one for one in unmoved if _reach_at(one, frame).cost <= _CHEAP]
        yield _try_gains, [*cheap, *moved][:MAX_SOURCES]
        if len(cheap) < len(unmoved):
            yield _try_gains, [*unmoved, *moved][:MAX_SOURCES]
        if not self._versions or not self._advisor.may_try_hard():
            return
        known = len(self._advisor.offsets)
        self._advisor.search(self._versions[0], frame, raw, self._layout)
        found = self._advisor.offsets[known:]
        yield from ((_try_gains, [one]) for one in found)
        candidates = [*found, unmoved[0], *moved]
        yield from ((_try_crossed, [one]) for one in candidates)
        yield from ((_try_filter, [one]) for one in candidates[:2])

    def _apply(self, model: _Model, frame: int, raw: bytes) -> _Applied | None:
        """Fit a model to one chunk."""
        frames = len(raw) // self._layout.frame_bytes
        laid = [found for one in model.inputs if (found := _lay(one, frame, frames, model.lags))]
        if not laid:
            return None
        fitted = _fit(model, raw, self._layout, laid)
        if fitted is None:
            return None
        segments, terms, bits, noise = fitted
        used = sorted({term.source for term in terms})
        reach = _join_reaches([laid[number].reach for number in used])
        if reach.cost > self._effort.cost or reach.depth > _DEEPEST:
            return None
        if len(used) < len(laid):
            place = {source: number for number, source in enumerate(used)}
            terms = [term._replace(source=place[term.source]) for term in terms]
        sources = tuple(laid[number].source for number in used)
        prediction = Prediction(sources, segments, tuple(sorted(terms)))
        inputs = tuple(laid[number].raws for number in used)
        return _Applied(Proposal(prediction, inputs, reach), bits, noise)


def _is_explained(view: View, bits: float) -> bool:
    """Say whether what is left takes clearly fewer bits per sample than the chunk itself."""
    return view.plain is not None and bits < view.plain - _LEAST_GAIN_BITS


def _try_gains(view: View, inputs: Sequence[_Input], effort: Effort) -> _Model | None:
    """Try a sum of inputs, each with a gain; keep those that are worth it and can be paid for."""
    found = []
    for one in inputs:
        reach = _reach_at(one, view.frame)
        feature = (
            view.read(one.file, one.offset) if reach.cost < effort.cost and reach.depth < _DEEPEST else None
        )
        if feature is not None:
            found.append((one, feature, reach.cost))
    if not found or view.plain is None:
        return None
    trial = view.open_trial([feature for _, feature, _ in found])
    prices = [effort.price_bits * cost for _, _, cost in found]
    left = list(range(len(found)))
    chosen = trial.choose(left, prices)
    while sum(found[number][2] for number in chosen) >= effort.cost:
        # Too dear together: what costs most to decode has to be done without.
        left.remove(max(chosen, key=lambda number: found[number][2]))
        chosen = trial.choose(left, prices)
    if not chosen:
        return None
    bits = trial.count_left(chosen, view.plain - _LEAST_GAIN_BITS)
    return _Model(tuple(found[number][0] for number in chosen), bits) if _is_explained(view, bits) else None


def _try_crossed(view: View, inputs: Sequence[_Input], effort: Effort) -> _Model | None:
    """Try every channel into every channel: swapped, panned or folded."""
    feature = view.read(inputs[0].file, inputs[0].offset)
    if feature is None or view.target.channels == 1:
        return None
    bits = view.count_bits_crossed(feature)
    return _Model(tuple(inputs), bits, crossed=True) if _is_explained(view, bits) else None


def _try_filter(view: View, inputs: Sequence[_Input], effort: Effort) -> _Model | None:
    """Try an equaliser: each sample from those around it."""
    source = view.read(inputs[0].file, inputs[0].offset, _LAGS)
    bits = view.count_bits_filtered(source, _LAGS) if source is not None else None
    return _Model(tuple(inputs), bits, lags=_LAGS) if bits is not None and _is_explained(view, bits) else None


def _fit(model: _Model, raw: bytes, layout: Layout, laid: "Sequence[_Laid]") -> Fitted | None:
    """Fit a model's kind to one chunk."""
    sources, inputs = [one.source for one in laid], [one.raws for one in laid]
    if fit.is_at_hand():
        if model.crossed:
            return fit_crossed(raw, layout, sources[0], inputs[0])
        if model.lags:
            return fit_filter(raw, layout, sources[0], inputs[0], model.lags)
        return fit_gains(raw, layout, sources, inputs)
    from beatflow.predicting.chunkfit import open_fit

    fitting = open_fit(raw, layout, sources, inputs)
    if fitting is None:
        return None
    if model.crossed:
        return fitting.fit_crossed()
    return fitting.fit_filter(model.lags) if model.lags else fitting.fit_gains()


class _Laid(NamedTuple):
    """One input laid under a chunk: how the store names it, its chunks' bytes, and how far it reaches."""

    source: Source
    raws: tuple[bytes, ...]
    reach: Reach


def _lay(one: _Input, frame: int, frames: int, lags: int) -> _Laid | None:
    """Read the chunks of an input that lie under a chunk; None where there are none."""
    start = frame - one.offset
    part = one.file.cover(start - lags, frames + 2 * lags)
    layout = one.file.layout
    if part is None or layout is None or len(part.chunks) > MAX_SOURCE_CHUNKS:
        return None
    reach = one.file.reach(part.chunks)
    raw = one.file.read(part.chunks) if reach.depth < _DEEPEST else None
    if raw is None:
        return None
    source = Source(Layout(layout.format, layout.channels), part.chunks, part.start + lags)
    return _Laid(source, tuple(raw[ref.id] for ref in part.chunks), reach)


def _join_reaches(reaches: Sequence[Reach]) -> Reach:
    return Reach(
        1 + max(reach.depth for reach in reaches), min(255, 1 + sum(reach.cost for reach in reaches))
    )


def _reach_at(one: _Input, frame: int) -> Reach:
    part = one.file.cover(frame - one.offset, 1)
    return one.file.reach(part.chunks) if part else ALONE
