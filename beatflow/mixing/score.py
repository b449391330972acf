"""Faders moved in the text of a score, stems that join it, and a score proposed for a folder that has none.

Knows `track.toml` and names of files; renders nothing.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from beatflow.errors import NotFoundError, UsageError
from beatflow.track import TRACK_FILE, Stem, Track, edit_track, parse_track

GAIN_DB = -120.0, 24.0
"""The range of a fader; what is quieter is muted."""

ALL = "all"
_Value = TypeVar("_Value")
_OFFSET = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(ms|s|frames)?")
_STEM_FOLDER = "stems"


@dataclass(frozen=True, slots=True)
class Moves:
    """What is to be done to the faders, name of a stem to value.

    Attributes
    ----------
    gains : mapping
        In dB, -120 to 24.
    pans : mapping
        -1 (left) to 1 (right).
    offsets : mapping
        As text: ``+10ms``, ``-0.5s``, ``480`` frames; how much later the stem begins.
    muted, unmuted, soloed, unsoloed : sequence of str
        Names; ``all`` stands for every stem.
    added : mapping
        Name to the path of its file, below the root.
    removed : sequence of str
    master_db : float, optional
    """

    gains: Mapping[str, float]
    pans: Mapping[str, float]
    offsets: Mapping[str, str]
    muted: Sequence[str] = ()
    unmuted: Sequence[str] = ()
    soloed: Sequence[str] = ()
    unsoloed: Sequence[str] = ()
    added: Mapping[str, str] | None = None
    removed: Sequence[str] = ()
    master_db: float | None = None


STILL = Moves({}, {}, {})


def parse_assignments(option: str, values: Iterable[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` as an option takes it, several times or with commas between.

    Raises
    ------
    UsageError
        It is none.
    """
    found = {}
    for value in values:
        for part in value.split(","):
            name, sign, text = part.partition("=")
            if not sign or not name.strip() or not text.strip():
                raise UsageError(f"{option} {part!r} is not NAME=VALUE", hint=f"{option} bass=…")
            found[name.strip()] = text.strip()
    return found


def parse_levels(option: str, values: Iterable[str], low: float, high: float, unit: str) -> dict[str, float]:
    """Read ``NAME=NUMBER`` within a range.

    Raises
    ------
    UsageError
        It is none, or outside.
    """
    return {
        name: check_level(f"{option} {name}", text, low, high, unit)
        for name, text in parse_assignments(option, values).items()
    }


def check_level(what: str, text: str | float, low: float, high: float, unit: str) -> float:
    """Return a number within a range, its unit behind it or not.

    Raises
    ------
    UsageError
        It is none, or outside.
    """
    words = str(text).strip()
    bare = words[: -len(unit)] if unit and words.lower().endswith(unit.lower()) else words
    try:
        value = float(bare)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        span = f"{low:g} to {high:g}{' ' + unit if unit else ''}"
        hint = "bf mix --mute NAME" if unit and value == -math.inf else f"give {span}"
        raise UsageError(f"{what}: {text!r} is not a number from {span}", hint=hint)
    return value


def parse_offset(text: str, sample_rate: int) -> int:
    """Return how many frames later: ``+10ms``, ``-0.5s``, ``480`` or ``480 frames``.

    Raises
    ------
    UsageError
        It is none, or more than a day.
    """
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no offset", hint="give +10ms, -0.5s, or frames: 480")
    number, unit = float(match[1]), match[2]
    frames = number * {"ms": sample_rate / 1000, "s": sample_rate}.get(unit or "", 1)
    if unit in (None, "frames") and not number.is_integer():
        raise UsageError(f"{text!r} is not a whole number of frames", hint="give +10ms, -0.5s, or 480")
    if abs(frames) > 86_400 * sample_rate:
        raise UsageError(f"an offset of {text} is more than a day", hint="give +10ms, -0.5s, or 480")
    return round(frames)


