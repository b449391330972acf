"""From the written parts to the mastered stems: every part played, treated and mixed. Composes nothing.

Parts are played side by side; no part hears another.
"""

from collections.abc import Callable, Mapping, Sequence

from beatflow.ai.engine import Progress
from beatflow.ai.synth.composing.choices import Choices
from beatflow.ai.synth.composing.score import Score
from beatflow.ai.synth.grid import Event
from beatflow.ai.synth.mixing.effects import duck_curve, treat
from beatflow.ai.synth.mixing.mixdown import Master, master
from beatflow.ai.synth.mixing.storage import Shelf
from beatflow.ai.synth.mixing.treatment import levels_of, treatment_of
from beatflow.ai.synth.sounds.bus import Bus
from beatflow.ai.synth.sounds.playing import render_drums, render_notes
from beatflow.ai.synth.sounds.texture import render_texture
from beatflow.ai.synth.threads import Check, together


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
        Told about 0 .. 0.7 of the way, from the calling thread; raising in it stops the work.
    """
    shelf = Shelf(score.grid.frames)

    def task(part: str) -> Callable[[Check], None]:
        def play(check: Check) -> None:
            bus = _play(part, choices, score, parts, loop, check)
            shelf.store(part, bus.samples)

        return play

    # The longest work first. A long piece is played part by part: two at once would take twice the memory.
    order = sorted(choices.parts, key=lambda part: -len(parts[part]))
    work = [task(part) for part in order]
    together(work, lambda done: progress(0.7 * done / len(work), "playing"), 2 if shelf.small else 1)
    return master(
        shelf, choices.parts, levels_of(choices), target_lufs, loop, lambda: progress(0.7, "mastering")
    )


def _play(
    part: str, choices: Choices, score: Score, parts: Mapping[str, Sequence[Event]], loop: bool, check: Check
) -> Bus:  # fmt: skip
    """Sound of one part of the piece, with its effects, before mastering."""
    check()
    bus = Bus(score.grid, loop)
    treatment = treatment_of(part, choices)
    if part == "drums":
        render_drums(bus, parts[part], choices.sounds[part], check)
    elif part == "texture":
        for kind in choices.textures:
            render_texture(bus, kind, choices.stream.fork("texture"), check)
    else:
        render_notes(bus, parts[part], choices.sounds[part], check)
    depth = treatment.duck if "drums" in choices.parts else 0.0
    duck = duck_curve(score.grid, parts["drums"], depth, loop) if depth else None
    treat(bus, treatment, duck, check)
    if not loop:
        bus.fade_out()
    return bus
