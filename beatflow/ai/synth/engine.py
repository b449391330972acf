"""The generator that is always there: understands the brief, composes, renders, masters. Joins the other modules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from beatflow.ai.engine import QUARTERS, Brief, EngineInfo, Guide, Performance, Progress, Setup, no_progress
from beatflow.ai.synth.composing.choices import BARS_RANGE, Choices, choose
from beatflow.ai.synth.composing.composition import Composition, compose
from beatflow.ai.synth.composing.fitting import guess_key
from beatflow.ai.synth.exactmath import RATE
from beatflow.ai.synth.grid import TICKS, Event, Grid
from beatflow.ai.synth.mixing.mixdown import Master
from beatflow.ai.synth.mixing.rendering import produce
from beatflow.ai.synth.mixing.treatment import LOUDNESS_LUFS
from beatflow.errors import UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

GIVEN_PARTS = ("melody", "bass", "drums")


class SynthEngine:
    """A procedural producer: the same brief gives the same bytes on every machine."""

    info = EngineInfo(
        name="synth",
        version="2",
        tasks=frozenset(("generate", "accompany", "extend")),
        licence="Apache-2.0",
        sample_rate=RATE,
        options=frozenset(("swing", "humanize", "structure", "part")),
        promises=frozenset(("tempo", "key", "bars", "duration", "loop", "stems", "notes")),
    )

    def __init__(self, setup: Setup | None = None) -> None:
        """Need nothing of the surroundings."""

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece of music.

        The level asked for is that of the whole piece: of ``brief.stems`` each is the stem of the whole, sample for
        sample, so that some of them by themselves are softer.

        Raises
        ------
        UsageError
            Tempo outside 40..300 BPM, bars outside 1..512, more than 600 s, an unknown meter, key or stem.
        """
        choices = choose(brief)
        progress(0.0, "composing")
        return _perform(brief, choices, compose(brief, choices), None, progress)

    def extend(self, audio: Audio, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Go on with a piece in its tempo, key, chords and level.

        Nothing is heard here: what the piece is like stands in ``brief.context``, and where this engine made it the
        grooves, sounds and chords are its own and only the tune is new. Nothing of the piece is rendered once more.

        Raises
        ------
        UsageError
            As for ``generate``.
        """
        context = brief.context
        if brief.loudness_lufs is None and context is not None and context.loudness_lufs is not None:
            brief = replace(brief, loudness_lufs=context.loudness_lufs)
        choices = choose(brief, going_on=True)
        progress(0.0, "composing")
        return _perform(brief, choices, compose(brief, choices, going_on=True), None, progress)

    def accompany(self, guide: Guide, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece around given notes: they are the stem that ``guide.part`` names.

        Chords fit a given melody or bass bar by bar; the bass goes with given drums. Notes beyond ``brief.bars`` are
        left out; one that sounds across the end is cut there.

        Raises
        ------
        UsageError
            As for ``generate``; or no notes, or notes that start before 0, last no time or are no MIDI notes; or a
            part that cannot be given.
        """
        part = guide.part
        if part not in GIVEN_PARTS:
            raise UsageError(f"synth plays around {', '.join(GIVEN_PARTS)}, not {part!r}")
        for note in guide.notes:
            playable = 0 <= note.midi <= 127 and 1 <= note.velocity <= 127
            if not playable or not 0 <= note.start_s < 1e6 or not 0 < note.duration_s < 1e6:
                raise UsageError(f"{note} cannot be played")
        if not guide.notes:
            raise UsageError(
                "there are no notes to play around", hint="hum louder, or give a longer recording"
            )
        draft = choose(brief, 1, lead=part)
        events = sorted(_event_of(note, draft.tempo) for note in guide.notes)
        # A hit rings as long as it likes: only where it begins asks for a bar.
        rings = 0 if part == "drums" else 1
        end = max(Fraction(note.start_s) + rings * Fraction(note.duration_s) for note in guide.notes)
        bar_s = QUARTERS[brief.meter] * 60 / draft.tempo
        # A note that ends a hair (a hundredth of a bar) into the next bar does not ask for that bar.
        needed = max(1, -int(-(end / bar_s - Fraction(1, 100)) // 1))
        if brief.bars is None and brief.duration_s is None and needed > BARS_RANGE[1]:
            raise UsageError(
                f"the {part} lasts {needed} bars: synth makes {BARS_RANGE[0]} to {BARS_RANGE[1]}"
            )
        progress(0.0, "harmonising")
        # The notes were found where they are: the music begins on a bar line.
        plain = replace(brief, context=None)
        if part == "drums":
            choices = choose(brief, needed, lead=part)
            written = compose(plain, choices, drums=_inside(events, choices))
        else:
            choices = choose(brief, needed, guess_key(events), lead=part)
            written = compose(plain, choices, events)
        written = replace(written, parts={**written.parts, part: _inside(events, choices)})
        return _perform(brief, choices, written, guide, progress)


def _inside(events: Sequence[Event], choices: Choices) -> list[Event]:
    """The events that begin before the piece ends."""
    end = Grid(choices.tempo, choices.meter, choices.bars).end
    return [event for event in events if event.tick < end]


def _event_of(note: Note, tempo: Fraction) -> Event:
    """A given note on the grid, with the frames that make it start exactly where it should."""
    ticks = tempo * TICKS / 60
    tick = round(Fraction(note.start_s) * ticks)
    length = max(1, round(Fraction(note.duration_s) * ticks))
    shift = round(Fraction(note.start_s) * RATE) - Grid(tempo, "4/4", 1).frame(tick)
    return Event(tick, length, note.midi, note.velocity, shift)


def _perform(
    brief: Brief, choices: Choices, written: Composition, given: Guide | None, progress: Progress
) -> Performance:  # fmt: skip
    """Render and master the parts, and keep those that were asked for."""
    score, parts = written.score, written.parts
    target = LOUDNESS_LUFS if brief.loudness_lufs is None else brief.loudness_lufs
    done = produce(choices, score, parts, brief.loop, target, progress)
    wanted = [part for part in choices.parts if brief.stems is None or part in brief.stems]
    notes: dict[str, Sequence[Note]] = {part: _notes(score.grid, parts[part]) for part in wanted}
    if given is not None and given.part in notes:
        notes[given.part] = _within(given.notes, score.grid)
    performance = Performance(
        done.stems_of(wanted), done.mix_of(wanted), "PCM_24", float(choices.tempo), str(choices.key), choices.bars,
        choices.meter, notes, _parameters(brief, choices, written, done, target),
    )  # fmt: skip
    progress(1.0, "done")
    return performance


def _notes(grid: Grid, events: Sequence[Event]) -> tuple[Note, ...]:
    """Events as notes in seconds; what starts early at the loop's start wraps round to its end."""
    notes = []
    for event in events:
        start = grid.frame(event.tick)
        held = grid.frame(event.tick + event.length) - start
        notes.append(
            Note(max(0, start + event.shift) / RATE, max(held, 64) / RATE, event.midi, event.velocity)
        )
    return tuple(sorted(notes))


def _within(given: Sequence[Note], grid: Grid) -> tuple[Note, ...]:
    """The given notes, cut at the end of the piece."""
    end_s = grid.frames / RATE
    kept = [note for note in given if note.start_s < end_s]
    return tuple(
        note if note.start_s + note.duration_s <= end_s
        else Note(note.start_s, end_s - note.start_s, note.midi, note.velocity)
        for note in kept
    )  # fmt: skip


def _parameters(
    brief: Brief, choices: Choices, written: Composition, done: Master, target_lufs: float
) -> Mapping[str, object]:  # fmt: skip
    """Every choice, ready for JSON."""
    request, score = choices.request, written.score
    starts = [max(0, score.grid.frame(span.tick - written.phase)) / RATE for span in score.spans]
    return {
        "genre": choices.genre.name,
        "moods": list(request.moods),
        "tempo": float(choices.tempo),
        "key": str(choices.key),
        "meter": choices.meter,
        "bars": choices.bars,
        "loop": brief.loop,
        "seed": brief.seed,
        "swing": choices.swing,
        "swing_unit": "1/8" if choices.swing_unit == 2 else "1/16",
        "humanize": choices.humanize,
        "parts": list(choices.parts),
        "sounds": {part: sound for part, sound in choices.sounds.items() if part in choices.parts},
        "styles": {part: style for part, style in choices.styles.items() if part in choices.parts},
        "textures": list(choices.textures) if "texture" in choices.parts else [],
        "chords": [span.chord.name for span in score.spans],
        "chord_start_s": starts,
        "sections": [bar.section for bar in score.bars],
        "loudness_target_lufs": target_lufs,
        "loudness_lufs": round(done.loudness_lufs, 2),
        "gain_db": {part: round(value, 2) for part, value in done.gains_db.items()},
        "limiter_reduction_db": round(done.reduction_db, 2),
        "ignored_words": list(request.ignored),
    }