def move_faders(data: bytes | None, moves: Moves, rate_of: Callable[[str], int]) -> bytes:
    """Return the text of a score with faders moved; everything else, comments too, as it was.

    Parameters
    ----------
    data : bytes or None
        The text so far; None for none.
    moves : Moves
    rate_of : callable
        Gives the sample rate of a stem by its path, for offsets in time.

    Raises
    ------
    NotFoundError
        There is no stem of a name.
    UsageError
        The score cannot be read, or a value is out of range.
    """
    for name, file in (moves.added or {}).items():
        if not is_nameable(name + file):
            raise UsageError(f"{TRACK_FILE} cannot name {file}: it is not UTF-8", hint="rename the file")
    track = parse_track(data or b"")
    stems = dict(track.stems) | {name: Stem(file) for name, file in (moves.added or {}).items()}
    changes: dict[Any, Any] = {("stems", name, "file"): file for name, file in (moves.added or {}).items()}

    def put(name: str, key: str, value: Any, plain: Any) -> None:
        """Write a value; one that a fader has anyway only where it stood otherwise."""
        if value != plain or getattr(stems[name], key) != plain:
            changes["stems", name, key] = value

    for name, gain in _spread(stems, moves.gains).items():
        put(name, "gain_db", gain, 0.0)
    for name, pan in _spread(stems, moves.pans).items():
        put(name, "pan", pan, 0.0)
    for name, text in _spread(stems, moves.offsets).items():
        put(name, "offset", parse_offset(text, rate_of(stems[name].file)), 0)
    for key, names, value in (
        ("mute", moves.muted, True), ("mute", moves.unmuted, False),
        ("solo", moves.soloed, True), ("solo", moves.unsoloed, False),
    ):  # fmt: skip
        for name in _expand(stems, names):
            put(name, key, value, False)
    for name in _expand(stems, moves.removed):
        changes = {key: value for key, value in changes.items() if key[:2] != ("stems", name)}
        changes["stems", name] = None
    if moves.master_db is not None and moves.master_db != track.master_db:
        changes["mix", "master_db"] = moves.master_db
    return edit_track(data, changes) if changes else data or b""


def _spread(stems: Mapping[str, Stem], values: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return what each stem is given: its own value goes before that of all."""
    found: dict[str, _Value] = {}
    for name in sorted(values, key=lambda name: name != ALL):
        found |= dict.fromkeys(_expand(stems, (name,)), values[name])
    return found


def _expand(stems: Mapping[str, Stem], names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in (part for text in names for part in text.split(",")):
        if name == ALL and ALL not in stems:
            found += stems
        else:
            get_stem(stems, name)
            found.append(name)
    return found


def get_stem(stems: Mapping[str, Stem], name: str) -> Stem:
    """Return the stem of a name.

    Raises
    ------
    NotFoundError
        There is none; the nearest is named.
    """
    if name in stems:
        return stems[name]
    near = difflib.get_close_matches(name, stems, 1, 0.5)
    listed = ", ".join(list(stems)[:12]) + (" …" if len(stems) > 12 else "")
    hint = f"did you mean {near[0]}?" if near else f"stems: {listed}" if stems else "bf mix --add NAME=FILE"
    raise NotFoundError(f"there is no stem {name} in {TRACK_FILE}", hint=hint)


def propose_stems(paths: Iterable[str], track: Track) -> dict[str, str]:
    """Return which sounds of a folder look like stems that the score does not have: name to path.

    Those in a folder ``stems``, or else, where there is no such folder and no score, those at the root beside the mix.
    """
    known = {track.mix_file, *(stem.file for stem in track.stems.values())}
    free = [path for path in sorted(paths) if path not in known and is_nameable(path)]
    chosen = [path for path in free if path.split("/")[0] == _STEM_FOLDER and path.count("/") == 1]
    if not chosen and not track.stems:
        mix = PurePosixPath(track.mix_file).stem.lower()
        chosen = [path for path in free if "/" not in path and not _is_mix(path, mix)]
    found: dict[str, str] = {}
    for path in chosen:
        name = PurePosixPath(path).stem
        # Two formats of one stem: the first one joins.
        if name not in track.stems:
            found.setdefault(name, path)
    return found


def is_nameable(path: str) -> bool:
    """Say whether a score can name a path: TOML is UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_mix(path: str, mix: str) -> bool:
    words = re.split(r"[^a-z0-9]+", PurePosixPath(path).stem.lower())
    return mix in words or not {"mix", "master", "bounce", "preview"}.isdisjoint(words)
