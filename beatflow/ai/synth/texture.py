"""What lies under the music: vinyl crackle, tape hiss, rain, waves. Endless by construction: it wraps round."""

import numpy as np

from beatflow.ai.synth.exactmath import RATE, Floats, cosine, decay, ramp, smooth_step
from beatflow.ai.synth.fir import Fir, apply, band
from beatflow.ai.synth.randomness import Stream


def circular(signal: Floats, fir: Fir) -> Floats:
    """Filter a signal that goes round and round."""
    response = apply(signal, fir)
    result = np.zeros(signal.size)
    fold(result, response, -fir.delay)
    return result


def fold(target: Floats, wave: Floats, start: int) -> None:
    """Add a wave to a circular buffer, from ``start`` (of any sign) on; 1-D or (frames, channels) alike."""
    total, done, place = target.shape[0], 0, start % target.shape[0]
    while done < wave.shape[0]:
        count = min(total - place, wave.shape[0] - done)
        target[place : place + count] += wave[done : done + count]
        done += count
        place = 0


def render_texture(kind: str, frames: int, stream: Stream) -> Floats:
    """A bed of noise, shape (frames, 2), peak about 1.

    Parameters
    ----------
    kind : str
        ``vinyl tape rain waves``.
    """
    out = np.zeros((frames, 2))
    for channel in range(2):
        own = stream.fork(kind, channel)
        noise = own.noise(frames)
        if kind == "vinyl":
            out[:, channel] = circular(noise, band(300.0, 5000.0)) * 0.022
        elif kind == "tape":
            out[:, channel] = circular(noise, band(1800.0, 11000.0)) * 0.2
        elif kind == "rain":
            out[:, channel] = circular(noise, band(900.0, 9000.0)) * 0.12
        else:
            cycles = max(1, round(frames / RATE / 7.0))
            swell = 0.55 - 0.45 * cosine(ramp(frames) * (cycles / frames) + 0.07 * channel)
            out[:, channel] = circular(noise, band(200.0, 3500.0)) * swell * 0.5
    if kind in ("vinyl", "rain"):
        _specks(out, kind, stream.fork(kind, "specks"))
    return out


def _specks(out: Floats, kind: str, stream: Stream) -> None:
    """Pops of dust, or drops: short filtered bursts at random places."""
    frames = out.shape[0]
    a_second = 9.0 if kind == "vinyl" else 45.0
    bursts = []
    for take in range(24):
        length = 500 + stream.below(900)
        noise = stream.fork(take).noise(length) * decay(length, stream.uniform(0.0003, 0.002))
        low = stream.uniform(400.0, 2200.0)
        wave = apply(noise, band(float(round(low)), float(round(low * 3.5)), 63))
        wave[-200:] *= smooth_step(200)[::-1]
        bursts.append(wave / float(np.max(np.abs(wave))))
    for _ in range(int(frames / RATE * a_second) + 1):
        loud = stream.uniform()
        wave = stream.choice(bursts) * (0.04 + 0.5 * loud * loud * loud * loud)
        place = stream.uniform(-0.7, 0.7)
        fold(out, wave[:, None] * np.array([1.0 - place, 1.0 + place]), stream.below(frames))
