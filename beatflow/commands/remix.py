"""``bf remix``."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import (
    BpmRangeOption,
    CommitOption,
    DeviceOption,
    DryRunOption,
    DtypeOption,
    EngineOption,
    ForceOption,
    JsonOption,
    MessageOption,
    OfflineOption,
    OutputOption,
    SeedOption,
    ToleranceOption,
    complete_entry,
    parse_bpm_range,
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
    tell_pace,
)
from beatflow.contract.terms import DEFAULT_TOLERANCE
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from beatflow.ai.engine import Setup
    from beatflow.library.noting import Run
    from beatflow.remix.plan import Plan
    from beatflow.remix.request import RemixRequest
    from beatflow.remix.result import Remix
    from beatflow.remix.studio import Crew
    from beatflow.remix.subject import Subject


def remix(
    invocation: Invocation,
    word: Annotated[
        str | None,
        Argument(
            metavar="FILE|STEM|REV:PATH|REV|-",
            help="A sound, a stem of the track by its name, a file of a commit; - reads standard input.",
            autocompletion=complete_entry,
        ),
    ] = None,
    tempo: Annotated[
        str | None,
        Option("--tempo", "--bpm", metavar="BPM|±N%", help="100, +10% or -5%; -50% to +100%."),
    ] = None,
    pitch: Annotated[
        float,
        Option("--pitch", metavar="SEMITONES", help="Up or down, -12 to 12; .5 is a quarter tone."),
    ] = 0.0,
    key: Annotated[
        str | None, Option("--key", metavar="KEY", help="Transpose to this key, the nearest way.")
    ] = None,
    formants: Annotated[
        bool,
        Option("--formants", help="Keep formants where they are: a voice stays the same person's."),
    ] = False,
    fx: Annotated[
        str | None,
        Option("--fx", metavar="CHAIN", help='Effects: "reverb(size=.6) | eq(3k:+2dB)"; help lists them.'),
    ] = None,
    genre: Annotated[
        str | None,
        Option(
            "--genre", metavar="GENRE", help="edm, jazz, hiphop, rock, classical, lofi …; help lists them."
        ),
    ] = None,
    reverse: Annotated[bool, Option("--reverse", help="Play it backwards.")] = False,
    fade: Annotated[
        str | None, Option("--fade", metavar="in=S,out=S", help="Seconds: in=2,out=3.5; 2 is both.")
    ] = None,
    normalize: Annotated[
        str | None,
        Option(
            "--normalize", metavar="LUFS", help="Integrated loudness, such as -14LUFS; true peak -1 dBTP."
        ),
    ] = None,
    trim_silence: Annotated[
        bool, Option("--trim-silence", help="Leave out what is below -60 dBFS at both ends.")
    ] = False,
    tail: Annotated[
        bool, Option("--tail/--no-tail", help="Let effects ring out after the end, or keep the length.")
    ] = True,
    source_tempo: Annotated[
        float | None, Option("--source-tempo", metavar="BPM", help="The tempo that the sound has.")
    ] = None,
    source_key: Annotated[
        str | None, Option("--source-key", metavar="KEY", help="The key that it has.")
    ] = None,
    bpm_range: BpmRangeOption = None,
    tolerance: ToleranceOption = DEFAULT_TOLERANCE,
    engine: EngineOption = None,
    seed: SeedOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    offline: OfflineOption = False,
    output: OutputOption = None,
    in_place: Annotated[
        bool,
        Option("--in-place", help="Put the result where the sound lies in the track, and commit it."),
    ] = False,
    force: ForceOption = False,
    commit: CommitOption = False,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make another sound of a sound: tempo, pitch, key, effects, another genre.

    Done in this order, whatever the order of the options: trim, reverse, tempo and pitch at once, genre, effects,
    fades, loudness. What was asked for is measured in the result (tempo, key, loudness); where it does not hold,
    nothing is written and the exit code is 8. A tempo in percent is exact to the frame and needs no measuring.

    --genre takes the old drums out (or leaves them, see docs/remix.md), has an engine play others on the same
    beats, in the tempo, meter and key, and puts each through the genre's effects; chords and tune stay. Where
    weights of MusicGen-melody are at hand they make all of it anew after the tune; --engine synth keeps to drums.

    Written as NAME-remix beside what lies in the track, else where you are. The recipe is kept: bf reproduce makes
    the same sound again, and the original stays.

    Examples:
      bf remix song.wav --tempo 100 --key Am
      bf remix vocals --pitch +3 --formants --fx "reverb(size=.6,wet=.2) | delay(1/8,.3)" --in-place
      bf remix main~2:mix.wav --genre lofi --seed 7 -o lofi.wav
      bf remix song.mp3 --tempo -10% --reverse --fade in=1,out=4 --normalize -14LUFS
      bf generate "jazz" --bpm 120 -o - | bf remix - --genre edm -o - > edm.wav
      bf remix --fx help
    """
    if _show_help(invocation, fx, genre, json):
        return
    if word is None:
        raise UsageError(
            "no sound is named", hint="bf remix FILE --tempo 100; bf remix --fx help lists effects"
        )
    from beatflow.remix.request import RemixRequest, parse_fades, parse_loudness, parse_tempo

    fades = parse_fades(fade) if fade is not None else (0.0, 0.0)
    request = RemixRequest(
        trim_silence=trim_silence,
        reverse=reverse,
        tempo=parse_tempo(tempo) if tempo is not None else None,
        semitones=pitch,
        key=key,
        formants=formants,
        genre=genre,
        fx=fx or "",
        fade_in_s=fades[0],
        fade_out_s=fades[1],
        loudness_lufs=parse_loudness(normalize) if normalize is not None else None,
        source_tempo=source_tempo,
        source_key=source_key,
        bpm_range=parse_bpm_range(bpm_range),
        tolerance=tolerance,
        seed=seed,
        tail=tail and not in_place,
    )
    request.check()
    _check_words(request)
    _check_output(output, in_place, json, commit or message is not None, dry_run)
    if output == "-" and not dry_run:
        invocation.ui.check_output()
    setup = make_setup(invocation, device, dtype, None, offline)
    with tempfile.TemporaryDirectory(prefix="beatflow-") as scratch:
        from beatflow.remix.subject import find_subject

        repository = invocation.find_repository()
        stdin = invocation.ui.read_input() if word == "-" else None
        subject = find_subject(word, invocation.directory, repository, Path(scratch), stdin)
        job = _Job(invocation, subject, request, setup, engine, Path(scratch), dry_run, json)
        if in_place and not subject.path:
            raise UsageError(
                f"{subject.name} lies in no track", hint="--in-place is for the track's own files"
            )
        if commit or in_place:
            message = message or f"remix {subject.stem or subject.name}"
        if dry_run:
            job.plan(output)
        elif output == "-":
            job.pipe()
        else:
            job.write(output, in_place, force, message)


