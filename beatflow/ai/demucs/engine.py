"""Demucs as a separator: htdemucs, htdemucs_ft and htdemucs_6s, with its weights from a folder.

Knows what the mix is to the network (44.1 kHz, stereo pairs at one level) and what comes back of it; `stream` goes
through it and `network` computes. Imports torch when it first separates, never before.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec

import numpy as np

from beatflow.ai.demucs.channels import from_pairs, get_groups, measure_level, to_pairs
from beatflow.ai.demucs.checkpoint import Bag, load_bag
from beatflow.ai.demucs.network import Network
from beatflow.ai.demucs.stream import Level, PairStream
from beatflow.ai.demucs.windows import Grid, plan_passes
from beatflow.ai.device import choose_device, choose_dtype, memory_guard
from beatflow.ai.engine import (
    DEFAULT_SEPARATION,
    EngineInfo,
    Moments,
    Progress,
    RunFacts,
    Separation,
    Setup,
    no_progress,
)
from beatflow.ai.separation import join_blocks, measure_moments
from beatflow.ai.weights.catalogue import get_model
from beatflow.ai.weights.shelf import get_weights
from beatflow.errors import EngineError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.resample import resample_blocks

_FOUR = ("drums", "bass", "other", "vocals")
STEMS = {"htdemucs": _FOUR, "htdemucs_ft": _FOUR, "htdemucs_6s": (*_FOUR, "guitar", "piano")}
SAMPLE_RATE = 44100
SEGMENT_S = 7.8
"""What the published models were trained on, and the most that their transformer takes."""
DEFAULT_SHIFTS = 0
DEFAULT_OVERLAP = 0.25
_MAX_SHIFTS = 100


class DemucsEngine:
    """One of the published Demucs models; which one, `Setup.engine` tells.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self._setup = setup or Setup(engine="htdemucs")
        name = self._setup.engine or "htdemucs"
        self.stems: tuple[str, ...] = STEMS.get(name, _FOUR)
        self.info = EngineInfo(
            name=name,
            version="1",
            tasks=frozenset({"separate"}),
            licence=get_model(name).licence,
            sample_rate=SAMPLE_RATE,
            extra="ai",
            weights=(name,),
            options=frozenset({"shifts", "seed", "overlap"}),
        )
        self.segment_s = SEGMENT_S
        self.overlap_s = SEGMENT_S * DEFAULT_OVERLAP
        self._bag: Bag | None = None
        self._network: Network | None = None
        self._facts = RunFacts(self._setup.device, self._setup.dtype, "demucs")

    def check_ready(self) -> None:
        """See whether torch, demucs and the weights are here; imports and loads nothing.

        Raises
        ------
        EngineError
            One of them is not.
        """
        for package in ("torch", "demucs"):
            if find_spec(package) is None:
                raise EngineError(f"{package} is not installed", hint='pip install "beatflow[ai]"')
        get_weights(self.info.name, self._setup)

    @property
    def facts(self) -> RunFacts:
        """On what it runs; the device and the weights' digests are known once it has loaded them."""
        return self._facts

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
        """Estimate the stems of a sound that is in memory; same shape and rate."""
        parts = list(
            self.separate_blocks([segment], measure_moments([segment]), segment.frames, progress, wanted)
        )
        stems = (wanted.two_stems,) if wanted.two_stems else self.stems
        return join_blocks(parts, stems, segment)

    def separate_blocks(
        self,
        blocks: Iterable[Audio],
        moments: Moments | None = None,
        frames: int | None = None,
        progress: Progress = no_progress,
        wanted: Separation = DEFAULT_SEPARATION,
    ) -> Iterator[Mapping[str, Audio]]:
        """Estimate the stems of a mix of any length, in constant memory.

        At the mix's own sample rate the estimates of all stems sum to it but for rounding: what they lack goes to the
        stems by their energy, and what lies above 22.05 kHz, which Demucs does not hear, to ``other``.

        Parameters
        ----------
        blocks : iterable of Audio
        moments : Moments, optional
            Of the whole mix. Demucs brings a mix to one level by them; without them it is heard as it is, and only
            the network's own levelling, window by window, remains.
        frames : int, optional
            Length of the mix, for the progress.
        progress : callable
        wanted : Separation
            With ``two_stems`` only that stem is estimated, as the network gives it.

        Raises
        ------
        UsageError
            What is wanted makes no sense.
        EngineError
            A package or the weights are missing, damaged, or of another model.
        MemoryShortError
            Not even a second fits into memory.
        """
        check_separation(wanted, self.info.name, self.stems)
        progress(0.0, "separating")
        stream = iter(blocks)
        first = next((block for block in stream if block.frames), None)
        if first is None:
            return
        progress(0.0, f"loading {self.info.name}")
        bag, network = self._load()
        length = None if frames is None else max(1, round(frames * bag.sample_rate / first.sample_rate))
        yield from _Run(bag, network, wanted, first, progress, length).run(stream, moments)

    def _load(self) -> tuple[Bag, Network]:
        if self._bag is None or self._network is None:
            started = time.perf_counter()
            self.check_ready()
            setup, name = self._setup, self.info.name
            device = choose_device(setup.device)
            if setup.dtype == "int8":
                # Measured: a twentieth faster on a CPU, by what torch is about to drop.
                raise EngineError("Demucs does not compute in int8", hint="--dtype float32")
            dtype = choose_dtype(device, setup.dtype)
            with memory_guard(name, "--device cpu" if device.kind != "cpu" else "--engine dsp"):
                bag = load_bag(get_weights(name, setup), name, self.stems)
                network = Network(bag.models, device, dtype, bag.segment, setup)
            loading_s = time.perf_counter() - started
            self._facts = RunFacts(
                _name(device.torch_name, device.name), dtype, "demucs", bag.digests, loading_s=loading_s
            )
            self.segment_s = bag.segment / bag.sample_rate
            self.overlap_s = self.segment_s * DEFAULT_OVERLAP
            self._bag, self._network = bag, network
        return self._bag, self._network


