"""Sounds to try effects on, and what is measured on them."""

import numpy as np

from beatflow.sound.audio import Audio
from beatflow.sound.effects.chain import apply_chain, parse_chain

RATE = 44_100


def sine(hz, seconds=1.0, level=0.5, channels=1, rate=RATE):
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.repeat(wave.astype(np.float32)[:, None], channels, axis=1), rate)


def noise(seconds=1.0, level=0.1, channels=1, rate=RATE, seed=0):
    samples = np.random.default_rng(seed).standard_normal((round(seconds * rate), channels)) * level
    return Audio(samples.astype(np.float32), rate)


def impulse(seconds=1.0, at=0, channels=1, rate=RATE, height=1.0):
    samples = np.zeros((round(seconds * rate), channels), np.float32)
    samples[at] = height
    return Audio(samples, rate)


def send(audio, text, tempo=None, tail=True):
    """Through a chain, as one array."""
    made = list(apply_chain([audio], parse_chain(text), tempo, tail=tail))
    return np.concatenate([block.samples for block in made]).astype(np.float64)


def level_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-30)


def tone_db(samples, hz, rate=RATE):
    """Level of one frequency, dB; a sine of full scale is 0."""
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return 20 * np.log10(2 * abs(np.sum(samples * window * wave)) / window.sum() + 1e-15)
