"""The same bytes everywhere: without the processor's special instructions, and as it was when the version was cut."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.synth.engine import SynthEngine

_SCRIPT = """
import hashlib, json
from beatflow.ai.engine import Brief
from beatflow.ai.synth.engine import SynthEngine
result = {}
for prompt in ("lofi rhodes vinyl", "techno acid strings", "synthwave", "trap bells"):
    made = SynthEngine().generate(Brief(prompt, seed=11, bars=1))
    for name, audio in (("mix", made.mix), *made.stems.items()):
        result[prompt + "/" + name] = hashlib.sha256(audio.samples.tobytes()).hexdigest()
print(json.dumps(result))
"""

# Bytes of Brief("lofi dusty drums rhodes", seed=7, tempo=90.0, key="A:min", bars=2): little-endian int32 of the 24-bit
# samples. A change here must come with a new EngineInfo.version.
GOLDEN_VERSION = "1"
GOLDEN: dict[str, str] = {
    "mix": "9a3e8d2a0cf7a02a",
    "drums": "b05ee8eb38588d67",
    "bass": "db5a80e5963462ad",
    "chords": "0b8786694470c8b8",
    "melody": "65e7b9190d1d6b98",
    "texture": "e80b5706038df76d",
}


def _digests(environment: dict[str, str]) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=True,
    )
    return json.loads(done.stdout)


def test_special_instructions_change_no_bit() -> None:
    """numpy's dispatched kernels off, one BLAS kernel family for another, one thread: the same sha256 throughout."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = _digests(
        {
            "NPY_DISABLE_CPU_FEATURES": " ".join(found),
            "OPENBLAS_CORETYPE": "Nehalem",
            "OPENBLAS_NUM_THREADS": "1",
        }
    )
    assert len(plain) == 21
    assert plain == _digests({})


def _golden(performance: Performance) -> dict[str, str]:
    sounds = {"mix": performance.mix, **performance.stems}
    return {
        name: hashlib.sha256((audio.samples.astype(np.float64) * 2**23).astype("<i4").tobytes()).hexdigest()[
            :16
        ]
        for name, audio in sounds.items()
    }


def test_the_golden_piece() -> None:
    engine = SynthEngine()
    brief = Brief("lofi dusty drums rhodes", seed=7, tempo=90.0, key="A:min", bars=2)
    assert engine.info.version == GOLDEN_VERSION
    assert _golden(engine.generate(brief)) == GOLDEN
