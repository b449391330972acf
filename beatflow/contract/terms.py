"""What a piece of music has to keep, as values: the terms, and how each of them was borne out.

Loads no numpy. A term is binding when somebody asked for it; what an engine says of its own music is a claim, which is
measured and told but refuses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beatflow.ai.engine import Performance
from beatflow.sound.tonality import parse_key

DEFAULT_TOLERANCE = 0.1
"""BPM."""
MOST_TRIES = 20
LOUDNESS_TOLERANCE_LU = 0.5
CEILING_DBTP = -1.0
NAMES = ("tempo", "key", "meter", "bars", "duration_s", "loop", "loudness_lufs")
"""In the order in which they are told."""
PROMISES = {"duration_s": "duration", "loudness_lufs": "loudness", "meter": "bars"}
"""Where an engine's word for it (`EngineInfo.promises`) is another; who counts bars knows their meter."""

HELD, MISSED, UNCLEAR = "held", "missed", "unclear"

Value = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What has to be kept.

    Parameters
    ----------
    values : mapping of str to value
        Of `NAMES`: BPM, ``A:min``, ``3/4``, a number of bars, seconds, True, LUFS.
    meter : str
        In which bars are counted.
    tolerance : float
        Of the tempo, BPM.
    binding : frozenset of str
        What was asked for; the others are the engine's own claims.
    built : frozenset of str
        What the engine keeps by construction: nothing of it is corrected, and where it cannot be measured it holds.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    meter: str = "4/4"
    tolerance: float = DEFAULT_TOLERANCE
    binding: frozenset[str] = frozenset()
    built: frozenset[str] = frozenset()

    def number(self, name: str) -> float | None:
        """The value of a term as a number; None where it is no term."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, str) else float(value)

    def open(self, *names: str) -> list[str]:
        """Which of these were asked for and have to be brought about, since the engine does not build on them."""
        return [name for name in names if name in self.values and name in self.binding - self.built]

    def with_claims(self, performance: Performance, loop: bool) -> "Terms":
        """The same with what an engine says of its own music where nothing was asked; ``loop`` says that it loops."""
        claims: dict[str, Value | None] = {
            "tempo": performance.tempo,
            "key": str(parse_key(performance.key)) if performance.key else None,
            "bars": performance.bars,
            "loop": True if loop and "loop" in self.built and "loop" not in self.values else None,
        }
        claimed = {name: value for name, value in claims.items() if value is not None}
        return Terms(
            {**claimed, **self.values},
            performance.meter or self.meter,
            self.tolerance,
            self.binding,
            self.built,
        )


def make_terms(
    asked: Mapping[str, Any],
    meter: str | None,
    tolerance: float = DEFAULT_TOLERANCE,
    promises: frozenset[str] = frozenset(),
) -> Terms:
    """Terms from what was asked for.

    Parameters
    ----------
    asked : mapping
        Values by the names of the glossary; others than `NAMES`, and a loop that is not wanted, are no terms.
    meter : str or None
        None is 4/4, which nobody asked for.
    tolerance : float
    promises : frozenset of str
        What the engine keeps by construction.
    """
    values = {name: asked[name] for name in NAMES if asked.get(name) not in (None, False)}
    built = frozenset(name for name in NAMES if PROMISES.get(name, name) in promises)
    return Terms(values, meter or "4/4", tolerance, frozenset(values), built)


@dataclass(frozen=True, slots=True)
class Promise:
    """How one term was borne out.

    Parameters
    ----------
    term : str
        Of `NAMES`, or ``true_peak_dbtp``, which comes with the loudness.
    asked : value
    before, measured : value or None
        Before anything was corrected, and in the end; None where nothing could be measured.
    deviation : float or None
        Measured minus asked, in the term's unit; of a key, by how much the best one fits better (correlation); of
        bars and a duration, seconds.
    tolerance : float or None
        What the deviation may be.
    verdict : str
        ``held``, ``missed`` or ``unclear`` (the sound does not tell).
    binding : bool
        It was asked for.
    built : bool
        The engine keeps it by construction.
    """

    term: str
    asked: Value
    before: Value | None
    measured: Value | None
    deviation: float | None
    tolerance: float | None
    verdict: str
    binding: bool = True
    built: bool = False

    @property
    def held(self) -> bool:
        """Whether it counts as kept: what the sound does not tell, only where the engine builds on it."""
        return self.verdict == HELD or (self.verdict == UNCLEAR and self.built)

    def to_json(self) -> dict[str, Any]:
        """As records and ``--json`` have it."""
        return {
            "term": self.term,
            "asked": self.asked,
            "before": self.before,
            "measured": self.measured,
            "deviation": self.deviation,
            "tolerance": self.tolerance,
            "verdict": self.verdict,
            "held": self.held,
            "binding": self.binding,
            "built": self.built,
        }


Correction = Mapping[str, Any]
"""``kind`` (``stretch``, ``transpose``, ``cut``, ``loop``, ``level``) and its figures, ready for JSON."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A try that did not hold: its seed, and its promises."""

    seed: int
    promises: Sequence[Promise]


@dataclass(frozen=True, slots=True)
class Contract:
    """What became of the terms of one take.

    Parameters
    ----------
    promises : sequence of Promise
    corrections : sequence of Correction
        What was done to the engine's music, in order.
    seed : int
        Of the try that was taken.
    tolerance : float
        Of the tempo, BPM.
    misses : sequence of Miss
        The tries before it.
    """

    promises: Sequence[Promise] = ()
    corrections: Sequence[Correction] = ()
    seed: int = 0
    tolerance: float = DEFAULT_TOLERANCE
    misses: Sequence[Miss] = ()

    @property
    def held(self) -> bool:
        """Whether everything that was asked for is kept."""
        return is_held(self.promises)

    def to_json(self) -> dict[str, Any]:
        """As records and ``--json`` have it."""
        return {
            "held": self.held,
            "tolerance": self.tolerance,
            "seed": self.seed,
            "tries": len(self.misses) + 1,
            "promises": [promise.to_json() for promise in self.promises],
            "corrections": [dict(correction) for correction in self.corrections],
            "misses": [
                {
                    "seed": miss.seed,
                    "measured": {one.term: one.measured for one in miss.promises if one.binding},
                }
                for miss in self.misses
            ],
        }


def is_held(promises: Sequence[Promise]) -> bool:
    """Whether every binding promise is kept."""
    return all(promise.held for promise in promises if promise.binding)
