"""``bf doctor``."""

from typing import Annotated

from beatflow.commandline.declaring import Option
from beatflow.commands.options import JsonOption
from beatflow.commands.takes import make_setup
from beatflow.invocation import Invocation

ILL = 1


def doctor(
    invocation: Invocation,
    quick: Annotated[
        bool, Option("--quick", help="Do not try torch and the audio device, only look for them.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Look at this machine: what runs here, what falls back, and what mends each gap.

    ok; note, not needed; gap, something does not run or runs slower; broken, it is there and does not work. Below, the
    engine that each work would get here. Ends with 0 when nothing is broken, gaps or not, otherwise with 1.

    Examples:
      bf doctor
      bf doctor --quick
      bf doctor --json | jq -r '.findings[] | select(.fix) | .fix'
    """
    from beatflow.readiness.diagnosis import diagnose
    from beatflow.readiness.text import format_diagnosis

    ui = invocation.ui
    diagnosis = diagnose(make_setup(invocation), invocation.directory, quick)
    if json:
        document = {
            "healthy": diagnosis.healthy,
            "findings": diagnosis.findings,
            "abilities": diagnosis.abilities,
        }
        ui.emit_json("beatflow.doctor/1", document)
    else:
        for line in format_diagnosis(diagnosis, ui.width, ui.style):
            ui.emit(line)
    return 0 if diagnosis.healthy else ILL
