"""From transformers' layout to audiocraft's: every weight finds a place. What they mean, `tests/audiocraft` shows."""

import pytest
import torch

from beatflow.ai.musicgen.layout import (
    has_transformers_layout,
    iter_weights,
    read_configuration,
    to_audiocraft_configuration,
    to_audiocraft_state,
)
from beatflow.errors import EngineError
from tests.ai.checkpoints import TINY, build_checkpoint


def convert(folder):
    weights = dict(iter_weights(folder, folder.name))
    return weights, to_audiocraft_state(weights)


@pytest.mark.parametrize("variant", ["plain", "stereo-melody"])
def test_every_weight_of_the_decoder_is_there_once(tmp_path, variant):
    weights, state = convert(build_checkpoint(tmp_path / variant, variant))
    own = sum(
        here.numel() for name, here in weights.items() if name.startswith(("decoder.", "enc_", "audio_enc_"))
    )
    window = state.get("condition_provider.conditioners.self_wav.chroma.spec.window")
    assert (window is not None) == (variant == "stereo-melody")
    assert sum(here.numel() for here in state.values()) == own + (0 if window is None else window.numel())
    codebooks = 8 if "stereo" in variant else 4
    assert {f"emb.{k}.weight" for k in range(codebooks)} | {
        f"linears.{k}.weight" for k in range(codebooks)
    } < set(state)


def test_query_key_and_value_stand_in_one_matrix(tmp_path):
    weights, state = convert(build_checkpoint(tmp_path / "plain"))
    joined = state["transformer.layers.1.cross_attention.in_proj_weight"]
    assert joined.shape == (3 * TINY.hidden, TINY.hidden)
    for place, name in enumerate(("q_proj", "k_proj", "v_proj")):
        part = joined[place * TINY.hidden : (place + 1) * TINY.hidden]
        torch.testing.assert_close(
            part, weights[f"decoder.model.decoder.layers.1.encoder_attn.{name}.weight"]
        )


@pytest.mark.parametrize("layout", [{"pickled": True}, {"shards": 3}])
def test_every_way_of_the_hub_gives_the_same(tmp_path, layout):
    _, usual = convert(build_checkpoint(tmp_path / "usual"))
    _, other = convert(build_checkpoint(tmp_path / "other", **layout))
    assert usual.keys() == other.keys()
    for name, here in usual.items():
        torch.testing.assert_close(other[name], here, rtol=0, atol=0)


def test_the_configuration_says_what_the_weights_are(tmp_path):
    told = to_audiocraft_configuration(read_configuration(build_checkpoint(tmp_path / "plain"), "plain"))
    assert told["transformer_lm"]["n_q"] == 4
    assert told["transformer_lm"]["hidden_scale"] == 4
    assert told["codebooks_pattern"]["delay"]["delays"] == [0, 1, 2, 3]
    assert told["fuser"]["cross"] == ["description"]
    assert told["dataset"]["segment_duration"] == 30
    folder = build_checkpoint(tmp_path / "stereo-melody", "stereo-melody")
    told = to_audiocraft_configuration(read_configuration(folder, "stereo-melody"))
    assert told["codebooks_pattern"]["delay"]["delays"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert told["interleave_stereo_codebooks"]["use"]
    assert told["fuser"]["prepend"] == ["self_wav", "description"]
    assert told["conditioners"]["self_wav"]["chroma_stem"]["n_chroma"] == 12


def test_other_folders_are_known_as_such(tmp_path):
    assert not has_transformers_layout(tmp_path)
    folder = build_checkpoint(tmp_path / "plain", pickled=True)
    assert has_transformers_layout(folder)
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(EngineError, match=r"pytorch_model\.bin"):
        dict(iter_weights(folder, "plain"))
