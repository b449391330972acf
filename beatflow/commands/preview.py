"""``bf preview``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, ForceOption, JsonOption, OutputOption, complete_word
from beatflow.commands.takes import note
from beatflow.errors import BeatFlowError, UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.daw.tagging.tags import Tags
    from beatflow.delivery import Delivery
    from beatflow.playing.naming import Named
    from beatflow.playing.preview import Preview, Wish
    from beatflow.playing.source import Source
    from beatflow.repository import Repository

_SUFFIXES = {".mp3": "mp3", ".opus": "opus", ".ogg": "ogg"}


def preview(
    invocation: Invocation,
    sounds: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE|STEM|REV:PATH|REV|-]...",
            help="Sounds; a revision stands for its mix. The folder's mix if none.",
            autocompletion=complete_word,
        ),
    ] = None,
    format: Annotated[
        str | None,
        Option("--format", metavar="NAME", help="mp3, opus or ogg; else as -o ends, or mp3."),
    ] = None,
    start: Annotated[
        str | None,
        Option("--start", metavar="TIME", help="Begin there: 0:30, 12.5s, b17; else where it tells most."),
    ] = None,
    length: Annotated[
        float | None, Option("--length", metavar="SECONDS", help="How long, 1 to 86400; else 30.")
    ] = None,
    whole: Annotated[bool, Option("--whole", help="All of it.")] = False,
    loudness: Annotated[
        float,
        Option("--loudness", metavar="LUFS", help="How loud, -60 to -3; true peak below -2 dBTP."),
    ] = -14.0,
    as_is: Annotated[bool, Option("--no-normalize", help="Leave the level as it is.")] = False,
    fade: Annotated[
        float,
        Option("--fade", metavar="SECONDS", help="How long it fades out where it is cut, 0 to 60."),
    ] = 2.0,
    output: OutputOption = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Make a short, tagged MP3 or Opus of a sound, to hand around.

    Of a longer sound the stretch of 30 s is taken that tells most of it: loud, of a section that comes back, from a
    downbeat on. Written to NAME-preview.mp3. One that cannot be read does not stop the others; the exit code is then 1.

    Examples:
      bf preview
      bf preview v1 --format opus --whole -o v1.opus
      bf preview stems/*.wav --start b17 --length 8 -o previews/
    """
    from beatflow.playing.naming import Finder
    from beatflow.playing.preview import Wish, check

    ui = invocation.ui
    words: list[str | None] = [*sounds] if sounds else [None]
    if whole and (start or length):
        raise UsageError("--whole is all of it, without --start and --length", hint="bf preview FILE --whole")
    chosen = format or _SUFFIXES.get(Path(output or "").suffix.lower(), "mp3")
    wish = Wish(chosen, None, None if whole else length or 30.0, None if as_is else loudness, fade)
    if length is not None and not length > 0:
        raise UsageError(f"a preview of {length:g} s makes no sense", hint="--length 30")
    check(wish)
    if output == "-":
        if len(words) > 1:
            raise UsageError("only one preview goes to standard output", hint="-o DIR/")
        ui.check_output()
    repository = invocation.find_repository()
    finder = Finder(invocation.directory, repository, ui.read_input)
    rows: list[dict[str, Any]] = []
    failures: list[BeatFlowError] = []
    job = _Job(invocation, repository, wish, start, output, force, dry_run, len(words))
    for word in words:
        try:
            rows.append(job.run(finder.find(word)))
        except BeatFlowError as error:
            if len(words) == 1:
                raise
            failures.append(error)
    if output == "-":
        return 0
    if json:
        told = [{"error": failure.message, "hint": failure.hint} for failure in failures]
        ui.emit_json("beatflow.preview/1", {"previews": rows, "failures": told, "dry_run": dry_run})
    else:
        for row in rows:
            ui.emit(row["path"])
    for failure in failures:
        ui.error(failure.message, failure.hint)
    return 1 if failures else 0


