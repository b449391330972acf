"""Contracts in words: a line for each promise, what a try came to, and what was done about it.

Knows values only; prints nothing and loads no numpy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from beatflow.contract.terms import HELD, UNCLEAR, Contract, Correction, Promise, Value

_TITLES = {
    "tempo": "tempo",
    "key": "key",
    "meter": "meter",
    "bars": "bars",
    "duration_s": "duration",
    "loop": "loop",
    "loudness_lufs": "loudness",
    "true_peak_dbtp": "true peak",
}


def title(term: str) -> str:
    """A term as people call it."""
    return _TITLES.get(term, term)


def format_value(term: str, value: Value | None) -> str:
    """A figure with its unit: ``90 BPM``, ``A:min``, ``8 bars``, ``20 s``, ``loop``, ``-14 LUFS``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a loop" if value else "no loop"
    if isinstance(value, str):
        return value
    if term == "bars":
        return f"{value:g} {'bar' if value == 1 else 'bars'}"
    units = {"tempo": "BPM", "duration_s": "s", "loudness_lufs": "LUFS", "true_peak_dbtp": "dBTP"}
    return f"{value:.6g} {units.get(term, '')}".rstrip()


def format_measured(promise: Promise) -> str:
    """What was measured, in a few words."""
    value = promise.measured
    if promise.term == "loop" and promise.deviation is not None:
        heard = "a seam that is heard" if value is False else "no seam heard"
        return f"{heard} ({promise.deviation:+.1f} dB)"
    if value is None:
        return {"tempo": "no steady beat", "key": "no key", "meter": "no clear downbeats"}.get(
            promise.term, "nothing"
        )
    if promise.term == "tempo" and isinstance(value, int | float):
        return f"{value:.2f}"
    if promise.term in ("bars", "duration_s") and promise.deviation is not None and promise.verdict == HELD:
        return "to the sample" if abs(promise.deviation) < 1e-4 else f"{value:g}"
    if promise.term in ("loudness_lufs", "true_peak_dbtp") and isinstance(value, int | float):
        return f"{value:.1f}"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def format_contract(contract: Contract | None, duration_s: float | None = None) -> Iterator[str]:
    """A line for each thing that was asked for: ``90 BPM: measured 90.00 after stretching by +1.7 % from 91.53``.

    A mere claim is told of where the sound speaks against it; before them, the tries that did not hold.
    """
    if contract is None:
        return
    tries = len(contract.misses) + 1
    for number, miss in enumerate(contract.misses, 1):
        yield f"try {number} of {tries}: {tell_measured(miss.promises)}"
    yield from format_promises(contract.promises, contract.corrections, duration_s)


def format_promises(
    promises: Sequence[Promise], corrections: Sequence[Correction] = (), duration_s: float | None = None
) -> Iterator[str]:
    """The same of promises and what was done for them."""
    done = _tell_corrections(corrections)
    for promise in promises:
        if promise.term == "true_peak_dbtp" and promise.held:
            continue
        if not promise.binding and (promise.held or promise.verdict == UNCLEAR):
            continue
        yield _tell(promise, done.get(promise.term, ""), duration_s)


def format_verified(promises: Sequence[Promise], duration_s: float | None = None) -> Iterator[str]:
    """A line for each promise that a file was held to, claims and all."""
    for promise in promises:
        line = _tell(replace(promise, binding=True), "", duration_s)
        yield line if promise.binding else f"{line} (nobody asked for it)"


def format_verdict(held: Sequence[bool]) -> str:
    """``kept``, or how much is not."""
    if all(held):
        return "kept"
    return f"not kept: {len(held) - sum(held)} of {len(held)}"


def _tell(promise: Promise, done: str, duration_s: float | None) -> str:
    asked = format_value(promise.term, promise.asked)
    if not promise.binding:
        return f"the engine says {asked}, the sound says {format_measured(promise)}"
    if promise.verdict == UNCLEAR and promise.built:
        return f"{asked}: built on it; the sound does not tell"
    if not promise.held:
        return f"{asked}: not kept, {tell_miss(promise)}"
    measured = format_measured(promise)
    if promise.term == "bars" and duration_s is not None:
        return f"{asked}: {duration_s:.2f} s, {measured}{done}"
    if promise.term == "duration_s" and measured != "to the sample":
        return f"{asked}: {measured} s, whole bars{done}"
    return f"{asked}: {'' if promise.term in ('loop', 'duration_s') else 'measured '}{measured}{done}"


def tell_miss(promise: Promise) -> str:
    """Why a promise does not hold."""
    measured = format_measured(promise)
    if promise.measured is None:
        return measured
    if promise.term == "key" and promise.deviation is not None:
        return f"measured {measured}"
    if promise.term == "duration_s":
        return f"made {promise.measured:g} s"
    return measured if promise.term == "loop" else f"measured {measured}"


def tell_measured(promises: Sequence[Promise]) -> str:
    """What a try came to where it does not hold: ``93.1 BPM, C:maj``."""
    missed = [one for one in promises if one.binding and not one.held]
    told = []
    for one in missed:
        words = format_measured(one)
        told.append(f"{words} BPM" if one.term == "tempo" and one.measured is not None else words)
    return ", ".join(told)


def tell_misses(tries: Sequence[Sequence[Promise]]) -> list[str]:
    """For each term that some try does not keep: ``90 BPM (93.10, no steady beat)``."""
    found: dict[str, tuple[str, list[str]]] = {}
    for promises in tries:
        for one in promises:
            if one.binding and not one.held:
                asked = format_value(one.term, one.asked)
                found.setdefault(one.term, (asked, []))[1].append(format_measured(one))
    return [f"{asked} ({', '.join(dict.fromkeys(measured))})" for asked, measured in found.values()]


def _tell_corrections(corrections: Sequence[Correction]) -> Mapping[str, str]:
    """What was done, by the term that it was done for."""
    told: dict[str, str] = {}
    for one in corrections:
        kind = one["kind"]
        if kind == "stretch":
            told["tempo"] = (
                f" after stretching by {(float(one['ratio']) - 1) * 100:+.1f} % from {one['tempo']:.2f}"
            )
        elif kind == "transpose":
            steps = int(one["semitones"])
            told["key"] = f" after transposing by {steps:+d} semitone{'s' if abs(steps) != 1 else ''}"
        elif kind in ("cut", "loop"):
            for term in ("bars", "duration_s", "loop"):
                told[term] = f", {'closed' if term == 'loop' else 'cut'} from frame {one['start_frame']}"
        elif kind == "level":
            limited = f", limited by {one['limited_db']:.1f} dB" if one["limited_db"] else ""
            told["loudness_lufs"] = f" after {one['gain_db']:+.1f} dB{limited}"
    return told
