"""A tiny, randomly initialised CLAP checkpoint in the hub's own layout, for the real loading code to load.

The files are those of ``laion/larger_clap_music`` as transformers reads them. The numbers are drawn from a fixed seed,
so that scores mean nothing, but other sounds and other words get others.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import ClapConfig, ClapModel


def build_clap(folder: Path, seed: int = 0, pickled: bool = False) -> Path:
    """Write a checkpoint and return its folder; name it after the model where the shelf is to find it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = ClapConfig(
        text_config={
            "vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 66, "projection_dim": 16,
            "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
        },
        audio_config={
            "spec_size": 64, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4], "window_size": 4,
            "patch_embeds_hidden_size": 8, "hidden_size": 32, "depths": [1, 1, 1], "num_attention_heads": [2, 2, 2],
            "enable_fusion": False, "projection_dim": 16,
        },
        projection_dim=16,
    )  # fmt: skip
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        model = ClapModel(config)
        model.train(mode=False)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "logit_scale" not in name and weight.ndim > 1:
                    weight.normal_(std=0.4)
    finally:
        torch.random.set_rng_state(state)
    if pickled:
        config.architectures = ["ClapModel"]
        config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    else:
        model.save_pretrained(folder)
    _write_json(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "ClapFeatureExtractor", "feature_size": 16, "sampling_rate": 48000,
            "hop_length": 7680, "max_length_s": 10, "fft_window_size": 1024, "frequency_min": 50,
            "frequency_max": 14000, "truncation": "rand_trunc", "padding": "repeatpad", "padding_side": "right",
            "padding_value": 0.0, "processor_class": "ClapProcessor", "return_attention_mask": False, "top_db": None,
        },
    )  # fmt: skip
    _write_tokenizer(folder)
    return folder


def _write_tokenizer(folder: Path) -> None:
    """RoBERTa's byte-level tokenizer with no merges: a token for each byte."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    names |= {"cls_token": "<s>", "sep_token": "</s>"}
    _write_json(folder / "special_tokens_map.json", names)
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "RobertaTokenizer", "model_max_length": 64, **names},
    )
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
