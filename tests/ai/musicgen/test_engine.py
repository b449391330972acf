"""The engine end to end on tiny checkpoints: every protocol, long pieces, batches, continuations, interruption."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import (
    BatchGenerator,
    Brief,
    Demanding,
    Extender,
    Generator,
    Guide,
    MelodyGenerator,
    RunFacts,
    Sampling,
    Setup,
)
from beatflow.ai.musicgen.engine import QUICKER, MusicgenEngine, prepare_end
from beatflow.errors import AudioError, EngineError, MemoryShortError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.note import Note

SHORT = Brief("lofi", seed=5, duration_s=0.7)
MELODY = (Note(0.0, 0.5, 69, 100), Note(0.5, 0.5, 66, 100))


class Stopped(Exception):
    """What an impatient user raises through ``progress``."""


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.ai.weights.shelf.hub_cache", lambda: None)


@pytest.fixture(scope="module")
def engines(shelf: Path):
    """Engines by name, loaded once for all tests of this module; what they tell is in ``told``."""
    made = {}

    def get(name: str = "musicgen-small") -> MusicgenEngine:
        if name not in made:
            made[name] = MusicgenEngine(Setup(engine=name, models=shelf, device="cpu"))
        return made[name]

    return get


def piece(seconds: float, channels: int = 2, sample_rate: int = 44100, gain: float = 0.1) -> Audio:
    rng = np.random.default_rng(3)
    return Audio(
        (gain * rng.standard_normal((round(seconds * sample_rate), channels))).astype(np.float32), sample_rate
    )


def test_identity(engines) -> None:
    plain, melody = engines(), engines("musicgen-melody")
    assert plain.info.tasks == {"generate", "extend"}
    assert melody.info.tasks == {"generate", "extend", "accompany"}
    assert (plain.info.licence, plain.info.extra, plain.info.weights) == (
        "CC-BY-NC-4.0",
        "ai",
        ("musicgen-small",),
    )
    for protocol in (Demanding, Generator, BatchGenerator, Extender, MelodyGenerator):
        assert isinstance(melody, protocol)
    fresh = MusicgenEngine(Setup(engine="musicgen-large", device="cuda:1"))
    assert fresh.facts == RunFacts("cuda:1", "auto", "transformers")
    assert MusicgenEngine().info.name == "musicgen-small"


@pytest.mark.parametrize(("name", "channels"), [("musicgen-small", 1), ("musicgen-stereo-small", 2)])
def test_a_piece_is_as_long_and_as_loud_as_it_should_be(name: str, channels: int, engines) -> None:
    engine = engines(name)
    engine.check_ready()
    made = engine.generate(Brief("lofi", seed=5, duration_s=1.2345, tempo=90.0, key="A:min"))
    assert made.mix.samples.shape == (round(1.2345 * 32000), channels)
    assert (made.mix.sample_rate, made.subtype, made.lead) == (32000, "PCM_16", 0)
    assert (dict(made.stems), made.tempo, made.key, made.bars) == ({}, None, None, None)
    loud = measure_loudness(made.mix)
    assert loud.true_peak_dbtp <= -1.0
    assert loud.integrated_lufs == pytest.approx(-14.0, abs=0.2) or loud.true_peak_dbtp > -1.4
    parameters = json.loads(json.dumps(made.parameters))
    assert parameters["prompt_sent"] == "lofi, 90 bpm, A minor"
    assert parameters["sampling"] == {"temperature": 1.0, "top_k": 250, "top_p": 0.0, "guidance": 3.0}
    assert parameters["windows"] == [{"start_s": 0.0, "lead_s": 0.0, "steps": 62}]
    assert parameters["batch"] == {"seeds": [5], "index": 0}
    assert set(engine.facts.weights) >= {"config.json", "model.safetensors"}


def test_same_seed_same_bytes_from_any_engine_object(engines, shelf: Path) -> None:
    first = engines().generate(SHORT).mix.samples
    np.testing.assert_array_equal(engines().generate(SHORT).mix.samples, first)
    other = MusicgenEngine(Setup(engine="musicgen-small", models=shelf, device="cpu")).generate(SHORT)
    np.testing.assert_array_equal(other.mix.samples, first)
    for seed in (6, 5 + 2**32, 2**63 - 1):
        assert (engines().generate(replace(SHORT, seed=seed)).mix.samples != first).any()


def test_sampling_is_heeded(engines) -> None:
    plain = engines().generate(SHORT).mix.samples
    for sampling in (
        Sampling(temperature=0.3),
        Sampling(top_k=3),
        Sampling(top_p=0.5),
        Sampling(guidance=1.0),
    ):
        made = engines().generate(replace(SHORT, sampling=sampling))
        assert (made.mix.samples != plain).any(), sampling
    greedy = Sampling(top_k=1)
    first, second = (
        engines().generate(replace(SHORT, sampling=greedy, seed=seed)).mix.samples for seed in (1, 2)
    )
    np.testing.assert_array_equal(first, second)


def test_batch_is_what_its_takes_are_alone(engines) -> None:
    briefs = [replace(SHORT, seed=seed) for seed in (5, 9, 2**40)]
    takes = engines().generate_batch(briefs)
    assert [take.parameters["batch"]["index"] for take in takes] == [0, 1, 2]
    for brief, take in zip(briefs, takes, strict=True):
        np.testing.assert_allclose(take.mix.samples, engines().generate(brief).mix.samples, atol=2e-4)
    assert engines().generate_batch([]) == []


def test_words_of_any_kind(engines) -> None:
    told: list[str] = []
    engine = engines()
    engine._setup = replace(engine._setup, tell=told.append)
    for prompt in ("", "ローファイ", "🎹" * 50, "lofi piano " * 1000, "\x00\u202e\n", "lofi"):
        assert engine.generate(Brief(prompt, duration_s=0.1)).mix.frames == 3200
    assert [line.split(":")[0] for line in told] == [
        "the model reads English",
        "the model reads English",
        "the prompt is too long",
        "the model reads English",
    ]
    told.clear()
    engine.generate(Brief("techno", bars=1))
    assert told[0].startswith("no tempo was asked: bars are counted at ")


def test_long_pieces_are_windows(engines, monkeypatch: pytest.MonkeyPatch, shelf: Path) -> None:
    monkeypatch.setattr("beatflow.ai.musicgen.checkpoint.WINDOW_S", 2.0)
    engine = MusicgenEngine(Setup(engine="musicgen-stereo-small", models=shelf, device="cpu"))
    seen: list[float] = []
    made = engine.generate(Brief("lofi", duration_s=4.7), lambda fraction, what: seen.append(fraction))
    assert made.mix.frames == round(4.7 * 32000)
    windows = made.parameters["windows"]
    assert [(one["start_s"], one["lead_s"], one["steps"]) for one in windows] == [
        (0.0, 0.0, 100), (1.2, 0.8, 60), (2.4, 0.8, 60), (3.6, 0.8, 15),
    ]  # fmt: skip
    assert len(made.parameters["level"]["window_lufs"]) == 4
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 230, "the engine's own steps"
    loud = measure_loudness(made.mix)
    assert loud.true_peak_dbtp <= -1.0


def test_melody_is_followed(engines) -> None:
    engine = engines("musicgen-melody")
    time = np.arange(44100) / 44100
    tone = Audio(np.sin(2 * np.pi * 440 * time).astype(np.float32)[:, None], 44100)
    plain = engine.generate(SHORT)
    by_notes = engine.accompany(Guide(MELODY), SHORT)
    by_sound = engine.accompany(Guide(MELODY, tone), SHORT)
    assert (by_notes.mix.samples != plain.mix.samples).any()
    assert (by_notes.mix.samples != by_sound.mix.samples).any()
    assert by_sound.parameters["melody"] == {"from": "recording", "separated_by": None}
    with pytest.raises(UsageError, match="musicgen-small follows no melody"):
        engines().accompany(Guide(MELODY), SHORT)


@pytest.mark.parametrize(
    ("name", "audio", "channels"),
    [
        ("musicgen-small", piece(3.0), 1),
        ("musicgen-stereo-small", piece(3.0, 1, 8000), 2),
        ("musicgen-melody", piece(14.0, 6, 48000), 1),
        ("musicgen-small", piece(0.05), 1),
    ],
)
def test_continuation(name: str, audio: Audio, channels: int, engines) -> None:
    made = engines(name).extend(audio, replace(SHORT, duration_s=0.83))
    frames = round(0.83 * 32000)
    assert made.mix.samples.shape == (made.lead + frames, channels)
    assert made.lead == min(64000, round(audio.duration_s * 32000) // 640 * 640)
    assert made.parameters["windows"][0]["lead_s"] <= 12.0
    there, here = prepare_end(audio, 32000, channels, 2.0, 640), made.mix.samples[: made.lead]
    if audio.duration_s > 1:
        rms = [
            np.sqrt(np.mean(np.square(one, dtype=np.float64))) for one in (there.samples[-made.lead :], here)
        ]
        assert rms[1] == pytest.approx(rms[0], rel=0.05) or made.parameters["level"]["true_peak_dbtp"] > -1.5
    again = engines(name).extend(audio, replace(SHORT, duration_s=0.83))
    np.testing.assert_array_equal(made.mix.samples, again.mix.samples)


def test_continuation_hears_the_end_alone(engines) -> None:
    whole = piece(40.0)
    end = Audio(whole.samples[-44100 * 20 :], 44100)
    first, second = (engines().extend(one, SHORT).mix.samples for one in (whole, end))
    np.testing.assert_array_equal(first, second)
    other = Audio(-end.samples[::-1].copy(), 44100)
    assert (engines().extend(other, SHORT).mix.samples != first).any()


def test_quiet_and_silent_pieces_are_continued(engines) -> None:
    quiet = engines().extend(piece(2.0, gain=1e-3), SHORT)
    lead = np.square(quiet.mix.samples[: quiet.lead], dtype=np.float64)
    original = prepare_end(piece(2.0, gain=1e-3), 32000, 1, 2.0, 640).samples
    assert np.sqrt(lead.mean()) == pytest.approx(original.std(), rel=0.05)
    silent = engines().extend(piece(2.0, gain=0.0), SHORT)
    assert silent.mix.frames == 64000 + round(0.7 * 32000)
    with pytest.raises(AudioError, match="too little to continue"):
        engines().extend(piece(0.01), SHORT)


def test_room_is_made_for_what_is_to_be_continued(engines, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines()
    wanted = engine.extend(piece(1.0), SHORT).mix.samples
    told: list[str] = []
    monkeypatch.setattr(engine, "_setup", replace(engine._setup, tell=told.append))
    runtime = engine._loaded.runtime
    encode, room = runtime.encode_audio, [True, False]
    failures = ["CUDA out of memory. Tried to allocate 2.00 GiB.", "out of memory", "out of memory"]

    def short(wave):
        if failures:
            raise RuntimeError(failures.pop(0))
        return encode(wave)

    monkeypatch.setattr(runtime, "make_room", lambda: room.pop(0))
    monkeypatch.setattr(runtime, "encode_audio", short)
    with pytest.raises(MemoryShortError, match="encoding does not fit"):
        engine.extend(piece(1.0), SHORT)
    assert told == ["memory ran out: trying again with the text encoder on the CPU"]
    with pytest.raises(MemoryShortError):
        engine.extend(piece(1.0), SHORT)  # nothing is left to give up
    np.testing.assert_array_equal(engine.extend(piece(1.0), SHORT).mix.samples, wanted)
    failures.append("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        engine.extend(piece(1.0), SHORT)


def test_it_stops_within_a_step_and_can_go_on(engines) -> None:
    engine = engines()
    wanted = engine.generate(SHORT).mix.samples
    for after in (0, 1, 2, 10, 34):
        calls = 0

        def stop(fraction: float, what: str, after: int = after) -> None:
            nonlocal calls
            calls += 1
            if calls > after:
                raise Stopped

        with pytest.raises(Stopped):
            engine.generate(SHORT, stop)
        assert calls == after + 1
    np.testing.assert_array_equal(engine.generate(SHORT).mix.samples, wanted)


def test_bad_briefs_load_nothing(shelf: Path) -> None:
    engine = MusicgenEngine(Setup(engine="musicgen-small", models=shelf / "nowhere"))
    for brief in (
        Brief("x", seed=-1),
        Brief("x", stems=("drums",)),
        Brief("x", sampling=Sampling(temperature=0.0)),
    ):
        with pytest.raises(UsageError):
            engine.generate(brief)


def test_weights_that_are_not_here(tmp_path: Path) -> None:
    engine = MusicgenEngine(Setup(engine="musicgen-medium", models=tmp_path))
    for call in (engine.check_ready, lambda: engine.generate(SHORT)):
        with pytest.raises(EngineError, match="the weights of musicgen-medium are not here") as caught:
            call()
        assert caught.value.hint == "bf models pull musicgen-medium"


def test_weights_that_are_broken(tmp_path: Path, shelf: Path) -> None:
    folder = tmp_path / "musicgen-small"
    shutil.copytree(shelf / "musicgen-small", folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(200_000)
    with pytest.raises(EngineError, match=r"model.safetensors is truncated: it has 200000 of \d+ bytes"):
        MusicgenEngine(Setup(engine="musicgen-small", models=tmp_path)).generate(SHORT)
    shutil.copytree(shelf / "musicgen-small", tmp_path / "musicgen-melody")
    with pytest.raises(EngineError, match="they are of a model without melody"):
        MusicgenEngine(Setup(engine="musicgen-melody", models=tmp_path)).generate(SHORT)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_package_that_is_not_installed(package: str, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(
        "beatflow.ai.musicgen.engine.find_spec",
        lambda name: None if name == package else importlib.util.find_spec(name),
    )
    with pytest.raises(EngineError, match=f"{package} is not installed") as caught:
        MusicgenEngine(Setup(engine="musicgen-small", models=shelf)).generate(SHORT)
    assert caught.value.hint == 'pip install "beatflow[ai]"'


def test_runtime_that_does_not_exist(shelf: Path) -> None:
    with pytest.raises(UsageError, match="no runtime is called 'jax'"):
        MusicgenEngine(Setup(engine="musicgen-small", models=shelf, runtime="jax")).check_ready()


def test_budget_is_looked_at_before_loading(shelf: Path) -> None:
    engine = MusicgenEngine(
        Setup(engine="musicgen-melody", models=shelf, device="cpu", memory_bytes=50 << 20)
    )
    with pytest.raises(
        MemoryShortError, match=r"musicgen-melody needs about \d+ MiB on cpu, 50 MiB are"
    ) as caught:
        engine.generate(SHORT)
    assert caught.value.hint == ("take --engine musicgen-small, or --dtype int8, or close other programs")
    assert engine._loaded is None


def test_budget_decides_how_many_takes_at_once(shelf: Path) -> None:
    told: list[str] = []
    setup = Setup(
        engine="musicgen-small", models=shelf, device="cpu", memory_bytes=102 << 20, tell=told.append
    )
    takes = MusicgenEngine(setup).generate_batch([replace(SHORT, seed=seed) for seed in range(8)])
    sizes = [len(take.parameters["batch"]["seeds"]) for take in takes]
    assert len(takes) == 8
    assert max(sizes) < 8
    assert told == [QUICKER, f"memory is short: {max(sizes)} of 8 takes at once"]
