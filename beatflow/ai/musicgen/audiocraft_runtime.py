"""MusicGen through audiocraft 1.3.0: the reference, slow and exact, on the processor and on CUDA.

The only module that imports audiocraft (and, through it, torchaudio and xformers). Loads audiocraft's own files
(``state_dict.bin``, ``compression_state_dict.bin``) or, where there are none, transformers' files of the same model.
Nothing is ever fetched: the text encoder comes from the folder, and a melody arrives with drums and bass taken away.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beatflow.ai.device import Device
from beatflow.ai.engine import RunFacts, Sampling
from beatflow.ai.musicgen.audiocraft_files import CODEC_FILE, MODEL_FILE, Parts, fill, read_parts
from beatflow.ai.musicgen.audiocraft_install import check_installed
from beatflow.ai.musicgen.runtime import Geometry, PromptFit, Report, Tokens, Wave
from beatflow.ai.musicgen.words import fit_words
from beatflow.errors import EngineError

if TYPE_CHECKING:
    from audiocraft.models import MusicGen
    from torch import Tensor

MELODY = "self_wav"
_DTYPES = {"cpu": ("float32",), "cuda": ("float32", "float16", "bfloat16")}


class AudiocraftRuntime:
    """A checkpoint run by audiocraft; see `beatflow.ai.musicgen.runtime.Runtime`.

    Parameters
    ----------
    folder : Path
        Of the model, as the hub lays it out.
    device : Device
        ``cpu`` or ``cuda``.
    dtype : str
        ``float32``, on CUDA also ``float16`` and ``bfloat16``.
    name : str
        The model's, for messages.

    Raises
    ------
    EngineError
        audiocraft is not installed, cannot run on that device, or the folder does not hold what it needs.

    Notes
    -----
    Draws are those of ``torch.multinomial`` on the processor, from a generator of each take's own, so that a take
    sounds the same alone and in a batch, and on every device as far as the arithmetic is the same. At batch 1 on the
    processor they are what audiocraft itself draws after ``torch.manual_seed``.
    """

    def __init__(self, folder: Path, device: Device, dtype: str, name: str = "") -> None:
        check_installed()
        if dtype not in _DTYPES.get(device.kind, ()):
            raise EngineError(
                f"audiocraft does not compute in {dtype} on {device.torch_name}", "--runtime transformers"
            )
        self._device = device
        self._folder = folder
        self._model, self._tokenizer = _load(folder, name or folder.name, device, dtype)
        parts = self._model.compression_model
        self.geometry = Geometry(
            sample_rate=int(parts.sample_rate),
            channels=int(parts.channels),
            codebooks=int(self._model.lm.num_codebooks),
            token_rate=float(parts.frame_rate),
            window_s=float(self._model.max_duration),
            melody=MELODY in self._model.lm.condition_provider.conditioners,
        )
        self._facts = RunFacts(_name_device(device), dtype, "audiocraft")

    @property
    def facts(self) -> RunFacts:
        """On what it runs; the digests of the weights are computed when first asked."""
        if not self._facts.weights:
            self._facts = replace(self._facts, weights=_digest(self._folder))
        return self._facts

    def fit_prompt(self, prompt: str) -> PromptFit:
        """Cut a prompt to the tokens that the text encoder reads."""
        with _quiet():
            return fit_words(
                prompt, lambda text: self._tokenizer(text)["input_ids"], self._tokenizer.unk_token_id
            )

    def make_room(self) -> bool:
        """Nothing to give up: audiocraft keeps its text encoder where the rest is."""
        return False

    def sample_tokens(
        self,
        prompts: Sequence[str],
        steps: int,
        sampling: Sampling,
        seeds: Sequence[int],
        lead: Tokens | None = None,
        melodies: Sequence[Wave | None] | None = None,
        report: Report = lambda done: None,
    ) -> Tokens:
        """Draw tokens, one take per prompt in one batch; see `Runtime.sample_tokens`.

        An empty prompt is no prompt at all for audiocraft, where transformers still reads its end-of-text mark.
        """
        import torch

        before = None if lead is None else torch.from_numpy(lead).to(self._model.device)
        known = 0 if lead is None else lead.shape[-1]
        shape = (self.geometry.codebooks, self._model.lm.card)
        with torch.inference_mode(), self._on_device(), self._model.autocast, _own_draws(seeds, shape):
            tokens = self._model.lm.generate(
                before,
                self._conditions(prompts, melodies),
                max_gen_len=known + steps,
                use_sampling=True,
                temp=sampling.temperature,
                top_k=min(sampling.top_k or 0, self._model.lm.card),
                top_p=sampling.top_p,
                cfg_coef=sampling.guidance,
                remove_prompts=True,
                callback=lambda done, total: report(min(done, steps)),
            )
        return np.asarray(tokens.cpu().numpy(), np.int64)

    def encode_audio(self, wave: Wave) -> Tokens:
        """Turn samples into tokens; see `Runtime.encode_audio`."""
        import torch

        with torch.inference_mode(), self._on_device():
            tokens, _ = self._model.compression_model.encode(
                torch.from_numpy(wave)[None].to(self._model.device)
            )
        return np.asarray(tokens.cpu().numpy(), np.int64)

    def decode_tokens(self, tokens: Tokens) -> NDArray[np.float32]:
        """Turn tokens into samples; see `Runtime.decode_tokens`."""
        channels = self.geometry.channels
        takes = [
            [self._decode_channel(take[channel::channels]) for channel in range(channels)] for take in tokens
        ]
        return np.stack([np.stack(take) for take in takes])

    def _decode_channel(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Decode one channel in pieces; shape (frames,)."""
        import torch

        from beatflow.ai.musicgen.codec import decode_latents

        wrapped = self._model.compression_model
        codec = wrapped.model if self.geometry.channels == 2 else wrapped
        layers = codec.decoder.model if hasattr(codec, "decoder") else codec.model.decoder.layers
        hop = round(self.geometry.sample_rate / self.geometry.token_rate)
        with torch.inference_mode(), self._on_device():
            codes = torch.from_numpy(np.ascontiguousarray(tokens)).to(self._model.device)[None]
            parts = [
                part[0, 0].cpu().numpy() for part in decode_latents(layers, codec.decode_latent(codes), hop)
            ]
        return np.concatenate(parts)

    def _conditions(self, prompts: Sequence[str], melodies: Sequence[Wave | None] | None) -> list[Any]:
        from audiocraft.modules.conditioners import ConditioningAttributes

        takes = [ConditioningAttributes(text={"description": prompt}) for prompt in prompts]
        if self.geometry.melody:
            for take, melody in zip(takes, melodies or [None] * len(takes), strict=True):
                take.wav[MELODY] = self._wave_condition(melody)
        return takes

    def _wave_condition(self, melody: Wave | None) -> Any:
        import torch
        from audiocraft.modules.conditioners import WavCondition

        wave = torch.zeros(1, 1) if melody is None else torch.from_numpy(melody)
        length = 0 if melody is None else wave.shape[-1]
        return WavCondition(
            wave[None].to(self._model.device),
            torch.tensor([length], device=self._model.device),
            sample_rate=[self.geometry.sample_rate],
            path=[None],
            seek_time=[None],
        )

    def _on_device(self) -> Any:
        return _on_device(self._device)


