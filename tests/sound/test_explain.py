"""What was done to a sound, said from nothing but the samples: each kind, several at once, and what is none."""

import json
from io import BytesIO

import numpy as np
import pytest

from beatflow.errors import AudioError
from beatflow.sound.audio import Audio
from beatflow.sound.explain.explain import explain, iter_residual
from beatflow.sound.explanation import Explanation
from beatflow.sound.writing import write_audio

from .signals import RATE, make_chords, make_drums, make_noise

FRAMES = 8 * RATE


def make_song(seed=0, frames=FRAMES):
    """Drums, chords that never come again, and a little air, in stereo with some width."""
    rng = np.random.default_rng(seed)
    drums = make_drums(118, bars=5).samples[:frames] * 0.5
    roots = rng.integers(40, 70, 16)
    chords = make_chords([(root, root + 3 + root % 2, root + 7) for root in roots], 0.5).samples[:frames]
    left, right = rng.normal(0, 0.003, (2, frames, 1)).astype(np.float32)
    song = np.hstack([drums[:, :1] + chords * 1.2 + left, drums[:, 1:] + chords * 0.8 + right])
    return (np.round(song * 32768) / 32768).astype(np.float32)


SONG = make_song()
OTHER = make_song(1)


def store(samples, rate=RATE, subtype="PCM_16"):
    file = BytesIO()
    write_audio(file, Audio(np.asarray(samples, np.float32), rate), subtype, "WAV")
    file.seek(0)
    return file


def say(old, new, **options):
    return explain(store(old), store(new, **options))


def kinds(explanation):
    return [change.kind for change in explanation.changes]


def check_pieces(explanation):
    """Pieces follow each other from the first frame to the last, and the document survives JSON."""
    at = 0
    for piece in explanation.pieces:
        assert piece.start == at
        assert piece.frames > 0
        at += piece.frames
    assert Explanation.from_json(json.loads(json.dumps(explanation.to_json()))) == explanation


def test_the_same():
    found = say(SONG, SONG)
    assert (kinds(found), found.null_depth_db, found.worst_s) == (["identical"], -200, None)
    assert [(p.start, p.frames, p.source) for p in found.pieces] == [(0, FRAMES, 0)]
    assert kinds(say(SONG * 0, SONG * 0)) == ["identical"]
    assert kinds(say(SONG[:1], SONG[:1])) == ["identical"]


@pytest.mark.parametrize("offset", [137, -441, 3 * RATE])
def test_moved_to_the_frame(offset):
    new = np.pad(SONG[max(-offset, 0) :], ((max(offset, 0), 0), (0, 0)))
    for gain in (1.0, 0.7):
        found = say(SONG, new * gain)
        assert found.find("moved")[0]["offset_frames"] == offset
        assert found.pieces[-1].start - found.pieces[-1].source == offset
        assert not found.find("region")
        check_pieces(found)


@pytest.mark.parametrize("gain_db", [-12.3, -0.5, 0.1, 4.0])
def test_gain(gain_db):
    found = say(SONG * 0.5, SONG * (0.5 * 10 ** (gain_db / 20)))
    assert kinds(found) == ["gain"]
    assert found.changes[0]["gain_db"] == pytest.approx(gain_db, abs=0.02)
    assert found.null_depth_db < -50


def test_channels():
    assert kinds(say(SONG, SONG[:, ::-1])) == ["channel_swap"]
    assert say(SONG, -SONG).find("polarity")[0]["channels"] == "all"
    assert say(SONG, SONG * [1, -1]).find("polarity")[0]["channels"] == [1]
    found = say(SONG, SONG * [1, 0.5])
    assert found.find("balance")[0]["gains_db"] == pytest.approx([0, -6.02], abs=0.05)
    middle = SONG.mean(axis=1, keepdims=True)
    found = say(SONG, middle + 0.4 * (SONG - middle))
    assert found.find("width")[0]["width"] == pytest.approx(0.4, abs=0.02)
    assert not found.find("gain")
    assert kinds(say(SONG, SONG[:, :1])) == ["channels"]
    assert kinds(say(SONG[:, :1], SONG[:, [0, 0]])) == ["channels"]


