"""CLAP as a rater of moods: which captions a sound is nearest to, of ones that name moods (zero-shot).

Knows windows and captions; `network` computes. Imports torch when it first rates, never before.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.clap.prompts import write_prompts
from beatflow.ai.device import choose_device, memory_guard
from beatflow.ai.engine import EngineInfo, Progress, RunFacts, Setup, no_progress
from beatflow.ai.weights.catalogue import get_model
from beatflow.ai.weights.shelf import digest_weights, get_weights
from beatflow.errors import EngineError
from beatflow.sound.audio import Audio
from beatflow.sound.mood.rating import MOODS, Mood, share
from beatflow.sound.resample import resample_blocks

if TYPE_CHECKING:
    from beatflow.ai.clap.network import Directions, Network

_BATCH = 4
"""Windows that are heard together: 40 s, some 300 MB at work."""
_SHORTEST_S = 3.0
"""A shorter rest at the end says little, and would count like a whole window."""
_SILENT = 1e-4
"""Mean square below -80 dB: not worth hearing, and a model makes something of it all the same."""


class ClapEngine:
    """One of the published CLAP models; which one, `Setup.engine` tells.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self._setup = setup or Setup(engine="clap")
        name = self._setup.engine or "clap"
        self.info = EngineInfo(
            name=name,
            version="1",
            tasks=frozenset({"mood"}),
            licence=get_model(name).licence,
            sample_rate=48_000,
            extra="ai",
            weights=(name,),
            options=frozenset({"labels"}),
        )
        self._network: Network | None = None
        self._captions: dict[str, NDArray[np.float32]] = {}
        self._facts = RunFacts(self._setup.device, "float32", "transformers")

    def check_ready(self) -> None:
        """See whether torch, transformers and the weights are here; imports and loads nothing.

        Raises
        ------
        EngineError
            One of them is not.
        """
        for package in ("torch", "transformers"):
            if find_spec(package) is None:
                raise EngineError(f"{package} is not installed", hint='pip install "beatflow[ai]"')
        get_weights(self.info.name, self._setup)

    @property
    def facts(self) -> RunFacts:
        """On what it runs; the device and the weights' digests are known once it has loaded them."""
        return self._facts

    def rate(
        self, blocks: Iterable[Audio], labels: Sequence[str] = MOODS, progress: Progress = no_progress
    ) -> Mood | None:
        """Compare the mean direction of all windows with that of each label's captions; softmax at CLAP's own scale.

        None for silence. Memory does not grow with the length.

        Raises
        ------
        EngineError
            A package or the weights are missing, damaged, or of another model.
        MemoryShortError
            The model does not fit.
        """
        progress(0.0, f"loading {self.info.name}")
        network = self._load()
        with memory_guard(self.info.name, "--device cpu, or --engine cues"):
            total: Directions | None = None
            for batch in _batches(_cut(blocks, network.sample_rate, network.window)):
                heard = network.hear(batch).sum(axis=0)
                total = heard if total is None else total + heard
            if total is None:
                return None
            told = np.stack([self._read(network, label) for label in labels])
        nearness = network.scale * (told @ (total / max(float(np.linalg.norm(total)), 1e-9)))
        weights = np.exp((nearness - nearness.max()).astype(np.float64))
        return Mood(share(dict(zip(labels, map(float, weights), strict=True))))

    def _read(self, network: "Network", label: str) -> NDArray[np.float32]:
        """The mean direction of a label's captions."""
        if label not in self._captions:
            mean = network.read(write_prompts(label)).mean(axis=0)
            self._captions[label] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return self._captions[label]

    def _load(self) -> "Network":
        if self._network is None:
            started = time.perf_counter()
            self.check_ready()
            name = self.info.name
            folder = get_weights(name, self._setup)
            check_config(folder, name)
            device = choose_device(self._setup.device)
            from beatflow.ai.clap.network import Network

            with memory_guard(name, "--device cpu" if device.kind != "cpu" else "--engine cues"):
                self._network = Network(folder, device, name)
            shown = device.torch_name if device.kind == "cpu" else f"{device.torch_name} {device.name}"
            loading_s = time.perf_counter() - started
            self._facts = RunFacts(
                shown, "float32", "transformers", digest_weights(folder), loading_s=loading_s
            )
        return self._network


def check_config(folder: Path, name: str) -> None:
    """See that a folder holds a CLAP model, before torch is loaded.

    Raises
    ------
    EngineError
        It does not.
    """
    hint = f"bf models pull --repair {name}"
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type") if isinstance(config, dict) else None
    except (OSError, ValueError) as error:
        raise EngineError(
            f"the weights of {name} cannot be used: config.json cannot be read", hint=hint
        ) from error
    if kind != "clap":
        raise EngineError(
            f"the weights of {name} cannot be used: they are of {kind or 'no'} model, not a CLAP", hint=hint
        )


def _cut(blocks: Iterable[Audio], sample_rate: int, window: int) -> Iterator[NDArray[np.float32]]:
    """Windows of one channel, one after the other, without those that are silent; the last may be shorter."""
    waiting = np.zeros(0, np.float32)
    any_before = False
    for block in resample_blocks((_mono(block) for block in blocks), sample_rate):
        waiting = np.concatenate([waiting, block.samples[:, 0]])
        while len(waiting) >= window:
            if _sounds(waiting[:window]):
                any_before = True
                yield waiting[:window].copy()
            waiting = waiting[window:]
    if _sounds(waiting) and (not any_before or len(waiting) >= _SHORTEST_S * sample_rate):
        yield waiting


def _mono(block: Audio) -> Audio:
    return Audio(block.samples.mean(axis=1, dtype=np.float32, keepdims=True), block.sample_rate)


def _sounds(samples: NDArray[np.float32]) -> bool:
    return len(samples) > 0 and float(np.square(samples, dtype=np.float64).mean()) > _SILENT**2


def _batches(windows: Iterable[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    batch: list[NDArray[np.float32]] = []
    for window in windows:
        batch.append(window)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
