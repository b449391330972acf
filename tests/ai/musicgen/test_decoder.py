"""The decoding loop against transformers' own ``generate``, and against itself in batches, blocks and formats."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen import session as session_module
from beatflow.ai.musicgen.decoder import Conditions, Decoder
from beatflow.ai.musicgen.footprint import estimate_bytes
from beatflow.ai.musicgen.session import PACES, Pace
from beatflow.errors import EngineError

from ..checkpoints import VARIANTS, Size, build_model

SIZE = Size(chroma_length=20)
STEPS = 12
GUIDED = Sampling(temperature=0.9, top_k=20, top_p=0.0, guidance=3.0)
FREE = Sampling(temperature=1.0, top_k=0, top_p=0.0, guidance=1.0)
GREEDY = Sampling(temperature=1.0, top_k=1, top_p=0.0, guidance=3.0)


@pytest.fixture(scope="module")
def models():
    made = {}

    def get(variant):
        if variant not in made:
            made[variant] = build_model(variant, SIZE)
            config = made[variant].generation_config
            config.decoder_start_token_id = config.pad_token_id = SIZE.codebook
        return made[variant]

    return get


@pytest.fixture(scope="module")
def plain(models):
    """A decoder of its own: tests may look at what it keeps."""
    return Decoder(build_model("plain", SIZE).decoder, "cpu", "float32")


def make_words(seed: int, length: int = 6) -> torch.Tensor:
    return torch.randint(3, 90, (1, length), generator=torch.Generator().manual_seed(seed))


def make_lead(model, steps: int, takes: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(steps)
    return torch.randint(0, SIZE.codebook, (takes, model.decoder.num_codebooks, steps), generator=generator)


@torch.no_grad()
def make_conditions(model, words: torch.Tensor, guided: bool) -> Conditions:
    """The states that transformers' generate hands to its decoder."""
    states = model.enc_to_dec_proj(model.text_encoder(input_ids=words).last_hidden_state)
    mask = torch.ones(states.shape[:2], dtype=torch.int64)
    if hasattr(model, "audio_enc_to_dec_proj"):
        chroma = torch.zeros((1, SIZE.chroma_length, 12), dtype=states.dtype)
        chroma[:, :, 0] = 1.0
        melody = model.audio_enc_to_dec_proj(chroma)
        rows = [torch.cat([melody, states], 1), torch.cat([melody, torch.zeros_like(states)], 1)]
        states = torch.cat(rows[: 1 + guided])
        return Conditions(states, torch.ones(states.shape[:2]), True)
    if guided:
        states, mask = torch.cat([states, torch.zeros_like(states)]), torch.cat([mask, 0 * mask])
    return Conditions(states, mask, False)


def make_random(takes: int, rows: int, dtype: torch.dtype = torch.float32, length: int = 7) -> Conditions:
    """Conditions without a text encoder; unconditional rows are zeros."""
    states = torch.randn((rows, length, SIZE.hidden), generator=torch.Generator().manual_seed(4))
    mask = torch.ones((rows, length), dtype=torch.int64)
    states[takes:] = 0.0
    mask[takes:] = 0
    return Conditions(states.to(dtype), mask, False)


def generate(model, words, steps, sampling, seed, lead, monkeypatch) -> torch.Tensor:
    """The tokens that transformers' own loop decodes to sound."""
    heard = []

    def listen(codes, **_):
        heard.append(codes[0, 0])
        return SimpleNamespace(audio_values=torch.zeros((1, 1, 1)))

    monkeypatch.setattr(model.audio_encoder, "decode", listen)
    greedy = sampling.top_k == 1
    choice = {} if greedy else {"temperature": sampling.temperature, "top_k": sampling.top_k}
    before = {} if lead is None else {"decoder_input_ids": lead[0]}
    torch.manual_seed(seed)
    model.generate(
        input_ids=words, attention_mask=torch.ones_like(words), do_sample=not greedy, **choice, **before,
        guidance_scale=sampling.guidance, max_new_tokens=steps + 3,
    )  # fmt: skip
    return torch.stack(heard, dim=1).flatten(0, 1)


