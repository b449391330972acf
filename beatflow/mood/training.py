"""Training a mood model on a folder of folders: the folders are the labels, what lies in them the examples.

What is told of it comes from cross-validation: every sound is rated by a model that never saw it, and the strength of
the regularisation is chosen inside, on the training part alone. Sounds of one album, or several takes of one piece,
tell each other's answers; nobody but the musician can know that.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beatflow.ai.engine import Progress, no_progress
from beatflow.errors import BeatFlowError, UsageError
from beatflow.mood.hearing import Heard, hear_all
from beatflow.mood.model import MoodModel, vectorize
from beatflow.mood.rating import SILENT
from beatflow.mood.remembering import Memory
from beatflow.sound.mood.features import FEATURES, Features
from beatflow.soundfolder import Mishap, iter_sounds
from beatflow.soundword import NamedSound, on_disk

LEAST_LABELS, LEAST_SOUNDS = 2, 4
_FOLDS = 5
_INNER_FOLDS = 3
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Candidates for the inverse of the regularisation; with a few dozen sounds and 42 features it has to be strong."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sound, its label and what was measured of it."""

    name: str
    label: str
    features: Features


@dataclass(frozen=True, slots=True)
class Training:
    """What came of it.

    Parameters
    ----------
    model : MoodModel
        Trained on everything.
    sounds : mapping of str to int
        How many of each label.
    folds : int
        Of the cross-validation.
    accuracy, balanced_accuracy : float
        Share of the sounds, and mean over the labels of the share of their sounds, that were told right.
    error : float
        Standard error of the accuracy.
    baseline : float
        Accuracy of always answering with the most frequent label.
    confusion : tuple of tuple of int
        How often each label (rows) was taken for each (columns).
    per_label : mapping of str to mapping
        ``precision``, ``recall`` and ``f1`` of each.
    wrong : tuple of (str, str, str)
        Sounds that were told wrong: name, label, and what they were taken for.
    """

    model: MoodModel
    sounds: dict[str, int]
    folds: int
    accuracy: float
    balanced_accuracy: float
    error: float
    baseline: float
    confusion: tuple[tuple[int, ...], ...]
    per_label: dict[str, dict[str, float]]
    wrong: tuple[tuple[str, str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "labels": list(self.model.labels),
            "sounds": self.sounds,
            "folds": self.folds,
            "accuracy": self.accuracy,
            "accuracy_error": self.error,
            "balanced_accuracy": self.balanced_accuracy,
            "baseline_accuracy": self.baseline,
            "confusion": [list(row) for row in self.confusion],
            "per_label": self.per_label,
            "wrong": [{"path": name, "label": label, "taken_for": told} for name, label, told in self.wrong],
        }


def gather(
    folder: Path,
    name: str,
    memory: Memory | None,
    on_mishap: Callable[[Mishap], None],
    jobs: int | None = None,
    progress: Progress = no_progress,
) -> list[Example]:
    """Measure every sound of a folder of folders; those that are broken, silent or too short are told of and left out.

    A sound that is there twice counts once: a copy in the part that is trained on would give the answer away.

    Raises
    ------
    UsageError
        The folder is not there, or has fewer than two folders with sounds, or too few sounds in one.
    """
    if not folder.is_dir():
        raise UsageError(f"{name} is no folder", hint="its folders are the labels: calm/ angry/ …")
    labels: dict[str, str] = {}
    sounds: list[NamedSound] = []
    for parent in sorted(folder.iterdir()):
        if parent.is_dir() and not parent.name.startswith("."):
            for one in iter_sounds(parent, f"{name}/{parent.name}", on_mishap):
                labels[one.name] = make_label(parent.name)
                sounds.append(on_disk(one.name, one.path))
    _check(Counter(labels.values()), name)
    found: dict[str, Heard] = {}
    for outcome in hear_all(sounds, memory, jobs=jobs, progress=progress):
        sound, error = outcome.item, outcome.error
        if isinstance(error, BeatFlowError):
            on_mishap(Mishap(sound.name, error.message, error.hint))
        elif error is not None:
            on_mishap(Mishap(sound.name, str(error)))
        elif not outcome.result or not outcome.result.whole:
            on_mishap(Mishap(sound.name, SILENT))
        else:
            found[sound.name] = outcome.result
    kept = _drop_copies([sound.name for sound in sounds if sound.name in found], found, labels, on_mishap)
    examples = [Example(one, labels[one], found[one].whole) for one in kept]
    _check(Counter(example.label for example in examples), name)
    return examples


def make_label(folder_name: str) -> str:
    """A folder's name as text, also where it is none in UTF-8."""
    return os.fsencode(folder_name).decode("utf-8", "replace")


def _drop_copies(
    names: list[str],
    found: Mapping[str, Heard],
    labels: Mapping[str, str],
    on_mishap: Callable[[Mishap], None],
) -> Iterator[str]:
    first: dict[str | None, str] = {}
    for name in names:
        before = first.setdefault(found[name].oid, name)
        if before == name:
            yield name
        else:
            on_mishap(Mishap(name, f"the same sound as {before}", broken=labels[name] != labels[before]))


def _check(counts: Counter[str], name: str) -> None:
    if len(counts) < LEAST_LABELS:
        what = "no folder with sounds" if not counts else f"only one folder with sounds, {next(iter(counts))}"
        raise UsageError(f"{name} has {what}", hint="its folders are the labels: calm/ angry/ …")
    label, least = min(counts.items(), key=lambda item: item[1])
    if least < LEAST_SOUNDS:
        raise UsageError(
            f"{label} has {least} of the {LEAST_SOUNDS} sounds that a label needs at least",
            hint="20 and more of each are worth their while",
        )


def train(examples: list[Example]) -> Training:
    """Train a model on examples, and cross-validate it."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rows = vectorize([example.features for example in examples])
    answers = np.array([example.label for example in examples])
    labels, counts = np.unique(answers, return_counts=True)
    folds = int(min(_FOLDS, counts.min()))
    inner = max(2, min(_INNER_FOLDS, int(counts.min() * (folds - 1) / folds)))
    outer = StratifiedKFold(folds, shuffle=True, random_state=0)
    told = cross_val_predict(_make_search(inner), rows, answers, cv=outer)
    confusion = confusion_matrix(answers, told, labels=labels)
    scores = precision_recall_fscore_support(answers, told, labels=labels, zero_division=0.0)
    precision, recall, f1 = scores[:3]
    accuracy = float((told == answers).mean())
    search = _make_search(inner).fit(rows, answers)
    sounds = {str(label): int(count) for label, count in zip(labels, counts, strict=True)}
    figures: dict[str, Any] = {
        "sounds": sounds,
        "folds": folds,
        "accuracy": round(accuracy, 4),
        "balanced_accuracy": round(float(np.mean(recall)), 4),
        "baseline_accuracy": round(float(counts.max() / counts.sum()), 4),
    }
    model = MoodModel(search.best_estimator_, tuple(map(str, labels)), FEATURES, figures)
    return Training(
        model,
        sounds,
        folds,
        figures["accuracy"],
        figures["balanced_accuracy"],
        round(float(np.sqrt(accuracy * (1 - accuracy) / len(examples))), 4),
        figures["baseline_accuracy"],
        tuple(tuple(int(value) for value in row) for row in confusion),
        {
            str(label): {
                "precision": round(float(p), 4),
                "recall": round(float(r), 4),
                "f1": round(float(f), 4),
            }
            for label, p, r, f in zip(labels, precision, recall, f1, strict=True)
        },
        tuple(
            (example.name, example.label, str(other))
            for example, other in zip(examples, told, strict=True)
            if example.label != other
        ),
    )


def _make_search(folds: int) -> Any:
    """Logistic regression over standardised features, its regularisation chosen by cross-validation."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = Pipeline(
        [
            # A feature that no example has stays, as zeros, so that columns keep their places.
            ("fill", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("judge", LogisticRegression(max_iter=2000, class_weight="balanced")),
        ]
    )
    ways = StratifiedKFold(folds, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, {"judge__C": _STRENGTHS}, scoring="neg_log_loss", cv=ways)
