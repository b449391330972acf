"""Cuts a stretch of a sound so that its end flows into its start.

What is smooth already is only cut. Otherwise the end fades into what leads up to the start, or what runs on
behind the end fades into the start, or a tail that dies away behind the end is laid over the start; and where the
stretch is all there is, its end fades into what linear prediction puts before the start. Whichever measures smoothest
is taken. Where the stretch should lie, `beatflow.sound.loopsearch` knows.
"""

from dataclasses import dataclass

import numpy as np

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.crossfade import crossfade, rise
from beatflow.sound.seam import predict_onward
from beatflow.sound.seamlevel import Seam, measure_seam

__all__ = ["Closed", "Seam", "close_loop", "close_seam", "measure_seam"]

_LONGEST_S, _SHORTEST_S = 0.12, 0.008
"""Of a fade: longer ones blur the music, shorter ones are heard as a jump of colour."""
_PREDICTED_S, _LEARN_S = 0.03, 0.1
_MOST_TAIL_S = 8.0
_TAIL_DB = -30.0
"""What follows the end is a tail when it has fallen by this much where the sound ends."""
_STEP_S = 0.002
_ATTACK = 6.0
"""An attack has this many times the energy of the hundredth of a second before it."""
_BETTER_DB = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """A closed loop.

    Parameters
    ----------
    audio : Audio
    method : str
        ``cut`` (nothing but cut), ``lead-in`` (its end fades into what comes before its start), ``run-on`` (its start
        comes out of what follows its end), ``tail`` (what dies away after its end sounds on over its start),
        ``prediction`` (its end fades into what would lead to its start).
    fade_s : float
        How long the fade is, or the tail; 0 for a cut.
    before, after : Seam
        The wrap of the plain cut, and of this.
    """

    audio: Audio
    method: str
    fade_s: float
    before: Seam
    after: Seam


def close_loop(audio: Audio, start: int, frames: int) -> Audio:
    """Cut ``frames`` frames from ``start`` on so that the end flows into the start; see `close_seam`."""
    return close_seam(audio, start, frames).audio


def close_seam(audio: Audio, start: int, frames: int) -> Closed:
    """Cut ``frames`` frames from ``start`` on so that the end flows into the start, and say how.

    Parameters
    ----------
    audio : Audio
        The stretch and what is around it; a second to both sides is all that is used, and a tail.

    Raises
    ------
    AudioError
        The stretch does not lie within the sound, or samples are not numbers.
    """
    if start < 0 or frames < 1 or start + frames > audio.frames:
        raise AudioError(
            f"frames {start} to {start + frames} do not lie within a sound of {audio.frames} frames"
        )
    if not np.isfinite(audio.samples[start : start + frames]).all():
        raise AudioError("the sound holds samples that are not numbers")
    rate = audio.sample_rate
    cut = np.ascontiguousarray(audio.samples[start : start + frames])
    lead, after = audio.samples[:start], audio.samples[start + frames :]
    before = measure_seam(Audio(cut, rate))
    tail = _find_tail(lead, cut, after, rate)
    if tail:
        made = _lay_tail(cut, after[:tail])
        return Closed(Audio(made, rate), "tail", tail / rate, before, measure_seam(Audio(made, rate)))
    best = Closed(Audio(cut, rate), "cut", 0.0, before, before)
    if before.level_db <= 0:
        return best
    for method, made, fade in _close(lead, cut, after, rate):
        seam = measure_seam(Audio(made, rate))
        if seam.level_db < best.after.level_db - _BETTER_DB:
            best = Closed(Audio(made, rate), method, fade / rate, before, seam)
        if best.after.level_db <= 0:
            break
    return best


