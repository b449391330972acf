"""Small engines that keep every protocol and take no time, for tests of what surrounds engines."""

from collections.abc import Mapping

import numpy as np

from beatflow.ai.engine import Brief, EngineInfo, Guide, Performance, Progress, Transcription, no_progress
from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import from_integers
from beatflow.sound.note import Note

SAMPLE_RATE = 8000
STEMS = ("bass", "drums", "lead")


class ToyProducer:
    """Noise by seed, in three stems, at the tempo asked for."""

    info = EngineInfo(
        "toy",
        "3",
        frozenset({"generate", "accompany"}),
        "CC0-1.0",
        SAMPLE_RATE,
        promises=frozenset({"tempo", "key", "bars", "duration", "loop", "stems", "notes"}),
    )

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise."""
        progress(0.5, "drawing")
        tempo = brief.tempo or 120.0
        nearest = max(1, round(brief.duration_s * tempo / 240)) if brief.duration_s else 2
        bars = brief.bars or nearest
        frames = round(bars * 4 * 60 / tempo * SAMPLE_RATE)
        stems = {}
        total = np.zeros((frames, 2), np.int32)
        for number, name in enumerate(STEMS):
            if brief.stems is None or name in brief.stems:
                rng = np.random.default_rng([brief.seed, number])
                values = rng.integers(-8000, 8000, (frames, 2), dtype=np.int32)
                stems[name] = from_integers(values, 16, SAMPLE_RATE)
                total += values
        notes = {name: [Note(0.0, 0.5, 60)] for name in stems}
        mix = from_integers(total, 16, SAMPLE_RATE)
        key = brief.key or "C:maj"
        return Performance(stems, mix, "PCM_16", tempo, key, bars, brief.meter, notes, {"colour": "white"})

    def accompany(self, guide: Guide, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise, whatever the melody."""
        return self.generate(brief, progress)


class ToySeparator:
    """Halves."""

    info = EngineInfo("halves", "1", frozenset({"separate"}), "CC0-1.0")
    stems = ("left", "right")
    segment_s = 0.5
    overlap_s = 0.1

    def separate(self, segment: Audio, progress: Progress = no_progress) -> Mapping[str, Audio]:
        """Give each stem a part that does not sum to the mix."""
        return {name: Audio(segment.samples * np.float32(0.4), segment.sample_rate) for name in self.stems}


class ToyTracker:
    """Hears one note in anything but silence."""

    info = EngineInfo("ear", "1", frozenset({"transcribe"}), "CC0-1.0")

    def transcribe(self, audio: Audio, progress: Progress = no_progress) -> Transcription:
        """Hear an A."""
        if not audio.samples.any():
            raise AudioError("nothing in it has a pitch")
        return Transcription((Note(0.0, audio.duration_s, 69),), 100.0, "A:min", 0.1, 0.9)
