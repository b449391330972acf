"""Samples as integers, and stems whose sum is the mix, sample for sample.

Knows no files and no engines; imports only numpy, so that engines may use it. All arithmetic that decides a
sample is on integers, or on float64 values far below 2**53, so the result is the same on every machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples

Integers = NDArray[np.int32]

_BLOCK_FRAMES = (
    16_384  # what is worked on at once stays in the processor's cache: twice as fast as a whole minute
)
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOATS = ("FLOAT", "DOUBLE")


def get_bits(subtype: str) -> int | None:
    """Bits per sample of an integer subtype, None for a floating-point one.

    Raises
    ------
    AudioError
        The subtype is neither (a lossy or companded one).
    """
    if subtype in FLOATS:
        return None
    if subtype not in BITS:
        raise AudioError(
            f"{subtype} holds no plain samples", hint=f"use one of {', '.join([*BITS, *FLOATS])}"
        )
    return BITS[subtype]


def round_samples(samples: Samples, bits: int) -> tuple[Integers, int]:
    """Round to integers, half to even, and saturate.

    Parameters
    ----------
    samples : ndarray of float32
        ±1.0 is full scale; must be finite.
    bits : int
        8, 16, 24 or 32.

    Returns
    -------
    integers : ndarray of int32
        ``k / 2**(bits - 1)`` gives exactly ``k``.
    clipped : int
        How many samples were beyond the range and saturated. +1.0 itself is not counted, although it is one step
        beyond the largest integer: every float source that touches full scale would otherwise be called clipped.
    """
    scale = 1 << (bits - 1)
    # Scaling by a power of two and rounding are exact in float32 up to 24 bits; 2**31 - 1 needs float64.
    with np.errstate(over="ignore"):  # what overflows to infinity saturates like the rest
        scaled = np.rint(samples.astype(np.float32 if bits <= 24 else np.float64) * scale)
    clipped = int(np.count_nonzero(scaled > scale)) + int(np.count_nonzero(scaled < -scale))
    np.clip(scaled, -scale, scale - 1, out=scaled)
    return scaled.astype(np.int32), clipped


def to_integers(audio: Audio, bits: int) -> Integers:
    """The samples of a sound as integers, shape (frames, channels), rounded half to even and saturated."""
    return round_samples(audio.samples, bits)[0]


def from_integers(values: Integers, bits: int, sample_rate: int) -> Audio:
    """The sound whose integer samples these are; exact up to 24 bits, rounded to float32 at 32."""
    return Audio((values * np.float64(2.0 ** (1 - bits))).astype(np.float32), sample_rate)


def quantize(audio: Audio, subtype: str) -> Audio:
    """The sound as a file of this subtype would give it back; float subtypes change nothing."""
    bits = get_bits(subtype)
    return audio if bits is None else from_integers(to_integers(audio, bits), bits, audio.sample_rate)


def make_exact(estimates: Mapping[str, Audio], mix: Audio, subtype: str) -> dict[str, Audio]:
    """Turn estimates of stems into stems that sum to the mix.

    With the residual ``R = mix - sum(estimates)`` at one sample, each stem takes the share
    ``|estimate| / sum(|estimates|)`` of it (equal shares where all are silent), so a silent stem stays silent and
    no stem takes more than ``|R|``. The sums of the first 1, 2 … n stems are then rounded, and their differences
    are the stems: the whole sum telescopes to the mix.

    - PCM_S8, PCM_U8, PCM_16, PCM_24: the integer sum equals the mix in every sample and nothing is clipped; a stem
      is within one step of its estimate plus its share. Estimates that are on the grid already and have no residual
      come back as they are. Where a stem would leave the range, what is beyond it moves to the other stems.
    - FLOAT, DOUBLE: the sum (in float64) is within half a float32 step of the largest stem at that sample, that is
      ``2**-24`` times its magnitude: stems of float32 cannot promise more.

    Stateless: blocks of a long sound may be done one by one, with the same result.

    Parameters
    ----------
    estimates : mapping of name to Audio
        At least one, all in the mix's shape.
    mix : Audio
        On the grid of ``subtype``.
    subtype : str
        What mix and stems are stored as.

    Raises
    ------
    AudioError
        Shapes differ, samples are not numbers, the mix is not on the grid, or the grid is finer than float32
        (PCM_32).
    """
    _check_shapes(estimates, mix)
    bits = get_bits(subtype)
    if bits is not None and bits > 24:
        raise AudioError(
            f"{subtype} is finer than float32 samples", hint="make the stems exact in PCM_24 or FLOAT"
        )
    stems = [np.empty_like(mix.samples) for _ in estimates]
    for start in range(0, mix.frames, _BLOCK_FRAMES):
        cut = slice(start, start + _BLOCK_FRAMES)
        parts = [estimate.samples[cut] for estimate in estimates.values()]
        close = (
            _close_float(parts, mix.samples[cut]) if bits is None else _close(parts, mix.samples[cut], bits)
        )
        for stem, part in zip(stems, close, strict=True):
            stem[cut] = part
    return {name: Audio(stem, mix.sample_rate) for name, stem in zip(estimates, stems, strict=True)}


@dataclass(frozen=True, slots=True)
class SumCheck:
    """How far the sum of stems is from a mix.

    ``differing`` counts the samples beyond what the subtype promises (see `make_exact`); ``largest`` is the largest
    difference of any sample, in full scales.
    """

    differing: int
    largest: float
    samples: int


def measure_sum(stems: Mapping[str, Audio], mix: Audio, subtype: str) -> SumCheck:
    """Compare the sum of stems with the mix; works block by block, the counts add up.

    Raises
    ------
    AudioError
        Shapes differ or samples are not numbers.
    """
    _check_shapes(stems, mix)
    bits = get_bits(subtype)
    total = np.zeros(mix.samples.shape)
    largest_stem = np.zeros(mix.samples.shape)
    for stem in stems.values():
        total += stem.samples
        np.maximum(largest_stem, np.abs(stem.samples), out=largest_stem)
    difference = np.abs(total - mix.samples)
    # Up to 24 bits every term is a multiple of one step and exact in float64, so the allowance there is none; a
    # 32-bit grid went through float32 and is held to what FLOAT promises. Two stems may each have rounded once.
    allowed = largest_stem * 2.0**-23 if bits is None or bits > 24 else 0.0
    differing = int(np.count_nonzero(difference > allowed))
    return SumCheck(differing, float(difference.max(initial=0.0)), difference.size)


def check_sum(stems: Mapping[str, Audio], mix: Audio, subtype: str) -> int:
    """Number of samples in which the sum of stems is not the mix; 0 is what is promised."""
    return measure_sum(stems, mix, subtype).differing


def _check_shapes(stems: Mapping[str, Audio], mix: Audio) -> None:
    if not stems:
        raise AudioError("no stems to sum")
    for name, stem in {**stems, "mix": mix}.items():
        if stem.samples.shape != mix.samples.shape or stem.sample_rate != mix.sample_rate:
            raise AudioError(
                f"stem {name} has {stem.frames} frames, {stem.channels} channels at {stem.sample_rate} Hz, "
                f"the mix {mix.frames}, {mix.channels} at {mix.sample_rate} Hz"
            )
        if not np.isfinite(stem.samples).all():
            raise AudioError(f"{name} holds samples that are not numbers")


def _close(estimates: Sequence[Samples], mix: Samples, bits: int) -> list[Samples]:
    """Stems on the integer grid of ``bits`` that sum to the mix."""
    scale = 1 << (bits - 1)
    target = mix.astype(np.float64) * scale
    if np.any(target != np.rint(target)) or np.any(target < -scale) or np.any(target >= scale):
        raise AudioError(f"the mix is not on a grid of {bits} bits", hint="quantize the mix first")
    stems = _round_sums(
        _share_residual([estimate * np.float64(scale) for estimate in estimates], target), target
    )
    _pull_inside(stems, scale)
    return [(stem * (1 / scale)).astype(np.float32) for stem in stems]


def _share_residual(
    estimates: Sequence[NDArray[np.floating]], target: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Estimates plus their shares of what they lack; float64, in the target's unit."""
    exact = [np.asarray(estimate, np.float64) for estimate in estimates]
    residual = target - sum(exact)
    weight = sum((np.abs(estimate) for estimate in exact), np.zeros(target.shape))
    silent = weight == 0
    ratio = np.where(silent, 0.0, residual / np.where(silent, 1.0, weight))
    equal = np.where(silent, residual / len(exact), 0.0)
    return [estimate + np.abs(estimate) * ratio + equal for estimate in exact]


