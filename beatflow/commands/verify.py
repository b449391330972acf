"""``bf verify``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    BarsOption,
    DurationOption,
    JsonOption,
    KeyOption,
    LoopOption,
    LoudnessOption,
    MeterOption,
    TempoOption,
    ToleranceOption,
)
from beatflow.contract.terms import DEFAULT_TOLERANCE, Terms, make_terms
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation
from beatflow.making.request import Request

if TYPE_CHECKING:
    from beatflow.contract.verification import Verification
    from beatflow.repository import Repository
    from beatflow.ui import Ui


def verify(
    invocation: Invocation,
    files: Annotated[
        list[str] | None,
        Argument(metavar="FILE...|-", help="Sound files; with --sum a mix and its stems."),
    ] = None,
    contract: Annotated[
        bool, Option("--contract", help="Measure files against what they were to keep (the default).")
    ] = False,
    sums: Annotated[
        bool, Option("--sum", help="Prove that the first file is the sum of the others.")
    ] = False,
    tempo: TempoOption = None,
    key: KeyOption = None,
    meter: MeterOption = None,
    bars: BarsOption = None,
    duration: DurationOption = None,
    loop: LoopOption = None,
    loudness: LoudnessOption = None,
    tolerance: ToleranceOption = DEFAULT_TOLERANCE,
    json: JsonOption = False,
) -> int:
    """Prove that sounds keep what was promised, or that stems sum to their mix.

    --contract measures tempo, key, length, loop and level of each file against its record of how it was made, wherever
    the file lies, and against what the options say, which goes first. --sum without files takes the mix and the stems
    that track.toml names. Ends with 0 when everything is kept, else with 1. docs/contract.md says how each promise is
    tested.

    Examples:
      bf verify --contract mix.wav
      bf verify --contract loops/*.wav --bpm 90 --key Am --loop
      bf generate "lofi" --bpm 84 --bars 4 -o - | bf verify --contract - --bpm 84 --bars 4
      bf verify --sum
      bf verify --sum mix.wav stems/*.wav --json
    """
    request = Request(
        "", None, tempo, key, bars, duration, meter, loop=loop, loudness_lufs=loudness, tolerance=tolerance
    )
    request.check()
    given = make_terms(request.settle().asked, meter, tolerance)
    if contract and sums:
        raise UsageError("--contract and --sum prove different things", hint="give one of them")
    if sums:
        if given.values:
            raise UsageError("--sum has no use for --tempo, --key and the like", hint="leave them out")
        return _verify_sum(invocation, files or [], json)
    if not files:
        raise UsageError("nothing to verify", hint="bf verify --contract mix.wav, or bf verify --sum")
    return _verify_contract(invocation, files, given, json)


def _verify_contract(invocation: Invocation, files: list[str], given: Terms, json: bool) -> int:
    from beatflow.contract.verification import verify_file

    ui = invocation.ui
    found: list[tuple[str, Verification]] = []
    failures: list[tuple[str, BeatFlowError]] = []
    with ui.progress("measuring") as progress:
        for number, file in enumerate(files):

            def report(fraction: float, what: str, number: int = number) -> None:
                progress((number + fraction) / len(files), what)

            path = invocation.directory / file
            name = "standard input" if file == "-" else file
            try:
                source = ui.read_input() if file == "-" else path
                repository = None if file == "-" else _find_track(invocation, path)
                found.append((file, verify_file(source, name, given, repository, report)))
            except BeatFlowError as error:
                failures.append((file, error))
    if len(files) == 1 and failures:
        raise failures[0][1]
    if json:
        document = {
            "files": [{"path": path, **one.to_json()} for path, one in found],
            "failures": [
                {"path": path, "error": failure.message, "hint": failure.hint} for path, failure in failures
            ],
        }
        ui.emit_json("beatflow.verify/1", document)
    else:
        _show(ui, found)
    for _, failure in failures:
        ui.error(failure.message, failure.hint)
    return 0 if not failures and all(one.held for _, one in found) else 1


def _find_track(invocation: Invocation, path: Path) -> "Repository | None":
    """The track that the file lies in, or else the one around the user."""
    from beatflow.repository import Repository

    return Repository.find(path.parent, invocation.signature) or invocation.find_repository()


def _show(ui: "Ui", found: "list[tuple[str, Verification]]") -> None:
    from beatflow.contract.text import format_verdict, format_verified

    for path, one in found:
        held = [promise.held for promise in one.promises if promise.binding]
        verdict = format_verdict(held)
        ui.emit(f"{path}: {ui.style(verdict, 'added' if all(held) else 'removed')}")
        for line in format_verified(one.promises, one.duration_s):
            ui.emit(f"  {line}")


def _verify_sum(invocation: Invocation, files: list[str], json: bool) -> int:
    from beatflow.contract.summing import to_document, verify_sum, verify_track_sum
    from beatflow.contract.sumtext import format_sum

    ui = invocation.ui
    with ui.progress("adding up") as progress:
        if files:
            paths = [invocation.directory / file for file in files]
            proof = verify_sum(paths[0], paths[1:], files[0], files[1:], progress)
        else:
            proof = verify_track_sum(invocation.repository().root, progress)
    if json:
        document: dict[str, Any] = to_document(proof)
        ui.emit_json("beatflow.sum/1", document)
    else:
        for line in format_sum(proof):
            ui.emit(line)
    return 0 if proof.held else 1
