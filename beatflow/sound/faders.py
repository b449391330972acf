"""A mix as the sum of its stems: where each fader stands, and how much of the mix the stems do not explain.

One pass over all of them in constant memory. What is kept is the products of the stems, and of each with the mix, in
each second; least squares is solved from those alone, and again without the seconds that do not fit, so that an
overdub in the mix moves no fader. Knows no repository.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.audio import Samples
from beatflow.sound.files import AudioReader
from beatflow.sound.formats import Source

Array = NDArray[np.float64]

MAX_STEMS = 64
FIT_DB = -15.0
"""Half of the seconds must be explained to better than this, or the mix is not the sum of these stems."""

_BLOCK_S = 1.0
_ROUNDS = 4
_OUTLIER = 10.0  # this many times the median's share left unexplained: not of these stems
_FLOOR_DB = -200.0
_SURE_DB = 0.5  # a fader that may as well stand this much higher or lower is not known
_MUTED = 1e-3  # -60 dB
_AUDIBLE = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """A stem as it is put into the fit: where it is, and how many frames later it starts in the mix."""

    source: Source
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """Where a fader stands.

    Parameters
    ----------
    gain_db : float or None
        None where it is muted.
    pan : float
        -1 (left) to 1 (right): a pan of ``p > 0`` has the left channel at ``1 - p`` times the right one's gain. 0 in a
        mix that is not stereo.
    muted : bool
        Below -60 dB, or not to be told from nothing.
    inverted : bool
        Its polarity is.
    error_db : float
        Standard error of the gain.
    """

    gain_db: float | None
    pan: float
    muted: bool
    inverted: bool
    error_db: float


@dataclass(frozen=True, slots=True)
class Faders:
    """A mix as the sum of stems.

    Parameters
    ----------
    levels : mapping of name to Level
        Stems that are silent, or that others stand in for just as well, have none.
    unexplained_db : float
        Energy of what the stems do not explain, relative to the mix; -200 is nothing.
    typical_db : float
        The same of the median second: it stays deep where the mix has something else for a while.
    worst_s : float or None
        Where the second with the most of it begins; None where nothing is left.
    """

    levels: Mapping[str, Level]
    unexplained_db: float
    typical_db: float
    worst_s: float | None

    @property
    def fits(self) -> bool:
        """Whether the mix is the sum of these stems at all."""
        return bool(self.levels) and self.typical_db <= FIT_DB


def fit_faders(mix: Source, parts: Mapping[str, Part]) -> Faders | None:
    """Find the gain of each stem in each channel of a mix.

    Parameters
    ----------
    mix : path or binary file
    parts : mapping of name to Part
        Stems of another sample rate, or with another number of channels than one or the mix's, are left out.

    Returns
    -------
    Faders or None
        None where there is nothing to fit: a silent mix, or no stems.

    Raises
    ------
    AudioError
        One of them cannot be decoded.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(AudioReader(mix))
        feeds: dict[str, _Feed] = {}
        for name, part in parts.items():
            feed = stack.enter_context(AudioReader(part.source, name))
            fits = feed.info.sample_rate == reader.info.sample_rate
            if fits and feed.info.channels in (1, reader.info.channels) and len(feeds) < MAX_STEMS:
                feeds[name] = _Feed(feed, part.offset, reader.info.channels)
        if not feeds:
            return None
        step = max(1, round(_BLOCK_S * reader.info.sample_rate))
        products = [_multiply(rows) for rows in _iter_rows(reader, list(feeds.values()), step)]
    if not products:
        return None
    return _solve(list(feeds), np.stack(products))


class _Feed:
    """A stem on the mix's time."""

    def __init__(self, reader: AudioReader, offset: int, channels: int) -> None:
        self._reader = reader
        self._channels = channels
        self._wait = max(offset, 0)
        if offset < 0:
            reader.seek(-offset)

    def read(self, frames: int) -> Samples:
        """Return the next frames, shape (frames, channels of the mix), zeros where the stem has none."""
        result = np.zeros((frames, self._channels), np.float32)
        skipped = min(self._wait, frames)
        self._wait -= skipped
        if skipped < frames:
            got = self._reader.read(frames - skipped).samples
            result[skipped : skipped + len(got)] = got
        return result


def _iter_rows(reader: AudioReader, feeds: list[_Feed], step: int) -> Iterator[Array]:
    """Yield for each second the stems and then the mix, shape (channels, stems + 1, frames)."""
    for block in reader.blocks(step):
        parts = [feed.read(block.frames) for feed in feeds]
        yield np.stack([*parts, block.samples]).astype(np.float64).transpose(2, 0, 1)


def _multiply(rows: Array) -> Array:
    """Return all products of the rows of each channel, shape (channels, stems + 1, stems + 1)."""
    # Contiguous first: a product of strided views takes no fast way.
    return np.stack([channel @ channel.T for channel in np.ascontiguousarray(rows)])


