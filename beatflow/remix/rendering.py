"""Running a plan: one step after the other, from the sound's file to a tape of the result, in constant memory.

The same plan, input and engines give the same samples. Measures nothing that the plan does not ask for, and judges
nothing.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from beatflow.errors import AudioError, ContractError
from beatflow.remix.plan import Plan
from beatflow.remix.regrooving import regroove
from beatflow.remix.studio import Studio
from beatflow.remix.summing import Reading
from beatflow.remix.tape import Tape, read_range
from beatflow.sound.audio import Audio
from beatflow.sound.effects.chain import apply_chain, parse_chain
from beatflow.sound.levelling import plan_level
from beatflow.sound.shaping import HEADROOM, fade, scale
from beatflow.sound.timestretch import stretch_blocks

CEILING_DBTP = -1.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result, and what was done to its level besides what was asked: the limiter's most, and room made, in dB."""

    tape: Tape
    limited_db: float = 0.0
    headroom_db: float = 0.0


def render(reader: Reading, plan: Plan, studio: Studio) -> Rendered:
    """Run a plan.

    Parameters
    ----------
    reader : AudioReader
        The input.
    plan : Plan
    studio : Studio

    Raises
    ------
    AudioError, UsageError
        The input is shorter than the plan says, or an effect cannot work on it.
    EngineError
        An engine failed.
    """
    if plan.start_frame + plan.frames > reader.info.frames:
        raise AudioError(f"{reader.name} is shorter than what was made of it")
    blocks = _bend(reader, plan)
    grooved: Tape | None = None
    if plan.groove:
        grooved = regroove(studio.record(blocks, "stretching", plan.length_frames, (0.0, 0.15)), plan, studio)
        blocks = grooved.blocks()
    if plan.fx:
        blocks = apply_chain(blocks, parse_chain(plan.fx), plan.tempo, tail=plan.tail)
    made = studio.record(blocks, "remixing", plan.length_frames, (0.7 if grooved else 0.0, 0.85))
    if grooved:
        grooved.drop()
    if not (plan.fx or plan.groove) and made.frames != plan.length_frames:
        raise ContractError(f"{made.frames} frames came out, not {plan.length_frames}")
    return _finish(made, plan, studio)


def _bend(reader: Reading, plan: Plan) -> Iterator[Audio]:
    """The stretch that is kept, as it runs, at its new tempo and pitch."""
    blocks = read_range(reader, plan.start_frame, plan.frames, plan.reverse)
    if plan.length_frames == plan.frames and not plan.semitones:
        return blocks
    return _exactly(
        stretch_blocks(blocks, plan.ratio, plan.semitones, formants=plan.formants), plan.length_frames
    )


def _exactly(blocks: Iterable[Audio], frames: int) -> Iterator[Audio]:
    """So many frames: a ratio is a float, and may be off by one in what it makes of hours."""
    done = 0
    last: Audio | None = None
    for block in blocks:
        part = Audio(block.samples[: frames - done], block.sample_rate)
        done += part.frames
        last = part
        yield part
    missing = frames - done
    if last is not None and 0 < missing <= 2:
        yield Audio(np.zeros((missing, last.channels), np.float32), last.sample_rate)


def _finish(made: Tape, plan: Plan, studio: Studio) -> Rendered:
    """Fade, and bring to the level: what was asked for, or at least below full scale."""

    def read() -> Iterator[Audio]:
        return fade(made.blocks(), made.frames, plan.fade_in_s, plan.fade_out_s)

    limited_db = headroom_db = 0.0
    if plan.loudness_lufs is not None:
        studio.progress(0.86, "levelling")
        level = plan_level(read, plan.loudness_lufs, CEILING_DBTP)
        limited_db = level.limited_db
        blocks = level.apply(read())
    elif made.peak > 1.0:
        gain = HEADROOM / made.peak
        headroom_db = round(20 * math.log10(gain), 2)
        blocks = scale(read(), gain)
    elif plan.fade_in_s or plan.fade_out_s:
        blocks = read()
    else:
        return Rendered(made)
    done = studio.record(blocks, "levelling", made.frames, (0.9, 1.0))
    made.drop()
    return Rendered(done, limited_db, headroom_db)
