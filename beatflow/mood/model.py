"""A mood model of one's own: a scikit-learn pipeline over the features, kept as skops, never as a pickle.

Reading one runs nothing of the file's: skops builds only the types that it trusts, and a file that wants any other is
refused before anything is made of it.
"""

import hashlib
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatflow.errors import DamagedError, EngineError, UsageError
from beatflow.sound.mood.features import FEATURES, Features
from beatflow.sound.mood.rating import Mood, share

SCHEMA = "beatflow.mood-model/1"
_TRUSTED = ("numpy.dtype",)
"""Beyond what skops trusts by itself: the imputer notes what it was fitted on, and making a dtype runs nothing."""
_MOST_BYTES = 64 << 20
"""Unpacked. A model of ours takes some 50 kB."""


@dataclass(frozen=True, slots=True)
class MoodModel:
    """A trained model.

    Parameters
    ----------
    pipeline : sklearn Pipeline
        From rows of features, NaN where one could not be measured, to labels.
    labels : tuple of str
        In the order of its probabilities.
    features : tuple of str
        The columns, of `FEATURES`.
    facts : mapping
        What it was trained on and how well that went, ready for JSON.
    version : str
        The first digits of the file's sha256; empty before it is saved.
    """

    pipeline: Any
    labels: tuple[str, ...]
    features: tuple[str, ...]
    facts: Mapping[str, Any]
    version: str = ""

    def rate(self, features: Features) -> Mood:
        """Shares of its labels for a sound with these features."""
        row = vectorize([features], self.features)
        weights = self.pipeline.predict_proba(row)[0]
        return Mood(share(dict(zip(self.labels, map(float, weights), strict=True))), features=dict(features))


def vectorize(rows: list[Features], names: tuple[str, ...] = FEATURES) -> NDArray[np.float64]:
    """Features as a matrix, shape (rows, names); NaN where one could not be measured."""
    return np.array([[row.get(name, np.nan) for name in names] for row in rows], np.float64)


def save_model(model: MoodModel, path: Path) -> None:
    """Write a model; a file that is there is overwritten."""
    from skops import io

    document = {
        "schema": SCHEMA,
        "pipeline": model.pipeline,
        "labels": list(model.labels),
        "features": list(model.features),
        "facts": dict(model.facts),
    }
    io.dump(document, path, compression=zipfile.ZIP_DEFLATED)


def load_model(path: Path, name: str) -> MoodModel:
    """Read a model.

    Parameters
    ----------
    path : Path
    name : str
        For messages.

    Raises
    ------
    UsageError
        There is no such file, or it is no mood model.
    EngineError
        It holds what is not trusted, or was made by a library that this one does not understand.
    DamagedError
        It is truncated or damaged.
    """
    train = "bf mood train DIR -o MODEL.skops makes one"
    try:
        data = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {(error.strerror or str(error)).lower()}", hint=train
        ) from error
    if not data.startswith(b"PK"):
        raise UsageError(f"{name} is no mood model", hint=train)
    document = _read(data, name)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(f"{name} is no mood model of this version", hint=train)
    try:
        labels, features = _read_names(document, "labels"), _read_names(document, "features")
        facts = document["facts"]
        sounds, accuracy = sum(facts["sounds"].values()), facts["accuracy"]
        sound = isinstance(sounds, int) and isinstance(accuracy, float | int)
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{name} lacks what a mood model has", hint=train) from error
    unknown = sorted(set(features) - set(FEATURES))
    if unknown:
        raise UsageError(f"{name} wants features that are not measured here: {unknown[0]}", hint=train)
    pipeline = document["pipeline"]
    if not sound or not _is_ours(pipeline):
        raise DamagedError(f"{name} holds no model that bf mood train makes", hint=train)
    if [str(label) for label in pipeline.classes_] != list(labels):
        raise DamagedError(f"{name} lists other labels than its model has", hint=train)
    model = MoodModel(pipeline, labels, features, facts, hashlib.sha256(data).hexdigest()[:12])
    _try_out(model, name, train)
    return model


def _read_names(document: Mapping[str, Any], field: str) -> tuple[str, ...]:
    names = document[field]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(field)
    return tuple(names)


def _is_ours(pipeline: Any) -> bool:
    """Whether it is what `training` makes: skops trusts much else that no mood model needs."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if type(pipeline) is not Pipeline or not hasattr(pipeline.steps[-1][1], "classes_"):
        return False
    return [type(step) for _, step in pipeline.steps] == [SimpleImputer, StandardScaler, LogisticRegression]


def _try_out(model: MoodModel, name: str, hint: str) -> None:
    """See that it answers with shares, before it is asked about music."""
    try:
        row = vectorize([{}], model.features)
        weights = np.asarray(model.pipeline.predict_proba(row), np.float64)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, MemoryError) as error:
        raise EngineError(f"{name} cannot be used by this scikit-learn: {error}", hint=hint) from error
    if weights.shape != (1, len(model.labels)) or not np.isfinite(weights).all() or weights.sum() <= 0:
        raise DamagedError(f"{name} answers with no shares", hint=hint)


def _read(data: bytes, name: str) -> Any:
    import io as streams

    from skops import io

    again = "train it again: bf mood train DIR -o MODEL.skops"
    try:
        with zipfile.ZipFile(streams.BytesIO(data)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _MOST_BYTES:
                raise UsageError(
                    f"{name} unpacks to more than {_MOST_BYTES >> 20} MiB: no mood model", hint=again
                )
            damaged = archive.testzip()
        if damaged:
            raise DamagedError(f"{name} is damaged", hint=again)
        foreign = set(io.get_untrusted_types(data=data)) - set(_TRUSTED)
        if foreign:
            raise EngineError(
                f"{name} holds types that are not trusted: {', '.join(sorted(map(str, foreign))[:3])}",
                hint="a model of bf mood train holds none; do not use this one",
            )
        with warnings.catch_warnings():
            # A model of another release of scikit-learn: what matters is whether it can still predict.
            warnings.simplefilter("ignore")
            return io.loads(data, trusted=list(_TRUSTED))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DamagedError(f"{name} is truncated or damaged", hint=again) from error
    except (
        KeyError, ValueError, TypeError, AttributeError, ImportError, EOFError, RecursionError, MemoryError,
    ) as error:  # fmt: skip
        raise EngineError(f"{name} cannot be read by this scikit-learn: {error}", hint=again) from error
