"""The form of a piece: where something new begins, and which parts are alike.

Each bar is described by its harmony and its timbre; a section begins where the bars after differ from those before.
Labels tell which sections sound alike, not what they are: an A may be a verse. Knows no files, keeps 470 bytes for each
second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatflow.sound.hops import Spectrometer

Rows = NDArray[np.float64]

_BANDS = 12
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 14_000.0
_SEMITONES = 60  # from A1, 55 Hz
_FLOOR_DB = 24.0
"""What lies so far below the loudest bar of its band counts as silent."""
_SPAN_DB = 9.0
"""A band that changes by so much weighs as much as harmony that has nothing in common."""
_BAR_S = 2.0
"""Stands for a bar where no beats are known."""
_LEAST_BARS = 4
_WIDE = 8
_NEW, _ALIKE = 0.09, 0.07
"""Distances from which on bars begin a new section, and up to which two sections get one label."""
_SHORTEST_BAR_S = 1.4
"""Shorter bars are taken two by two: a section is then 10 s long or so at least, as it is in slower music."""
_MOST_BARS = 40_000
_MOST_LABELS = 8
"""Or one for each minute. Where there would be more, as in film music, what is less alike shares a letter, too."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a piece; parts with one label sound alike. The first is an A."""

    start_s: float
    end_s: float
    label: str


class SectionMeter:
    """Takes spectra, finds sections at the end."""

    def __init__(self, spectrometer: Spectrometer) -> None:
        self._hop_s = spectrometer.hop_s
        nyquist = spectrometer.step_hz * (spectrometer.bins - 1)
        tones = 55.0 * 2 ** ((np.arange(_SEMITONES + 1) - 0.5) / 12)
        edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.95 * nyquist), _BANDS + 1)
        self._tones, self._bands = (
            np.minimum(np.round(hz / spectrometer.step_hz), spectrometer.bins - 1).astype(np.intp)
            for hz in (tones, edges)
        )
        self._rows: list[NDArray[np.float32]] = []

    def add_spectra(self, spectra: NDArray[np.float32]) -> None:
        """Take the next power spectra, shape (spectra, bins)."""
        tones = np.sqrt(np.add.reduceat(spectra[:, : self._tones[-1] + 1], self._tones[:-1], axis=1))
        chroma = tones.reshape(len(spectra), -1, 12).sum(axis=1)
        bands = np.add.reduceat(spectra[:, : self._bands[-1] + 1], self._bands[:-1], axis=1)
        self._rows.append(np.concatenate([chroma, bands], axis=1))

    def result(
        self, duration_s: float, beats: Sequence[float] = (), downbeats: Sequence[float] = ()
    ) -> tuple[Section, ...]:
        """Find the sections.

        Parameters
        ----------
        duration_s : float
        beats, downbeats : sequence of float
            Times in seconds; sections begin at downbeats where there are some, otherwise at beats, otherwise anywhere.

        Returns
        -------
        tuple of Section
            One after the other from 0 to the end; one where nothing changes, none where there is silence.
        """
        if not self._rows or duration_s <= 0:
            return ()
        rows = np.concatenate([*self._rows, np.zeros((1, 12 + _BANDS), np.float32)])
        if rows[:, 12:].max() <= 1e-7:
            return ()
        edges = _divide(duration_s, beats, downbeats)
        features = _describe(rows, edges, self._hop_s)
        starts = [0, *_find_changes(features)]
        parts = [features[a:b] for a, b in zip(starts, [*starts[1:], len(features)], strict=True)]
        labels = _label(parts, _ALIKE)
        alike = _ALIKE
        while len(set(labels)) > max(_MOST_LABELS, duration_s / 60):
            alike *= 1.25
            labels = _label(parts, alike)
        merged = [(start, label) for at, (start, label) in enumerate(zip(starts, labels, strict=True))
                  if at == 0 or label != labels[at - 1]]  # fmt: skip
        times = [float(edges[start]) for start, _ in merged]
        ends = [*times[1:], duration_s]
        return tuple(
            Section(round(start, 3), round(end, 3), label)
            for start, end, (_, label) in zip(times, ends, merged, strict=True)
        )


