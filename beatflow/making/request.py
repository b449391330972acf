"""What a musician asks for when music is made, checked before any engine is loaded.

Knows no files and loads no numpy, so that a mistyped figure is told at once.
"""

import re
import secrets
from dataclasses import asdict, dataclass, field

from beatflow.ai.engine import EngineInfo, Sampling
from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

TEMPO_RANGE = (40.0, 300.0)
BARS_RANGE = (1, 512)
DURATION_RANGE_S = (1.0, 900.0)
COUNT_RANGE = (1, 100)
MAX_SEED = 2**63 - 1
METERS = ("4/4", "3/4", "6/8")
TEMPERATURE_RANGE = (0.01, 10.0)
TOP_K_RANGE = (0, 2048)
"""MusicGen's codec has 2048 tokens to draw from."""
TOP_P_RANGE = (0.0, 1.0)
GUIDANCE_RANGE = (1.0, 20.0)


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
    meter : str or None
        None is 4/4.
    stems : tuple of str or None
        Only these.
    sampling : Sampling
        How a model draws.
    """

    prompt: str
    seed: int | None = None
    tempo: float | None = None
    key: str | None = None
    bars: int | None = None
    duration_s: float | None = None
    meter: str | None = None
    stems: tuple[str, ...] | None = None
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def needs(self) -> frozenset[str]:
        """What an engine must promise, or heed, to give what was asked for."""
        wanted = {
            "tempo": self.tempo,
            "key": self.key,
            "bars": self.bars or self.meter,
            "duration": self.duration_s,
            "stems": self.stems,
        }
        return frozenset(name for name, value in wanted.items() if value is not None) | set(self.drawing)

    @property
    def asked(self) -> dict[str, object]:
        """The figures that were asked for, under the names of the glossary."""
        figures = {
            "tempo": self.tempo,
            "key": str(parse_key(self.key)) if self.key else None,
            "bars": self.bars,
            "duration_s": self.duration_s,
        }
        return {name: value for name, value in figures.items() if value is not None}

    @property
    def drawing(self) -> dict[str, float]:
        """The options of sampling that were given."""
        return {name: value for name, value in asdict(self.sampling).items() if value is not None}

    def check_heeded(self, info: EngineInfo) -> None:
        """Refuse options that would change nothing, before the engine loads its weights.

        Raises
        ------
        UsageError
            The engine does not heed an option of sampling.
        """
        for name in self.drawing:
            if name not in info.options:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(
                    f"engine {info.name} has no use for {option}",
                    hint=f"leave out {option}, or take an engine that draws: --engine musicgen-small",
                )

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
        if self.meter is not None and self.meter not in METERS:
            raise UsageError(f"no meter {self.meter!r}", hint=f"one of {', '.join(METERS)}")
        if self.key is not None:
            parse_key(self.key)
        drawn = self.sampling
        _check_range("the temperature", drawn.temperature, TEMPERATURE_RANGE, "")
        _check_range("--top-k", drawn.top_k, TOP_K_RANGE, "")
        _check_range("--top-p", drawn.top_p, TOP_P_RANGE, "")
        _check_range("the guidance", drawn.guidance, GUIDANCE_RANGE, "")


def draw_seed() -> int:
    """A random seed, short enough to be read out and typed in again."""
    return secrets.randbelow(2**31)


def folder_name(prompt: str, seed: int) -> str:
    """A folder's name from a prompt and a seed: ``lofi-rainy-night-42``."""
    words = re.sub(r"[^\w]+", "-", prompt.lower()).strip("-_")[:40].rstrip("-")
    return f"{words or 'take'}-{seed}"


def shorten(prompt: str, characters: int = 72) -> str:
    """A prompt on one short line, for titles and lists; the whole of it stays in the provenance."""
    line = " ".join(prompt.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def _check_range(what: str, value: float | None, bounds: tuple[float, float], unit: str) -> None:
    # Written so that NaN is refused, too.
    if value is not None and not bounds[0] <= value <= bounds[1]:
        raise UsageError(f"{what} must be {bounds[0]:g} to {bounds[1]:g}{unit}, not {value:g}")
