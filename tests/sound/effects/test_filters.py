"""Filters follow the analogue ones up to half the sample rate."""

import numpy as np
import pytest

from tests.sound.effects.sounding import RATE, impulse, send

HZ = np.geomspace(30, 20_000, 400)


def response_db(text):
    made = send(impulse(2.0), text)[:, 0]
    spectrum = np.abs(np.fft.rfft(made))
    return 20 * np.log10(np.interp(HZ, np.fft.rfftfreq(len(made), 1 / RATE), spectrum) + 1e-9)


def analogue_db(numerator, denominator, hz):
    s = 1j * HZ / hz
    return 20 * np.log10(np.abs(np.polyval(numerator, s) / np.polyval(denominator, s)))


@pytest.mark.parametrize("hz", [60, 1000, 8000, 14_000])
@pytest.mark.parametrize("gain", [-12, 6])
@pytest.mark.parametrize("q", [0.7, 3])
def test_bells(hz, gain, q):
    a = 10 ** (gain / 40)
    wanted = analogue_db([1, a / q, 1], [1, 1 / (a * q), 1], hz)
    assert np.abs(response_db(f"eq({hz}:{gain:+}dB:{q})") - wanted).max() < 1.0


@pytest.mark.parametrize("hz", [100, 3000, 10_000])
@pytest.mark.parametrize("gain", [-12, 6])
@pytest.mark.parametrize("side", ["low", "high"])
def test_shelves(hz, gain, side):
    a = 10 ** (gain / 40)
    root = np.sqrt(2 * a)
    up, down = [a, root, 1], [1, root, a]
    wanted = (
        analogue_db(a * np.array(up), down, hz) if side == "high" else analogue_db(a * np.array(down), up, hz)
    )
    assert np.abs(response_db(f"eq({hz}:{gain:+}dB:{side})") - wanted).max() < 0.3


@pytest.mark.parametrize("slope", [12, 24, 48])
@pytest.mark.parametrize("hz", [200, 6000])
def test_low_and_high_pass(slope, hz):
    order = slope // 6
    low = -10 * np.log10(1 + (HZ / hz) ** (2 * order))
    high = -10 * np.log10(1 + (hz / HZ) ** (2 * order))
    for text, wanted in ((f"lowpass({hz}, slope={slope})", low), (f"highpass({hz}, slope={slope})", high)):
        told = wanted > -20
        assert np.abs(response_db(text) - wanted)[told].max() < 1.1
        assert response_db(text)[~told].max() < -18


def test_resonance_band_and_notch():
    assert response_db("lowpass(1k, q=4)").max() == pytest.approx(20 * np.log10(4), abs=0.3)
    band = response_db("bandpass(1k, q=2)")
    assert band.max() == pytest.approx(0, abs=0.1)
    assert HZ[band.argmax()] == pytest.approx(1000, rel=0.02)
    assert response_db("notch(50, q=2)").min() < -30


def test_bands_add_up_and_nothing_is_nothing():
    both = response_db("eq(100:+6dB:low, 5k:-4dB)")
    assert np.abs(both - response_db("eq(100:+6dB:low)") - response_db("eq(5k:-4dB)")).max() < 0.01
    assert np.abs(response_db("eq(1k:0dB, 1k:0dB:low, 1k:0dB:high)")).max() < 1e-3


@pytest.mark.parametrize("hz", [12_000, 16_000, 18_000, 20_000])
def test_filters_near_half_the_rate_follow_too(hz):
    s = 1j * HZ / hz
    low = -20 * np.log10(np.abs(s * s + s * 2**0.5 + 1))
    made = response_db(f"lowpass({hz})")
    assert np.abs(made - low).max() < 1.0
    # In the loop of an echo whatever is raised grows without end.
    assert made.max() < 0.05
    high = response_db(f"highpass({hz})")
    wanted = low + 40 * np.log10(HZ / hz)
    assert np.abs(high - wanted)[wanted > -20].max() < 1.2
    assert np.abs(response_db(f"eq({hz}:+12dB:high)") - response_db(f"eq({hz}:-12dB:low)") - 12).max() < 0.01
