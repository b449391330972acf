"""Sessions for tests of project files, and a track on disk with everything that can be exported."""

from pathlib import Path

import numpy as np

from beatflow.daw.session import Lane, Marker, Part, Session
from beatflow.daw.tempomap import TempoMap, TempoPoint
from tests.world import wav_bytes

RATE = 8000

SCORE = """\
title = "night drive"
tempo = 120.0
key = "A:min"

[mix]
file = "mix.wav"
master_db = -1.0

[stems.drums]
file = "stems/drums.wav"
gain_db = -1.5  # not too loud
pan = -0.25

[stems.bass]
file = "stems/bass.wav"
offset = 2000

[stems.vocals]
file = "stems/vocals.wav"
gain_db = 2.0
pan = 0.5
offset = -800
"""


def make_session(**more: object) -> Session:
    """A session of three lanes with odd names."""
    points = (TempoPoint(0.0, 120.0, (1, 4)), TempoPoint(0.5, 90.0, (4, 4)), TempoPoint(3.1, 87.25, (3, 4)))
    values: dict[str, object] = {
        "title": 'Night "drive" & <co>',
        "artist": "Ada",
        "album": None,
        "commit": "c" * 40,
        "message": "first\x07 take",
        "date": "2023-11-14",
        "clock": "22:13:20",
        "time_s": 1_700_000_000,
        "key": "A:min",
        "master_db": -1.0,
        "tempo_map": TempoMap(points),
        "lanes": [
            Lane("drums", "stems/drums.wav", "d" * 64, 100, "WAV", 80_000, RATE, 2, -1.5, -0.25),
            Lane(
                'it\'s "b`ss"',
                "stems/b.flac",
                "b" * 64,
                100,
                "FLAC",
                80_000,
                RATE,
                1,
                3.0,
                0.0,
                True,
                False,
                2000,
            ),
            Lane(
                "väx & <1>",
                "stems/v.ogg",
                "e" * 64,
                100,
                "OGG",
                80_000,
                RATE,
                2,
                -130.0,
                1.0,
                False,
                True,
                -800,
            ),
        ],
        "markers": [Marker(1.5, "drums: bar 2 replaced"), Marker(2.0, 'a "marker"')],
        "parts": [Part(0.0, 4.0, "A"), Part(4.0, 10.0, "B")],
    }
    return Session(**(values | more))  # type: ignore[arg-type]


def noise(seed: int, seconds: float = 2.0, channels: int = 2) -> np.ndarray:
    """Noise in 16-bit integers."""
    shape = (round(seconds * RATE), channels)
    return np.random.default_rng(seed).integers(-6000, 6000, shape).astype(np.int16)


def write_track(root: Path, score: str = SCORE) -> None:
    """Put three stems, a mix and a score into a folder."""
    (root / "stems").mkdir(parents=True)
    for seed, name in enumerate(("drums", "bass", "vocals")):
        (root / "stems" / f"{name}.wav").write_bytes(wav_bytes(noise(seed), RATE))
    (root / "mix.wav").write_bytes(wav_bytes(noise(9), RATE))
    (root / "track.toml").write_text(score, encoding="utf-8")
