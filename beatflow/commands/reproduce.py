"""``bf reproduce``."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    DeviceOption,
    DtypeOption,
    ForceOption,
    JsonOption,
    RuntimeOption,
    complete_word,
)
from beatflow.commands.takes import make_setup
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatflow.lineage.reproduction import Failure, Reproduction


def reproduce(
    invocation: Invocation,
    word: Annotated[
        str,
        Argument(
            metavar="PATH | REV | REV:PATH",
            help="A sound, a folder of them, or a commit: its mix and stems.",
            autocompletion=complete_word,
        ),
    ],
    output: Annotated[
        str | None,
        Option("--output", "-o", metavar="FILE|DIR", help="Keep what was made again."),
    ] = None,
    remote: Annotated[
        bool, Option("--remote", help="Ask engines on other machines too, which costs money.")
    ] = False,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    runtime: RuntimeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> int:
    """Make a sound again from its record, and prove that it is the same.

    Runs the same engine with the same prompt, seed and inputs, and compares: bit-exact, or else how deep the
    difference lies and whether tempo, key and length are kept, with what differs of engine, device, number format and
    libraries. Nothing in the track changes. Ends with 0 where every sound is bit-exact, or below -60 dB with
    its figures kept; else with 1.

    Examples:
      bf reproduce mix.wav
      bf reproduce HEAD~3
      bf reproduce v1:stems/drums.wav -o again.wav
      bf reproduce song-stems/ --json
    """
    from beatflow.lineage.proof import DIFFERENT
    from beatflow.lineage.prooftext import FAILED, conclude
    from beatflow.lineage.reproduction import Reproduction
    from beatflow.lineage.reproduction import reproduce as run_again
    from beatflow.lineage.state import find_wanted

    setup = make_setup(invocation, device, dtype, runtime, offline=not remote)
    repository = invocation.repository()
    (wanted,) = find_wanted(repository, [word], mix_only=True)
    targets = _find_targets(invocation.directory, output, wanted.paths, force) if output else {}
    with tempfile.TemporaryDirectory(prefix="beatflow-") as folder:
        with invocation.ui.progress("making it again") as progress:
            results = list(run_again(repository, wanted, setup, Path(folder), remote, progress))
        _raise_alone(results)
        for one in results:
            if isinstance(one, Reproduction) and one.path in targets:
                targets[one.path].parent.mkdir(parents=True, exist_ok=True)
                shutil.move(one.file, targets[one.path])
    _show(invocation, results, json)
    return 1 if conclude(results) in (DIFFERENT, FAILED) else 0


def _find_targets(directory: Path, output: str, paths: "Sequence[str]", force: bool) -> dict[str, Path]:
    """Return where the new rendering of each sound goes."""
    from beatflow.delivery import check_new, find_place

    if output == "-":
        raise UsageError("what it proves goes to standard output, the sound to a file", hint="give -o FILE")
    place = find_place(output, directory)
    if place.file and len(paths) > 1:
        raise UsageError(f"{len(paths)} sounds do not fit into one file", hint="give -o DIR/")
    targets = {path: place.folder / (place.file or path) for path in paths}
    for target in targets.values():
        check_new(target, force)
    return targets


def _raise_alone(results: "Sequence[Reproduction | Failure]") -> None:
    """Fail as what was asked for failed, where nothing was made again and all of it has one reason."""
    from beatflow.lineage.reproduction import Failure

    failures = [one for one in results if isinstance(one, Failure)]
    recorded = [one for one in failures if one.recorded] or failures
    if len(failures) == len(results) and len({one.error.message for one in recorded}) == 1:
        raise recorded[0].error


def _show(invocation: Invocation, results: "Sequence[Reproduction | Failure]", json: bool) -> None:
    from beatflow.columns import safe_line
    from beatflow.lineage.prooftext import describe_results, format_results
    from beatflow.lineage.text import Page

    ui = invocation.ui
    if json:
        ui.emit_json("beatflow.reproduce/1", describe_results(results))
        return
    page = Page(ui.style, safe_line, ui.width if ui.terminal else None)
    for line in format_results(results, page):
        ui.emit(line)
