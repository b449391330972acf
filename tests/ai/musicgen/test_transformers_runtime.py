"""The runtime against transformers' own ``generate``, sample for sample, and the loading of files as they come."""

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from beatflow.ai.device import choose_device
from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen import transformers_runtime
from beatflow.ai.musicgen.chroma import find_melody
from beatflow.ai.musicgen.codec import decode_latents, sum_codebooks
from beatflow.ai.musicgen.transformers_runtime import TransformersRuntime
from beatflow.errors import EngineError

from ..checkpoints import build_checkpoint, build_model
from .conftest import SHELF
from .test_checkpoint import edit

STEPS = 30
SAMPLING = Sampling(0.9, 50, 0.0, 3.0)
WORDS = "lofi piano 90 bpm"


def load(folder: Path, dtype: str = "float32", name: str = "") -> TransformersRuntime:
    return TransformersRuntime(folder, choose_device("cpu"), dtype, name)


@pytest.fixture(scope="module")
def runtimes(shelf: Path) -> dict[str, TransformersRuntime]:
    return {name: load(shelf / name) for name in SHELF}


def wave_of(seconds: float, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, round(seconds * 32000)))).astype(np.float32)


def reference(shelf: Path, name: str, seed: int, **more: torch.Tensor) -> np.ndarray:
    """What the library itself makes of the same words, seed and settings; its count includes the delay's 3 columns."""
    model = build_model(SHELF[name])
    settings = json.loads((shelf / name / "generation_config.json").read_text())
    for key in ("bos_token_id", "decoder_start_token_id", "pad_token_id"):
        setattr(model.generation_config, key, settings[key])
    words = AutoTokenizer.from_pretrained(shelf / name, local_files_only=True)([WORDS], return_tensors="pt")
    torch.manual_seed(seed)
    with torch.no_grad():
        made = model.generate(
            **words,
            **more,
            max_new_tokens=STEPS + 3,
            do_sample=True,
            guidance_scale=3.0,
            temperature=0.9,
            top_k=50,
        )
    return made[0].numpy()


@pytest.mark.parametrize("name", SHELF)
def test_same_sound_as_the_library(name: str, shelf: Path, runtimes: dict[str, TransformersRuntime]) -> None:
    runtime = runtimes[name]
    melody, more = wave_of(1.3), {}
    if runtime.geometry.melody:
        more["input_features"] = torch.from_numpy(find_melody(melody[0], 32000))[None]
    heard = [melody] if runtime.geometry.melody else None
    tokens = runtime.sample_tokens([WORDS], STEPS, SAMPLING, [7], None, heard)
    np.testing.assert_allclose(runtime.decode_tokens(tokens)[0], reference(shelf, name, 7, **more), atol=1e-6)


@pytest.mark.parametrize("name", ["musicgen-small", "musicgen-stereo-small"])
def test_same_continuation_as_the_library(
    name: str, shelf: Path, runtimes: dict[str, TransformersRuntime]
) -> None:
    runtime = runtimes[name]
    wave = wave_of(0.5, runtime.geometry.channels)
    lead = runtime.encode_audio(wave)
    assert lead.shape == (1, runtime.geometry.codebooks, 25)
    tokens = runtime.sample_tokens([WORDS], STEPS, SAMPLING, [8], lead)
    wanted = reference(shelf, name, 8, input_values=torch.from_numpy(wave)[None])
    made = runtime.decode_tokens(np.concatenate([lead, tokens], axis=2))[0]
    np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_stereo_channels_are_coded_apart(runtimes: dict[str, TransformersRuntime]) -> None:
    runtime = runtimes["musicgen-stereo-small"]
    left, right = wave_of(0.4, seed=1), wave_of(0.4, seed=2)
    tokens = runtime.encode_audio(np.concatenate([left, right]))
    swapped = runtime.encode_audio(np.concatenate([right, left]))
    np.testing.assert_array_equal(tokens[:, 0::2], swapped[:, 1::2])
    sound = runtime.decode_tokens(tokens)[0]
    np.testing.assert_array_equal(sound[::-1], runtime.decode_tokens(swapped)[0])


@pytest.mark.parametrize("steps", [1, 2, 7, 60])
@pytest.mark.parametrize("piece", [1, 13, 500])
def test_pieces_of_the_codec_leave_no_seam(steps: int, piece: int) -> None:
    codec = build_model().audio_encoder
    codes = torch.randint(0, 64, (1, 4, steps), generator=torch.Generator().manual_seed(steps))
    with torch.no_grad():
        whole = codec.decode(codes[None], [None]).audio_values
        parts = decode_latents(codec.decoder.layers, sum_codebooks(codec.quantizer, codes), 640, piece)
        joined = torch.cat(list(parts), dim=-1)
    torch.testing.assert_close(joined, whole, atol=2e-6, rtol=0)


