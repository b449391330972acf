"""What a musician asks for when music is made, checked before any engine is loaded.

Knows no files and loads no numpy, so that a mistyped figure is told at once.
"""

import re
import secrets
from dataclasses import dataclass

from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

TEMPO_RANGE = (40.0, 300.0)
BARS_RANGE = (1, 512)
DURATION_RANGE_S = (1.0, 900.0)
COUNT_RANGE = (1, 100)
MAX_SEED = 2**63 - 1
METERS = ("4/4", "3/4", "6/8")


@dataclass(frozen=True, slots=True)
class Request:
    """What a musician asks for; None leaves it to the engine.

    Parameters
    ----------
    prompt : str
    seed : int or None
        None has one drawn.
    tempo : float or None
        BPM.
    key : str or None
        As musicians write it: ``Am``, ``F# minor``.
    bars : int or None
    duration_s : float or None
        Not together with ``bars``.
    meter : str
    stems : tuple of str or None
        Only these.
    """

    prompt: str
    seed: int | None = None
    tempo: float | None = None
    key: str | None = None
    bars: int | None = None
    duration_s: float | None = None
    meter: str = "4/4"
    stems: tuple[str, ...] | None = None

    def check(self, count: int = 1) -> None:
        """Refuse what makes no sense; ``count`` is how many takes of it are wanted.

        Raises
        ------
        UsageError
            A value is out of range, or two contradict each other.
        """
        if self.bars is not None and self.duration_s is not None:
            raise UsageError("--bars and --duration both set the length", hint="give one of them")
        _check_range("the tempo", self.tempo, TEMPO_RANGE, " BPM")
        _check_range("the number of bars", self.bars, BARS_RANGE, "")
        _check_range("the duration", self.duration_s, DURATION_RANGE_S, " s")
        _check_range("the number of takes", count, COUNT_RANGE, "")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED - count:
            raise UsageError(f"the seed must be 0 to {MAX_SEED - count}, not {self.seed}")
        if self.meter not in METERS:
            raise UsageError(f"no meter {self.meter!r}", hint=f"one of {', '.join(METERS)}")
        if self.key is not None:
            parse_key(self.key)


def draw_seed() -> int:
    """A random seed, short enough to be read out and typed in again."""
    return secrets.randbelow(2**31)


def folder_name(prompt: str, seed: int) -> str:
    """A folder's name from a prompt and a seed: ``lofi-rainy-night-42``."""
    words = re.sub(r"[^\w]+", "-", prompt.lower()).strip("-_")[:40].rstrip("-")
    return f"{words or 'take'}-{seed}"


def _check_range(what: str, value: float | None, bounds: tuple[float, float], unit: str) -> None:
    # Written so that NaN is refused, too.
    if value is not None and not bounds[0] <= value <= bounds[1]:
        raise UsageError(f"{what} must be {bounds[0]:g} to {bounds[1]:g}{unit}, not {value:g}")
