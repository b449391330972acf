"""``track.toml``: the score of the mix. Read as plain values, edited in place so that comments survive."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from beatflow.errors import UsageError
from beatflow.filename import TRACK_FILE as TRACK_FILE

DEFAULT_MIX = "mix.wav"


class Stem(NamedTuple):
    """A stem in the mix: ``gain_db`` in dB, ``pan`` -1 (left) to 1 (right), ``offset`` in frames."""

    file: str
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    offset: int = 0


class Track(NamedTuple):
    """What ``track.toml`` says; None for what it does not."""

    title: str | None = None
    tempo: float | None = None
    key: str | None = None
    meter: str | None = None
    mix_file: str = DEFAULT_MIX
    master_db: float = 0.0
    stems: Mapping[str, Stem] = {}

    @property
    def is_faded(self) -> bool:
        """Whether any fader is off its zero, so that the mix is not the plain sum of its stems."""
        return bool(self.master_db) or any(Stem(stem.file) != stem for stem in self.stems.values())


def parse_track(data: bytes) -> Track:
    """Read the text of a ``track.toml``.

    Raises
    ------
    UsageError
        It is not TOML, or a value is not what it should be; the message names it.
    """
    # Most tracks have no score, and most commands no need of one: these take 5 ms to load.
    import tomllib

    from beatflow.sound.tonality import parse_key

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{TRACK_FILE} cannot be read: {error}", hint=f"mend or remove {TRACK_FILE}"
        ) from error
    mix = _table(document, "mix")
    key = _get(document, "key", str)
    tempo = _number(document, "tempo")
    if tempo is not None and tempo <= 0:
        raise _wrong("tempo", "a positive number")
    stems = {
        name: _parse_stem(name, _table(_table(document, "stems"), name)) for name in _table(document, "stems")
    }
    return Track(
        title=_get(document, "title", str),
        tempo=tempo,
        key=str(parse_key(key)) if key else None,
        meter=_get(document, "meter", str),
        mix_file=_get(mix, "file", str) or DEFAULT_MIX,
        master_db=_number(mix, "master_db") or 0.0,
        stems=stems,
    )


def edit_track(data: bytes | None, changes: Mapping[Any, Any]) -> bytes:
    """Return the text of a ``track.toml`` with values set, everything else (comments too) as it was.

    Parameters
    ----------
    data : bytes or None
        The text so far; None for a new file.
    changes : mapping
        Dotted name, or tuple of its parts, to value: ``{"tempo": 90.0, "stems.drums.file": "stems/drums.wav"}``; None
        removes.
    """
    import tomlkit
    from tomlkit.items import Table

    parse_track(data or b"")
    document = tomlkit.parse((data or b"").decode("utf-8"))
    for name, value in changes.items():
        *parents, leaf = name.split(".") if isinstance(name, str) else name
        table: Any = document
        for depth, parent in enumerate(parents):
            if parent not in table:
                # A table that holds only tables needs no heading of its own.
                table[parent] = tomlkit.table(is_super_table=depth < len(parents) - 1)
            table = table[parent]
            if not isinstance(table, Table | dict):
                raise _wrong(parent, "a table")
        if value is None:
            table.pop(leaf, None)
        elif table.get(leaf) != value:
            table[leaf] = value
    result = tomlkit.dumps(document).encode("utf-8")
    parse_track(result)
    return result


def _parse_stem(name: str, table: Mapping[str, Any]) -> Stem:
    file = _get(table, "file", str)
    if not file:
        raise _wrong(f"stems.{name}.file", "the path of a sound file")
    pan = _number(table, "pan") or 0.0
    if not -1 <= pan <= 1:
        raise _wrong(f"stems.{name}.pan", "between -1 and 1")
    return Stem(
        file=file,
        gain_db=_number(table, "gain_db") or 0.0,
        pan=pan,
        mute=_get(table, "mute", bool) or False,
        solo=_get(table, "solo", bool) or False,
        offset=_get(table, "offset", int) or 0,
    )


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name, {})
    if not isinstance(value, Mapping):
        raise _wrong(name, "a table")
    return value


def _get(table: Mapping[str, Any], name: str, kind: type) -> Any:
    value = table.get(name)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise _wrong(name, {str: "text", bool: "true or false", int: "a whole number"}[kind])
    return value


def _number(table: Mapping[str, Any], name: str) -> float | None:
    value = table.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(name, "a number")
    return float(value)


def _wrong(name: str, wanted: str) -> UsageError:
    return UsageError(f"{name} in {TRACK_FILE} must be {wanted}", hint=f"mend {TRACK_FILE}")
