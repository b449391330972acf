"""What every engine must do, and every separator and analyzer, whatever it is made of; one check each.

`tests.ai.generating` has what generators must do.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import (
    Analyzer,
    Demanding,
    Listening,
    RunFacts,
    Sampling,
    Separation,
    Separator,
    Transcription,
    no_progress,
)
from beatflow.ai.plugin import find_flaw
from beatflow.ai.separation import separate_stream
from beatflow.errors import AudioError, EngineError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum, quantize
from beatflow.sound.note import Note
from beatflow.sound.tonality import parse_key

from .voices import Voice, sing


class Stopped(Exception):
    """What an impatient user raises through ``progress``."""


PROMISES = {"tempo", "key", "bars", "duration", "loop", "stems", "notes"}
# An SPDX expression: identifiers of its list or LicenseRef-…, joined by AND, OR, WITH.
_SPDX = re.compile(r"\(?[A-Za-z0-9.+-]+\)?( (AND|OR|WITH) \(?[A-Za-z0-9.+-]+\)?)*")


def check_identity(engine: Any) -> None:
    """The identity card is complete, names what exists, and does not say more than the engine can."""
    info = engine.info
    assert find_flaw(engine, info.name) is None
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", info.name)
    assert _SPDX.fullmatch(info.licence), info.licence
    assert info.sample_rate is None or 8000 <= info.sample_rate <= 192_000
    assert info.promises <= PROMISES
    known = {field.name for kind in (Sampling, Separation, Listening) for field in fields(kind)}
    assert info.options <= known | {"swing", "humanize", "structure", "labels"}
    assert (info.extra is None) == (info.name in ("synth", "dsp", "yin") or not isinstance(engine, Demanding))
    if info.weights:
        assert isinstance(engine, Demanding)


def check_readiness(engine: Any) -> None:
    """Asked whether it could work, it says yes or what is missing and what to do, and says the same again."""
    if not isinstance(engine, Demanding):
        return
    answers = []
    for _ in range(2):
        try:
            engine.check_ready()
            answers.append(("", "nothing to do"))
        except EngineError as error:
            answers.append((error.message, error.hint))
    assert answers[0] == answers[1]
    assert answers[0][1]
    facts = engine.facts
    assert isinstance(facts, RunFacts)
    assert facts.device
    assert facts.dtype
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in facts.weights.values())


def make_mix(
    seconds: float, sample_rate: int = 44100, channels: int = 2, subtype: str = "PCM_16", seed: int = 3
) -> Audio:
    """A beat of clicks over a bass note and a chord, with some noise, on the grid of ``subtype``."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    tone = sum(0.1 * np.sin(2 * np.pi * hz * time) for hz in (55.0, 220.0, 277.2, 329.6))
    click = np.exp(-60.0 * (time % 0.5)) * rng.standard_normal(time.size) * 0.3
    pan = np.linspace(0.5, 1.0, channels)
    samples = np.outer(tone, pan) + click[:, None] + 0.001 * rng.standard_normal((time.size, channels))
    return quantize(Audio(samples.astype(np.float32), sample_rate), subtype)


def cut(mix: Audio, *sizes: int) -> Iterator[Audio]:
    """The mix in blocks of the given sizes, over and over."""
    start = turn = 0
    while start < mix.frames:
        size = sizes[turn % len(sizes)]
        yield Audio(mix.samples[start : start + size], mix.sample_rate)
        start, turn = start + size, turn + 1


def join(parts: list[Mapping[str, Audio]]) -> dict[str, Audio]:
    """Stretches of stems one after another."""
    return {
        stem: Audio(np.concatenate([part[stem].samples for part in parts]), parts[0][stem].sample_rate)
        for stem in parts[0]
    }


def check_separator_shapes(separator: Separator) -> None:
    """Any sample rate, one to eight channels, any length give finite stems in the shape of the mix."""
    assert isinstance(separator, Separator)
    assert "separate" in separator.info.tasks
    assert 0.0 < separator.overlap_s <= separator.segment_s / 2.0
    for sample_rate, channels, frames in (
        (8000, 1, 4000), (44100, 2, 0), (44100, 2, 1), (44100, 1, 2), (48000, 2, 100),
        (44100, 8, 9000), (96000, 6, 20000), (192000, 2, 60000), (22050, 2, 30000),
    ):  # fmt: skip
        mix = make_mix(frames / sample_rate, sample_rate, channels)
        stems = separator.separate(mix)
        assert tuple(stems) == separator.stems
        for audio in stems.values():
            assert audio.samples.shape == mix.samples.shape
            assert audio.sample_rate == sample_rate
            assert np.isfinite(audio.samples).all()


def check_separator_levels(separator: Separator) -> None:
    """Silence gives silence; a mix 40 dB down gives the same stems 40 dB down."""
    silence = Audio(np.zeros((30000, 2), np.float32), 44100)
    for audio in separator.separate(silence).values():
        assert not audio.samples.any()
    mix = make_mix(1.5, subtype="FLOAT")
    quiet = separator.separate(Audio(mix.samples * np.float32(0.01), mix.sample_rate))
    for stem, audio in separator.separate(mix).items():
        np.testing.assert_allclose(quiet[stem].samples * 100.0, audio.samples, atol=2e-3)


def check_separator_is_deterministic(separator: Separator) -> None:
    """The same segment gives the same bits."""
    mix = make_mix(1.0)
    first, second = separator.separate(mix), separator.separate(mix)
    for stem in separator.stems:
        np.testing.assert_array_equal(first[stem].samples, second[stem].samples)