def check_separation(wanted: Separation, name: str, stems: tuple[str, ...]) -> None:
    """Refuse what makes no sense.

    Raises
    ------
    UsageError
        Shifts or overlap out of range, or a stem that the engine does not know.
    """
    if wanted.shifts is not None and not 0 <= wanted.shifts <= _MAX_SHIFTS:
        raise UsageError(f"{wanted.shifts} shifts", hint=f"0 to {_MAX_SHIFTS}; 1 to 5 are worth their time")
    if wanted.overlap is not None and not 0.0 <= wanted.overlap < 1.0:
        raise UsageError(f"an overlap of {wanted.overlap:g}", hint="0 to below 1; 0.25 is usual")
    if wanted.two_stems is not None and wanted.two_stems not in stems:
        raise UsageError(
            f"engine {name} makes no stem {wanted.two_stems!r}", hint=f"it makes {', '.join(stems)}"
        )


class _Run:
    """One mix through the network."""

    def __init__(
        self,
        bag: Bag,
        network: Network,
        wanted: Separation,
        first: Audio,
        progress: Progress,
        length: int | None,
    ) -> None:
        self._bag, self._network, self._wanted = bag, network, wanted
        self._first, self._progress = first, progress
        self._source = bag.sources.index(wanted.two_stems) if wanted.two_stems else None
        shifts = DEFAULT_SHIFTS if wanted.shifts is None else wanted.shifts
        self._passes = plan_passes(bag.weights, shifts, wanted.seed, bag.sample_rate, self._source)
        overlap = DEFAULT_OVERLAP if wanted.overlap is None else wanted.overlap
        self._grid = Grid(bag.segment, overlap)
        self._length = length
        self._heard = 0
        self._mix: list[Samples] = []  # as it came, as far as its stems have not
        self._taken = 0

    def run(self, rest: Iterator[Audio], moments: Moments | None) -> Iterator[Mapping[str, Audio]]:
        """Go through the mix."""
        first, bag = self._first, self._bag
        if moments is None:
            groups = len(get_groups(first.channels))
            level = Level(np.zeros(groups, np.float32), np.ones(groups, np.float32))
        else:
            level = Level(*measure_level(moments, first.channels))
        pairs = PairStream(self._network, self._passes, self._grid, level, self._source is None, self._report)
        heard = resample_blocks(self._watch(rest), bag.sample_rate)
        estimates = pairs.run(to_pairs(block.samples) for block in heard)
        back = resample_blocks((self._flatten(part) for part in estimates), first.sample_rate)
        given = 0
        for block in back:
            # A sound that went to another rate and back may be a frame longer or shorter.
            samples = block.samples[: self._taken - given]
            given += len(samples)
            if len(samples):
                yield self._finish(samples)
        if given < self._taken:
            yield self._finish(np.zeros((self._taken - given, self._columns), np.float32))

    def _watch(self, rest: Iterator[Audio]) -> Iterator[Audio]:
        """The mix, remembered until its stems are there."""
        yield self._remember(self._first)
        for block in rest:
            yield self._remember(block)

    def _remember(self, block: Audio) -> Audio:
        self._taken += block.frames
        if self._resampled and self._source is None:
            self._mix.append(block.samples)
        return block

    @property
    def _resampled(self) -> bool:
        return self._first.sample_rate != self._bag.sample_rate

    @property
    def _names(self) -> tuple[str, ...]:
        return self._bag.sources if self._source is None else (self._bag.sources[self._source],)

    @property
    def _columns(self) -> int:
        return len(self._names) * self._first.channels

    def _flatten(self, estimates: np.ndarray) -> Audio:
        """Sources of one stretch side by side as channels, so that they are resampled alike."""
        chosen = estimates if self._source is None else estimates[:, self._source : self._source + 1]
        made = from_pairs(chosen, self._first.channels)
        return Audio(made.reshape(len(made), self._columns), self._bag.sample_rate)

    def _finish(self, samples: Samples) -> Mapping[str, Audio]:
        """Sources apart again; what only the mix's own rate can carry goes to ``other``."""
        stems = samples.reshape(len(samples), -1, self._first.channels)
        if self._mix:
            stems = stems.copy()
            stems[:, self._names.index("other")] += self._take(len(samples)) - stems.sum(1)
        rate = self._first.sample_rate
        return {name: Audio(np.ascontiguousarray(stems[:, i]), rate) for i, name in enumerate(self._names)}

    def _take(self, frames: int) -> Samples:
        joined = np.concatenate(self._mix)
        self._mix = [joined[frames:]]
        return joined[:frames]

    def _report(self, windows: int) -> None:
        """Say how far it is: in windows, of which all take the same time."""
        self._heard += windows
        fraction = 0.0
        if self._length:
            total = sum(self._grid.count(one.origin, self._length) for one in self._passes)
            fraction = min(1.0, self._heard / (total * len(get_groups(self._first.channels))))
        self._progress(fraction, "separating")


def _name(torch_name: str, name: str) -> str:
    return torch_name if torch_name == "cpu" else f"{torch_name} {name}"
