"""``bf analyze``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from beatflow.commands.options import JsonOption
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation
from beatflow.ui import Ui

Facts = dict[str, Any]


def analyze(
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...|-", help="Sound files; - reads standard input.")
    ],
    bpm_range: Annotated[
        str | None,
        typer.Option("--bpm-range", metavar="LO..HI", help="Look for the tempo in this range only."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Measure tempo, key, loudness and faults.

    Half and double tempo are often as right: the other candidates are shown, and --bpm-range decides. A file that
    cannot be read does not stop the others; the exit code is then 1.

    Examples:
      bf analyze mix.wav
      bf analyze stems/*.wav --json | jq -r '.files[] | [.path, .loudness_lufs] | @tsv'
      bf analyze loop.wav --bpm-range 70..140
    """
    from beatflow.hearing import measure_file

    invocation = Invocation.of(ctx)
    ui = invocation.ui
    tempi = _parse_range(bpm_range) if bpm_range else None
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


def _parse_range(text: str) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    try:
        bounds = (float(low), float(high))
    except ValueError:
        bounds = (0.0, 0.0)
    if not dots or not 0 < bounds[0] < bounds[1] < float("inf"):
        raise UsageError(f"{text!r} is not a range of tempi", hint="--bpm-range 70..140")
    return bounds


def _show(ui: Ui, results: list[Facts]) -> None:
    if len(results) == 1:
        for name, text in _lines(results[0]):
            ui.emit(f"{ui.style(f'{name:12}', 'dim')}{text}")
    elif results:
        columns = ["file", "length", "BPM", "key", "LUFS", "dBTP", "faults"]
        rows = [
            [
                facts["path"],
                _length(facts["duration_s"]),
                _number(facts["tempo"]),
                facts["key"],
                _number(facts["loudness_lufs"]),
                _number(facts["true_peak_dbtp"]),
                ", ".join(_faults(facts)),
            ]
            for facts in results
        ]
        ui.table(columns, rows)


def _lines(facts: Facts) -> list[tuple[str, str]]:
    kind = f"{facts['format']} {facts['subtype']}, {facts['sample_rate']} Hz, {facts['channels']} ch"
    tempo, key = _number(facts["tempo"]), facts["key"] or "–"
    if facts["tempo"]:
        others = ", ".join(_number(value) for value in facts["tempo_alternatives"])
        wander = "" if facts["tempo_steady"] else ", wanders"
        tempo += f" BPM ({facts['tempo_confidence']:.0%} sure{wander}{f'; or {others}' if others else ''})"
    if facts["key"]:
        runner_up = f"; or {facts['key_runner_up']}" if facts["key_runner_up"] else ""
        key += f" ({facts['key_confidence']:.0%} sure{runner_up})"
    return [
        ("file", facts["path"]),
        ("format", kind),
        ("length", f"{_length(facts['duration_s'])} ({facts['frames']} frames)"),
        ("tempo", tempo),
        ("key", key),
        (
            "loudness",
            f"{_number(facts['loudness_lufs'])} LUFS, true peak {_number(facts['true_peak_dbtp'])} dBTP",
        ),
        ("faults", ", ".join(_faults(facts)) or "none"),
    ]


def _faults(facts: Facts) -> list[str]:
    found = []
    if facts["silent"]:
        return ["silent"]
    if facts["mono"]:
        found.append("all channels alike")
    if facts["clipped_samples"]:
        found.append(f"{facts['clipped_samples']} clipped samples")
    if abs(facts["dc_offset"]) > 0.005:
        found.append(f"DC offset {facts['dc_offset']:+.3f}")
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _length(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
