"""Another genre for a sound: the old drums go, an engine's come on the same beats, and both go through the genre's
effects.

Or an engine that follows a recording makes all of it anew. What is done is in the plan; nothing is decided here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.engine import QUARTERS, Brief, Context, Guide, Performance, Separation, StreamSeparator
from beatflow.ai.performance import check_performance
from beatflow.ai.separation import measure_moments, separate_stream
from beatflow.contract.correcting import correct
from beatflow.contract.measuring import measure
from beatflow.contract.terms import Terms
from beatflow.errors import EngineError
from beatflow.making.hearing import GUIDE_S
from beatflow.remix.laying import duck, lay, slice_beats, slice_steady
from beatflow.remix.plan import Groove, Plan
from beatflow.remix.studio import Studio
from beatflow.remix.tape import Tape
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.effects.chain import apply_chain, parse_chain
from beatflow.sound.levelling import plan_level
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.resample import resample
from beatflow.sound.seam import spread_channels

_DRUMS = "drums"
_CEILING_DBTP = -1.0


def regroove(tape: Tape, plan: Plan, studio: Studio) -> Tape:
    """Bring a sound to a genre, at the loudness that it had; the tape that comes in is used up.

    Raises
    ------
    EngineError
        An engine is missing, or made no drums.
    """
    groove = plan.groove
    assert groove is not None
    if groove.guided:
        made = _record_guided(tape, groove, plan, studio)
    else:
        bed = _record_bed(tape, groove, plan, studio)
        made = _record_together(bed, groove, plan, studio) if groove.bars else bed
    tape.drop()
    if groove.master:
        mastered = apply_chain(made.blocks(), parse_chain(groove.master), plan.tempo, tail=plan.tail)
        done = studio.record(mastered, "mastering", made.frames, (0.6, 0.65))
        made.drop()
        made = done
    if groove.loudness_lufs is None:
        return made
    level = plan_level(made.blocks, groove.loudness_lufs, _CEILING_DBTP)
    done = studio.record(level.apply(made.blocks()), "levelling", made.frames, (0.65, 0.7))
    made.drop()
    return done


def _record_bed(tape: Tape, groove: Groove, plan: Plan, studio: Studio) -> Tape:
    """What is kept of the sound, through the genre's effects."""
    blocks: Iterable[Audio] = tape.blocks()
    if groove.separator:
        blocks = _without_drums(tape, studio)
    if groove.bed:
        blocks = apply_chain(blocks, parse_chain(groove.bed), plan.tempo, tail=plan.tail)
    return studio.record(blocks, "taking the old drums out", tape.frames, (0.15, 0.4))


def _without_drums(tape: Tape, studio: Studio) -> Iterator[Audio]:
    choice = studio.crew.separator
    if choice is None:
        raise EngineError("no engine is here that takes drums out")
    engine = choice.engine
    moments = measure_moments(tape.blocks()) if isinstance(engine, StreamSeparator) else None
    parts = separate_stream(
        tape.blocks(),
        engine,
        "FLOAT",
        frames=tape.frames,
        wanted=Separation(two_stems=_DRUMS),
        moments=moments,
    )
    for part in parts:
        yield part[f"no_{_DRUMS}"]


def _record_together(bed: Tape, groove: Groove, plan: Plan, studio: Studio) -> Tape:
    """The bed and the drums, each at its level."""
    kit = _record_kit(bed, groove, plan, studio)
    gain = _balance(bed, kit, groove.drums_lu)
    beats = _list_beats(groove, bed.frames / bed.sample_rate)

    def add() -> Iterator[Audio]:
        drums = _Reader(kit.blocks(), bed.channels)
        for block in duck(bed.blocks(), beats, groove.pump_db):
            yield Audio(block.samples + np.float32(gain) * drums.read(block.frames), block.sample_rate)

    made = studio.record(add(), "mixing", bed.frames, (0.5, 0.6))
    bed.drop()
    kit.drop()
    return made


def _record_kit(bed: Tape, groove: Groove, plan: Plan, studio: Studio) -> Tape:
    """The drums where they belong, through their effects."""
    studio.progress(0.4, "playing the drums")
    performance = _play(groove, studio)
    drums = performance.stems[_DRUMS]
    part = resample(drums, bed.sample_rate)
    quarter_s = 60 / groove.tempo
    quarters = groove.bars * QUARTERS[groove.meter]
    if groove.beats:
        slices = slice_beats(groove.beats, quarter_s, quarters, bed.frames, bed.sample_rate)
    else:
        slices = slice_steady(part.frames, groove.offset_s, bed.frames, bed.sample_rate, quarters * quarter_s)
    blocks = lay(part.samples, slices, bed.frames, bed.sample_rate)
    if groove.kit:
        blocks = apply_chain(blocks, parse_chain(groove.kit), plan.tempo, tail=False)
    return studio.record(blocks, "playing the drums", bed.frames, (0.45, 0.5))


