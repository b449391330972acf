"""The audiocraft runtime keeps the protocol's promises, loading its own files and transformers'."""

import pickle
import shutil
import socket
from dataclasses import replace

import numpy as np
import pytest
import torch

from beatflow.ai.device import choose_device
from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.audiocraft_runtime import AudiocraftRuntime
from beatflow.errors import EngineError
from tests.ai.checkpoints import VARIANTS

SAMPLING = Sampling(temperature=1.0, top_k=50, top_p=0.0, guidance=3.0)
WORDS = "lofi piano, 90 bpm"


@pytest.fixture
def plain(runtimes):
    return runtimes["plain"][0]


def load(folder):
    return AudiocraftRuntime(folder, choose_device("cpu"), "float32")


def copy(folder, to, *names):
    """A folder with some of the files of another."""
    to.mkdir()
    for name in names:
        shutil.copy(folder / name, to / name)
    return to


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_geometry_is_the_checkpoints(runtimes, variant):
    ours, theirs = runtimes[variant]
    assert ours.geometry == theirs.geometry
    assert ours.geometry.channels == (2 if "stereo" in variant else 1)


def test_the_facts_name_what_was_loaded(plain):
    assert (plain.facts.device, plain.facts.dtype, plain.facts.runtime) == ("cpu", "float32", "audiocraft")
    assert set(plain.facts.weights) == {"state_dict.bin", "compression_state_dict.bin"}


def test_a_take_sounds_the_same_alone_and_in_a_batch(plain):
    together = plain.sample_tokens([WORDS] * 3, 24, SAMPLING, [7, 8, 7])
    alone = [plain.sample_tokens([WORDS], 24, SAMPLING, [seed])[0] for seed in (7, 8)]
    assert together.shape == (3, 4, 24)
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1], alone[1])
    np.testing.assert_array_equal(together[2], alone[0])
    assert (together[0] != together[1]).any()


def test_words_and_settings_matter(plain):
    usual = plain.sample_tokens([WORDS], 24, SAMPLING, [7])
    for prompt, sampling in (
        ("rock drums", SAMPLING),
        (WORDS, replace(SAMPLING, guidance=1.0)),
        (WORDS, replace(SAMPLING, top_k=1)),
        (WORDS, replace(SAMPLING, temperature=0.2)),
        (WORDS, replace(SAMPLING, top_p=0.3)),
    ):
        assert (plain.sample_tokens([prompt], 24, sampling, [7]) != usual).any()


def test_a_lead_is_continued_and_not_given_back(plain):
    lead = np.random.default_rng(1).integers(0, 64, (1, 4, 11))
    new = plain.sample_tokens([WORDS], 16, SAMPLING, [7], lead=lead)
    assert new.shape == (1, 4, 16)
    assert (new != plain.sample_tokens([WORDS], 16, SAMPLING, [7])).any()
    assert (new != plain.sample_tokens([WORDS], 16, SAMPLING, [7], lead=(lead + 1) % 64)).any()


def test_more_choices_than_there_are_tokens_is_all(plain):
    everything = plain.sample_tokens([WORDS], 8, replace(SAMPLING, top_k=0), [3])
    np.testing.assert_array_equal(
        plain.sample_tokens([WORDS], 8, replace(SAMPLING, top_k=250), [3]), everything
    )


def test_every_step_is_reported_and_interrupts(plain):
    seen = []
    plain.sample_tokens([WORDS], 12, SAMPLING, [7], report=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 12

    def stop(done):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plain.sample_tokens([WORDS], 12, SAMPLING, [7], report=stop)
    again = plain.sample_tokens([WORDS], 12, SAMPLING, [7])
    np.testing.assert_array_equal(again, load_again(plain).sample_tokens([WORDS], 12, SAMPLING, [7]))


def load_again(runtime):
    return load(runtime._folder)


@pytest.mark.parametrize("variant", ["melody", "stereo-melody"])
def test_a_melody_is_followed(runtimes, variant):
    ours = runtimes[variant][0]
    seconds = np.arange(64000) / 32000
    tones = [np.sin(2 * np.pi * hz * seconds).astype(np.float32)[None] for hz in (440.0, 523.25)]
    drawn = [ours.sample_tokens([WORDS], 16, SAMPLING, [7], melodies=[tone]) for tone in (*tones, None)]
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] != drawn[2]).any()
    without = ours.sample_tokens([WORDS], 16, SAMPLING, [7])
    np.testing.assert_array_equal(drawn[2], without)
    mixed = ours.sample_tokens([WORDS] * 2, 16, SAMPLING, [7, 7], melodies=[tones[0], None])
    np.testing.assert_array_equal(mixed, np.concatenate([drawn[0], without]))


@pytest.mark.parametrize("variant", VARIANTS)
def test_decoding_in_pieces_is_audiocrafts_own(runtimes, variant):
    ours = runtimes[variant][0]
    steps = 520  # more than a piece
    tokens = np.random.default_rng(2).integers(0, 64, (1, ours.geometry.codebooks, steps))
    heard = ours.decode_tokens(tokens)
    assert heard.shape == (1, ours.geometry.channels, steps * 640)
    with torch.inference_mode():
        whole = ours._model.compression_model.decode(torch.from_numpy(tokens)).numpy()
    np.testing.assert_allclose(heard, whole, atol=2e-6)


