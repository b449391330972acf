"""Cut a mix of any length into segments, separate each, and give back stems that sum to the mix exactly.

Knows no engine in particular and no files: blocks of samples come in, blocks of stems go out. Memory is bounded by
the separator's segment, never by the length of the mix. Where a segment begins depends only on the frames counted
from the start, so the stems are the same however the mix was cut into blocks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from beatflow.ai.engine import (
    DEFAULT_SEPARATION,
    Moments,
    Progress,
    Separation,
    Separator,
    StreamSeparator,
    no_progress,
)
from beatflow.ai.residual import ResidualShare
from beatflow.errors import AudioError, ContractError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.exact import make_exact

_STEP = 1 << 17  # frames


class _Segment(NamedTuple):
    """A stretch of the mix; its first ``lead`` frames were already separated and only give context."""

    mix: Audio
    lead: int
    overlap: int
    last: bool


def separate_stream(
    blocks: Iterable[Audio],
    separator: Separator,
    subtype: str,
    progress: Progress = no_progress,
    frames: int | None = None,
    wanted: Separation = DEFAULT_SEPARATION,
    moments: Moments | None = None,
    residual: ResidualShare | None = None,
) -> Iterator[Mapping[str, Audio]]:
    """Separate a stream of blocks into blocks of exact stems.

    Parameters
    ----------
    blocks : iterable of Audio
        The mix in order, in blocks of any sizes, all with one sample rate and one number of channels.
    separator : Separator
        Gives estimates for one segment of ``segment_s``; neighbours overlap by ``overlap_s`` and are crossfaded.
    subtype : str
        The mix's sample format in libsndfile's word (``PCM_16``, ``PCM_24``, ``FLOAT``); the stems sum to the mix
        sample for sample on its grid.
    progress : callable
        Called with the fraction done; what it raises ends the stream.
    frames : int, optional
        Length of the whole mix where it is known; without it the fraction stays 0 until the end.
    wanted : Separation
        With ``two_stems`` there are two: that one, and ``no_NAME`` with all the rest.
    moments : Moments, optional
        Of the whole mix (`measure_moments`), for separators that go through it by themselves.
    residual : ResidualShare, optional
        Tells afterwards what the exact sum changed in each stem.

    Yields
    ------
    mapping of str to Audio
        Every stem for the next stretch of the mix; all stretches together are as long as the mix. A mix of no
        frames gives one mapping of stems of no frames.

    Raises
    ------
    AudioError
        The sample rate or the number of channels changes between blocks.
    ContractError
        The separator gave other stems, shapes or sample rates than it promises, or values that are not finite.
    """
    progress(0.0, "separating")
    closing = _Closing(subtype, residual or ResidualShare())
    if isinstance(separator, StreamSeparator):
        yield from _stream(blocks, separator, closing, progress, frames, wanted, moments)
    else:
        yield from _by_segments(blocks, separator, closing, progress, frames, wanted)
    progress(1.0, "separating")


def measure_moments(blocks: Iterable[Audio]) -> Moments:
    """Mean and covariance of the channels of a sound; zeros for none."""
    frames = 0
    total = products = np.zeros(0)
    for block in blocks:
        samples = block.samples.astype(np.float64)
        if not frames:
            total, products = np.zeros(block.channels), np.zeros((block.channels, block.channels))
        frames += block.frames
        total += samples.sum(0)
        products += samples.T @ samples
    mean = total / max(1, frames)
    covariance = (products - frames * np.outer(mean, mean)) / max(1, frames - 1)
    return Moments(mean, covariance)


def join_blocks(parts: Sequence[Mapping[str, Audio]], stems: Sequence[str], like: Audio) -> dict[str, Audio]:
    """Stretches of stems one after another; of no frames where there are none."""
    empty = np.zeros((0, like.channels), np.float32)
    return {
        stem: Audio(np.concatenate([empty, *(part[stem].samples for part in parts)]), like.sample_rate)
        for stem in stems
    }


def stems_of(separator: Separator, wanted: Separation) -> tuple[str, ...]:
    """The stems that come of it: the separator's own, or one and the rest, or as they are to be called."""
    if wanted.two_stems is not None:
        return wanted.two_stems, f"no_{wanted.two_stems}"
    names = dict(wanted.names)
    return tuple(dict.fromkeys(names.get(stem, stem) for stem in separator.stems))


