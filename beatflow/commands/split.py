"""``bf split``."""

import os
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    CommitOption,
    DeviceOption,
    DryRunOption,
    DtypeOption,
    EngineOption,
    ForceOption,
    JobsOption,
    JsonOption,
    MessageOption,
    OfflineOption,
)
from beatflow.commands.takes import (
    choose,
    make_handover,
    make_setup,
    noting,
    relative,
    remember_pace,
    say_written,
    sound_document,
)
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from beatflow.ai.engine import Setup
    from beatflow.ai.table import Choice
    from beatflow.delivery import Handover
    from beatflow.library.noting import Run
    from beatflow.making.separation import Split
    from beatflow.making.splitwish import SplitWish
    from beatflow.soundfolder import Mishap

_SUFFIXES = (".wav", ".flac", ".aiff", ".mp3", ".ogg")


def split(
    invocation: Invocation,
    file: Annotated[
        str, Argument(metavar="FILE|DIR|-", help="A sound, a folder of them; - reads standard input.")
    ],
    output: Annotated[
        str | None, Option("--output", "-o", metavar="DIR", help="The folder that the stems go to.")
    ] = None,
    template: Annotated[
        str | None,
        Option(
            "--template",
            metavar="NAMES",
            help="What files are called: {title}/{stem}; also {name}, {folder}.",
        ),
    ] = None,
    stems: Annotated[
        int | None,
        Option(
            "--stems", metavar="2|4|6", help="2: vocals, no_vocals; 4: drums … other; 6: guitar, piano too."
        ),
    ] = None,
    two_stems: Annotated[
        str | None, Option("--two-stems", metavar="NAME", help="NAME, and no_NAME with all the rest.")
    ] = None,
    to: Annotated[
        str | None,
        Option("--to", metavar="beat", help="A track to remix: drums, bass, chords, melody, score."),
    ] = None,
    engine: EngineOption = None,
    shifts: Annotated[
        int | None,
        Option("--shifts", metavar="N", help="Demucs: average N shifted passes; slower, a little better."),
    ] = None,
    overlap: Annotated[
        float | None,
        Option("--overlap", metavar="SHARE", help="Demucs: 0 to below 1; 0.25 if not given."),
    ] = None,
    seed: Annotated[
        int, Option("--seed", metavar="N", help="Draws the shifts; the same seed, the same bytes.")
    ] = 0,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    offline: OfflineOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Split mixes into stems that sum to them, sample for sample.

    The stems keep the mix's sample rate, depth and channels and go to NAME-stems/. Up to 24 bits the sum is exact; for
    float sources (MP3 and OGG too) it is within float's rounding. A mix that BeatFlow made in this
    track, renamed, packed as FLAC or cut as it may be, gives back its true stems, unless an engine or a number of stems
    is asked for; the sum proves it.

    --stems 2 gives vocals and no_vocals; --two-stems drums, another pair; 4, which is usual, drums, bass, vocals and
    other; 6 adds guitar and piano and takes htdemucs_6s. --to beat writes mix.wav, stems/ and track.toml into the track
    (outside one into NAME-beat/) under the names of a beat, vocals as its melody, all other as its chords: then
    bf generate "busier drums" --stem drums plays along.

    Of a folder every sound is split, in the folders in it too, into DIR-stems/FOLDER/TITLE/STEM.wav. Those whose stems
    are there already are passed over (--force splits them again), a bad file stops nobody, and what is finished stays.

    Examples:
      bf split song.wav
      bf split song.wav --to beat
      bf split song.flac -o stems/ --two-stems vocals --engine htdemucs
      bf split album/ -o stems/ --template "{title}/{stem}" --json
      bf generate "lofi" --bpm 90 -o - | bf split - -o stems/ --json | jq -r '.stems[].path'
    """
    from beatflow.making.splitwish import make_wish
    from beatflow.making.stemname import check_template

    if output == "-":
        raise UsageError("stems are several files", hint="give -o DIR")
    if output and Path(output).suffix.lower() in _SUFFIXES:
        raise UsageError(f"stems are several files, and {output} is a name for one", hint="give -o DIR")
    if template is not None:
        check_template(template)
    wish = make_wish(stems, two_stems, shifts, overlap, seed, to)
    many = file != "-" and (invocation.directory / file).is_dir()
    if wish.beat and (many or template is not None):
        raise UsageError("--to beat takes one sound, and names its files itself", hint="leave --template out")
    setup = make_setup(invocation, device, dtype, None, offline)
    if commit and message is None:
        message = "" if many else f"split {Path(file).name}"
    job = _Job(
        invocation, file, output, template, wish, engine, setup,
        make_handover(invocation, None, force, message, dry_run), json, jobs,
    )  # fmt: skip
    if many:
        return _split_folder(job)
    _split_one(job)
    return 0


@dataclass(frozen=True, slots=True)
class _Job:
    """What was asked for."""

    invocation: Invocation
    file: str
    output: str | None
    template: str | None
    wish: "SplitWish"
    engine: str | None
    setup: "Setup"
    handover: "Handover"
    json: bool
    at_once: int | None = None

    def choose(self) -> "Choice":
        """The engine; one that heeds the options that were given."""
        named = self.wish.name_engine(self.engine)
        choice = choose(self.invocation, "separate", named, self.setup, self.wish.needs)
        self.wish.check(choice)
        return choice

    def noting(self) -> "AbstractContextManager[Run]":
        """What comes of it is noted for the library."""
        asked = {"inputs": [self.file], "engine": self.engine}
        return noting(self.invocation, "split", self.handover.dry_run, **asked)

    @property
    def any_stems(self) -> bool:
        """Whether the stems that a mix was made from will do."""
        return self.engine is None and self.wish.any_stems

    def place(self, title: str) -> "Handover":
        """The handover, into the folder that was named, or ``TITLE-stems``; with a template alone, into this one."""
        from beatflow.delivery import Place

        folder = self.output or ("." if self.template else f"{title}-stems")
        return replace(self.handover, place=Place(Path(os.path.normpath(self.invocation.directory / folder))))


def _split_one(job: _Job) -> None:
    """Split one mix, and show its stems."""
    from beatflow.delivery import spool
    from beatflow.making.beat import place_beat, split_to_beat
    from beatflow.making.hearing import find_sound
    from beatflow.making.separation import Naming, split_file, write_true_stems
    from beatflow.making.stemname import ONE
    from beatflow.making.truestems import TrueStemFinder

    invocation, ui = job.invocation, job.invocation.ui
    choice = None
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch, job.noting() as run:
        piped = job.file == "-"
        path = spool(ui.read_input(), Path(scratch)) if piped else find_sound(invocation.directory, job.file)
        name = "standard input" if piped else job.file
        called = PurePosixPath("mix" if piped else path.name)
        known = TrueStemFinder(job.handover.repository if job.engine is None else None).find(path)
        if known and not job.any_stems:
            ui.say("the stems that it was mixed from are known: without options bf split gives those")
            known = None
        if known:
            ui.say("these are the stems that it was mixed from; --engine makes new ones")
        else:
            choice = job.choose()
        with ui.progress("separating") as progress:
            if job.wish.beat:
                handover = job.place(called.stem) if job.output else place_beat(job.handover, called.stem)
                found = split_to_beat(path, name, choice, known, handover, progress, job.wish)
            else:
                handover, naming = job.place(called.stem), Naming(job.template or ONE, called)
                if known:
                    found = write_true_stems(path, name, known, handover, naming)
                else:
                    assert choice is not None
                    found = split_file(path, name, choice, handover, progress, job.wish.separation, naming)
        if choice:
            _note(run, choice, found)
    if choice:
        remember_pace(invocation, job.setup, choice, found)
    if job.json:
        ui.emit_json("beatflow.split/1", _document(invocation, found))
    else:
        _show(invocation, found)
    if found.score and not handover.repository:
        ui.say(f"bf init {quote(relative(invocation, found.score.parent))} makes it a track")
    say_written(invocation, handover)


def _split_folder(job: _Job) -> int:
    """Split all that is in a folder; each is shown as soon as it is done, and what went wrong at the end.

    Returns the exit code.
    """
    from beatflow.making.splittext import summarize_batch
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
        if not found.known:
            _note(run, choice, found)
        if not job.json:
            _show(invocation, found)

    try:
        with job.noting() as run, ui.progress("separating") as progress:
            batch = split_folder(
                folder,
                job.file,
                choice,
                handover,
                job.template or MANY,
                job.wish.separation,
                job.any_stems,
                job.at_once,
                progress,
                on_split=finish,
                on_mishap=lambda mishap: _tell_mishap(invocation, mishap),
            )
    except KeyboardInterrupt:
        if not finished or handover.dry_run:
            raise
        stays = f"{plural(len(finished), 'sound')} split and kept"
        raise KeyboardInterrupt(f"{stays}; the same command goes on with the others") from None
    for mishap in batch.failed:
        run.fail(mishap.message, inputs=[mishap.path])
    separated = [found for found in batch.splits if not found.known]
    if separated:
        remember_pace(invocation, job.setup, choice, *separated)
    if job.json:
        document = {field.name: getattr(batch, field.name) for field in fields(batch)}
        document["splits"] = [_document(invocation, found) for found in batch.splits]
        ui.emit_json("beatflow.splits/1", document)
    for line in summarize_batch(batch):
        ui.say(line)
    if job.handover.dry_run:
        ui.say("a dry run: nothing was written")
    return 1 if batch.failed else 0


def _note(run: "Run", choice: "Choice", found: "Split") -> None:
    source = {"path": found.mix, "oid": found.mix_oid}
    run.add(found, found.stems, choice.facts, inputs=[source], duration_s=found.frames / found.sample_rate)


def _document(invocation: Invocation, found: "Split") -> dict[str, Any]:
    document = {field: getattr(found, field) for field in found.__slots__}
    document["stems"] = [sound_document(invocation, stem) for stem in found.stems]
    document["corrections"] = [asdict(correction) for correction in found.corrections]
    document["score"] = relative(invocation, found.score) if found.score else None
    return document


def _show(invocation: Invocation, found: "Split") -> None:
    for stem in found.stems:
        invocation.ui.emit(relative(invocation, stem.path))
    if found.score:
        invocation.ui.emit(relative(invocation, found.score.parent / "mix.wav"))
        invocation.ui.emit(relative(invocation, found.score))


def _tell_mishap(invocation: Invocation, mishap: "Mishap") -> None:
    from beatflow.making.splittext import describe_mishap

    said = describe_mishap(mishap)
    if mishap.broken:
        invocation.ui.warn(said, hint=mishap.hint)
    else:
        invocation.ui.say(said)
