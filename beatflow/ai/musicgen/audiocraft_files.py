"""Reading what audiocraft builds a MusicGen from: its own checkpoint files, or transformers' of the same model.

Opens only files with nothing but numbers and text in them (``weights_only``): a pickle that would run code is refused.
Never uses the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from beatflow.ai.engine import Setup
from beatflow.ai.musicgen.checkpoint import broken
from beatflow.ai.musicgen.layout import (
    AUDIO_ENCODER,
    TEXT_ENCODER,
    has_transformers_layout,
    iter_weights,
    read_configuration,
    to_audiocraft_configuration,
    to_audiocraft_state,
)
from beatflow.ai.weights.shelf import find_weights
from beatflow.errors import EngineError

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

MODEL_FILE = "state_dict.bin"
CODEC_FILE = "compression_state_dict.bin"


@dataclass(frozen=True)
class Parts:
    """What a MusicGen is built from: configuration and weights of the language model, the rest ready to run."""

    configuration: "DictConfig"
    state: Mapping[str, "Tensor"]
    codec: Any
    text_encoder: Any
    tokenizer: Any


@dataclass(frozen=True)
class _Source:
    """A model's folder, and transformers' files in it where there are any."""

    folder: Path
    name: str
    configuration: Mapping[str, Any] | None
    weights: Mapping[str, "Tensor"]

    def part(self, prefix: str) -> dict[str, "Tensor"]:
        """The weights of one part, under the names that they have within it."""
        return {
            name.removeprefix(prefix): here for name, here in self.weights.items() if name.startswith(prefix)
        }


def read_parts(folder: Path, name: str) -> Parts:
    """Read a model's folder.

    audiocraft's files are taken where they are; what they lack (always the text encoder, sometimes the codec) comes
    from transformers' files beside them, the text encoder also from a model ``t5-base`` in the folder, beside it, or
    in the hub's cache.

    Raises
    ------
    EngineError
        Something is missing, truncated, or not what it should be.
    """
    from omegaconf import OmegaConf

    source = _find_source(folder, name)
    if (folder / MODEL_FILE).is_file():
        package = _open_package(source, MODEL_FILE, {"best_state", "xp.cfg"})
        configuration = _clean(OmegaConf.create(package["xp.cfg"]))
        state = package["best_state"]
    elif source.configuration is not None:
        configuration = OmegaConf.create(to_audiocraft_configuration(source.configuration))
        state = to_audiocraft_state(source.weights)
    else:
        raise broken(name, f"there is neither {MODEL_FILE} nor config.json in {folder}")
    text_encoder, tokenizer = _read_text_encoder(source, str(configuration.conditioners.description.t5.name))
    return Parts(configuration, state, _read_codec(source), text_encoder, tokenizer)


def fill(module: Any, weights: Mapping[str, "Tensor"], name: str) -> None:
    """Give a module its weights.

    Raises
    ------
    EngineError
        They are of something else.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        what = " ".join(str(error).split())[:200]
        raise broken(name, f"they are not those of the model that they describe ({what})") from error


def _find_source(folder: Path, name: str) -> _Source:
    """Read transformers' files, without the language model where audiocraft's own is there."""
    if not has_transformers_layout(folder):
        return _Source(folder, name, None, {})
    configuration = read_configuration(folder, name)
    own = (folder / MODEL_FILE).is_file()
    rest = (TEXT_ENCODER, AUDIO_ENCODER)
    weights = {key: here for key, here in iter_weights(folder, name) if not own or key.startswith(rest)}
    return _Source(folder, name, configuration, weights)


def _open_package(source: _Source, file: str, needed: set[str]) -> dict[str, Any]:
    """Open one of audiocraft's files."""
    import torch

    try:
        package = torch.load(source.folder / file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise broken(
            source.name, f"{file} holds more than weights, or is cut off, so it is not opened"
        ) from error
    except (OSError, RuntimeError, EOFError) as error:
        what = " ".join(str(error).split())[:200] or "it is empty"
        raise broken(source.name, f"{file} cannot be read ({what})") from error
    if not isinstance(package, dict) or not needed <= set(package):
        raise broken(source.name, f"{file} is not a checkpoint of audiocraft")
    return dict(package)


def _clean(configuration: "DictConfig") -> "DictConfig":
    """Leave out what only mattered in training, as ``audiocraft.models.loaders.load_lm_model`` does."""
    from audiocraft.models.loaders import _delete_param

    for name in ("self_wav.chroma_stem.cache_path", "args.merge_text_conditions_p", "args.drop_desc_p"):
        _delete_param(configuration, f"conditioners.{name}")
    return configuration


def _read_codec(source: _Source) -> Any:
    """The codec: audiocraft's own, or transformers' where that file is missing or only names it."""
    from audiocraft.models.builders import get_compression_model
    from audiocraft.models.encodec import HFEncodecCompressionModel
    from omegaconf import OmegaConf
    from transformers import EncodecConfig, EncodecModel

    package: dict[str, Any] = {"pretrained": "facebook/encodec_32khz"}
    if (source.folder / CODEC_FILE).is_file():
        package = _open_package(source, CODEC_FILE, set())
    if "pretrained" not in package:
        configuration = OmegaConf.create(package["xp.cfg"])
        configuration.device = "cpu"
        codec = get_compression_model(configuration)
        fill(codec, package["best_state"], source.name)
        return codec.eval()
    if source.configuration is None:
        raise broken(source.name, f"the codec {package['pretrained']} is not in {source.folder}")
    inner: Any = EncodecModel(EncodecConfig.from_dict(source.configuration["audio_encoder"]))
    fill(inner, source.part(AUDIO_ENCODER), source.name)
    return HFEncodecCompressionModel(inner.eval()).eval()


def _read_text_encoder(source: _Source, model: str) -> tuple[Any, Any]:
    """The text encoder and its tokenizer: transformers' beside the weights, or a folder of their own."""
    from transformers import AutoTokenizer, T5Config, T5EncoderModel

    weights = source.part(TEXT_ENCODER)
    if source.configuration is not None and weights:
        encoder: Any = T5EncoderModel(T5Config.from_dict(source.configuration["text_encoder"]))
        weights["encoder.embed_tokens.weight"] = weights["shared.weight"]
        fill(encoder, weights, source.name)
        return encoder.eval(), AutoTokenizer.from_pretrained(source.folder, local_files_only=True)
    last = model.rpartition("/")[2]
    own = source.folder / last
    found = own if (own / "config.json").is_file() else find_weights(last, Setup(models=source.folder.parent))
    if found is None:
        raise EngineError(
            f"the text encoder {model} is neither in {source.folder} nor among the models",
            f"bf models pull {last}",
        )
    encoder = T5EncoderModel.from_pretrained(found, local_files_only=True)
    return encoder.eval(), AutoTokenizer.from_pretrained(found, local_files_only=True)
