"""Two writers and a reader on one track at once: each a process of its own, for so many seconds.

``python -m tests.stress TRACK NAME SECONDS`` writes and commits its own file as NAME, or, as ``reader``, reads. It
ends with one line of JSON: what it did, and what went wrong.
"""

import hashlib
import json
import random
import sys
import time
from pathlib import Path

from tests.conftest import EPOCH, Bf
from tests.world import tone, wav_bytes

LOCKED = 9


def write(bf: Bf, name: str, seconds: float) -> dict[str, object]:
    """Commit a new version of one file again and again, with a clock that jumps; collect garbage now and then."""
    choose = random.Random(name)
    done, failed, locked, number = {}, [], 0, 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        data = wav_bytes(tone(choose.uniform(0.1, 1.0), hz=100 + number))
        unfinished = bf.directory.parent / name
        unfinished.write_bytes(data)
        unfinished.replace(bf.directory / f"{name}.wav")
        bf.now = EPOCH + choose.randrange(-1_000_000, 1_000_000)
        message = f"{name} {number}"
        result = bf("commit", "-m", message, f"{name}.wav")
        if result.code == 0:
            done[message] = hashlib.sha256(data).hexdigest()
        elif result.code == LOCKED:
            locked += 1
        else:
            failed.append(result.stderr)
        if number % 10 == 0 and bf("gc").code not in (0, LOCKED):
            failed.append("gc")
    return {"done": done, "failed": failed, "locked": locked}


def read(bf: Bf, seconds: float) -> dict[str, object]:
    """Read everything again and again; any failure is one too many."""
    failed, rounds = [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rounds += 1
        for argv in (
            ("status",),
            ("log", "--graph", "-n", "5"),
            ("check",),
            ("op", "log"),
            ("ls",),
            ("cat", "HEAD:one.wav"),
            ("cat", "HEAD~1:two.wav"),
        ):
            result = bf(*argv)
            if result.code != 0:
                failed.append(f"{argv}: {result.code} {result.stderr} {result.stdout[:200]}")
    return {"rounds": rounds, "failed": failed}


if __name__ == "__main__":
    track, name, seconds = Bf(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])
    sys.stdout.write(json.dumps(read(track, seconds) if name == "reader" else write(track, name, seconds)))
