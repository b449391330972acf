"""The form: sections known and unknown, what returns, fills at seams, energy, music that is there already."""

import pytest

from beatflow.ai.engine import Brief, Context
from beatflow.ai.synth import drums_midi as drum
from beatflow.ai.synth.composing.choices import choose
from beatflow.ai.synth.composing.form import find_role, plan_bars
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.grid import TICKS
from beatflow.ai.synth.randomness import Stream
from beatflow.ai.synth.words.precedent import Precedent
from beatflow.errors import UsageError
from tests.ai.synth.written import played, write, written

BAR = 4 * TICKS
SONG = (("intro", 4), ("verse", 8), ("chorus", 8), ("verse 2", 8), ("chorus", 8), ("bridge", 4), ("outro", 4))
FACTS = {
    "genre": "funk", "tempo": 101.0, "key": "D:min", "swing": 0.54, "seed": 9, "ignored_words": ["zork"],
    "moods": ["happy"],
    "sounds": {"bass": "slap bass", "chords": "clavinet", "melody": "kazoo", "drums": "funk"},
    "styles": {"bass": "slap", "chords": "nonsense"}, "parts": ["drums", "bass", "chords"], "textures": ["vinyl",
    "slime"],
}  # fmt: skip


def test_the_form_has_builds_before_lifts_and_an_end() -> None:
    bars = plan_bars(48, False, 0.0, Stream("form"))
    assert bars[0].section == "intro"
    assert bars[-1].fill == "end"
    builds = [bar.index for bar in bars if bar.fill == "build"]
    assert builds
    assert all(bars[index + 1].section == "lift" and bars[index + 1].opens for index in builds)
    assert {bar.section for bar in plan_bars(16, True, 0.0, Stream("form"))} == {"main", "lift"}
    assert all(bar.index == place for place, bar in enumerate(bars))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Verse 2", "verse"), ("hook", "chorus"), ("final chorus", "chorus"), ("buildup", "build"), ("breakdown",
        "break"),
        ("pre-chorus", "prechorus"), ("coda", "outro"), ("A", "part"), ("zork", "part"), ("drop2", "drop"),
        ("guitar solo", "solo"),
    ],
)  # fmt: skip
def test_sections_by_many_names(name: str, role: str) -> None:
    assert find_role(name)[0] == role


@pytest.mark.parametrize("genre", ["pop", "rock", "house", "jazz", "boom bap", "reggaeton", "cinematic"])
def test_a_section_that_returns_brings_its_material_back(genre: str) -> None:
    score, parts = written(genre, bars=None, seed=2, structure=SONG, loop=False, humanize=0.0)
    assert len(score.bars) == 44
    names = [score.chord_at(bar * BAR).name for bar in range(44)]
    assert names[4:11] == names[20:27]
    assert names[12:19] == names[28:35]
    for first, again in ((4, 20), (12, 28)):
        for part in ("bass", "chords", "melody", "drums"):
            one = [note for bar in range(first, first + 7) for note in played(score, parts[part], bar)]
            two = [note for bar in range(again, again + 7) for note in played(score, parts[part], bar)]
            assert len(set(one) & set(two)) >= 0.8 * len(set(one)), (part, first)
    verse, chorus = (
        [tick for bar in range(start, start + 7) for tick, _ in played(score, parts["melody"], bar)]
        for start in (4, 12)
    )
    assert verse != chorus


