"""Whether a sound that was made again is the one that it should be: bytes, samples, or how far below it the rest lies.

Compares files and figures; knows no engines and no repository.
"""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.files import BLOCK_FRAMES, AudioReader

IDENTICAL, SAME_SAMPLES, EQUAL, DIFFERENT = "identical", "same_samples", "equal", "different"
"""Verdicts: the same file; another file with the same samples; the same within the bounds; neither."""

MAX_NULL_DEPTH_DB = -60.0
"""What may be left of the difference, relative to the original: a thousandth of its amplitude."""

_TOLERANCES = {"tempo": 0.5, "loudness_lufs": 0.5, "true_peak_dbtp": 0.5}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the contract, then and now; None where it is not known."""

    name: str
    then: Any
    now: Any

    @property
    def equal(self) -> bool:
        """Whether it was kept: figures that are measured have a tolerance, others none."""
        then, now = self.then, self.now
        if self.name in _TOLERANCES and _is_number(then) and _is_number(now):
            return bool(abs(then - now) <= _TOLERANCES[self.name])
        return bool(then == now)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a new rendering compares with the original.

    Parameters
    ----------
    verdict : str
    null_depth_db : float or None
        Energy of the difference relative to the original; None where nothing is left, or where they cannot be
        subtracted.
    contract : tuple of Figure
        Length, tempo, key …; empty where the file is the same.
    """

    verdict: str
    null_depth_db: float | None = None
    contract: tuple[Figure, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it is the sound that it should be."""
        return self.verdict != DIFFERENT


def prove(
    then: BinaryIO | None,
    now: Path,
    same_file: bool,
    recorded: Mapping[str, Any],
    measured: Mapping[str, Any],
) -> Proof:
    """Compare a rendering with its original.

    Parameters
    ----------
    then : binary file or None
        The original; None where it is gone.
    now : Path
        The new one.
    same_file : bool
        Whether their sha256 is the same.
    recorded, measured : mapping
        Figures of the contract, then and now, by name; those that only one side has are left out.
    """
    if same_file:
        return Proof(IDENTICAL)
    figures = [
        Figure(name, recorded[name], measured[name])
        for name in recorded
        if name in measured and (recorded[name], measured[name]) != (None, None)
    ]
    if then is None:
        return Proof(DIFFERENT, None, tuple(figures))
    try:
        with ExitStack() as stack:
            old = stack.enter_context(AudioReader(then, "the original"))
            new = stack.enter_context(AudioReader(now))
            shape = [
                Figure(name, getattr(old.info, name), getattr(new.info, name))
                for name in ("frames", "sample_rate", "channels")
            ]
            figures = [*shape, *figures]
            comparable = all(figure.equal for figure in shape)
            depth_db = _measure(old, new) if comparable else math.inf
    except AudioError:
        return Proof(DIFFERENT, None, tuple(figures))
    if depth_db == -math.inf:
        return Proof(SAME_SAMPLES, None, tuple(figures))
    kept = depth_db <= MAX_NULL_DEPTH_DB and all(figure.equal for figure in figures)
    return Proof(
        EQUAL if kept else DIFFERENT, round(depth_db, 1) if math.isfinite(depth_db) else None, tuple(figures)
    )


def _measure(old: AudioReader, new: AudioReader) -> float:
    """Return the energy of the difference relative to the first sound, in dB; minus infinity where there is none."""
    left = total = 0.0
    for block in old.blocks(BLOCK_FRAMES):
        ours = block.samples.astype(np.float64)
        theirs = new.read(block.frames).samples
        if theirs.shape != ours.shape:
            return math.inf
        left += float(np.sum((ours - theirs) ** 2))
        total += float(np.sum(ours**2))
    if not left:
        return -math.inf
    return 10 * math.log10(left / total) if total and math.isfinite(left) else math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
