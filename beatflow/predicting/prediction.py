"""What a new sound may be predicted from: its former version, and the sounds around it.

Joins the fits of `sound` with the store's predictions, chunk by chunk. Everything here may guess wrong: the store
compares and keeps what is smaller.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

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
    join_samples,
)
from beatflow.objects.reach import ALONE, MAX_DEPTH, Reach
from beatflow.objects.samples import Integers, get_bits
from beatflow.objects.sources import SourceFile
from beatflow.predicting.chunkfit import ChunkFit, spread_blocks
from beatflow.sound.fit import (
    Array,
    choose_features,
    count_bits,
    count_plain_bits,
    find_offset,
    solve_channels,
    solve_filter,
    solve_gains,
)

MAX_COST = 12
"""How many chunks' worth of decoding one chunk may take."""

_DEEPEST = MAX_DEPTH - 1
"""One step is left for the mix that is rendered from what is predicted so."""

_PEEKS, _PEEK_FRAMES = 4, 1024
_LEAST_FRAMES = 256
_LEAST_GAIN_BITS = 0.5
_CHEAP = 4
_LAGS = 8
_PROBE_FRAMES = 8192
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
        How many chunks of a file must stay unexplained before anything is tried that takes long.
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


@dataclass(frozen=True, slots=True)
class _Model:
    """How the chunks of a run are made: from which inputs, channel by channel, across channels, or filtered.

    `bits` per sample are left of the chunk in which it was found.
    """

    inputs: tuple[_Input, ...]
    bits: float
    crossed: bool = False
    lags: int = 0


