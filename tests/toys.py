"""Small engines that keep every protocol and take no time, for tests of what surrounds engines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from beatflow.ai.engine import (
    DEFAULT_SEPARATION,
    Brief,
    EngineInfo,
    Guide,
    Performance,
    Progress,
    RunFacts,
    Separation,
    Transcription,
    no_progress,
)
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


class ToyDreamer:
    """Noise by seed as a neural engine gives it: no stems, nothing exact, several at once, with facts of its run."""

    info = EngineInfo(
        "dreamer",
        "1",
        frozenset({"generate", "accompany", "extend"}),
        "CC-BY-NC-4.0",
        SAMPLE_RATE,
        extra="ai",
        weights=("dreams",),
        options=frozenset({"temperature", "top_k"}),
        promises=frozenset({"duration"}),
    )
    facts = RunFacts("cuda:0 Toy", "float16", "transformers", {"model.safetensors": "ab" * 32})
    lead_s = 0.5

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.heard: list[Guide] = []

    def check_ready(self) -> None:
        """Always ready."""

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise."""
        (made,) = self.generate_batch([brief], None, progress)
        return made

    def accompany(self, guide: Guide, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise, whatever the melody."""
        (made,) = self.generate_batch([brief], guide, progress)
        return made

    def generate_batch(
        self, briefs: Sequence[Brief], guide: Guide | None = None, progress: Progress = no_progress
    ) -> list[Performance]:
        """Draw noise for each."""
        self.batches.append(len(briefs))
        self.heard += [guide] if guide else []
        progress(0.5, "drawing")
        return [self._draw(brief, 0.0) for brief in briefs]

    def extend(self, audio: Audio, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise at half the level of what it follows."""
        progress(0.5, "drawing")
        made = self._draw(brief, self.lead_s)
        level = np.float32(0.5 * np.sqrt(np.mean(audio.samples**2)) / 0.1)
        return replace(made, mix=Audio(made.mix.samples * level, SAMPLE_RATE))

    def _draw(self, brief: Brief, lead_s: float) -> Performance:
        lead, frames = round(lead_s * SAMPLE_RATE), round((brief.duration_s or 1.0) * SAMPLE_RATE)
        noise = np.random.default_rng(brief.seed).normal(0, 0.1, (lead + frames, 1)).astype(np.float32)
        sampling = {"temperature": brief.sampling.temperature or 1.0}
        return Performance(
            {}, Audio(noise, SAMPLE_RATE), "PCM_16", None, None, None, None, {}, {"sampling": sampling}, lead
        )


class ToySeparator:
    """Halves."""

    info = EngineInfo("halves", "1", frozenset({"separate"}), "CC0-1.0")
    stems = ("left", "right")
    segment_s = 0.5
    overlap_s = 0.1

    def separate(
        self, segment: Audio, progress: Progress = no_progress, wanted: Separation = DEFAULT_SEPARATION
    ) -> Mapping[str, Audio]:
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