@pytest.mark.parametrize("gain", [1.0, 0.6])
def test_regions_to_the_frame(gain):
    new = SONG.copy()
    new[100_000:140_000] = OTHER[100_000:140_000]
    (region,) = say(SONG, new * gain).find("region")
    assert region["action"] == "replaced"
    assert (region["start_frame"], region["frames"]) == pytest.approx(
        (100_000, 40_000), abs=0 if gain == 1 else 40
    )

    new = np.vstack([SONG[:100_000], OTHER[5_000:65_000], SONG[100_000:]])
    (region,) = say(SONG, new * gain).find("region")
    assert region["action"] == "inserted"
    assert (region["start_frame"], region["frames"]) == pytest.approx(
        (100_000, 60_000), abs=0 if gain == 1 else 40
    )

    new = np.vstack([SONG[:100_000], SONG[150_000:]])
    found = say(SONG, new * gain)
    (region,) = found.find("region")
    assert region["action"] == "deleted"
    assert (region["source_frame"], region["frames"]) == pytest.approx(
        (100_000, 50_000), abs=0 if gain == 1 else 40
    )
    assert found.pieces[-1].source - found.pieces[-1].start == 50_000

    new = SONG.copy()
    new[100_000:140_000] = 0
    (region,) = say(SONG, new * gain).find("region")
    assert region["action"] == "muted"
    assert (region["start_frame"], region["frames"]) == pytest.approx(
        (100_000, 40_000), abs=0 if gain == 1 else 300
    )


def test_a_part_moved_elsewhere_is_deleted_there_and_inserted_here():
    new = np.vstack([SONG[:100_000], SONG[200_000:230_000], SONG[100_000:200_000], SONG[230_000:]])
    regions = say(SONG, new).find("region")
    assert {(r["action"], r["frames"]) for r in regions} == {("inserted", 30_000), ("deleted", 30_000)}


def test_an_exact_loop_stays_where_it_is():
    loop = np.tile(SONG[100_000:140_000], (8, 1))
    new = loop.copy()
    new[130_000:150_000] = OTHER[130_000:150_000]
    found = say(loop, new)
    assert [(p.start, p.source) for p in found.pieces] == [(0, 0), (130_000, None), (150_000, 150_000)]
    assert kinds(say(loop, loop[40_000:])) == ["region"]


def test_fades_and_level():
    ramp = np.ones((FRAMES, 1))
    ramp[: 2 * RATE, 0] = np.linspace(0, 1, 2 * RATE)
    ramp[-3 * RATE :, 0] = np.linspace(1, 0, 3 * RATE)
    found = say(SONG, SONG * ramp)
    fade_in, fade_out = found.find("fade")
    assert (fade_in["direction"], fade_out["direction"]) == ("in", "out")
    assert fade_in["frames"] == pytest.approx(2 * RATE, rel=0.05)
    assert fade_out["start_frame"] == pytest.approx(FRAMES - 3 * RATE, abs=0.1 * RATE)
    assert not found.find("region")

    automation = np.ones((FRAMES, 1))
    automation[2 * RATE : 4 * RATE] = 0.5
    (level,) = say(SONG, SONG * automation).find("level")
    assert level["range_db"] == pytest.approx([-6.02, 0], abs=0.3)
    assert level["start_frame"] == pytest.approx(2 * RATE, abs=0.1 * RATE)


def test_word_length():
    deep = (SONG + np.random.default_rng(3).integers(-100, 100, SONG.shape) / 2**23).astype(np.float32)
    found = explain(store(deep, subtype="PCM_24"), store(deep, subtype="PCM_16"))
    assert found.find("bit_depth")[0].figures == {"before": "PCM_24", "after": "PCM_16", "dither": False}
    dither = np.random.default_rng(4).random((2, *SONG.shape)).sum(axis=0) - 1
    found = explain(store(deep, subtype="PCM_24"), store(deep + dither / 32768, subtype="PCM_16"))
    assert found.find("bit_depth")[0]["dither"] is True
    found = explain(store(SONG), store(SONG, subtype="PCM_24"))
    assert (kinds(found), found.null_depth_db) == (["bit_depth"], -200)


