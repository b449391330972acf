"""The delay pattern against transformers' own."""

import pytest
import torch

from beatflow.ai.musicgen.delay import UNKNOWN, build_grid, get_offsets, read_grid

from ..checkpoints import build_model

PAD = 64
CHANNELS = {"plain": 1, "stereo": 2}


@pytest.fixture(scope="module", params=CHANNELS)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def decoder(variant):
    return build_model(variant).decoder


@pytest.mark.parametrize(("known", "steps"), [(0, 5), (0, 40), (1, 6), (9, 12)])
def test_the_grid_is_transformers_delay_pattern_mask(decoder, variant, known, steps):
    codebooks = decoder.num_codebooks
    lead = torch.randint(0, PAD, (2, codebooks, known), generator=torch.Generator().manual_seed(known))
    started = torch.cat([torch.full((2, codebooks, 1), PAD), lead], dim=2).flatten(0, 1)
    theirs_start, theirs = decoder.build_delay_pattern_mask(
        started, pad_token_id=PAD, max_length=known + steps + 4
    )
    grid = build_grid(lead, steps, get_offsets(codebooks, CHANNELS[variant]), PAD)
    assert torch.equal(grid.flatten(0, 1), theirs)
    assert torch.equal(grid[:, :, : known + 1].flatten(0, 1), theirs_start), (
        "the first to predict comes after"
    )


def test_fewer_steps_than_codebooks_are_delayed_too():
    # transformers leaves the pattern away below 7 columns; its own output is of no use then.
    grid = build_grid(torch.empty((1, 4, 0), dtype=torch.int64), 1, (0, 1, 2, 3), PAD)
    assert [row.index(UNKNOWN) for row in grid[0].tolist()] == [1, 2, 3, 4]
    assert (grid == UNKNOWN).sum() == 4


def test_reading_undoes_the_delay():
    offsets = get_offsets(8, 2)
    assert offsets == (0, 0, 1, 1, 2, 2, 3, 3)
    tokens = torch.randint(0, PAD, (3, 8, 11), generator=torch.Generator().manual_seed(1))
    assert torch.equal(read_grid(build_grid(tokens, 0, offsets, PAD), offsets), tokens)
    some = build_grid(tokens[:, :, :4], 7, offsets, PAD)
    assert torch.equal(read_grid(some, offsets)[:, :, :4], tokens[:, :, :4])
    assert (read_grid(some, offsets)[:, :, 4:] == UNKNOWN).all()
