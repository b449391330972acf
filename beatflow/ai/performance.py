"""Holds generators to their word: what one gave is looked at before anything is made of it.

An engine may be a stranger's. Names of stems become names of files, and figures are computed with, so nothing is
believed. Whether the music is what was asked for is measured elsewhere.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from beatflow.ai.engine import Performance
from beatflow.errors import ContractError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SUBTYPES = ("PCM_16", "PCM_24")


def check_performance(performance: Any, name: str) -> Performance:
    """Return what the engine ``name`` gave, if it is music that can be worked with.

    Raises
    ------
    ContractError
        It is not.
    """
    if not isinstance(performance, Performance):
        raise ContractError(f"engine {name} gave {type(performance).__name__}, not a Performance")
    flaw = next(
        (flaw for find in (_find_flaws_of_sound, _find_flaws_of_figures) for flaw in find(performance)), None
    )
    if flaw:
        raise ContractError(f"engine {name} gave {flaw}")
    if not np.isfinite(performance.mix.samples).all():
        hint = "another --seed, or --dtype float32, may help"
        raise ContractError(f"engine {name} gave samples that are not numbers", hint=hint)
    return performance


def _find_flaws_of_sound(performance: Performance) -> Iterator[str]:
    mix, stems = performance.mix, performance.stems
    if not isinstance(mix, Audio) or not mix.frames:
        yield "no mix"
    if performance.subtype not in _SUBTYPES:
        yield f"samples as {performance.subtype!r}, not {' or '.join(_SUBTYPES)}"
    if not isinstance(stems, Mapping):
        yield f"stems as {type(stems).__name__}"
    for stem, audio in stems.items():
        if not isinstance(stem, str) or not _STEM.fullmatch(stem) or stem == "mix":
            yield f"a stem that is called {str(stem)[:40]!r}"
        if not isinstance(audio, Audio):
            yield f"a stem {stem} that is no sound"
        if audio.samples.shape != mix.samples.shape or audio.sample_rate != mix.sample_rate:
            yield (
                f"{stem} as {audio.samples.shape} at {audio.sample_rate} Hz "
                f"for a mix of {mix.samples.shape} at {mix.sample_rate} Hz"
            )


def _find_flaws_of_figures(performance: Performance) -> Iterator[str]:
    for figure in ("tempo", "bars", "lead"):
        value = getattr(performance, figure)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if value is not None and not whole and not (figure == "tempo" and _is_tempo(value)):
            yield f"{figure} {value!r}"
    if performance.meter is not None and not isinstance(performance.meter, str):
        yield f"meter {performance.meter!r}"
    if performance.key is not None and not _is_key(performance.key):
        yield f"key {performance.key!r}"
    if not isinstance(performance.notes, Mapping) or not all(
        isinstance(note, Note) for notes in performance.notes.values() for note in notes
    ):
        yield "notes that are none"
    try:
        json.dumps(performance.parameters, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"parameters that no record can hold: {error}"


def _is_tempo(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value > 0


def _is_key(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parse_key(value))
    except UsageError:
        return False
