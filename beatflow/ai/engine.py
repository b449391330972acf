"""What every engine is: the protocols, and the plain values that go in and come out.

An engine takes samples or a brief and gives back samples. It knows no repository, reads no environment and
prints nothing; it reports through the ``progress`` callable and stops when that raises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and what is being done; raising in it interrupts the engine."""


def no_progress(fraction: float, what: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine's identity card, recorded in provenance.

    Parameters
    ----------
    name : str
        As given to ``--engine``.
    version : str
        Changes whenever the same request would give other bytes.
    tasks : frozenset of str
        Of ``generate``, ``accompany``, ``separate``, ``transcribe``.
    licence : str
        SPDX expression of the weights, or of the engine where it has none.
    sample_rate : int or None
        Native rate in Hz; None where it follows its input.
    extra : str or None
        The ``beatflow[extra]`` that it needs; None for the embedded engines.
    weights : tuple of str
        Names of the weights that it loads; empty for the embedded engines.
    """

    name: str
    version: str
    tasks: frozenset[str]
    licence: str
    sample_rate: int | None = None
    extra: str | None = None
    weights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """What a generator is asked for. ``None`` leaves the choice to the engine, drawn from the seed and the prompt.

    Parameters
    ----------
    prompt : str
        Genre, mood and instrument words.
    seed : int
        0 .. 2**63 - 1. The same brief, engine version and seed give the same bytes.
    tempo : float or None
        BPM.
    key : str or None
        ``A:min``, ``F#:maj``.
    bars : int or None
        Length in bars; the tempo and the meter give the seconds.
    meter : str
        ``4/4``, ``3/4`` or ``6/8``.
    loop : bool
        The end must flow into the start without a seam.
    stems : tuple of str or None
        Make only these stems, otherwise as the whole brief would make them.
    """

    prompt: str
    seed: int = 0
    tempo: float | None = None
    key: str | None = None
    bars: int | None = None
    meter: str = "4/4"
    loop: bool = True
    stems: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """What a generator made.

    ``mix`` is the sum of ``stems``, exactly, on the integer grid of ``subtype`` (``PCM_16`` or ``PCM_24``).
    ``parameters`` holds every choice that the engine made (genre, swing, chords, sounds …), ready for JSON.
    """

    stems: Mapping[str, Audio]
    mix: Audio
    subtype: str
    tempo: float
    key: str
    bars: int
    meter: str
    notes: Mapping[str, Sequence[Note]]
    parameters: Mapping[str, object] = field(default_factory=dict)


@runtime_checkable
class Generator(Protocol):
    """Text to music."""

    info: EngineInfo

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece of music.

        Raises
        ------
        UsageError
            The brief asks for something that does not exist (meter, stem, tempo out of range).
        """
        ...


@runtime_checkable
class MelodyGenerator(Protocol):
    """Notes and text to music around them."""

    info: EngineInfo

    def accompany(
        self, melody: Sequence[Note], brief: Brief, progress: Progress = no_progress
    ) -> Performance:
        """Make a piece in which a stem named ``melody`` plays the given notes, in their key and tempo."""
        ...


@runtime_checkable
class Separator(Protocol):
    """A mix to estimates of its stems, segment by segment.

    ``segment_s`` and ``overlap_s`` say how a long mix is cut (see ``beatflow.ai.separation``); the estimates need not
    sum to the mix: the caller makes the sum exact.
    """

    info: EngineInfo
    stems: tuple[str, ...]
    segment_s: float
    overlap_s: float

    def separate(self, segment: Audio, progress: Progress = no_progress) -> Mapping[str, Audio]:
        """Estimate each stem of a segment; same shape and rate as the segment."""
        ...


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was heard in a monophonic recording: notes, and the tempo and key that fit them."""

    notes: tuple[Note, ...]
    tempo: float
    key: str
    tempo_confidence: float
    key_confidence: float
    tuning_cents: float = 0.0


@runtime_checkable
class Analyzer(Protocol):
    """A hum, whistle or sung line to notes."""

    info: EngineInfo

    def transcribe(self, audio: Audio, progress: Progress = no_progress) -> Transcription:
        """Find the notes.

        Raises
        ------
        AudioError
            Nothing in it has a pitch (silence, noise).
        """
        ...
