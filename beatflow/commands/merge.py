"""``bf merge``."""

from typing import TYPE_CHECKING, Annotated, Literal

from beatflow.commandline.declaring import Argument
from beatflow.commands.options import (
    DryRunOption,
    FastForwardOnlyOption,
    FastForwardOption,
    JsonOption,
    MessageOption,
    UnrelatedOption,
    complete_revision,
)
from beatflow.errors import ConflictError, UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.merge.merge import Merge


def merge(
    invocation: Invocation,
    revision: Annotated[
        str,
        Argument(
            metavar="REV", help="What to merge: a branch, or any commit.", autocompletion=complete_revision
        ),
    ],
    message: MessageOption = None,
    fast_forward: FastForwardOption = None,
    only: FastForwardOnlyOption = False,
    unrelated: UnrelatedOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Put another line of work together with this one.

    What only one side changed is taken. A sound that both changed in different stretches of time is put together from
    both; a gain on one side also goes for what the other side put in; track.toml is merged by key, text by lines, and
    a mix that is a render of its stems is rendered again. The rest is a conflict, of which every take is kept beside
    the file (bass.ours.wav, bass.theirs.wav, bass.base.wav); it is committed like that, and bf resolve decides it
    whenever you like. The exit code is then 4. bf undo takes a merge back.

    Examples:
      bf merge take2
      bf merge -n take2
      bf merge --no-ff -m "vocals by Mia" mia
    """
    from beatflow.explaining import read_clock
    from beatflow.merge.merge import Request
    from beatflow.merge.merge import merge as merge_revision
    from beatflow.merge.text import outcome_document, tell_outcome

    if only and fast_forward is False:
        raise UsageError("--ff-only and --no-ff contradict each other")
    ui = invocation.ui
    repository = invocation.repository()
    how: Literal["auto", "never", "only"] = "only" if only else "never" if fast_forward is False else "auto"
    with ui.progress("merging") as progress:
        request = Request(revision, message, how, unrelated, dry_run)
        found = merge_revision(repository, request, lambda path: progress(0.0, path))
    if json:
        ui.emit_json(
            "beatflow.merge/1",
            {
                "kind": found.kind,
                "commit": None if dry_run and found.kind == "merged" else found.commit,
                "other": found.other,
                "bases": list(found.bases),
                **outcome_document(found.outcome),
                "dry_run": dry_run,
            },
        )
    else:
        for line in tell_outcome(found.outcome, lambda rate: read_clock(repository, found.commit, rate)):
            ui.say(line)
        if not ui.terminal and not dry_run and found.kind != "up_to_date":
            ui.emit(found.commit)
        ui.say(_summarize(found, revision, repository.branch or "HEAD", dry_run))
    return ConflictError.exit_code if found.outcome and found.outcome.troubles else 0


def _summarize(found: "Merge", revision: str, where: str, dry_run: bool) -> str:
    from beatflow.merge.text import count_conflicts

    if found.kind == "up_to_date":
        return f"nothing to merge: {where} has everything of {revision}"
    if found.kind == "fast_forward":
        went = "would go" if dry_run else "went"
        return f"{where} {went} forward to {revision} ({found.commit[:7]}): there was nothing to merge"
    crossed = f", over {len(found.bases)} common commits" if len(found.bases) > 1 else ""
    left = count_conflicts(found.outcome)
    if dry_run:
        return f"would merge {revision} into {where}{crossed}{left}"
    return f"[{where} {found.commit[:7]}] merged {revision}{crossed}{left}"