def _close(lead: Samples, cut: Samples, after: Samples, rate: int) -> list[tuple[str, Samples, int]]:
    """The ways to close it, the one that leaves the start's attack alone first."""
    made: list[tuple[str, Samples, int]] = []
    longest = min(round(_LONGEST_S * rate), len(cut) // 4)
    shortest = max(2, round(_SHORTEST_S * rate))
    fade = min(longest, len(lead))
    if fade >= shortest:
        fade = min(_after_attack(cut[-fade:], rate, shortest), _after_attack(lead[-fade:], rate, shortest))
        made.append(("lead-in", _lead_in(cut, lead, fade), fade))
    fade = min(longest, len(after))
    if fade >= shortest:
        fade = min(_before_attack(cut[:fade], rate, shortest), _before_attack(after[:fade], rate, shortest))
        faded = cut.copy()
        faded[:fade] = crossfade(after[:fade], cut[:fade])
        made.append(("run-on", faded, fade))
    fade = min(round(_PREDICTED_S * rate), len(cut) // 4)
    if fade >= 2:
        fade = _after_attack(cut[-fade:], rate, min(shortest, fade))
        led = predict_onward(np.ascontiguousarray(cut[::-1]), fade, round(_LEARN_S * rate))[::-1]
        made.append(("prediction", _lead_in(cut, led.astype(np.float32), fade), fade))
    return made


def _lead_in(cut: Samples, lead: Samples, fade: int) -> Samples:
    faded = cut.copy()
    faded[-fade:] = crossfade(cut[-fade:], lead[-fade:])
    return faded


def _after_attack(samples: Samples, rate: int, shortest: int) -> int:
    """How many of the last frames come after the last attack in a stretch: fading over it would double it."""
    attacks = _find_attacks(samples, rate)
    return max(shortest, len(samples) - attacks[-1]) if attacks else len(samples)


def _before_attack(samples: Samples, rate: int, shortest: int) -> int:
    """How many of the first frames come before the first attack in a stretch."""
    attacks = _find_attacks(samples, rate)
    return max(shortest, attacks[0]) if attacks else len(samples)


def _find_attacks(samples: Samples, rate: int) -> list[int]:
    """Where it gets much louder at once, in frames; of differences, since it is the treble that tells attacks."""
    step = max(1, round(_STEP_S * rate))
    rough = np.diff(samples.astype(np.float64), axis=0, prepend=samples[:1].astype(np.float64))
    steps = len(rough) // step
    if steps < 8:
        return []
    energy = (rough[: steps * step] ** 2).sum(axis=1).reshape(steps, step).sum(axis=1)
    # What is before the stretch is not known: its first steps are compared with the first of all.
    padded = np.concatenate([np.full(5, energy[:3].mean()), energy])
    before = np.lib.stride_tricks.sliding_window_view(padded, 5)[:steps].mean(axis=1)
    rising = (energy > _ATTACK * before + 1e-12) & (energy > 0.1 * energy.max())
    return [int(index) * step for index in np.flatnonzero(rising)]


def _find_tail(lead: Samples, cut: Samples, after: Samples, rate: int) -> int:
    """How many frames of a tail follow the end; 0 where the music goes on, or where it comes out of something."""
    if len(after) < round(_SHORTEST_S * rate) or len(after) > round(_MOST_TAIL_S * rate):
        return 0
    near = round(0.05 * rate)
    if len(lead) and np.abs(lead[-near:]).max() > 0.03 * np.abs(cut).max():
        return 0
    step = max(1, min(near, len(after) // 4))
    steps = len(after) // step
    energy = (after[: steps * step].astype(np.float64) ** 2).sum(axis=1).reshape(steps, step).mean(axis=1)
    if energy[0] <= 1e-9 or energy[-1] > energy[0] * 10 ** (_TAIL_DB / 10):
        return 0
    # It may breathe, but nothing new begins.
    grows = energy[1:] > 2.5 * energy[:-1]
    audible = energy[1:] > energy[0] * 10 ** (_TAIL_DB / 10)
    return 0 if bool((grows & audible).any()) else min(len(after), len(cut))


def _lay_tail(cut: Samples, tail: Samples) -> Samples:
    """Lay a tail over the start, as if the loop had been round once before; its last bit is faded out."""
    made, tail = cut.astype(np.float64), tail.astype(np.float64)
    fade = max(1, len(tail) // 8)
    tail[-fade:] *= rise(fade)[::-1, None]
    made[: len(tail)] += tail
    peak = float(np.abs(made).max())
    # What was within full scale stays so.
    return np.asarray(made * min(1.0, max(1.0, float(np.abs(cut).max())) / max(peak, 1e-9)), np.float32)
