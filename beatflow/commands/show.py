"""``bf show``."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe_line
from beatflow.commandline.declaring import Argument
from beatflow.commands.options import JsonOption, complete_word
from beatflow.errors import DamagedError, NotFoundError
from beatflow.invocation import Invocation
from beatflow.ui import Ui

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatflow.history import FileChange
    from beatflow.log.logbook import LogEntry
    from beatflow.log.text import Sheet
    from beatflow.repository import Repository


def show(
    invocation: Invocation,
    arguments: Annotated[
        list[str] | None,
        Argument(
            metavar="[REV] [PATH...] | REV:PATH",
            help="A commit and files in it, or one file.",
            autocompletion=complete_word,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show one commit: how it sounds and what it changed; or one file as it was in a commit.

    The waveform of the mix with what changed in it marked, a lane for each stem that shows where it changed, and for
    each sound what became of it in words, and where it comes from as far as that is known. What nobody asked before
    is found out; Ctrl-C shows what is there.

    Examples:
      bf show
      bf show HEAD~2 stems/drums.wav
      bf show v1:mix.wav
      bf show --json
    """
    from beatflow.log.filecard import find_file
    from beatflow.log.text import Sheet

    ui = invocation.ui
    repository = invocation.repository()
    width = ui.width if ui.terminal else None
    sheet = Sheet(ui.style, safe_line, width, not ui.unicode, repository.branch, repository.head)
    words = arguments or ["HEAD"]
    file = find_file(repository, words)
    if file:
        _show_file(ui, repository, *file, sheet, json)
        return
    commit, paths = _find_commit(repository, words)
    _show_commit(ui, repository, commit, paths, sheet, json)


def _find_commit(repository: "Repository", words: list[str]) -> tuple[str, list[str]]:
    """Tell a revision from paths: HEAD is meant where the first word is a path of it."""
    from pathlib import Path

    from beatflow.revision.revision import find_commit, get_commit

    commit, names = find_commit(repository, words[0]), words[1:]
    if commit is None:
        head = repository.head
        path = repository.worktree.relative(Path(words[0]))
        git = repository.git
        known = head and any(
            git.find_entry(git.read_commit(oid).tree, path)
            for oid in (head, *git.read_commit(head).parents[:1])
        )
        commit, names = (head, words) if head and known else (get_commit(repository, words[0]), names)
    return commit, [repository.worktree.relative(Path(name)) for name in names]


def _show_commit(
    ui: Ui, repository: "Repository", commit: str, paths: "Sequence[str]", sheet: "Sheet", json: bool
) -> None:
    from beatflow.log.listening import Listener, learn
    from beatflow.log.logbook import Logbook, find_origins, find_sound
    from beatflow.log.showtext import format_changes, format_head, format_mix, format_picture
    from beatflow.log.text import describe, describe_change

    book = Logbook(repository, lambda path: _is_chosen(path, paths))
    entry = book.read(repository.git.read_commit(commit))
    changes = _choose(entry, paths)
    listener = Listener(repository, book, lambda: True)
    if listener.lacks(entry):
        with ui.progress("listening") as progress:
            (entry,) = listener.complete([entry], progress)
    origins = find_origins(repository, commit, changes)
    if json:
        rows = [describe_change(change) | {"provenance": origins.get(change.path)} for change in changes]
        document = describe(entry) | {"parent_loudness_lufs": entry.former_lufs, "changes": rows}
        ui.emit_json("beatflow.show/1", document)
        return
    # Where track.toml names no file that is there, the only sound at the top is the mix.
    named = [change.path for change in entry.changes if find_sound(repository, change) == entry.mix]
    name, silhouette = (named or [entry.track.mix_file])[0], entry.silhouette
    # One sound alone is drawn itself.
    alone = find_sound(repository, changes[0]) if paths and len(changes) == 1 else None
    if alone:
        with suppress(KeyboardInterrupt, DamagedError, NotFoundError):
            name, silhouette = changes[0].path, learn(repository, alone)[1]
    with ui.pager():
        for line in format_head(entry, sheet):
            ui.emit(line)
        mix = format_mix(entry, ui.style)
        if mix:
            ui.emit(f"\n  {'mix: ' if alone else ''}{mix}")
        picture = list(format_picture(entry, name, silhouette, changes, sheet))
        for line in ["", *picture, ""] if picture else [""]:
            ui.emit(line)
        for line in format_changes(entry, changes, origins, sheet):
            ui.emit(line)


def _is_chosen(name: str, paths: "Sequence[str]") -> bool:
    return not paths or any(path in ("", name) or name.startswith(path + "/") for path in paths)


def _choose(entry: "LogEntry", paths: "Sequence[str]") -> "list[FileChange]":
    """Return the changes at or below paths, all where there are none.

    Raises
    ------
    NotFoundError
        The commit did not touch any of them.
    """
    changes = [
        change
        for change in entry.changes
        if any(_is_chosen(name, paths) for name in (change.path, change.source or change.path))
    ]
    if paths and not changes:
        raise NotFoundError(
            f"{entry.oid[:7]} did not touch {', '.join(paths)}",
            hint=f"bf log {paths[0]}, or bf show {entry.oid[:7]}:{paths[0]}",
        )
    return changes


def _show_file(ui: Ui, repository: "Repository", commit: str, path: str, sheet: "Sheet", json: bool) -> None:
    from beatflow.log.filecard import describe_card, format_card, read_card

    with ui.progress("listening") as progress:
        progress(0.0)
        card = read_card(repository, commit, path)
    if json:
        ui.emit_json("beatflow.file/1", describe_card(card))
        return
    with ui.pager():
        for line in format_card(card, sheet):
            ui.emit(line)
