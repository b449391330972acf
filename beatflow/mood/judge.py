"""Who rates a sound: the embedded model, a neural engine, or a model of one's own, behind one face."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatflow.ai.engine import Progress
from beatflow.ai.table import Choice
from beatflow.errors import UsageError
from beatflow.sound.mood.rating import MOODS, Mood

if TYPE_CHECKING:
    from beatflow.mood.model import MoodModel
    from beatflow.sound.audio import Audio
    from beatflow.sound.mood.features import Features

MODEL_SUFFIX = ".skops"


@dataclass(frozen=True, slots=True)
class Judge:
    """Who rates.

    Parameters
    ----------
    name, version : str
        Of the engine, or the path of the model and what it was trained on.
    labels : tuple of str
        Between which it chooses.
    by_features : callable or None
        Rates what was measured; then nothing needs to be heard again that was measured before.
    by_sound : callable or None
        Rates what it hears.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    by_features: "Callable[[Features], Mood] | None" = None
    by_sound: "Callable[[Iterable[Audio], Progress], Mood | None] | None" = None


def judge_by_engine(choice: Choice, labels: Sequence[str] | None = None) -> Judge:
    """Have an engine rate, between its moods or between labels in any words.

    Raises
    ------
    UsageError
        The engine takes no labels of others, or they are no choice.
    """
    info = choice.info
    wanted = tuple(labels) if labels else MOODS
    if labels:
        if "labels" not in info.options:
            raise UsageError(
                f"engine {info.name} knows its own moods only", hint="--engine clap takes any words"
            )
        if len(wanted) < 2 or len(set(wanted)) < len(wanted):
            raise UsageError("there is nothing to choose between", hint='--labels "dreamy,tense,epic"')
    if info.name == "cues":
        from beatflow.sound.mood.cues import rate

        return Judge(info.name, info.version, MOODS, by_features=rate)
    return Judge(
        info.name,
        info.version,
        wanted,
        by_sound=lambda blocks, progress: choice.engine.rate(blocks, wanted, progress),
    )


def judge_by_model(model: "MoodModel", name: str) -> Judge:
    """Have a model of one's own rate."""
    return Judge(name, model.version, model.labels, by_features=model.rate)
