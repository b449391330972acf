"""A provenance record read as a recipe: what has to be run, with what, so that the sound comes out again.

A record may come from anybody's history, so nothing in it is believed before it is looked at. Knows no engines and no
files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from beatflow.ai.engine import Context, Sampling
from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import DamagedError, UsageError
from beatflow.lineage.ancestry import ASSEMBLED
from beatflow.making.request import Request
from beatflow.making.structure import parse_structure
from beatflow.objects.ids import is_oid
from beatflow.provenance import Record
from beatflow.remix.plan import Plan, read_plan

TASKS = {"generate": "generate", "hum": "accompany", "extend": "extend", "split": "separate"}
"""Kind of a record to the engine's task."""

_LONGEST_S = 86_400.0
_LARGEST = 1e300
_TOLD = ("seconds", "real_time_factor", "measured", "stem", "stems", "mix", "remade")
"""What differs between records of one run."""


@dataclass(frozen=True, slots=True)
class Input:
    """A sound that is needed: its id, and where it lay."""

    oid: str
    path: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What made a sound.

    Parameters
    ----------
    kind : str
        ``generate``, ``hum``, ``extend``, ``split``, ``mix``, ``merge``, ``loop`` or ``remix``.
    engine, engine_version : str
        Empty for a mix, a merge, a loop and most remixes, which need none.
    request : Request
        What the engine was asked for, with its seed.
    inputs : tuple of Input
    seeds : tuple of int
        Of the takes that were drawn at once.
    index : int
        Which of them it is.
    stem : str or None
        Which stem it is; None for the mix.
    stems : mapping of str to str
        Of a mix: the stems that it is the plain sum of, name to id.
    replaced, beside : Input or None, mapping of str to str
        Of a stem that was made anew for a track: the one whose level and place it took, and the others.
    heard : str
        The engine that heard the notes of a recording.
    share_of_theirs : float or None
        Of a merge that is the sum of both takes: how much of it is theirs.
    plan : Plan or None
        Of a remix: what was done.
    record : Record
        All of it.
    """

    kind: str
    engine: str
    engine_version: str
    request: Request
    inputs: tuple[Input, ...]
    seeds: tuple[int, ...] = ()
    index: int = 0
    stem: str | None = None
    stems: Mapping[str, str] = field(default_factory=dict)
    replaced: Input | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    heard: str = ""
    share_of_theirs: float | None = None
    plan: Plan | None = None
    record: Record = field(default_factory=dict, compare=False)

    @property
    def task(self) -> str | None:
        """What the engine has to do; None where none is needed."""
        if self.plan is None:
            return TASKS.get(self.kind)
        groove = self.plan.groove
        if groove is None or not (groove.bars or groove.guided):
            return None
        return "accompany" if groove.guided else "generate"

    @property
    def fitted(self) -> bool:
        """It is a stem that was fitted among others."""
        return bool(self.replaced or self.beside)

    @property
    def run(self) -> str:
        """The same for all sounds that one run of the recipe gives."""
        kept = {name: value for name, value in self.record.items() if name not in _TOLD}
        if len(self.seeds) > 1:
            kept |= {"batch": self.seeds, "seed": self.request.seed}
        return repr(sorted(kept.items())) + repr((self.replaced, sorted(self.beside.items())))


def read_recipe(record: Record, name: str) -> Recipe:
    """Read a record as a recipe; ``name`` is what to call its sound.

    Raises
    ------
    DamagedError
        Something in it is not what it should be.
    UsageError
        Its sound was not made by anything that could be run again.
    """
    reader = _Reader(record, name)
    kind = reader.text("kind")
    if kind not in TASKS and kind not in ASSEMBLED and kind not in ("loop", "remix"):
        raise UsageError(f"nothing is known that makes a sound of the kind {kind[:40]!r} again")
    seeds, index = _read_batch(reader)
    remade = record.get("remade")
    replaced, beside = None, {}
    if remade is not None:
        inner = _Reader(remade if isinstance(remade, dict) else {}, name)
        beside = inner.oids("beside")
        replaced = inner.input(inner.record["replaced"]) if "replaced" in inner.record else None
        if not (beside or replaced):
            raise reader.wrong("remade")
    heard = record.get("heard")
    return Recipe(
        kind=kind,
        engine=reader.text("engine", "" if kind == "remix" else None) if kind in (*TASKS, "remix") else "",
        engine_version=reader.text("engine_version", "") if kind in (*TASKS, "remix") else "",
        request=_read_request(reader, seeds[0]) if kind in TASKS else Request(""),
        inputs=tuple(reader.input(item) for item in record.get("inputs", [])),
        seeds=seeds,
        index=index,
        stem=reader.text("stem", "") or None,
        stems=reader.oids("stems") if "stems" in record else {},
        replaced=replaced,
        beside=beside,
        heard=_Reader(heard, name).text("engine", "") if isinstance(heard, dict) else "",
        share_of_theirs=reader.number("share_of_theirs") if kind == "merge" else None,
        plan=_read_plan(reader) if kind == "remix" else None,
        record=record,
    )


def _read_plan(reader: "_Reader") -> Plan:
    try:
        return read_plan(reader.record.get("plan"))
    except UsageError as error:
        raise reader.wrong("plan") from error


def _read_batch(reader: "_Reader") -> tuple[tuple[int, ...], int]:
    """Return the seeds of the takes that were drawn at once, and which of them this is."""
    batch = reader.record.get("batch")
    if batch is None:
        seed = reader.record.get("seed", 0)
        if type(seed) is not int:
            raise reader.wrong("seed")
        return (seed,), 0
    seeds, index = (batch.get("seeds"), batch.get("index")) if isinstance(batch, dict) else (None, None)
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise reader.wrong("batch")
    if len(set(seeds)) < len(seeds) or type(index) is not int or not 0 <= index < len(seeds):
        raise reader.wrong("batch")
    return tuple(seeds), index


def _read_request(reader: "_Reader", first: int) -> Request:
    asked = reader.record.get("asked", {})
    if not isinstance(asked, dict):
        raise reader.wrong("asked")
    inner = _Reader(asked, reader.name)
    sampling = _Reader(reader.record.get("sampling") or {}, reader.name)
    stem = reader.text("stem", "")
    # Before there were contracts, every record said that it loops, asked or not.
    contract = reader.record.get("contract")
    promised = _Reader(contract, reader.name)
    structure = inner.text("structure", "")
    request = Request(
        prompt=reader.text("prompt", ""),
        seed=first,
        tempo=inner.number("tempo"),
        key=inner.text("key", "") or None,
        bars=inner.whole("bars"),
        duration_s=inner.number("duration_s"),
        meter=inner.text("meter", "") or None,
        stems=(stem,) if stem and "remade" in reader.record else None,
        sampling=Sampling(
            sampling.number("temperature"),
            sampling.whole("top_k"),
            sampling.number("top_p"),
            sampling.number("guidance"),
        ),
        loop=inner.flag("loop") if contract or reader.record.get("kind") == "extend" else None,
        loudness_lufs=inner.number("loudness_lufs"),
        swing=inner.number("swing"),
        humanize=inner.number("humanize"),
        tolerance=promised.number("tolerance") or DEFAULT_TOLERANCE,
        context=reader.context(),
    )
    try:
        if structure:
            request = replace(request, structure=parse_structure(structure))
        request.check()
    except UsageError as error:
        raise DamagedError(f"the record of {reader.name} asks for what cannot be: {error.message}") from error
    return request


class _Reader:
    """Reads values of a record, each of which must be of its kind."""

    def __init__(self, record: Any, name: str) -> None:
        self.name = name
        self.record: Mapping[str, Any] = record if isinstance(record, dict) else {}

    def wrong(self, key: str) -> DamagedError:
        """Return the error that a value is not what it should be."""
        return DamagedError(
            f"the record of {self.name} has no {key} that makes sense", hint="it cannot be made again from it"
        )

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.record.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.wrong(key)
        return value

    def number(self, key: str) -> float | None:
        """Return a number, None where there is none."""
        value = self.record.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key)
        # A whole number may be too large for a float.
        if not -_LARGEST < value < _LARGEST:
            raise self.wrong(key)
        return float(value)

    def whole(self, key: str) -> int | None:
        """Return a whole number, None where there is none."""
        value = self.record.get(key)
        if value is not None and type(value) is not int:
            raise self.wrong(key)
        return value

    def flag(self, key: str) -> bool | None:
        """Return a truth, None where there is none."""
        value = self.record.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key)
        return value

    def oids(self, key: str) -> dict[str, str]:
        """Return names to ids."""
        value = self.record.get(key)
        if not isinstance(value, dict) or not all(
            isinstance(one, str) and is_oid(one) for one in value.values()
        ):
            raise self.wrong(key)
        return dict(value)

    def context(self) -> Context | None:
        """Return what was there already when the sound was made."""
        if "context" not in self.record:
            return None
        inner = _Reader(self.record["context"], self.name)
        chords, energy = (inner.record.get(key, []) for key in ("chords", "energy"))
        parameters = inner.record.get("parameters", {})
        try:
            starts = [float(start_s) for start_s, _ in chords]
            if not all(abs(start_s) < _LONGEST_S for start_s in starts):
                raise self.wrong("context")
            return Context(
                tuple((start_s, str(chord)) for start_s, (_, chord) in zip(starts, chords, strict=True)),
                tuple(float(one) for one in energy),
                inner.number("phase") or 0.0,
                inner.number("loudness_lufs"),
                dict(parameters),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise self.wrong("context") from error

    def input(self, item: Any) -> Input:
        """Return a sound that is named by its id."""
        oid = item.get("oid") if isinstance(item, dict) else None
        if not isinstance(oid, str) or not is_oid(oid):
            raise self.wrong("inputs")
        path = item.get("path")
        return Input(oid, path if isinstance(path, str) else oid[:12])
