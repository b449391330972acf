"""What was done to a sound, and whether an explanation says so: claims, tolerances, verdicts.

Believes nothing of the explanation: what the edit did to the level, and what an equaliser's response is, is measured
from the sounds themselves (`benchmarks.evidence`). Runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.evidence import Pair

RIGHT, PARTIAL, WRONG = "right", "partial", "wrong"
# The tolerances that docs/edits.md states; times of edges and ratios are not in it.
GAIN_DB, EQ_DB, EDGE_S = 0.05, 0.5, 0.05
_LEVEL_DB = 1.5

_HEARD = 1e-3  # -60 dB full scale
_NOWHERE = {"action": "", "start_frame": -1, "frames": 0}

Said = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """One change that has to be told: a kind of `beatflow.sound.explanation`, and its figures.

    ``slack`` replaces the usual tolerance of edges, in frames. An optional one need not be told.
    """

    kind: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False
    slack: int = 0


@dataclass(frozen=True)
class Truth:
    """One true account of an edit.

    Parameters
    ----------
    claims : tuple of Claim
        All but gains, which are judged as a sum.
    gains_db : float or tuple of float or None
        What became of the level, per channel where it differs; None where nobody can say exactly.
    about_db : float or None
        What became of it within 1 dB, where it cannot be said exactly but has to be said.
    response : bool
        A linear filter: told levels and curves together must give the impulse's response.
    level : bool
        The level changes over time.
    rest : bool
        There is something that the list of changes has no word for: a residual is part of the truth.
    take : str
        ``yes``: nothing of the old sound is left; ``maybe``: to say so is too little, but not false; ``no``.
    allowed : tuple of str
        Kinds that may be told as well, unjudged.
    places : tuple of (int, int)
        Frames of the new sound, and where they were in the old one.
    """

    claims: tuple[Claim, ...] = ()
    gains_db: float | tuple[float, ...] | None = 0.0
    about_db: float | None = None
    response: bool = False
    level: bool = False
    rest: bool = False
    take: str = "no"
    allowed: tuple[str, ...] = ()
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``right``, ``partial`` or ``wrong``, and why it is not right."""

    word: str
    reasons: tuple[str, ...] = ()


def judge(said: Said, truths: Sequence[Truth], pair: Pair) -> Verdict:
    """Judge an explanation as a document against true accounts; the kindest verdict counts."""
    verdicts = [_judge_one(said, truth, pair) for truth in truths]
    return min(verdicts, key=lambda verdict: [RIGHT, PARTIAL, WRONG].index(verdict.word))


def _judge_one(said: Said, truth: Truth, pair: Pair) -> Verdict:
    changes = said["changes"]
    kinds = [change["kind"] for change in changes]
    false, missing = _check_pieces(said, truth, pair), []
    if "new_take" in kinds:
        if truth.take == "no":
            false.append("new take, but it is not")
        elif truth.take == "maybe":
            missing.append("only: new take")
        return _verdict(false, missing)
    if truth.take == "yes":
        return _verdict([f"a new take, but said {', '.join(kinds)}"], [])
    if kinds == ["identical"] and np.array_equal(pair.before, pair.after):
        return _verdict(
            false, [f"not said: {_show(claim)}" for claim in truth.claims if claim.kind == "bit_depth"]
        )
    open_claims = list(truth.claims)
    for change in changes:
        if change["kind"] in ("gain", "balance", *truth.allowed):
            continue
        _check_change(change, changes, truth, pair, open_claims, false, missing)
    missing += [f"not said: {_show(claim)}" for claim in open_claims if not claim.optional]
    if truth.rest and "residual" not in kinds:
        missing.append("not said: a residual")
    if truth.level and "level" not in kinds:
        missing.append("not said: level over time")
    _check_levels(changes, truth, pair, false, missing)
    return _verdict(false, missing)


def _verdict(false: list[str], missing: list[str]) -> Verdict:
    if false:
        return Verdict(WRONG, tuple(false + missing))
    return Verdict(PARTIAL if missing else RIGHT, tuple(missing))


def _check_change(
    change: Said,
    changes: Sequence[Said],
    truth: Truth,
    pair: Pair,
    open_claims: list[Claim],
    false: list[str],
    missing: list[str],
) -> None:
    kind = change["kind"]
    if kind == "residual":
        if not truth.rest:
            missing.append(f"leaves {change['null_depth_db']:.0f} dB unexplained")
        return
    if kind == "eq" and truth.response:
        claims = [claim for claim in open_claims if claim.kind == "eq"]
        for claim in claims:
            open_claims.remove(claim)
            _check_bands(change, claim, missing)
        return
    if kind == "level":
        wrong = _check_curve(change, changes, pair)
        if wrong:
            false.append(wrong)
        elif not truth.level:
            missing.append("level over time is not the name for it")
        return
    same = [claim for claim in open_claims if claim.kind == kind]
    reasons = [_compare(change, claim, truth, pair) for claim in same]
    if not same:
        false.append(f"said {_show_said(change)}")
    elif None in reasons:
        open_claims.remove(same[reasons.index(None)])
    else:
        nearest = min(range(len(same)), key=lambda at: len(str(reasons[at])))
        reason = str(reasons[nearest])
        open_claims.remove(same[nearest])
        (missing if reason.startswith("vague") else false).append(reason)


