"""The notation of chains, and what goes for every effect: same samples however cut, nothing late, bad input named."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import AudioError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.effects.chain import apply_chain, describe_effects, parse_chain
from tests.sound.effects.sounding import RATE, noise, send, sine

ISSUE = (
    "reverb(size=.6,wet=.2) | eq(3k:+2dB) | compressor(-18dB,4:1) | delay(1/8,.3) | lowpass(800) | chorus"
    " | phaser | distortion | limiter"
)
KINDS = {kind.name: kind for kind in describe_effects()}
PLAIN = {name: f"{name}(3k:+2dB)" if name == "eq" else name for name in KINDS}


def values(text):
    return dict(parse_chain(text).steps[0].values())


def test_the_issue_s_chain_is_read():
    chain = parse_chain(ISSUE)
    assert [step.kind.name for step in chain.steps] == [
        "reverb", "eq", "compressor", "delay", "lowpass", "chorus", "phaser", "distortion", "limiter",
    ]  # fmt: skip
    assert dict(chain.steps[0].given) == {"size": 0.6, "wet": 0.2}
    assert dict(chain.steps[2].given) == {"threshold": -18.0, "ratio": 4.0}
    assert chain.needs_tempo
    assert chain.has_tail


def test_the_canonical_text_holds_everything_and_reads_the_same():
    chain = parse_chain(ISSUE)
    text = str(chain)
    assert "attack=0.01s" in text
    assert "time=1/8" in text
    assert str(parse_chain(text)) == text
    assert chain.brief.startswith(
        "reverb(size=0.6, wet=0.2) | eq(3000Hz:+2dB:1) | compressor(threshold=-18dB"
    )
    assert str(parse_chain(chain.brief)) == text


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("lowpass(3k)", "frequency", 3000.0),
        ("lowpass(3.5 kHz)", "frequency", 3500.0),
        ("LPF(frequency=800Hz)", "frequency", 800.0),
        ("compressor(−18 dB)", "threshold", -18.0),
        ("compressor(ratio=2.5:1)", "ratio", 2.5),
        ("compressor(makeup=auto)", "makeup", "auto"),
        ("reverb(30%)", "size", 0.3),
        ("delay(250ms)", "time", 0.25),
        ("delay(.25)", "time", 0.25),
        ("vibrato(depth=12ct)", "depth", 12.0),
        ("lowpass(slope=24)", "slope", "24"),
    ],
)
def test_units(text, name, value):
    assert values(text)[name] == pytest.approx(value) if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("note", "share", "seconds"), [("1/8", "1/8", 0.25), ("1/8.", "3/16", 0.375), ("1/4t", "1/6", 1 / 3)]
)
def test_note_values_follow_the_tempo(note, share, seconds):
    chain = parse_chain(f"delay({note}, feedback=0, wet=1, highcut=20k, lowcut=10)")
    assert f"time={share}" in str(chain)
    audio = Audio(np.eye(1, RATE, dtype=np.float32).T.copy(), RATE)
    made = np.concatenate([block.samples for block in apply_chain([audio], chain, 120.0)])
    assert np.argmax(np.abs(made[:, 0])) == pytest.approx(seconds * RATE, abs=2)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("revreb", "did you mean reverb?", "there are eq"),
        ("xyzzy", "no effect 'xyzzy'", "there are eq"),
        ("reverb(siez=.5)", "did you mean size?", "size, wet"),
        ("reverb(size=3)", "size cannot be 3", "0 to 1"),
        ("lowpass(3)", "cannot be 3 Hz", "10 Hz to 20 kHz"),
        ("lowpass(nan)", "cannot be 'nan'", "800Hz or 3k"),
        ("lowpass(1e3)", "cannot be '1e3'", "800Hz or 3k"),
        ("lowpass(-18dB)", "cannot be '-18dB'", "a frequency"),
        ("compressor(attack=10)", "cannot be 10 s", "0.1 ms to 500 ms"),
        ("delay(mode=zigzag)", "cannot be 'zigzag'", "straight or pingpong"),
        ("delay(1/0)", "cannot be '1/0'", "1/8"),
        ("reverb(wet=.1, wet=.2)", "given twice", "once"),
        ("reverb(size=.1, .2)", "has no name", "come first"),
        ("stereo(3)", "too many values", "no parameters"),
        ("chorus(voices=2.5)", "voices cannot be 2.5", "1 to 6, a whole number"),
        ("phaser(stages=5)", "stages cannot be 5", "2 to 12, an even number"),
        ("compressor(-18dB,4:1,)", "attack cannot be nothing", "250ms"),
        ("eq(3k:+2dB,)", "nothing is no band", "3k:+2dB"),
        ("eq", "needs a band", "eq(3k:+2dB"),
        ("eq(3k)", "is no band", "3k:+2dB"),
        ("eq(3k:+99dB)", "out of range", "-30 dB to 30 dB"),
        ("eq(30k:+9dB)", "out of range", "10 Hz to 20 kHz"),
        ("eq(1k:+9dB:99)", "out of range", "Q 0.1 to 20"),
        ("", "no effects", "compressor"),
        ("  ", "no effects", "compressor"),
        ("gain(1dB) | | limiter", "missing beside a |", "name(value"),
        ("gain(1dB", "is no effect", "name(value"),
        ("gain(1dB))", "cannot be '1dB)'", "a level"),
        ("gain | " * 64 + "gain", "65 effects", "up to 64"),
        ("g" * 10_001, "10001 characters", "10000"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(text, says, hint):
    with pytest.raises(UsageError) as error:
        parse_chain(text)
    assert says in error.value.message
    assert hint in (error.value.hint or "")


@settings(max_examples=200, deadline=None)
@given(st.text("abcdelowpasrv(),|=.:/+-0123456789 kHzdBms%−é😀\x00", max_size=60))
def test_no_text_breaks_the_reader(text):
    try:
        chain = parse_chain(text)
    except UsageError:
        return
    assert str(parse_chain(str(chain))) == str(chain)


@pytest.mark.parametrize(("name", "text"), PLAIN.items())
def test_the_cut_into_blocks_changes_no_bit(name, text):
    audio = noise(1.7, 0.3, channels=2)
    whole = send(audio, text, 120.0)
    chain = parse_chain(text)
    bounds = [0, 1, 3, 700, 33_000, 33_000, 70_001, audio.frames]
    blocks = [Audio(audio.samples[a:b], RATE) for a, b in pairwise(bounds)]
    made = np.concatenate([block.samples for block in apply_chain(blocks, chain, 120.0)])
    assert np.array_equal(made, whole.astype(np.float32))
    # An effect alone may round otherwise, and no more.
    (effect,) = chain.build(RATE, 2, 120.0)
    own = np.concatenate([*(effect.process(block.samples) for block in blocks), effect.finish()])
    assert len(own) == len(whole)
    assert np.abs(own - whole).max() < 1e-6


@pytest.mark.parametrize(("name", "text"), PLAIN.items())
def test_length_shape_and_silence(name, text):
    kind = KINDS[name]
    for channels in (1, 2, 6):
        if kind.channels_in not in (None, channels):
            continue
        audio = noise(0.3, channels=channels)
        made = send(audio, text, 100.0)
        assert made.shape[1] == (kind.channels_out or channels)
        assert (len(made) > audio.frames) == kind.tail
        assert np.isfinite(made).all()
        assert len(send(audio, text, 100.0, tail=False)) == audio.frames
    if name != "vinyl":
        assert not send(Audio(np.zeros((9000, 2), np.float32), RATE), text, 100.0).any()


@pytest.mark.parametrize(("name", "text"), PLAIN.items())
def test_short_loud_and_slow_sounds(name, text):
    channels = KINDS[name].channels_in or 1
    for audio in (
        noise(0.005, channels=channels),
        Audio(np.zeros((0, channels), np.float32), RATE),
        Audio(np.full((2000, channels), 1.0, np.float32), RATE),
        noise(0.1, 30.0, channels=channels),
        noise(0.2, channels=channels, rate=2000),
        noise(0.02, channels=channels, rate=192_000),
    ):
        made = send(audio, text, 100.0, tail=False)
        assert len(made) == audio.frames
        assert np.isfinite(made).all()


@pytest.mark.parametrize(
    ("name", "parameter"), [(kind.name, p.name) for kind in KINDS.values() for p in kind.parameters]
)
def test_the_ends_of_every_range_work(name, parameter):
    found = KINDS[name].parameter(parameter)
    assert found is not None
    # A room of 20 s for two channels takes a second to draw.
    channels = KINDS[name].channels_in or (1 if name == "reverb" else 2)
    audio = noise(0.1, channels=channels)
    words = list(found.words)
    if found.many:
        words += ["10:+30dB:.1", "20k:-30dB:20", "20k:+30dB:low", "10:-30dB:high", "1k:0dB:low", "1k:0:high"]
    elif not found.words or found.low < found.high:
        words += [found.format(found.low), found.format(found.high)]
    for word in words:
        text = f"{name}({word})" if found.many else f"{name}({parameter}={word})"
        assert np.isfinite(send(audio, text, 100.0, tail=False)).all()


def test_numbers_that_are_none_are_refused():
    audio = sine(440)
    audio.samples[7] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        send(audio, "gain")


def test_blocks_must_be_alike_and_channels_must_fit():
    with pytest.raises(AudioError, match="follows 1 at 44100"):
        list(apply_chain([sine(440), sine(440, rate=48_000)], parse_chain("gain")))
    with pytest.raises(UsageError, match="pan works on 2 channels, not on 1") as error:
        send(sine(440), "pan(.5)")
    assert "stereo | pan" in (error.value.hint or "")
    with pytest.raises(UsageError, match="not on 6"):
        send(noise(channels=6), "width(.5)")
    assert send(sine(440), "stereo | pan(.5) | width(1.5) | mono").shape[1] == 1
    assert parse_chain("stereo | width").channels_out(1) == 2
    with pytest.raises(AudioError, match="1 to 8 channels"):
        parse_chain("gain").build(RATE, 9)
    with pytest.raises(AudioError, match="2000 to 768000 Hz"):
        parse_chain("gain").build(1000, 1)


def test_a_note_value_needs_a_tempo_and_must_fit():
    with pytest.raises(UsageError, match="tempo is not known"):
        send(sine(440), "delay(1/8)")
    with pytest.raises(UsageError, match="which 16/1 is at 60 BPM"):
        send(sine(440), "delay(16/1)", 60.0)
    with pytest.raises(UsageError, match="makes no sense"):
        send(sine(440), "delay(1/8)", float("nan"))


def test_no_blocks_give_none():
    assert list(apply_chain([], parse_chain("reverb"))) == []


def test_every_effect_describes_itself():
    for kind in describe_effects():
        told = kind.to_json()
        assert told["name"] == kind.name
        for parameter in kind.parameters:
            assert parameter.range_text
            assert parameter.meaning
            if parameter.default is not None:
                assert parameter.parse(kind.name, parameter.format(parameter.default)) == parameter.default
    names = [name for kind in describe_effects() for name in (kind.name, *kind.aliases)]
    assert len(names) == len(set(names))