@pytest.mark.parametrize("sampling", [GUIDED, FREE, GREEDY], ids=["guided", "free", "greedy"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_tokens_are_those_of_transformers_generate(models, variant, sampling, monkeypatch):
    model, words = models(variant), make_words(1)
    conditions = make_conditions(model, words, sampling.guidance != 1.0)
    for seed, known in ((7, 0), (8, 5)):
        lead = make_lead(model, known) if known else None
        theirs = generate(model, words, STEPS, sampling, seed, lead, monkeypatch)
        ours = Decoder(model.decoder, "cpu", "float32").sample(conditions, STEPS, sampling, [seed], lead)
        assert ours.shape == (1, model.decoder.num_codebooks, STEPS)
        assert torch.equal(ours[0], theirs[:, known:])


def test_greedy_tokens_change_with_the_words_and_others_with_the_seed(models):
    model = models("plain")
    decoder = Decoder(model.decoder, "cpu", "float32")
    first, second = (make_conditions(model, make_words(seed), True) for seed in (1, 2))
    assert not torch.equal(*(decoder.sample(each, STEPS, GREEDY, [0]) for each in (first, second)))
    assert not torch.equal(*(decoder.sample(first, STEPS, GUIDED, [seed]) for seed in (0, 1)))


@pytest.mark.parametrize("variant", ["plain", "melody", "stereo"])
def test_a_batch_of_three_is_three_singles(variant):
    # In float64: rounding differs between batches, and in float32 may tip a draw once in thousands.
    model = build_model(variant, SIZE).double()
    decoder = Decoder(model.decoder, "cpu", "float64")
    one = make_conditions(model, make_words(3), guided=True)
    three = replace(one, states=one.states.repeat_interleave(3, 0), mask=one.mask.repeat_interleave(3, 0))
    lead = make_lead(model, 4, takes=3)
    together = decoder.sample(three, STEPS, GUIDED, [11, 12, 13], lead)
    for take, seed in enumerate((11, 12, 13)):
        alone = decoder.sample(one, STEPS, GUIDED, [seed], lead[take : take + 1])
        assert torch.equal(together[take], alone[0])


@pytest.mark.parametrize("prefix", [False, True])
def test_padding_is_not_heard(prefix):
    decoder = Decoder(build_model("melody" if prefix else "plain", SIZE).double().decoder, "cpu", "float64")
    short = make_random(1, 1, torch.float64, length=5)
    # Padding behind the text; before the melody's tokens, whose positions count, only rubbish in place of zeros.
    silent = torch.cat([short.states, torch.zeros_like(short.states)[:, :3]], 1)
    noisy = torch.cat([short.states, 9.0 * torch.randn_like(short.states)[:, :3]], 1)
    mask = torch.tensor([[1] * 5 + [0] * 3])
    heard = [decoder.sample(Conditions(s, mask, prefix), STEPS, FREE, [1]) for s in (silent, noisy)]
    assert torch.equal(*heard)
    padded = Conditions(noisy, torch.ones_like(mask), prefix)
    assert not torch.equal(decoder.sample(padded, STEPS, FREE, [1]), heard[0]), "unmasked it is heard"
    if not prefix:
        assert torch.equal(decoder.sample(replace(short, prefix=False), STEPS, FREE, [1]), heard[0])


@pytest.mark.parametrize("variant", ["plain", "stereo-melody"])
def test_blocks_and_spans_of_a_gpu_give_the_same_tokens(variant, monkeypatch):
    """The way of CUDA on the CPU: blocks queued ahead, masked spans, steps recorded (here: kept) and replayed."""
    recorded = []

    def record(step, like=None):
        recorded.append(like)
        return SimpleNamespace(replay=step)

    monkeypatch.setattr(session_module, "record", record)
    model = build_model(variant, SIZE).double()
    conditions = make_conditions(model, make_words(5), guided=True)
    lead = make_lead(model, 3)
    expected = Decoder(model.decoder, "cpu", "float64").sample(conditions, 30, GUIDED, [5], lead)
    for pace in (Pace(8, 1, 16, True), Pace(1, 0, 512, False), Pace(100, 2, 16, True)):
        decoder = Decoder(model.decoder, "cpu", "float64", pace)
        told = []
        for _ in range(2):
            ours = decoder.sample(conditions, 30, GUIDED, [5], lead, told.append)
            assert torch.equal(ours, expected), pace
        assert told[-1] == 30
        assert told[: len(told) // 2] == sorted(told[: len(told) // 2])
    assert recorded[0] is None
    assert len(recorded) == 2 * 3, "once per span and shape, not once per call"


def test_progress_is_told_step_by_step_and_a_raise_ends_the_call(plain):
    conditions, told = make_random(2, 4), []
    expected = plain.sample(conditions, STEPS, GUIDED, [1, 2], report=told.append)
    assert told == [*range(1, STEPS + 1), *[STEPS] * 3], "the delay's last columns come after the last step"

    class Stopped(Exception):
        pass

    def stop(done):
        told.append(done)
        if done == 3:
            raise Stopped

    told.clear()
    with pytest.raises(Stopped):
        plain.sample(conditions, STEPS, GUIDED, [1, 2], report=stop)
    assert told == [1, 2, 3]
    assert torch.equal(plain.sample(conditions, STEPS, GUIDED, [1, 2]), expected)


def test_calls_of_other_shapes_do_not_disturb_each_other(plain):
    calls = [
        (make_random(1, 2), 5, GUIDED, [1]),
        (make_random(2, 2), 9, FREE, [1, 2]),
        (make_random(1, 2, length=3), 5, GUIDED, [1]),
        (make_random(1, 2), 5, replace(GUIDED, top_p=0.5), [1]),
        (make_random(1, 2), 5, replace(GUIDED, temperature=0.1), [1]),
    ]
    first = [plain.sample(*call) for call in calls]
    for call, tokens in zip(calls[::-1], first[::-1], strict=True):
        assert torch.equal(plain.sample(*call), tokens)
    assert not torch.equal(first[0], first[4])


def test_longer_than_the_table_of_positions():
    model = build_model("plain", SIZE)
    long = Decoder(model.decoder, "cpu", "float32").sample(make_random(1, 1), 20, FREE, [1])
    table = model.decoder.model.decoder.embed_positions
    table.weights = table.weights[:8].clone()
    assert torch.equal(
        Decoder(model.decoder, "cpu", "float32").sample(make_random(1, 1), 20, FREE, [1]), long
    )


def test_weights_are_shared_not_copied(models):
    model = build_model("plain", SIZE)
    before = sum(weight.numel() for weight in model.decoder.parameters())
    Decoder(model.decoder, "cpu", "float32")
    storages = {weight.untyped_storage().data_ptr(): weight for weight in model.decoder.parameters()}
    held = sum(weight.untyped_storage().nbytes() for weight in storages.values())
    assert held == 4 * before
    own = model.decoder.model.decoder.layers[0].self_attn
    assert own.q_proj.weight.untyped_storage().data_ptr() == own.v_proj.weight.untyped_storage().data_ptr()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_runs_and_is_about_the_same(plain, dtype):
    half = Decoder(build_model("plain", SIZE).decoder, "cpu", dtype)
    conditions = make_random(1, 2)
    tokens, exact = (each.sample(conditions, 40, GREEDY, [1]) for each in (half, plain))
    assert (tokens[:, :, :2] == exact[:, :, :2]).float().mean() > 0.5
    assert tokens.min() >= 0
    assert tokens.max() < SIZE.codebook


@pytest.mark.parametrize("known", [0, 40])
def test_int8_keeps_most_tokens_and_gives_the_floats_back(plain, known):
    model = build_model("plain", SIZE)
    int8 = Decoder(model.decoder, "cpu", "int8")
    assert model.decoder.model.decoder.layers[0].fc1.weight.numel() == 0
    conditions = make_random(1, 2)
    lead = make_lead(model, known) if known else None
    tokens, exact = (each.sample(conditions, 8, FREE_GUIDED, [1], lead) for each in (int8, plain))
    assert (tokens == exact).float().mean() > 0.6
    assert torch.equal(int8.sample(conditions, 8, FREE_GUIDED, [1], lead), tokens)


FREE_GUIDED = replace(FREE, guidance=3.0)


@pytest.mark.parametrize("pace", [None, Pace(8, 1, 16, False)])
def test_numbers_that_overflow_are_an_error(pace):
    model = build_model("plain", SIZE)
    with torch.no_grad():
        model.decoder.model.decoder.layers[1].fc2.weight.fill_(6e4)
    decoder = Decoder(model.decoder, "cpu", "float16", pace)
    with pytest.raises(EngineError, match=r"not a number after \d+ steps in float16") as caught:
        decoder.sample(make_random(1, 2), STEPS, GUIDED, [1])
    assert "BF_DTYPE=float32" in str(caught.value.hint)
    broken = build_model("plain", SIZE)
    with torch.no_grad():
        broken.decoder.lm_heads[2].weight[3, 3] = torch.nan
    with pytest.raises(EngineError, match="after 1 steps in float32") as caught:
        Decoder(broken.decoder, "cpu", "float32").sample(make_random(1, 2), STEPS, GUIDED, [1])
    assert "verify" in str(caught.value.hint)


def test_what_does_not_fit_together_is_refused(plain):
    fits = make_random(2, 4)
    with pytest.raises(ValueError, match="4 rows for 2 takes"):
        plain.sample(make_random(2, 2), STEPS, GUIDED, [1, 2])
    with pytest.raises(ValueError, match="lead"):
        plain.sample(fits, STEPS, GUIDED, [1, 2], torch.zeros((1, 4, 3), dtype=torch.int64))
    with pytest.raises(ValueError, match="0 steps"):
        plain.sample(fits, 0, GUIDED, [1, 2])
    with pytest.raises(ValueError, match="mask"):
        plain.sample(replace(fits, mask=fits.mask[:, 1:]), STEPS, GUIDED, [1, 2])
    for device, dtype in (("cpu", "float8"), ("cuda", "int8")):
        with pytest.raises(ValueError, match="no number format"):
            Decoder(None, device, dtype)


@pytest.mark.parametrize("variant", ["plain", "stereo-melody"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_the_footprint_covers_what_is_kept(variant, dtype):
    size = Size(hidden=64, layers=3, chroma_length=20)
    model = build_model(variant, size)
    decoder = Decoder(model.decoder, "cpu", dtype)
    rows, length, steps, known = 4, 27, 50, 10
    conditions = Conditions(torch.randn((rows, length, 64)), torch.ones((rows, length)), "melody" in variant)
    decoder.sample(conditions, steps, GUIDED, [1, 2], make_lead(model, known, takes=2))
    told = estimate_bytes(model.decoder.config, dtype, 2, steps, True, length, known)
    held = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in _find_tensors(decoder)}
    cached = [decoder._session._cache, decoder._session._text]
    kept = sum(held.values())
    cache = sum(tensor.nbytes for tensor in cached if tensor is not None)
    assert cache <= told.cache <= 1.5 * cache
    assert told.weights == pytest.approx(kept - cache, rel=0.25)
    assert kept < told.total


def _find_tensors(thing, seen=None) -> list[torch.Tensor]:
    """Every tensor that is reachable from an object of ours or a module."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | int | float | type):
        return []
    seen.add(id(thing))
    if isinstance(thing, torch.Tensor):
        return [thing]
    if isinstance(thing, torch.nn.Module):
        return [*thing.parameters(), *thing.buffers()]
    if isinstance(thing, list | tuple):
        parts = thing
    elif isinstance(thing, dict):
        parts = list(thing.values())
    else:
        names = [*getattr(thing, "__slots__", ()), *getattr(thing, "__dict__", ())]
        parts = [getattr(thing, name) for name in names]
    return [tensor for part in parts for tensor in _find_tensors(part, seen)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_gpu_gives_the_tokens_of_the_cpu(variant):
    # In float64 draws do not tip: the noise is the same.
    model = build_model(variant, SIZE).double()
    conditions, lead = make_conditions(model, make_words(1), guided=True), make_lead(model, 5)
    expected = Decoder(model.decoder, "cpu", "float64").sample(conditions, 60, GUIDED, [1], lead)
    for pace in (None, replace(PACES["cuda"], graphs=False), replace(PACES["cuda"], block=8, span=16)):
        decoder = Decoder(build_model(variant, SIZE).double().decoder, "cuda:0", "float64", pace)
        assert torch.equal(decoder.sample(conditions, 60, GUIDED, [1], lead), expected)
