"""``bf du``."""

from typing import TYPE_CHECKING, Annotated, Literal

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption
from beatflow.invocation import Invocation
from beatflow.wording import format_size, plural

if TYPE_CHECKING:
    from beatflow.care.usage import Row, Usage
    from beatflow.ui import Ui

SHORT = 15


def du(
    invocation: Invocation,
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="[REV|PATH]...", help="The history of REV, or A..B; files and folders."),
    ] = None,
    by: Annotated[
        Literal["path", "commit"], Option("--by", metavar="WHAT", help="One row a path, or a commit.")
    ] = "path",
    everything: Annotated[bool, Option("--all", help="Every row, not only the largest.")] = False,
    json: JsonOption = False,
) -> None:
    """Show where the bytes of a track are, and what is saved.

    Each stored byte counts once: for the oldest commit that brought it, and there for the first path. Shared is what a
    path has in common with others. main..take2 tells what a branch costs beyond main.

    Examples:
      bf du
      bf du --by commit
      bf du main..take2 --by commit
      bf du stems --all
    """
    from beatflow.care.usage import measure_usage, parse_selection

    ui = invocation.ui
    repository = invocation.repository()
    selection = parse_selection(repository, arguments or [])
    with ui.progress("adding up") as progress:
        usage = measure_usage(repository, selection, progress)
    if json:
        ui.emit_json("beatflow.du/1", {"by": by, "rows": _describe(usage, by), **_describe_total(usage)})
        return
    _emit_rows(ui, usage, by, everything)
    if not arguments:
        _emit_total(ui, usage)


def _describe(usage: "Usage", by: str) -> list[dict[str, object]]:
    if by == "commit":
        return [
            {
                "commit": row.name,
                "message": row.title,
                "versions": row.versions,
                "size": row.size,
                "stored_bytes": row.stored_bytes,
            }
            for row in usage.commits
        ]
    return [
        {
            "path": row.name,
            "versions": row.versions,
            "size": row.size,
            "stored_bytes": row.stored_bytes,
            "shared_bytes": row.shared_bytes,
        }
        for row in usage.paths
    ]


def _describe_total(usage: "Usage") -> dict[str, object]:
    account = usage.account
    return {
        "elsewhere_bytes": usage.elsewhere_bytes,
        "undo_bytes": usage.undo_bytes,
        "unreached_bytes": account.unreached_bytes,
        "frame_bytes": usage.frame_bytes,
        "total": {
            "commits": usage.commit_count,
            "file_bytes": usage.file_bytes,
            "distinct": usage.distinct,
            "distinct_bytes": usage.distinct_bytes,
            "saved_by_sharing_bytes": usage.saved_by_sharing_bytes,
            "chunk_bytes": account.chunk_bytes,
            "missing_bytes": account.missing_bytes,
            "saved_by_coding_bytes": account.saved_by_coding_bytes,
            "saved_by_prediction_bytes": account.saved_by_prediction_bytes,
            "bookkeeping_bytes": account.bookkeeping_bytes,
            "unreached_records": account.unreached_records,
            "unreached_bytes": account.unreached_bytes,
            "packs": account.packs,
            "stored_bytes": account.stored_bytes,
            "history_bytes": usage.history_bytes,
        },
    }


def _emit_rows(ui: "Ui", usage: "Usage", by: str, everything: bool) -> None:
    rows = usage.paths if by == "path" else usage.commits
    largest = sorted(rows, key=lambda row: -row.stored_bytes)
    # One row more says no less than "1 more path".
    shown = largest if everything or len(rows) <= SHORT + 1 else largest[:SHORT]
    if by == "commit":
        # As bf log: the newest first.
        wanted = {row.name for row in shown}
        shown = [row for row in reversed(usage.commits) if row.name in wanted]
    table = [_cells(row, by) for row in shown]
    if rest := largest[len(shown) :]:
        noun = "more path" if by == "path" else "more commit"
        table.append(_rest_cells(sum(row.stored_bytes for row in rest), plural(len(rest), noun), by))
    for count, text in (
        (usage.elsewhere_bytes, "everything else"),
        (usage.undo_bytes, "kept for bf undo alone"),
        (usage.account.unreached_bytes, "reached by nothing: bf gc drops it"),
    ):
        if count:
            table.append(_rest_cells(count, text, by))
    columns = ["stored", "shared", "files", "versions", "path"]
    if by == "commit":
        columns = ["stored", "files", "versions", "commit"]
    if table:
        with ui.pager():
            ui.table(columns, table, {})


def _cells(row: "Row", by: str) -> list[object]:
    figures = [format_size(row.size), row.versions]
    if by == "commit":
        return [format_size(row.stored_bytes), *figures, f"{row.name[:7]} {row.title}"]
    shared = format_size(row.shared_bytes) if row.shared_bytes else None
    return [format_size(row.stored_bytes), shared, *figures, row.name]


def _rest_cells(stored: int, text: str, by: str) -> list[object]:
    return [format_size(stored), *[None] * (2 if by == "commit" else 3), text]


def _emit_total(ui: "Ui", usage: "Usage") -> None:
    account = usage.account
    if usage.paths:
        ui.emit()
    ui.table(
        ["", ""],
        [
            [
                format_size(usage.file_bytes),
                f"the sounds of {plural(usage.commit_count, 'commit')}, each a copy",
            ],
            [format_size(usage.distinct_bytes), f"in {plural(usage.distinct, 'different file')}"],
            [format_size(account.chunk_bytes), "without what they have in common"],
            [format_size(account.stored_bytes), f"stored, in {plural(account.packs, 'pack')}"],
            [format_size(usage.history_bytes), "of history and text beside it"],
        ],
        {},
    )
    saved = [
        f"{format_size(count)} by {how}"
        for count, how in (
            (usage.saved_by_sharing_bytes, "sharing"),
            (account.saved_by_coding_bytes, "coding"),
            (account.saved_by_prediction_bytes, "prediction"),
        )
        if count
    ]
    if saved:
        ui.emit(f"saved {', '.join(saved)}")
    if account.missing_bytes:
        size = format_size(account.missing_bytes)
        if usage.partial:
            ui.emit(f"not here but elsewhere: {size} of sound")
        else:
            ui.warn(f"{size} of sound is missing", hint="bf check --repair")
