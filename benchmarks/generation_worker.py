"""One way of drawing MusicGen's tokens, in a process of its own: what `benchmarks.generation` starts and asks.

Reads one JSON line per task and answers with one. Runs under another interpreter too (audiocraft's), so nothing heavy
is imported before it is needed. Weights are random and of full size: speed does not depend on them.
"""

import json
import os
import resource
import sys
import time
from typing import Any, Protocol

import torch

SEED = 1
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
TOKEN_RATE = 50
WORDS = "lofi piano with warm bass and slow drums"
TEMPERATURE, TOP_K, GUIDANCE = 1.0, 250, 3.0


class Loop(Protocol):
    """What draws tokens."""

    def draw(self, steps: int, takes: int) -> None:
        """Draw tokens of so many steps, and wait until they are there."""
        ...

    def sound(self, steps: int, takes: int) -> bool:
        """The same, and decode them; False where this way has no codec."""
        ...


def build(variant: str, size: str) -> Any:
    """Make transformers' model with random weights."""
    from tests.ai import checkpoints

    named = {
        "small": checkpoints.FULL_SMALL,
        "medium": checkpoints.FULL_MEDIUM,
        "large": checkpoints.FULL_LARGE,
    }
    chosen = named.get(size, checkpoints.TINY)
    model = checkpoints.build_model(variant, chosen)
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = chosen.codebook
    return model


class Ours:
    """BeatFlow's loop."""

    def __init__(self, variant: str, size: str, device: str, dtype: str) -> None:
        from beatflow.ai.engine import Sampling
        from beatflow.ai.musicgen.decoder import FORMATS, Decoder

        self._model = build(variant, size).to(device=device, dtype=FORMATS[dtype])
        self._decoder = Decoder(self._model.decoder, device, dtype)
        self._sampling = Sampling(TEMPERATURE, TOP_K, 0.0, GUIDANCE)
        self._device = device

    def draw(self, steps: int, takes: int) -> None:
        self._tokens(steps, takes)

    def sound(self, steps: int, takes: int) -> bool:
        with torch.inference_mode():
            tokens = self._tokens(steps, takes).to(self._device)
            channels = self._model.decoder.config.audio_channels
            for channel in range(channels):
                self._model.audio_encoder.decode(tokens[None, :, channel::channels], [None] * takes)
        return True

    @torch.inference_mode()
    def _tokens(self, steps: int, takes: int) -> torch.Tensor:
        conditions = make_conditions(self._model, takes, self._device)
        return self._decoder.sample(conditions, steps, self._sampling, range(SEED, SEED + takes))


def make_conditions(model: Any, takes: int, device: str) -> Any:
    """The text, and without a melody the empty one, as transformers hands them to the decoder."""
    from beatflow.ai.musicgen.decoder import Conditions

    words = make_words(takes).to(device)
    states = model.enc_to_dec_proj(model.text_encoder(input_ids=words).last_hidden_state)
    both = torch.cat([states, torch.zeros_like(states)])
    mask = torch.ones(both.shape[:2], device=device)
    if not hasattr(model, "audio_enc_to_dec_proj"):
        mask[takes:] = 0
        return Conditions(both, mask, False)
    chroma = torch.zeros((2 * takes, model.config.chroma_length, model.config.num_chroma))
    chroma[:, :, 0] = 1.0
    melody = model.audio_enc_to_dec_proj(chroma.to(device, states.dtype))
    both = torch.cat([melody, both], dim=1)
    return Conditions(both, torch.ones(both.shape[:2], device=device), True)


def make_words(takes: int) -> torch.Tensor:
    """Twelve tokens of text."""
    return (torch.arange(12) + 5).repeat(takes, 1)


class Transformers:
    """transformers' own ``generate``."""

    def __init__(self, variant: str, size: str, device: str, dtype: str) -> None:
        self._model = build(variant, size).to(device=device, dtype=getattr(torch, dtype))
        self._device = device
        self._decode = self._model.audio_encoder.decode

    def draw(self, steps: int, takes: int) -> None:
        # The loop alone: its codec stands still.
        self._model.audio_encoder.decode = lambda codes, **_: Silence(codes)
        self._generate(steps, takes)
        self._model.audio_encoder.decode = self._decode

    def sound(self, steps: int, takes: int) -> bool:
        self._generate(steps, takes)
        return True

    def _generate(self, steps: int, takes: int) -> None:
        words = make_words(takes).to(self._device)
        torch.manual_seed(SEED)
        self._model.generate(
            input_ids=words, attention_mask=torch.ones_like(words), do_sample=True, temperature=TEMPERATURE,
            top_k=TOP_K, guidance_scale=GUIDANCE, max_new_tokens=steps + 3,
        )  # fmt: skip


