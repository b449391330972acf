"""What a musician asks for when music is made, checked before any engine is loaded.

Knows no files and loads no numpy, so that a mistyped figure is told at once.
"""

import re
import secrets
from dataclasses import asdict, dataclass, field, replace

from beatflow.ai.engine import QUARTERS, Context, EngineInfo, Sampling
from beatflow.contract.terms import DEFAULT_TOLERANCE, MOST_TRIES
from beatflow.errors import UsageError
from beatflow.making.structure import Structure, bars_to_seconds, count_bars, format_structure, has_ending
from beatflow.sound.tonality import parse_key

TEMPO_RANGE = (40.0, 300.0)
BARS_RANGE = (1, 512)
DURATION_RANGE_S = (1.0, 900.0)
COUNT_RANGE = (1, 100)
MAX_SEED = 2**63 - 1
METERS = tuple(QUARTERS)
LOUDNESS_RANGE_LUFS = (-40.0, -6.0)
"""Louder than this no music is below -1 dBTP without being crushed."""
SWING_RANGE = (50.0, 75.0)
HUMANIZE_RANGE = (0.0, 2.0)
TRIES_RANGE = (1, MOST_TRIES)
TOLERANCE_RANGE = (0.001, 10.0)
_ROUNDED_S = 0.005
_TYPED_S = 0.05
"""A length that is typed in is rounded: what is nearer than this agrees."""
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
        Together with ``bars`` it sets the tempo, or agrees with it.
    meter : str or None
        None is 4/4.
    stems : tuple of str or None
        Only these.
    sampling : Sampling
        How a model draws.
    loop : bool or None
        Whether the end flows into the start; None leaves it to the engine.
    loudness_lufs : float or None
        Integrated loudness.
    swing, humanize : float or None
        As in `Brief`.
    structure : tuple of (str, int)
        Sections and their bars; they add up to ``bars``.
    tries : int or None
        How often an engine may try to keep what was asked for.
    tolerance : float
        How far the tempo may be off, BPM.
    context : Context or None
        What is there already; not for a musician to say, but found.
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
    loop: bool | None = None
    loudness_lufs: float | None = None
    swing: float | None = None
    humanize: float | None = None
    structure: Structure = ()
    tries: int | None = None
    tolerance: float = DEFAULT_TOLERANCE
    context: Context | None = None

    @property
    def needs(self) -> frozenset[str]:
        """What an engine must promise, or heed, to give what was asked for.

        Tempo, key, length, loop and loudness are not among it: what does not come out right is corrected.
        """
        # A meter cannot be put right afterwards; an engine that counts bars knows it.
        wanted = {"bars": self.meter, "stems": self.stems}
        return frozenset(name for name, value in wanted.items() if value is not None) | set(self.options)

    @property
    def options(self) -> dict[str, object]:
        """The options that only some engines heed, as given."""
        playing = {"swing": self.swing, "humanize": self.humanize, "structure": self.structure or None}
        return {**self.drawing, **{name: value for name, value in playing.items() if value is not None}}

    @property
    def asked(self) -> dict[str, object]:
        """The figures that were asked for, under the names of the glossary."""
        figures = {
            "tempo": self.tempo,
            "key": str(parse_key(self.key)) if self.key else None,
            "bars": self.bars,
            "duration_s": self.duration_s,
            "meter": self.meter,
            "loop": self.loop,
            "loudness_lufs": self.loudness_lufs,
            "swing": self.swing,
            "humanize": self.humanize,
            "structure": format_structure(self.structure) or None,
        }
        return {name: value for name, value in figures.items() if value is not None}

    def settle(self) -> "Request":
        """The same with everything that follows from what was asked.

        A structure tells the bars; bars and a length tell the tempo, and then the length says nothing more.
        """
        bars = self.bars if self.bars is not None else count_bars(self.structure) or None
        if bars is None or self.duration_s is None:
            return replace(self, bars=bars)
        tempo, meter = self.tempo, self.meter or "4/4"
        if tempo is None:
            tempo = bars_to_seconds(bars, 1.0, meter) / self.duration_s
            whole = float(round(tempo))
            # Who types 21.33 s for eight bars means 90 BPM, not 90.0141.
            if whole and abs(bars_to_seconds(bars, whole, meter) - self.duration_s) < _ROUNDED_S:
                tempo = whole
        return replace(self, bars=bars, tempo=tempo, duration_s=None)

    @property
    def drawing(self) -> dict[str, float]:
        """The options of sampling that were given."""
        return {name: value for name, value in asdict(self.sampling).items() if value is not None}

    def check_heeded(self, info: EngineInfo) -> None:
        """Refuse options that would change nothing, before the engine loads its weights.

        Raises
        ------
        UsageError
            The engine does not heed an option.
        """
        for name in self.options:
            if name not in info.options:
                option = f"--{name.replace('_', '-')}"
                other = (
                    "an engine that draws: --engine musicgen-small"
                    if name in self.drawing
                    else "--engine synth"
                )
                raise UsageError(
                    f"engine {info.name} has no use for {option}",
                    hint=f"leave out {option}, or take {other}",
                )

    def check(self, count: int = 1) -> None:
        """Refuse what makes no sense; ``count`` is how many takes of it are wanted.

        Raises
        ------
        UsageError
            A value is out of range, or two contradict each other.
        """
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
        _check_range("the loudness", self.loudness_lufs, LOUDNESS_RANGE_LUFS, " LUFS")
        _check_range("the swing", self.swing, SWING_RANGE, " percent")
        _check_range("--humanize", self.humanize, HUMANIZE_RANGE, "")
        _check_range("the number of tries", self.tries, TRIES_RANGE, "")
        _check_range("the tolerance", self.tolerance, TOLERANCE_RANGE, " BPM")
        self._check_agreement()

    def _check_agreement(self) -> None:
        """Refuse what cannot be true at once, saying what and by how much."""
        sections = count_bars(self.structure)
        if sections and self.bars is not None and sections != self.bars:
            raise UsageError(
                f"--structure adds up to {sections} bars, --bars says {self.bars}: {abs(sections - self.bars)} apart",
                hint="leave out --bars: the structure tells them",
            )
        _check_range("the bars of the structure together", sections or None, BARS_RANGE, "")
        if self.loop and has_ending(self.structure):
            name = next(name for name, _ in self.structure if has_ending(((name, 1),)))
            raise UsageError(
                f"--loop and a structure with an {name} contradict each other: what ends does not start over",
                hint=f"leave out --loop, or {name}",
            )
        settled = self.settle()
        if settled.bars is None or self.duration_s is None or settled.tempo is None:
            return
        meter = self.meter or "4/4"
        if self.tempo is None:
            low, high = TEMPO_RANGE
            if not low <= settled.tempo <= high:
                raise UsageError(
                    f"{settled.bars} bars of {meter} in {self.duration_s:g} s would be {settled.tempo:.4g} BPM; "
                    f"the tempo must be {low:g} to {high:g}",
                    hint=f"at {low:g} to {high:g} BPM they last {bars_to_seconds(settled.bars, high, meter):.2f} to "
                    f"{bars_to_seconds(settled.bars, low, meter):.2f} s",
                )
            return
        lasting = bars_to_seconds(settled.bars, self.tempo, meter)
        if abs(lasting - self.duration_s) > _TYPED_S:
            implied = bars_to_seconds(settled.bars, 1.0, meter) / self.duration_s
            bars = "--bars" if self.bars is not None else "--structure"
            # A way out that the next check would refuse is none.
            possible = TEMPO_RANGE[0] <= implied <= TEMPO_RANGE[1]
            raise UsageError(
                f"{bars} {settled.bars}, --duration {self.duration_s:g} and --bpm {self.tempo:g} "
                f"contradict each other: {settled.bars} bars of {meter} at {self.tempo:g} BPM last {lasting:.2f} s, "
                f"{abs(lasting - self.duration_s):.2f} s {'more' if lasting > self.duration_s else 'less'}",
                hint=f"leave out one of the three; without --bpm it would be {implied:.4g} BPM"
                if possible
                else f"leave out {bars} or --duration",
            )


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
