"""How often tempo, beats, bars and meter are right, how sure it says it is, and how often it believes a wrong claim.

    python -m benchmarks.tempo [COLLECTION...]

Prints Markdown tables over `benchmarks.collection`.
"""

import sys
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soundfile

from beatflow.sound import tempo as tempi
from beatflow.sound.hops import mix_down
from beatflow.sound.tempo import BORNE_OUT, Tempo, TempoFit, TempoMeter
from benchmarks.collection import COLLECTIONS, TUNED_ON, Item, items
from benchmarks.table import format_table

NEAR_S = 0.07
_RELATIVES = (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.5, 2 / 3)
# Of the true tempo; no metrical relatives. 0.8 and 1.25 are 4:5, which nobody counts.
_WRONG = (0.8, 0.87, 0.93, 1.06, 1.13, 1.25)
_STEPS = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.01)


@dataclass(frozen=True)
class Measured:
    """A sound, what was measured of it, and how claims of right and wrong tempi fared."""

    item: Item
    found: Tempo
    right: TempoFit | None
    wrong: tuple[TempoFit, ...]

    def deviation(self, relatives: tuple[float, ...] = (1.0,)) -> float:
        """Of the tempo from the true one, or from the relative of it that is nearest, in BPM of the true one."""
        if self.found.tempo is None or self.item.tempo is None:
            return np.inf
        return min(abs(self.found.tempo * ratio - self.item.tempo) for ratio in relatives)


def score_times(found: tuple[float, ...], truth: tuple[float, ...]) -> float:
    """F1 of times that lie within 70 ms of one another, one to one."""
    left = list(truth)
    hits = 0
    for time in found:
        near = min(left, key=lambda other: abs(other - time), default=None)
        if near is not None and abs(near - time) <= NEAR_S:
            left.remove(near)
            hits += 1
    return 2 * hits / max(len(found) + len(truth), 1)


def measure(item: Item, claims: bool = True) -> Measured:
    """Measure one sound, and test claims about it."""
    with soundfile.SoundFile(item.path) as file:
        meter = TempoMeter(file.samplerate)
        for block in file.blocks(1 << 18, dtype="float32", always_2d=True):
            meter.add(mix_down(block))
    found = meter.result()
    if not claims or item.tempo is None:
        return Measured(item, found, None, ())
    rng = np.random.default_rng(list(item.name.encode()))
    ratio = float(rng.choice(_WRONG))
    return Measured(item, found, meter.test(item.tempo), (meter.test(item.tempo * ratio),))


def summarise(name: str, rows: list[Measured]) -> list[str]:
    """One line of the table of accuracy."""
    known = [row for row in rows if row.item.tempo is not None]
    timed = [row for row in rows if row.item.beats]
    barred = [row for row in timed if row.item.downbeats]
    metered = [row for row in barred if row.item.meter in ("4/4", "3/4", "6/8")]

    def share(values: list[bool] | list[float]) -> str:
        return f"{np.mean(values):.2f}" if values else "–"

    return [
        name + (" (tuned on)" if name in TUNED_ON else ""),
        str(len(known)),
        share([row.deviation() <= 0.5 for row in known]),
        share([row.deviation() <= 0.1 for row in known]),
        share([row.deviation(_RELATIVES) <= 0.5 for row in known]),
        share(
            [
                any(
                    abs(other - row.item.tempo) <= 0.5
                    for other in (row.found.tempo, *row.found.alternatives)
                    if other and row.item.tempo
                )
                for row in known
            ]
        ),
        share([score_times(row.found.beats, row.item.beats) for row in timed]),
        share([score_times(row.found.downbeats, row.item.downbeats) for row in barred]),
        share([row.found.meter == row.item.meter for row in metered]),
    ]


def calibrate(rows: list[Measured]) -> list[list[str]]:
    """How many tempi are right by the confidence that they come with."""
    table = []
    for low, high in pairwise(_STEPS):
        inside = [row for row in rows if row.found.tempo is not None and low <= row.found.confidence < high]
        right = sum(row.deviation() <= 0.5 for row in inside)
        none = sum(row.item.collection == "free" for row in inside)
        share = f"{right / len(inside):.2f}" if inside else "–"
        table.append([f"{low:g} to {min(high, 1):g}", str(len(inside)), str(right), str(none), share])
    return table


def main() -> None:
    """Measure and print."""
    names = sys.argv[1:] or [name for name in COLLECTIONS if name not in TUNED_ON]
    found = {name: [measure(item) for item in items(name)] for name in names}
    head = [
        "collection",
        "n",
        "±.5 BPM",
        "±.1 BPM",
        "any octave",
        "or an alternative",
        "beats F1",
        "downbeats F1",
        "meter",
    ]
    print(format_table(head, [summarise(name, rows) for name, rows in found.items() if name != "free"]))
    apart = [row for name, rows in found.items() if name not in TUNED_ON for row in rows]
    print(format_table(["confidence", "n", "right", "without a beat", "share"], calibrate(apart)))
    free = [row.found for row in found.get("free", [])]
    if free:
        steps = [
            [f"{step:g}", f"{np.mean([row.confidence >= step for row in free]):.2f}"]
            for step in (tempi.LEAST_CONFIDENCE, 0.25, 0.5, 0.7)
        ]
        print(format_table([f"no beat ({len(free)}): confidence of at least", "share"], steps))
    right = [row.right.fit for row in apart if row.right]
    wrong = [fit.fit for row in apart for fit in row.wrong]
    if right:
        rows = [
            [
                f"{step:g}",
                f"{np.mean(np.array(right) >= step):.3f}",
                f"{np.mean(np.array(wrong) >= step):.3f}",
            ]
            for step in sorted({0.3, 0.4, 0.5, 0.6, 0.7, 0.8, BORNE_OUT})
        ]
        print(format_table(["claim's fit of at least", "right claims", "wrong claims"], rows))


if __name__ == "__main__":
    main()