def check_separator_can_be_stopped(separator: Separator) -> None:
    """Fractions rise from 0 to 1, and what ``progress`` raises comes out."""
    seen: list[float] = []
    separator.separate(make_mix(1.0), lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen
    assert min(seen) >= 0.0
    assert max(seen) <= 1.0

    def stop(fraction: float, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        separator.separate(make_mix(1.0), stop)


def check_stream_is_exact(separator: Separator, mix: Audio, subtype: str) -> dict[str, Audio]:
    """The stems of a stream are as long as the mix, in range, and sum to it sample for sample."""
    stems = join(list(separate_stream(cut(mix, 10007), separator, subtype, no_progress, mix.frames)))
    assert tuple(stems) == separator.stems
    assert check_sum(stems, mix, subtype) == 0
    for audio in stems.values():
        assert audio.samples.shape == mix.samples.shape
        if subtype.startswith("PCM"):
            assert audio.samples.min(initial=0.0) >= -1.0
            assert audio.samples.max(initial=0.0) < 1.0
            np.testing.assert_array_equal(quantize(audio, subtype).samples, audio.samples)
    return stems


def check_stream_ignores_blocks(separator: Separator, mix: Audio) -> None:
    """However the mix is cut into blocks, the stems are the same bits."""
    whole = join(list(separate_stream([mix], separator, "PCM_16")))
    for sizes in ((4096,), (1, 0, 50000), (mix.frames - 1,)):
        parts = join(list(separate_stream(cut(mix, *sizes), separator, "PCM_16")))
        for stem in separator.stems:
            np.testing.assert_array_equal(parts[stem].samples, whole[stem].samples)


def scale_notes(root: int = 57, beat_s: float = 0.6) -> list[Note]:
    """A minor tune of twelve notes, 100 BPM, with notes of one and of two beats."""
    steps = (0, 2, 3, 5, 7, 7, 8, 7, 5, 3, 2, 0)
    lengths = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 2, 2)
    starts = 0.3 + beat_s * np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return [
        Note(float(start), 0.9 * beat_s * length, root + step, 100)
        for start, step, length in zip(starts, steps, lengths, strict=True)
    ]


def count_hits(truth: list[Note], found: tuple[Note, ...], onset_s: float = 0.05) -> int:
    """Notes of the truth that were found with their pitch and within ``onset_s``, each found note used once."""
    free = list(found)
    hits = 0
    for note in truth:
        close = [one for one in free if one.midi == note.midi and abs(one.start_s - note.start_s) <= onset_s]
        if close:
            free.remove(min(close, key=lambda one: abs(one.start_s - note.start_s)))
            hits += 1
    return hits


def f_measure(truth: list[Note], found: tuple[Note, ...]) -> float:
    """Harmonic mean of precision and recall of notes."""
    return 2.0 * count_hits(truth, found) / (len(truth) + len(found))


def check_transcription(result: Transcription) -> None:
    """Notes in order and in range, confidences in 0..1, a tempo and a key that mean something."""
    assert list(result.notes) == sorted(result.notes)
    for note in result.notes:
        assert 0 <= note.midi <= 127
        assert 1 <= note.velocity <= 127
        assert note.duration_s > 0.0
        assert note.start_s >= 0.0
    for before, after in pairwise(result.notes):
        assert before.start_s + before.duration_s <= after.start_s + 1e-6
    assert 0.0 <= result.tempo_confidence <= 1.0
    assert 0.0 <= result.key_confidence <= 1.0
    assert 30.0 < result.tempo < 300.0
    assert str(parse_key(result.key)) == result.key
    assert -50.0 <= result.tuning_cents <= 50.0


def check_analyzer_hears(analyzer: Analyzer, least: float) -> None:
    """A plain hum, at any sample rate and on any number of channels, gives its notes."""
    assert isinstance(analyzer, Analyzer)
    assert "transcribe" in analyzer.info.tasks
    truth = scale_notes(beat_s=0.3)
    for sample_rate, channels in ((8000, 1), (44100, 2), (48000, 1), (96000, 3)):
        hum = sing(truth, Voice(), sample_rate)
        result = analyzer.transcribe(Audio(np.repeat(hum.samples, channels, axis=1), sample_rate))
        check_transcription(result)
        assert f_measure(truth, result.notes) >= least, sample_rate


def check_analyzer_refuses(analyzer: Analyzer) -> None:
    """Silence, noise, a click and nothing at all are an error with a hint."""
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.standard_normal((44100, 1))
    click = np.zeros((22050, 1))
    click[5000] = 1.0
    for samples in (
        noise,
        np.cumsum(noise, axis=0) / 300.0,
        np.zeros((22050, 2)),
        click,
        np.zeros((0, 1)),
        click[:3],
    ):
        with pytest.raises(AudioError, match="no pitched notes found") as caught:
            analyzer.transcribe(Audio(samples.astype(np.float32), 22050))
        assert caught.value.hint


def check_analyzer_can_be_stopped(analyzer: Analyzer) -> None:
    """What ``progress`` raises comes out."""

    def stop(fraction: float, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        analyzer.transcribe(sing(scale_notes(), Voice()), stop)


ENGINE_CHECKS: tuple[Callable[[Any], None], ...] = (check_identity, check_readiness)
SEPARATOR_CHECKS: tuple[Callable[[Separator], None], ...] = (
    check_separator_shapes,
    check_separator_levels,
    check_separator_is_deterministic,
    check_separator_can_be_stopped,
)
ANALYZER_CHECKS: tuple[Callable[[Analyzer], None], ...] = (
    check_analyzer_refuses,
    check_analyzer_can_be_stopped,
)