@pytest.mark.parametrize("variant", ["plain", "stereo-melody"])
def test_transformers_files_alone_are_enough(runtimes, folders, tmp_path, variant):
    folder = tmp_path / variant
    shutil.copytree(folders[variant], folder, ignore=shutil.ignore_patterns("*state_dict.bin"))
    converted, native = load(folder), runtimes[variant][0]
    drawn = [one.sample_tokens([WORDS], 20, SAMPLING, [5]) for one in (converted, native)]
    np.testing.assert_array_equal(*drawn)
    sounds = [one.decode_tokens(drawn[0]) for one in (converted, native)]
    np.testing.assert_allclose(*sounds, atol=2e-6)
    np.testing.assert_array_equal(*[one.encode_audio(sounds[0][0]) for one in (converted, native)])
    assert "model.safetensors" in converted.facts.weights


def test_audiocrafts_files_with_a_text_encoder_beside_them(plain, folders, tmp_path):
    folder = copy(folders["plain"], tmp_path / "own", "state_dict.bin", "compression_state_dict.bin")
    text = tmp_path / "t5-base"
    plain._model.lm.condition_provider.conditioners["description"].t5.save_pretrained(text)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(folders["plain"] / name, text / name)
    drawn = [one.sample_tokens([WORDS], 12, SAMPLING, [5]) for one in (load(folder), plain)]
    np.testing.assert_array_equal(*drawn)


def test_a_codec_that_is_only_named_comes_from_beside(plain, folders, tmp_path):
    folder = tmp_path / "named"
    shutil.copytree(folders["plain"], folder)
    package = {"pretrained": "facebook/encodec_32khz", "exported": True, "version": "1.3.0"}
    torch.save(package, folder / "compression_state_dict.bin")
    tokens = plain.sample_tokens([WORDS], 12, SAMPLING, [5])
    np.testing.assert_allclose(load(folder).decode_tokens(tokens), plain.decode_tokens(tokens), atol=2e-6)


def test_nothing_is_fetched(folders, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for variant in ("plain", "melody"):
        load(folders[variant]).sample_tokens([WORDS], 2, SAMPLING, [5])


def test_a_long_prompt_is_cut(plain):
    fit = plain.fit_prompt("piano and drums, " * 600)
    assert 0 < len(fit.text) < 10200
    assert fit.pieces > 512
    assert plain.sample_tokens([fit.text], 2, SAMPLING, [5]).shape == (1, 4, 2)
    assert plain.fit_prompt(WORDS).text == WORDS


def test_prompts_of_every_kind(plain):
    drawn = [
        plain.sample_tokens([prompt], 4, SAMPLING, [5]) for prompt in ("", "夜の雨、ローファイ", "🎹" * 40)
    ]
    assert all(tokens.shape == (1, 4, 4) for tokens in drawn)


def test_only_what_audiocraft_can_is_taken(folders):
    for dtype in ("int8", "float16"):
        with pytest.raises(EngineError, match=f"{dtype} on cpu") as caught:
            AudiocraftRuntime(folders["plain"], choose_device("cpu"), dtype)
        assert "transformers" in caught.value.hint


def test_files_that_are_not_what_they_should_be(folders, tmp_path):
    good = folders["plain"]
    cases = 0
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        data = (good / name).read_bytes()
        for broken in (data[: len(data) // 2], b"", b"not a checkpoint", pickle.dumps(OSError("run me"))):
            folder = tmp_path / f"broken-{cases}"
            shutil.copytree(good, folder)
            (folder / name).write_bytes(broken)
            with pytest.raises(EngineError, match=name) as caught:
                load(folder)
            assert "bf models" in caught.value.hint
            cases += 1
    assert cases == 8


def test_weights_of_another_model(folders, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(folders["plain"], folder)
    package = torch.load(folder / "state_dict.bin", weights_only=True)
    package["best_state"] = torch.load(folders["stereo"] / "state_dict.bin", weights_only=True)["best_state"]
    torch.save(package, folder / "state_dict.bin")
    with pytest.raises(EngineError, match="not those of the model"):
        load(folder)
    torch.save({"best_state": {}}, folder / "state_dict.bin")
    with pytest.raises(EngineError, match="not a checkpoint of audiocraft"):
        load(folder)


def test_what_is_missing_is_named(folders, tmp_path):
    with pytest.raises(EngineError, match=r"neither state_dict\.bin nor config\.json"):
        load(copy(folders["plain"], tmp_path / "empty"))
    alone = copy(folders["plain"], tmp_path / "alone", "state_dict.bin", "compression_state_dict.bin")
    with pytest.raises(EngineError, match="t5-base") as caught:
        load(alone)
    assert caught.value.hint == "bf models pull t5-base"
