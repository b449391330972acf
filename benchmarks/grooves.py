"""Accompaniments in many styles, from MMA's library: three meters, a tempo that suits the style, a known key.

A quarter of the library's styles (in 3/4 and 6/8 half of them) may be tuned on, as many are kept apart; which is
which follows from a digest of the name without its number, so that ``funk1`` and ``funk2`` fall on the same side.
"""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import tunes

LIBRARY = Path("/usr/share/mma/lib")
SECONDS = 20.0
_SLOW = (
    "ballad",
    "slow",
    "serenade",
    "bolero",
    "gospel",
    "spiritual",
    "rb",
    "r+b",
    "soul",
    "ambient",
    "easy",
    "guajira",
)
_QUICK = (
    "fast", "polka", "quick", "samba", "ragtime", "dixie", "bebop", "swing", "boogie", "bluegrass", "mambo",
    "merengue", "march", "viennese", "vienese", "jive", "ska", "salsa", "rockabilly", "zydeco", "square",
    "hillcountry",
)  # fmt: skip
_CLUB = ("house", "techno", "rave", "trance", "dance", "disco", "euro", "electr")
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_MAJOR = (
    "C Am F G7 C Am Dm G7 Em Am F G7 C F C C",
    "C C F C G7 F C G7 C C7 F Fm C G7 C C",
    "C F C G7 C F G7 C Am Em F G7 C F G7 C",
)
_MINOR = ("Am Dm E7 Am Am F E7 E7 Dm Am E7 Am Dm E7 Am Am", "Am Am Dm Dm E7 E7 Am Am F Dm E7 E7 Am Dm E7 Am")


@dataclass(frozen=True)
class Groove:
    """A style of the library, with a tempo of the counted beat (in 6/8 a dotted quarter), a key and a meter."""

    name: str
    style: str
    tempo: float
    key: str
    meter: str
    units: int
    per_unit: float
    transpose: int
    chords: str


def find_grooves(kept_apart: bool) -> Iterator[Groove]:
    """All styles of one quarter, each with figures that follow from its name."""
    for path in sorted(LIBRARY.glob("*/*.mma")):
        stem = re.sub(r"[\d.]+$", "", path.stem.lower()) or path.stem.lower()
        place = hashlib.sha256(stem.encode()).digest()[0] % 4
        if (place % 2 == 1) != kept_apart:
            continue
        text = path.read_text(encoding="latin-1")
        style = re.search(r"^\s*DefGroove\s+(\S+)", text, re.MULTILINE | re.IGNORECASE)
        time = re.search(r"^\s*Time\s+(\d+)", text, re.MULTILINE | re.IGNORECASE)
        if style is None or "metronome" in stem:
            continue
        units = int(time[1]) if time else 4
        if units not in (3, 4, 6) or (units == 4 and place >= 2):
            continue
        rng = np.random.default_rng(list(path.stem.encode()))
        meter = {3: "3/4", 4: "4/4", 6: "6/8"}[units]
        per_unit = 3.0 if meter == "6/8" else 1.0
        # MMA cuts a tempo down to a whole number.
        tempo = int(round(_pick_tempo(stem, meter, rng), 2) * per_unit) / per_unit
        transpose = int(rng.integers(-5, 7))
        minor = bool(rng.integers(2))
        chords = str(rng.choice(_MINOR if minor else _MAJOR))
        key = f"{_KEYS[(transpose + (9 if minor else 0)) % 12]}:{'min' if minor else 'maj'}"
        yield Groove(
            f"{path.parent.name}-{path.stem}", style[1], tempo, key, meter, units, per_unit, transpose, chords
        )


def _pick_tempo(stem: str, meter: str, rng: np.random.Generator) -> float:
    low, high = 76.0, 150.0
    if meter == "6/8":
        low, high = 48.0, 100.0
    elif any(word in stem for word in _SLOW):
        low, high = 54.0, 92.0
    elif any(word in stem for word in _QUICK):
        low, high = 120.0, 212.0
    elif any(word in stem for word in _CLUB):
        low, high = 112.0, 150.0
    elif meter == "3/4":
        low, high = 80.0, 190.0
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def render(groove: Groove, target: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Render a style to a file and give its beats and downbeats; None where MMA refuses it."""
    count = int(np.ceil(SECONDS * groove.tempo * groove.per_unit / 60 / groove.units))
    chords = groove.chords.split()
    lines = [
        f"Tempo {round(groove.tempo * groove.per_unit)}",
        f"Transpose {groove.transpose}",
        f"Groove {groove.style}",
    ]
    lines += [f"{bar + 1} {chords[bar % len(chords)]}" for bar in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        song, midi = Path(folder) / "song.mma", Path(folder) / "song.mid"
        song.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = subprocess.run(["mma", song, "-f", midi], capture_output=True, check=False, cwd=folder)
        if done.returncode or not midi.exists():
            return None
        seconds = count * groove.units * 60 / (groove.tempo * groove.per_unit)
        tunes.render(midi, target, seconds)
    beat = 60 / groove.tempo
    per_bar = groove.units / groove.per_unit
    beats = np.round(np.arange(round(count * per_bar)) * beat, 4)
    return tuple(beats.tolist()), tuple(beats[:: round(per_bar)].tolist())
