"""Tiny, randomly initialised MusicGen checkpoints in the hub's own layout, for the real loading code to load.

The files are those of ``facebook/musicgen-small`` and its siblings as transformers reads them; the weights' names are
those of the hub's files (weight norm as ``weight_g`` and ``weight_v``). The numbers are drawn from a fixed seed: the
music is noise, but loud enough to be measured, and other words, seeds and melodies give other noise.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyForConditionalGeneration,
    PreTrainedModel,
    T5Config,
)
from transformers.models.musicgen_melody.configuration_musicgen_melody import MusicgenMelodyDecoderConfig

VARIANTS = ("plain", "melody", "stereo", "stereo-melody")
WORDS = (
    "lofi lo-fi jazz rock piano guitar drums bass pad strings techno house ambient calm happy sad dark warm slow "
    "fast beat loop key of minor major bpm A B C D E F G flat sharp time signature bars the a with and in"
)


@dataclass(frozen=True)
class Size:
    """How big a checkpoint is; the defaults are as small as works, `FULL_SMALL` is musicgen-small's own size."""

    codebook: int = 64
    hidden: int = 32
    layers: int = 2
    heads: int = 4
    text_hidden: int = 24
    text_layers: int = 2
    text_heads: int = 2
    text_vocabulary: int = 400
    filters: int = 2
    latent: int = 16
    chroma_length: int = 235
    spread: float = 0.25
    ratios: tuple[int, ...] = field(default=(8, 5, 4, 4))


TINY = Size()
FULL_SMALL = Size(2048, 1024, 24, 16, 768, 12, 12, 32128, 64, 128, spread=0.02)
FULL_MEDIUM = Size(2048, 1536, 48, 24, 768, 12, 12, 32128, 64, 128, spread=0.02)
FULL_LARGE = Size(2048, 2048, 48, 32, 768, 12, 12, 32128, 64, 128, spread=0.02)


def build_checkpoint(
    folder: Path,
    variant: str = "plain",
    size: Size = TINY,
    seed: int = 0,
    pickled: bool = False,
    shards: int = 1,
) -> Path:
    """Write a checkpoint and return its folder.

    Parameters
    ----------
    folder : Path
        Made if need be; name it after the model (``musicgen-small``) where the shelf is to find it.
    variant : str
        One of `VARIANTS`.
    size : Size
    seed : int
        Of the weights.
    pickled : bool
        Write ``pytorch_model.bin`` in place of ``model.safetensors``.
    shards : int
        Write the weights in so many files with an index, as the hub has the large models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = build_model(variant, size, seed)
    model.config.save_pretrained(folder)
    _write_json(folder / "generation_config.json", _generation(size))
    _write_json(folder / "preprocessor_config.json", _preprocessor(variant))
    _write_tokenizer(folder, size)
    weights = _weights(model)
    if shards > 1:
        _write_shards(folder, weights, shards)
    elif pickled:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def build_model(variant: str = "plain", size: Size = TINY, seed: int = 0) -> PreTrainedModel:
    """Make the model that a checkpoint holds, in evaluation mode."""
    assert variant in VARIANTS
    stereo, melody = variant.startswith("stereo"), variant.endswith("melody")
    text = T5Config(
        vocab_size=size.text_vocabulary, d_model=size.text_hidden, d_kv=size.text_hidden // size.text_heads,
        d_ff=4 * size.text_hidden, num_layers=size.text_layers, num_heads=size.text_heads, n_positions=512,
        dropout_rate=0.1,
    )  # fmt: skip
    codec = EncodecConfig(
        target_bandwidths=[_bandwidth(size)], sampling_rate=32000, audio_channels=1, normalize=False,
        hidden_size=size.latent, num_filters=size.filters, upsampling_ratios=list(size.ratios),
        use_causal_conv=False, use_conv_shortcut=False, codebook_size=size.codebook, num_lstm_layers=2,
    )  # fmt: skip
    kind = MusicgenMelodyDecoderConfig if melody else MusicgenDecoderConfig
    decoder = kind(
        vocab_size=size.codebook, hidden_size=size.hidden, num_hidden_layers=size.layers, ffn_dim=4 * size.hidden,
        num_attention_heads=size.heads, num_codebooks=8 if stereo else 4, audio_channels=2 if stereo else 1,
        pad_token_id=size.codebook, bos_token_id=size.codebook, initializer_factor=size.spread,
    )  # fmt: skip
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        if melody:
            config = MusicgenMelodyConfig(
                text_encoder=text, audio_encoder=codec, decoder=decoder, chroma_length=size.chroma_length
            )
            model: PreTrainedModel = MusicgenMelodyForConditionalGeneration(config)
        else:
            model = MusicgenForConditionalGeneration(
                MusicgenConfig(text_encoder=text, audio_encoder=codec, decoder=decoder)
            )
        _spread(model)
    finally:
        torch.random.set_rng_state(state)
    return model.eval()


def _bandwidth(size: Size) -> float:
    """Kilobits a second of four codebooks, 50 steps a second."""
    return 4 * 50 * EncodecConfig(codebook_size=size.codebook).codebook_nbits / 1000


def _spread(model: PreTrainedModel) -> None:
    """Give the codec what its own initialisation leaves at zero: codebooks; and an output that can be heard."""
    codec = model.audio_encoder
    with torch.no_grad():
        for name, buffer in codec.named_buffers():
            if name.endswith(("codebook.embed", "codebook.embed_avg")):
                buffer.normal_(std=4.0)
            elif name.endswith("codebook.cluster_size"):
                buffer.fill_(1.0)
        for name, weight in codec.decoder.named_parameters():
            if name.endswith("conv.bias"):
                weight.zero_()  # or every step sounds the same, whatever its tokens
        last = codec.decoder.layers[-1].conv
        codes = torch.randint(0, codec.config.codebook_size, (1, 1, 4, 200))
        wave = codec.decode(codes, [None]).audio_values
        last.parametrizations.weight.original0.mul_(0.1 / wave.std())
        last.bias.fill_(-0.1 * wave.mean() / wave.std())


def _weights(model: PreTrainedModel) -> dict[str, Tensor]:
    """All weights under the names of the hub's files, ties written once."""
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name == "text_encoder.encoder.embed_tokens.weight":
            continue  # the same tensor as text_encoder.shared.weight
        old = name.replace(".parametrizations.weight.original0", ".weight_g")
        weights[old.replace(".parametrizations.weight.original1", ".weight_v")] = tensor.contiguous().clone()
    return weights


