"""What a folder of MusicGen weights says about itself before anything is loaded: its shape, its size, what is wrong.

Reads ``config.json`` and the heads of the safetensors files, a few kilobytes. Needs neither torch nor transformers, and
knows nothing of audiocraft's state dicts.
"""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from beatflow.ai.musicgen.runtime import Geometry
from beatflow.errors import EngineError

WINDOW_S = 30.0
"""The stretch that every MusicGen was trained on (Copet and others 2023, section 4.1)."""

_KINDS = {"musicgen": False, "musicgen_melody": True}
_CODEBOOKS = 4
_FIGURES = (
    "hidden_size", "num_hidden_layers", "num_codebooks", "ffn_dim", "vocab_size", "max_position_embeddings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of weights.

    Parameters
    ----------
    folder : Path
    name : str
        The model's, for messages.
    geometry : Geometry
    decoder : namespace
        The decoder's figures under transformers' names, as `footprint.estimate_bytes` takes them.
    other_parameters : int
        Numbers in the text encoder and the codec together.
    chroma_length : int
        Hops of melody that the decoder is given; 0 without one.
    filters : int
        Channels of the codec at full rate.
    """

    folder: Path
    name: str
    geometry: Geometry
    decoder: SimpleNamespace
    other_parameters: int
    chroma_length: int
    filters: int


def read_checkpoint(folder: Path, name: str = "") -> Checkpoint:
    """Read what a folder in transformers' format holds, and see that its files are whole.

    Raises
    ------
    EngineError
        A file is missing, truncated or not what it should be, or the weights are of another model than ``name`` says.
    """
    name = name or folder.name
    config = _read_config(folder, name)
    try:
        checkpoint = _understand(folder, name, config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(name, f"config.json lacks what makes a MusicGen ({error})") from error
    _check_kind(checkpoint)
    return checkpoint


def broken(name: str, what: str) -> EngineError:
    """The error for weights that cannot be used, with the command that finds out which file it is."""
    return EngineError(
        f"the weights of {name} cannot be used: {what}",
        hint=f"bf models pull --repair {name}",
    )


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise broken(name, f"there is no config.json in {folder}") from error
    except (OSError, ValueError) as error:
        raise broken(name, f"config.json cannot be read ({error})") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in _KINDS:
        raise broken(name, f"they are of {kind or 'no'} model, not a MusicGen")
    return dict(config)


def _understand(folder: Path, name: str, config: dict[str, Any]) -> Checkpoint:
    decoder, codec = config["decoder"], config["audio_encoder"]
    melody = _KINDS[config["model_type"]]
    hop = 1
    for ratio in codec["upsampling_ratios"]:
        hop *= int(ratio)
    rate, channels = int(codec["sampling_rate"]), int(decoder["audio_channels"])
    codebooks, hidden = int(decoder["num_codebooks"]), int(decoder["hidden_size"])
    if codebooks != _CODEBOOKS * channels or min(hop, rate, hidden) <= 0:
        raise ValueError(f"{codebooks} codebooks for {channels} channels, {rate} Hz, {hop} frames a step")
    figures = SimpleNamespace(
        model_type=str(config["model_type"]), **{key: int(decoder[key]) for key in _FIGURES}
    )
    geometry = Geometry(rate, channels, codebooks, rate / hop, WINDOW_S, melody)
    return Checkpoint(
        folder, name, geometry, figures, _count_others(folder, name),
        int(config["chroma_length"]) if melody else 0, int(codec["num_filters"]),
    )  # fmt: skip


def _check_kind(checkpoint: Checkpoint) -> None:
    """See that the weights are of the family that the name says."""
    name, geometry = checkpoint.name, checkpoint.geometry
    if not name.startswith("musicgen-"):
        return  # a folder of the user's own, or a revision in the hub's cache
    for word, has in (("stereo", geometry.channels == 2), ("melody", geometry.melody)):
        if (word in name) != has:
            raise broken(name, f"they are of a model {'with' if has else 'without'} {word}")


def _count_others(folder: Path, name: str) -> int:
    """Count the numbers beside the decoder's, and see that no file is truncated."""
    others = 0
    for path in weight_files(folder, name):
        if path.suffix != ".safetensors":
            # A pickle has no head to read. Nine tenths of the smallest model are decoder, more of the others.
            others += path.stat().st_size // 40
            continue
        heads = _read_head(path, name).items()
        others += sum(prod(shape) for tensor, shape in heads if not tensor.startswith("decoder."))
    return others


def weight_files(folder: Path, name: str) -> list[Path]:
    """Find the files of the weights as transformers would take them: safetensors before pickles, shards by their index.

    Raises
    ------
    EngineError
        There are none, or a shard is missing.
    """
    for stem, suffix in (("model", "safetensors"), ("pytorch_model", "bin")):
        single = folder / f"{stem}.{suffix}"
        if single.is_file():
            return [single]
        index = folder / f"{stem}.{suffix}.index.json"
        if index.is_file():
            try:
                places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
                names = sorted(set(places.values()))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise broken(name, f"{index.name} cannot be read ({error})") from error
            missing = [file for file in names if not (folder / file).is_file()]
            if missing:
                raise broken(name, f"{missing[0]} is missing")
            return [folder / file for file in names]
    raise broken(name, f"there is neither model.safetensors nor pytorch_model.bin in {folder}")


def _read_head(path: Path, name: str) -> dict[str, list[int]]:
    """Tensors and their shapes: eight bytes of length, then JSON, then the data, whose end must be the file's."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise broken(name, f"{path.name} is truncated: it has {size} bytes")
            head = json.loads(file.read(length))
        tensors = {key: entry for key, entry in head.items() if key != "__metadata__"}
        end = 8 + length + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
        shapes = {key: [int(one) for one in entry["shape"]] for key, entry in tensors.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise broken(name, f"{path.name} is no safetensors file ({error})") from error
    if size < end:
        raise broken(name, f"{path.name} is truncated: it has {size} of {end} bytes")
    return shapes