def _stream(
    blocks: Iterable[Audio],
    separator: StreamSeparator,
    closing: "_Closing",
    progress: Progress,
    frames: int | None,
    wanted: Separation,
    moments: Moments | None,
) -> Iterator[Mapping[str, Audio]]:
    """Have a separator go through the mix, and make exact what it gives."""
    waiting: list[Audio] = []

    def watched() -> Iterator[Audio]:
        for block in _check_kinds(blocks):
            waiting.append(block)
            yield block

    expected = {wanted.two_stems} if wanted.two_stems else set(separator.stems)
    whole = 0
    stream = separator.separate_blocks(watched(), moments, frames, progress, wanted)
    if not isinstance(stream, Iterable):
        raise ContractError(f"engine {separator.info.name} gave {_tell_kind(stream)}, not stretches of stems")
    for estimates in stream:
        found = _check_sounds(estimates, expected, separator.info.name)
        ready = max((audio.frames for audio in found.values()), default=0)
        mix = _take(waiting, ready) if waiting else Audio(np.zeros((0, 1), np.float32), 1)
        part = _check_shapes(found, separator.info.name, mix)
        yield from closing.close(_choose(part, separator, wanted, mix), mix)
        whole += ready
    left = sum(block.frames for block in waiting)
    if left:
        raise ContractError(f"engine {separator.info.name} left {left} frames of the mix as they were")
    if waiting and not whole:
        nothing = waiting[0]
        yield dict.fromkeys(stems_of(separator, wanted), nothing)


def _take(waiting: list[Audio], frames: int) -> Audio:
    """Take the first frames of a queue of blocks."""
    joined = np.concatenate([block.samples for block in waiting])
    sample_rate = waiting[0].sample_rate
    waiting[:] = [Audio(joined[frames:], sample_rate)]
    return Audio(joined[:frames], sample_rate)


def _check_kinds(blocks: Iterable[Audio]) -> Iterator[Audio]:
    """Refuse a stream whose sample rate or number of channels changes."""
    kind: tuple[int, int] | None = None
    for block in blocks:
        kind = kind or (block.sample_rate, block.channels)
        if (block.sample_rate, block.channels) != kind:
            raise AudioError(
                f"the mix changes from {kind[0]} Hz, {kind[1]} channels "
                f"to {block.sample_rate} Hz, {block.channels} channels"
            )
        yield block


def _choose(
    part: Mapping[str, Samples], separator: Separator, wanted: Separation, mix: Audio
) -> Mapping[str, Samples]:
    """The stems that are wanted, in their order; with two the rest is the sum of the others, or what one leaves."""
    name = wanted.two_stems
    if name is None:
        names, named = dict(wanted.names), dict[str, Samples]()
        for stem in separator.stems:
            called = names.get(stem, stem)
            named[called] = named[called] + part[stem] if called in named else part[stem]
        return named
    others = [samples for stem, samples in part.items() if stem != name]
    rest = sum(others[1:], others[0]) if others else mix.samples - part[name]
    return {name: part[name], f"no_{name}": rest}


def _by_segments(
    blocks: Iterable[Audio],
    separator: Separator,
    closing: "_Closing",
    progress: Progress,
    frames: int | None,
    wanted: Separation,
) -> Iterator[Mapping[str, Audio]]:
    """Cut the mix for a separator, and join what it gives."""
    done = 0
    held: dict[str, Samples] = {}
    for segment in _iter_segments(blocks, separator.segment_s, separator.overlap_s):
        fresh = segment.mix.frames - segment.lead - (0 if segment.last else segment.overlap)

        def report(fraction: float, what: str, done: int = done, fresh: int = fresh) -> None:
            progress(min(1.0, (done + fraction * fresh) / frames) if frames else 0.0, what)

        estimates = _estimate(separator, segment.mix, report, wanted)
        part, held = _join(estimates, held, segment, fresh)
        del estimates
        mix = Audio(segment.mix.samples[segment.lead : segment.lead + fresh], segment.mix.sample_rate)
        yield from closing.close(_choose(part, separator, wanted, mix), mix)
        done += fresh


