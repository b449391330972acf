"""What exactly is done to a sound, figure for figure: with a plan and its input the same sound comes out again.

A plan goes into the record of a sound, so it may come back from anybody's history: `read_plan` believes nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from beatflow.errors import UsageError

VERSION = 1
"""Of the rules that a plan is rendered by; raised when the same plan would give another sound."""

_MOST_BARS, _MOST_BEATS = 512, 200_000
_MOST_FRAMES = 1 << 40
_MOST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Groove:
    """What an engine adds for a genre, and where it goes.

    Parameters
    ----------
    style : str
        The genre.
    prompt, seed, key, meter, bars, swing, energy
        What the engine is asked for; no bars for a genre without drums.
    tempo : float
        Of the drums, BPM.
    offset_s : float
        Where their first bar begins; 0 or less, so that they cover the beginning.
    beats : tuple of float
        Of a piece whose tempo wanders: the time of each of the drums' quarters; empty where it is steady.
    guided : bool
        The engine makes all of the music, following the sound, instead of drums alone.
    separator : str
        The engine that takes the old drums out; empty where they stay.
    drums_lu, pump_db : float
    loudness_lufs : float or None
        Of the sound before, which it gets again.
    bed, kit, master : str
        Chains of effects; see `beatflow.remix.styles.Style`.
    """

    style: str
    prompt: str = ""
    seed: int = 0
    tempo: float = 120.0
    key: str = ""
    meter: str = "4/4"
    bars: int = 0
    swing: float | None = None
    energy: tuple[float, ...] = ()
    offset_s: float = 0.0
    beats: tuple[float, ...] = ()
    guided: bool = False
    separator: str = ""
    drums_lu: float = 0.0
    pump_db: float = 0.0
    loudness_lufs: float | None = None
    bed: str = ""
    kit: str = ""
    master: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, in this order.

    Parameters
    ----------
    start_frame, frames : int
        The stretch of the input that is kept.
    reverse : bool
    length_frames : int
        How long it becomes by the change of tempo.
    semitones : float
    formants : bool
    groove : Groove or None
        Another genre.
    fx : str
        Chain of effects, in full.
    tempo : float or None
        What note values in effects are counted at, BPM.
    tail : bool
        Effects ring out after the end.
    fade_in_s, fade_out_s : float
    loudness_lufs : float or None
    """

    start_frame: int
    frames: int
    reverse: bool = False
    length_frames: int = 0
    semitones: float = 0.0
    formants: bool = False
    groove: Groove | None = None
    fx: str = ""
    tempo: float | None = None
    tail: bool = True
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loudness_lufs: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as long it becomes."""
        return self.length_frames / self.frames

    def to_json(self) -> dict[str, Any]:
        """As records have it: what is not left as it is."""
        told = _tell(self, ("start_frame", "frames", "length_frames"))
        if self.groove:
            told["groove"] = _tell(self.groove, ("style",))
        return {"version": VERSION, **told}


def _tell(value: Plan | Groove, always: tuple[str, ...]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(value)}
    found = {name: getattr(value, name) for name in defaults}
    return {
        name: list(one) if isinstance(one, tuple) else one
        for name, one in found.items()
        if name in always or one != defaults[name]
    }


def read_plan(record: object) -> Plan:
    """Read what `Plan.to_json` wrote.

    Raises
    ------
    UsageError
        It is none, or one that no version of BeatFlow up to this one has written.
    """
    reader = _Reader(record)
    if reader.whole("version", 0, 1 << 31) != VERSION:
        raise UsageError("the plan is of another version")
    groove = reader.record.get("groove")
    frames = reader.whole("frames", 1, _MOST_FRAMES)
    plan = Plan(
        start_frame=reader.whole("start_frame", 0, _MOST_FRAMES),
        frames=frames,
        reverse=reader.flag("reverse"),
        length_frames=reader.whole("length_frames", 1, _MOST_FRAMES),
        semitones=reader.number("semitones", -24.0, 24.0, 0.0),
        formants=reader.flag("formants"),
        groove=None if groove is None else _read_groove(_Reader(groove)),
        fx=reader.text("fx"),
        tempo=reader.optional("tempo", 1.0, 1000.0),
        tail=reader.flag("tail", True),
        fade_in_s=reader.number("fade_in_s", 0.0, 1e4, 0.0),
        fade_out_s=reader.number("fade_out_s", 0.0, 1e4, 0.0),
        loudness_lufs=reader.optional("loudness_lufs", -60.0, -3.0),
    )
    if not 0.25 <= plan.ratio <= 4.0:
        raise UsageError("the plan stretches too far")
    return plan


def _read_groove(reader: "_Reader") -> Groove:
    return Groove(
        style=reader.text("style"),
        prompt=reader.text("prompt"),
        seed=reader.whole("seed", 0, (1 << 63) - 1, 0),
        tempo=reader.number("tempo", 20.0, 400.0, 120.0),
        key=reader.text("key"),
        meter=reader.text("meter") or "4/4",
        bars=reader.whole("bars", 0, _MOST_BARS, 0),
        swing=reader.optional("swing", 50.0, 75.0),
        energy=reader.numbers("energy", _MOST_BARS),
        offset_s=reader.number("offset_s", -100.0, 0.0, 0.0),
        beats=reader.numbers("beats", _MOST_BEATS),
        guided=reader.flag("guided"),
        separator=reader.text("separator"),
        drums_lu=reader.number("drums_lu", -60.0, 24.0, 0.0),
        pump_db=reader.number("pump_db", 0.0, 60.0, 0.0),
        loudness_lufs=reader.optional("loudness_lufs", -60.0, -3.0),
        bed=reader.text("bed"),
        kit=reader.text("kit"),
        master=reader.text("master"),
    )


class _Reader:
    """Reads values, each of which must be of its kind and in its range."""

    def __init__(self, record: object) -> None:
        if not isinstance(record, Mapping):
            raise UsageError("that is no plan")
        self.record: Mapping[str, Any] = record

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self.record.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise UsageError(f"the plan has no {name} that makes sense")
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        return self._number(self.record.get(name, default), name, low, high)

    def optional(self, name: str, low: float, high: float) -> float | None:
        value = self.record.get(name)
        return None if value is None else self._number(value, name, low, high)

    @staticmethod
    def _number(value: object, name: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise UsageError(f"the plan has no {name} that makes sense")
        return float(value)

    def numbers(self, name: str, most: int) -> tuple[float, ...]:
        values = self.record.get(name, [])
        if not isinstance(values, list) or len(values) > most:
            raise UsageError(f"the plan has no {name} that make sense")
        found = tuple(self._number(value, name, -1e6, 1e6) for value in values)
        if not all(math.isfinite(value) for value in found):
            raise UsageError(f"the plan has no {name} that make sense")
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.record.get(name, default)
        if not isinstance(value, bool):
            raise UsageError(f"the plan has no {name} that makes sense")
        return value

    def text(self, name: str) -> str:
        value = self.record.get(name, "")
        if not isinstance(value, str) or len(value) > _MOST_TEXT:
            raise UsageError(f"the plan has no {name} that makes sense")
        return value
