"""A CLAP checkpoint in transformers' format, run by torch: windows of sound and captions to directions in one space.

Never uses the network. Computes in float32: a window takes a fraction of a second on a CPU, and half precision would
change scores. transformers' own feature extractor cuts at random what is longer than a window; nothing longer is ever
given to it, so that the same sound always gets the same scores.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from beatflow.ai.device import Device, is_out_of_memory
from beatflow.ai.hushed import quiet_transformers, summarize_error
from beatflow.errors import EngineError

Directions = NDArray[np.float32]


class Network:
    """A loaded checkpoint.

    Parameters
    ----------
    folder : Path
        As the hub lays a model out.
    device : Device
    name : str
        The model's, for messages.

    Attributes
    ----------
    sample_rate : int
        That it hears at.
    window : int
        Frames that it hears at once.

    Raises
    ------
    EngineError
        Files are missing, truncated, or of another model.
    """

    def __init__(self, folder: Path, device: Device, name: str) -> None:
        self._name = name
        self._device = torch.device(device.torch_name)
        with quiet_transformers():
            self._extractor: Any = self._load(transformers.ClapFeatureExtractor, folder)
            self._tokenizer: Any = self._load(transformers.AutoTokenizer, folder)
            self._model: Any = self._load_model(folder).to(self._device)
        self.sample_rate = int(self._extractor.sampling_rate)
        self.window = int(self._extractor.nb_max_samples)
        self.scale = float(self._model.logit_scale_a.exp())

    def hear(self, windows: Sequence[NDArray[np.float32]]) -> Directions:
        """Directions of stretches of sound, each at most a window long, shape (windows, width), of length 1."""
        inputs = self._extractor(
            [window[: self.window].astype(np.float64) for window in windows],
            sampling_rate=self.sample_rate,
            return_tensors="pt",
        )
        features = inputs["input_features"].to(self._device, torch.float32)
        # The extractor marks one of them at random as longer than a window; none is.
        longer = torch.zeros((len(windows), 1), dtype=torch.bool, device=self._device)
        with torch.inference_mode():
            heard = self._model.get_audio_features(input_features=features, is_longer=longer)
        return _to_array(heard)

    def read(self, captions: Sequence[str]) -> Directions:
        """Directions of captions, shape (captions, width), of length 1."""
        with quiet_transformers():
            tokens = self._tokenizer(list(captions), padding=True, return_tensors="pt")
        with torch.inference_mode():
            told = self._model.get_text_features(
                input_ids=tokens["input_ids"].to(self._device),
                attention_mask=tokens["attention_mask"].to(self._device),
            )
        return _to_array(told)

    def _load(self, kind: Any, folder: Path) -> Any:
        try:
            return kind.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise self._broken(summarize_error(error)) from error

    def _load_model(self, folder: Path) -> Any:
        try:
            kind: Any = transformers.ClapModel
            model, report = kind.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise self._broken(summarize_error(error)) from error
        absent = sorted(report["missing_keys"])
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise self._broken(f"there is no {absent[0]}{more} in them")
        return model.eval().requires_grad_(False)

    def _broken(self, what: str) -> EngineError:
        return EngineError(
            f"the weights of {self._name} cannot be used: {what}",
            hint=f"bf models pull --repair {self._name}",
        )


def _to_array(output: Any) -> Directions:
    """What transformers 5 gives with the rest of its output, and earlier ones alone."""
    tensor = getattr(output, "pooler_output", output)
    return np.asarray(torch.nn.functional.normalize(tensor, dim=-1).cpu().numpy(), np.float32)