def test_codec_goes_on_in_smaller_pieces_when_memory_runs_out(
    runtimes: dict[str, TransformersRuntime], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = runtimes["musicgen-small"]
    tokens = np.random.default_rng(0).integers(0, 64, (1, 4, 120))
    whole = runtime.decode_tokens(tokens)
    tried = []

    def starve(layers, latents, hop, piece):
        tried.append(piece)
        if piece > 30:
            raise MemoryError
        return decode_latents(layers, latents, hop, piece)

    monkeypatch.setattr(transformers_runtime, "decode_latents", starve)
    monkeypatch.setattr(runtime, "_piece", 500)
    np.testing.assert_allclose(runtime.decode_tokens(tokens), whole, atol=2e-6)
    assert tried == [120, 120, 31, 25]
    monkeypatch.setattr(transformers_runtime, "decode_latents", lambda *given: [][0])
    with pytest.raises(IndexError):
        runtime.decode_tokens(tokens)


def test_words_matter_and_none_is_unconditional(runtimes: dict[str, TransformersRuntime]) -> None:
    runtime = runtimes["musicgen-small"]
    takes = runtime.sample_tokens(["lofi", "techno", ""], STEPS, SAMPLING, [1, 1, 1])
    assert (takes[0] != takes[1]).any()
    assert (takes[0] != takes[2]).any()
    alone = runtime.sample_tokens([""], STEPS, SAMPLING, [1])
    np.testing.assert_array_equal(alone[0], takes[2])
    # Without words guidance has nothing to push away from.
    free = runtime.sample_tokens([""], STEPS, Sampling(0.9, 50, 0.0, 1.0), [1])
    np.testing.assert_array_equal(free, alone)


def test_melody_matters(runtimes: dict[str, TransformersRuntime]) -> None:
    runtime = runtimes["musicgen-melody"]
    time = np.arange(64000) / 32000
    tunes = [np.sin(2 * np.pi * hz * time).astype(np.float32)[None] for hz in (262.0, 370.0, 440.0)]
    takes = runtime.sample_tokens(["lofi"] * 4, STEPS, SAMPLING, [1] * 4, None, [*tunes, None])
    assert (takes[1] != takes[2]).any()
    assert (takes[1] != takes[3]).any()
    # "No melody" is what the models were given as C throughout.
    np.testing.assert_array_equal(takes[0], takes[3])


def test_prompts_are_cut_to_what_is_read(runtimes: dict[str, TransformersRuntime]) -> None:
    runtime = runtimes["musicgen-small"]
    long = "lofi piano " * 1000
    fit = runtime.fit_prompt(long)
    assert long.startswith(fit.text)
    assert fit.pieces > 512
    again = runtime.fit_prompt(fit.text)
    assert again.text == fit.text
    assert 500 <= again.pieces <= 512
    assert runtime.fit_prompt("ローファイ 🎹").unknown > 0
    assert runtime.fit_prompt("lofi").unknown == 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_number_formats(dtype: str, shelf: Path) -> None:
    runtime = load(shelf / "musicgen-small", dtype)
    assert runtime.facts.dtype == dtype
    assert runtime.facts.device == "cpu"
    assert runtime.facts.runtime == "transformers"
    assert len(runtime.facts.weights["model.safetensors"]) == 64
    text, codec = next(runtime._text.parameters()), next(runtime._codec.parameters())
    assert text.dtype == codec.dtype == torch.float32, "only the language model is halved"
    tokens = runtime.sample_tokens([WORDS], STEPS, SAMPLING, [7])
    assert np.isfinite(runtime.decode_tokens(tokens)).all()


def test_files_of_any_kind_give_the_same_model(
    tmp_path: Path, runtimes: dict[str, TransformersRuntime]
) -> None:
    wanted = runtimes["musicgen-small"].sample_tokens([WORDS], STEPS, SAMPLING, [7])
    for folder in (
        build_checkpoint(tmp_path / "a", shards=3),
        build_checkpoint(tmp_path / "b", pickled=True),
    ):
        np.testing.assert_array_equal(load(folder).sample_tokens([WORDS], STEPS, SAMPLING, [7]), wanted)


def test_loading_is_silent_and_offline(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*given: object) -> None:
        raise AssertionError("the network is used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load(shelf / "musicgen-melody").sample_tokens(["lofi " * 600], 2, SAMPLING, [7])
    assert capfd.readouterr() == ("", "")


def copy(shelf: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "musicgen-small"
    shutil.copytree(shelf / "musicgen-small", folder)
    return folder


def test_weights_that_lack_layers_are_refused(shelf: Path, tmp_path: Path) -> None:
    folder = copy(shelf, tmp_path)
    edit(folder / "config.json", "decoder", "num_hidden_layers", value=3)
    with pytest.raises(
        EngineError, match=r"there is no decoder.model.decoder.layers.2\S+ and \d+ more in them"
    ):
        load(folder)


def test_weights_of_other_shapes_are_refused(
    shelf: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = copy(shelf, tmp_path)
    edit(folder / "config.json", "decoder", "hidden_size", value=64)
    with pytest.raises(EngineError, match="their shapes are not those that") as caught:
        load(folder, name="musicgen-small")
    assert caught.value.hint == "bf models pull --repair musicgen-small"
    assert capfd.readouterr() == ("", "")


def test_tokenizer_that_is_broken_is_named(shelf: Path, tmp_path: Path) -> None:
    folder = copy(shelf, tmp_path)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EngineError, match="its tokenizer cannot be read"):
        load(folder)


def test_truncated_pickle_is_refused(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "musicgen-small", pickled=True)
    whole = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match="the weights of musicgen-small cannot be used"):
        load(folder)


def test_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "musicgen-small", pickled=True)

    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    torch.save({"decoder.lm_heads.0.weight": Evil()}, folder / "pytorch_model.bin")
    with pytest.raises(EngineError, match="the weights of musicgen-small cannot be used"):
        load(folder)
    assert not (tmp_path / "owned").exists()


def test_text_encoder_gives_way_on_a_gpu_alone(runtimes: dict[str, TransformersRuntime]) -> None:
    assert not runtimes["musicgen-small"].make_room()
