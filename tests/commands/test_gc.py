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


def test_aggressive_says_how_large_the_store_was_and_is(bf: Bf) -> None:
    bf.ok("init")
    for hz in (220, 330):
        write_tone(bf.directory / "mix.wav", hz=hz)
        bf.ok("commit", "-m", f"{hz} Hz")
    done = bf.ok("gc", "--aggressive").stderr
    assert re.fullmatch(r"\d+(\.\d)? kB -> \d+(\.\d)? kB in 1 pack, \d+\.\d % less\n", done)
    assert re.fullmatch(r"nothing to gain: .* kB in 1 pack\n", bf.ok("gc", "--aggressive").stderr)


def test_aggressive_cannot_tell_before(bf: Bf) -> None:
    bf.ok("init")
    assert "hint: bf gc --dry-run" in bf.fails(2, "gc", "--aggressive", "--dry-run")
