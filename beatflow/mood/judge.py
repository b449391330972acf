"""Who rates a sound: the embedded model, a neural engine, or a model of one's own, behind one face."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from beatflow.ai.engine import EngineInfo, Progress, Setup
from beatflow.ai.table import Choice
from beatflow.errors import BeatFlowError, UsageError
from beatflow.mood.hearing import FEATURES_EAR, Ear
from beatflow.mood.remembering import Document
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
        Rates what was measured, None where that is no music; where it is there, ``ear`` measures the features.
    ear : Ear
        Who listens; without ``by_features`` it gives a mood's fields.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    by_features: "Callable[[Features], Mood | None] | None" = None
    ear: Ear = FEATURES_EAR


def judge_by_engine(choice: Choice, labels: Sequence[str] | None = None, setup: Setup | None = None) -> Judge:
    """Have an engine rate, between its moods or between labels in any words.

    Parameters
    ----------
    setup : Setup, optional
        That the engine was made with; without it, what an engine with weights heard is not remembered.

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

    def listen(blocks: "Iterable[Audio]", progress: Progress) -> Document:
        mood = choice.engine.rate(blocks, wanted, progress)
        return mood.to_json() if mood else {}

    key = _identify(info, wanted, setup) if setup else None
    return Judge(info.name, info.version, wanted, ear=Ear(listen, _check_mood, key))


def _identify(info: EngineInfo, labels: tuple[str, ...], setup: Setup) -> str | None:
    """Whatever an engine's scores depend on; None where it does not say what it is made of, as a plug-in may not."""
    from beatflow.ai.weights.shelf import digest_weights, get_weights

    if not info.weights:
        return None
    try:
        digests = [digest_weights(get_weights(name, setup)) for name in info.weights]
    except (BeatFlowError, OSError):
        return None
    return json.dumps([info.name, info.version, digests, labels], sort_keys=True)


def read_mood(document: Document) -> Mood:
    """Read a mood from its fields."""

    def axis(name: str) -> float | None:
        return None if document[name] is None else float(document[name])

    return Mood(
        {str(name): float(value) for name, value in document["scores"].items()},
        axis("valence"),
        axis("arousal"),
        {str(name): float(value) for name, value in document["features"].items()},
    )


def _check_mood(document: Any) -> Document:
    return read_mood(document).to_json() if document else {}


def judge_by_model(model: "MoodModel", name: str) -> Judge:
    """Have a model of one's own rate."""
    return Judge(name, model.version, model.labels, by_features=model.rate)
