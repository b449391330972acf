"""Reading what audiocraft builds a MusicGen from: its own checkpoint files, or transformers' of the same model.

Opens files with nothing but numbers and text in them (``weights_only``): a pickle that would run code is refused. Never
uses the network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beatflow.ai.musicgen.layout import (
    AUDIO_ENCODER,
    TEXT_ENCODER,
    has_transformers_layout,
    iter_weights,
    read_configuration,
    to_audiocraft_configuration,
    to_audiocraft_state,
)
from beatflow.errors import EngineError

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

MODEL_FILE = "state_dict.bin"
CODEC_FILE = "compression_state_dict.bin"


@dataclass(frozen=True)
class Parts:
    """What a MusicGen is built from: audiocraft's configuration and weights of the language model, the rest whole."""

    configuration: "DictConfig"
    state: dict[str, "Tensor"]
    codec: Any
    text_encoder: Any
    tokenizer: Any


def read_parts(folder: Path) -> Parts:
    """Read a model's folder.

    audiocraft's files are taken where they are; what they lack (always the text encoder, sometimes the codec) comes
    from transformers' files beside them, the text encoder also from a folder ``t5-base`` in the model's folder or
    beside it.

    Raises
    ------
    EngineError
        Something is missing, truncated, or not what it should be.
    """
    from omegaconf import OmegaConf

    beside = _read_beside(folder) if has_transformers_layout(folder) else None
    if (folder / MODEL_FILE).is_file():
        package = _open_package(folder / MODEL_FILE, {"best_state", "xp.cfg"})
        configuration = _clean(OmegaConf.create(package["xp.cfg"]))
        state = package["best_state"]
    elif beside is not None:
        configuration = OmegaConf.create(to_audiocraft_configuration(beside.configuration))
        state = to_audiocraft_state(beside.weights)
    else:
        raise EngineError(f"{folder} holds no MusicGen", "bf models pull musicgen-small")
    codec = _read_codec(folder, beside)
    name = str(configuration.conditioners.description.t5.name)
    text_encoder, tokenizer = _read_text_encoder(folder, name, beside)
    return Parts(configuration, state, codec, text_encoder, tokenizer)


@dataclass(frozen=True)
class _Beside:
    """transformers' files of the same model."""

    configuration: dict[str, Any]
    weights: dict[str, "Tensor"]

    def part(self, prefix: str) -> dict[str, "Tensor"]:
        return {
            name.removeprefix(prefix): here for name, here in self.weights.items() if name.startswith(prefix)
        }


def _read_beside(folder: Path) -> _Beside:
    """Read transformers' files, without the language model where audiocraft's own is there."""
    own = (folder / MODEL_FILE).is_file()
    wanted = (TEXT_ENCODER, AUDIO_ENCODER)
    weights = {name: here for name, here in iter_weights(folder) if not own or name.startswith(wanted)}
    return _Beside(read_configuration(folder), weights)


def _open_package(path: Path, needed: set[str]) -> dict[str, Any]:
    """Open one of audiocraft's files."""
    import pickle

    import torch

    try:
        package: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EngineError(
            f"{path} holds more than weights, so it is not opened", "bf models verify"
        ) from error
    except (OSError, RuntimeError, EOFError) as error:
        raise EngineError(f"{path} cannot be read: {error}", "bf models verify") from error
    if not isinstance(package, dict) or not needed <= set(package):
        raise EngineError(f"{path} is not a checkpoint of audiocraft", "bf models verify")
    return package


def _clean(configuration: "DictConfig") -> "DictConfig":
    """Leave out what only mattered in training, as ``audiocraft.models.loaders.load_lm_model`` does."""
    from audiocraft.models.loaders import _delete_param

    for name in ("self_wav.chroma_stem.cache_path", "args.merge_text_conditions_p", "args.drop_desc_p"):
        _delete_param(configuration, f"conditioners.{name}")
    return configuration


def _read_codec(folder: Path, beside: _Beside | None) -> Any:
    """The codec: audiocraft's own, or transformers' where that file is missing or only names it."""
    from audiocraft.models.builders import get_compression_model
    from omegaconf import OmegaConf

    path = folder / CODEC_FILE
    package = _open_package(path, set()) if path.is_file() else {"pretrained": "facebook/encodec_32khz"}
    if "pretrained" not in package:
        configuration = OmegaConf.create(package["xp.cfg"])
        configuration.device = "cpu"
        codec = get_compression_model(configuration)
        _fill(codec, package["best_state"], path)
        return codec.eval()
    if beside is None:
        raise EngineError(
            f"the codec {package['pretrained']} is not in {folder}",
            "add config.json and model.safetensors of the model",
        )
    return _make_codec(beside, folder)


def _make_codec(beside: _Beside, folder: Path) -> Any:
    from audiocraft.models.encodec import HFEncodecCompressionModel
    from transformers import EncodecConfig, EncodecModel

    codec = EncodecModel(EncodecConfig.from_dict(beside.configuration["audio_encoder"]))
    _fill(codec, beside.part(AUDIO_ENCODER), folder)
    return HFEncodecCompressionModel(codec.eval()).eval()


def _read_text_encoder(folder: Path, name: str, beside: _Beside | None) -> tuple[Any, Any]:
    from transformers import AutoTokenizer, T5Config, T5EncoderModel

    if beside is not None and beside.part(TEXT_ENCODER):
        encoder = T5EncoderModel(T5Config.from_dict(beside.configuration["text_encoder"]))
        weights = beside.part(TEXT_ENCODER)
        weights["encoder.embed_tokens.weight"] = weights["shared.weight"]
        _fill(encoder, weights, folder)
        return encoder.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)
    last = name.rpartition("/")[2]
    found = next(
        (place for place in (folder / last, folder.parent / last) if (place / "config.json").is_file()), None
    )
    if found is None:
        raise EngineError(
            f"the text encoder {name} is neither in {folder} nor beside it",
            f"add the model's config.json, model.safetensors and tokenizer.json, or the hub's {name} as {folder / last}",
        )
    encoder = T5EncoderModel.from_pretrained(found, local_files_only=True).eval()
    return encoder, AutoTokenizer.from_pretrained(found, local_files_only=True)


def _fill(module: Any, weights: dict[str, "Tensor"], where: Path) -> None:
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise EngineError(
            f"the weights in {where} are not those that it describes", "bf models verify"
        ) from error
