"""``bf analyze``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import BpmRangeOption, JobsOption, JsonOption, parse_bpm_range
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation
from beatflow.ui import Ui

if TYPE_CHECKING:
    from beatflow.making.analyzing import Survey

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
    invocation: Invocation,
    files: Annotated[
        list[str],
        Argument(metavar="FILE|DIR...|-", help="Sounds, folders of them; - reads standard input."),
    ],
    bpm_range: BpmRangeOption = None,
    jobs: JobsOption = None,
    json: JsonOption = False,
) -> int:
    """Measure tempo, bars, key, form, loudness, stereo and faults.

    Half and double tempo are often as right: the other candidates are shown, and --bpm-range decides. A file that
    cannot be read does not stop the others; the exit code is then 1. Of a folder every sound is measured, in the
    folders in it too; what was measured before is remembered by its content. docs/listening.md says how each figure
    is measured, and how often it is right.

    Examples:
      bf analyze mix.wav
      bf analyze stems/*.wav --json | jq -r '.files[] | [.path, .loudness_lufs] | @tsv'
      bf analyze samples/ --json > samples.json
      bf analyze loop.wav --bpm-range 70..140
    """
    from beatflow.making.analyzing import measure_all

    ui = invocation.ui
    survey = _find_subjects(invocation, files, parse_bpm_range(bpm_range))
    order = {id(subject): number for number, subject in enumerate(survey.subjects)}
    results: dict[int, Facts] = {}
    failures: list[Facts] = [
        {"path": mishap.path, "error": mishap.message, "hint": mishap.hint}
        for mishap in survey.mishaps
        if mishap.broken
    ]
    with ui.progress("measuring") as progress:
        for outcome in measure_all(survey.subjects, jobs, progress):
            subject, error = outcome.item, outcome.error
            path = subject.name if isinstance(subject.recording, Path) else "-"
            if outcome.result is not None:
                results[order[id(subject)]] = {"path": path, **outcome.result}
            elif isinstance(error, BeatFlowError):
                failures.append({"path": path, "error": error.message, "hint": error.hint})
            elif error is not None:
                failures.append({"path": path, "error": f"{path}: {error}", "hint": None})
    good = [results[number] for number in sorted(results)]
    if json:
        ui.emit_json("beatflow.analyze/1", {"files": good, "failures": failures})
    else:
        _show(ui, good)
    for failure in failures:
        known = failure["path"] in failure["error"] or failure["path"] == "-"
        ui.error(failure["error"] if known else f"{failure['path']}: {failure['error']}", failure["hint"])
    return 1 if failures else 0


def _find_subjects(invocation: Invocation, files: list[str], tempi: tuple[float, float] | None) -> "Survey":
    """The sounds that are named, and those in the folders that are."""
    from beatflow.making.analyzing import Subject, Survey

    repository, state = invocation.find_repository(), invocation.settings.state
    folder = repository.state if repository else state
    memory = folder / "analysis" if folder else None
    survey = Survey()
    for file in files:
        if file == "-":
            survey.subjects.append(Subject(invocation.ui.read_input(), "standard input", tempi))
        elif Path(file).is_dir():
            survey.add_folder(Path(file), file, tempi, memory)
        else:
            # A sound by itself is remembered in its track alone: who measures one file is not going through a heap.
            survey.subjects.append(Subject(Path(file), file, tempi, memory if repository else None))
    if not survey.subjects and not any(mishap.broken for mishap in survey.mishaps):
        raise UsageError(
            f"there is no sound in {', '.join(files)}", hint="name a folder with sounds, or a file"
        )
    return survey


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
