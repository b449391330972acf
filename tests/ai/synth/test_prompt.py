"""Words: what is understood, what is left out, what is handed back."""

import json

import pytest

from beatflow.ai.engine import Brief
from beatflow.ai.synth.choices import choose
from beatflow.ai.synth.drumkit import KITS
from beatflow.ai.synth.genres import GENRES
from beatflow.ai.synth.prompt import GENRE_WORDS, INSTRUMENTS, MOOD_WORDS, MOODS, TEXTURES, Mood, understand
from beatflow.ai.synth.treatment import levels_of, loudness_target, treatment_of
from beatflow.ai.synth.voices import SOUNDS
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
        for rows in (
            genre.kicks,
            genre.snares,
            genre.hats,
            genre.open_hats,
            [row for _, row in genre.percussion],
        ):
            assert all(len(row) == 16 and set(row) <= set("Xxog?.") for row in rows)


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
        return [treatments, levels_of(choices), loudness_target(choices), played]

    assert figures(plain) != figures(moody)


@pytest.mark.parametrize("word", sorted(INSTRUMENTS))
def test_every_instrument_word_is_played(word: str) -> None:
    part, sound = INSTRUMENTS[word]
    assert choose(Brief(f"house {word}")).sounds[part] == sound


def test_unknown_words_are_reported_and_flavour_the_seed() -> None:
    plain, odd = (choose(Brief(prompt, seed=5)) for prompt in ("house", "house glorp"))
    assert odd.request.ignored == ("glorp",)
    assert plain.stream.bits() != odd.stream.bits()
    assert choose(Brief("house rhodes")).stream.bits() == choose(Brief("house organ")).stream.bits()
    assert json.loads(json.dumps(dict(made("house glorp", bars=1).parameters)))["ignored_words"] == ["glorp"]


@pytest.mark.parametrize("word", ["vinyl", "tape", "rain", "ocean"])
def test_textures_are_a_stem(word: str) -> None:
    assert word in TEXTURES
    performance = made(f"ambient {word}", bars=1, tempo=90)
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
