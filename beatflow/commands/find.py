"""``bf find``."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from beatflow.columns import safe_line
from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import JsonOption, KeyOption
from beatflow.errors import DamagedError, NotFoundError, UsageError
from beatflow.invocation import Invocation
from beatflow.wording import plural

if TYPE_CHECKING:
    from beatflow.finding.ranking import Likening, Using
    from beatflow.finding.request import Request
    from beatflow.finding.search import Findings
    from beatflow.finding.versions import Place
    from beatflow.repository import Repository
    from beatflow.soundfolder import Mishap
    from beatflow.soundword import NamedSound
    from beatflow.ui import Progress

SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Given:
    """The sound that --like or --uses names, and how it is meant."""

    word: str
    like: bool
    by: str | None
    quick: bool


def find(
    invocation: Invocation,
    text: Annotated[
        str | None,
        Argument(metavar="[TEXT]", help="Words in the path, message, prompt or title; all must be there."),
    ] = None,
    tempo: Annotated[
        str | None, Option("--tempo", "--bpm", metavar="BPM|LO..HI", help="Tempo: 90, 88..92, 120.. .")
    ] = None,
    key: KeyOption = None,
    mood: Annotated[
        str | None, Option("--mood", metavar="MOOD", help="How it feels most: calm, energetic, sad …")
    ] = None,
    engine: Annotated[
        str | None, Option("--engine", metavar="NAME", help="What made it: synth, musicgen …")
    ] = None,
    duration: Annotated[
        str | None, Option("--duration", metavar="LO..HI", help="Length: 10s..1m, 2:30, ..45s.")
    ] = None,
    like: Annotated[
        str | None,
        Option(
            "--like", metavar="FILE|STEM|REV:PATH|REV|-", help="Like this sound; of a hum, with its tune."
        ),
    ] = None,
    by: Annotated[
        str | None,
        Option("--by", metavar="ASPECT", help="What --like goes by: sound, melody, timbre, rhythm, harmony."),
    ] = None,
    uses: Annotated[
        str | None,
        Option(
            "--uses",
            metavar="FILE|STEM|REV:PATH|REV|-",
            help="With this sample in it, also under other sounds.",
        ),
    ] = None,
    quick: Annotated[
        bool, Option("--quick", help="--uses by the index alone: in a moment, but less is found.")
    ] = False,
    within: Annotated[
        list[str] | None,
        Option(
            "--in", metavar="PATH|REV", help="Only here: files, folders, revisions; any folder of sounds."
        ),
    ] = None,
    everywhere: Annotated[
        bool, Option("--everywhere", help="In every track that is known on this machine.")
    ] = False,
    limit: Annotated[
        int, Option("--limit", "-n", metavar="N", min=0, help="At most this many; 0 for all.")
    ] = SHOWN,
    json: JsonOption = False,
) -> int:
    """Find sounds in any version: by figures and words, by likeness, by tune, by a sample in them.

    Every version of every sound in the track's history is searched, and what is not committed yet; --in bounds that,
    or names a folder that is no track. All that is asked for must hold. The best comes first, with where and when it
    came in; of those that fit alike, the newest.

    --like takes a hum or whistle for its tune, which is found in any key and in half to twice the tempo, and any other
    sound for how it sounds. --uses hears a sample through gain, equalisers, codecs and other sounds: by its waveform
    where it was mixed in as it is, however softly, and by its landmarks up to a tenth faster or slower; it says from
    when to when. Each sound is listened to once, when it is first needed, and for a sample's waveform once more unless
    --quick is given; Ctrl-C shows what was found until then. docs/find.md says how, and how often it is right. Exit
    code 1: nothing fits.

    Examples:
      bf find --tempo 88..92 --key Am --mood calm
      bf find "night drive" --engine synth --json | jq -r '.finds[].path'
      bf find --like hum.wav
      bf find --like v2:stems/drums.wav --by rhythm --everywhere
      bf find --uses samples/break.wav --in main
      bf find --uses kick.wav --everywhere --quick
    """
    from beatflow.finding.request import parse_request

    request = parse_request(text, tempo, key, mood, engine, duration)
    given = _read_given(like, by, uses, quick)
    if request.is_empty and given is None and not within:
        raise UsageError("nothing to look for", hint="bf find --tempo 88..92, or --like hum.wav, or a word")
    found, here = _search(invocation, request, given, within or [], everywhere)
    _show(invocation, found, here, limit, json)
    return 0 if found.finds else 1


def _read_given(like: str | None, by: str | None, uses: str | None, quick: bool) -> _Given | None:
    """Return what --like or --uses names; None where neither is given."""
    from beatflow.finding.request import check_aspect

    if like is not None and uses is not None:
        raise UsageError("--like and --uses are two searches", hint="ask for one of them at a time")
    if quick and uses is None:
        raise UsageError("--quick says how --uses is meant", hint="bf find --uses FILE --quick")
    if by is not None and like is None:
        raise UsageError("--by says how --like is meant", hint=f"--like FILE --by {check_aspect(by)}")
    if by is not None:
        check_aspect(by)
    word = like if like is not None else uses
    return None if word is None else _Given(word, like is not None, by, quick)


def _search(
    invocation: Invocation,
    request: "Request",
    given: _Given | None,
    within: list[str],
    everywhere: bool,
) -> "tuple[Findings, Path | None]":
    from beatflow.finding.search import find as search

    repository = invocation.find_repository()
    mishaps: list[Mishap] = []
    with (
        tempfile.TemporaryDirectory(prefix="beatflow-") as scratch,
        invocation.ui.progress("looking") as progress,
    ):
        sample: Likening | Using | None = None
        if given:
            progress(0.0, "listening to what was given")
            sample = _hear(_find_subject(invocation, repository, given.word, Path(scratch)), given)
        places = _find_places(invocation, repository, within, everywhere, mishaps, progress)
        found = search(request, places, sample, progress)
    found.mishaps += [one for one in mishaps if one.broken]
    return found, repository.root if repository else None


def _hear(subject: "NamedSound", given: _Given) -> "Likening | Using":
    from beatflow.finding.sample import read_likening, read_using

    return read_likening(subject, given.by) if given.like else read_using(subject, given.quick)


def _find_subject(
    invocation: Invocation, repository: "Repository | None", word: str, scratch: Path
) -> "NamedSound":
    """The sound that was given: a file, standard input, or one of a revision."""
    from beatflow.delivery import spool
    from beatflow.soundword import find_sound

    piped = spool(invocation.ui.read_input(), scratch) if word == "-" else None
    return find_sound(word, invocation.directory, repository, piped)


def _find_places(
    invocation: Invocation,
    repository: "Repository | None",
    within: list[str],
    everywhere: bool,
    mishaps: "list[Mishap]",
    progress: "Progress",
) -> "list[Place]":
    from beatflow.finding.versions import read_folder_place, read_scope, read_track_place

    scope, outside = read_scope(repository, within, invocation.directory)
    state = invocation.settings.state
    places = [
        read_folder_place(
            invocation.directory / word, word, state / "index" if state else None, mishaps.append
        )
        for word in outside
    ]
    if repository and (everywhere or len(outside) < len(within) or not within):
        places.append(read_track_place(repository, scope, lambda: progress(0.0, "reading history")))
    if everywhere:
        places += _find_others(invocation, repository, mishaps)
    elif not places:
        raise NotFoundError(
            f"{invocation.directory} is not in a BeatFlow track", hint="--in FOLDER, --everywhere, or bf init"
        )
    return places


def _find_others(
    invocation: Invocation, repository: "Repository | None", mishaps: "list[Mishap]"
) -> "list[Place]":
    """All known tracks but this one; those that are gone are left out, and damaged ones are told of."""
    from beatflow.finding.versions import Scope, read_track_place
    from beatflow.library.registry import list_tracks
    from beatflow.repository import Repository
    from beatflow.soundfolder import Mishap

    own = repository.root.resolve() if repository else None
    places = []
    for root in list_tracks(invocation.settings.state):
        if root != own:
            with suppress(NotFoundError):
                try:
                    places.append(read_track_place(Repository(root, invocation.signature), Scope()))
                except DamagedError as error:
                    mishaps.append(Mishap(str(root), error.message, f"bf -C {quote(str(root))} check"))
    return places


def _show(invocation: Invocation, found: "Findings", here: "Path | None", limit: int, json: bool) -> None:
    from beatflow.finding.text import describe, tell_find

    ui = invocation.ui
    shown = found.finds[:limit] if limit else found.finds
    if json:
        ui.emit_json("beatflow.find/1", describe(found, shown))
    else:
        for one in shown:
            for line in tell_find(one, here, ui.style, safe_line):
                ui.emit(line)
    broken = [one for one in found.mishaps if one.broken]
    for mishap in broken:
        ui.warn(f"{mishap.path}: {mishap.message}", mishap.hint)
    if found.unheard:
        ui.warn(
            f"broken off: {plural(found.unheard, 'sound')} not listened to",
            "the same again goes on from here",
        )
    if found.elsewhere:
        ui.say(f"{plural(found.elsewhere, 'sound')} left elsewhere: bf fetch PATH brings them")
    more = len(found.finds) - len(shown)
    if more:
        ui.say(f"and {more} more: --limit 0 shows all")
    if not found.finds:
        ui.say(f"nothing fits among {plural(found.looked_at, 'version')}")
