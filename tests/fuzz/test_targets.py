"""The fuzz targets, briefly: bytes from nowhere, and sound input with some of it changed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, make_seeds

SEEDS = make_seeds()
NUMBERS = [0, 1, 2, 3, 7, 8, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63]
BRIEFLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def changed(draw: st.DrawFn, seed: bytes) -> bytes:
    """Sound input with a few fields overwritten, bytes inserted or taken out, and perhaps cut off."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        # Headers and trailers are where the fields are.
        near = st.integers(0, min(len(data), 200))
        at = draw(st.one_of(near, near.map(lambda back: max(0, len(data) - back)), st.integers(0, len(data))))
        width = draw(st.sampled_from([1, 2, 4, 8]))
        order = draw(st.sampled_from(["little", "big"]))
        number = draw(st.one_of(st.sampled_from(NUMBERS), st.integers(0, 2**64 - 1))) % (1 << 8 * width)
        field = number.to_bytes(width, order)  # type: ignore[arg-type]
        match draw(st.sampled_from(["overwrite", "overwrite", "insert", "take out", "cut"])):
            case "overwrite":
                data[at : at + width] = field
            case "insert":
                data[at:at] = field * draw(st.integers(1, 9))
            case "take out":
                del data[at : at + width]
            case _:
                del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_sound_input(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
@BRIEFLY
@given(data=st.data())
def test_changed_input(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS[name]))
    TARGETS[name](data.draw(changed(seed)))


@pytest.mark.parametrize("name", TARGETS)
@BRIEFLY
@given(st.binary(max_size=400))
def test_bytes_from_nowhere(name: str, data: bytes) -> None:
    TARGETS[name](data)
