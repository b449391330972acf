"""What may be sold: sounds judged by all that they were made of, and what clears what is in the way.

Joins origins, licences and what the musician declared. No legal advice.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beatflow.ai.weights.catalogue import MODELS
from beatflow.lineage.ancestry import (
    ASSEMBLED,
    COPIED,
    FindRecords,
    Origin,
    Presume,
    Presumed,
    iter_reached,
    read_text,
    trace,
)
from beatflow.lineage.declaration import find_declaration, read_declarations
from beatflow.lineage.licence import Judgement, Verdict, judge_licence
from beatflow.lineage.state import State
from beatflow.objects.ids import is_oid
from beatflow.track import TRACK_FILE, Track

NO_RECORD = "yours, or unknown: BeatFlow cannot know"
DECLARE = "bf license --set "
_MAX_PROMPT = 200
_EMBEDDED_STEMS = ("drums", "bass", "chords", "melody", "texture")
"""Stems that `synth` makes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A sound that brings a licence of its own into what is made of it.

    Parameters
    ----------
    oid, name : str
        Which sound, and what to call it.
    engine : str
        What made it; empty where nothing is recorded.
    licence : str
        SPDX expression, of the engine or as declared; empty where there is none.
    declared : bool
        The musician says so.
    judgement : Judgement
    fix : str
        What clears it where it is in the way: a command, or advice; empty where it is not.
    """

    oid: str
    name: str
    engine: str
    licence: str
    declared: bool
    judgement: Judgement
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Clearance:
    """A sound that was asked for: whether it may be sold, and what it goes back to."""

    path: str
    oid: str
    verdict: Verdict
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What may be sold of a state of the track.

    Parameters
    ----------
    state : State
    origins : mapping of str to Origin
        All that was followed.
    sources : mapping of str to Source
        Sounds that bring a licence, by id.
    clearances : tuple of Clearance
        What was asked for, by path.
    names : mapping of str to str
        What to call each sound.
    places : mapping of str to str
        Where it lies, or lay for all that is known: what is declared of it goes by this.
    """

    state: State
    origins: Mapping[str, Origin]
    sources: Mapping[str, Source]
    clearances: tuple[Clearance, ...]
    names: Mapping[str, str]
    places: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Of all that was asked for."""
        return max((one.verdict for one in self.clearances), default=Verdict.FREE)

    def list_sources(self, verdict: Verdict) -> list[Source]:
        """Return the sources, each once, of a verdict."""
        found = {source.oid: source for one in self.clearances for source in one.sources}
        return [source for source in found.values() if source.judgement.verdict == verdict]

    def judge(self, oid: str) -> Verdict:
        """Judge a sound by all that it was made of."""
        return max((source.judgement.verdict for source in self.find_sources(oid)), default=Verdict.UNKNOWN)

    def find_sources(self, oid: str) -> tuple[Source, ...]:
        """Return what a sound goes back to, the nearest first."""
        return _find_sources(oid, self.origins, self.sources)


def survey(
    state: State,
    paths: Sequence[str],
    find_records: FindRecords,
    find_former: Presume = lambda _: None,
) -> Survey:
    """Judge sounds of a state of the track.

    Parameters
    ----------
    paths : sequence of str
        In the state.
    find_records : callable
        Gives the records that there are of some ids.
    find_former : callable
        Gives what a sound without a record was edited from.
    """
    mix = state.sounds.get(state.track.mix_file)
    stems = _find_stems(state)

    def presume(oid: str) -> Presumed | None:
        if oid == mix and stems:
            return Presumed(stems, f"{TRACK_FILE} names its stems")
        return find_former(oid)

    oids = dict.fromkeys(state.sounds[path] for path in paths)
    origins = trace(oids, find_records, presume)
    return judge_origins(state, paths, origins)


def judge_origins(state: State, paths: Sequence[str], origins: Mapping[str, Origin]) -> Survey:
    """Judge sounds of a state by their origins, as `survey` does."""
    places = {oid: state.name(oid) or origin.path or oid for oid, origin in origins.items()}
    names = {oid: _name(state, oid, place) for oid, place in places.items()}
    declared = read_declarations(state.score)
    sources = {
        oid: source
        for oid, origin in origins.items()
        if (source := _find_source(origin, places[oid], names[oid], declared, state.track))
    }
    clearances = []
    for path in paths:
        found = _find_sources(state.sounds[path], origins, sources)
        verdict = max((source.judgement.verdict for source in found), default=Verdict.UNKNOWN)
        clearances.append(Clearance(path, state.sounds[path], verdict, found))
    return Survey(state, origins, sources, tuple(clearances), names, places)


def _name(state: State, oid: str, place: str) -> str:
    """Return what to call a sound: one that lies elsewhere now, or nowhere, by its id as well."""
    if place == oid:
        return oid[:12] if is_oid(oid) else oid
    return f"{place} ({oid[:7]})" if is_oid(oid) and state.name(oid) is None else place


def _find_stems(state: State) -> dict[str, str]:
    """Return the stems that the score says the mix is made of; those that are not there cannot be known."""
    files = (stem.file for stem in state.track.stems.values())
    return {state.sounds[file]: file for file in files if file in state.sounds}


def _find_sources(
    oid: str, origins: Mapping[str, Origin], sources: Mapping[str, Source]
) -> tuple[Source, ...]:
    found = []
    for one, origin in iter_reached(origins, oid):
        if origin is None:
            found.append(
                Source(one, one[:12], "", "", False, Judgement(Verdict.UNKNOWN, "too far to follow"))
            )
        elif one in sources:
            found.append(sources[one])
    return tuple(found)


def _find_source(
    origin: Origin, path: str, name: str, declared: Mapping[str, str], track: Track
) -> Source | None:
    """Return what a sound brings in itself; None where it is nothing but what it was made of."""
    said = find_declaration(declared, path)
    engine, licences = _read_licences(origin.record)
    judgements = [judge_licence(licence) for licence in licences]
    if not origin.whole:
        judgements.append(
            Judgement(Verdict.UNKNOWN, "its record is not whole" if origin.record else NO_RECORD)
        )
    elif origin.record and not licences and origin.kind not in (*ASSEMBLED, *COPIED):
        judgements.append(Judgement(Verdict.UNKNOWN, "its record names no licence"))
    if not judgements:
        return None
    worst = max(judgements, key=lambda one: one.verdict)
    judgement = Judgement(
        worst.verdict, worst.reason, frozenset().union(*(one.conditions for one in judgements))
    )
    licence = " AND ".join(licences)
    # A declaration speaks where BeatFlow does not know, never against what it knows.
    is_said = said is not None and judgement.verdict == Verdict.UNKNOWN
    if said is not None and is_said:
        judgement, licence = judge_licence(said), said
    fix = "" if judgement.verdict == Verdict.FREE else _find_fix(origin, path, judgement, is_said, track)
    return Source(origin.oid, name, engine, licence, is_said, judgement, fix)


def _read_licences(record: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """Return the engine of a record, and the licences that it works under: what is written there, and those that its
    weights are known to have, whatever is written there.
    """
    if record is None:
        return "", []
    engine, weights = read_text(record, "engine"), record.get("weights")
    named = [name for name in weights if isinstance(name, str)] if isinstance(weights, list) else []
    known = [MODELS[name].licence for name in (engine, *named) if name in MODELS]
    licences = [read_text(record, "licence"), *known]
    return engine, [licence for licence in dict.fromkeys(licences) if licence]


def _find_fix(origin: Origin, path: str, judgement: Judgement, is_said: bool, track: Track) -> str:
    """Return what clears a source: a command where there is one."""
    if judgement.verdict == Verdict.UNKNOWN:
        return f"{DECLARE}{'LICENCE' if origin.record else 'own'} {shlex.quote(path)}"
    if is_said:
        return "ask who made it for another licence, or leave it out"
    words = read_text(origin.record, "prompt")
    prompt = shlex.quote(words) if len(words) <= _MAX_PROMPT else "PROMPT"
    stem = next((stem for stem, item in track.stems.items() if item.file == path), None)
    inputs = [item.get("path") for item in (origin.record or {}).get("inputs", [])]
    of = shlex.quote(inputs[0]) if inputs and inputs[0] else "FILE"
    if origin.kind == "split":
        return f"bf split {of} --engine dsp"
    if origin.kind == "hum":
        return f"bf hum {of} {prompt} --engine synth"
    if origin.kind == "generate" and stem in _EMBEDDED_STEMS:
        return f"bf generate {prompt} --stem {stem} --engine synth"
    if origin.kind == "generate" and stem is None:
        aside = path != track.mix_file and not is_oid(path)
        return f"bf generate {prompt} --engine synth" + (f" -o {shlex.quote(path)}" if aside else "")
    return "make it anew with an engine that allows it, or leave it out"
