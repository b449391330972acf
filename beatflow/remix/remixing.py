"""Remixing a sound: listened to, planned, rendered, measured against what was asked, and handed over with its record.

Joins the parts of this package with files, engines and the track.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from beatflow.ai.engine import Progress, no_progress
from beatflow.contract.judging import judge
from beatflow.contract.measuring import Measurement, measure
from beatflow.contract.terms import Contract, Promise, Terms, is_held
from beatflow.contract.text import tell_misses
from beatflow.delivery import Delivery, Handover
from beatflow.errors import ContractError
from beatflow.making.hearing import GUIDE_S
from beatflow.making.separation import stem_subtype
from beatflow.making.take import SoundFile
from beatflow.remix.hearing import Heard, Known, hear, prefer
from beatflow.remix.plan import Plan
from beatflow.remix.planning import Draft, draft, needs_ears, refine
from beatflow.remix.rendering import Rendered, render
from beatflow.remix.request import RemixRequest
from beatflow.remix.result import Remix, describe_remix
from beatflow.remix.studio import Crew, Studio
from beatflow.remix.subject import Part, Subject, find_parts_without
from beatflow.remix.summing import Reading, open_sum
from beatflow.remix.tape import Tape
from beatflow.repository import Repository
from beatflow.scratch import Scratch
from beatflow.sound.files import AudioReader, SoundInfo
from beatflow.sound.formats import FORMATS, check_rate, get_format
from beatflow.sound.tonality import parse_key
from beatflow.sound.writing import AudioWriter

_ROUNDS = 2
"""How often a stretch that came out a little off is refined."""
_WORN = 0.03
"""A tempo that is further off than this was not what it was taken for: refining would not help."""

Choose = Callable[[Plan], Crew]
"""Gives the engines that a plan needs."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A rendering that was measured."""

    draft: Draft
    rendered: Rendered
    measured: Measurement | None
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """The rendering that is taken, of what it was made, by whom, and in how many seconds."""

    work: _Work
    heard: Heard
    crew: Crew
    parts: tuple[Part, ...]
    seconds: float


def plan_remix(
    subject: Subject, request: RemixRequest, suffix: str | None = None, progress: Progress = no_progress
) -> Remix:
    """Say what would be done, without doing it. See `remix_file` for the errors."""
    request.check()
    started = time.perf_counter()
    with AudioReader(subject.file, subject.name) as reader:
        heard = _hear(reader, subject, request, progress)
        found = draft(request, heard, _know(subject, request), subject.name)
        seconds = round(time.perf_counter() - started, 3)
        return Remix(
            subject, found, heard, found.plan.length_frames, reader.info.sample_rate, reader.info.channels,
            choose_subtype(reader.info, suffix or name_suffix(subject)), found.tempo, found.key, seconds=seconds,
        )  # fmt: skip


def remix_file(
    subject: Subject,
    request: RemixRequest,
    choose: Choose,
    handover: Handover,
    progress: Progress = no_progress,
) -> Remix:
    """Remix a sound into the file that the handover's place names, or into ``NAME-remix`` in its folder.

    Raises
    ------
    AudioError
        It cannot be read, is silent, or cannot be written under that name.
    ConflictError
        A file is in the way.
    ContractError
        The result does not bear out what was asked for; nothing is written.
    UsageError
        The request makes no sense, or not for this sound.
    """
    request.check()
    assert handover.place is not None
    target = handover.place.file or f"{subject.title}-remix{name_suffix(subject)}"
    suffix = PurePosixPath(target).suffix.lower()
    if suffix not in FORMATS:
        get_format(target, "PCM_16")
    with (
        Delivery(handover, "remix", subject.name) as delivery,
        AudioReader(subject.file, subject.name) as reader,
    ):
        check_rate(target, reader.info.sample_rate)
        delivery.check_free(target)
        done = _make(reader, subject, request, choose, handover.repository, delivery.new_file, progress)
        subtype = choose_subtype(reader.info, suffix)
        file = delivery.new_file(target)
        clipped = _write(done.work.rendered.tape, file, subtype)
        sound = SoundFile("remix", delivery.folder / target, delivery.add(target, file))
        found = _tell(reader, subject, done, subtype, clipped, sound)
        delivery.describe(sound.oid, describe_remix(found, request))
        if subject.here:
            delivery.expect(subject.file, subject.oid)
        delivery.publish()
        for choice in (found.crew.maker, found.crew.separator):
            if choice:
                choice.settle()
        progress(1.0, "done")
        return found


