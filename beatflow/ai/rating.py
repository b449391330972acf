"""The embedded rater of moods: `beatflow.sound.mood`'s model of musical cues, as an engine like any other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from beatflow.ai.engine import EngineInfo, Progress, Setup, no_progress
from beatflow.errors import UsageError
from beatflow.sound.mood.rating import MOODS, Mood

if TYPE_CHECKING:
    from beatflow.sound.audio import Audio

VERSION = "1"
"""Changes with the figures that it gives."""


class CueRater:
    """Always ready; the same sound gets the same scores on every machine, but for rounding."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.info = EngineInfo("cues", VERSION, frozenset({"mood"}), "Apache-2.0")

    def rate(
        self, blocks: "Iterable[Audio]", labels: Sequence[str] = MOODS, progress: Progress = no_progress
    ) -> Mood | None:
        """Tell the mood of a sound, or of its blocks in order; None for silence.

        Raises
        ------
        UsageError
            ``labels`` are not the moods that it knows.
        """
        if tuple(labels) != MOODS:
            raise UsageError(
                "engine cues knows no other moods than its own", hint="--engine clap takes any words"
            )

        from beatflow.sound.mood.measure import measure_mood

        def watch() -> "Iterator[Audio]":
            for block in blocks:
                yield block
                progress(0.0, "listening")

        return measure_mood(watch())