def test_sections_differ_in_energy_and_parts() -> None:
    score, parts = written("pop", bars=None, seed=1, structure=SONG, loop=False)
    energy = {bar.section: bar.energy for bar in score.bars}
    assert energy["intro"] < energy["verse"] < energy["chorus"]
    assert energy["outro"] < energy["chorus"]
    assert not [
        event for event in parts["melody"] if event.tick // BAR < 2 and "melody" not in score.bars[0].parts
    ]
    assert score.bars[-1].fill == "end"
    crashes = {event.tick // BAR for event in parts["drums"] if event.midi == drum.CRASH}
    assert {12, 28} <= crashes
    high = [event.midi for event in parts["melody"] if 12 <= event.tick // BAR < 20]
    low = [event.midi for event in parts["melody"] if 4 <= event.tick // BAR < 12]
    assert sum(high) / len(high) > sum(low) / len(low) - 3


def test_fills_lead_over_the_seams() -> None:
    score, parts = written("rock", bars=None, seed=5, structure=(("verse", 8), ("chorus", 8)), humanize=0.0)
    assert [bar.index for bar in score.bars if bar.fill == "large"] == [7, 15]
    toms = {drum.SNARE, drum.LOW_TOM, drum.MID_TOM, drum.HIGH_TOM, drum.FLOOR_TOM, drum.TOP_TOM}
    hits = [
        sum(tick >= 2 * TICKS and midi in toms for tick, midi in played(score, parts["drums"], bar))
        for bar in (4, 7)
    ]
    assert hits[1] > hits[0] + 1


def test_a_build_leads_into_a_drop() -> None:
    form = (("build", 4), ("drop", 8))
    score, parts = written("house", bars=None, structure=form, seed=3)
    rolls = [sum(midi == drum.SNARE for _, midi in played(score, parts["drums"], bar)) for bar in range(4)]
    assert rolls == sorted(rolls)
    assert rolls[3] > rolls[0]
    assert not [event for event in parts["bass"] if 2 <= event.tick // BAR < 4]
    assert drum.KICK not in {midi for _, midi in played(score, parts["drums"], 3)}
    assert score.bars[4].energy > 0.9


def test_every_genre_plays_a_form() -> None:
    form = (("intro", 2), ("zork", 3), ("solo", 4), ("break", 2), ("ending", 1))
    for genre in GENRES:
        score, parts = write(Brief(genre, structure=form, loop=False, seed=1))
        assert len(score.bars) == 12
        assert all(parts[part] for part in ("drums", "bass", "chords", "melody"))


@pytest.mark.parametrize(
    ("brief", "message"),
    [
        (Brief("x", bars=8, structure=(("verse", 4),)), "4 bars, not 8"),
        (Brief("x", structure=(("verse", 0),)), "cannot be"),
        (Brief("x", structure=(("verse", 513),)), "1 to 512"),
        (Brief("x", swing=49.0), "swing"),
        (Brief("x", swing=76.0), "swing"),
        (Brief("x", humanize=-0.1), "humanize"),
        (Brief("x", humanize=2.1), "humanize"),
    ],
)
def test_forms_and_feels_that_cannot_be(brief: Brief, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(brief)


def test_energy_beside_what_is_there() -> None:
    energy = (0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9)
    score, parts = write(Brief("house", bars=8, context=Context(energy=energy)))
    assert [bar.energy < 0.3 for bar in score.bars] == [True] * 4 + [False] * 4
    soft, loud = (
        [event.velocity for event in parts["drums"] if start <= event.tick // BAR < start + 4]
        for start in (0, 4)
    )
    assert max(loud) > max(soft)
    assert len(loud) > len(soft)


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("phase", [1.0, 2.5, 3.0])
def test_music_that_begins_within_a_bar(phase: float, loop: bool) -> None:
    """Two and a half quarters after a downbeat, the backbeat comes half a quarter later than from it."""
    brief = Brief("rock", bars=4, tempo=120.0, seed=4, loop=loop, humanize=0.0, swing=50.0)
    plain = write(brief)[1]
    score, parts = write(Brief(**{**_fields(brief), "context": Context(phase=phase)}))
    assert score.grid.bars == 4
    moved = round(phase * TICKS)
    snares = [event.tick for event in parts["drums"] if event.midi == drum.SNARE and event.tick < BAR]
    wanted = [
        event.tick - moved
        for event in plain["drums"]
        if event.midi == drum.SNARE and 0 <= event.tick - moved < BAR
    ]
    assert snares[:2] == wanted[:2]
    for events in parts.values():
        assert all(0 <= event.tick < score.grid.end for event in events)
    assert all(event.tick + event.length <= score.grid.end for event in parts["bass"])


def _fields(brief: Brief) -> dict[str, object]:
    return {name: getattr(brief, name) for name in brief.__dataclass_fields__}


def test_a_piece_of_its_own_goes_on() -> None:
    context = Context(parameters=FACTS)
    choices = choose(Brief("", seed=5, context=context), going_on=True)
    assert (choices.genre.name, float(choices.tempo), str(choices.key), choices.swing) == (
        "funk",
        101.0,
        "D:min",
        0.54,
    )
    assert choices.sounds["bass"] == "slap bass"
    assert choices.sounds["melody"] != "kazoo"
    assert choices.styles["chords"] != "nonsense"
    assert choices.parts == ("drums", "bass", "chords", "texture")
    assert choices.textures == ("vinyl",)
    one, two = (write(Brief("", bars=8, seed=seed, context=context), going_on=True)[1] for seed in (5, 6))
    assert one["drums"] == two["drums"]
    assert one["melody"] != two["melody"]
    named = choose(Brief("house at 124 bpm in E minor", context=context), going_on=True)
    assert (named.genre.name, float(named.tempo), str(named.key)) == ("house", 124.0, "E:min")
    assert named.sounds["bass"] != "slap bass"


def test_beside_a_piece_the_prompt_may_say_little() -> None:
    choices = choose(
        Brief("busier drums", stems=("drums",), context=Context(parameters={**FACTS, "parts": ["bass"]}))
    )
    assert choices.genre.name == "funk"
    assert "drums" in choices.parts
    assert choices.mood_of("drums").density > 0.5 > choices.mood_of("bass").density


@pytest.mark.parametrize(
    "facts",
    [{}, {"genre": 3}, {"genre": "polka"}, {"genre": "house", "tempo": "x", "sounds": 3, "parts": "abc", "swing": 9,
    "moods": [1]}],
)  # fmt: skip
def test_records_that_make_no_sense_are_passed_over(facts: dict[str, object]) -> None:
    found = Precedent.of(Context(parameters=facts))
    assert (found.tempo, found.swing, dict(found.sounds), found.parts, found.moods) == (
        None,
        None,
        {},
        (),
        (),
    )
    assert Precedent.of(None) == Precedent()