_Try = tuple[Callable[["_View", Sequence[_Input]], _Model | None], Sequence[_Input]]


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
        return self._unexplained > self.effort.patience and self.failures < self.effort.failures

    def search(self, version: SourceFile, frame: int, samples: Integers, rate: int) -> None:
        """Look for a chunk's loudest stretch around its place in a version; a few times per file."""
        # One at a time: a search of 30 seconds takes 250 MB.
        with self._searching:
            if self._searches < self.effort.searches:
                self._searches += 1
                self._search(version, frame, samples, rate)

    def _search(self, version: SourceFile, frame: int, samples: Integers, rate: int) -> None:
        mono = samples.mean(axis=1)
        length = min(_PROBE_FRAMES, len(mono))
        steps = range(0, len(mono) - length + 1, max(1, length // 2))
        start = max(steps, key=lambda at: float(np.abs(mono[at : at + length]).sum()))
        reach = round(self.effort.reach_s * (rate or 44100))
        region = version.peek(frame + start - reach, 2 * reach + length)
        if region is None:
            return
        found, likeness = find_offset(mono[start : start + length], region.mean(axis=1))
        offset = _Input(version, reach - found)
        if likeness > _LIKENESS and offset.offset and offset not in self.offsets:
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
        self._bits = get_bits(layout.format)
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

    def propose(self, frame: int, samples: Integers) -> Proposal | None:
        """Return a prediction of new samples that begin at a frame of their region, or None."""
        if len(samples) < _LEAST_FRAMES:
            return None
        former = self._apply(self._model, frame, samples) if self._model else None
        if former and self._model and former.bits < self._model.bits + _LEAST_GAIN_BITS:
            return former.proposal
        if self._wait and not former:
            self._wait -= 1
            return None
        # Nothing known explains this chunk, or not as well as the last: an instrument may have come in.
        found = self._detect(frame, samples, former)
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

    def _detect(self, frame: int, samples: Integers, best: _Applied | None) -> _Applied | None:
        """Find what explains a chunk better than the model of the last one did, and make it the model."""
        view = _View(frame, samples, self._bits, self._effort)
        if view.plain < 2 * _LEAST_GAIN_BITS:
            return best
        for attempt, inputs in self._list_tries(frame, samples):
            model = attempt(view, inputs)
            found = self._apply(model, frame, samples) if model else None
            if model and found and (best is None or found.bits < best.bits):
                best = found
                self._model = replace(model, bits=found.bits)
            if best and (best.noise or best.bits < self._effort.enough * view.plain):
                self._advisor.model = self._model
                break
        else:
            self._advisor.failures += best is None
        return best

    def _list_tries(self, frame: int, samples: Integers) -> Iterator[_Try]:
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
        self._advisor.search(self._versions[0], frame, samples, self._layout.sample_rate)
        found = self._advisor.offsets[known:]
        yield from ((_try_gains, [one]) for one in found)
        candidates = [*found, unmoved[0], *moved]
        yield from ((_try_crossed, [one]) for one in candidates)
        yield from ((_try_filter, [one]) for one in candidates[:2])

    def _apply(self, model: _Model, frame: int, samples: Integers) -> _Applied | None:
        """Fit a model to one chunk."""
        laid = [found for one in model.inputs if (found := _lay(one, frame, len(samples), model.lags))]
        if not laid:
            return None
        fitting = ChunkFit(samples, self._bits, [one.source for one in laid], [one.samples for one in laid])
        if model.lags:
            fitted = fitting.fit_filter(model.lags)
        else:
            fitted = fitting.fit_crossed() if model.crossed else fitting.fit_gains()
        if fitted is None:
            return None
        segments, terms, bits, noise = fitted
        used = sorted({term.source for term in terms})
        reach = _join_reaches([laid[number].reach for number in used])
        if reach.cost > self._effort.cost or reach.depth > _DEEPEST:
            return None
        place = {source: number for number, source in enumerate(used)}
        prediction = Prediction(
            tuple(laid[number].source for number in used),
            segments,
            tuple(sorted(term._replace(source=place[term.source]) for term in terms)),
        )
        inputs = tuple(laid[number].samples for number in used)
        return _Applied(Proposal(prediction, inputs, reach), bits, noise)


class _View:
    """A few stretches of a chunk, and the same stretches of what may explain it, in the chunk's unit."""

    def __init__(self, frame: int, samples: Integers, bits: int, effort: Effort) -> None:
        self.frame = frame
        self.effort = effort
        self._bits = bits
        self._length = min(_PEEK_FRAMES, len(samples))
        self._starts = spread_blocks(len(samples), _PEEKS, self._length)
        self.blocks: Array = np.stack([samples[at : at + self._length] for at in self._starts]).astype(
            np.float64
        )
        self.plain = count_plain_bits(self.blocks)
        self.target: Array = self.blocks.reshape(-1, samples.shape[1])

    def read(self, one: _Input) -> Array | None:
        """Return an input's frames in the target's shape; None where they cannot be had."""
        blocks = self.read_blocks(one, 0)
        return None if blocks is None else blocks.reshape(self.target.shape)

    def read_blocks(self, one: _Input, margin: int) -> Array | None:
        """Return an input's stretches, shape (blocks, frames, channels), with some frames more on either side."""
        layout = one.file.layout
        if layout is None:
            return None
        parts = []
        for at in self._starts:
            part = one.file.peek(self.frame + at - one.offset - margin, self._length + 2 * margin)
            if part is None:
                return None
            parts.append(part)
        found = np.stack(parts).astype(np.float64)
        found *= 2.0 ** (self._bits - get_bits(layout.format))
        channels = self.target.shape[1]
        return found if found.shape[2] == channels else np.repeat(found, channels, axis=2)

    def count_left(self, features: Sequence[Array]) -> float:
        """Return the bits per sample that gains leave: of the whole or, since faders move, of each stretch."""
        bits = count_bits(solve_gains(self.target, features).power)
        if self.is_explained(bits):
            return bits
        stretches = [slice(at, at + self._length) for at in range(0, len(self.target), self._length)]
        powers = [
            solve_gains(self.target[part], [feature[part] for feature in features]).power
            for part in stretches
        ]
        return count_bits(float(np.mean(powers)))

    def is_explained(self, bits: float) -> bool:
        """Say whether what is left takes clearly fewer bits per sample than the chunk itself."""
        return bits < self.plain - _LEAST_GAIN_BITS


def _try_gains(view: _View, inputs: Sequence[_Input]) -> _Model | None:
    """Try a sum of inputs, each with a gain; keep those that are worth it and can be paid for."""
    found = []
    for one in inputs:
        reach = _reach_at(one, view.frame)
        feature = view.read(one) if reach.cost < view.effort.cost and reach.depth < _DEEPEST else None
        if feature is not None and feature.any():
            found.append((one, feature, reach.cost))
    while found:
        features = [feature for _, feature, _ in found]
        chosen = choose_features(
            view.target, features, [view.effort.price_bits * cost for _, _, cost in found]
        )
        if sum(found[number][2] for number in chosen) < view.effort.cost:
            break
        # Too dear together: what costs most to decode has to be done without.
        del found[max(chosen, key=lambda number: found[number][2])]
    else:
        return None
    if not chosen:
        return None
    bits = view.count_left([features[number] for number in chosen])
    return _Model(tuple(found[number][0] for number in chosen), bits) if view.is_explained(bits) else None


def _try_crossed(view: _View, inputs: Sequence[_Input]) -> _Model | None:
    """Try every channel into every channel: swapped, panned or folded."""
    feature = view.read(inputs[0])
    if feature is None or view.target.shape[1] == 1 or not feature.any():
        return None
    bits = count_bits(solve_channels(view.target, list(feature.T)).power)
    return _Model(tuple(inputs), bits, crossed=True) if view.is_explained(bits) else None


def _try_filter(view: _View, inputs: Sequence[_Input]) -> _Model | None:
    """Try an equaliser: each sample from those around it."""
    source = view.read_blocks(inputs[0], _LAGS)
    found = solve_filter(view.blocks, source) if source is not None and source.any() else None
    return _Model(tuple(inputs), found.bits, lags=_LAGS) if found and view.is_explained(found.bits) else None


class _Laid(NamedTuple):
    """One input laid under a chunk: how the store names it, its samples, and how far it reaches."""

    source: Source
    samples: Integers
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
    try:
        samples = join_samples(source, lambda ref: raw[ref.id])
    except ValueError:
        return None
    return _Laid(source, samples, reach)


def _join_reaches(reaches: Sequence[Reach]) -> Reach:
    return Reach(
        1 + max(reach.depth for reach in reaches), min(255, 1 + sum(reach.cost for reach in reaches))
    )


def _reach_at(one: _Input, frame: int) -> Reach:
    part = one.file.cover(frame - one.offset, 1)
    return one.file.reach(part.chunks) if part else ALONE
