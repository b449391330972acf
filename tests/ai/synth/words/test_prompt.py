"""Words: what is understood, what is left out, what is handed back."""

import json

import pytest

from beatflow.ai.engine import Brief
from beatflow.ai.synth.composing.bass import STYLES as BASS_STYLES
from beatflow.ai.synth.composing.choices import choose
from beatflow.ai.synth.composing.comping import STYLES as COMPING_STYLES
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.mixing.treatment import levels_of, treatment_of
from beatflow.ai.synth.sounds.instruments import SOUNDS
from beatflow.ai.synth.sounds.kits import KITS
from beatflow.ai.synth.words.moods import MOOD_WORDS, MOODS, Mood
from beatflow.ai.synth.words.prompt import understand
from beatflow.ai.synth.words.vocabulary import (
    COMPARATIVES,
    DRUM_WORDS,
    GENRE_WORDS,
    INSTRUMENTS,
    STYLE_WORDS,
    TEXTURES,
)
from beatflow.errors import UsageError
from tests.ai.synth.made import made


def test_a_full_prompt() -> None:
    request = understand(
        "Dreamy lo-fi with dusty drums, rhodes and vinyl crackle at 84 BPM in A minor, qwertz, no bass!"
    )
    assert request.genre == "lofi"
    assert request.moods == ("dreamy",)
    assert request.sounds == {"drums": "dusty", "chords": "rhodes"}
    assert request.textures == ("vinyl",)
    assert request.left_out == {"bass"}
    assert (request.tempo, request.key) == (84.0, "A:min")
    assert request.ignored == ("qwertz",)


@pytest.mark.parametrize(
    ("prompt", "left_out"),
    [
        ("house no drums", {"drums"}),
        ("house without melody, no rhodes", {"melody", "chords"}),
        ("drums only", {"bass", "chords", "melody", "texture"}),
        ("just drums", {"bass", "chords", "melody", "texture"}),
        ("lofi no crackle", {"texture"}),
        ("no future", set()),
    ],
)
def test_parts_left_out(prompt: str, left_out: set[str]) -> None:
    assert understand(prompt).left_out == left_out


def test_words_left_out_of_the_stems() -> None:
    performance = made("house no drums no melody", bars=1)
    assert list(performance.stems) == ["bass", "chords"]


def test_two_keyboards_share_chords_and_melody() -> None:
    assert understand("piano and strings").sounds == {"chords": "piano", "melody": "strings"}
    assert understand("bells and flute").sounds == {"melody": "bells", "chords": "flute"}
    assert understand("808 and sub bass").sounds == {"bass": "808"}


@pytest.mark.parametrize(
    ("text", "key"), [("in F# minor", "F#:min"), ("Bb major", "Bb:maj"), ("dark Am trap", "A:min")]
)
def test_keys_in_prompts(text: str, key: str) -> None:
    assert understand(text).key == key
    assert str(choose(Brief(text)).key) == key
    assert str(choose(Brief(text, key="C:maj")).key) == "C:maj"


def test_tables_name_only_what_exists() -> None:
    assert set(GENRE_WORDS.values()) == set(GENRES)
    assert set(MOOD_WORDS.values()) == set(MOODS)
    for part, sound in INSTRUMENTS.values():
        assert sound in (KITS if part == "drums" else SOUNDS)
    for genre in GENRES.values():
        assert genre.kit in KITS
        assert all(
            sound in SOUNDS for sound in (*genre.bass_sounds, *genre.chord_sounds, *genre.melody_sounds)
        )
    for part, style in STYLE_WORDS.values():
        assert style in {"bass": BASS_STYLES, "chords": COMPING_STYLES}[part]


@pytest.mark.parametrize("word", sorted(GENRE_WORDS))
def test_every_genre_word_chooses_its_genre(word: str) -> None:
    choices = choose(Brief(f"some {word} please"))
    assert choices.genre.name == GENRE_WORDS[word]
    low, high = choices.genre.tempo
    assert low <= choices.tempo <= high


@pytest.mark.parametrize("word", sorted(MOOD_WORDS))
def test_every_mood_word_bends_the_piece(word: str) -> None:
    """Against the same piece without it, something audible differs even with tempo and key fixed."""
    plain, moody = (choose(Brief(f"house {extra}", tempo=124, key="A:min")) for extra in ("", word))
    assert MOODS[MOOD_WORDS[word]] != Mood()

    def figures(choices: object) -> list[object]:
        treatments = [treatment_of(part, choices) for part in ("drums", "bass", "chords", "melody")]
        mood = choices.mood
        played = (mood.density, round(5 * mood.register), choices.tones, choices.swing)
        return [treatments, levels_of(choices), played]

    assert figures(plain) != figures(moody)


@pytest.mark.parametrize("word", sorted(INSTRUMENTS))
def test_every_instrument_word_is_played(word: str) -> None:
    part, sound = INSTRUMENTS[word]
    assert choose(Brief(f"{word}, house")).sounds[part] == sound


def test_unknown_words_are_reported_and_flavour_the_seed() -> None:
    plain, odd = (choose(Brief(prompt, seed=5)) for prompt in ("house", "house glorp"))
    assert odd.request.ignored == ("glorp",)
    assert plain.stream.bits() != odd.stream.bits()
    assert choose(Brief("house rhodes")).stream.bits() == choose(Brief("house organ")).stream.bits()
    assert json.loads(json.dumps(dict(made("house glorp", bars=1, tempo=240.0).parameters)))[
        "ignored_words"
    ] == ["glorp"]


