"""Making music: what an engine is asked for, what it gave, and the files and records that come of it.

Joins engines with files and tracks. Prints nothing; what is worth telling is in what it returns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beatflow.ai.engine import BatchGenerator, Brief, Guide, Performance, Progress, no_progress
from beatflow.ai.performance import check_performance
from beatflow.ai.table import Choice
from beatflow.contract.correcting import widen
from beatflow.contract.fulfilment import Draw, Fulfilment, count_tries, fulfil
from beatflow.contract.terms import Terms, make_terms
from beatflow.delivery import Delivery, Handover, Place, check_new, digest
from beatflow.errors import UsageError
from beatflow.making.recipe import describe
from beatflow.making.request import Request, draw_seed, folder_name, shorten
from beatflow.making.structure import has_ending
from beatflow.making.take import Batch, Made, SoundFile, Source, Take, summarize
from beatflow.provenance import find_record
from beatflow.sound.audio import Audio
from beatflow.sound.formats import OPUS_RATES, check_rate, get_format
from beatflow.sound.tonality import parse_key
from beatflow.sound.writing import write_audio
from beatflow.track import DEFAULT_MIX, TRACK_FILE, edit_track, parse_track

GUIDED_RANGE_S = (1.0, 30.0)
"""How long music around a recording is where nobody said and the notes do not."""
_BATCH_S = 3600.0
_USUAL_S = 30.0
_ASSUMED_TEMPO = 120.0


@dataclass(frozen=True, slots=True)
class TakeNames:
    """How the files of one take are called: below ``prefix``, or with ``file`` the mix alone under that name."""

    prefix: str = ""
    file: str | None = None
    midi: Path | None = None

    @property
    def mix(self) -> str:
        """The mix, below the delivery's folder."""
        return self.prefix + (self.file or DEFAULT_MIX)


@dataclass(frozen=True, slots=True)
class _Notes:
    """The notes of a take, and the bars that they stand in."""

    notes: Mapping[str, Any]
    tempo: float
    meter: str

    @classmethod
    def of(cls, made: Made) -> "_Notes":
        performance, brief = made.performance, made.brief
        tempo = performance.tempo or brief.tempo or _ASSUMED_TEMPO
        return cls(made.notes, tempo, performance.meter or brief.meter)

    def write(self, path: Path) -> None:
        """Write them as MIDI."""
        from beatflow.sound.midi import write_midi

        write_midi(path, self.notes, self.tempo, self.meter)


def produce(
    choice: Choice,
    request: Request,
    handover: Handover,
    source: Source | None = None,
    count: int = 1,
    progress: Progress = no_progress,
    again: Sequence[int] = (),
) -> list[Take]:
    """Make takes that keep what was asked for, and put them where they belong: all of them or none.

    Parameters
    ----------
    choice : Choice
        The engine.
    request : Request
        The first take's; the others count its seed up.
    handover : Handover
        If its place is left open: the track itself, or outside one a new folder.
    source : Source, optional
        A melody to play around.
    count : int
        How many takes; more than one go to ``takes/SEED``.
    again : sequence of int
        The seeds of takes that were drawn at once before: just these are drawn, once, and taken as they are.

    Raises
    ------
    UsageError
        The request makes no sense.
    ConflictError
        Files are in the way.
    ContractError
        No try of some take holds what was asked for.
    """
    count = len(again) or count
    request.check(count)
    check_fit(choice, request, handover.midi is not None and source is None)
    if handover.dry_run and choice.info.remote:
        raise UsageError(
            f"{choice.info.name} would have to be paid for a dry run", hint="leave --dry-run out"
        )
    if handover.place and handover.place.file:
        check_rate(handover.place.file, choice.info.sample_rate or OPUS_RATES[-1])
    first = again[0] if again else draw_seed() if request.seed is None else request.seed
    request = replace(request, seed=first)
    seeds = again or range(first, first + count)
    if not (handover.place or handover.repository):
        handover = replace(handover, place=Place(handover.directory / folder_name(request.prompt, first)))
    names = [_name_take(handover, seed, count) for seed in seeds]
    takes, notes = [], []
    with Delivery(handover, "hum" if source else "generate", shorten(request.prompt)) as delivery:
        delivery.check_free(*(take.mix for take in names))
        for midi in (take.midi for take in names):
            if midi and not midi.is_relative_to(delivery.folder):
                check_new(midi, handover.force)
        composed = compose_takes(choice, request, seeds, progress, source, strict=not again)
        for take, made in zip(names, composed, strict=True):
            takes.append(write_take(made, delivery, take))
            notes.append(_Notes.of(made))
        delivery.publish()
        for take, found in zip(names, notes, strict=True):
            # A file that no operation covers comes last, so that whatever fails before it leaves nothing.
            if take.midi and not (handover.dry_run or take.midi.is_relative_to(delivery.folder)):
                found.write(take.midi)
    choice.settle()
    return takes


