"""What every engine is: the protocols, and the plain values that go in and come out.

An engine takes samples or a brief and gives back samples. It knows no repository, reads no environment and
prints nothing; it reports through the ``progress`` callable and stops when that raises.

An engine is made by calling its class with a `Setup`. That is cheap: it loads no weights and imports nothing heavy, so
that a list of engines can be shown. `Demanding.check_ready` tells whether it could work; the first call that needs
weights loads them, and they stay for the calls after it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from beatflow.sound.mood.rating import MOODS, Mood
from beatflow.sound.note import Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from beatflow.sound.audio import Audio

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and what is being done; raising in it interrupts the engine."""


QUARTERS = {"4/4": 4, "3/4": 3, "6/8": 3}
"""Quarter notes in a bar of each meter. A tempo counts quarters in all of them, as in MIDI and in every sequencer."""


def no_progress(fraction: float, what: str) -> None:
    """Report nothing."""


def tell_nobody(text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine is given of its surroundings.

    Parameters
    ----------
    engine : str
        The name that it was chosen by; one class may serve several.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    dtype : str
        ``auto``, ``float32``, ``float16``, ``bfloat16``, ``int8``.
    runtime : str
        The library that runs the weights where there are several (``transformers``, ``audiocraft``), or ``auto``.
    models : Path or None
        Folder with a folder of weights per model; None for the hub's own cache.
    offline : bool
        Never use the network.
    memory_bytes : int or None
        What may be used at most on the device; None for what is free.
    tell : callable
        Called with one line that the user should know (a retry with less memory, a fallback).
    keys : mapping of str to str
        Service to its secret; never shown.
    addresses : mapping of str to str
        Service to the URL that takes the place of its own.
    state : Path or None
        Folder in which unfinished remote work is remembered.
    """

    engine: str = ""
    device: str = "auto"
    dtype: str = "auto"
    runtime: str = "auto"
    models: Path | None = None
    offline: bool = False
    memory_bytes: int | None = None
    tell: Callable[[str], None] = tell_nobody
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict)
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """On what an engine ran: what provenance must know so that a result can be made again.

    Parameters
    ----------
    device : str
        ``cpu``, or ``cuda:0 NVIDIA H100``.
    dtype : str
        Of the computation.
    runtime : str or None
        The library that ran the weights.
    weights : mapping of str to str
        File of the weights to its sha256, where there are weights.
    loading_s : float
        Seconds that loading libraries and weights took, which the next result does not.
    """

    device: str = "cpu"
    dtype: str = "float32"
    runtime: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    loading_s: float = 0.0


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
        Of ``generate``, ``accompany``, ``extend``, ``separate``, ``transcribe``, ``mood``.
    licence : str
        SPDX expression of the weights, or of the engine where it has none.
    sample_rate : int or None
        Native rate in Hz; None where it follows its input.
    extra : str or None
        The ``beatflow[extra]`` that it needs; None for the embedded engines.
    weights : tuple of str
        Names of the weights that it loads, as in ``bf models``; empty for the embedded engines.
    options : frozenset of str
        Fields of `Sampling` (``generate``), `Separation` (``separate``) or `Listening` (``transcribe``) that it heeds,
        and of ``swing``, ``humanize``, ``structure``; ``part`` too where it accompanies another part than a melody.
    promises : frozenset of str
        What it keeps exactly when asked: of ``tempo``, ``key``, ``bars``, ``duration``, ``loop``, ``stems``, ``notes``.
    remote : bool
        Works on somebody else's machine.
    """

    name: str
    version: str
    tasks: frozenset[str]
    licence: str
    sample_rate: int | None = None
    extra: str | None = None
    weights: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    promises: frozenset[str] = frozenset()
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model that draws from a distribution draws. ``None`` is the engine's own default.

    Parameters
    ----------
    temperature : float or None
        Above 0; 1 leaves the distribution as it is.
    top_k : int or None
        Draw among the k likeliest; 0 among all.
    top_p : float or None
        Draw among the likeliest that together have this probability; 0 turns it off. It goes before ``top_k``.
    guidance : float or None
        Classifier-free guidance; 1 is none.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Music that is already there, to which what is made has to fit: a piece to go on with, or stems to play beside.

    Parameters
    ----------
    chords : tuple of (float, str)
        When each chord begins, in seconds from where the new music begins (a piece that goes on has begun before: its
        times are negative), and its name: ``Am7``, ``F#``, ``Bbmaj7``.
    energy : tuple of float
        0 to 1 for each bar of the new music, where it runs beside something.
    phase : float
        How many quarter notes after a downbeat the new music begins.
    loudness_lufs : float or None
        Of what is there.
    parameters : mapping
        What the same engine wrote down when it made the piece; empty where it did not.
    """

    chords: tuple[tuple[float, str], ...] = ()
    energy: tuple[float, ...] = ()
    phase: float = 0.0
    loudness_lufs: float | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


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
    duration_s : float or None
        Length in seconds, where ``bars`` is None. An engine that promises bars makes the whole bars nearest to it.
    meter : str
        ``4/4``, ``3/4`` or ``6/8``.
    loop : bool
        The end must flow into the start without a seam.
    stems : tuple of str or None
        Make only these stems, otherwise as the whole brief would make them.
    sampling : Sampling
    loudness_lufs : float or None
        Integrated loudness of the mix.
    swing : float or None
        Share of an eighth that its first sixteenth takes, in percent as drum machines count it: 50 is straight, 66 a
        triplet, 75 the most.
    humanize : float or None
        How loosely it is played: 0 is a machine, 1 the genre's own looseness, 2 twice that.
    structure : tuple of (str, int)
        Sections and their bars, in order: ``(("intro", 4), ("verse", 8))``; they add up to ``bars``.
    context : Context or None
        What is there already.
    """

    prompt: str
    seed: int = 0
    tempo: float | None = None
    key: str | None = None
    bars: int | None = None
    duration_s: float | None = None
    meter: str = "4/4"
    loop: bool = True
    stems: tuple[str, ...] | None = None
    sampling: Sampling = Sampling()
    loudness_lufs: float | None = None
    swing: float | None = None
    humanize: float | None = None
    structure: tuple[tuple[str, int], ...] = ()
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Guide:
    """What to play around: notes, the recording that they were heard in where there is one, and which part they are.

    ``part`` is ``melody``, ``bass`` or ``drums``; the notes of drums are General MIDI drum numbers.
    """

    notes: tuple[Note, ...]
    audio: "Audio | None" = None
    part: str = "melody"


@dataclass(frozen=True, slots=True)
class Separation:
    """How a separator is to work. ``None`` is the engine's own default.

    Parameters
    ----------
    shifts : int or None
        Average over this many small shifts in time; 0 for none.
    seed : int
        Draws the shifts.
    overlap : float or None
        Share of a segment that the next one repeats, 0 to below 1.
    two_stems : str or None
        Make this stem alone, and ``no_NAME`` of all the rest.
    names : tuple of (str, str)
        What the separator's stems are called in the end; those that share a name are summed. Engines need not look.
    """

    shifts: int | None = None
    seed: int = 0
    overlap: float | None = None
    two_stems: str | None = None
    names: tuple[tuple[str, str], ...] = ()


DEFAULT_SEPARATION = Separation()


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and covariance of the channels of a whole sound, shapes (channels,) and (channels, channels)."""

    mean: "NDArray[np.float64]"
    covariance: "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class Performance:
    """What a generator made.

    ``mix`` is the sum of ``stems``, exactly, on the integer grid of ``subtype`` (``PCM_16`` or ``PCM_24``); an engine
    that makes no stems gives none. ``tempo``, ``key``, ``bars`` and ``meter`` are None where the engine does not know
    them: they are measured. ``parameters`` holds every choice that the engine made (genre, swing, chords, sounds …),
    ready for JSON. ``lead`` is how many frames at the start of a continuation render once more the end of what it
    continues, for a crossfade.
    """

    stems: "Mapping[str, Audio]"
    mix: "Audio"
    subtype: str
    tempo: float | None
    key: str | None
    bars: int | None
    meter: str | None
    notes: Mapping[str, Sequence[Note]]
    parameters: Mapping[str, object] = field(default_factory=dict)
    lead: int = 0


@runtime_checkable
class Demanding(Protocol):
    """An engine that needs more than BeatFlow's own packages: weights, torch, a key. The others leave this out."""

    info: EngineInfo

    def check_ready(self) -> None:
        """See whether it could work here, quickly: no weights are loaded, no network is used, torch is not imported.

        Raises
        ------
        EngineError
            A package, weights or a key is missing; the hint is the command that mends it.
        """
        ...

    @property
    def facts(self) -> RunFacts:
        """On what it runs, or would run; complete once it has run."""
        ...


@runtime_checkable
class Settling(Protocol):
    """An engine whose work is paid for, and kept to be had once more until it is known to be safe."""

    def settle(self) -> None:
        """Hear that everything that it gave so far lies where it belongs. Must not fail."""
        ...


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

    def accompany(self, guide: Guide, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece around a part, in its key and tempo.

        An engine that makes stems plays the notes in the one that ``guide.part`` names; others follow the recording.
        """
        ...


@runtime_checkable
class BatchGenerator(Protocol):
    """Several takes at once, for less than each alone."""

    info: EngineInfo

    def generate_batch(
        self, briefs: Sequence[Brief], guide: Guide | None = None, progress: Progress = no_progress
    ) -> list[Performance]:
        """Make one piece per brief; the briefs differ in nothing but their seeds."""
        ...


@runtime_checkable
class Extender(Protocol):
    """A piece and text to what comes after it."""

    info: EngineInfo

    def extend(self, audio: "Audio", brief: Brief, progress: Progress = no_progress) -> Performance:
        """Continue a piece by the brief's length, at the engine's own sample rate.

        Parameters
        ----------
        audio : Audio
            All of the piece, or its last minute.

        Returns
        -------
        Performance
            What comes after the piece, after ``lead`` frames that render its end once more.
        """
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

    def separate(
        self, segment: "Audio", progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> "Mapping[str, Audio]":
        """Estimate each stem of a segment; same shape and rate as the segment."""
        ...


@runtime_checkable
class StreamSeparator(Separator, Protocol):
    """A separator that goes through a mix of any length by itself, in constant memory."""

    def separate_blocks(
        self,
        blocks: "Iterable[Audio]",
        moments: Moments | None = None,
        frames: int | None = None,
        progress: Progress = no_progress,
        wanted: Separation = DEFAULT_SEPARATION,
    ) -> "Iterator[Mapping[str, Audio]]":
        """Estimate each stem of a stream, in stretches that together are as long as the mix.

        Parameters
        ----------
        blocks : iterable of Audio
            All with one sample rate and one number of channels.
        moments : Moments, optional
            Of the whole mix, where it can be read twice.
        frames : int, optional
            Length of the mix, for the progress.
        progress : callable
        wanted : Separation
            With ``two_stems`` that stem is enough: the rest is what it leaves of the mix.
        """
        ...


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was heard in a monophonic recording: notes, and the tempo and key that fit them.

    ``part`` is ``drums`` where the notes are hits (General MIDI drum numbers): then ``key`` says nothing, and its
    confidence is 0.
    """

    notes: tuple[Note, ...]
    tempo: float
    key: str
    tempo_confidence: float
    key_confidence: float
    tuning_cents: float = 0.0
    part: str = "melody"


@dataclass(frozen=True, slots=True)
class Listening:
    """How an analyzer is to listen. ``None`` leaves it to the sound.

    Parameters
    ----------
    part : str or None
        ``melody`` for notes with a pitch, ``drums`` for hits.
    key : str or None
        The key that the notes are in, where it is known: ``A:min``.
    tempo : float or None
        BPM, where it is known.
    """

    part: str | None = None
    key: str | None = None
    tempo: float | None = None


DEFAULT_LISTENING = Listening()


@runtime_checkable
class Analyzer(Protocol):
    """A hum, whistle or sung line, or a beat made with the mouth, to notes.

    One that names ``part`` among its options takes a third argument, ``wanted``: a `Listening`.
    """

    info: EngineInfo

    def transcribe(self, audio: "Audio", progress: Progress = no_progress) -> Transcription:
        """Find the notes.

        Raises
        ------
        AudioError
            Nothing in it has a pitch (silence, noise).
        """
        ...


@runtime_checkable
class Rater(Protocol):
    """Music to its mood."""

    info: EngineInfo

    def rate(
        self, blocks: "Iterable[Audio]", labels: Sequence[str] = MOODS, progress: Progress = no_progress
    ) -> Mood | None:
        """Tell the mood of a sound of any length, in constant memory; None for silence.

        Parameters
        ----------
        blocks : iterable of Audio
            All with one sample rate and one number of channels.
        labels : sequence of str
            Between which to choose. An engine that takes others than `MOODS` names ``labels`` among its options.
        progress : callable

        Raises
        ------
        UsageError
            The engine does not know a label.
        """
        ...
