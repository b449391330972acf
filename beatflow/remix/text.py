"""A remix in words and as JSON: what was done, step by step, and what came of it. Prints nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from beatflow.contract.text import format_contract
from beatflow.remix.plan import Plan
from beatflow.remix.result import Remix
from beatflow.remix.styles import STYLES
from beatflow.sound.effects.kind import EffectKind
from beatflow.sound.formats import get_format
from beatflow.wording import format_duration

_TOLD_DB = 0.05


def format_steps(remix: Remix) -> list[str]:
    """What is done to the sound, in order, a few words each."""
    plan, rate = remix.draft.plan, remix.sample_rate
    steps = []
    if plan.frames != remix.before.frames:
        before = plan.start_frame / rate
        after = (remix.before.frames - plan.start_frame - plan.frames) / rate
        steps.append(f"trimmed ({before:.2f} s before, {after:.2f} s after)")
    if plan.reverse:
        steps.append("reversed")
    if plan.length_frames != plan.frames:
        steps.append(_tell_tempo(remix, plan))
    if plan.semitones:
        kept = ", formants kept" if plan.formants else ""
        steps.append(f"{plan.semitones:+g} semitones{_tell_key(remix)}{kept}")
    if plan.groove:
        steps.append(_tell_groove(remix))
    if plan.fx:
        steps.append(f"effects {remix.draft.fx}")
    fades = [
        f"{side} {seconds:g} s"
        for side, seconds in (("in", plan.fade_in_s), ("out", plan.fade_out_s))
        if seconds
    ]
    if fades:
        steps.append(f"faded {', '.join(fades)}")
    if plan.loudness_lufs is not None:
        steps.append(f"brought to {plan.loudness_lufs:g} LUFS")
    return steps


def _tell_tempo(remix: Remix, plan: Plan) -> str:
    percent = f"{100 * (plan.frames / plan.length_frames - 1):+.4g} %"
    own, now = remix.draft.source.tempo, remix.tempo
    return f"{own:.2f} to {now:.2f} BPM ({percent})" if own and now else f"tempo {percent}"


def _tell_key(remix: Remix) -> str:
    own, now = remix.draft.source.key, remix.key
    return f" ({own} to {now})" if own and now else ""


def _tell_groove(remix: Remix) -> str:
    groove = remix.draft.plan.groove
    assert groove is not None
    maker = remix.crew.maker.info.name if remix.crew.maker else ""
    if groove.guided:
        return f"{groove.style} ({maker} follows it)"
    parts = [f"drums by {maker}"] if maker else []
    if len(remix.parts) > 1:
        parts.append("instead of the true stem")
    if groove.separator:
        parts.append(
            f"the old ones taken out{f' by {groove.separator}' if groove.separator != 'auto' else ''}"
        )
    told = f" ({', '.join(parts)})" if parts else ""
    return f"{groove.style}{told}: {STYLES[groove.style].about}"


def format_remix(remix: Remix) -> Iterator[str]:
    """Lines for people, on stderr: what was noticed, done, and measured."""
    yield from remix.draft.notes
    yield from format_steps(remix)
    yield from format_contract(remix.contract, remix.duration_s)
    if remix.headroom_db < -_TOLD_DB:
        yield f"turned down by {-remix.headroom_db:.1f} dB, so that nothing clips"
    if remix.limited_db > _TOLD_DB:
        yield f"a limiter holds peaks back by up to {remix.limited_db:.1f} dB"


def summarize(remix: Remix) -> str:
    """Length, depth and rate in one line."""
    rate = f"{remix.sample_rate / 1000:g} kHz"
    return f"{format_duration(remix.duration_s)}, {rate}, {remix.channels} ch, {_find_subtype(remix)}"


def _find_subtype(remix: Remix) -> str:
    """What the file holds: formats that lose something have no depth."""
    return get_format(remix.sound.path, remix.subtype)[1] if remix.sound else remix.subtype


def format_effects(kinds: Sequence[EffectKind]) -> Iterator[str]:
    """Every effect with its parameters, their ranges and defaults."""
    for kind in kinds:
        also = f" (also {', '.join(kind.aliases)})" if kind.aliases else ""
        yield f"{kind.name}{also}: {kind.meaning}"
        for parameter in kind.parameters:
            facts = parameter.to_json()
            default = facts.get("default")
            usual = f", usually {default}" if default not in (None, "") else ""
            yield f"    {parameter.name:10} {parameter.range_text}{usual}: {parameter.meaning}"


def describe_document(remix: Remix) -> dict[str, Any]:
    """As ``--json`` has it, but for the file."""
    source, draft = remix.draft.source, remix.draft
    return {
        "original": remix.subject.name,
        "original_oid": remix.subject.oid,
        "stem": remix.subject.stem or None,
        "source": {
            "tempo": source.tempo,
            "tempo_steady": source.steady,
            "key": source.key,
            "meter": source.meter,
        },
        "tempo": remix.tempo,
        "key": remix.key,
        "semitones": draft.plan.semitones,
        "ratio": draft.plan.ratio,
        "frames": remix.frames,
        "sample_rate": remix.sample_rate,
        "channels": remix.channels,
        "subtype": _find_subtype(remix),
        "duration_s": remix.duration_s,
        "steps": format_steps(remix),
        "notes": list(draft.notes),
        "plan": draft.plan.to_json(),
        "engine": remix.crew.maker.info.name if remix.crew.maker else None,
        "separator": remix.crew.separator.info.name if remix.crew.separator else None,
        "contract": remix.contract.to_json() if remix.contract else None,
        "measured": remix.measured.to_json() if remix.measured else None,
        "limited_db": remix.limited_db,
        "headroom_db": remix.headroom_db,
        "clipped_samples": remix.clipped,
        "seconds": remix.seconds,
        "real_time_factor": remix.real_time_factor,
    }
