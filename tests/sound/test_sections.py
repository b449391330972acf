"""The form of pieces that are put together from parts which differ in chords and loudness."""

import itertools

import numpy as np
import pytest

from beatflow.sound.audio import Audio
from beatflow.sound.hops import Spectrometer
from beatflow.sound.sections import SectionMeter, _letter

from .signals import RATE, make_chords, make_noise

VERSE = make_chords([(45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)] * 2, 2.0)
CHORUS = make_chords([(50, 57, 62, 66), (52, 56, 59, 64), (45, 57, 61, 64), (54, 57, 61, 66)] * 2, 2.0)
LOUD = Audio(CHORUS.samples * 3 + make_noise(CHORUS.frames, 1, 0.05).samples, RATE)
BARS = 8  # of 2 s each, in every part


def find(*parts, downbeats=True, lead_s=0.0):
    mono = np.concatenate(
        [np.zeros(round(lead_s * RATE), np.float32), *(part.samples[:, 0] for part in parts)]
    )
    spectrometer = Spectrometer(RATE)
    meter = SectionMeter(spectrometer)
    for spectra in itertools.chain(spectrometer.add(mono), spectrometer.finish()):
        meter.add_spectra(spectra)
    known = lead_s + 2.0 * np.arange(len(parts) * BARS) if downbeats else ()
    return meter.result(len(mono) / RATE, downbeats=list(known))


def told(sections):
    return [(section.start_s, section.label) for section in sections]


@pytest.mark.parametrize("downbeats", [True, False])
def test_verse_and_chorus(downbeats):
    found = find(VERSE, LOUD, VERSE, LOUD, downbeats=downbeats)
    assert told(found) == [(0, "A"), (16, "B"), (32, "A"), (48, "B")]
    assert found[-1].end_s == 64
    assert all(first.end_s == second.start_s for first, second in itertools.pairwise(found))


def test_sections_begin_at_downbeats():
    found = find(VERSE, LOUD, lead_s=0.7)
    assert told(found) == [(0, "A"), (16.7, "B")]


def test_chords_alone_make_a_section():
    assert [label for _, label in told(find(VERSE, VERSE, CHORUS, VERSE))] == ["A", "B", "A"]


def test_of_many_different_parts_some_share_a_letter():
    rate = 11_025
    parts = [
        make_chords([(root, root + 12, root + third + 12)] * 4, 2.0, rate).samples[:, 0] * gain
        for root, third, gain in itertools.product((40, 41, 42, 43), (3, 4), (1.0, 0.3))
    ]
    spectrometer = Spectrometer(rate)
    meter = SectionMeter(spectrometer)
    for spectra in spectrometer.add(np.concatenate(parts)):
        meter.add_spectra(spectra)
    found = meter.result(8.0 * len(parts))
    assert len(found) > 4
    assert 2 < len({section.label for section in found}) <= 8


def test_short_bars_are_taken_two_by_two():
    beats = 0.5 * np.arange(4 * 2 * BARS)
    spectrometer = Spectrometer(RATE)
    meter = SectionMeter(spectrometer)
    for spectra in spectrometer.add(np.concatenate([VERSE.samples, LOUD.samples])[:, 0]):
        meter.add_spectra(spectra)
    found = meter.result(32.0, downbeats=list(beats[::2]))
    assert told(found) == [(0, "A"), (16, "B")]


def test_a_loop_is_one_section():
    assert told(find(VERSE, VERSE, VERSE)) == [(0, "A")]


def test_where_there_is_nothing_to_divide():
    silent = Audio(np.zeros((RATE * 30, 1), np.float32), RATE)
    assert find(silent) == ()
    assert find() == ()
    short = find(make_noise(200, 1), downbeats=False)
    assert told(short) == [(0, "A")]
    assert short[0].end_s == round(200 / RATE, 3)


def test_letters_go_on_after_z():
    assert [_letter(number) for number in (0, 25, 26, 27, 51, 52, 702)] == [
        "A",
        "Z",
        "AA",
        "AB",
        "AZ",
        "BA",
        "AAA",
    ]