def check_fit(choice: Choice, request: Request, notes: bool = False) -> None:
    """Refuse before the work what an engine that was named cannot give; ``notes`` are wanted as MIDI.

    Raises
    ------
    UsageError
        The engine does not heed an option, or makes no stems or notes.
    """
    info = choice.info
    request.check_heeded(info)
    wanted = {"stems": request.stems is not None, "notes": notes}
    for name, needed in wanted.items():
        if needed and name not in info.promises:
            raise UsageError(f"engine {info.name} makes no {name}", hint="--engine synth does")


def _name_take(handover: Handover, seed: int, count: int) -> TakeNames:
    file = handover.place.file if handover.place else None
    midi = handover.midi
    if count == 1:
        return TakeNames(file=file, midi=midi)
    midi = numbered(midi, seed) if midi else None
    if file:
        return TakeNames(file=numbered(Path(file), seed).name, midi=midi)
    return TakeNames(f"takes/{seed}/", midi=midi)


def _report_part(progress: Progress, part: int, size: int, count: int) -> Progress:
    """Progress of one take, or of a batch of ``size``, as progress of all of them."""

    def report(fraction: float, what: str) -> None:
        name = f"take {part + 1}" if size == 1 else f"takes {part + 1} to {part + size}"
        progress((part + size * fraction) / count, what if size == count else f"{name}: {what}")

    return report


def numbered(path: Path, seed: int) -> Path:
    """``beat.wav`` with its seed: ``beat-42.wav``."""
    return path.with_name(f"{path.stem}-{seed}{path.suffix}")


def compose(
    choice: Choice,
    request: Request,
    progress: Progress = no_progress,
    source: Source | None = None,
) -> Made:
    """Have an engine make one take that keeps what was asked for, around a melody if there is one.

    Raises
    ------
    UsageError
        The request makes no sense, to us or to the engine.
    ContractError
        No try holds what was asked for.
    """
    seed = draw_seed() if request.seed is None else request.seed
    (made,) = compose_takes(choice, request, [seed], progress, source)
    return made


def compose_part(choice: Choice, request: Request, progress: Progress = no_progress) -> Made:
    """Have an engine make a part of something that is there: as `compose`, but nothing of it is measured."""
    request.check()
    request = replace(request, seed=draw_seed() if request.seed is None else request.seed)
    brief = _make_brief(choice, request, None)
    (found,) = fulfil(_drawer(choice, None), [brief], Terms(), progress=progress)
    return Made(choice, brief, found.performance, found.seconds, request)


