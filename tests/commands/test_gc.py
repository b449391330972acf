"""``bf gc`` says what it gained."""

import re

from tests.conftest import Bf
from tests.world import write_tone


def test_gc_says_what_it_gained(bf: Bf) -> None:
    bf.ok("init")
    for hz in (220, 330):
        write_tone(bf.directory / "mix.wav", hz=hz)
        bf.ok("commit", "-m", f"{hz} Hz")
    planned = bf.ok("gc", "--dry-run").stderr
    done = bf.ok("gc").stderr
    expected = r" 0 objects: \d+ B freed, \d+(\.\d)? kB left, in 1 pack instead of 2\n"
    assert re.fullmatch("would drop" + expected, planned)
    assert re.fullmatch("dropped" + expected, done)
    assert re.fullmatch(r"nothing to collect: .* kB in 1 pack\n", bf.ok("gc").stderr)