def _compare(change: Said, claim: Claim, truth: Truth, pair: Pair) -> str | None:
    """Return what is false about a told change, starting with ``vague`` where it is only less than it could be."""
    edge = claim.slack or round(EDGE_S * pair.sample_rate)
    if claim.kind == "region" and _cannot_be_heard(change, claim, truth, pair, edge):
        edge = len(pair.before) + len(pair.after)
    for name, true in claim.figures.items():
        told = change.get(name)
        where = f"{claim.kind} {name} {told}, true {true}"
        if name == "offset_frames":
            if abs(told + (change.get("fraction_frames") or 0.0) - true) > 0.1:
                return where
        elif name == "action":
            if told == "replaced" and true == "muted":
                return "vague: muted, said replaced"
            if told != true:
                return where
        elif name in ("start_frame", "frames", "source_frame"):
            if abs(told - true) > edge:
                return where
        elif isinstance(true, float):
            if told is None or abs(told - true) > _figure_slack(name, true, pair):
                return where
        elif told != true and not (name == "channels" and _all_channels(told, true, pair)):
            return where
    return None


def _cannot_be_heard(change: Said, claim: Claim, truth: Truth, pair: Pair, edge: int) -> bool:
    """Whether edges that lie elsewhere are as true: where the sound repeats itself, or both versions are silent.

    A stretch put in or cut out may slide as long as it leaves the same sound; one that was replaced has to hold all
    that differs, and may reach no further than what was really replaced.
    """
    told, true = (
        (row["action"], row["start_frame"], row["frames"]) for row in (change, {**_NOWHERE, **claim.figures})
    )
    if truth.gains_db is None or truth.response or told[0] != true[0] or true[1] < 0:
        return False
    gain = 10 ** (np.broadcast_to(np.asarray(truth.gains_db, float), pair.after.shape[1]) / 20)
    if told[0] in ("inserted", "deleted"):
        if told[2] != true[2]:
            return False
        long, short = (
            (pair.after, pair.before * gain) if told[0] == "inserted" else (pair.before * gain, pair.after)
        )
        start, end = sorted((told[1], true[1]))
        slid, stayed = long[start:end], long[start + told[2] : end + told[2]]
        return len(slid) == len(stayed) and _is_silent(slid - stayed, short[start:end])
    inside = slice(true[1], true[1] + true[2])
    differs = np.abs(pair.after[inside] - pair.before[inside] * gain).max(axis=1) > _HEARD
    heard = np.flatnonzero(differs) + true[1]
    if not len(heard):
        return False
    end = told[1] + told[2]
    return bool(
        true[1] - edge <= told[1] <= heard[0] + edge and heard[-1] - edge <= end <= true[1] + true[2] + edge
    )


def _is_silent(rest: np.ndarray, sound: np.ndarray) -> bool:
    return bool(np.square(rest).sum() <= 1e-4 * np.square(sound).sum() + len(rest) * 1e-8)


def _figure_slack(name: str, true: float, pair: Pair) -> float:
    # A stretcher puts its windows down where they fit, some 20 ms to either side.
    ratio = 0.002 + 0.02 * pair.sample_rate / len(pair.after)
    return {"ratio": ratio, "semitones": 0.05, "width": 0.03, "cutoff_hz": 0.1 * true}.get(name, 0.0)


def _all_channels(told: Any, true: Any, pair: Pair) -> bool:
    return true == "all" and isinstance(told, list | tuple) and len(told) == pair.after.shape[1]


def _gains(changes: Sequence[Said], pair: Pair) -> np.ndarray:
    total = np.zeros(pair.after.shape[1])
    for change in changes:
        if change["kind"] == "gain":
            total += change["gain_db"]
        elif change["kind"] == "balance":
            total += np.array(change["gains_db"][: len(total)])
    return total