def _round_sums(
    shares: Sequence[NDArray[np.float64]], target: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Round the running sums and take differences; the last running sum is the target itself."""
    stems = []
    total = np.zeros(target.shape)
    before = np.zeros(target.shape)
    for share in shares[:-1]:
        total += share
        # Adding a stem that is silent must not move the sum across a half step: it adds 0.0, so it cannot.
        after = np.rint(total)
        stems.append(after - before)
        before = after
    stems.append(target - before)
    return stems


def _pull_inside(stems: Sequence[NDArray[np.float64]], scale: int) -> None:
    """Move what is beyond the range from one stem to the next ones that have room, in place; sums stay.

    Always possible: the mix is inside the range, so where one stem is above it the others together are below.
    """
    outside = np.zeros(stems[0].shape, bool)
    for stem in stems:
        outside |= (stem < -scale) | (stem >= scale)
    if outside.any():
        excess = np.zeros(int(np.count_nonzero(outside)))
        for _ in range(2):  # the second round gives the rest to the stems before the one that overflowed
            for stem in stems:
                wanted = stem[outside] + excess
                kept = np.clip(wanted, -scale, scale - 1)
                stem[outside] = kept
                excess = wanted - kept


def _close_float(estimates: Sequence[Samples], mix: Samples) -> list[Samples]:
    """Share the residual in float64, round to float32, and let the largest stem of each sample take the rest."""
    target = mix.astype(np.float64)
    stems = np.stack([share.astype(np.float32) for share in _share_residual(estimates, target)])
    largest = np.argmax(np.abs(stems), axis=0)[None]
    rest = target - (stems.sum(axis=0, dtype=np.float64) - np.take_along_axis(stems, largest, 0)[0])
    np.put_along_axis(stems, largest, rest[None].astype(np.float32), 0)
    return list(stems)
