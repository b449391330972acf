"""A generator: a drone of root, fifth and octave, in the key, tempo and length that are asked for.

It keeps every promise that it makes: the mix is the exact sum of its stems, a loop has no seam, and the same brief
gives the same bytes.
"""

import numpy as np

from beatflow.ai.engine import Brief, EngineInfo, Performance, Progress, Setup, no_progress
from beatflow.errors import UsageError
from beatflow.sound.exact import from_integers
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key

RATE = 44100
# Semitones above the root.
STEMS = {"root": 0, "fifth": 7, "octave": 12}
QUARTERS = {"4/4": 4, "3/4": 3, "6/8": 3}
FADE_S = 0.05


class Drone:
    """Three sines that breathe."""

    info = EngineInfo(
        name="drone",
        version="1",
        tasks=frozenset({"generate"}),
        licence="Apache-2.0",
        sample_rate=RATE,
        promises=frozenset({"tempo", "key", "bars", "duration", "loop", "stems", "notes"}),
    )

    def __init__(self, setup: Setup) -> None:
        """Take nothing of the surroundings. A slow start belongs into the first call, not here."""

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a drone.

        Raises
        ------
        UsageError
            The meter or a stem is not one that it knows.
        """
        if brief.meter not in QUARTERS:
            raise UsageError(f"a drone has no meter {brief.meter}", hint=f"there are {', '.join(QUARTERS)}")
        wanted = tuple(STEMS) if brief.stems is None else brief.stems
        for name in wanted:
            if name not in STEMS:
                raise UsageError(f"a drone has no stem {name!r}", hint=f"there are {', '.join(STEMS)}")
        tempo = brief.tempo or 60.0
        bar_s = QUARTERS[brief.meter] * 60.0 / tempo
        bars = brief.bars or max(1, round((brief.duration_s or 4 * bar_s) / bar_s))
        frames = round(bars * bar_s * RATE)
        key = parse_key(brief.key or "A:min")
        root = 45 + (key.tonic - 9) % 12
        stems, notes = {}, {}
        for index, (name, above) in enumerate(STEMS.items()):
            # The caller may raise here to stop: ask often enough that nobody waits.
            progress(index / len(STEMS), f"drawing the {name}")
            if name in wanted:
                stems[name] = from_integers(_sine(root + above, frames, index, brief), 16, RATE)
                notes[name] = [Note(0.0, frames / RATE, root + above)]
        progress(1.0, "done")
        # Three times a fifth of full scale cannot clip, so the sum of the stems is the mix, sample for sample.
        total = sum((stem.samples for stem in stems.values()), np.zeros((frames, 2), np.float32))
        return Performance(
            stems=stems,
            mix=from_integers(np.rint(total * 32768).astype(np.int32), 16, RATE),
            subtype="PCM_16",
            tempo=tempo,
            key=str(key),
            bars=bars,
            meter=brief.meter,
            notes=notes,
            parameters={"root": root},
        )


def _sine(midi: int, frames: int, index: int, brief: Brief) -> np.ndarray:
    """One voice as 16-bit integers, shape (frames, 2); each stem draws from numbers of its own."""
    rng = np.random.default_rng([brief.seed, index])
    time = np.arange(frames) / frames
    # Whole cycles in the whole length: the end flows into the start.
    cycles = max(1, round(440.0 * 2 ** ((midi - 69) / 12) * frames / RATE))
    phases = rng.uniform(0, 2 * np.pi, 3)
    breath = 0.75 + 0.25 * np.sin(2 * np.pi * time + phases[0])
    voice = np.stack([breath * np.sin(2 * np.pi * cycles * time + phase) for phase in phases[1:]], axis=1)
    if not brief.loop:
        edge = np.minimum(np.arange(frames), np.arange(frames)[::-1]) / (FADE_S * RATE)
        voice *= np.minimum(edge, 1.0)[:, None]
    return np.rint(voice * 0.2 * 32767).astype(np.int32)
