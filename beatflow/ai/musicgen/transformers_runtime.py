"""A MusicGen checkpoint in transformers' format, run by torch: loading, words and melodies to conditions, the codec.

The drawing of tokens is `decoder`'s, the decoding in pieces `codec`'s. The language model computes in the format asked
for; the text encoder and the codec stay in float32 (T5 overflows in half precision, EnCodec gets noisy, and both take
a hundredth of the time). Never uses the network.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from beatflow.ai.device import Device, is_out_of_memory, release_memory
from beatflow.ai.engine import RunFacts, Sampling
from beatflow.ai.hushed import quiet_transformers, summarize_error
from beatflow.ai.musicgen.checkpoint import Checkpoint, broken, read_checkpoint
from beatflow.ai.musicgen.chroma import find_melody, fit_melody, no_melody
from beatflow.ai.musicgen.codec import PIECE, decode_latents, sum_codebooks
from beatflow.ai.musicgen.decoder import Conditions, Decoder
from beatflow.ai.musicgen.runtime import PromptFit, Report, Tokens, Wave
from beatflow.ai.musicgen.sampling import is_guided
from beatflow.ai.musicgen.words import TEXT_TOKENS, fit_words
from beatflow.ai.weights.shelf import digest_weights
from beatflow.errors import BeatFlowError

_SMALLEST_PIECE = 25
_FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_IN_FLOAT32 = ("text_encoder", "audio_encoder", "enc_to_dec_proj", "audio_enc_to_dec_proj")
_HARMLESS = ("embed_positions.weights", "embed_tokens.weight")
"""Ends of names that older files have and the model computes or ties itself."""


class TransformersRuntime:
    """A loaded checkpoint; see `runtime.Runtime` for what each method promises.

    Parameters
    ----------
    folder : Path
        As the hub lays a model out.
    device : Device
    dtype : str
        ``float32``, ``float16``, ``bfloat16`` or ``int8``, of the language model.
    name : str
        The model's, for messages.

    Raises
    ------
    EngineError
        Files are missing, truncated, or of another model.
    """

    def __init__(self, folder: Path, device: Device, dtype: str, name: str = "") -> None:
        checkpoint = read_checkpoint(folder, name)
        self.geometry = checkpoint.geometry
        self._checkpoint = checkpoint
        self._device = torch.device(device.torch_name)
        self._text_device = self._device
        self._piece = PIECE
        self._facts = RunFacts(_name_device(device), dtype, "transformers")
        with quiet_transformers():
            self._tokenizer = _load_tokenizer(checkpoint)
            model = _load_model(checkpoint, dtype)
        self._text = model.text_encoder.to(self._device)
        self._codec = model.audio_encoder.to(self._device)
        self._project_text = _projection(model, "enc_to_dec_proj", self._device)
        self._project_melody = _projection(model, "audio_enc_to_dec_proj", self._device)
        self._decoder = Decoder(model.decoder, device.torch_name, dtype)

    @property
    def facts(self) -> RunFacts:
        """On what it runs; the digests of the weights are computed when first asked."""
        if not self._facts.weights:
            digests = digest_weights(self._checkpoint.folder)
            told = self._facts
            self._facts = RunFacts(told.device, told.dtype, told.runtime, digests)
        return self._facts

    def fit_prompt(self, prompt: str) -> PromptFit:
        """Cut a prompt to the tokens that the text encoder reads."""
        return fit_words(prompt, lambda text: self._tokenize([text])[0], self._tokenizer.unk_token_id)

    def make_room(self) -> bool:
        """Move the text encoder to the CPU; the last call's buffers go as well."""
        self._decoder.forget()
        if self._text_device.type == "cpu":
            return False
        self._text_device = torch.device("cpu")
        self._text.to(self._text_device)
        release_memory()
        return True

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
        """Draw tokens, one take per prompt in one batch."""
        with torch.inference_mode():
            conditions = self._condition(prompts, melodies or [None] * len(prompts), is_guided(sampling))
            before = None if lead is None else torch.from_numpy(np.ascontiguousarray(lead))
            drawn = self._decoder.sample(conditions, steps, sampling, seeds, before, report)
        return drawn.cpu().numpy().astype(np.int64, copy=False)

    def encode_audio(self, wave: Wave) -> Tokens:
        """Turn samples into tokens, shape (1, codebooks, steps); each channel goes through the codec alone."""
        with torch.inference_mode():
            sound = torch.from_numpy(np.ascontiguousarray(wave, np.float32)).to(self._device)
            codes = [self._codec.encode(one[None, None]).audio_codes[0, 0] for one in sound]
            tokens = torch.stack(codes, dim=1).flatten(
                0, 1
            )  # left and right of each codebook beside each other
        return tokens[None].cpu().numpy().astype(np.int64, copy=False)

    def decode_tokens(self, tokens: Tokens) -> NDArray[np.float32]:
        """Turn tokens into samples, shape (batch, channels, frames), take by take and in pieces."""
        channels = self.geometry.channels
        takes = [
            np.stack([self._decode_channel(take[channel::channels]) for channel in range(channels)])
            for take in tokens
        ]
        return np.stack(takes)

    def _decode_channel(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        while True:
            try:
                return self._decode_pieces(tokens)
            except Exception as error:
                if not is_out_of_memory(error) or self._piece <= _SMALLEST_PIECE:
                    raise
            self._decoder.forget()
            release_memory()
            self._piece = max(self._piece // 4, _SMALLEST_PIECE)

    def _decode_pieces(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        layers = self._codec.decoder.layers
        hop = round(self.geometry.sample_rate / self.geometry.token_rate)
        with torch.inference_mode():
            codes = torch.from_numpy(np.ascontiguousarray(tokens)).to(self._device)[None]
            latents = sum_codebooks(self._codec.quantizer, codes)
            parts = [
                part[0, 0].cpu().numpy()
                for part in decode_latents(layers, latents, hop, min(self._piece, tokens.shape[1]))
            ]
        return np.concatenate(parts)

    def _condition(self, prompts: Sequence[str], melodies: Sequence[Wave | None], guided: bool) -> Conditions:
        states, mask = self._read_words(prompts)
        states = states * mask[..., None]
        if guided:
            states = torch.cat([states, torch.zeros_like(states)])
            mask = torch.cat([mask, torch.zeros_like(mask)])
        if not self.geometry.melody:
            return Conditions(states, mask, prefix=False)
        heard = self._read_melodies(melodies, guided)
        # Nothing is masked in the prefix of a melody model: what is padding there are zeros that are attended to.
        states = torch.cat([heard, states], dim=1)
        return Conditions(states, torch.ones(states.shape[:2], device=self._device), prefix=True)

    def _read_words(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Encode prompts; an empty one is masked whole, which is what the models were trained with for "nothing"."""
        ids = [tokens[:TEXT_TOKENS] for tokens in self._tokenize(prompts)]
        longest = max(map(len, ids))
        padded = torch.zeros((len(ids), longest), dtype=torch.int64)
        mask = torch.zeros((len(ids), longest), dtype=torch.int64)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        padded, mask = padded.to(self._text_device), mask.to(self._text_device)
        states = self._text(input_ids=padded, attention_mask=mask).last_hidden_state
        for row, prompt in enumerate(prompts):
            if not prompt:
                mask[row] = 0
        return self._project_text(states.to(self._device)), mask.to(self._device)

    def _read_melodies(self, melodies: Sequence[Wave | None], guided: bool) -> Tensor:
        hops, rate = self._checkpoint.chroma_length, self.geometry.sample_rate
        features = [
            no_melody(hops) if wave is None else fit_melody(find_melody(wave[0], rate), hops)
            for wave in melodies
        ]
        if guided:
            features += [no_melody(hops)] * len(melodies)
        given = torch.from_numpy(np.stack(features)).to(self._device)
        projected: Tensor = self._project_melody(given)
        return projected

    def _tokenize(self, prompts: Sequence[str]) -> list[list[int]]:
        with (
            quiet_transformers()
        ):  # it warns of prompts beyond its length, which are cut before they go anywhere
            ids: list[list[int]] = self._tokenizer(list(prompts))["input_ids"]
        return ids


def _load_tokenizer(checkpoint: Checkpoint) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise broken(checkpoint.name, f"its tokenizer cannot be read ({summarize_error(error)})") from error


def _load_model(checkpoint: Checkpoint, dtype: str) -> Any:
    """Load the weights into their final format one by one, so that memory holds them once."""
    melody = checkpoint.geometry.melody
    kind: Any = (
        transformers.MusicgenMelodyForConditionalGeneration
        if melody
        else transformers.MusicgenForConditionalGeneration
    )
    # transformers has one format for all parts; this attribute of a class is its way to except some.
    kind = type(kind.__name__, (kind,), {"_keep_in_fp32_modules_strict": set(_IN_FLOAT32)})
    try:
        model, report = kind.from_pretrained(
            checkpoint.folder,
            local_files_only=True,
            output_loading_info=True,
            dtype=_FORMATS.get(dtype, torch.float32),
        )
    except BeatFlowError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise broken(checkpoint.name, summarize_error(error)) from error
    absent = [key for key in sorted(report["missing_keys"]) if not key.endswith(_HARMLESS)]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise broken(checkpoint.name, f"there is no {absent[0]}{more} in them")
    return model.eval().requires_grad_(False)


def _projection(model: Any, name: str, device: torch.device) -> Any:
    """The linear layer of that name, or nothing where the widths agree and there is none."""
    layer = getattr(model, name, None)
    return torch.nn.Identity() if layer is None else layer.to(device)


def _name_device(device: Device) -> str:
    return device.torch_name if device.kind == "cpu" else f"{device.torch_name} {device.name}"