def compose_takes(
    choice: Choice,
    request: Request,
    seeds: Sequence[int],
    progress: Progress = no_progress,
    source: Source | None = None,
    strict: bool = True,
) -> Iterator[Made]:
    """Have an engine make a take for each seed: at once where it can, otherwise one after the other.

    Raises
    ------
    UsageError
        The request makes no sense, to us or to the engine.
    ContractError
        No try of some take holds what was asked for, unless ``strict`` is unset: then it is taken as it is.
    """
    count = len(seeds)
    request.check(count)
    info, settled = choice.info, request.settle()
    brief = _make_brief(choice, settled, source)
    terms = make_terms(settled.asked, settled.meter, settled.tolerance, info.promises)
    tries = count_tries(terms, request.tries, info.remote) if strict else 1
    # An hour of sound is what memory is sure to hold; what the device holds, the engine knows.
    most = max(1, int(_BATCH_S // _estimate_length(widen(brief, terms))))
    size = min(count, most) if isinstance(choice.engine, BatchGenerator) else 1
    for start in range(0, count, size):
        briefs = [replace(brief, seed=seed) for seed in seeds[start : start + size]]
        report = _report_part(progress, start, len(briefs), count)
        found = fulfil(_drawer(choice, source), briefs, terms, tries, strict, report)
        for one, kept in zip(briefs, found, strict=True):
            yield _gather(choice, replace(request, seed=one.seed), source, kept)


def _gather(choice: Choice, request: Request, source: Source | None, kept: Fulfilment) -> Made:
    batch = Batch(kept.seeds, kept.index) if len(kept.seeds) > 1 else None
    return Made(
        choice, kept.brief, kept.performance, kept.seconds, request, source, batch, kept.contract, kept.measured
    )  # fmt: skip


def _drawer(choice: Choice, source: Source | None) -> Draw:
    return lambda briefs, progress: _perform(choice, briefs, source, progress)


def _perform(
    choice: Choice, briefs: Sequence[Brief], source: Source | None, progress: Progress
) -> list[Performance]:
    guide = Guide(source.melody, source.audio, source.part) if source else None
    if len(briefs) > 1:
        performances = choice.engine.generate_batch(briefs, guide, progress)
    elif guide is None:
        performances = [choice.engine.generate(briefs[0], progress)]
    else:
        performances = [choice.engine.accompany(guide, briefs[0], progress)]
    return [check_performance(performance, choice.info.name) for performance in performances]


def _estimate_length(brief: Brief) -> float:
    """About how many seconds are asked for."""
    if brief.duration_s is not None:
        return brief.duration_s
    return _USUAL_S if brief.bars is None else brief.bars * 240 / (brief.tempo or _ASSUMED_TEMPO)


def _make_brief(choice: Choice, request: Request, source: Source | None) -> Brief:
    """What the engine is asked for: what was heard in the source counts where nothing was said."""
    key = str(parse_key(request.key)) if request.key else None
    duration_s = request.duration_s
    if source:
        key = key or source.key
        silent = request.bars is None and duration_s is None and "bars" not in choice.info.promises
        if silent and source.duration_s is not None:
            duration_s = min(max(source.duration_s, GUIDED_RANGE_S[0]), GUIDED_RANGE_S[1])
    return Brief(
        prompt=request.prompt,
        seed=draw_seed() if request.seed is None else request.seed,
        tempo=request.tempo or (source.tempo if source else None),
        key=key,
        bars=request.bars,
        duration_s=duration_s,
        meter=request.meter or "4/4",
        loop=_wants_loop(choice, request),
        stems=request.stems,
        sampling=request.sampling,
        loudness_lufs=request.loudness_lufs,
        swing=request.swing,
        humanize=request.humanize,
        structure=request.structure,
        context=request.context,
    )


def _wants_loop(choice: Choice, request: Request) -> bool:
    """Where nothing is said: an engine that can loops, but for a piece that comes to an end."""
    if request.loop is not None:
        return request.loop
    return "loop" in choice.info.promises and not has_ending(request.structure)


def write_take(made: Made, delivery: Delivery, names: TakeNames) -> Take:
    """Write the mix, the stems and the notes of a performance."""
    performance = made.performance
    paths = {"mix": names.mix}
    if names.file is None:
        paths |= {name: f"{names.prefix}stems/{name}.wav" for name in performance.stems}
    for path in paths.values():
        get_format(path, performance.subtype)
    written = {}
    for name, path in paths.items():
        # One at a time: an engine may keep the stems of a long piece in files, and read each when it is asked for.
        audio = performance.mix if name == "mix" else performance.stems[name]
        written[name] = write_sound(delivery, name, path, audio, performance.subtype)
        del audio
    record = {**describe(made), "measured": made.measured.to_json() if made.measured else {}}
    mix = written.pop("mix")
    delivery.describe(mix.oid, {**record, "stems": {name: sound.oid for name, sound in written.items()}})
    for name, sound in written.items():
        delivery.describe(sound.oid, {**record, "stem": name, "mix": mix.oid})
    take = summarize(made, mix, tuple(written.values()))
    in_root = delivery.repository and delivery.folder == delivery.repository.root
    if in_root and not (names.prefix or names.file):
        write_score(made, delivery)
    if names.midi is None or delivery.handover.dry_run:
        return take
    if names.midi.is_relative_to(delivery.folder):
        file = delivery.new_file(names.midi.name)
        _Notes.of(made).write(file)
        delivery.add(names.midi.relative_to(delivery.folder).as_posix(), file)
    return replace(take, midi=names.midi)


def write_sound(delivery: Delivery, name: str, path: str, audio: Audio, subtype: str) -> SoundFile:
    """Write one sound into a delivery."""
    file = delivery.new_file(path)
    write_audio(file, audio, subtype)
    return SoundFile(name, delivery.folder / path, delivery.add(path, file))


def write_score(made: Made, delivery: Delivery) -> None:
    """Have ``track.toml`` say what the new mix is made of; its comments and title stay.

    A mix without stems stands alone. A tempo or key that nobody asked for and the engine does not know is left out:
    what is not in the score, BeatFlow takes from what it measured.
    """
    performance = made.performance
    path = delivery.folder / TRACK_FILE
    before = path.read_bytes() if path.is_file() else None
    former = parse_track(before or b"")
    # The old faders belong to the old stems, and a mix that is a plain sum has none.
    changes: dict[str, Any] = {f"stems.{name}": None for name in former.stems}
    if former.title is None and made.brief.prompt:
        changes["title"] = shorten(made.brief.prompt)
    changes |= {
        "tempo": performance.tempo,
        "key": performance.key,
        "meter": performance.meter,
        "mix.file": DEFAULT_MIX,
        "mix.master_db": None,
    }
    changes |= {f"stems.{name}.file": f"stems/{name}.wav" for name in performance.stems}
    for stem in former.stems.values():
        if stem.file not in changes.values() and _is_made(delivery, stem.file):
            delivery.remove(stem.file)
    file = delivery.new_file(TRACK_FILE)
    file.write_bytes(edit_track(before, changes))
    delivery.add(TRACK_FILE, file)


def _is_made(delivery: Delivery, name: str) -> bool:
    """Say whether a file is one that an engine made, so that a stem which the score no longer names may go."""
    path = delivery.folder / name
    record = (
        find_record(delivery.repository, digest(path)) if delivery.repository and path.is_file() else None
    )
    return record is not None and record.get("kind") == "generate"
