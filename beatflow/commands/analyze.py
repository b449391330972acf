"""``bf analyze``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from beatflow.commands.options import BpmRangeOption, JsonOption, parse_bpm_range
from beatflow.errors import BeatFlowError
from beatflow.invocation import Invocation
from beatflow.ui import Ui

Facts = dict[str, Any]

DEPTHS = {
    "PCM_S8": "8 bit", "PCM_U8": "8 bit", "PCM_16": "16 bit", "PCM_24": "24 bit", "PCM_32": "32 bit",
    "FLOAT": "32 bit float", "DOUBLE": "64 bit float", "ULAW": "µ-law", "ALAW": "A-law",
}  # fmt: skip
SHOWN_TEMPI = 2
# From where on a figure is called sure, quite sure and not sure; below it is a guess. How often each was right, of
# sounds that nothing was fitted to (docs/listening.md): tempi 79 of 84, 62 of 68, 50 of 68, 4 of 8; bars .82 of
# 55, .62 of 13, .41 of 17, .24 of 21; keys, each piece left out of the fit in its turn, 144 of 145, 64 of 75, 56 of 67,
# 9 of 30.
SURE_OF_TEMPO = (0.85, 0.7, 0.3)
SURE_OF_BARS = (0.85, 0.7, 0.5)
SURE_OF_KEY = (0.8, 0.65, 0.4)
SHOWN_SECTIONS = 12
SILENCE_TOLD_S = 0.1
LEANS_DB = 3.0
"""A balance that is told as a fault."""
BASS_AGAINST = -0.2


def analyze(
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...|-", help="Sound files; - reads standard input.")
    ],
    bpm_range: BpmRangeOption = None,
    json: JsonOption = False,
) -> int:
    """Measure tempo, bars, key, form, loudness, stereo and faults.

    Half and double tempo are often as right: the other candidates are shown, and --bpm-range decides. A file that
    cannot be read does not stop the others; the exit code is then 1. docs/listening.md says how each figure is
    measured, and how often it is right.

    Examples:
      bf analyze mix.wav
      bf analyze stems/*.wav --json | jq -r '.files[] | [.path, .loudness_lufs] | @tsv'
      bf analyze loop.wav --bpm-range 70..140
    """
    from beatflow.making.hearing import measure_file

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    tempi = parse_bpm_range(bpm_range)
    repository = invocation.find_repository()
    results: list[Facts] = []
    failures: list[BeatFlowError] = []
    with ui.progress("measuring") as progress:
        for number, file in enumerate(files):

            def report(fraction: float, what: str, number: int = number) -> None:
                progress((number + fraction) / len(files), what)

            name = "standard input" if file == "-" else file
            try:
                source = ui.read_input() if file == "-" else Path(file)
                results.append({"path": file, **measure_file(source, name, tempi, repository, report)})
            except BeatFlowError as error:
                failures.append(error)
                results.append({"path": file, "error": error.message, "hint": error.hint})
    if json:
        good = [facts for facts in results if "error" not in facts]
        bad = [facts for facts in results if "error" in facts]
        ui.emit_json("beatflow.analyze/1", {"files": good, "failures": bad})
    else:
        _show(ui, [facts for facts in results if "error" not in facts])
    for failure in failures:
        ui.error(failure.message, failure.hint)
    return 1 if failures else 0


def _show(ui: Ui, results: list[Facts]) -> None:
    from beatflow.wording import format_duration

    if len(results) == 1:
        for name, text in _lines(results[0]):
            ui.emit(f"{ui.style(f'{name:12}', 'dim')}{text}")
    elif results:
        columns = ["file", "length", "BPM", "meter", "key", "LUFS", "LU", "dBTP", "phase", "faults"]
        rows = [
            [
                facts["path"],
                format_duration(facts["duration_s"]),
                _number(facts["tempo"]),
                facts["meter"],
                facts["key"],
                _number(facts["loudness_lufs"]),
                _number(facts["loudness_range_lu"]),
                _number(facts["true_peak_dbtp"]),
                _number(facts["phase_correlation"], 2),
                ", ".join(_faults(facts)),
            ]
            for facts in results
        ]
        ui.table(columns, rows)


def _lines(facts: Facts) -> list[tuple[str, str]]:
    from beatflow.wording import format_loudness

    loudness = format_loudness(facts["loudness_lufs"])
    if facts["true_peak_dbtp"] is not None:
        # Too short for a loudness is not silent.
        loudness = "too short or too quiet to tell" if facts["loudness_lufs"] is None else loudness
        loudness += f", true peak {_number(facts['true_peak_dbtp'])} dBTP"
    lines = [
        ("file", facts["path"]),
        ("format", _format(facts)),
        ("length", _length(facts)),
        ("tempo", _tempo(facts)),
        ("meter", _meter(facts)),
        ("key", _key(facts)),
        ("sections", _sections(facts["sections"])),
        ("loudness", loudness),
        ("dynamics", _dynamics(facts)),
        ("stereo", _stereo(facts)),
        ("faults", ", ".join(_faults(facts)) or "none"),
    ]
    return [(name, text) for name, text in lines if text]


def _length(facts: Facts) -> str:
    from beatflow.wording import format_duration

    silences = [
        f"{_number(seconds)} s of silence {where}"
        for seconds, where in (
            (facts["leading_silence_s"], "first"),
            (facts["trailing_silence_s"], "last"),
        )
        if seconds >= SILENCE_TOLD_S and not facts["silent"]
    ]
    return ", ".join([format_duration(facts["duration_s"]), *silences])


def _format(facts: Facts) -> str:
    kind, subtype = facts["format"], facts["subtype"]
    kind = {"VORBIS": "Ogg Vorbis", "OPUS": "Ogg Opus", "MPEG_LAYER_III": "MP3"}.get(
        subtype, f"{kind}, {DEPTHS.get(subtype, subtype)}"
    )
    channels = {1: "mono", 2: "stereo"}.get(facts["channels"], f"{facts['channels']} channels")
    return f"{kind}, {facts['sample_rate'] / 1000:g} kHz, {channels}"


def _tempo(facts: Facts) -> str:
    from beatflow.wording import format_tempo

    if facts["tempo"] is None:
        return "free or none"
    certainty = _certainty(facts["tempo_confidence"], SURE_OF_TEMPO)
    wander = "" if facts["tempo_steady"] else ", wanders"
    others = facts["tempo_alternatives"][:SHOWN_TEMPI]
    rivals = (
        f"; or {', '.join(format_tempo(other).removesuffix(' BPM') for other in others)}" if others else ""
    )
    return f"{format_tempo(facts['tempo'])} ({certainty}{wander}{rivals})"


def _meter(facts: Facts) -> str:
    """The meter and where bars begin; nothing where they cannot be told."""
    from beatflow.wording import plural

    if facts["meter"] is None or not facts["downbeats"]:
        return ""
    first, count = facts["downbeats"][0], len(facts["downbeats"])
    certainty = _certainty(facts["downbeat_confidence"], SURE_OF_BARS)
    return f"{facts['meter']} ({certainty}), {plural(count, 'downbeat')}, the first at {_clock(first)}"


def _key(facts: Facts) -> str:
    if facts["key"] is None:
        return "none"
    rival = f"; or {facts['key_runner_up']}" if facts["key_runner_up"] else ""
    cents = facts["tuning_cents"] or 0.0
    tuned = f", {_number(abs(cents), 0)} cents {'sharp' if cents > 0 else 'flat'}" if abs(cents) >= 3 else ""
    return f"{facts['key']} ({_certainty(facts['key_confidence'], SURE_OF_KEY)}{rival}){tuned}"


def _sections(sections: list[dict[str, Any]]) -> str:
    """Where each begins; nothing where there is but one."""
    if len(sections) < 2:
        return ""
    shown = "  ".join(
        f"{section['label']} {_clock(section['start_s'])}" for section in sections[:SHOWN_SECTIONS]
    )
    more = len(sections) - SHOWN_SECTIONS
    return f"{shown}  and {more} more" if more > 0 else shown


def _dynamics(facts: Facts) -> str:
    parts = [
        f"{text} {_number(facts[name])} {unit}"
        for text, name, unit in (
            ("range", "loudness_range_lu", "LU"),
            ("loudest 3 s", "short_term_max_lufs", "LUFS"),
            ("loudest 0.4 s", "momentary_max_lufs", "LUFS"),
        )
        if facts[name] is not None
    ]
    return ", ".join(parts)


def _stereo(facts: Facts) -> str:
    """How left and right get along; nothing for one channel or channels that are all alike."""
    if facts["phase_correlation"] is None or facts["mono"]:
        return ""
    parts = [f"correlation {_number(facts['phase_correlation'], 2)}"]
    worst = facts["phase_correlation_worst"]
    if worst < facts["phase_correlation"] - 0.1:
        parts.append(f"at worst {_number(worst, 2)} ({_clock(facts['phase_worst_start_s'])})")
    if facts["phase_correlation_bass"] is not None:
        parts.append(f"bass {_number(facts['phase_correlation_bass'], 2)}")
    parts.append(f"{_number(facts['mono_change_db'])} dB in mono")
    if abs(facts["balance_db"]) >= 0.5:
        parts.append(_lean(facts["balance_db"]))
    return ", ".join(parts)


def _lean(balance_db: float) -> str:
    return f"{'right' if balance_db > 0 else 'left'} {_number(abs(balance_db))} dB louder"


def _clock(seconds: float) -> str:
    """Like ``1:05.3``."""
    from beatflow.wording import format_duration

    return format_duration(round(seconds, 1))[:-2]


def _certainty(confidence: float, steps: tuple[float, float, float]) -> str:
    sure, quite, unsure = steps
    if confidence >= quite:
        return "sure" if confidence >= sure else "quite sure"
    return "not sure" if confidence >= unsure else "a guess"


def _faults(facts: Facts) -> list[str]:
    from beatflow.wording import format_number, plural

    found = ["breaks off before its announced end"] if facts.get("truncated") else []
    if facts["silent"]:
        return [*found, "silent"]
    if facts["mono"]:
        found.append("all channels alike")
    if facts["clipped_samples"]:
        found.append(plural(facts["clipped_samples"], "clipped sample"))
    if abs(facts["dc_offset"]) > 0.005:
        found.append(f"DC offset {format_number(facts['dc_offset'], 3)}")
    found += [f"{_name_channel(channel)} silent" for channel in facts["silent_channels"]]
    if facts["phase_correlation"] is not None:
        found += _stereo_faults(facts)
    return found


def _stereo_faults(facts: Facts) -> list[str]:
    from beatflow.sound.phase import CANCELLING_DB

    found = []
    if facts["mono_change_db"] <= CANCELLING_DB:
        found.append(f"cancels in mono ({_number(facts['mono_change_db'])} dB)")
    elif facts["mono_change_worst_db"] <= CANCELLING_DB:
        found.append(f"cancels in mono around {_clock(facts['phase_worst_start_s'])}")
    elif (facts["phase_correlation_bass"] or 0.0) < BASS_AGAINST:
        found.append("bass out of phase")
    if abs(facts["balance_db"]) >= LEANS_DB:
        found.append(_lean(facts["balance_db"]))
    return found


def _name_channel(channel: int) -> str:
    return ("left channel", "right channel")[channel] if channel < 2 else f"channel {channel + 1}"


def _number(value: float | None, digits: int = 1) -> str:
    from beatflow.wording import format_number

    return "–" if value is None else format_number(value, digits)