def _divide(duration_s: float, beats: Sequence[float], downbeats: Sequence[float]) -> Rows:
    """Times at which bars begin, from 0, and the end."""
    inner = np.array(downbeats if len(downbeats) > 1 else beats[::4] if len(beats) > 4 else ())
    if inner.size < 2:
        inner = np.arange(0, duration_s, max(_BAR_S, duration_s / _MOST_BARS))
    length = float(np.median(np.diff(inner))) if inner.size > 1 else duration_s
    if length < _SHORTEST_BAR_S and inner.size > 3:
        inner, length = inner[::2], 2 * length
    # What comes before the first beat, or after the last, is divided into bars of the same length.
    before = inner[0] - length * np.arange(int(inner[0] / length), 0, -1)
    after = inner[-1] + length * np.arange(1, int((duration_s - inner[-1]) / length) + 1)
    edges = np.concatenate([before, inner, after])
    edges = edges[(edges > 0.3 * length) & (edges < duration_s - 0.3 * length)]
    return np.concatenate([[0.0], edges, [duration_s]])


def _describe(rows: Rows, edges: Rows, hop_s: float) -> Rows:
    """Harmony and timbre of each bar, shape (bars, 12 + bands), such that squared distances are about 0 to 1."""
    # Windows that are centred near an edge hold some of both bars.
    first = np.minimum(np.ceil(edges[:-1] / hop_s + 0.8), len(rows) - 2).astype(np.intp)
    last = np.maximum(np.floor(edges[1:] / hop_s - 0.8), first).astype(np.intp)
    # Every other sum is of what lies between; the row of zeros is where the last one may end.
    bounds = np.stack([first, np.minimum(last + 1, len(rows) - 1)], axis=1).ravel()
    means = np.add.reduceat(rows, bounds, axis=0)[::2] / np.maximum(np.diff(bounds)[::2], 1)[:, None]
    chroma = np.maximum(means[:, :12], 0)
    # What sounds all the time (noise, a drone) is no harmony.
    chroma = chroma - chroma.min(axis=1, keepdims=True)
    chroma = chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
    power = np.maximum(means[:, 12:], 0)
    loudest = np.maximum(power.max(axis=0), power.max() * 1e-5)
    levels = np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)), -_FLOOR_DB)
    return np.concatenate([chroma * 0.5, levels / (_SPAN_DB * np.sqrt(_BANDS))], axis=1)


def _find_changes(features: Rows) -> list[int]:
    """Bars that begin something new: what follows differs most from what came before."""
    bars = len(features)
    if bars < 2 * _LEAST_BARS:
        return []
    total = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0)])

    def compare(width: int) -> Rows:
        here = np.arange(bars + 1)
        low, high = np.maximum(here - width, 0), np.minimum(here + width, bars)
        left = (total[here] - total[low]) / np.maximum(here - low, 1)[:, None]
        right = (total[high] - total[here]) / np.maximum(high - here, 1)[:, None]
        return np.asarray(np.square(right - left).sum(axis=1))

    novelty = (compare(_LEAST_BARS) + compare(_WIDE)) / 2
    # Less than a section on either side says nothing: one chord is no harmony.
    novelty[:_LEAST_BARS] = novelty[bars - _LEAST_BARS + 1 :] = 0.0
    taken = np.zeros(bars + 1, bool)
    for bar in np.argsort(-novelty, kind="stable"):
        if novelty[bar] < _NEW:
            break
        around = novelty[max(0, bar - 1) : bar + 2]
        if (
            novelty[bar] == around.max()
            and not taken[max(0, bar - _LEAST_BARS + 1) : bar + _LEAST_BARS].any()
        ):
            taken[bar] = True
    return [int(bar) for bar in np.flatnonzero(taken)]


def _label(parts: list[Rows], alike: float) -> list[str]:
    """Letters for sections, the same for those whose means are no further apart than that."""
    sums, counts = np.zeros((len(parts), parts[0].shape[1])), np.zeros((len(parts), 1))
    groups, labels = 0, []
    for part in parts:
        distances = np.square(part.mean(axis=0) - sums[:groups] / counts[:groups]).sum(axis=1)
        best = int(np.argmin(distances)) if groups else -1
        if best < 0 or distances[best] > alike:
            best, groups = groups, groups + 1
        sums[best] += part.sum(axis=0)
        counts[best] += len(part)
        labels.append(_letter(best))
    return labels


def _letter(number: int) -> str:
    """A … Z, AA, AB …"""
    letters = ""
    number += 1
    while number:
        number, last = divmod(number - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters
