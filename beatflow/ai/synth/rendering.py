"""From the written parts to the mastered stems: every part played, treated and mixed. Composes nothing."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from beatflow.ai.engine import Progress
from beatflow.ai.synth.choices import Choices
from beatflow.ai.synth.grid import Event
from beatflow.ai.synth.mixdown import Master, master
from beatflow.ai.synth.render import Bus, duck_curve, fade_out, render_drums, render_notes, treat
from beatflow.ai.synth.score import Score
from beatflow.ai.synth.texture import render_texture
from beatflow.ai.synth.treatment import levels_of, treatment_of
from beatflow.sound.audio import Samples


def produce(
    choices: Choices, score: Score, parts: Mapping[str, Sequence[Event]], loop: bool, target_lufs: float,
    progress: Progress,
) -> Master:  # fmt: skip
    """Play, treat, mix and master the parts of ``choices.parts``.

    Parameters
    ----------
    choices, score : Choices, Score
    parts : mapping of str to sequence of Event
        What each part plays.
    loop : bool
        Tails flow round into the start; otherwise the end fades.
    target_lufs : float
        Integrated loudness of the mix.
    progress : Progress
        Told about 0 .. 0.9 of the way; raising in it stops the work.
    """
    stems = _render(choices, score, parts, loop, progress)
    return master(stems, levels_of(choices), target_lufs, loop, lambda: progress(0.9, "mastering"))


def _render(
    choices: Choices, score: Score, parts: Mapping[str, Sequence[Event]], loop: bool, progress: Progress
) -> dict[str, Samples]:
    """Sound of every part of the piece, before mastering."""
    stems: dict[str, Samples] = {}
    for place, part in enumerate(choices.parts):
        share = place / len(choices.parts) * 0.9
        check = _reporter(progress, share, part)
        check()
        bus = Bus(score.grid, loop)
        treatment = treatment_of(part, choices)
        if part == "drums":
            render_drums(bus, parts[part], choices.sounds[part], check)
        elif part == "texture":
            for kind in choices.textures:
                bus.samples += render_texture(kind, bus.frames, choices.stream.fork("texture"))
        else:
            render_notes(bus, parts[part], choices.sounds[part], check)
        depth = treatment.duck if "drums" in choices.parts else 0.0
        duck = duck_curve(score.grid, parts["drums"], depth, loop) if depth else None
        treat(bus, treatment, duck, check)
        if not loop:
            fade_out(bus)
        stems[part] = bus.samples.astype(np.float32)
    return stems


def _reporter(progress: Progress, fraction: float, part: str) -> Callable[[], None]:
    return lambda: progress(fraction, f"playing {part}")
