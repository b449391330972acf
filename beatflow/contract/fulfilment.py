"""Trying until terms are kept: generate, measure, correct, measure again, and keep or draw anew with another seed.

Draws with whatever function it is given, several takes at once where that can. Knows no files and no tracks.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from beatflow.ai.engine import Brief, Performance, Progress, no_progress
from beatflow.contract.correcting import correct, widen
from beatflow.contract.judging import judge
from beatflow.contract.measuring import MOST_STRETCH, Measurement, measure
from beatflow.contract.terms import MOST_TRIES, Contract, Correction, Miss, Promise, Terms
from beatflow.contract.text import tell_measured, tell_misses
from beatflow.errors import ContractError

Draw = Callable[[Sequence[Brief], Progress], list[Performance]]
"""Has an engine make music, one piece for each brief; they differ in their seeds alone."""

DEFAULT_TRIES = 3
_LATER = 0.4
_ROUNDS = 2
"""How often a stretch is measured and refined."""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """A take that was drawn, corrected and measured.

    Parameters
    ----------
    brief : Brief
        As asked, with the seed of the try that was taken.
    performance : Performance
        After corrections; with the tempo, key, bars and meter that it was proved to have.
    contract : Contract
    measured : Measurement
        Of the mix, in the end.
    seconds : float
        The take's share of all the work, tries in vain included.
    seeds : tuple of int
        Which were drawn at once; ``index`` is one of them.
    """

    brief: Brief
    performance: Performance
    contract: Contract
    measured: Measurement
    seconds: float
    seeds: tuple[int, ...]
    index: int


@dataclass(slots=True)
class _Pending:
    """A take on its way."""

    seed: int
    misses: list[Miss] = field(default_factory=list)


def derive_seed(seed: int, attempt: int) -> int:
    """The seed of a take's next try, counted from 1: the same on every machine, short enough to be typed in.

    >>> derive_seed(7, 1)
    7
    """
    if attempt <= 1:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}:{attempt}".encode()).digest()[:4], "big") >> 1


def count_tries(terms: Terms, asked: int | None, paid: bool = False) -> int:
    """How many tries a take gets: those that were asked for, or else one where the engine builds on all of its terms.

    ``paid`` says that each costs money: then one is enough, unless more were asked for.
    """
    if asked is not None:
        return asked
    return 1 if paid or not terms.binding - terms.built else DEFAULT_TRIES


def fulfil(
    draw: Draw,
    briefs: Sequence[Brief],
    terms: Terms,
    tries: int = 1,
    strict: bool = True,
    progress: Progress = no_progress,
) -> list[Fulfilment]:
    """Have takes made that keep their terms.

    Parameters
    ----------
    draw : callable
    briefs : sequence of Brief
        One for each take, differing in their seeds alone.
    terms : Terms
    tries : int
        For each take; all takes that are still wanted are drawn at once.
    strict : bool
        Refuse what does not hold; otherwise the last try is taken as it is.

    Raises
    ------
    ContractError
        No try of some take holds what was asked for.
    """
    pending = {number: _Pending(brief.seed) for number, brief in enumerate(briefs)}
    kept: dict[int, Fulfilment] = {}
    for attempt in range(1, tries + 1):
        numbers = sorted(pending)
        wanted = [
            replace(briefs[number], seed=derive_seed(pending[number].seed, attempt)) for number in numbers
        ]
        started = time.perf_counter()
        report = _report(progress, attempt, tries, pending)
        drawn = draw([widen(brief, terms) for brief in wanted], report)
        seeds = tuple(brief.seed for brief in wanted)
        for index, (number, brief, performance) in enumerate(zip(numbers, wanted, drawn, strict=True)):
            if terms.values:
                report(1.0, "measuring")
            found = _finish(performance, terms, brief)
            share = (time.perf_counter() - started) / len(numbers)
            before = pending[number].misses
            spent = kept[number].seconds if number in kept else 0.0
            contract = replace(found.contract, misses=tuple(before))
            kept[number] = replace(found, contract=contract, seconds=share + spent, seeds=seeds, index=index)
            if contract.held:
                del pending[number]
            else:
                before.append(Miss(brief.seed, contract.promises))
        if not pending:
            break
    if pending and strict:
        raise _refuse(terms, list(pending.values()), len(briefs), tries)
    return [kept[number] for number in range(len(briefs))]


def _report(progress: Progress, attempt: int, tries: int, pending: dict[int, _Pending]) -> Progress:
    """Progress of one try as progress of all that there may be: the later ones are the less likely."""
    start = 1 - _LATER ** (attempt - 1)
    end = 1 - _LATER**attempt if attempt < tries else 1.0
    last = [miss for one in pending.values() for miss in one.misses[-1:]]
    before = f" (before: {tell_measured(last[0].promises)})" if len(last) == 1 else ""
    words = f"try {attempt} of {tries}{before}: " if attempt > 1 else ""
    return lambda fraction, what: progress(start + (end - start) * fraction, words + what)


def _finish(performance: Performance, terms: Terms, brief: Brief) -> Fulfilment:
    """Measure what was drawn, correct it, and measure again."""
    terms = terms.with_claims(performance, brief.loop)
    tempo, loop = terms.number("tempo"), "loop" in terms.values
    before = measure(performance.mix, tempo, loop)
    made, corrections = correct(performance, terms, before)
    after = measure(made.mix, tempo, loop) if corrections else before
    if corrections:
        made, corrections, after = _refine(performance, terms, before, made, corrections, after)
    promises = judge(terms, after, before)
    contract = Contract(promises, corrections, brief.seed, terms.tolerance)
    return Fulfilment(brief, _know(made, terms, promises), contract, after, 0.0, (brief.seed,), 0)


def _refine(
    performance: Performance,
    terms: Terms,
    before: Measurement,
    made: Performance,
    corrections: tuple[Correction, ...],
    after: Measurement,
) -> tuple[Performance, tuple[Correction, ...], Measurement]:
    """Where the stretched music turns out a little off, stretch the engine's once more by what is now known better."""
    asked = terms.number("tempo")
    for _ in range(_ROUNDS):
        ratio = next((float(one["ratio"]) for one in corrections if one["kind"] == "stretch"), 1.0)
        fit = after.fit
        if asked is None or not terms.open("tempo") or fit is None or fit.tempo is None:
            break
        off = abs(fit.tempo - asked)
        tempo = fit.tempo * ratio
        if off <= terms.tolerance / 2 or abs(tempo / asked - 1) > MOST_STRETCH:
            break
        again, done = correct(performance, terms, before, tempo)
        found = measure(again.mix, asked, "loop" in terms.values)
        if found.fit is None or found.fit.tempo is None or abs(found.fit.tempo - asked) >= off:
            break
        made, corrections, after = again, done, found
    return made, corrections, after


