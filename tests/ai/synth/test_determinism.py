"""The same bytes everywhere: without the processor's special instructions, and as it was when the version was cut."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np

from beatflow.ai.engine import Brief, Performance
from beatflow.ai.synth.engine import SynthEngine
from beatflow.ai.synth.mixing.rooms import room
from beatflow.ai.synth.sounds.drumkit import DRUMS, drum_hit
from beatflow.ai.synth.sounds.instruments import SOUNDS
from beatflow.ai.synth.sounds.touch import Touch

_SCRIPT = """
import hashlib, json
from beatflow.ai.engine import Brief
from beatflow.ai.synth.engine import SynthEngine
result = {}
for prompt in ("jazz saxophone brushes vinyl", "dubstep growl choir", "rock distorted guitar"):
    made = SynthEngine().generate(Brief(prompt, seed=11, bars=1, tempo=240.0))
    for name, audio in (("mix", made.mix), *made.stems.items()):
        result[prompt + "/" + name] = hashlib.sha256(audio.samples.tobytes()).hexdigest()
print(json.dumps(result))
"""

# Bytes of Brief("lofi dusty drums rhodes", seed=7, tempo=90.0, key="A:min", bars=2): little-endian int32 of the 24-bit
# samples. A change here must come with a new EngineInfo.version.
GOLDEN_VERSION = "2"
GOLDEN: dict[str, str] = {
    "mix": "4ff48f4534bb6852",
    "drums": "2af28aabec8c7fe3",
    "bass": "0b01c5e546201887",
    "chords": "ac545babdb946c51",
    "melody": "3e9cbfd3a60170b5",
    "texture": "e7832554c77f000e",
}

# Bytes of every sound's first tenth of a second, of every drum of one kit, and of a room.
GOLDEN_SOUNDS = {"sounds": "b59a38bfdf67f901", "drums": "becfc4840ec6bc4f", "rooms": "e19bed999410af6c"}


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
    assert len(plain) == 16
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


def _short(*waves: np.ndarray) -> str:
    digest = hashlib.sha256()
    for wave in waves:
        digest.update(np.ascontiguousarray(wave, "<f8").tobytes())
    return digest.hexdigest()[:16]


def test_the_golden_sounds() -> None:
    """Whatever is composed: each instrument, drum and room is what it was when the version was cut."""
    touch = Touch(52, 0.6, wobble=8000)
    found = {
        "sounds": _short(*(SOUNDS[name].tone(touch, 4410) for name in sorted(SOUNDS))),
        "drums": _short(*(drum_hit("rock", midi, 1) for midi in sorted(DRUMS))),
        "rooms": _short(*(room(kind, 0.15, 0).taps for kind in ("room", "plate", "hall"))),
    }
    assert found == GOLDEN_SOUNDS
