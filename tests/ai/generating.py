"""What every generator must do, whatever it is made of: one check each, for any implementation.

The briefs are short and the checks few, since some engines take a second for a second.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import (
    BatchGenerator,
    Brief,
    Extender,
    Generator,
    Guide,
    MelodyGenerator,
    Performance,
    Sampling,
)
from beatflow.errors import UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum, quantize
from beatflow.sound.tonality import parse_key

from .contract import Stopped, scale_notes
from .voices import Voice, sing

LONG_S = 0.8
BRIEF = Brief("calm lofi piano", seed=11, duration_s=LONG_S)


@dataclass(frozen=True)
class Case:
    """An engine to check: ``make`` gives a new one, ready to work; ``repeats`` says that its seed means something."""

    make: Callable[[], Any]
    repeats: bool = True


def same(one: Performance, other: Performance) -> bool:
    """Whether two performances hold the same samples."""
    return (
        list(one.stems) == list(other.stems)
        and np.array_equal(one.mix.samples, other.mix.samples)
        and all(np.array_equal(one.stems[name].samples, other.stems[name].samples) for name in one.stems)
    )


def check_performance(made: Performance) -> None:
    """Samples on their grid, stems that sum to the mix, a level that can be heard, figures that mean something."""
    assert made.subtype in ("PCM_16", "PCM_24")
    for audio in (made.mix, *made.stems.values()):
        assert audio.samples.shape == made.mix.samples.shape
        assert audio.sample_rate == made.mix.sample_rate
        assert np.isfinite(audio.samples).all()
        np.testing.assert_array_equal(quantize(audio, made.subtype).samples, audio.samples)
    assert made.mix.frames > 0
    assert 1 <= made.mix.channels <= 2
    assert 0.01 < np.abs(made.mix.samples).max() < 1.0
    if made.stems:
        assert check_sum(made.stems, made.mix, made.subtype) == 0
    assert set(made.notes) <= {*made.stems, "melody"}
    assert made.tempo is None or 20.0 < made.tempo < 400.0
    assert made.key is None or str(parse_key(made.key)) == made.key
    assert made.bars is None or made.bars > 0
    assert 0 <= made.lead <= made.mix.frames
    json.dumps(made.parameters)


def check_generator_makes_music(case: Case) -> None:
    """A brief gives a piece at the engine's own rate, as long as it was asked for where that is promised."""
    engine = case.make()
    assert isinstance(engine, Generator)
    made = engine.generate(BRIEF)
    check_performance(made)
    assert made.lead == 0
    if engine.info.sample_rate is not None:
        assert made.mix.sample_rate == engine.info.sample_rate
    if "duration" in engine.info.promises and "bars" not in engine.info.promises:
        assert made.mix.frames == round(LONG_S * made.mix.sample_rate)


def check_generator_keeps_promises(case: Case) -> None:
    """Tempo, key, bars and meter come out as they were asked for, by those who promise them."""
    engine = case.make()
    promises = engine.info.promises
    brief = Brief("calm lofi", seed=5, tempo=150.0, key="D:min", bars=1, meter="3/4")
    if not promises & {"tempo", "key", "bars"}:
        return
    made = engine.generate(brief)
    check_performance(made)
    for promise, asked in (("tempo", 150.0), ("key", "D:min"), ("bars", 1)):
        assert promise not in promises or getattr(made, promise) == asked
    if promises >= {"tempo", "bars"}:
        assert made.mix.frames == round(3 * 60.0 / 150.0 * made.mix.sample_rate)
    if promises >= {"tempo", "duration"}:
        # Whole bars, the nearest to the length.
        near = engine.generate(replace(brief, bars=None, duration_s=2.6))
        assert near.bars == 2
        assert near.mix.frames == round(6 * 60.0 / 150.0 * near.mix.sample_rate)


def check_generator_repeats(case: Case) -> None:
    """The same brief gives the same bytes, from this engine and a new one; another seed gives others."""
    if not case.repeats:
        return
    engine = case.make()
    first = engine.generate(BRIEF)
    assert same(first, engine.generate(BRIEF))
    assert same(first, case.make().generate(BRIEF))
    assert not same(first, engine.generate(replace(BRIEF, seed=12)))