class _Job:
    """One remix, as it was asked for."""

    def __init__(
        self,
        invocation: Invocation,
        subject: "Subject",
        request: "RemixRequest",
        setup: "Setup",
        engine: str | None,
        scratch: Path,
        dry_run: bool,
        json: bool,
    ) -> None:
        self._invocation, self._subject, self._request = invocation, subject, request
        self._setup, self._engine, self._scratch, self._json = setup, engine, scratch, json
        self._dry_run = dry_run

    def plan(self, output: str | None) -> None:
        """Say what would be done."""
        from beatflow.remix.remixing import plan_remix

        suffix = Path(output).suffix.lower() if output and output != "-" else None
        with self._invocation.ui.progress("listening") as progress:
            found = plan_remix(self._subject, self._request, suffix or None, progress)
        found = replace(found, crew=self._choose(found.draft.plan))
        self._show(found)
        self._invocation.ui.say("a dry run: nothing was written")

    def pipe(self) -> None:
        """Write to standard output."""
        from contextlib import ExitStack

        from beatflow.remix.remixing import pipe_remix

        ui = self._invocation.ui
        with ExitStack() as stack:
            run = stack.enter_context(self._note())
            progress = stack.enter_context(ui.progress("remixing"))
            done = pipe_remix(
                self._subject,
                self._request,
                self._choose,
                lambda: stack.enter_context(ui.open_pipe()),
                self._scratch,
                self._invocation.find_repository(),
                progress,
            )
            maker = done.crew.maker
            run.add(done, (), maker.facts if maker else None)
        self._say(done)

    def write(self, output: str | None, in_place: bool, force: bool, message: str | None) -> None:
        """Write a file."""
        from beatflow.delivery import Place
        from beatflow.remix.remixing import remix_file

        invocation, subject = self._invocation, self._subject
        handover = make_handover(invocation, output, force, message)
        repository = handover.repository
        if handover.place is None:
            folder = invocation.directory
            if repository and subject.path:
                folder = (repository.root / subject.path).parent
            handover = replace(handover, place=Place(folder, Path(subject.path).name if in_place else None))
        with self._note() as run:
            with invocation.ui.progress("remixing") as progress:
                done = remix_file(subject, self._request, self._choose, handover, progress)
            maker = done.crew.maker
            run.add(done, (done.sound,) if done.sound else (), maker.facts if maker else None)
        if maker:
            remember_pace(invocation, self._setup, maker, done)
        self._show(done)
        say_written(invocation, handover)

    def _note(self) -> "AbstractContextManager[Run]":
        from beatflow.remix.result import tell_request

        asked = dict(tell_request(self._request))
        return noting(self._invocation, "remix", original=self._subject.name, asked=asked)

    def _choose(self, plan: "Plan") -> "Crew":
        """The engines that a plan needs; the one that follows a recording where it is at hand."""
        from beatflow.remix.studio import Crew

        groove = plan.groove
        if groove is None:
            if self._engine:
                raise UsageError("--engine is for --genre", hint="leave it out; effects and tempo need none")
            return Crew()
        separator = None
        maker = None
        if groove.bars or self._engine:
            maker = choose(self._invocation, "accompany", self._engine, self._setup)
            if not maker.info.promises >= {"tempo", "stems"} and "musicgen" not in maker.info.name:
                raise UsageError(
                    f"engine {maker.info.name} neither plays drums in time nor follows a recording",
                    hint="--engine synth does",
                )
        if maker and not groove.bars and "stems" in maker.info.promises:
            maker = None
        if groove.separator and not (maker and "stems" not in maker.info.promises):
            separator = choose(self._invocation, "separate", None, self._setup)
        return Crew(maker, separator)

    def _show(self, done: "Remix") -> None:
        invocation = self._invocation
        if self._json:
            from beatflow.remix.text import describe_document

            sound = sound_document(invocation, done.sound) if done.sound else None
            invocation.ui.emit_json("beatflow.remix/1", describe_document(done) | {"sound": sound})
            return
        self._say(done)
        if done.sound:
            invocation.ui.emit(relative(invocation, done.sound.path))

    def _say(self, done: "Remix") -> None:
        from beatflow.remix.text import format_remix, summarize

        ui = self._invocation.ui
        for line in format_remix(done):
            ui.say(line)
        pace = f" ({tell_pace(done.seconds, done.real_time_factor)})" if done.contract else ""
        ui.say(f"{summarize(done)}{pace}")


