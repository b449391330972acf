"""A shelf for tests: small files in the shape of weights, and a machine without the real hub."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.ai.weights.hubserver import Hub, serve

SMALL = "facebook/musicgen-small"
MIB = 1 << 20


def safetensors(size: int, seed: int = 0) -> bytes:
    """A safetensors file with one tensor of ``size`` bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    body = bytes((seed + at * 7) % 251 for at in range(251)) * (size // 251 + 1)
    return struct.pack("<Q", len(header)) + header + body[:size]


def musicgen_files(size: int = MIB) -> dict[str, bytes]:
    """What a MusicGen's repository holds."""
    return {
        "README.md": b"read me\n" * 1000,
        "config.json": b'{"model_type": "musicgen"}',
        "generation_config.json": b"{}",
        "tokenizer.json": b"{}" + b" " * 5000,
        "model.safetensors": safetensors(size),
        "state_dict.bin": b"state" * 1000,
        "compression_state_dict.bin": b"codec" * 1000,
    }


@contextmanager
def hub_and_cache(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """Point the hub's own client, in this process, at a hub of ours and an empty cache."""
    with serve() as hub:
        hub.repositories[SMALL] = musicgen_files()
        # What HF_ENDPOINT and HF_HUB_CACHE set when the client is imported.
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        yield hub


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