def _play(groove: Groove, studio: Studio) -> Performance:
    choice = studio.crew.maker
    if choice is None:
        raise EngineError("no engine is here that plays drums")
    brief = _make_brief(groove)
    report = studio.progress
    given = choice.engine.generate(brief, lambda fraction, what: report(0.4 + 0.05 * fraction, what))
    performance = check_performance(given, choice.info.name)
    if _DRUMS not in performance.stems:
        raise EngineError(f"engine {choice.info.name} made no drums", hint="--engine synth does")
    return performance


def _make_brief(groove: Groove) -> Brief:
    return Brief(
        prompt=groove.prompt,
        seed=groove.seed,
        tempo=groove.tempo,
        key=groove.key or None,
        bars=groove.bars,
        meter=groove.meter,
        loop=False,
        stems=(_DRUMS,),
        swing=groove.swing,
        context=Context(energy=groove.energy) if groove.energy else None,
    )


def _record_guided(tape: Tape, groove: Groove, plan: Plan, studio: Studio) -> Tape:
    """All of it anew by an engine that follows the sound, at its length, rate and tempo."""
    choice = studio.crew.maker
    if choice is None:
        raise EngineError("no engine is here that follows a recording")
    blocks, length = [], 0
    for block in tape.blocks():
        blocks.append(block.samples)
        length += block.frames
        if length >= GUIDE_S * tape.sample_rate:
            break
    audio = Audio(np.concatenate(blocks), tape.sample_rate)
    terms = Terms({"tempo": groove.tempo}, groove.meter, binding=frozenset({"tempo"} if groove.bars else ()))
    brief = replace(
        _make_brief(groove),
        bars=None,
        stems=None,
        swing=None,
        context=None,
        duration_s=round(audio.duration_s, 3),
    )
    report = studio.progress
    given = choice.engine.accompany(
        Guide((), audio), brief, lambda fraction, what: report(0.15 + 0.45 * fraction, what)
    )
    performance = check_performance(given, choice.info.name)
    if terms.binding:
        performance, _ = correct(performance, terms, measure(performance.mix, groove.tempo))
    made = resample(performance.mix, tape.sample_rate)
    spread = spread_channels(made.samples.astype(np.float64), tape.channels).astype(np.float32)
    return studio.record(
        [Audio(spread[: tape.frames], tape.sample_rate)], "following the sound", tape.frames, (0.55, 0.6)
    )


def _balance(bed: Tape, kit: Tape, drums_lu: float) -> float:
    """The drums' gain: so many LU above the bed; as they are where either has no loudness."""
    levels = [measure_loudness(tape.blocks()).integrated_lufs for tape in (bed, kit)]
    if levels[0] is None or levels[1] is None:
        return 1.0
    return float(10 ** ((levels[0] + drums_lu - levels[1]) / 20))


def _list_beats(groove: Groove, length_s: float) -> NDArray[np.float64]:
    """The drums' quarters."""
    if groove.beats:
        return np.array(groove.beats)
    quarter_s = 60 / groove.tempo
    count = int((length_s - groove.offset_s) / quarter_s) + 2
    return np.asarray(groove.offset_s + quarter_s * np.arange(count), np.float64)


class _Reader:
    """Frames of a stream in the lengths that are asked for, in so many channels; silence after its end."""

    def __init__(self, blocks: Iterator[Audio], channels: int) -> None:
        self._blocks = blocks
        self._channels = channels
        self._rest = np.zeros((0, channels), np.float32)

    def read(self, frames: int) -> Samples:
        while len(self._rest) < frames:
            block = next(self._blocks, None)
            if block is None:
                missing = np.zeros((frames - len(self._rest), self._channels), np.float32)
                self._rest = np.concatenate([self._rest, missing])
                break
            spread = spread_channels(block.samples.astype(np.float64), self._channels).astype(np.float32)
            self._rest = np.concatenate([self._rest, spread])
        taken, self._rest = self._rest[:frames], self._rest[frames:]
        return taken