def _know(performance: Performance, terms: Terms, promises: Sequence[Promise]) -> Performance:
    """The performance with the figures that it was asked for and proved to have."""
    proved = {one.term for one in promises if one.binding and one.held}
    known: dict[str, object] = {}
    for name in ("tempo", "key", "bars", "meter"):
        if name in proved and getattr(performance, name) is None:
            known[name] = int(terms.number(name) or 0) if name == "bars" else terms.values[name]
    if "tempo" in known:
        known["tempo"] = terms.number("tempo")
    return replace(performance, **known)  # type: ignore[arg-type]  # the fields are of many kinds


def _refuse(terms: Terms, pending: Sequence[_Pending], count: int, tries: int) -> ContractError:
    told = "; ".join(tell_misses([miss.promises for one in pending for miss in one.misses]))
    takes = f"of {len(pending)} of {count} takes " if count > 1 else ""
    what = "the only try" if tries == 1 else f"none of {tries} tries"
    sentence = f"{what} {takes}{'does not keep' if tries == 1 else 'keeps'} what was asked for"
    return ContractError(f"{sentence}: {told}; nothing was written", hint=_find_ways(terms, pending, tries))


def _find_ways(terms: Terms, pending: Sequence[_Pending], tries: int) -> str:
    """What would help, by what the last tries lack."""
    lacking = [one for take in pending for one in take.misses[-1].promises if one.binding and not one.held]
    levels = [one for one in lacking if one.term in ("loudness_lufs", "true_peak_dbtp")]
    ways = []
    if len(levels) < len(lacking):
        if terms.binding - terms.built - {"loudness_lufs"}:
            ways.append("--engine synth keeps it by construction")
        if tries < MOST_TRIES:
            ways.append(f"--tries {min(MOST_TRIES, tries * 3)} tries more often")
        if any(one.term == "tempo" and one.measured is not None for one in lacking):
            ways.append(f"--tolerance allows more than {terms.tolerance:g} BPM")
    loud = [one for one in levels if one.term == "loudness_lufs"]
    reached = [float(one.measured) for one in loud if isinstance(one.measured, int | float)]
    if reached:
        ways.append(f"--loudness {floor(min(reached))} is within reach of such music")
    return "; ".join(ways or ["ask for less"])
