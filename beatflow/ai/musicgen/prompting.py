"""What a brief means to MusicGen: the words that it is sent, and how long the piece gets.

MusicGen knows tempo, key and meter only as words, the way people describe music ("90 bpm", "A minor"), and keeps to
them as well as it can; the length is exact. Knows no model.
"""

import math
import re
from dataclasses import dataclass
from statistics import fmean

from beatflow.ai.engine import QUARTERS, Brief, Sampling
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.words.prompt import understand
from beatflow.errors import UsageError
from beatflow.sound.tonality import parse_key

DEFAULT_S = 30.0
"""Length where none is asked: the window that the models were trained on."""

LONGEST_S = 3600.0
TEMPO_RANGE = (20.0, 400.0)
DEFAULT_SAMPLING = Sampling(temperature=1.0, top_k=250, top_p=0.0, guidance=3.0)
"""What audiocraft's own ``set_generation_params`` starts from."""

_ASSUMED_TEMPO = 120.0
_NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_MODES = {"maj": "major", "min": "minor"}
_TEMPO = re.compile(r"\b\d{2,3}(?:\.\d+)?\s*bpm\b", re.IGNORECASE)
_KEY = re.compile(
    r"\b(?:in\s+)?(?:the\s+key\s+of\s+)?[A-G](?:#|b|♯|♭| sharp| flat)?[\s-]?(?:major|minor|maj|min)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Order:
    """A brief as MusicGen can take it.

    Parameters
    ----------
    text : str
        The prompt with tempo, key and meter in words; empty for music without a description.
    duration_s : float
    tempo : float or None
        That the prompt names.
    bars : int or None
        As asked.
    sampling : Sampling
        Every field given.
    remarks : tuple of str
        What the user should know: what was assumed.
    """

    text: str
    duration_s: float
    tempo: float | None
    bars: int | None
    sampling: Sampling
    remarks: tuple[str, ...]


def read_brief(brief: Brief) -> Order:
    """Work out the words and the length.

    Raises
    ------
    UsageError
        Tempo, key, meter, bars, length, seed or sampling that cannot be; stems, which MusicGen does not make.
    """
    _check(brief)
    request = understand(brief.prompt)
    tempo = brief.tempo if brief.tempo is not None else request.tempo
    remarks: list[str] = []
    if brief.bars is not None and tempo is None:
        tempo = round(fmean(GENRES[request.genre].tempo)) if request.genre else _ASSUMED_TEMPO
        remarks.append(f"no tempo was asked: bars are counted at {tempo:g} BPM")
    if brief.bars is not None and tempo is not None:
        duration_s = brief.bars * QUARTERS[brief.meter] * 60 / tempo
    else:
        duration_s = brief.duration_s if brief.duration_s is not None else DEFAULT_S
    if duration_s > LONGEST_S:
        raise UsageError(f"{duration_s:g} s: MusicGen makes at most {LONGEST_S:g} s at a time")
    text = describe(brief, tempo)
    return Order(text, duration_s, tempo, brief.bars, fill_sampling(brief.sampling), tuple(remarks))


def describe(brief: Brief, tempo: float | None) -> str:
    """Put tempo, key and meter into the prompt; what it says itself of them gives way to what the brief says.

    >>> describe(Brief("lofi piano, 100 bpm", key="A:min", meter="3/4"), 90.0)
    'lofi piano, 90 bpm, A minor, 3/4'
    """
    text = brief.prompt
    words = []
    if tempo is not None:
        text = _TEMPO.sub(" ", text)
        words.append(f"{tempo:g} bpm")
    if brief.key is not None:
        text = _KEY.sub(" ", text)
        key = parse_key(brief.key)
        words.append(f"{_NAMES[key.tonic]} {_MODES[key.mode]}")
    if brief.meter != "4/4" and brief.meter not in text:
        words.append(brief.meter)
    text = re.sub(r"\s*,[\s,]*", ", ", " ".join(text.split())).strip(" ,")
    return ", ".join([text, *words] if text else words)


def fill_sampling(asked: Sampling) -> Sampling:
    """Give every field a value and see that each makes sense."""
    given = DEFAULT_SAMPLING
    temperature = given.temperature if asked.temperature is None else asked.temperature
    top_k = given.top_k if asked.top_k is None else asked.top_k
    top_p = given.top_p if asked.top_p is None else asked.top_p
    guidance = given.guidance if asked.guidance is None else asked.guidance
    if temperature is None or not 0 < temperature <= 100:
        raise UsageError(
            f"temperature {temperature}: it must be above 0", hint="0.7 is tame, 1 the default, 1.3 wild"
        )
    if top_k is None or top_k < 0:
        raise UsageError(f"top-k {top_k}: it must be 0 (all) or more", hint="250 is the default")
    if top_p is None or not 0 <= top_p <= 1:
        raise UsageError(f"top-p {top_p}: it must be from 0 (off) to 1")
    if guidance is None or not 0 <= guidance <= 100:
        raise UsageError(f"guidance {guidance}: it must be from 0 to 100", hint="3 is the default, 1 is none")
    return Sampling(float(temperature), int(top_k), float(top_p), float(guidance))


def _check(brief: Brief) -> None:
    if not 0 <= brief.seed < 2**63:
        raise UsageError(f"the seed must be from 0 to 2**63 - 1, not {brief.seed}")
    if brief.meter not in QUARTERS:
        raise UsageError(f"there is no meter {brief.meter!r}", hint=f"choose one of {', '.join(QUARTERS)}")
    if brief.tempo is not None and not TEMPO_RANGE[0] <= brief.tempo <= TEMPO_RANGE[1]:
        raise UsageError(f"{brief.tempo:g} BPM is no tempo", hint="from {:g} to {:g}".format(*TEMPO_RANGE))
    if brief.bars is not None and brief.bars < 1:
        raise UsageError(f"{brief.bars} bars are no piece")
    length = brief.duration_s
    if length is not None and not (math.isfinite(length) and 0 < length <= LONGEST_S):
        raise UsageError(f"{length:g} s: MusicGen makes more than 0 and at most {LONGEST_S:g} s at a time")
    if brief.stems is not None:
        raise UsageError("MusicGen makes a mix, no stems", hint="bf split its result, or --engine synth")
