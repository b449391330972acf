"""``bf models``."""

from typing import TYPE_CHECKING, Annotated, Literal

from beatflow.commandline.declaring import Argument, Group, Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.commands.takes import make_setup
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.ai.engine import Setup
    from beatflow.ai.weights.pulling import Plan
    from beatflow.ai.weights.verifying import Verified
    from beatflow.ui import Ui

DAMAGED = 7
_PLACES = {"cpu": "on the CPU", "cuda": "on the graphics card", "mps": "on the Apple GPU"}

models = Group(
    """Fetch, check and remove the weights of the neural engines.

    Weights lie in the hub's own cache, shared with every program that uses it, or with BF_MODELS in a folder of yours
    that holds one per model. Nothing is ever fetched unless asked for.

    Examples:
      bf models list
      bf models pull musicgen-small htdemucs
      bf models verify
      BF_MODELS=/media/stick bf models pull musicgen-medium
    """,
)

NamesArgument = Annotated[list[str], Argument(metavar="NAME...", help="Models, as bf models list has them.")]
SomeNamesArgument = Annotated[
    list[str] | None, Argument(metavar="[NAME]...", help="Only these; otherwise all that are here.")
]
OfflineOption = Annotated[bool, Option("--offline", help="Never use the network.")]
RuntimeOption = Annotated[
    Literal["transformers", "audiocraft"] | None,
    Option("--runtime", metavar="NAME", help="The files for this library: transformers or audiocraft."),
]


@models.command("list")
def list_(
    invocation: Invocation,
    runtime: RuntimeOption = None,
    json: JsonOption = False,
) -> None:
    """List the weights that there are: licence, size, memory needed, state and speed on this machine.

    Sizes and memory are approximate. State: ready; pull, it would run here; partial, some of it is missing; too large
    for the memory here; here, your own. Speed: seconds of sound per second of work, as measured when these weights ran
    here last.

    Examples:
      bf models list
      bf models list --json | jq -r '.models[] | select(.here) | .path'
    """
    from beatflow.readiness.shelftext import format_rows
    from beatflow.readiness.shelfview import list_models

    ui = invocation.ui
    rows = list_models(make_setup(invocation, runtime=runtime))
    if json:
        documents = [
            {name: getattr(row, name) for name in row.__slots__} | {"here": row.here} for row in rows
        ]
        ui.emit_json("beatflow.models/1", {"models": documents})
        return
    with ui.pager():
        for line in format_rows(rows, ui.style):
            ui.emit(line)
    ui.say(f"sizes are approximate, memory is what it takes {_PLACES[rows[0].device]}")
    if not any(row.here for row in rows):
        ui.say("none is here yet: bf models pull musicgen-small htdemucs")


