"""``bf commit``."""

from beatflow.commands.options import DryRunOption, JsonOption, MessageOption, PathsArgument
from beatflow.errors import UsageError
from beatflow.invocation import Invocation
from beatflow.wording import plural

TEMPLATE = """
# What changed? The first line is the title. Lines that start with # are left out;
# an empty message ends it.
"""


def commit(
    invocation: Invocation,
    paths: PathsArgument = None,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Keep the folder as it is now.

    Takes everything that is not in .bfignore, or only the files and folders named. Without -m an editor opens, when
    there is a terminal. Where the output is not a terminal, the new commit's id is written to it.

    Examples:
      bf commit -m "first take"
      id=$(bf commit -q -m "rough mix")
      bf commit -m "louder drums" stems/drums.wav
    """
    from beatflow.history import changes_of, record_commit
    from beatflow.transaction import Transaction

    ui = invocation.ui
    repository = invocation.repository()
    text = message if message is not None else None if dry_run else _ask(invocation)
    if not dry_run and not (text or "").strip():
        raise UsageError("a commit wants a message", hint='bf commit -m "what changed"')
    wanted = [repository.worktree.relative(path) for path in paths or []]
    with Transaction(repository, "commit", "commit") as transaction, ui.progress("reading") as progress:
        oid = record_commit(transaction, text or "", wanted, lambda _, path: progress(0.0, path))
        if not dry_run:
            transaction.publish()
        recorded = repository.git.read_commit(oid)
    changes = changes_of(repository.git, recorded)
    if json:
        ui.emit_json(
            "beatflow.commit/1",
            {
                "oid": None if dry_run else oid,
                "branch": repository.branch,
                "message": recorded.message.strip(),
                "changes": [
                    {"path": item.path, "kind": item.kind, "source": item.source} for item in changes
                ],
            },
        )
        return
    if dry_run:
        for item in changes:
            ui.emit(f"{item.kind:9} {item.path}")
        return
    if not ui.terminal:
        ui.emit(oid)
    where = repository.branch or "detached"
    ui.say(f"[{where} {oid[:7]}] {recorded.title} ({plural(len(changes), 'file')})")


def _ask(invocation: Invocation) -> str | None:
    text = invocation.ui.edit(TEMPLATE)
    if text is None:
        return None
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
