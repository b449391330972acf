"""audiocraft's own files of a tiny checkpoint, as ``audiocraft.utils.export`` writes them, from transformers' files.

Language model and codec are built by audiocraft's builders from configurations with the keys of the published ones, and
are given the weights of transformers' modules; every tensor must find its place.
"""

import re
from pathlib import Path

import torch
from omegaconf import OmegaConf
from torch import Tensor

from beatflow.ai.musicgen.layout import (
    AUDIO_ENCODER,
    iter_weights,
    read_configuration,
    to_audiocraft_configuration,
    to_audiocraft_state,
)

_TO_CODEC = (
    (r"^(encoder|decoder)\.layers\.", r"\1.model."),
    (r"\.conv\.parametrizations\.weight\.original0$", r".conv.conv.weight_g"),
    (r"\.conv\.parametrizations\.weight\.original1$", r".conv.conv.weight_v"),
    (r"\.conv\.bias$", r".conv.conv.bias"),
    (r"^quantizer\.layers\.(\d+)\.codebook\.", r"quantizer.vq.layers.\1._codebook."),
)


def add_native(folder: Path) -> Path:
    """Write ``state_dict.bin`` and ``compression_state_dict.bin`` into a folder in transformers' layout."""
    configuration = read_configuration(folder, folder.name)
    weights = dict(iter_weights(folder, folder.name))
    language_model = to_audiocraft_configuration(configuration)
    save_package(folder / "state_dict.bin", language_model, to_audiocraft_state(weights))
    codec = configure_codec(configuration["audio_encoder"], configuration["decoder"]["num_codebooks"])
    save_package(folder / "compression_state_dict.bin", codec, to_codec_state(weights))
    return folder


def save_package(path: Path, configuration: dict, state: dict[str, Tensor]) -> None:
    """Write a file as ``audiocraft.utils.export.export_lm`` does."""
    told = OmegaConf.to_yaml(OmegaConf.create(configuration))
    torch.save({"best_state": state, "xp.cfg": told, "version": "1.3.0", "exported": True}, path)


def configure_codec(codec: dict, codebooks: int) -> dict:
    """The ``xp.cfg`` of EnCodec at 32 kHz, with the sizes of a tiny one."""
    return {
        "compression_model": "encodec",
        "sample_rate": codec["sampling_rate"],
        "encodec": {
            "autoencoder": "seanet",
            "quantizer": "rvq",
            "sample_rate": codec["sampling_rate"],
            "channels": 1,
            "causal": False,
            "renormalize": False,
        },
        "seanet": {
            "dimension": codec["hidden_size"],
            "channels": 1,
            "n_filters": codec["num_filters"],
            "n_residual_layers": codec["num_residual_layers"],
            "ratios": codec["upsampling_ratios"],
            "activation": "ELU",
            "norm": "weight_norm",
            "kernel_size": codec["kernel_size"],
            "residual_kernel_size": codec["residual_kernel_size"],
            "last_kernel_size": codec["last_kernel_size"],
            "dilation_base": codec["dilation_growth_rate"],
            "pad_mode": codec["pad_mode"],
            "causal": False,
            "true_skip": True,
            "compress": codec["compress"],
            "lstm": codec["num_lstm_layers"],
            "disable_norm_outer_blocks": 0,
            "encoder": {},
            "decoder": {"trim_right_ratio": 1.0, "final_activation": None},
        },
        "rvq": {"n_q": 4, "bins": codec["codebook_size"], "q_dropout": False, "kmeans_init": False},
    }


def to_codec_state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The codec's weights under audiocraft's names; convolutions that go up are called ``convtr`` there."""
    state = {}
    for name, tensor in weights.items():
        if not name.startswith(AUDIO_ENCODER):
            continue
        new = name.removeprefix(AUDIO_ENCODER)
        for pattern, instead in _TO_CODEC:
            new = re.sub(pattern, instead, new)
        if re.match(r"decoder\.model\.(3|6|9|12)\.conv\.", new):
            new = new.replace(".conv.conv.", ".convtr.convtr.")
        state[new] = tensor
    return state
