"""Equalisers, shifts of parts of a frame, other rates, codecs, tempo and pitch: read off what they do to a sound."""

import numpy as np
import pytest
import soxr

from beatflow.sound.audio import Audio
from beatflow.sound.exact import quantize
from beatflow.sound.explain.bands import Band

from .signals import RATE
from .test_explain import FRAMES, SONG, check_pieces, explain, kinds, say, store


def equalise(samples, bands, shift=0.0):
    """Through minimum-phase filters with the bands' gains, by the folded cepstrum of a long transform."""
    size = 1 << (len(samples) + RATE).bit_length()
    hz = np.fft.rfftfreq(size, 1 / RATE)
    logs = sum(band.respond(np.maximum(hz, 1), RATE) for band in bands) * np.log(10) / 20 if bands else 0 * hz
    cepstrum = np.fft.irfft(logs, size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    response = np.exp(np.fft.rfft(cepstrum)) * np.exp(-2j * np.pi * hz / RATE * shift)
    return np.fft.irfft(np.fft.rfft(samples, size, axis=0) * response[:, None], size, axis=0)[: len(samples)]


def read_at(points, hz):
    return float(
        np.interp(np.log(hz), np.log([point[0] for point in points]), [point[1] for point in points])
    )


@pytest.mark.parametrize(
    "bands",
    [
        [Band("peak", 1000, 5, 1.2)],
        [Band("low_shelf", 150, -4, 0.7)],
        [Band("high_shelf", 5000, 3, 0.7)],
        [Band("peak", 300, -4, 1.5), Band("peak", 3000, 3, 1.0)],
        [Band("low_pass", 3000, 0, 0.7, 2)],
        [Band("high_pass", 150, 0, 0.7, 2)],
    ],
    ids=lambda bands: "+".join(band.type for band in bands),
)
def test_bands_are_read_off(bands):
    found = say(SONG * 0.5, equalise(SONG * 0.5, bands) * 10 ** (-1.5 / 20))
    assert kinds(found) == ["gain", "eq"]
    assert found.find("gain")[0]["gain_db"] == pytest.approx(-1.5, abs=0.3)
    eq = found.find("eq")[0]
    assert [row["type"] for row in eq["bands"]] == [band.type for band in bands]
    for row, band in zip(eq["bands"], bands, strict=True):
        assert row["hz"] == pytest.approx(band.hz, rel=0.08)
        assert row["gain_db"] == pytest.approx(band.gain_db, abs=0.5)
    for hz in (200, 400, 1000, 2000, 4000):
        whole = found.find("gain")[0]["gain_db"] + read_at(eq["curve"], hz)
        assert whole == pytest.approx(
            sum(float(b.respond(np.array([hz]), RATE)[0]) for b in bands) - 1.5, abs=0.5
        )
    check_pieces(found)


def test_a_shift_of_parts_of_a_frame_is_named_as_such():
    found = say(SONG, equalise(SONG, [], 7.4))
    moved = found.find("moved")[0]
    assert moved["offset_frames"] + moved["fraction_frames"] == pytest.approx(7.4, abs=0.02)
    assert "eq" not in kinds(found)


def test_moved_equalised_and_a_region_replaced():
    new = equalise(np.pad(SONG, ((1000, 0), (0, 0))), [Band("peak", 1000, 5, 1.0)])
    new[200_000:250_000] = np.random.default_rng(0).normal(0, 0.1, (50_000, 2))
    found = say(SONG, new * 0.5)
    assert kinds(found) == ["moved", "gain", "eq", "region"]
    assert found.find("moved")[0]["offset_frames"] == 1000
    region = found.find("region")[0]
    assert (region["action"], region["start_frame"]) == ("replaced", pytest.approx(200_000, abs=300))
    assert region["frames"] == pytest.approx(50_000, abs=600)


@pytest.mark.parametrize("rate", [48_000, 22_050])
def test_another_sample_rate(rate):
    found = say(SONG, soxr.resample(SONG, RATE, rate) * 0.5, rate=rate)
    assert kinds(found) == ["sample_rate", "gain"]
    assert found.find("gain")[0]["gain_db"] == pytest.approx(-6.02, abs=0.05)
    assert found.sample_rate == rate
    check_pieces(found)


def test_played_faster():
    found = say(SONG, soxr.resample(SONG, RATE * 1.03, RATE))
    assert kinds(found) == ["tempo", "pitch"]
    assert found.find("tempo")[0]["ratio"] == pytest.approx(1.03, abs=0.002)
    assert found.find("pitch")[0]["semitones"] == pytest.approx(12 * np.log2(1.03), abs=0.05)
    assert [piece.source for piece in found.pieces] == [None]


def test_coarser_words_are_no_regions():
    found = explain(store(SONG), store(quantize(Audio(SONG, RATE), "PCM_16").samples, subtype="PCM_U8"))
    assert kinds(found)[0] == "bit_depth"
    assert not found.find("region")
    assert found.pieces[0].frames == FRAMES


@pytest.mark.parametrize(
    "bands",
    [
        [Band("peak", 500, -12, 4.0)],
        [Band("low_shelf", 120, -3, 0.7), Band("peak", 900, 3, 1.2), Band("high_shelf", 6000, 2, 0.7)],
        [Band("low_pass", 3000, 0, 0.7, 1)],
        [Band("low_pass", 4000, 0, 0.7, 32)],
    ],
    ids=["narrow", "three", "one pole", "steep"],
)
def test_what_is_narrow_or_many_or_no_shelf(bands):
    found = say(SONG * 0.5, equalise(SONG * 0.5, bands))
    eq = found.find("eq")[0]
    assert len(eq["bands"]) == len(bands)
    gain_db = sum(change["gain_db"] for change in found.find("gain"))
    for band in bands:
        true = sum(float(each.respond(np.array([band.hz]), RATE)[0]) for each in bands)
        assert gain_db + read_at(eq["curve"], band.hz) == pytest.approx(true, abs=0.5)
