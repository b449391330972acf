"""How fast an engine was on this machine: a measurement per engine, weights and device, in one small file.

Whoever runs an engine tells `remember_speed`; ``bf models list`` reads it. Losing the file loses nothing else.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "speed.json"
ENOUGH_S = 30.0
"""Seconds of sound from which on a run tells its speed well: what only its beginning takes weighs little then."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One measurement.

    Parameters
    ----------
    engine : str
        As given to ``--engine``.
    device, dtype : str
        On what it ran, as `RunFacts` says.
    real_time_factor : float
        Seconds of sound per second of work.
    measured : float
        When, in seconds since 1970.
    sound_s : float
        How much sound came of it, in seconds: a short run tells less.
    weights_bytes : int
        Size of the weights that ran. Speed depends on nothing else of them, and other weights may get their name.
    """

    engine: str
    device: str
    dtype: str
    real_time_factor: float
    measured: float
    sound_s: float
    weights_bytes: int

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What a later measurement takes the place of."""
        return self.engine, self.weights_bytes, self.device, self.dtype


def remember_speed(state: Path | None, speed: Speed) -> None:
    """Keep a measurement in the user's state folder (`Setup.state`), in the place of the former one.

    A run that made little sound does not take the place of one that made enough. Never fails: that a folder cannot be
    written is no reason to lose a take.
    """
    if state is None:
        return
    speeds = {known.key: known for known in read_speeds(state)}
    former = speeds.pop(speed.key, None)
    if former and speed.sound_s < min(former.sound_s, ENOUGH_S):
        return
    document = {"schema": "beatflow.speed/1", "speeds": [asdict(item) for item in [*speeds.values(), speed]]}
    temporary = state / f"{FILE}.{os.getpid()}.tmp"
    try:
        state.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        temporary.replace(state / FILE)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def read_speeds(state: Path | None) -> list[Speed]:
    """All measurements, the latest last; none where the file is not there or cannot be read."""
    if state is None:
        return []
    try:
        document = json.loads((state / FILE).read_text(encoding="utf-8"))
        found = [
            Speed(
                str(item["engine"]),
                str(item["device"]),
                str(item["dtype"]),
                float(item["real_time_factor"]),
                float(item["measured"]),
                float(item["sound_s"]),
                int(item["weights_bytes"]),
            )
            for item in document["speeds"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return sorted(found, key=lambda speed: speed.measured)