def _solve(names: list[str], products: Array) -> Faders | None:
    """Solve from the products of each second, shape (seconds, channels, stems + 1, stems + 1)."""
    energy = products[:, :, -1, -1].sum(axis=1)
    if not energy.any():
        return None
    heard = energy > 1e-8 * energy.max()
    kept = heard.copy()
    weights = _fit(products[kept].sum(axis=0))
    for _ in range(_ROUNDS):
        share = _rest_of(products, weights)[heard] / energy[heard]
        fitting = np.zeros_like(heard)
        fitting[heard] = share <= max(_OUTLIER * float(np.median(share)), 1e-9)
        if (fitting == kept).all():
            break
        kept = fitting
        weights = _fit(products[kept].sum(axis=0))
    rest = _rest_of(products, weights)
    share = rest[heard] / energy[heard]
    errors = _find_errors(products[kept], weights)
    own = np.einsum("bcss->s", products[kept])[:-1]
    missed = own > _AUDIBLE * rest[kept].sum()
    levels = {
        name: level
        for number, name in enumerate(names)
        if (level := _describe(weights[:, number], errors[:, number], bool(missed[number]))) is not None
    }
    total = _ratio_db(float(rest.sum()), float(energy.sum()))
    worst = float(np.argmax(rest)) * _BLOCK_S if total > _FLOOR_DB else None
    typical = _ratio_db(float(np.median(share)), 1.0)
    return Faders(levels, round(total, 1), round(typical, 1), worst)


def _fit(product: Array) -> Array:
    """Return the gains of least squares, shape (channels, stems)."""
    return np.stack([_fit_channel(channel) for channel in product])


def _fit_channel(product: Array) -> Array:
    scale = np.sqrt(np.diag(product)[:-1])
    scale[scale == 0] = 1.0
    unit = product[:-1, :-1] / np.outer(scale, scale)
    return np.asarray(np.linalg.lstsq(unit, product[:-1, -1] / scale, rcond=1e-10)[0] / scale)


def _rest_of(products: Array, weights: Array) -> Array:
    """Return the energy that the gains leave in each second."""
    full = np.concatenate([-weights, np.ones((len(weights), 1))], axis=1)
    rest = np.einsum("ci,bcij,cj->b", full, products, full)
    # Sums of squares cancel at the precision of float64, some -150 dB.
    floor = 1e-15 * products[:, :, -1, -1].sum(axis=1)
    return np.where(rest > floor, rest, 0.0)


def _find_errors(products: Array, weights: Array) -> Array:
    """Return the standard error of each gain, infinite where nothing tells it, shape (channels, stems).

    The sandwich of H. White (1980) over seconds, since what is left of music is no white noise: neighbouring frames
    have much to do with each other, seconds next to nothing.
    """
    errors = np.full(weights.shape, np.inf)
    for channel, gains in enumerate(weights):
        seconds = products[:, channel]
        total = seconds.sum(axis=0)[:-1, :-1]
        scale = np.sqrt(np.diag(total))
        told = scale > 1e-6 * np.sqrt(seconds[:, -1, -1].sum())
        if not told.any():
            continue
        unit = total[np.ix_(told, told)] / np.outer(scale[told], scale[told])
        inverse = np.linalg.pinv(unit, rcond=1e-9, hermitian=True)
        # Where stems stand in for each other, the inverse does not give their own direction back.
        own = np.abs(np.diag(inverse @ unit) - 1) < 1e-3
        scores = (seconds[:, :-1, -1] - seconds[:, :-1, :-1] @ gains)[:, told] / scale[told]
        spread = inverse @ (scores.T @ scores) @ inverse
        found = np.where(own, np.sqrt(np.maximum(np.diag(spread), 0.0)) / scale[told], np.inf)
        errors[channel, told] = found
    return errors


def _describe(gains: Array, errors: Array, missed: bool) -> Level | None:
    """Return where a fader stands, from its gain in each channel; None where that is not known.

    `missed` says that the stem is louder than what the stems do not explain: only then is it silent because it is
    muted, and not because the mix has another take of it.
    """
    if not np.isfinite(errors).any():
        return None
    known = np.isfinite(errors)
    gains, errors = np.where(known, gains, 0.0), np.where(known, errors, 0.0)
    loudest = int(np.argmax(np.abs(gains)))
    gain, error = float(abs(gains[loudest])), float(errors[loudest])
    if gain < max(_MUTED, 3 * error):
        return Level(None, 0.0, True, False, 0.0) if missed and error < 10 * _MUTED else None
    error_db = 20 * np.log10(1 + error / gain)
    if error_db > _SURE_DB:
        return None
    pan = 0.0
    if len(gains) == 2 and known.all():
        left, right = (gains / gains[loudest]).clip(0.0, 1.0)
        pan = float(right - left)
    return Level(
        round(20 * float(np.log10(gain)), 3) + 0.0,
        round(pan, 3) + 0.0,
        False,
        bool(gains[loudest] < 0),
        round(float(error_db), 3),
    )


def _ratio_db(part: float, whole: float) -> float:
    return max(_FLOOR_DB, 10 * float(np.log10(max(part, 1e-30 * whole) / whole)))
