"""How a sound came out when it was made again, told on a terminal and as JSON. Pure text."""

from collections.abc import Iterator, Sequence
from typing import Any

from beatflow.columns import cell_width, pad
from beatflow.lineage.proof import DIFFERENT, EQUAL, IDENTICAL, MAX_NULL_DEPTH_DB, SAME_SAMPLES, Figure
from beatflow.lineage.reproduction import Failure, Reproduction
from beatflow.lineage.text import Page
from beatflow.wording import format_number

FAILED = "failed"
WORDS = {
    IDENTICAL: "bit-exact",
    SAME_SAMPLES: "the same samples, in another file",
    EQUAL: "equal",
    DIFFERENT: "different",
}
_STYLES = {IDENTICAL: "added", SAME_SAMPLES: "added", EQUAL: "added", DIFFERENT: "removed"}
_UNITS = {"tempo": " BPM", "loudness_lufs": " LUFS", "true_peak_dbtp": " dBTP", "sample_rate": " Hz"}
_NAMES = {
    "loudness_lufs": "loudness", "true_peak_dbtp": "true peak", "sample_rate": "sample rate",
    "engine_version": "engine version",
}  # fmt: skip
_MADE = {
    "mix": "mixed from its stems",
    "merge": "merged from two versions",
    "loop": "cut as a loop",
    "remix": "remixed",
}


def format_results(results: Sequence[Reproduction | Failure], page: Page) -> Iterator[str]:
    """Yield how sounds came out, as lines."""
    width = max((cell_width(page.clean(one.path)) for one in results), default=0)
    for one in results:
        if isinstance(one, Reproduction):
            yield from _format_reproduction(one, page, width)
        else:
            yield from _format_failure(one, page, width)


def _format_reproduction(done: Reproduction, page: Page, width: int) -> Iterator[str]:
    proof, clean = done.proof, page.clean
    words = WORDS[proof.verdict]
    if proof.null_depth_db is not None:
        words += f", null depth {format_number(proof.null_depth_db)} dB"
    made = f"{done.kind} by {done.engine}" if done.engine else _MADE[done.kind]
    if proof.verdict == IDENTICAL:
        made += f" · sha256 {done.oid[:16]}"
    name = pad(clean(done.path), width)
    yield f"{name}  {page.style(words, _STYLES[proof.verdict])}  {page.style(clean(made), 'dim')}"
    for figure in proof.contract:
        yield f"  {_format_figure(figure, page)}"
    if proof.verdict != IDENTICAL and done.differences:
        yield "  what differs"
    elif done.differences:
        yield "  although these differ"
    for one in done.differences:
        name = _NAMES.get(one.what, one.what)
        yield f"    {clean(name)}: {clean(one.then or 'none')} then, {clean(one.now or 'none')} now"
    if proof.verdict == DIFFERENT and not any(figure.name == "frames" for figure in proof.contract):
        yield "  the original is not here to be compared with"


def _format_figure(figure: Figure, page: Page) -> str:
    name = _NAMES.get(figure.name, figure.name)
    then, now = (_format_value(figure.name, value) for value in (figure.then, figure.now))
    if then == now:
        return page.style(page.clean(f"{name} {then}, kept"), "dim")
    word = "kept" if figure.equal else "not kept"
    return page.style(
        page.clean(f"{name} {then} then, {now} now: {word}"), "dim" if figure.equal else "removed"
    )


def _format_value(name: str, value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, float):
        value = format_number(value, 2).rstrip("0").rstrip(".")
    return f"{value}{_UNITS.get(name, '')}"


def _format_failure(failure: Failure, page: Page, width: int) -> Iterator[str]:
    word = page.style(
        "not made again" if failure.recorded else "no record", "warning" if failure.recorded else "dim"
    )
    yield f"{pad(page.clean(failure.path), width)}  {word}"
    if failure.recorded:
        yield f"  {page.clean(failure.error.message)}"
        if failure.error.hint:
            yield "  " + page.style(page.clean(failure.error.hint), "hint")


def describe_results(results: Sequence[Reproduction | Failure]) -> dict[str, Any]:
    """Return all of it as a document for JSON."""
    return {
        "verdict": conclude(results),
        "max_null_depth_db": MAX_NULL_DEPTH_DB,
        "sounds": [
            _describe(one) if isinstance(one, Reproduction) else _describe_failure(one) for one in results
        ],
    }


def conclude(results: Sequence[Reproduction | Failure]) -> str:
    """Return the worst verdict of what was made again; ``failed`` where something could not be."""
    order = (IDENTICAL, SAME_SAMPLES, EQUAL, DIFFERENT, FAILED)
    found = [
        one.proof.verdict if isinstance(one, Reproduction) else FAILED
        for one in results
        if isinstance(one, Reproduction) or one.recorded
    ]
    return max(found, key=order.index, default=FAILED)


def _describe(done: Reproduction) -> dict[str, Any]:
    return {
        "path": done.path,
        "oid": done.oid,
        "new_oid": done.new_oid,
        "kind": done.kind,
        "engine": done.engine or None,
        "verdict": done.proof.verdict,
        "null_depth_db": done.proof.null_depth_db,
        "contract": [
            {"name": one.name, "then": one.then, "now": one.now, "kept": one.equal}
            for one in done.proof.contract
        ],
        "differences": [{"what": one.what, "then": one.then, "now": one.now} for one in done.differences],
        "seconds": done.seconds,
    }


def _describe_failure(failure: Failure) -> dict[str, Any]:
    verdict = FAILED if failure.recorded else "no_record"
    return {
        "path": failure.path,
        "oid": failure.oid,
        "verdict": verdict,
        "error": failure.error.message,
        "hint": failure.error.hint,
    }