class Silence:
    """What a codec gives that does nothing."""

    def __init__(self, codes: torch.Tensor) -> None:
        self.audio_values = codes.new_zeros((codes.shape[1], 1, 1))


class Audiocraft:
    """audiocraft's own ``LMModel.generate``, with text already encoded."""

    def __init__(self, variant: str, size: str, device: str, dtype: str) -> None:
        from audiocraft.models.lm import LMModel
        from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
        from audiocraft.modules.conditioners import ConditionFuser, ConditioningAttributes
        from audiocraft.utils.autocast import TorchAutocast

        if variant != "plain":
            raise ValueError("audiocraft's loop is timed for plain models only")
        width, layers, heads = {
            "small": (1024, 24, 16),
            "medium": (1536, 48, 24),
            "large": (2048, 48, 32),
        }.get(size, (32, 2, 4))
        torch.manual_seed(SEED)
        self._model = LMModel(
            DelayedPatternProvider(4, delays=[0, 1, 2, 3]), EncodedText(width, device),
            ConditionFuser({"cross": ["description"], "prepend": [], "sum": [], "input_interpolate": []}),
            n_q=4, card=2048, dim=width, num_heads=heads, num_layers=layers, hidden_scale=4,
            norm="layer_norm", norm_first=True, bias_proj=False, bias_ff=False, bias_attn=False, causal=True,
            memory_efficient=True, dropout=0.0, activation="gelu", cross_attention=True, cfg_coef=GUIDANCE,
            device=device, dtype=torch.float32,
        ).to(device).eval()  # fmt: skip
        # As MusicGen does: weights in half precision on a GPU, and autocast around the loop.
        self._model.to(getattr(torch, dtype))
        self._autocast = TorchAutocast(dtype != "float32", device.split(":")[0], dtype=getattr(torch, dtype))
        self._attributes = ConditioningAttributes

    def draw(self, steps: int, takes: int) -> None:
        conditions = [self._attributes(text={"description": WORDS}) for _ in range(takes)]
        torch.manual_seed(SEED)
        with torch.no_grad(), self._autocast:
            self._model.generate(
                None, conditions, max_gen_len=steps, use_sampling=True, temp=TEMPERATURE, top_k=TOP_K
            ).cpu()

    def sound(self, steps: int, takes: int) -> bool:
        self.draw(steps, takes)
        return False


class EncodedText(torch.nn.Module):
    """Stands where audiocraft encodes text: twelve random states per take, zeros for no text."""

    def __init__(self, width: int, device: str) -> None:
        super().__init__()
        self.states = torch.nn.Parameter(torch.randn((1, 12, width), device=device))

    def tokenize(self, conditions: Any) -> Any:
        return [0.0 if each.text["description"] is None else 1.0 for each in conditions]

    def forward(self, heard: Any) -> Any:
        scale = torch.tensor(heard, dtype=self.states.dtype, device=self.states.device)[:, None, None]
        mask = scale[:, :, 0].expand(-1, self.states.shape[1])
        return {"description": (self.states * scale, mask)}


def measure(loop: Loop, task: dict[str, Any], device: str) -> dict[str, Any]:
    """Do one task, and tell what it took."""
    cuda = device.startswith("cuda")
    wall, cpu = time.perf_counter(), os.times()
    voiced = (loop.sound if task["sound"] else loop.draw)(task["steps"], task["takes"])
    if cuda:
        torch.cuda.synchronize()
    now = os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": now.user + now.system - cpu.user - cpu.system,
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else peak,
        "sound": bool(voiced),
    }


def main() -> None:
    """Build what the arguments ask for, say so, then do one task per line."""
    kind, variant, size, device, dtype, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries talk
    loop: Loop = {"ours": Ours, "transformers": Transformers, "audiocraft": Audiocraft}[kind](
        variant, size, device, dtype
    )
    versions = {"torch": torch.__version__, "device": device}
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        versions["device"] = torch.cuda.get_device_name(device)
    print(json.dumps(versions), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(loop, json.loads(line), device)), file=answers, flush=True)


if __name__ == "__main__":
    main()