def _check_levels(
    changes: Sequence[Said], truth: Truth, pair: Pair, false: list[str], missing: list[str]
) -> None:
    """Gains are judged as a sum, with the curve where there is one: how they are shared out is a matter of taste."""
    told = _gains(changes, pair)
    curves = [change["curve"] for change in changes if change["kind"] == "eq"]
    if truth.response:
        hz, true_db = pair.response_db
        total = np.full(len(hz), float(told.mean()))
        for curve in curves:
            points = np.array(curve, dtype=float).reshape(-1, 2)
            if len(points):
                total += np.interp(np.log(hz), np.log(np.maximum(points[:, 0], 1.0)), points[:, 1])
        off = np.abs(total - true_db)
        if len(off) and off.max() > EQ_DB:
            at = int(off.argmax())
            text = f"{total[at]:+.2f} dB at {hz[at]:.0f} Hz, true {true_db[at]:+.2f}"
            (false if curves else missing).append(f"curve {text}")
        return
    known, slack = (truth.gains_db, GAIN_DB) if truth.about_db is None else (truth.about_db, 1.0)
    if known is None or any(change["kind"] == "level" for change in changes):
        return
    true = np.broadcast_to(np.asarray(known, float), told.shape)
    wrong = np.abs(told - true) > slack
    named = {change["kind"] for change in changes} & {"gain", "balance"}
    if wrong.any():
        text = f"gain {np.round(told, 3).tolist()} dB, true {np.round(true, 3).tolist()}"
        (false if named else missing).append(text)


def _check_bands(change: Said, claim: Claim, missing: list[str]) -> None:
    """The curve is judged elsewhere: a band of another name is no lie, only less than could be said."""
    wanted = list(claim.figures["bands"])
    for band in change["bands"]:
        near = [true for true in wanted if _is_band(band, *true)]
        if near:
            wanted.remove(near[0])
        else:
            missing.append(
                f"another band: {band['type']} {band['hz']:.0f} Hz {band.get('gain_db') or 0.0:+.1f} dB"
            )
    missing += [f"not said: {kind} {hz:.0f} Hz" + (f" {db:+g} dB" if db else "") for kind, hz, db in wanted]


def _is_band(band: Said, kind: str, hz: float, gain_db: float | None) -> bool:
    """A shelf that lifts the bottom is one that lowers the top, and a gain."""
    told = band.get("gain_db")
    reach = 1.19 if kind == "peak" else 1.5
    if not 1 / reach < band["hz"] / hz < reach:
        return False
    if band["type"] == kind:
        return gain_db is None or abs(told - gain_db) <= 2 * EQ_DB
    other = {"low_shelf": "high_shelf", "high_shelf": "low_shelf"}.get(kind)
    return band["type"] == other and gain_db is not None and abs(told + gain_db) <= 2 * EQ_DB


def _check_curve(change: Said, changes: Sequence[Said], pair: Pair) -> str | None:
    """A told level over time has to be what the level did; a gain or a filter told apart leaves its mean free."""
    faded = [row for row in changes if row["kind"] == "fade"]
    points = []
    for second, told in change["curve"]:
        frame = second * pair.sample_rate
        true = pair.level_db(second)
        if true and not any(
            row["start_frame"] <= frame <= row["start_frame"] + row["frames"] for row in faded
        ):
            points.append((second, told, *true))
    if len(points) < 2:
        return None
    # Who can hear 60 dB less from nothing at all?
    seconds, told_db, least, most = np.array(
        [(point[0], *np.maximum(point[1:], -60.0)) for point in points]
    ).T
    mean = float(np.median(told_db - (least + most) / 2))
    off = np.maximum(least - told_db, told_db - most) - _LEVEL_DB
    off = np.minimum(off, np.maximum(least + mean - told_db, told_db - most - mean) - _LEVEL_DB)
    if np.mean(off > 0) > 0.1:
        at = int(off.argmax())
        return f"level {told_db[at]:+.1f} dB at {seconds[at]:.2f} s, measured {least[at]:+.1f} to {most[at]:+.1f}"
    return None


def _check_pieces(said: Said, truth: Truth, pair: Pair) -> list[str]:
    """Pieces lie end to end, inside both sounds, and lead to where things were."""
    at, wrong = 0, []
    for piece in said["pieces"]:
        if piece["start"] != at or piece["frames"] <= 0:
            wrong.append(f"pieces do not follow each other at {at}")
            break
        at += piece["frames"]
    if at != len(pair.after):
        wrong.append(f"pieces end at {at} of {len(pair.after)}")
    for frame, source in truth.places:
        for piece in said["pieces"]:
            inside = 0 <= frame - piece["start"] < piece["frames"]
            if inside and piece["source"] is not None:
                told = piece["source"] + frame - piece["start"]
                if abs(told - source) > 1:
                    wrong.append(f"frame {frame} said to come from {told}, true {source}")
    return wrong


def _show(claim: Claim) -> str:
    return " ".join([claim.kind, *(f"{name} {value}" for name, value in claim.figures.items())])


def _show_said(change: Said) -> str:
    rest = {name: value for name, value in change.items() if name not in ("kind", "curve", "path")}
    return " ".join([str(change["kind"]), *(f"{name} {value}" for name, value in rest.items())])
