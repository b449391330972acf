"""Chains of effects: read from text, written canonically, built, and applied to a stream of any length.

Knows no single effect: the table does.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.effects.effect import Effect
from beatflow.sound.effects.kind import EffectKind, Setting, Settings
from beatflow.sound.effects.notation import Step, parse_steps
from beatflow.sound.effects.parameter import RATE, Band, Note, Parameter, Value
from beatflow.sound.effects.table import EFFECTS

LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000
"""The sample rates, in Hz, at which the effects are made."""
_BLOCK = 1 << 15  # frames handed on at once, whatever the blocks' own size: the cut then changes no bit
_MOST_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Chain:
    """Effects in the order in which a sound goes through them.

    ``str`` gives the canonical text with every value, defaults included, for a recipe: parsed again it gives a chain
    that works the same, whatever the defaults have become.
    """

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return " | ".join(step.write(step.values()) for step in self.steps)

    @property
    def brief(self) -> str:
        """The text with the values that were given, for people."""
        return " | ".join(step.write(step.given) for step in self.steps)

    @property
    def needs_tempo(self) -> bool:
        """Whether a value is a note's length."""
        return any(isinstance(value, Note) for step in self.steps for _, value in step.values())

    @property
    def has_tail(self) -> bool:
        """Whether the sound goes on after its last frame."""
        return any(step.kind.tail for step in self.steps)

    def channels_out(self, channels: int) -> int:
        """How many channels come out where so many come in.

        Raises
        ------
        UsageError
            An effect works on another number of channels than comes to it.
        """
        for step in self.steps:
            wanted = step.kind.channels_in
            if wanted is not None and channels != wanted:
                way = (
                    "put stereo before it: stereo | "
                    if (channels, wanted) == (1, 2)
                    else "leave it out, not "
                )
                raise UsageError(
                    f"{step.kind.name} works on {wanted} channel{'s' * (wanted > 1)}, not on {channels}",
                    hint=f"{way}{step.kind.name}",
                )
            channels = step.kind.channels_out or channels
        return channels

    def build(self, sample_rate: int, channels: int, tempo: float | None = None) -> list[Effect]:
        """Make the effects, ready for the first block.

        Parameters
        ----------
        sample_rate : int
            Hz, 2000 to 768000.
        channels : int
            1 to 8.
        tempo : float, optional
            Quarter notes per minute; needed where `needs_tempo`.

        Raises
        ------
        UsageError
            The tempo is missing or makes no sense, a note value is out of range at it, or an effect does not fit the
            number of channels.
        AudioError
            The sample rate or the number of channels is out of range.
        """
        if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
            raise AudioError(
                f"effects work at {LOWEST_RATE} to {HIGHEST_RATE} Hz, not at {sample_rate} Hz",
                hint="resample the sound first",
            )
        if not 1 <= channels <= _MOST_CHANNELS:
            raise AudioError(f"effects work on 1 to {_MOST_CHANNELS} channels, not on {channels}")
        if tempo is not None and not (math.isfinite(tempo) and 10 <= tempo <= 1000):
            raise UsageError(f"a tempo of {tempo:g} makes no sense for effects", hint="10 to 1000 BPM")
        self.channels_out(channels)
        effects = []
        for step in self.steps:
            effects.append(step.kind.make(_resolve(step, tempo), Setting(sample_rate, channels)))
            channels = step.kind.channels_out or channels
        return effects


def parse_chain(text: str) -> Chain:
    """Read a chain of effects, ``reverb(size=.6,wet=.2) | eq(3k:+2dB) | limiter``.

    Values stand in the order of the parameters or have their names; they may have units (``3k``, ``250ms``,
    ``-18dB``, ``4:1``, ``30%``) or be note values (``1/8``, dotted ``1/8.``, triplet ``1/8t``).

    Raises
    ------
    UsageError
        See `parse_steps`.
    """
    return Chain(parse_steps(text))


def describe_effects() -> tuple[EffectKind, ...]:
    """Every effect with its parameters, ranges and defaults, in the order of the documentation."""
    return EFFECTS


def apply_chain(
    blocks: Iterable[Audio], chain: Chain, tempo: float | None = None, *, tail: bool = True
) -> Iterator[Audio]:
    """Send a sound through a chain, in blocks of whatever size comes out, in constant memory.

    The samples are the same however the sound is cut into blocks; nothing is delayed.

    Parameters
    ----------
    blocks : iterable of Audio
        Of one sample rate and number of channels; finite samples.
    chain : Chain
    tempo : float, optional
        See `Chain.build`, also for its errors.
    tail : bool
        Whether to give what sounds on after the last frame; without it the result is as long as the sound.

    Raises
    ------
    AudioError
        Samples are not numbers, or blocks differ in sample rate or channels.
    """
    effects: list[Effect] | None = None
    shape = (0, 0)
    held: list[Samples] = []
    waiting = taken = given = 0
    for block in blocks:
        if effects is None:
            shape = block.sample_rate, block.channels
            effects = chain.build(*shape, tempo)
        if (block.sample_rate, block.channels) != shape:
            raise AudioError(
                f"a block of {block.channels} channels at {block.sample_rate} Hz follows {shape[1]} at {shape[0]} Hz"
            )
        if not np.isfinite(block.samples).all():
            raise AudioError("the sound holds samples that are not numbers")
        held.append(block.samples)
        waiting += block.frames
        taken += block.frames
        if waiting < _BLOCK:
            continue
        joined = np.concatenate(held)
        whole = waiting // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            made = _send(effects, joined[start : start + _BLOCK])
            given += len(made)
            yield Audio(made, shape[0])
        held, waiting = [joined[whole:].copy()], waiting - whole
    if effects is None:
        return
    last = _send(effects, np.concatenate(held))
    for part in (last, *_finish(effects)):
        some = part if tail else part[: max(0, taken - given)]
        given += len(some)
        yield Audio(some, shape[0])


def _send(effects: list[Effect], samples: Samples) -> Samples:
    for effect in effects:
        samples = effect.process(samples)
    return samples


def _finish(effects: list[Effect]) -> Iterator[Samples]:
    """What each effect still holds, sent through those behind it."""
    for place, effect in enumerate(effects):
        rest = effect.finish()
        for start in range(0, len(rest), _BLOCK):
            yield _send(effects[place + 1 :], rest[start : start + _BLOCK])


def _resolve(step: Step, tempo: float | None) -> Settings:
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    bands: list[Band] = []
    for name, value in step.values():
        parameter = step.kind.parameter(name)
        assert parameter is not None
        if isinstance(value, Band):
            bands.append(value)
        elif isinstance(value, str):
            words[name] = value
        else:
            numbers[name] = _to_number(step.kind.name, parameter, value, tempo)
    return Settings(numbers, words, tuple(bands))


def _to_number(effect: str, parameter: Parameter, value: Value, tempo: float | None) -> float:
    if not isinstance(value, Note):
        assert isinstance(value, float | int)
        return float(value)
    if tempo is None:
        raise UsageError(
            f"{effect}'s {parameter.name} is a note value, {value}, and the tempo is not known",
            hint="say the tempo, or give the value in ms or Hz",
        )
    seconds = value.seconds(tempo)
    try:
        return parameter.check(effect, 1 / seconds if parameter.quantity is RATE else seconds)
    except UsageError as error:
        raise UsageError(f"{error.message}, which {value} is at {tempo:g} BPM", hint=error.hint) from None
