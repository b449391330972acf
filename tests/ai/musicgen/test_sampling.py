"""Drawing tokens against torch's, transformers' and audiocraft's arithmetic."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.sampling import Noise, choose, guide, is_greedy, is_guided

CODEBOOKS, VOCABULARY = 4, 200


def make_logits(seed: int, takes: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3.0 * torch.randn((takes, CODEBOOKS, VOCABULARY), generator=generator)


def draw(logits: torch.Tensor, sampling: Sampling, seed: int) -> torch.Tensor:
    return choose(logits, Noise([seed], CODEBOOKS, VOCABULARY).draw(1)[0], sampling)


@pytest.mark.parametrize(("temperature", "top_k"), [(None, None), (0.7, 0), (1.0, 25), (1.4, 1000)])
def test_a_draw_is_multinomial_over_transformers_warpers(temperature, top_k):
    for seed in range(20):
        logits = make_logits(seed)
        scores = logits[0]
        if temperature:
            scores = TemperatureLogitsWarper(temperature)(None, scores)
        if top_k:
            scores = TopKLogitsWarper(top_k)(None, scores)
        theirs = torch.multinomial(scores.softmax(-1), 1, generator=torch.Generator().manual_seed(seed))
        ours = draw(logits, Sampling(temperature=temperature, top_k=top_k), seed)
        assert torch.equal(ours[0], theirs[:, 0])


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 1.0])
def test_a_nucleus_is_drawn_in_falling_order_as_in_audiocraft(top_p):
    for seed in range(20):
        logits = make_logits(seed)
        ordered, places = torch.sort((logits[0] / 0.8).softmax(-1), dim=-1, descending=True)
        ordered = ordered * ~(ordered.cumsum(-1) - ordered > top_p)
        ordered = ordered / ordered.sum(-1, keepdim=True)
        rank = torch.multinomial(ordered, 1, generator=torch.Generator().manual_seed(seed))
        ours = draw(logits, Sampling(temperature=0.8, top_p=top_p, top_k=3), seed)
        assert torch.equal(ours[0], places.gather(-1, rank)[:, 0]), "and top_p goes before top_k"


def test_a_tiny_nucleus_still_has_its_likeliest():
    logits = make_logits(1)
    assert torch.equal(draw(logits, Sampling(top_p=1e-9), 5), logits.argmax(-1))


def test_top_k_1_is_greedy_and_needs_no_noise():
    logits = make_logits(2)
    assert is_greedy(Sampling(top_k=1, temperature=2.0))
    assert not is_greedy(Sampling(top_k=1, top_p=0.5))
    assert torch.equal(choose(logits, None, Sampling(top_k=1)), logits.argmax(-1))
    assert torch.equal(draw(logits, Sampling(top_k=1), 3), logits.argmax(-1))


def test_a_takes_noise_depends_on_its_seed_alone():
    together = Noise([3, 4, 2**32 + 5], CODEBOOKS, VOCABULARY)
    alone = Noise([4], CODEBOOKS, VOCABULARY)
    blocks = torch.cat([together.draw(2), together.draw(3)])
    steps = torch.cat([alone.draw(1) for _ in range(5)])
    assert torch.equal(blocks[:, 1], steps[:, 0])
    assert not torch.equal(blocks[:, 0], blocks[:, 1])


def test_guidance_pushes_away_from_the_unconditional_rows():
    conditional, unconditional = make_logits(1, takes=2), make_logits(2, takes=2)
    both = torch.cat([conditional, unconditional])
    assert torch.allclose(guide(both, 3.0), 3.0 * conditional - 2.0 * unconditional, atol=1e-5)
    assert torch.allclose(guide(both, 0.0), unconditional)
    assert is_guided(Sampling(guidance=3.0))
    assert not is_guided(Sampling(guidance=1.0))
    assert not is_guided(Sampling())
