"""Randomly initialised Demucs checkpoints in the hub's own layout, for the real loading code to load.

``NAME.yaml`` lists the models of the bag and their weights; each ``SIGNATURE.safetensors`` holds one HTDemucs in half
precision, its class and arguments as JSON in the metadata. The numbers are drawn from a seed: what comes out is no
separation, but it depends on the input, differs between sources and is loud enough to be measured.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
import yaml
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

FOUR = ("drums", "bass", "other", "vocals")
SOURCES = {"htdemucs": FOUR, "htdemucs_ft": FOUR, "htdemucs_6s": (*FOUR, "guitar", "piano")}
SIGNATURES = {
    "htdemucs": ("955717e8",),
    "htdemucs_ft": ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
    "htdemucs_6s": ("5c90dfd2",),
}


@dataclass(frozen=True)
class Size:
    """How big a checkpoint is; the defaults are as small as works, `FULL` is htdemucs's own size (42 M numbers)."""

    channels: int = 8
    bottom: int = 16
    layers: int = 1
    heads: int = 2
    segment: Fraction = Fraction(3, 10)


TINY = Size()
FULL = Size(48, 512, 5, 8, Fraction(39, 5))


def build_demucs(folder: Path, name: str = "htdemucs", seed: int = 0, size: Size = TINY) -> Path:
    """Write the files of a model into a folder, which is made; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    signatures = SIGNATURES[name]
    bag: dict[str, object] = {"models": list(signatures)}
    if len(signatures) > 1:
        bag["weights"] = [[float(i == k) for k in range(4)] for i in range(4)]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(bag))
    for number, signature in enumerate(signatures):
        write_model(folder / f"{signature}.safetensors", SOURCES[name], seed + number, size)
    return folder


def write_model(
    path: Path, sources: tuple[str, ...] = FOUR, seed: int = 0, size: Size = TINY, klass: str | None = None
) -> None:
    """Write one HTDemucs as ``tools/export_hf.py`` of Demucs does."""
    arguments = {
        "sources": list(sources),
        "channels": size.channels,
        "depth": 4,
        "dconv_mode": 3,
        "bottom_channels": size.bottom,
        "t_layers": size.layers,
        "t_heads": size.heads,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = HTDemucs(**arguments, segment=size.segment)
    with torch.no_grad():
        for last in (model.decoder[-1].conv_tr, model.tdecoder[-1].conv_tr):
            last.weight *= 30.0
            last.bias.zero_()
    fraction = {
        "_type": "fraction",
        "numerator": size.segment.numerator,
        "denominator": size.segment.denominator,
    }
    metadata = {
        "klass": klass or "demucs.htdemucs.HTDemucs",
        "args": "[]",
        "kwargs": json.dumps({**arguments, "segment": fraction}),
    }
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, path, metadata)