@models.command("pull")
def pull_(
    invocation: Invocation,
    names: NamesArgument,
    runtime: RuntimeOption = None,
    repair: Annotated[
        bool, Option("--repair", help="Read what is here, and fetch again what is damaged.")
    ] = False,
    offline: OfflineOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Fetch weights, and verify their digests.

    What is here is not fetched again. Interrupted, the same command goes on where it was. --runtime audiocraft fetches
    that library's own files, and t5-base, which it reads words with; it runs from those of transformers as well.

    Examples:
      bf models pull musicgen-small
      bf models pull htdemucs_ft musicgen-melody -n
      bf models pull musicgen-small --runtime audiocraft
    """
    from beatflow.ai.weights.pulling import plan_pull
    from beatflow.readiness.shelfview import names_to_pull

    ui = invocation.ui
    setup = make_setup(invocation, runtime=runtime, offline=offline)
    documents = []
    for name in names_to_pull(names, setup):
        plan = plan_pull(name, setup, repair)
        if not dry_run:
            _pull(ui, plan)
        documents.append(_describe_pull(plan))
        if not json:
            _tell_pull(ui, plan, dry_run)
    if json:
        ui.emit_json("beatflow.models.pull/1", {"dry_run": dry_run, "models": documents})


def _pull(ui: "Ui", plan: "Plan") -> None:
    from time import monotonic

    from beatflow.ai.weights.pulling import pull
    from beatflow.readiness.shelftext import Rate, format_transfer

    rate = Rate(monotonic)
    name = plan.model.name
    try:
        with ui.progress(f"fetching {name}") as progress:

            def told(done: int, total: int, file: str) -> None:
                progress(done / total if total else 1.0, format_transfer(name, done, total, rate(done)))

            pull(plan, told)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what has come is kept; bf models pull {name} goes on") from None


def _tell_pull(ui: "Ui", plan: "Plan", dry_run: bool) -> None:
    from beatflow.wording import format_size, plural

    name = plan.model.name
    if plan.source:
        verb = "would copy" if dry_run else "copied"
        ui.say(f"{name}: {verb} {format_size(plan.fetch_bytes)} from the hub's cache; {plan.model.licence}")
    elif not plan.missing:
        ui.say(f"{name} is here")
    elif dry_run:
        kept = f" ({format_size(plan.partial_bytes)} are here)" if plan.partial_bytes else ""
        ui.say(
            f"{name}: would fetch {format_size(plan.fetch_bytes)} in {plural(len(plan.missing), 'file')}{kept}, "
            f"{plan.model.licence}"
        )
    else:
        ui.say(f"{name}: fetched {format_size(plan.fetch_bytes)}, verified; {plan.model.licence}")
    if not dry_run:
        ui.emit(str(plan.folder))


def _describe_pull(plan: "Plan") -> dict[str, object]:
    return {
        "name": plan.model.name,
        "repository": plan.model.repository,
        "revision": plan.repository.revision if plan.repository else None,
        "licence": plan.model.licence,
        "path": plan.folder,
        "copied_from": plan.source,
        "fetched": [{"name": offer.name, "size": offer.size} for offer in plan.missing],
        "fetch_bytes": plan.fetch_bytes,
        "partial_bytes": plan.partial_bytes,
    }


@models.command("verify")
def verify_(
    invocation: Invocation,
    names: SomeNamesArgument = None,
    runtime: RuntimeOption = None,
    json: JsonOption = False,
) -> int:
    """Read every byte of the weights and compare it with the digest that the hub told.

    Weights of your own have no such digest: their structure is checked, and the digest of now is remembered. Ends
    with 7 when something is altered, truncated or missing.

    Examples:
      bf models verify
      bf models verify musicgen-small && bf generate lofi
    """
    from beatflow.ai.weights.verifying import verify_weights
    from beatflow.readiness.shelfview import names_here

    ui = invocation.ui
    setup = make_setup(invocation, runtime=runtime)
    found = []
    for name in names_here(names or [], setup):
        with ui.progress(f"reading {name}") as progress:
            found.append(
                verify_weights(
                    name, setup, lambda done, total, file: progress(done / total if total else 1.0, file)
                )
            )
        if not json:
            _tell_verified(ui, found[-1], setup)
    if json:
        documents = [
            {"name": one.name, "path": one.folder, "good": one.good, "files": one.files} for one in found
        ]
        ui.emit_json("beatflow.models.verify/1", {"models": documents})
    elif not found:
        ui.say("no weights are here: bf models list shows which there are")
    return 0 if all(one.good for one in found) else DAMAGED


def _tell_verified(ui: "Ui", verified: "Verified", setup: "Setup") -> None:
    from beatflow.ai.weights.catalogue import MODELS
    from beatflow.wording import plural

    for file in verified.files:
        if not file.good:
            ui.emit(f"{verified.name}/{file.name}: {file.state}" + (f" ({file.words})" if file.words else ""))
    if not verified.good:
        known = verified.name in MODELS
        hint = f"bf models pull --repair {verified.name}" if known else f"copy it anew to {verified.folder}"
        ui.say(f"hint: {hint}")
        return
    new = sum(file.state == "new" for file in verified.files)
    told = f"; {plural(new, 'digest')} that nobody told, remembered" if new else ""
    ui.say(f"{verified.name}: {plural(len(verified.files), 'file')} good{told}")


@models.command("rm")
def rm(
    invocation: Invocation,
    names: NamesArgument,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Delete weights, from your folder of them or from the hub's cache, and tell how much that frees.

    Of a folder of yours only the files that belong to the model go; a folder that is not known is never deleted.

    Examples:
      bf models rm musicgen-large -n
      bf models rm musicgen-large
    """
    from beatflow.ai.weights.removing import plan_removal, remove
    from beatflow.wording import format_size

    ui = invocation.ui
    setup = make_setup(invocation)
    plans = [plan_removal(name, setup) for name in dict.fromkeys(names)]
    for plan in plans:
        if not dry_run:
            remove(plan)
        if not json:
            verb = "would free" if dry_run else "freed"
            ui.say(f"{plan.name}: {verb} {format_size(plan.freed_bytes)} in {plan.folder}")
            if plan.kept:
                ui.say(f"not its own, kept: {', '.join(plan.kept)}")
    if json:
        documents = [
            {"name": plan.name, "path": plan.folder, "freed_bytes": plan.freed_bytes, "kept": plan.kept}
            for plan in plans
        ]
        ui.emit_json("beatflow.models.rm/1", {"dry_run": dry_run, "models": documents})