def _write_shards(folder: Path, weights: dict[str, Tensor], shards: int) -> None:
    names = sorted(weights)
    places: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: weights[name] for name in names[shard::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    _write_json(folder / "model.safetensors.index.json", index)


def _generation(size: Size) -> dict[str, object]:
    return {
        "_from_model_config": True,
        "bos_token_id": size.codebook,
        "decoder_start_token_id": size.codebook,
        "do_sample": True,
        "guidance_scale": 3.0,
        "max_length": 1500,
        "pad_token_id": size.codebook,
        "transformers_version": "4.31.0",
    }


def _preprocessor(variant: str) -> dict[str, object]:
    if variant.endswith("melody"):
        return {
            "chunk_length": 30,
            "feature_extractor_type": "MusicgenMelodyFeatureExtractor",
            "feature_size": 12,
            "hop_length": 4096,
            "n_fft": 16384,
            "n_samples": 960000,
            "num_chroma": 12,
            "padding_side": "left",
            "padding_value": 0.0,
            "processor_class": "MusicgenMelodyProcessor",
            "return_attention_mask": False,
            "sampling_rate": 32000,
            "stem_indices": [3, 2],
        }
    return {
        "chunk_length_s": None,
        "feature_extractor_type": "EncodecFeatureExtractor",
        "feature_size": 2 if variant.startswith("stereo") else 1,
        "overlap": None,
        "padding_side": "left",
        "padding_value": 0.0,
        "processor_class": "MusicgenProcessor",
        "return_attention_mask": True,
        "sampling_rate": 32000,
    }


def _write_tokenizer(folder: Path, size: Size) -> None:
    """A unigram tokenizer with T5's special tokens, its normalisation (NFKC) and a vocabulary of few words."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -4.0 - 0.01 * place) for place, word in enumerate(WORDS.split())]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?#/-&'()"
    pieces += [(letter, -7.0) for letter in letters]
    extra = [f"<extra_id_{number}>" for number in range(100)]
    known = {piece for piece, _ in pieces}
    assert len(known) == len(pieces)
    assert len(pieces) + len(extra) <= size.text_vocabulary
    tokenizer = Tokenizer(models.Unigram([*pieces, *((token, 0.0) for token in reversed(extra))], unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", "</s>"], pair=["$A", "</s>", "$B", "</s>"], special_tokens=[("</s>", 1)]
    )
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>", *extra])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    _write_json(folder / "special_tokens_map.json", {"additional_special_tokens": extra, **special})
    settings = {"clean_up_tokenization_spaces": True, "extra_ids": 100, "model_max_length": 512}
    more = {"additional_special_tokens": extra, "tokenizer_class": "T5Tokenizer"}
    _write_json(folder / "tokenizer_config.json", {**more, **settings, **special})


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