def test_only_the_header_says_another_rate():
    found = say(SONG, SONG, rate=48_000)
    assert kinds(found) == ["sample_rate", "tempo", "pitch"]
    assert found.find("tempo")[0]["ratio"] == pytest.approx(48 / 44.1, abs=1e-4)


def test_several_at_once():
    new = np.pad(SONG, ((441, 0), (0, 0))) * 0.8
    new[200_000:240_000] = OTHER[200_000:240_000]
    found = say(SONG, -new)
    assert kinds(found) == ["moved", "polarity", "gain", "region"]
    assert found.find("gain")[0]["gain_db"] == pytest.approx(20 * np.log10(0.8), abs=0.05)
    check_pieces(found)


def test_what_is_nothing_of_the_old_one_is_a_new_take():
    for old, new in [
        (SONG, OTHER[:, ::-1] * 0 + make_noise(FRAMES).samples),
        (make_noise(FRAMES).samples, make_noise(FRAMES, seed=5).samples),
        (SONG, SONG * 0),
        (SONG * 0, SONG),
        (SONG[:200], OTHER[70_000:70_300]),
    ]:
        found = say(old, new)
        assert kinds(found)[-1] == "new_take"
        assert [(p.frames, p.source) for p in found.pieces] == [(len(new), None)]
        assert found.null_depth_db is None


def test_something_on_top_is_a_residual_without_figures():
    room = np.zeros_like(SONG)
    rng = np.random.default_rng(7)
    for delay, gain in zip(rng.integers(300, 20_000, 60), rng.normal(0, 0.12, 60), strict=True):
        room[delay:] += SONG[:-delay] * gain
    found = say(SONG, (SONG + room) * 0.5)
    assert kinds(found) == ["residual"]
    assert found.null_depth_db < 0


def test_residual_is_what_is_not_explained():
    new = SONG * 0.5
    new[100_000:140_000] = OTHER[100_000:140_000]
    explanation = say(SONG, new)
    rest = np.vstack([block.samples for block in iter_residual(store(SONG), store(new), explanation)])
    assert rest.shape == new.shape
    assert np.abs(rest[:99_000]).max() < 1e-4
    assert rest[101_000:139_000] == pytest.approx(new[101_000:139_000], abs=1e-4)
    fresh = np.vstack([b.samples for b in iter_residual(store(SONG), store(OTHER * 0), say(SONG, OTHER * 0))])
    assert not fresh.any()


@pytest.mark.parametrize("frames", [0, 1, 2, 10, 220])
def test_short_sounds(frames):
    for new in (SONG[50_000 : 50_000 + frames] * 0.5, SONG[50_000 : 50_003 + frames], SONG[:0]):
        check_pieces(say(SONG[50_000 : 50_000 + frames], new))


def test_many_channels_and_clipping_and_floats_far_beyond():
    six = np.hstack([SONG, OTHER, SONG[::-1]])
    found = say(six, six * 0.5)
    assert kinds(found) == ["gain"]
    found = say(SONG, np.clip(SONG * 4, -1, 32767 / 32768))
    assert found.find("gain")[0]["gain_db"] == pytest.approx(12.04, abs=0.1)
    huge = explain(store(SONG * 1e30, subtype="FLOAT"), store(SONG * 5e29, subtype="FLOAT"))
    assert huge.find("gain")[0]["gain_db"] == pytest.approx(-6.02, abs=0.02)


def test_numbers_that_are_none_are_an_error():
    broken = SONG[:1000].copy()
    broken[500] = np.nan
    with pytest.raises(AudioError):
        explain(store(SONG, subtype="FLOAT"), store(broken, subtype="FLOAT"))


