"""The same weights in audiocraft and in transformers: the same codec, logits, tokens, windows and melodies.

audiocraft's own classes and loops are the reference here, called as its documentation says; what differs is written
down where it is shown.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.chroma import find_melody, fit_melody, measure_chroma
from beatflow.ai.musicgen.delay import build_grid, get_offsets, read_grid
from beatflow.ai.musicgen.windows import plan_windows, sample_windows
from tests.ai.checkpoints import VARIANTS

SAMPLING = Sampling(temperature=1.0, top_k=50, top_p=0.0, guidance=3.0)
GREEDY = replace(SAMPLING, top_k=1)
WORDS = "lofi piano, 90 bpm"
RATE = 32000


@pytest.fixture(scope="module")
def waves():
    """Recordings in which a melody may be looked for, one channel at 32 kHz."""
    rng = np.random.default_rng(0)
    seconds = np.arange(5 * RATE) / RATE
    glide = np.sin(2 * np.pi * (200 + 60 * seconds) * seconds)
    chords = sum(np.sin(2 * np.pi * hz * seconds) for hz in (261.63, 329.63, 392.0))
    found = {
        "noise": rng.standard_normal(5 * RATE) * 0.1,
        "glide": glide * 0.5,
        "chords": chords * 0.2 + 0.05 * glide,
        "quiet": chords * 1e-4,
        "silence": np.zeros(RATE),
        "a sample": np.array([0.5]),
        "odd": rng.standard_normal(16383),
        "window": rng.standard_normal(16384),
        "long": np.tile(glide, 7)[: 30 * RATE],
    }
    return {name: wave.astype(np.float32) for name, wave in found.items()}


@pytest.fixture(scope="module")
def theirs(folders):
    """transformers' own models."""
    kinds = {True: MusicgenMelodyForConditionalGeneration, False: MusicgenForConditionalGeneration}
    return {
        variant: kinds[variant.endswith("melody")].from_pretrained(folder, local_files_only=True).eval()
        for variant, folder in folders.items()
    }


def make_sound(channels, seconds=2.0):
    """Something with attacks, tones and noise."""
    rng = np.random.default_rng(3)
    time = np.arange(int(seconds * RATE)) / RATE
    sound = np.stack([np.sin(2 * np.pi * (220 + 30 * channel) * time**1.3) for channel in range(channels)])
    return (0.3 * sound * (time * 4 % 1) + 0.02 * rng.standard_normal(sound.shape)).astype(np.float32)


def test_the_melody_is_that_of_both_extractors(waves):
    from audiocraft.modules.chroma import ChromaExtractor
    from transformers import MusicgenMelodyFeatureExtractor

    shares = ChromaExtractor(RATE, n_chroma=12, radix2_exp=14, argmax=False)
    classes = ChromaExtractor(RATE, n_chroma=12, radix2_exp=14, argmax=True)
    extract = MusicgenMelodyFeatureExtractor()
    for name, wave in waves.items():
        sound = torch.from_numpy(wave)[None, None]
        np.testing.assert_allclose(measure_chroma(wave, RATE), shares(sound)[0], atol=2e-6, err_msg=name)
        found = find_melody(wave, RATE)
        np.testing.assert_array_equal(found, classes(sound)[0], err_msg=name)
        features = extract(wave, sampling_rate=RATE, return_tensors="pt").input_features
        np.testing.assert_array_equal(found, features[0], err_msg=name)