def _on_device(device: Device) -> Any:
    """Make a card the current one: audiocraft says ``cuda`` and never which."""
    import torch

    return torch.cuda.device(device.index if device.kind == "cuda" else -1)


def _load(folder: Path, name: str, device: Device, dtype: str) -> "tuple[MusicGen, Any]":
    """Build audiocraft's model around the weights of a folder; the text encoder's tokenizer comes with it."""
    import torch

    with _quiet():
        from audiocraft.models import MusicGen
        from audiocraft.models.builders import get_lm_model
        from audiocraft.utils.autocast import TorchAutocast

        parts = read_parts(folder, name)
        parts.configuration.device = device.kind
        parts.configuration.dtype = dtype
        with _on_device(device), _local(parts):
            language_model = get_lm_model(parts.configuration)
        fill(language_model, parts.state, name)
        language_model.cfg = parts.configuration
        conditioners = language_model.condition_provider.conditioners
        if MELODY in conditioners:
            conditioners[MELODY].match_len_on_eval = True
            conditioners[MELODY]._use_masking = False
            conditioners[MELODY]._get_stemmed_wav = lambda wave, rate: wave
        model = MusicGen(name, parts.codec.to(device.kind), language_model.eval())
        half = device.kind == "cuda" and dtype != "float32"
        model.autocast = TorchAutocast(half, device_type=device.kind, dtype=getattr(torch, dtype))
        return model, parts.tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what libraries say of their own accord: missing kernels of xformers, deprecations, bars."""
    import transformers

    reports: Any = transformers.utils.logging
    loggers = [logging.getLogger(name) for name in ("xformers", "audiocraft", "transformers")]
    levels, bars = [logger.level for logger in loggers], reports.is_progress_bar_enabled()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    reports.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            reports.enable_progress_bar()


@contextmanager
def _swap(owner: Any, **stand_ins: Any) -> Iterator[None]:
    """Put something else under names of a module or class for a while."""
    before = {name: getattr(owner, name) for name in stand_ins}
    try:
        for name, stand_in in stand_ins.items():
            setattr(owner, name, stand_in)
        yield
    finally:
        for name, original in before.items():
            setattr(owner, name, original)


class _Here:
    """Stands where audiocraft would call ``from_pretrained`` with a name of the hub."""

    def __init__(self, what: Any) -> None:
        self._what = what

    def from_pretrained(self, name: str) -> Any:
        return self._what


@contextmanager
def _local(parts: Parts) -> Iterator[None]:
    """While a language model is built, give it the text encoder that is here, and no separator at all."""
    import torch
    from audiocraft.modules import conditioners
    from demucs import pretrained

    class NoSeparator(torch.nn.Module):
        sources = ("drums", "bass", "other", "vocals")

    name = parts.configuration.conditioners.description.t5.name
    with (
        _swap(conditioners, T5Tokenizer=_Here(parts.tokenizer), T5EncoderModel=_Here(parts.text_encoder)),
        _swap(
            conditioners.T5Conditioner, MODELS=[name], MODELS_DIMS={name: parts.text_encoder.config.d_model}
        ),
        _swap(pretrained, get_model=lambda name: NoSeparator()),
    ):
        yield


@contextmanager
def _own_draws(seeds: Sequence[int], shape: tuple[int, int]) -> Iterator[None]:
    """Have audiocraft draw each take's tokens from a generator of its own.

    audiocraft draws for the whole batch from torch's global generator. ``torch.multinomial`` takes the maximum of the
    probabilities over exponential noise; here is the same with noise drawn take by take.
    """
    from audiocraft.utils import utils

    from beatflow.ai.musicgen.sampling import Noise

    noise = Noise(seeds, *shape)

    def draw(probabilities: "Tensor", num_samples: int) -> "Tensor":
        here = noise.draw(1)[0].to(probabilities.device)
        return (probabilities / here).argmax(dim=-1, keepdim=True)

    with _swap(utils, multinomial=draw):
        yield


def _name_device(device: Device) -> str:
    return device.torch_name if device.kind == "cpu" else f"{device.torch_name} {device.name}"


def _digest(folder: Path) -> dict[str, str]:
    """Digests of the files that were loaded: audiocraft's own, or transformers'."""
    from beatflow.ai.weights.shelf import digest_weights

    digests = digest_weights(folder)
    own = {name: digest for name, digest in digests.items() if name in (MODEL_FILE, CODEC_FILE)}
    return own or digests
