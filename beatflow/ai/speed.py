"""How fast an engine was on this machine: the last measurement per engine and device, in one small file.

Whoever runs an engine tells `remember_speed`; ``bf models list`` reads it. Losing the file loses nothing else.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "speed.json"


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
    """

    engine: str
    device: str
    dtype: str
    real_time_factor: float
    measured: float


def remember_speed(state: Path | None, speed: Speed) -> None:
    """Keep a measurement in the user's state folder (`Setup.state`), in the place of the former one.

    Never fails: that a folder cannot be written is no reason to lose a take.
    """
    if state is None:
        return
    speeds = [
        known
        for known in read_speeds(state)
        if (known.engine, known.device, known.dtype) != (speed.engine, speed.device, speed.dtype)
    ]
    document = {"schema": "beatflow.speed/1", "speeds": [asdict(item) for item in [*speeds, speed]]}
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
            )
            for item in document["speeds"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return sorted(found, key=lambda speed: speed.measured)