def test_progress_is_told():
    told = []
    explain(store(SONG), store(SONG), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_fade_has_no_splinters_beside_it():
    """Where a fade is nearly done, most frames are the same again, and some are one step off."""
    quarter = np.ones((FRAMES, 1))
    quarter[: 3 * RATE, 0] = np.sin(np.linspace(0, np.pi / 2, 3 * RATE))
    found = say(SONG, SONG * quarter)
    assert kinds(found) == ["fade"]
    falling = np.ones((FRAMES, 1))
    falling[-3 * RATE :, 0] = 10 ** (np.linspace(0, -100, 3 * RATE) / 20)
    found = say(SONG, SONG * falling)
    assert kinds(found) == ["fade"]
    assert found.changes[0]["start_frame"] == pytest.approx(FRAMES - 3 * RATE, abs=0.1 * RATE)


def test_a_fade_after_a_stretch_that_was_replaced():
    new = SONG.copy()
    new[150_000:200_000] = OTHER[150_000:200_000]
    new[-4 * RATE :] *= np.linspace(1, 0, 4 * RATE)[:, None]
    found = say(SONG, new)
    assert kinds(found) == ["fade", "region"]
    assert found.find("fade")[0]["start_frame"] == pytest.approx(200_000, abs=25_000)
    assert found.find("region")[0]["frames"] == pytest.approx(50_000, abs=2000)
    check_pieces(found)


def test_dither_is_said_where_it_is_sure():
    rng = np.random.default_rng(5)
    deep = (SONG + rng.integers(-100, 100, SONG.shape) / 2**23).astype(np.float32)
    noise = np.diff(rng.normal(0, 2, (FRAMES + 2, 2)), 2, axis=0)
    found = explain(store(deep, subtype="PCM_24"), store(deep + noise / 32768, subtype="PCM_16"))
    assert found.find("bit_depth")[0]["dither"] is True
    # Coarse steps, cut off instead of rounded, and a sound no higher than they are.
    cut = np.floor(SONG * 128) / 128
    found = explain(store(SONG), store(cut, subtype="PCM_U8"))
    assert found.find("bit_depth")[0]["dither"] is False
    assert not say(SONG, SONG * 2e-4).find("bit_depth")


def test_sounds_that_are_hardly_any():
    click, other = np.zeros_like(SONG), np.zeros_like(SONG)
    click[30_000], other[50_000] = 0.9, 0.9
    constant = np.full_like(SONG, 0.25)
    for sound in (click, constant, -constant):
        assert kinds(say(sound, sound)) == ["identical"]
    for old, new in [(SONG, click), (click, SONG), (constant, SONG), (SONG[5000:5100], SONG[::-1])]:
        assert kinds(say(old, new)) == ["new_take"]


def test_noise_on_top_is_no_equaliser():
    hiss = np.cumsum(np.random.default_rng(2).normal(0, 1, SONG.shape), axis=0)
    hiss -= np.linspace(0, 1, FRAMES)[:, None] * hiss[-1]
    hiss *= 0.003 / np.abs(hiss).std()
    assert set(kinds(say(SONG, SONG + hiss))) <= {"residual"}


def test_a_clipped_sound_got_louder():
    quiet = SONG * (0.5 / np.abs(SONG).max())
    found = say(quiet, np.clip(quiet * 8, -1, 32767 / 32768))
    assert found.find("gain")[0]["gain_db"] == pytest.approx(18.06, abs=0.1)
    assert not {"eq", "region", "level"} & set(kinds(found))


def test_equal_channels_are_not_swapped():
    twice = SONG[:, [0, 0]]
    found = say(twice, twice + 0.02)
    assert kinds(found) == ["residual"]


def test_another_take_of_the_same_has_no_short_regions():
    rng = np.random.default_rng(8)
    new = make_song() + 0
    for start in range(0, FRAMES, 11_000):
        new[start : start + 11_000] *= rng.uniform(0.5, 1)
        new[start : start + 3000] = np.roll(new[start : start + 3000], int(rng.integers(-300, 300)), axis=0)
    new += rng.normal(0, 0.02, new.shape)
    found = say(SONG, new)
    assert all(region["frames"] > RATE / 2 for region in found.find("region"))