def _show_help(invocation: Invocation, fx: str | None, genre: str | None, json: bool) -> bool:
    """List effects or genres, where that is what was asked for."""
    wants = [name for name, value in (("fx", fx), ("genre", genre)) if value == "help"]
    if not wants:
        return False
    ui = invocation.ui
    if "genre" in wants:
        from beatflow.remix.styles import STYLES

        if json:
            rows = [
                {"genre": style.name, "also": list(style.words), "about": style.about}
                for style in STYLES.values()
            ]
            ui.emit_json("beatflow.remix.genres/1", {"genres": rows})
        else:
            ui.table(
                ["genre", "also", "what is done"],
                [[s.name, ", ".join(s.words), s.about] for s in STYLES.values()],
            )
        return True
    from beatflow.sound.effects.chain import describe_effects

    kinds = describe_effects()
    if json:
        ui.emit_json("beatflow.remix.effects/1", {"effects": [kind.to_json() for kind in kinds]})
    else:
        from beatflow.remix.text import format_effects

        for line in format_effects(kinds):
            ui.emit(line)
    return True


def _check_words(request: "RemixRequest") -> None:
    """Refuse an effect or a genre that does not exist before anything is read."""
    if request.fx:
        from beatflow.sound.effects.chain import parse_chain

        parse_chain(request.fx)
    if request.genre:
        from beatflow.remix.styles import get_style

        get_style(request.genre)


def _check_output(output: str | None, in_place: bool, json: bool, committed: bool, dry_run: bool) -> None:
    if in_place and output is not None:
        raise UsageError("--in-place and -o both say where it goes", hint="leave one of them out")
    if output == "-" and not dry_run and (json or committed):
        raise UsageError("-o - gives one sound and nothing else", hint="give -o FILE")