def pipe_remix(
    subject: Subject,
    request: RemixRequest,
    choose: Choose,
    open_pipe: Callable[[], BinaryIO],
    folder: Path,
    repository: Repository | None = None,
    progress: Progress = no_progress,
) -> Remix:
    """Remix a sound to a stream, as WAV; the stream is opened once there is something to write."""
    request.check()
    with Scratch(folder) as scratch, AudioReader(subject.file, subject.name) as reader:
        done = _make(reader, subject, request, choose, repository, scratch.new_file, progress)
        subtype = choose_subtype(reader.info, ".wav")
        clipped = _write(done.work.rendered.tape, open_pipe(), subtype)
        progress(1.0, "done")
        return _tell(reader, subject, done, subtype, clipped, None)


def write_again(
    inputs: Sequence[tuple[Path, str]],
    plan: Plan,
    subtype: str,
    crew: Crew,
    target: Path,
    scratch: Path,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Run the plan of a record once more, into a file; gives what of its figures can be measured.

    Parameters
    ----------
    inputs : sequence of (Path, str)
        The sounds whose sum was remixed, and what to call each.
    scratch : Path
        For tapes.
    """
    numbers = count()
    with ExitStack() as stack:
        reader = open_sum(inputs, stack)
        studio = Studio(lambda suffix: scratch / f"tape-{next(numbers)}{suffix}", crew, progress)
        tape = render(reader, plan, studio).tape
        _write(tape, target, subtype)
        measured = measure(tape.blocks()).to_json()
        tape.drop()
    return {name: measured[name] for name in ("key", "loudness_lufs", "true_peak_dbtp")}


def name_suffix(subject: Subject) -> str:
    """The suffix of a remix that nobody named: the sound's own, where that loses nothing."""
    return subject.suffix if subject.suffix in (".wav", ".flac", ".aif", ".aiff") else ".wav"


def choose_subtype(info: SoundInfo, suffix: str) -> str:
    """The depth of a result: the sound's own, or 24 bits where that is lossy or the format cannot hold it."""
    own = stem_subtype(info.subtype)
    if info.format in ("OGG", "MP3") or (own == "FLOAT" and info.subtype == "PCM_32"):
        own = "PCM_24"
    if suffix != ".wav":
        own = {"PCM_U8": "PCM_16", "FLOAT": "PCM_24", "DOUBLE": "PCM_24"}.get(own, own)
    return own


def _hear(reader: AudioReader, subject: Subject, request: RemixRequest, progress: Progress) -> Heard:
    known = _know(subject, request)
    listen = needs_ears(request, known)
    return hear(reader, listen, known.tempo, request.bpm_range, lambda f, what: progress(0.2 * f, what))


def _know(subject: Subject, request: RemixRequest) -> Known:
    """What was told on the command line goes before the record, and that before the score."""
    key = str(parse_key(request.source_key)) if request.source_key else None
    return prefer(Known(request.source_tempo, key), subject.known)


def _make(
    reader: AudioReader,
    subject: Subject,
    request: RemixRequest,
    choose: Choose,
    repository: Repository | None,
    new_file: Callable[[str], Path],
    progress: Progress,
) -> _Done:
    """Listen, plan, render, measure, and refine; refuse what does not hold."""
    started = time.perf_counter()
    heard = _hear(reader, subject, request, progress)
    found = draft(request, heard, _know(subject, request), subject.name)
    parts: tuple[Part, ...] = ()
    if found.plan.groove and found.plan.groove.separator:
        # The drums that a mix of the track was made with can be left out exactly.
        parts = find_parts_without(subject, "drums", repository, new_file)
        found = _with_groove(found, separator="") if parts else found
    crew = choose(found.plan)
    found = _name_engines(found, crew, heard.sample_rate)
    if found.plan.groove and found.plan.groove.guided:
        parts = ()
    studio = Studio(new_file, crew, lambda f, what: progress(0.2 + 0.7 * f, what))
    with ExitStack() as stack:
        source = open_sum([(part.file, part.path) for part in parts], stack) if parts else reader
        work = _work(source, found, studio, heard)
        for _ in range(_ROUNDS):
            better = _refine(source, work, studio, heard)
            if better is None:
                break
            work = better
    if not is_held(work.promises):
        raise _refuse(work, subject)
    if not parts:
        parts = (Part(subject.file, subject.path or subject.name, subject.oid),)
    return _Done(work, heard, crew, parts, time.perf_counter() - started)


def _name_engines(found: Draft, crew: Crew, sample_rate: int) -> Draft:
    """Have the plan say which engine takes the drums out, and that all is made anew where the maker gives no stems."""
    groove = found.plan.groove
    if groove is None:
        return found
    if crew.maker and "stems" not in crew.maker.info.promises:
        note = f"{crew.maker.info.name} follows the first {GUIDE_S / 60:g} minutes; the rest is left out"
        long = found.plan.length_frames > GUIDE_S * sample_rate
        found = replace(found, notes=(*found.notes, note)) if long else found
        return _with_groove(found, guided=True, separator="")
    name = crew.separator.info.name if crew.separator else ""
    return _with_groove(found, separator=name if groove.separator else "")


def _with_groove(found: Draft, **changes: Any) -> Draft:
    assert found.plan.groove is not None
    return replace(found, plan=replace(found.plan, groove=replace(found.plan.groove, **changes)))


def _work(reader: Reading, found: Draft, studio: Studio, heard: Heard) -> _Work:
    rendered = render(reader, found.plan, studio)
    terms = found.terms
    if not terms.values:
        return _Work(found, rendered, None, ())
    studio.progress(1.0, "measuring")
    measured = measure(rendered.tape.blocks(), terms.number("tempo"))
    return _Work(found, rendered, measured, judge(terms, measured, _before(heard, terms)))


def _before(heard: Heard, terms: Terms) -> Measurement | None:
    """What was measured before; a wandering tempo is known to be one, and is not asked about again."""
    return heard.measured if not terms.number("tempo") or "tempo" in terms.built else None


def _refine(reader: Reading, work: _Work, studio: Studio, heard: Heard) -> _Work | None:
    """The same stretched a little more or less; None where it is right, cannot be helped, or did not get better."""
    asked = work.draft.terms.number("tempo")
    fit = work.measured.fit if work.measured else None
    if asked is None or "tempo" in work.draft.terms.built or fit is None or fit.tempo is None:
        return None
    off = abs(fit.tempo - asked)
    if off <= work.draft.terms.tolerance / 2 or off / asked > _WORN:
        return None
    again = _work(reader, refine(work.draft, fit.tempo, asked), studio, heard)
    now = again.measured.fit if again.measured else None
    if now is None or now.tempo is None or abs(now.tempo - asked) >= off:
        again.rendered.tape.drop()
        return None
    work.rendered.tape.drop()
    return again


def _refuse(work: _Work, subject: Subject) -> ContractError:
    told = "; ".join(tell_misses([work.promises]))
    ways = []
    for one in work.promises:
        if not one.binding or one.held:
            continue
        if one.term == "tempo":
            known = isinstance(one.measured, int | float) and work.draft.source.tempo
            if known and isinstance(one.asked, int | float) and isinstance(one.measured, int | float):
                own = (work.draft.source.tempo or 0.0) * one.measured / one.asked
                ways.append(f"--source-tempo {own:.2f} if that is what it is at")
            ways.append(f"--tolerance allows more than {work.draft.terms.tolerance:g} BPM")
        if one.term == "key":
            ways.append("--source-key tells what it is in, --pitch moves it without a question")
        if one.term == "loudness_lufs" and one.measured is None:
            ways.append(
                'what is shorter than 0.4 s or silent has no loudness; --fx "gain(-3dB)" sets its level'
            )
        elif one.term == "loudness_lufs" and isinstance(one.measured, int | float):
            ways.append(f"--normalize {int(one.measured) - 1} is within reach")
    return ContractError(
        f"the remix of {subject.name} does not keep what was asked for: {told}; nothing was written",
        hint="; ".join(dict.fromkeys(ways)) or "ask for less",
    )


def _write(tape: Tape, target: Path | BinaryIO, subtype: str) -> int:
    """Write a tape in a format; gives how many samples passed full scale."""
    with AudioWriter(target, tape.sample_rate, tape.channels, subtype, frames=tape.frames) as writer:
        for block in tape.blocks():
            writer.write(block)
    return writer.clipped


def _tell(
    reader: AudioReader,
    subject: Subject,
    done: _Done,
    subtype: str,
    clipped: int,
    sound: SoundFile | None,
) -> Remix:
    work = done.work
    tape = work.rendered.tape
    contract = Contract(work.promises, (), 0, work.draft.terms.tolerance, ())
    return Remix(
        subject, work.draft, done.heard, tape.frames, reader.info.sample_rate, tape.channels, subtype,
        work.draft.tempo, work.draft.key, contract, work.measured, work.rendered.limited_db,
        work.rendered.headroom_db, clipped, done.crew, sound, round(done.seconds, 3), done.parts,
    )  # fmt: skip
