"""Loads Demucs's weights from a folder as the hub lays it out: ``NAME.yaml`` and a safetensors file per model.

Never uses the network, and lets a file name no other class than HTDemucs.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from beatflow.ai.weights.record import read_record
from beatflow.ai.weights.shelf import digest_weights
from beatflow.errors import EngineError

if TYPE_CHECKING:
    from demucs.htdemucs import HTDemucs

_KLASS = "demucs.htdemucs.HTDemucs"


@dataclass(frozen=True, slots=True)
class Bag:
    """The models of a name, on the CPU in float32, and how much each counts for each source.

    ``segment`` is the length in frames that all of them were trained on; ``digests`` tells the sha256 of each file.
    """

    models: tuple["HTDemucs", ...]
    weights: tuple[tuple[float, ...], ...]
    sources: tuple[str, ...]
    sample_rate: int
    segment: int
    digests: dict[str, str]


def load_bag(folder: Path, name: str, stems: Sequence[str]) -> Bag:
    """Load the models of a name.

    Parameters
    ----------
    folder : Path
    name : str
        ``htdemucs``, ``htdemucs_ft``, ``htdemucs_6s``.
    stems : sequence of str
        The sources that they must have.

    Raises
    ------
    EngineError
        A file is missing, truncated, not what was pulled, or of another model.
    """
    listed = _read_yaml(folder, name)
    digests = digest_weights(folder)
    check_digests(folder, name, digests)
    models = tuple(_load_model(folder / f"{signature}.safetensors", name) for signature in listed["models"])
    for model in models:
        if sorted(model.sources) != sorted(stems):
            raise EngineError(
                f"the weights in {folder} are of another model than {name}: they separate {', '.join(model.sources)}",
                hint=_again(name),
            )
    first = models[0]
    if any(
        (model.samplerate, model.sources, model.audio_channels) != (first.samplerate, first.sources, 2)
        for model in models
    ):
        raise EngineError(f"the models in {folder} do not belong together", hint=_again(name))
    weights = listed.get("weights") or [[1.0] * len(stems) for _ in models]
    if len(weights) != len(models) or any(len(row) != len(stems) for row in weights):
        raise EngineError(f"the weights of {name} list other models than they have", hint=_again(name))
    segment = min(int(model.segment * model.samplerate) for model in models)
    return Bag(
        models,
        tuple(tuple(float(weight) for weight in row) for row in weights),
        tuple(first.sources),
        int(first.samplerate),
        segment,
        digests,
    )


def check_digests(folder: Path, name: str, digests: dict[str, str]) -> None:
    """Refuse files that are not what was pulled.

    Raises
    ------
    EngineError
        One has another sha256 than the hub told.
    """
    for file, entry in read_record(folder).files.items():
        if entry.sha256 and digests.get(file, entry.sha256) != entry.sha256:
            raise EngineError(
                f"{file} of {name} is not what was pulled: its sha256 is {digests[file][:12]}…, "
                f"not {entry.sha256[:12]}…",
                hint=_again(name),
            )


def _read_yaml(folder: Path, name: str) -> dict[str, Any]:
    """What the bag is made of."""
    import yaml

    found = [path for path in [folder / f"{name}.yaml", *sorted(folder.glob("*.yaml"))] if path.is_file()]
    if not found:
        raise EngineError(f"the weights of {name} are not complete: {name}.yaml", hint=_again(name))
    try:
        listed = yaml.safe_load(found[0].read_text(encoding="utf-8"))
        if isinstance(listed["models"], list) and listed["models"]:
            if missing := [one for one in listed["models"] if not (folder / f"{one}.safetensors").is_file()]:
                raise EngineError(
                    f"the weights of {name} are not complete: {missing[0]}.safetensors", hint=_again(name)
                )
            return dict(listed)
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        pass
    raise EngineError(f"{found[0].name} of {name} does not list its models", hint=_again(name))


def _load_model(path: Path, name: str) -> "HTDemucs":
    from demucs.hf import load_safetensors_model
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            klass = (file.metadata() or {}).get("klass")
    except (SafetensorError, OSError) as error:
        raise EngineError(
            f"{path.name} of {name} is truncated or damaged: {error}", hint=_again(name)
        ) from error
    if klass != _KLASS:
        raise EngineError(f"{path.name} holds no HTDemucs but {klass or 'something else'}", hint=_again(name))
    try:
        with warnings.catch_warnings():
            # Arguments of an older Demucs that a newer one has not are dropped, and that is what is wanted.
            warnings.filterwarnings("ignore", message="Dropping inexistant parameter")
            model = cast("HTDemucs", load_safetensors_model(path))
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise EngineError(f"{path.name} of {name} cannot be loaded: {reason}", hint=_again(name)) from error
    if model.crosstransformer is not None:
        # Only ever wanted in training, and drawn from Python's own generator: no run would be like another.
        model.crosstransformer.sin_random_shift = 0
    return model.eval()


def _again(name: str) -> str:
    return f"bf models pull --repair {name}"
