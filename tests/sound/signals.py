"""Sounds that the tests make for themselves."""

import numpy as np

from beatflow.sound.audio import Audio

RATE = 44_100


def make_drums(tempo, bars=8, rate=RATE, lead_s=0.0, tail_s=0.0):
    """Kick, snare and eighths on a hi-hat in 4/4."""
    rng = np.random.default_rng(0)
    beat = 60 / tempo
    frames = round((bars * 4 * beat + lead_s + tail_s) * rate)
    out = np.zeros(frames + rate, np.float32)
    t = np.arange(rate // 4) / rate
    kick = np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    snare = (rng.normal(size=len(t)) / 2 + np.sin(2 * np.pi * 190 * t) / 2) * np.exp(-20 * t)
    hat = np.diff(rng.normal(size=len(t) + 1)) * np.exp(-70 * t) / 4
    hits = [(kick, (0, 2.5), 0.8), (snare, (1, 3), 0.5), (hat, np.arange(8) / 2, 0.6)]
    for bar in range(bars):
        for sound, beats, gain in hits:
            for position in beats:
                start = round((lead_s + (4 * bar + position) * beat) * rate)
                out[start : start + len(sound)] += (gain * sound).astype(np.float32)
    return Audio(np.repeat(out[:frames, None], 2, axis=1), rate)


def make_chords(chords, seconds=1.0, rate=RATE, tuning_cents=0.0):
    """Chords of MIDI notes, each note with six falling partials."""
    t = np.arange(round(seconds * rate)) / rate
    parts = []
    for chord in chords:
        tone = np.zeros(len(t))
        for midi in chord:
            hz = 440 * 2 ** ((midi - 69 + tuning_cents / 100) / 12)
            tone += sum(np.sin(2 * np.pi * hz * n * t) / n**1.5 for n in range(1, 7))
        parts.append(tone * np.exp(-t) * 0.05)
    return Audio(np.concatenate(parts).astype(np.float32)[:, None], rate)


def make_noise(frames, channels=2, level=0.1, rate=RATE, seed=0):
    """White noise."""
    return Audio(np.random.default_rng(seed).normal(0, level, (frames, channels)).astype(np.float32), rate)


def blocks_of(audio, frames):
    """Cut a sound into blocks."""
    for start in range(0, audio.frames, frames):
        yield Audio(audio.samples[start : start + frames], audio.sample_rate)
