"""Packs on somebody else's shelf, changed anywhere, with and without the checksums put right."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.shelves import make_shelf_seeds, pack_on_shelf
from tests.fuzz.test_targets import changed

SEEDS = make_shelf_seeds()


@pytest.mark.parametrize("seed", SEEDS, ids=["as it is", "checksums", "directory"])
def test_sound_packs(seed: bytes) -> None:
    pack_on_shelf(seed)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_changed_packs(data: st.DataObject) -> None:
    pack_on_shelf(data.draw(st.sampled_from(SEEDS).flatmap(changed)))