def test_a_melody_is_fitted_to_the_window_as_audiocraft_does(runtimes, waves):
    from audiocraft.modules.conditioners import WavCondition

    conditioner = runtimes["melody"][0]._model.lm.condition_provider.conditioners["self_wav"]
    assert conditioner.chroma_len == 235
    for name, wave in waves.items():
        sound = torch.from_numpy(wave)[None, None]
        embedded = conditioner._get_wav_embedding(
            WavCondition(sound, torch.tensor([wave.size]), [RATE], [None], [None])
        )
        np.testing.assert_array_equal(fit_melody(find_melody(wave, RATE), 235), embedded[0], err_msg=name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_codec_gives_the_same_tokens_and_sounds(runtimes, variant):
    ours, theirs = runtimes[variant]
    sound = make_sound(ours.geometry.channels)
    with torch.inference_mode():
        reference = ours._model.compression_model.encode(torch.from_numpy(sound)[None])[0].numpy()
    np.testing.assert_array_equal(theirs.encode_audio(sound), reference)
    np.testing.assert_array_equal(ours.encode_audio(sound), reference)
    with torch.inference_mode():
        decoded = ours._model.compression_model.decode(torch.from_numpy(reference)).numpy()
    np.testing.assert_allclose(theirs.decode_tokens(reference), decoded, atol=2e-6)


@pytest.mark.parametrize(("codebooks", "channels"), [(4, 1), (8, 2)])
@pytest.mark.parametrize("known", [0, 1, 5])
def test_the_delay_is_the_same(runtimes, theirs, codebooks, channels, known):
    variant = "stereo" if channels == 2 else "plain"
    steps, pad = 9, 64
    lead = torch.from_numpy(np.random.default_rng(4).integers(0, 64, (2, codebooks, known)))
    grid = build_grid(lead, steps, get_offsets(codebooks, channels), pad)

    pattern = runtimes[variant][0]._model.lm.pattern_provider.get_pattern(known + steps)
    codes = torch.full((2, codebooks, known + steps), -1)
    codes[..., :known] = lead
    sequence, _, _ = pattern.build_pattern_sequence(codes, pad)
    torch.testing.assert_close(grid, sequence)
    assert pattern.get_first_step_with_timesteps(known) == 1 + known

    filled = torch.where(grid < 0, torch.arange(grid.numel()).view_as(grid) % pad, grid)
    back, _, _ = pattern.revert_pattern_sequence(filled, special_token=-1)
    torch.testing.assert_close(read_grid(filled, get_offsets(codebooks, channels)), back)

    start = torch.cat([torch.full((2, codebooks, 1), pad), lead], dim=2).reshape(2 * codebooks, -1)
    decoder = theirs[variant].decoder
    _, mask = decoder.build_delay_pattern_mask(start, pad_token_id=pad, max_length=grid.shape[2])
    torch.testing.assert_close(mask.view(2, codebooks, -1), grid)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_logits_are_the_same(runtimes, theirs, waves, variant):
    ours = runtimes[variant][0]
    model, codebooks = ours._model.lm, ours.geometry.codebooks
    codes = torch.from_numpy(np.random.default_rng(5).integers(0, 64, (1, codebooks, 40)))
    sequence, _, _ = model.pattern_provider.get_pattern(40).build_pattern_sequence(codes, 64)
    wave = waves["chords"][None] if ours.geometry.melody else None
    words = ours._tokenizer([WORDS], return_tensors="pt")
    more = {}
    if wave is not None:
        more["input_features"] = torch.from_numpy(fit_melody(find_melody(wave[0], RATE), 235))[None]
    with torch.inference_mode():
        reference = model(sequence, ours._conditions([WORDS], None if wave is None else [wave]))[0]
        decoder_ids = sequence.reshape(codebooks, -1)
        logits = theirs[variant](**words, decoder_input_ids=decoder_ids, **more).logits[
            :, -sequence.shape[2] :
        ]
    assert reference.std() > 0.1
    torch.testing.assert_close(logits, reference, atol=3e-5, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sampling", [GREEDY, SAMPLING, replace(SAMPLING, top_k=0, temperature=0.7)])
def test_audiocrafts_own_loop_draws_the_same_tokens(runtimes, waves, variant, sampling):
    ours, theirs = runtimes[variant]
    reference = ours._model
    reference.set_generation_params(
        top_k=sampling.top_k, temperature=sampling.temperature, cfg_coef=sampling.guidance, duration=1.0
    )
    wave = waves["chords"][None] if ours.geometry.melody else None
    torch.manual_seed(11)
    if wave is None:
        _, drawn = reference.generate([WORDS], return_tokens=True)
    else:
        sound = torch.from_numpy(wave)
        _, drawn = reference.generate_with_chroma([WORDS], sound[None], RATE, return_tokens=True)
    melodies = None if wave is None else [wave]
    for runtime in (ours, theirs):
        tokens = runtime.sample_tokens([WORDS], 50, sampling, [11], melodies=melodies)
        np.testing.assert_array_equal(tokens, drawn)


def test_audiocrafts_own_continuation_draws_the_same_tokens(runtimes):
    ours, theirs = runtimes["plain"]
    sound = make_sound(1)[:, : RATE // 2]
    ours._model.set_generation_params(top_k=50, cfg_coef=3.0, duration=1.0)
    torch.manual_seed(12)
    prompt = torch.from_numpy(sound)[None]
    _, drawn = ours._model.generate_continuation(prompt, RATE, [WORDS], return_tokens=True)
    for runtime in (ours, theirs):
        lead = runtime.encode_audio(sound)
        tokens = runtime.sample_tokens([WORDS], 50 - lead.shape[2], SAMPLING, [12], lead=lead)
        np.testing.assert_array_equal(np.concatenate([lead, tokens], axis=2), drawn)


@pytest.mark.parametrize("sampled", [False, True])
def test_transformers_own_loop_makes_the_same_sound(runtimes, theirs, sampled):
    ours = runtimes["plain"][0]
    words = ours._tokenizer([WORDS], return_tensors="pt")
    torch.manual_seed(13)
    how = {"do_sample": True, "top_k": 50} if sampled else {"do_sample": False}
    heard = theirs["plain"].generate(**words, **how, guidance_scale=3.0, max_new_tokens=43)[0].numpy()
    tokens = ours.sample_tokens([WORDS], heard.shape[-1] // 640, SAMPLING if sampled else GREEDY, [13])
    np.testing.assert_allclose(ours.decode_tokens(tokens)[0], heard, atol=2e-6)


@pytest.mark.parametrize(("duration", "known"), [(2.0, 0), (3.1, 0), (5.0, 0), (7.5, 0), (6.0, 0.6)])
def test_windows_follow_each_other_as_audiocrafts_do(runtimes, monkeypatch, duration, known):
    """Windows of 2 s in the place of 30 s, the next one 1.2 s later in the place of 18 s.

    Two things differ. What a continuation is led by is at most what one window hands the next (here 0.8 s), where
    audiocraft takes up to a whole window and then has little room for new steps. And audiocraft's own arithmetic is in
    seconds: it stops with an assertion at some lengths, here at 7.3 s.
    """
    model = runtimes["plain"][0]._model
    calls = []
    draw = model.lm.generate

    def remember(prompt, attributes, max_gen_len, **more):
        led = 0 if prompt is None else prompt.shape[-1]
        calls.append((led, max_gen_len - led))
        return draw(prompt, attributes, max_gen_len=max_gen_len, **more)

    monkeypatch.setattr(model.lm, "generate", remember)
    monkeypatch.setattr(model, "max_duration", 2.0)
    model.set_generation_params(top_k=50, duration=duration, extend_stride=1.2)
    lead = int(known * 50)
    if known:
        sound = torch.from_numpy(make_sound(1))[None, :, : lead * 640]
        _, tokens = model.generate_continuation(sound, RATE, [WORDS], return_tokens=True)
    else:
        _, tokens = model.generate([WORDS], return_tokens=True)
    planned = plan_windows(int(duration * 50) - lead, 100, lead)
    assert [(window.lead, window.steps) for window in planned] == calls
    assert tokens.shape[-1] == int(duration * 50)


def test_long_pieces_are_audiocrafts_but_for_the_seeds_of_later_windows(runtimes, monkeypatch):
    """audiocraft draws on from one generator; here each window has its own, so that a take can be drawn in part."""
    ours, theirs = runtimes["plain"]
    model = ours._model
    monkeypatch.setattr(model, "max_duration", 2.0)
    model.set_generation_params(top_k=1, duration=4.0, extend_stride=1.2)
    _, drawn = model.generate([WORDS], return_tokens=True)
    windows = plan_windows(200, 100)
    for runtime in (ours, theirs):
        np.testing.assert_array_equal(sample_windows(runtime, windows, [WORDS], GREEDY, [9]), drawn)


def test_a_long_melody_moves_along_as_in_audiocraft(runtimes, monkeypatch):
    """A melody longer than a window; of a shorter one audiocraft repeats the sound, where the first window here repeats
    its pitch classes, as audiocraft itself does in pieces of one window."""
    ours, theirs = runtimes["melody"]
    model = ours._model
    seconds = np.arange(int(2.7 * RATE)) / RATE
    melody = np.sin(2 * np.pi * 220 * 2 ** (np.floor(seconds * 3) * 7 % 12 / 12) * seconds).astype(
        np.float32
    )[None]
    monkeypatch.setattr(model, "max_duration", 2.0)
    monkeypatch.setattr(theirs, "geometry", replace(theirs.geometry, window_s=2.0))
    model.set_generation_params(top_k=1, duration=4.0, extend_stride=1.2)
    sampled = sample_windows(theirs, plan_windows(200, 100), [WORDS], GREEDY, [1], melody=melody)
    _, drawn = model.generate_with_chroma([WORDS], torch.from_numpy(melody)[None], RATE, return_tokens=True)
    np.testing.assert_array_equal(sampled, drawn)


def test_empty_words_are_none_in_both(runtimes):
    ours, theirs = runtimes["plain"]
    for sampling in (SAMPLING, replace(SAMPLING, guidance=1.0)):
        drawn = [runtime.sample_tokens([""], 20, sampling, [2]) for runtime in (ours, theirs)]
        np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_runtimes_draw_the_same_batches(runtimes, waves, variant):
    ours, theirs = runtimes[variant]
    codebooks = ours.geometry.codebooks
    lead = np.random.default_rng(6).integers(0, 64, (3, codebooks, 13))
    melodies = [waves["glide"][None]] * 3 if ours.geometry.melody else None
    for sampling in (SAMPLING, replace(SAMPLING, top_k=0, top_p=0.8), replace(SAMPLING, guidance=1.0)):
        for before in (None, lead):
            drawn = [
                runtime.sample_tokens([WORDS] * 3, 40, sampling, [1, 2, 3], lead=before, melodies=melodies)
                for runtime in (ours, theirs)
            ]
            np.testing.assert_array_equal(*drawn)