@pytest.mark.parametrize("word", ["vinyl", "tape", "rain", "ocean"])
def test_textures_are_a_stem(word: str) -> None:
    assert word in TEXTURES
    performance = made(f"ambient {word} no drums no bass no chords no melody", bars=1, tempo=200)
    assert performance.stems["texture"].samples.any()
    assert performance.notes["texture"] == ()


@pytest.mark.parametrize("prompt", ["", "acid", "808", "energetic", "calm", "sad", "glorp"])
def test_without_a_genre_one_is_drawn_and_stays(prompt: str) -> None:
    drawn = {choose(Brief(prompt, seed=seed)).genre.name for seed in range(12)}
    assert drawn <= set(GENRES)
    assert (len(drawn) == 1) == (prompt in ("acid", "808"))


@pytest.mark.parametrize(
    ("brief", "message"),
    [
        (Brief("x", tempo=39.9), "40 to 300 BPM"),
        (Brief("x", tempo=301), "40 to 300 BPM"),
        (Brief("x", tempo=float("nan")), "40 to 300 BPM"),
        (Brief("999 bpm"), "40 to 300 BPM"),
        (Brief("x", bars=0), "1 to 512"),
        (Brief("x", bars=513), "1 to 512"),
        (Brief("x", bars=512, tempo=60), "at most 600 s"),
        (Brief("x", meter="7/8"), "7/8"),
        (Brief("x", key="H#"), "not a key"),
        (Brief("x", seed=-1), "seed"),
        (Brief("x", seed=2**63), "seed"),
        (Brief("x", stems=()), "no stems"),
        (Brief("x", stems=("kazoo",)), "kazoo"),
        (Brief("house no drums", stems=("drums",)), "no drums stem"),
        (Brief("house", stems=("texture",)), "no texture stem"),
        (Brief("no drums no bass no chords no melody"), "every part"),
    ],
)
def test_briefs_that_cannot_be(brief: Brief, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(brief)


@pytest.mark.parametrize(
    ("prompt", "part", "figure", "sign"),
    [
        ("busier drums", "drums", "density", 1), ("make the bass simpler", "all", "density", -1),
        ("simpler bass", "bass", "density", -1), ("darker", "all", "brightness", -1), ("softer piano", "chords",
        "energy", -1),
        ("brighter, wider melody", "melody", "space", 1), ("more bass", "bass", "density", 1), ("less energetic",
        "all", "energy", -1),
        ("a busier hi-hat", "drums", "density", 1), ("higher lead", "melody", "register", 1),
    ],
)  # fmt: skip
def test_comparisons(prompt: str, part: str, figure: str, sign: int) -> None:
    request = understand(prompt)
    if "hi-hat" in prompt:
        assert request.amounts == {"hats": 1}
        return
    assert getattr(request.bends[part], figure) * sign > 0
    assert request.left_out == frozenset()


@pytest.mark.parametrize(
    ("prompt", "amounts"),
    [
        ("more hats", {"hats": 1}), ("fewer fills", {"fills": -1}), ("house without kick, no shaker", {"kick": -9,
        "shaker": -9}),
        ("afrobeat with congas and claves", {"congas": 0, "claves": 0}), ("no percussion", {}),
    ],
)  # fmt: skip
def test_drums_by_name(prompt: str, amounts: dict[str, int]) -> None:
    request = understand(prompt)
    assert request.amounts == (amounts or {"percussion": -9})
    assert "drums" not in request.left_out


def test_every_word_means_something() -> None:
    for word in (*COMPARATIVES, *DRUM_WORDS, *STYLE_WORDS, *TEXTURES, *INSTRUMENTS):
        assert understand(word).ignored == (), word
    assert understand("lofi jazz").moods == ("jazzy",)
    assert understand("walking bass").styles == {"bass": "walking"}
    assert choose(Brief("house with sliding 808s")).styles["bass"] == "slide"


@pytest.mark.parametrize(
    ("prompt", "genre"),
    [
        ("slap bass", "funk"), ("distorted guitar", "rock"), ("taiko", "cinematic"), ("wobble bass", "dubstep"),
        ("log drum", "amapiano"), ("nylon guitar", "bossa nova"), ("brushes and double bass", "jazz"), ("congas", None),
    ],
)  # fmt: skip
def test_instruments_suggest_a_genre(prompt: str, genre: str | None) -> None:
    drawn = {choose(Brief(prompt, seed=seed)).genre.name for seed in range(6)}
    assert drawn == {genre} if genre else len(drawn) > 1


def test_sounds_are_played_as_they_can_be() -> None:
    assert choose(Brief("house strings")).styles["chords"] == "long"
    assert choose(Brief("ambient spiccato")).styles["chords"] == "ostinato"
    assert choose(Brief("techno wobble")).styles["bass"] == "wobble"
    assert choose(Brief("dubstep sub bass")).styles["bass"] == "reese"
    for seed in range(6):
        styles = choose(Brief("rock piano", seed=seed)).styles
        assert styles["chords"] not in ("power", "chug")