def _iter_segments(blocks: Iterable[Audio], segment_s: float, overlap_s: float) -> Iterator[_Segment]:
    """Cut a stream into segments of one length.

    The last segment begins earlier instead of being shorter, because a separator with a second of context does
    worse than one with all of it; only a mix shorter than one segment is given as it is.
    """
    parts: list[Samples] = []
    waiting = size = overlap = 0
    before: Samples | None = None
    sample_rate = 0
    for block in _check_kinds(blocks):
        if not sample_rate:
            sample_rate = block.sample_rate
            size = max(2, round(segment_s * sample_rate))
            overlap = min(size // 2, round(overlap_s * sample_rate))
        parts.append(block.samples)
        waiting += block.frames
        while waiting > size:
            joined = np.concatenate(parts) if len(parts) > 1 else parts[0]
            yield _Segment(Audio(joined[:size], sample_rate), 0, overlap, last=False)
            before = joined[: size - overlap]
            parts = [joined[size - overlap :]]
            waiting -= size - overlap
    if not sample_rate:
        return
    lead = 0
    if before is not None:
        # Never more than was there: a segment before this one holds size - overlap frames, and overlap wait here.
        lead = min(before.shape[0], size - waiting)
        parts.insert(0, before[before.shape[0] - lead :])
    yield _Segment(Audio(np.concatenate(parts), sample_rate), lead, overlap, last=True)


def _estimate(separator: Separator, mix: Audio, progress: Progress, wanted: Separation) -> dict[str, Samples]:
    """Ask the separator, and check what it gives back."""
    if mix.frames == 0:
        return dict.fromkeys(separator.stems, mix.samples)
    name = separator.info.name
    found = _check_shapes(
        _check_sounds(separator.separate(mix, progress, wanted), set(separator.stems), name), name, mix
    )
    return {stem: found[stem] for stem in separator.stems}


def _check_sounds(estimates: object, expected: Set[str], name: str) -> Mapping[str, Audio]:
    """Hold a separator to its word: sounds, by the names of these stems at least."""
    if not isinstance(estimates, Mapping):
        raise ContractError(f"engine {name} gave {_tell_kind(estimates)}, not stems")
    if not expected <= set(estimates):
        raise ContractError(f"engine {name} gave stems {sorted(map(str, estimates))}, not {sorted(expected)}")
    for stem, audio in estimates.items():
        if not isinstance(audio, Audio):
            raise ContractError(f"engine {name} gave {stem} as {_tell_kind(audio)}, not as sound")
    return estimates


def _check_shapes(estimates: Mapping[str, Audio], name: str, mix: Audio) -> dict[str, Samples]:
    """Hold a separator to its word: stems in the mix's shape, and numbers."""
    for stem, audio in estimates.items():
        if audio.samples.shape != mix.samples.shape or audio.sample_rate != mix.sample_rate:
            raise ContractError(
                f"engine {name} gave {stem} as {audio.samples.shape} at {audio.sample_rate} Hz "
                f"for a mix of {mix.samples.shape} at {mix.sample_rate} Hz"
            )
        if not np.isfinite(audio.samples).all():
            raise ContractError(f"engine {name} gave values in {stem} that are not finite")
    return {stem: audio.samples for stem, audio in estimates.items()}


def _tell_kind(given: object) -> str:
    return "nothing" if given is None else f"a {type(given).__name__}"


def _join(
    estimates: Mapping[str, Samples], held: Mapping[str, Samples], segment: _Segment, fresh: int
) -> tuple[dict[str, Samples], dict[str, Samples]]:
    """Fade from the tail that the segment before left into this one; give what is final and the next tail.

    The fade is linear: both sides estimate the same sound, so amplitudes add, not powers.
    """
    part: dict[str, Samples] = {}
    tail: dict[str, Samples] = {}
    ramp = ((np.arange(segment.overlap, dtype=np.float32) + 0.5) / max(1, segment.overlap))[:, None]
    for stem, samples in estimates.items():
        ours = samples[segment.lead :]
        if stem in held:
            faded = held[stem] * (1.0 - ramp) + ours[: segment.overlap] * ramp
            ours = np.concatenate([faded, ours[segment.overlap :]])
        part[stem] = ours[:fresh]
        if not segment.last:
            tail[stem] = ours[fresh:].copy()
    return part, tail


class _Closing:
    """Makes stretches of stems sum to their mix: the residual is shared out, then the sum is made exact."""

    def __init__(self, subtype: str, residual: ResidualShare) -> None:
        self._subtype, self._residual = subtype, residual

    def close(self, part: Mapping[str, Samples], mix: Audio) -> Iterator[Mapping[str, Audio]]:
        """Close a stretch, in steps: the arithmetic takes ten times the memory of the samples."""
        for start in range(0, max(1, mix.frames), _STEP):
            step = slice(start, start + _STEP)
            estimates = {stem: samples[step] for stem, samples in part.items()}
            shared = self._residual.share(estimates, mix.samples[step])
            exact = make_exact(
                {stem: Audio(samples, mix.sample_rate) for stem, samples in shared.items()},
                Audio(mix.samples[step], mix.sample_rate),
                self._subtype,
            )
            for stem, audio in exact.items():
                self._residual.count(stem, estimates[stem], audio.samples)
            yield exact