class _Job:
    """What all previews of one command have in common."""

    def __init__(
        self,
        invocation: Invocation,
        repository: "Repository | None",
        wish: "Wish",
        start: str | None,
        output: str | None,
        force: bool,
        dry_run: bool,
        count: int,
    ) -> None:
        from beatflow.delivery import Handover, Place, find_place

        self._invocation, self._repository, self._wish = invocation, repository, wish
        self._start, self._piped, self._dry_run = start, output == "-", dry_run
        place = find_place(output, invocation.directory) if output and not self._piped else None
        if place and place.file and count > 1:
            raise UsageError(f"{output} is one file, and there are {count} sounds", hint="-o DIR/")
        self._file = place.file if place else None
        # Outside any track: a preview can be made again, so there is nothing to undo.
        self._handover = Handover(
            invocation.directory, None, place or Place(invocation.directory), force, None, dry_run
        )
        self._names: set[str] = set()

    def run(self, sound: "Named") -> dict[str, Any]:
        """Make one."""
        from beatflow.delivery import Delivery

        with Delivery(self._handover, "preview", "") as delivery:
            name = self._file or self._name(sound)
            if not self._piped:
                delivery.check_free(name)
            file = delivery.new_file(name)
            source = sound.open()
            try:
                made = self._write(sound, source, file)
            finally:
                source.close()
            return self._hand_over(sound, made, delivery, name, file)

    def _name(self, sound: "Named") -> str:
        from beatflow.playing.preview import name_preview

        stem, number = name_preview(sound.path or "sound", self._wish.format), 2
        name = stem
        while name in self._names:
            name = f"{Path(stem).stem}-{number}{Path(stem).suffix}"
            number += 1
        self._names.add(name)
        return name

    def _write(self, sound: "Named", source: "Source", file: Path) -> "Preview":
        from dataclasses import replace

        from beatflow.playing.listening import read_span
        from beatflow.playing.preview import write_preview

        wish = self._wish
        if self._start is not None:
            wish = replace(wish, start_s=read_span(sound.clock, self._start, None)[0])
        facts = self._repository.analysis_cache.get(sound.oid) if self._repository and sound.oid else None
        with self._invocation.ui.progress("listening") as progress, file.open("w+b") as dest:
            return write_preview(source, dest, wish, self._tags(sound), facts, progress)

    def _tags(self, sound: "Named") -> "Tags":
        from beatflow.playing.tagging import make_tags

        invocation = self._invocation
        return make_tags(self._repository, sound, invocation.signature())

    def _hand_over(
        self, sound: "Named", made: "Preview", delivery: "Delivery", name: str, file: Path
    ) -> dict[str, Any]:
        ui, size = self._invocation.ui, file.stat().st_size
        path = str(delivery.folder / name)
        if delivery.folder.is_relative_to(self._invocation.directory):
            path = str((delivery.folder / name).relative_to(self._invocation.directory))
        if self._piped:
            with file.open("rb") as copy:
                ui.emit_bytes(iter(lambda: copy.read(1 << 20), b""))
        else:
            delivery.add(name, file)
            delivery.publish()
        if not self._dry_run:
            note(
                self._invocation,
                "download",
                path=sound.path or sound.name,
                oid=sound.oid,
                commit=sound.commit,
            )
        ui.say(_tell(sound, made, size))
        return {
            "path": path,
            "source": sound.name,
            "oid": sound.oid,
            "commit": sound.commit,
            "format": self._wish.format,
            "start_s": made.start_s,
            "duration_s": made.duration_s,
            "chosen": made.chosen,
            "gain_db": round(made.gain_db, 3),
            "limited_db": round(made.limited_db, 3),
            "loudness_lufs": made.loudness_lufs,
            "true_peak_dbtp": made.true_peak_dbtp,
            "size": size,
        }


def _tell(sound: "Named", made: "Preview", size: int) -> str:
    from beatflow.wording import format_duration, format_loudness, format_number, format_size

    end_s = made.start_s + made.duration_s
    why = ", which tells most" if made.chosen else ""
    stretch = f"{format_duration(made.start_s)} to {format_duration(end_s)}{why}"
    level = format_loudness(made.loudness_lufs) if made.loudness_lufs is not None else "level as it is"
    limited = f", limited by {format_number(made.limited_db)} dB" if made.limited_db >= 0.05 else ""
    return f"{sound.name}: {stretch}; {level}{limited}; {format_size(size)}"