def check_generator_can_be_stopped(case: Case) -> None:
    """Fractions rise from 0 to 1; whatever ``progress`` raises, wherever, comes out, and the engine works on."""
    engine = case.make()
    seen: list[float] = []
    first = engine.generate(BRIEF, lambda fraction, what: seen.append(fraction))
    assert seen
    assert seen == sorted(seen)
    assert seen[0] >= 0.0
    assert seen[-1] <= 1.0
    # By how far the work is, not by the number of reports: how many there are is a matter of the machine's speed.
    for enough in sorted({seen[0], seen[len(seen) // 2], seen[-1]}):

        def stop(fraction: float, what: str, enough: float = enough) -> None:
            if fraction >= enough:
                raise Stopped

        with pytest.raises(Stopped):
            engine.generate(BRIEF, stop)
    again = engine.generate(BRIEF)
    assert not case.repeats or same(first, again)


def check_generator_takes_any_words_and_seeds(case: Case) -> None:
    """Odd prompts and the largest seed give music, or a `UsageError` that says what to do."""
    engine = case.make()
    refusals: list[UsageError] = []
    for prompt, seed in (("", 0), ("夜のドライブ 🎹", 2**63 - 1), ("lofi \x00\n\u202e" * 1000, 1)):
        try:
            made = engine.generate(replace(BRIEF, prompt=prompt, seed=seed, duration_s=0.5))
        except UsageError as error:
            refusals.append(error)
        else:
            check_performance(made)
    assert all(refusal.hint for refusal in refusals)


def check_generator_makes_single_stems(case: Case) -> None:
    """One stem alone is what it is in the whole; a stem that nobody knows is a `UsageError` with the names."""
    engine = case.make()
    if "stems" not in engine.info.promises:
        return
    whole = engine.generate(BRIEF)
    name = list(whole.stems)[-1]
    alone = engine.generate(replace(BRIEF, stems=(name,)))
    check_performance(alone)
    assert list(alone.stems) == [name]
    assert "melody" in alone.stems or set(alone.notes) <= {name}
    with pytest.raises(UsageError) as caught:
        engine.generate(replace(BRIEF, stems=("theremin-of-doom",)))
    assert caught.value.hint


_CHANGES: dict[str, tuple[dict[str, Any], ...]] = {
    "temperature": ({"temperature": 3.0}, {"temperature": -1}),
    "top_k": ({"top_k": 1}, {"top_k": -1}),
    "top_p": ({"top_p": 0.01}, {"top_p": -1}),
    "guidance": ({"guidance": 9.0}, {"guidance": -1}),
    "swing": ({"swing": 75.0}, {"swing": 20.0}),
    "humanize": ({"humanize": 2.0}, {"humanize": -1.0}),
    "structure": ({"structure": (("break", 1),), "duration_s": None}, {"structure": (("verse", 0),)}),
}
"""For each option that is not the part of a melody, what changes the piece, and what makes no sense."""


def _changed(name: str, values: dict[str, Any]) -> Brief:
    """The brief with one option set, in the sampling or beside it."""
    if name in {one.name for one in fields(Sampling)}:
        return replace(BRIEF, sampling=Sampling(**values))
    return replace(BRIEF, **values)


def check_options_are_heeded(case: Case) -> None:
    """Each option that the identity card names changes something, and one that makes no sense is refused."""
    engine = case.make()
    options = engine.info.options - {"part"}
    assert options <= set(_CHANGES)
    first = engine.generate(BRIEF)
    for name in options:
        sense, nonsense = (_changed(name, values) for values in _CHANGES[name])
        assert not same(first, engine.generate(sense)), name
        with pytest.raises(UsageError):
            engine.generate(nonsense)


def check_batch(case: Case) -> None:
    """A batch gives one piece per brief, in their order, the same each time, and can be stopped."""
    engine = case.make()
    assert isinstance(engine, BatchGenerator)
    briefs = [replace(BRIEF, seed=seed) for seed in (3, 1, 2**63 - 1)]
    seen: list[float] = []
    made = engine.generate_batch(briefs, None, lambda fraction, what: seen.append(fraction))
    assert len(made) == 3
    assert seen == sorted(seen)
    assert max(seen) <= 1.0
    for one in made:
        check_performance(one)
    assert len({one.mix.samples.shape for one in made}) == 1 or not case.repeats

    def stop(fraction: float, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        engine.generate_batch(briefs, None, stop)
    if case.repeats:
        again = engine.generate_batch(briefs)
        assert all(same(one, other) for one, other in zip(made, again, strict=True))
        assert not same(made[0], made[1])
        _check_order(engine, made, briefs)


def _check_order(engine: Any, made: Sequence[Performance], briefs: Sequence[Brief]) -> None:
    """A take of a batch is the take of its own seed, but for rounding: nearer to it than to another's."""
    alone = engine.generate(briefs[1]).mix.samples
    distances = [float(np.sum((one.mix.samples - alone) ** 2)) for one in made]
    assert np.argmin(distances) == 1


def check_accompaniment(case: Case) -> None:
    """A melody, with or without its recording, gives a piece; the notes are in a stem where there are stems."""
    engine = case.make()
    assert isinstance(engine, MelodyGenerator)
    notes = tuple(scale_notes(beat_s=0.3)[:6])
    brief = replace(BRIEF, tempo=200.0, key="A:min", duration_s=1.2)
    first = engine.accompany(Guide(notes, sing(list(notes), Voice())), brief)
    check_performance(first)
    assert same(first, engine.accompany(Guide(notes, sing(list(notes), Voice())), brief))
    check_performance(engine.accompany(Guide(notes), brief))
    if first.stems:
        played = {note.midi % 12 for note in first.notes["melody"]}
        assert played <= {note.midi % 12 for note in notes}
        assert played

    def stop(fraction: float, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        engine.accompany(Guide(notes), brief, stop)


def check_continuation(case: Case) -> None:
    """Any piece that holds sound is continued by the length asked for, after ``lead`` frames of its own end."""
    engine = case.make()
    assert isinstance(engine, Extender)
    rng = np.random.default_rng(4)
    for sample_rate, channels in ((8000, 1), (44100, 2), (48000, 6)):
        piece = Audio(0.2 * rng.standard_normal((2 * sample_rate, channels)).astype(np.float32), sample_rate)
        made = engine.extend(piece, BRIEF)
        check_performance(made)
        if engine.info.sample_rate is not None:
            assert made.mix.sample_rate == engine.info.sample_rate
        if "duration" in engine.info.promises and "bars" not in engine.info.promises:
            assert made.mix.frames == made.lead + round(LONG_S * made.mix.sample_rate)
    assert same(made, engine.extend(piece, BRIEF))

    def stop(fraction: float, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        engine.extend(piece, BRIEF, stop)


GENERATOR_CHECKS: tuple[Callable[[Case], None], ...] = (
    check_generator_makes_music,
    check_generator_keeps_promises,
    check_generator_repeats,
    check_generator_can_be_stopped,
    check_generator_takes_any_words_and_seeds,
    check_generator_makes_single_stems,
    check_options_are_heeded,
)
