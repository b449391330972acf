"""Proving a contract later: any sound file against the record of how it was made, or against terms that are given.

Believes of a record only what makes sense. Changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO

from beatflow.ai.engine import QUARTERS, Progress, no_progress
from beatflow.contract.judging import judge
from beatflow.contract.measuring import Measurement, measure
from beatflow.contract.terms import DEFAULT_TOLERANCE, NAMES, Promise, Terms, Value, is_held
from beatflow.delivery import digest
from beatflow.errors import AudioError, DamagedError, UsageError
from beatflow.provenance import Record, find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import AudioReader, check_finite
from beatflow.sound.looks import AGAIN
from beatflow.sound.tonality import parse_key

_OF_A_STEM = ("bars", "duration_s")
"""What one stem alone can be held to: drums are in no key, and a melody has no beat."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a file was held to, and what it turned out to be.

    Parameters
    ----------
    oid : str or None
        Of the file; None for a stream.
    source : str
        ``record``, ``options``, or ``record and options``.
    promises : tuple of Promise
    duration_s : float
    """

    oid: str | None
    source: str
    promises: tuple[Promise, ...]
    duration_s: float

    @property
    def held(self) -> bool:
        """Whether everything that it was held to is kept."""
        return is_held(self.promises)

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "oid": self.oid,
            "held": self.held,
            "source": self.source,
            "duration_s": self.duration_s,
            "promises": [promise.to_json() for promise in self.promises],
        }


def verify_file(
    source: Path | BinaryIO,
    name: str,
    given: Terms,
    repository: Repository | None = None,
    progress: Progress = no_progress,
) -> Verification:
    """Measure a file against its record, and against what is given, which goes before it.

    The record of an extension speaks of what was added: that alone is measured. What is given speaks of all of it.

    Parameters
    ----------
    source : Path or binary stream
    name : str
        What to call it.
    given : Terms
        Empty where the record alone counts.
    repository : Repository, optional
        The track that may have a record of it.

    Raises
    ------
    AudioError
        It cannot be read, or holds no samples.
    UsageError
        Nothing is given, and nothing recorded.
    DamagedError
        Its record makes no sense.
    """
    oid = digest(source) if isinstance(source, Path) and source.is_file() else None
    with AudioReader(source, name) as reader:
        if not reader.info.frames:
            raise AudioError(f"{name} holds no samples", hint=AGAIN)
        record = find_record(repository, oid) if repository and oid else None
        recorded = read_terms(record, name) if record else Terms()
        start = _find_added(record or {}, reader.info.frames)
        if start and given.values:
            start, recorded = 0, Terms(meter=recorded.meter)
        terms = _merge(recorded, given)
        if not terms.values:
            raise UsageError(
                f"{name} has no record of what it was to keep",
                hint=f"verify it in the track that made it, or say what to: bf verify {quote(name)} --bpm 90 --bars 8",
            )
        if start:
            reader.seek(start)
        measured = _measure(reader, name, terms, progress, start)
    promises = judge(terms, measured)
    if record and "stem" in record:
        promises = tuple(one for one in promises if one.term in _OF_A_STEM or one.term in given.values)
    named = [name for name, found in (("record", recorded), ("options", given)) if found.values]
    return Verification(oid, " and ".join(named), promises, round(measured.duration_s, 6))


def read_terms(record: Record, name: str) -> Terms:
    """The terms of a record; of one from before there were contracts, what was asked and what the engine knew.

    Raises
    ------
    DamagedError
        They make no sense.
    """
    contract = record.get("contract")
    meter = record.get("meter") or _mapping(record.get("asked")).get("meter") or "4/4"
    if not isinstance(meter, str) or meter not in QUARTERS:
        raise _wrong(name, "meter")
    if contract is None:
        known = {term: record.get(term) for term in ("tempo", "key", "bars")}
        asked = {
            term: _mapping(record.get("asked")).get(term) for term in ("tempo", "key", "bars", "duration_s")
        }
        values = {
            term: _check(term, value, name)
            for term, value in {
                **asked,
                **{term: value for term, value in known.items() if value is not None},
            }.items()
            if value is not None
        }
        binding = frozenset(term for term, value in asked.items() if value is not None)
        built = frozenset(term for term, value in known.items() if value is not None)
        built |= {"duration_s"} if "bars" in built else set()
        return Terms(values, meter, DEFAULT_TOLERANCE, binding, built)
    promises = _mapping(contract).get("promises")
    if not isinstance(promises, list) or not all(isinstance(one, dict) for one in promises):
        raise _wrong(name, "contract")
    kept = [one for one in promises if one.get("term") in NAMES]
    tolerance = _mapping(contract).get("tolerance", DEFAULT_TOLERANCE)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 < tolerance <= 100:
        raise _wrong(name, "contract")
    return Terms(
        {one["term"]: _check(one["term"], one.get("asked"), name) for one in kept},
        meter,
        float(tolerance),
        frozenset(one["term"] for one in kept if one.get("binding") is True),
        frozenset(one["term"] for one in kept if one.get("built") is True),
    )


def _merge(recorded: Terms, given: Terms) -> Terms:
    """What is given goes before what is recorded; a record's tempo that nobody asked for still counts bars."""
    meter = str(given.values.get("meter", recorded.meter))
    tolerance = given.tolerance if given.tolerance != DEFAULT_TOLERANCE else recorded.tolerance
    changed = {term for term, value in given.values.items() if recorded.values.get(term) != value}
    return Terms(
        {**recorded.values, **given.values},
        meter,
        tolerance,
        recorded.binding | given.binding,
        recorded.built - changed,
    )


def _find_added(record: Record, frames: int) -> int:
    """The frame from which on the sound is what its record speaks of: 0, but for an extension."""
    seam = _mapping(_mapping(record.get("parameters")).get("seam"))
    start = seam.get("at_frame") if record.get("kind") == "extend" else None
    return start if isinstance(start, int) and 0 < start < frames else 0


def _measure(reader: AudioReader, name: str, terms: Terms, progress: Progress, start: int = 0) -> Measurement:
    loop = "loop" in terms.values
    blocks = _checked(reader, name, progress, start)
    if not loop:
        return measure(blocks, terms.number("tempo"))
    whole = reader.read(reader.info.frames)
    check_finite(whole, name)
    progress(0.5, name)
    return measure(whole, terms.number("tempo"), loop)


def _checked(reader: AudioReader, name: str, progress: Progress, done: int) -> Iterator[Audio]:
    for block in reader.blocks():
        check_finite(block, name, done)
        yield block
        done += block.frames
        progress(done / reader.info.frames, name)


def _check(term: str, value: Any, name: str) -> Value:
    """A value that a term can have."""
    if term == "key" and isinstance(value, str):
        try:
            return str(parse_key(value))
        except UsageError as error:
            raise _wrong(name, term) from error
    if term == "meter" and isinstance(value, str) and value in QUARTERS:
        return value
    if term == "loop" and value is True:
        return True
    numbers = {
        "tempo": (1, 1000),
        "bars": (1, 10_000),
        "duration_s": (0.001, 1e6),
        "loudness_lufs": (-100, 10),
    }
    if term in numbers and not isinstance(value, bool) and isinstance(value, int | float):
        low, high = numbers[term]
        if low <= value <= high:
            return value
    raise _wrong(name, term)


def _wrong(name: str, what: str) -> DamagedError:
    return DamagedError(
        f"the record of {name} has no {what} that makes sense",
        hint="say what it should keep: --bpm 90 --bars 8",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
