"""A MusicGen checkpoint in transformers' layout, turned into what audiocraft expects: one download serves both.

Knows the names and shapes of the weights in the two libraries and nothing of how either runs them. The codec and the
text encoder keep transformers' layout: audiocraft runs both of them through transformers' own classes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from beatflow.ai.musicgen.checkpoint import broken, read_checkpoint, weight_files

if TYPE_CHECKING:
    from torch import Tensor

TEXT_ENCODER = "text_encoder."
AUDIO_ENCODER = "audio_encoder."
TEXT_MODEL = "t5-base"

_LOG_WINDOW = 14
"""Two to this many frames make a spectrum of the melody."""

_IN_LAYER = {
    "self_attn.out_proj.weight": "self_attn.out_proj.weight",
    "self_attn_layer_norm.weight": "norm1.weight",
    "self_attn_layer_norm.bias": "norm1.bias",
    "encoder_attn.out_proj.weight": "cross_attention.out_proj.weight",
    "encoder_attn_layer_norm.weight": "norm_cross.weight",
    "encoder_attn_layer_norm.bias": "norm_cross.bias",
    "fc1.weight": "linear1.weight",
    "fc2.weight": "linear2.weight",
    "final_layer_norm.weight": "norm2.weight",
    "final_layer_norm.bias": "norm2.bias",
}
_ATTENTION = {"self_attn": "self_attn", "encoder_attn": "cross_attention"}
_LAYER = "decoder.model.decoder.layers."
_EMBEDDING = "decoder.model.decoder.embed_tokens."
_HEAD = "decoder.lm_heads."
_ELSEWHERE = {
    "decoder.model.decoder.layer_norm.weight": "out_norm.weight",
    "decoder.model.decoder.layer_norm.bias": "out_norm.bias",
    "enc_to_dec_proj.weight": "condition_provider.conditioners.description.output_proj.weight",
    "enc_to_dec_proj.bias": "condition_provider.conditioners.description.output_proj.bias",
    "audio_enc_to_dec_proj.weight": "condition_provider.conditioners.self_wav.output_proj.weight",
    "audio_enc_to_dec_proj.bias": "condition_provider.conditioners.self_wav.output_proj.bias",
}


def has_transformers_layout(folder: Path) -> bool:
    """Say whether a folder holds weights in transformers' layout beside its configuration."""
    patterns = ("model*.safetensors", "pytorch_model*.bin")
    return (folder / "config.json").is_file() and any(any(folder.glob(pattern)) for pattern in patterns)


def read_configuration(folder: Path, name: str) -> dict[str, Any]:
    """Read transformers' ``config.json``, and what the reader of checkpoints knows besides: the window, ``window_s``.

    Raises
    ------
    EngineError
        The folder does not hold a whole MusicGen.
    """
    checkpoint = read_checkpoint(folder, name)
    configuration: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {**configuration, "window_s": checkpoint.geometry.window_s}


def iter_weights(folder: Path, name: str) -> Iterator[tuple[str, "Tensor"]]:
    """Read the weights of a checkpoint one by one, under the names that transformers' modules have today.

    Raises
    ------
    EngineError
        A file is missing, truncated or something else.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    for path in weight_files(folder, name):
        try:
            if path.suffix == ".bin":
                yield from ((_modern(key), here) for key, here in torch.load(path, weights_only=True).items())
                continue
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 - not a mapping
                    yield _modern(key), file.get_tensor(key)
        except (OSError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
            raise broken(name, f"{path.name} cannot be read ({error})") from error


def _modern(name: str) -> str:
    """The name that weight norm has had since torch 2.1."""
    old_to_new = {
        "weight_g": "parametrizations.weight.original0",
        "weight_v": "parametrizations.weight.original1",
    }
    stem, _, last = name.rpartition(".")
    return f"{stem}.{old_to_new[last]}" if last in old_to_new else name


def to_audiocraft_state(weights: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Turn the decoder's weights from transformers' layout into the state of audiocraft's ``LMModel``.

    The two differ in names, and in that audiocraft keeps query, key and value of an attention in one matrix.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of the whole model; codec and text encoder are passed over.

    Returns
    -------
    dict of str to Tensor
    """
    import torch

    state: dict[str, Tensor] = {}
    projections: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        if name in _ELSEWHERE:
            state[_ELSEWHERE[name]] = tensor
        elif name.startswith(_EMBEDDING):
            state[f"emb.{name.removeprefix(_EMBEDDING)}"] = tensor
        elif name.startswith(_HEAD):
            state[f"linears.{name.removeprefix(_HEAD)}"] = tensor
        elif name.startswith(_LAYER):
            layer, _, rest = name.removeprefix(_LAYER).partition(".")
            if rest in _IN_LAYER:
                state[f"transformer.layers.{layer}.{_IN_LAYER[rest]}"] = tensor
                continue
            attention, projection, _ = rest.split(".")
            joined = f"transformer.layers.{layer}.{_ATTENTION[attention]}.in_proj_weight"
            projections.setdefault(joined, {})[projection] = tensor
    for joined, parts in projections.items():
        state[joined] = torch.cat([parts["q_proj"], parts["k_proj"], parts["v_proj"]])
    if (
        "audio_enc_to_dec_proj.weight" in weights
    ):  # torchaudio keeps the window of its spectrum among the weights
        state["condition_provider.conditioners.self_wav.chroma.spec.window"] = torch.hann_window(
            2**_LOG_WINDOW
        )
    return state


def to_audiocraft_configuration(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Turn transformers' configuration into the ``xp.cfg`` that audiocraft builds its language model from.

    Gives what the published checkpoints' own ``xp.cfg`` has of what matters when nothing is trained.
    """
    decoder = configuration["decoder"]
    stereo = decoder["audio_channels"] == 2
    codebooks = decoder["num_codebooks"]
    melody = "chroma_length" in configuration
    conditioners: dict[str, Any] = {
        "args": {},
        "description": {
            "model": "t5",
            "t5": {"name": TEXT_MODEL, "finetune": False, "autocast_dtype": "float32"},
        },
    }
    if melody:
        rate = configuration["audio_encoder"]["sampling_rate"]
        chroma = {
            "sample_rate": rate,
            "n_chroma": configuration["num_chroma"],
            "radix2_exp": _LOG_WINDOW,
            "argmax": True,
        }
        conditioners["self_wav"] = {"model": "chroma_stem", "chroma_stem": chroma}
    return {
        "lm_model": "transformer_lm",
        "dataset": {"segment_duration": configuration["window_s"]},
        "transformer_lm": {
            "n_q": codebooks,
            "card": decoder["vocab_size"],
            "dim": decoder["hidden_size"],
            "num_heads": decoder["num_attention_heads"],
            "num_layers": decoder["num_hidden_layers"],
            "hidden_scale": decoder["ffn_dim"] // decoder["hidden_size"],
            "activation": decoder["activation_function"],
            "norm": "layer_norm",
            "norm_first": True,
            "bias_proj": False,
            "bias_ff": False,
            "bias_attn": False,
            "causal": True,
            "memory_efficient": True,
            "dropout": 0.0,
        },
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {"delays": [codebook // (2 if stereo else 1) for codebook in range(codebooks)]},
        },
        "attribute_dropout": {},
        "classifier_free_guidance": {"training_dropout": 0.0, "inference_coef": 3.0},
        "conditioners": conditioners,
        "fuser": {
            "cross": [] if melody else ["description"],
            "prepend": ["self_wav", "description"] if melody else [],
            "sum": [],
            "input_interpolate": [],
        },
        "interleave_stereo_codebooks": {"use": stereo, "per_timestep": False},
    }
