"""``bf split``."""

import os
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beatflow.ai.engine import Separation
from beatflow.commands.options import (
    CommitOption,
    DeviceOption,
    DryRunOption,
    DtypeOption,
    EngineOption,
    ForceOption,
    JsonOption,
    MessageOption,
    OfflineOption,
)
from beatflow.commands.takes import (
    choose,
    make_handover,
    make_setup,
    relative,
    remember_pace,
    say_written,
    sound_document,
)
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.ai.engine import Setup
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.making.separation import Split
    from beatflow.making.splitting import Batch, Mishap

_SUFFIXES = (".wav", ".flac", ".aiff", ".mp3", ".ogg")


def split(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE|DIR|-", help="A sound, a folder of them; - reads standard input.")
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="DIR", help="The folder that the stems go to.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAMES",
            help="What files are called: {title}/{stem}; also {name}, {folder}.",
        ),
    ] = None,
    two_stems: Annotated[
        str | None, typer.Option("--two-stems", metavar="NAME", help="NAME, and no_NAME with all the rest.")
    ] = None,
    engine: EngineOption = None,
    shifts: Annotated[
        int | None,
        typer.Option(
            "--shifts", metavar="N", help="Demucs: average N shifted passes; slower, a little better."
        ),
    ] = None,
    overlap: Annotated[
        float | None,
        typer.Option("--overlap", metavar="SHARE", help="Demucs: 0 to below 1; 0.25 if not given."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Draws the shifts; the same seed, the same bytes.")
    ] = 0,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    offline: OfflineOption = False,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Split mixes into stems that sum to them, sample for sample.

    The stems keep the mix's sample rate, depth and channels and go to NAME-stems/. Up to 24 bits the sum is exact; for
    float sources (MP3 and OGG too) it is within float's rounding. A mix that BeatFlow made in this
    track gives back its true stems, unless an engine or two stems are asked for.

    Of a folder every sound is split, in the folders in it too, into DIR-stems/FOLDER/TITLE/STEM.wav. Those whose stems
    are there already are passed over (--force splits them again), a bad file stops nobody, and what is finished stays.

    Examples:
      bf split song.wav
      bf split song.flac -o stems/ --two-stems vocals --engine htdemucs
      bf split album/ -o stems/ --template "{title}/{stem}" --json
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/ --json | jq -r '.stems[].path'
    """
    from beatflow.making.stemname import check_template

    invocation = Invocation.of(ctx)
    if output == "-":
        raise UsageError("stems are several files", hint="give -o DIR")
    if output and Path(output).suffix.lower() in _SUFFIXES:
        raise UsageError(f"stems are several files, and {output} is a name for one", hint="give -o DIR")
    if template is not None:
        check_template(template)
    setup = make_setup(invocation, device, dtype, None, offline)
    wanted = Separation(shifts, seed, overlap, two_stems)
    many = file != "-" and (invocation.directory / file).is_dir()
    if commit and message is None:
        message = "" if many else f"split {Path(file).name}"
    job = _Job(
        invocation, file, output, template, wanted, engine, setup,
        make_handover(invocation, None, force, message, dry_run), json,
    )  # fmt: skip
    if many:
        _split_folder(job)
    else:
        _split_one(job)


@dataclass(frozen=True, slots=True)
class _Job:
    """What was asked for."""

    invocation: Invocation
    file: str
    output: str | None
    template: str | None
    wanted: Separation
    engine: str | None
    setup: "Setup"
    handover: "Handover"
    json: bool

    def choose(self) -> "Choice":
        """The engine; one that heeds the options that were given."""
        from beatflow.making.separation import check_wanted

        needs = {name for name in ("shifts", "overlap") if getattr(self.wanted, name) is not None}
        choice = choose(self.invocation, "separate", self.engine, self.setup, frozenset(needs))
        check_wanted(choice, self.wanted)
        return choice

    @property
    def true_stems(self) -> bool:
        """Whether the stems that a mix was made from will do."""
        wanted = self.wanted
        return self.engine is None and (wanted.shifts, wanted.overlap, wanted.two_stems) == (None, None, None)

    def place(self, title: str) -> "Handover":
        """The handover, into the folder that was named, or ``TITLE-stems``; with a template alone, into this one."""
        from beatflow.delivery import Place

        folder = self.output or ("." if self.template else f"{title}-stems")
        return replace(self.handover, place=Place(Path(os.path.normpath(self.invocation.directory / folder))))


def _split_one(job: _Job) -> None:
    """Split one mix, and show its stems."""
    from beatflow.delivery import spool
    from beatflow.making.hearing import find_sound
    from beatflow.making.separation import Naming, find_true_stems, split_file, write_true_stems
    from beatflow.making.stemname import ONE

    invocation, ui = job.invocation, job.invocation.ui
    choice = None
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch:
        piped = job.file == "-"
        path = spool(ui.read_input(), Path(scratch)) if piped else find_sound(invocation.directory, job.file)
        name = "standard input" if piped else job.file
        called = PurePosixPath("mix" if piped else path.name)
        handover, naming = job.place(called.stem), Naming(job.template or ONE, called)
        known = find_true_stems(path, handover.repository) if job.true_stems else None
        if job.engine is None and not job.true_stems and find_true_stems(path, handover.repository):
            ui.say("the stems that it was mixed from are known: without options bf split gives those")
        if known:
            ui.say("these are the stems that it was mixed from; --engine makes new ones")
            with ui.progress("separating"):
                found = write_true_stems(path, name, known, handover, naming)
        else:
            choice = job.choose()
            with ui.progress("separating") as progress:
                found = split_file(path, name, choice, handover, progress, job.wanted, naming)
    if choice:
        remember_pace(invocation, job.setup, choice, found)
    if job.json:
        ui.emit_json("beatflow.split/1", _document(invocation, found))
    else:
        _show(invocation, found)
    say_written(invocation, handover)


def _split_folder(job: _Job) -> None:
    """Split all that is in a folder; each is shown as soon as it is done, and what went wrong at the end."""
    from beatflow.making.splitting import split_folder
    from beatflow.making.stemname import MANY
    from beatflow.wording import plural

    invocation, ui = job.invocation, job.invocation.ui
    choice = job.choose()
    folder = invocation.directory / job.file
    handover = job.place(folder.resolve().name)
    finished: list[Split] = []

    def finish(found: "Split") -> None:
        finished.append(found)
        if not job.json:
            _show(invocation, found)

    try:
        with ui.progress("separating") as progress:
            batch = split_folder(
                folder,
                job.file,
                choice,
                handover,
                job.template or MANY,
                job.wanted,
                job.true_stems,
                progress,
                on_split=finish,
                on_mishap=lambda mishap: _tell_mishap(invocation, mishap),
            )
    except KeyboardInterrupt:
        if not finished or handover.dry_run:
            raise
        stays = f"{plural(len(finished), 'sound')} split and kept"
        raise KeyboardInterrupt(f"{stays}; the same command goes on with the others") from None
    separated = [found for found in batch.splits if not found.known]
    if separated:
        remember_pace(invocation, job.setup, choice, *separated)
    if job.json:
        document = {field.name: getattr(batch, field.name) for field in fields(batch)}
        document["splits"] = [_document(invocation, found) for found in batch.splits]
        ui.emit_json("beatflow.splits/1", document)
    ui.say(_summarize(batch))
    if batch.done and not batch.splits:
        ui.say("--force splits again what was done before")
    if job.handover.dry_run:
        ui.say("a dry run: nothing was written")
    if batch.failed:
        raise typer.Exit(1)


def _document(invocation: Invocation, found: "Split") -> dict[str, Any]:
    document = {field: getattr(found, field) for field in found.__slots__}
    document["stems"] = [sound_document(invocation, stem) for stem in found.stems]
    return document


def _show(invocation: Invocation, found: "Split") -> None:
    for stem in found.stems:
        invocation.ui.emit(relative(invocation, stem.path))


def _tell_mishap(invocation: Invocation, mishap: "Mishap") -> None:
    """Tell of a file without stems: that it is no sound at all, or what is wrong with it."""
    if mishap.broken:
        named = mishap.path in mishap.message
        said = mishap.message if named else f"{mishap.path}: {mishap.message}"
        invocation.ui.warn(said, hint=mishap.hint)
    else:
        invocation.ui.say(f"{mishap.path}: {mishap.message}, skipped")


def _summarize(batch: "Batch") -> str:
    """One line on what came of a folder."""
    counts = {
        "done before": len(batch.done),
        "skipped": len(batch.skipped),
        "failed": len(batch.failed),
    }
    mixes = "1 mix" if len(batch.splits) == 1 else f"{len(batch.splits)} mixes"
    return ", ".join([f"{mixes} split", *(f"{count} {word}" for word, count in counts.items() if count)])
