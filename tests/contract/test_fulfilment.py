"""A crooked band is put right, note by note of what is wrong with it; what cannot be put right is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import Brief, Progress
from beatflow.ai.table import Choice
from beatflow.contract.correcting import correct, widen
from beatflow.contract.fulfilment import count_tries, derive_seed, fulfil
from beatflow.contract.measuring import measure
from beatflow.contract.terms import Terms, make_terms
from beatflow.contract.text import format_contract
from beatflow.delivery import Handover, Place
from beatflow.errors import ContractError
from beatflow.making.production import compose, produce
from beatflow.making.request import Request
from beatflow.making.take import Made
from beatflow.sound.exact import check_sum
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.note import Note
from benchmarks.crooked import RATE, CrookedBand, CrookedBatch, Faults


def play(faults: Faults, stems: bool = False, seed: int = 7, **asked: Any) -> Made:
    return compose(Choice(CrookedBand(faults, stems), "test"), Request("a band", seed, **asked))


def kinds(made: Made) -> list[str]:
    assert made.contract is not None
    return [str(one["kind"]) for one in made.contract.corrections]


def test_tempo_is_stretched_and_bars_are_cut_to_the_sample() -> None:
    made = play(Faults(tempo=0.08), tempo=100.0, bars=4)
    assert made.contract is not None
    assert kinds(made) == ["stretch", "cut"]
    assert made.performance.mix.frames == round(16 * 60 / 100 * RATE)
    tempo, bars = made.contract.promises
    assert abs(float(tempo.before or 0) - 100) > 2
    assert abs(float(tempo.measured or 0) - 100) <= 0.1
    assert (bars.held, bars.deviation) == (True, 0.0)
    assert (made.performance.tempo, made.performance.bars) == (100.0, 4)


def test_key_is_transposed() -> None:
    made = play(Faults(semitones=2), key="Am", duration_s=9.0)
    assert made.contract is not None
    assert made.contract.corrections == ({"kind": "transpose", "semitones": -2},)
    assert made.contract.promises[0].before != "A:min"
    assert made.performance.key == "A:min"
    assert made.performance.mix.frames == 9 * RATE


def test_music_begins_on_the_downbeat() -> None:
    made = play(Faults(late_s=0.4), tempo=100.0, bars=4)
    assert made.contract is not None
    (cut,) = made.contract.corrections
    assert abs(int(cut["start_frame"]) / RATE - 0.4) < 0.02
    level = np.abs(made.performance.mix.samples[: round(0.03 * RATE)]).max()
    assert level > 0.02, "the first attack is there"


def test_a_loop_is_closed_and_levelled_and_stems_still_sum() -> None:
    faults = Faults(tempo=0.05, semitones=2, late_s=0.3, gain=0.1)
    made = play(faults, stems=True, tempo=110.0, key="F#", bars=4, loop=True, loudness_lufs=-14.0)
    assert kinds(made) == ["stretch", "transpose", "loop", "level"]
    performance = made.performance
    assert performance.mix.frames == round(16 * 60 / 110 * RATE)
    assert set(performance.stems) == {"drums", "bass", "chords"}
    assert check_sum(performance.stems, performance.mix, performance.subtype) == 0
    loudness = measure_loudness(performance.mix)
    assert abs((loudness.integrated_lufs or 0) + 14) <= 0.5
    assert (loudness.true_peak_dbtp or 0) <= -0.95
    assert made.contract is not None
    assert all(one.held for one in made.contract.promises)


def test_nothing_is_touched_where_nothing_is_wrong() -> None:
    band = CrookedBand(Faults())
    plain = band.generate(Brief("a band", 7, duration_s=4.0))
    made = compose(Choice(band, "test"), Request("a band", 7, duration_s=4.0))
    assert np.array_equal(made.performance.mix.samples, plain.mix.samples)
    assert kinds(made) == []


def test_tries_until_it_holds() -> None:
    band = CrookedBand(Faults(wrong=0.6))
    request = Request("a band", 8, tempo=100.0, bars=4, tries=4)
    seen: list[tuple[float, str]] = []
    made = compose(Choice(band, "test"), request, lambda part, what: seen.append((part, what)))
    assert made.contract is not None
    assert band.seeds == [derive_seed(8, number + 1) for number in range(len(band.seeds))]
    assert len(band.seeds) > 1, "the first seed plays noise"
    assert made.brief.seed == made.contract.seed == band.seeds[-1]
    assert (made.request.seed, len(made.contract.misses)) == (8, len(band.seeds) - 1)
    assert [part for part, _ in seen] == sorted(part for part, _ in seen)
    assert any(what.startswith("try 2 of 4 (before: no steady beat): ") for _, what in seen)
    told = list(format_contract(made.contract, 9.6))
    assert told[0] == f"try 1 of {len(band.seeds)}: no steady beat"
    again = compose(Choice(CrookedBand(Faults(wrong=0.6)), "test"), request)
    assert np.array_equal(again.performance.mix.samples, made.performance.mix.samples)


@pytest.mark.parametrize("faults", [Faults(wrong=1.0), Faults(drift=0.25), Faults(drift=-0.08)])
def test_what_cannot_be_put_right_is_refused_and_nothing_is_written(faults: Faults, tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"mine")
    handover = Handover(tmp_path, place=Place(tmp_path, "a.wav"), force=True)
    request = Request("a band", 7, tempo=100.0, bars=4, tries=2)
    with pytest.raises(ContractError, match="none of 2 tries keeps what was asked for: 100 BPM") as caught:
        produce(Choice(CrookedBand(faults), "test"), request, handover)
    assert caught.value.exit_code == 8
    assert "--engine synth" in (caught.value.hint or "")
    assert target.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert "no steady beat" in caught.value.message


def test_takes_are_all_or_none_and_only_what_misses_is_drawn_again(tmp_path: Path) -> None:
    band = CrookedBatch(Faults(wrong=0.6))
    request = Request("a band", 7, tempo=100.0, bars=2, tries=2)
    takes = produce(Choice(band, "test"), request, Handover(tmp_path), count=3)
    assert [take.seed for take in takes] == [7, 8, 9]
    assert band.seeds[:3] == [7, 8, 9]
    assert len(band.seeds) == 4
    seeds = [take.contract.seed for take in takes if take.contract]
    assert set(seeds) <= set(band.seeds)
    with pytest.raises(ContractError, match="of 3 of 3 takes"):
        produce(Choice(CrookedBatch(Faults(wrong=1.0)), "test"), request, Handover(tmp_path / "x"), count=3)
    assert not (tmp_path / "x").exists()


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def stop(part: float, what: str) -> None:
        if what.startswith("try 2"):
            raise KeyboardInterrupt

    choice = Choice(CrookedBand(Faults(wrong=1.0)), "test")
    progress: Progress = stop
    with pytest.raises(KeyboardInterrupt):
        produce(choice, Request("a band", 7, tempo=100.0, bars=2), Handover(tmp_path), progress=progress)
    assert not list(tmp_path.iterdir())


def test_engines_are_asked_for_something_to_trim() -> None:
    brief = Brief("x", tempo=120.0, bars=8, loop=True)
    asked = {"tempo": 120.0, "bars": 8}
    wide = widen(brief, make_terms(asked, None))
    assert wide.bars is None
    assert wide.duration_s == pytest.approx(16 * 1.12 + 4)
    assert widen(brief, make_terms(asked, None, promises=frozenset({"tempo", "bars"}))) is brief
    assert widen(Brief("x", bars=8), make_terms({"bars": 8}, None)).bars == 11
    length = Brief("x", duration_s=9.0)
    assert widen(length, make_terms({"duration_s": 9.0}, None)) is length
    looped = widen(length, make_terms({"duration_s": 9.0, "loop": True}, None)).duration_s
    assert looped is not None
    assert looped > 12


def test_how_often_to_try() -> None:
    built = make_terms({"tempo": 90.0}, None, promises=frozenset({"tempo"}))
    assert count_tries(built, None) == 1
    assert count_tries(make_terms({"tempo": 90.0}, None), None) == 3
    assert count_tries(make_terms({"tempo": 90.0}, None), None, paid=True) == 1
    assert count_tries(built, 5) == 5
    assert len({derive_seed(7, attempt) for attempt in range(1, 20)}) == 19


def test_the_wrong_mode_is_not_transposed() -> None:
    band = CrookedBand(Faults())
    performance = band.generate(Brief("x", 7, tempo=100.0, key="C:maj", duration_s=9.0))
    terms = make_terms({"key": "Eb:min"}, None)
    made, done = correct(performance, terms, measure(performance.mix))
    assert made is performance or not any(one["kind"] == "transpose" for one in done)


def test_notes_go_with_the_music() -> None:
    band = CrookedBand(Faults(late_s=0.4, semitones=1))
    performance = band.generate(Brief("x", 7, tempo=100.0, key="A:min", duration_s=14.0))
    notes = {"lead": (Note(0.4, 1.0, 60), Note(13.9, 0.5, 62)), "drums": (Note(0.4, 0.1, 36),)}
    performance = type(performance)(
        {}, performance.mix, "PCM_24", None, None, None, None, notes, {}
    )  # fmt: skip
    terms = make_terms({"tempo": 100.0, "key": "A:min", "bars": 4}, None)
    made, done = correct(performance, terms, measure(performance.mix, 100.0))
    assert [one["kind"] for one in done] == ["transpose", "cut"]
    (note,) = made.notes["lead"]
    assert (note.midi, note.start_s < 0.02) == (59, True)
    assert [note.midi for note in made.notes["drums"]] == [36]


def test_without_terms_nothing_is_asked() -> None:
    band = CrookedBand(Faults())
    (found,) = fulfil(lambda briefs, _: [band.generate(brief) for brief in briefs], [Brief("x", 7)], Terms())
    assert found.contract.held
    assert found.contract.promises == ()


def test_bars_without_a_tempo_are_counted_at_the_measured_one() -> None:
    made = play(Faults(late_s=0.3), bars=3)
    assert kinds(made) == ["cut"]
    assert made.performance.bars == 3
    assert abs(made.performance.mix.duration_s - 3 * 4 * 60 / 100) < 0.03


def test_a_loop_of_whole_bars_or_of_what_there_is() -> None:
    made = play(Faults(late_s=0.3), loop=True)
    assert kinds(made) == ["loop"]
    bars = made.performance.mix.duration_s * 100 / 240
    assert abs(bars - round(bars)) < 0.02
    noise = play(Faults(wrong=1.0), loop=True)
    assert kinds(noise) == ["loop"], "without a beat all of it loops"
    assert 9.5 < noise.performance.mix.duration_s < 10.0


def test_a_plain_cut_is_faded_and_too_little_stays_as_it_is() -> None:
    made = play(Faults(late_s=0.3), tempo=100.0, duration_s=5.0)
    assert kinds(made) == ["cut"]
    samples = made.performance.mix.samples
    assert len(samples) == 5 * RATE
    assert not samples[0].any()
    assert np.abs(samples[-5:]).max() < 1e-4
    band = CrookedBand(Faults())
    short = band.generate(Brief("x", 7, tempo=100.0, duration_s=4.0))
    terms = make_terms({"tempo": 100.0, "bars": 4}, None)
    same, done = correct(short, terms, measure(short.mix, 100.0))
    assert not any(one["kind"] == "cut" for one in done)
    assert abs(same.mix.frames / short.mix.frames - 1) < 0.01
