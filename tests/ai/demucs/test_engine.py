"""Demucs as an engine: against its own library, in streams, in every shape, and short of memory."""

import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import demucs.apply
import numpy as np
import pytest
import torch
import yaml
from demucs.apply import BagOfModels, apply_model
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs

from beatflow.ai.demucs import stream
from beatflow.ai.demucs.engine import DemucsEngine
from beatflow.ai.engine import Demanding, Separation, Setup, StreamSeparator
from beatflow.ai.separation import measure_moments, separate_stream
from beatflow.errors import EngineError, MemoryShortError, UsageError
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum, quantize
from tests.ai import contract
from tests.ai.contract import Stopped, cut, join, make_mix

from .checkpoints import SOURCES


def make(models: Path, name: str = "htdemucs", **setup: object) -> DemucsEngine:
    return DemucsEngine(Setup(engine=name, models=models, device="cpu", **setup))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def engine(models: Path) -> DemucsEngine:
    return make(models)


def run_demucs(
    folder: Path, name: str, mix: Audio, wanted: Separation, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    """What Demucs's own loop makes of it, the level set as its ``Separator`` does."""
    listed = yaml.safe_load((folder / f"{name}.yaml").read_text())
    bag = BagOfModels(
        [load_safetensors_model(folder / f"{one}.safetensors") for one in listed["models"]],
        listed.get("weights"),
    )
    # The models draw from Python's generator as well; the shifts alone come from this one.
    monkeypatch.setattr(demucs.apply, "random", SimpleNamespace(randint=random.Random(wanted.seed).randint))
    wave = torch.from_numpy(mix.samples.T.copy())
    mean, deviation = wave.mean(0).mean(), wave.mean(0).std() + 1e-8
    made = apply_model(
        bag, ((wave - mean) / deviation)[None], shifts=wanted.shifts or 0, overlap=wanted.overlap or 0.0
    )
    return (made[0] * deviation + mean).numpy()


class _NoShare:
    """Leaves the estimates as the network gives them."""

    def __init__(self, torch: object) -> None: ...

    def push(self, estimates: torch.Tensor, mix: torch.Tensor, last: bool = False) -> torch.Tensor:
        return estimates


@pytest.mark.parametrize(
    ("name", "seconds", "wanted"),
    [
        ("htdemucs", 0.9, Separation(0, 0, 0.25)),
        ("htdemucs", 0.1, Separation(0, 0, 0.25)),
        ("htdemucs", 0.6, Separation(2, 5, 0.6)),
        ("htdemucs_ft", 0.4, Separation(1, 9, 0.25)),
        ("htdemucs_6s", 0.8, Separation(0, 0, 0.0)),
    ],
)
def test_the_stems_are_those_of_demucs_own_loop(
    name: str, seconds: float, wanted: Separation, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix = make_mix(seconds)
    theirs = run_demucs(models / name, name, mix, wanted, monkeypatch)
    monkeypatch.setattr(stream, "ResidualShare", _NoShare)
    ours = make(models, name).separate(mix, wanted=wanted)
    for stem, expected in zip(SOURCES[name], theirs, strict=True):
        assert np.abs(expected).max() > 0.05
        np.testing.assert_allclose(ours[stem].samples.T, expected, atol=2e-6)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("sample_rate", "channels"), [(44100, 2), (48000, 2), (96000, 1)])
def test_stems_sum_to_the_mix(subtype: str, sample_rate: int, channels: int, engine: DemucsEngine) -> None:
    contract.check_stream_is_exact(engine, make_mix(0.9, sample_rate, channels, subtype), subtype)


def test_blocks_do_not_matter(engine: DemucsEngine) -> None:
    contract.check_stream_ignores_blocks(engine, make_mix(1.3, 48000))


def test_the_level_of_the_whole_mix_is_taken_where_it_is_known(engine: DemucsEngine) -> None:
    mix = make_mix(1.0)
    whole = engine.separate(mix)
    parts = list(engine.separate_blocks(cut(mix, 999), measure_moments([mix])))
    for stem in engine.stems:
        np.testing.assert_array_equal(join(parts)[stem].samples, whole[stem].samples)


def test_same_seed_same_bytes(engine: DemucsEngine) -> None:
    mix = make_mix(0.5)
    first, again, other = (
        engine.separate(mix, wanted=Separation(shifts=1, seed=seed))["bass"].samples for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4


def test_the_estimates_sum_to_the_mix_before_they_are_made_exact(engine: DemucsEngine) -> None:
    for sample_rate in (44100, 96000, 8000):
        mix = make_mix(0.7, sample_rate)
        total = sum(audio.samples for audio in engine.separate(mix).values())
        np.testing.assert_allclose(total, mix.samples, atol=1e-5)


def test_what_demucs_cannot_hear_goes_to_other(engine: DemucsEngine) -> None:
    time = np.arange(96000) / 96000
    quiet = 0.01 * np.sin(2 * np.pi * 200 * time)
    mix = Audio(np.stack([quiet + 0.3 * np.sin(2 * np.pi * 30000 * time)] * 2, 1).astype(np.float32), 96000)
    level = {
        stem: np.abs(np.fft.rfft(audio.samples[:, 0] * np.hanning(96000)))[29000:31000].max() / 24000
        for stem, audio in engine.separate(mix).items()
    }
    assert level.pop("other") == pytest.approx(0.3, rel=0.01)
    assert max(level.values()) < 1e-4


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_ft"])
def test_two_stems_are_one_and_its_exact_complement(
    name: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(models, name)
    # So quiet that no sample of the complement leaves the range: there the exact sum moves a little to the other stem.
    mix = quantize(Audio(make_mix(0.5, 48000).samples * np.float32(0.05), 48000), "PCM_16")
    wanted = Separation(two_stems="vocals")
    used = []
    plain = HTDemucs.forward
    monkeypatch.setattr(HTDemucs, "forward", lambda model, x: (used.append(id(model)), plain(model, x))[1])
    stems = join(
        list(separate_stream([mix], engine, "PCM_16", wanted=wanted, moments=measure_moments([mix])))
    )
    assert tuple(stems) == ("vocals", "no_vocals")
    assert check_sum(stems, mix, "PCM_16") == 0
    assert len(set(used)) == 1  # of the four models only that for vocals
    monkeypatch.setattr(stream, "ResidualShare", _NoShare)
    alone = engine.separate(mix)["vocals"]
    np.testing.assert_allclose(stems["vocals"].samples, quantize(alone, "PCM_16").samples, atol=1.01 / 32768)


def test_a_pair_that_is_silent_stays_silent_in_the_middle_of_music(engine: DemucsEngine) -> None:
    mix = make_mix(0.6, 44100, 6)
    mix.samples[:, 3] = 0.0
    mix.samples[:, :2] += np.float32(0.01)
    for audio in engine.separate(mix).values():
        assert not audio.samples[:, 3].any()
        assert audio.samples[:, 0].any()


def test_memory_is_bounded_by_the_windows(engine: DemucsEngine) -> None:
    taken = given = behind = 0

    def blocks():
        nonlocal taken
        for block in cut(make_mix(2.5), 4410):
            taken += block.frames
            yield block

    for part in separate_stream(blocks(), engine, "PCM_16", wanted=Separation(shifts=1)):
        given += part["bass"].frames
        behind = max(behind, taken - given)
    assert given == 2.5 * 44100
    assert behind < 1.3 * 44100


def test_progress_counts_windows_and_can_stop_between_them(models: Path) -> None:
    engine = make(models)
    mix = make_mix(1.5)
    seen: list[float] = []
    list(separate_stream([mix], engine, "PCM_16", lambda fraction, what: seen.append(fraction), mix.frames))
    assert len(set(seen)) >= 5
    assert seen == sorted(seen)

    def stop(fraction: float, what: str) -> None:
        if fraction > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        list(separate_stream([mix], engine, "PCM_16", stop, mix.frames))


# Short of memory.


def forget_above(monkeypatch: pytest.MonkeyPatch, windows: int, frames: int) -> None:
    """Have the network run out of memory above this many windows and frames at once."""
    plain = HTDemucs.forward

    def forward(model: HTDemucs, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > windows or x.shape[-1] > frames:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return plain(model, x)

    monkeypatch.setattr(HTDemucs, "forward", forward)


def test_out_of_memory_takes_fewer_windows_at_once(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    engine = make(models, tell=told.append)
    mix = make_mix(1.2)
    whole = engine.separate(mix)
    assert engine._network is not None
    engine._network.capacity.batch = 4
    forget_above(monkeypatch, 1, 13230)
    for stem, audio in engine.separate(mix).items():
        np.testing.assert_allclose(audio.samples, whole[stem].samples, atol=1e-5)
    assert told == [
        "out of memory: going on with 2 windows at once",
        "out of memory: going on with 1 window at once",
    ]


def test_models_of_a_bag_can_take_turns_on_the_device(models: Path) -> None:
    engine = make(models, "htdemucs_ft")
    mix = make_mix(0.2)
    together = engine.separate(mix)
    assert engine._network is not None
    engine._network._one_by_one = True  # as where a card is too small for all four
    for stem, audio in engine.separate(mix).items():
        np.testing.assert_array_equal(audio.samples, together[stem].samples)


def test_then_shorter_windows_and_then_an_error(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    engine = make(models, tell=told.append)
    mix = make_mix(0.7)
    with monkeypatch.context() as patch:
        forget_above(patch, 1, 5000)
        contract.check_stream_is_exact(engine, mix, "PCM_16")
    assert told == [f"out of memory: going on with windows of {seconds} s" for seconds in (0.15, 0.075)]
    forget_above(monkeypatch, 1, 10)
    with pytest.raises(MemoryShortError, match=r"not even 0\.0375 s at once") as caught:
        engine.separate(mix)
    assert caught.value.hint == "close other programs, or --engine dsp"


def test_a_budget_is_kept_before_anything_is_loaded_onto_the_device(models: Path) -> None:
    told: list[str] = []
    small = make(models, memory_bytes=5 << 20, tell=told.append)
    mix = make_mix(0.7)
    assert set(small.separate(mix)) == set(small.stems)
    assert told == ["little memory: windows of 0.15 s instead of 0.3 s"]
    with pytest.raises(MemoryShortError, match="GiB at least"):
        make(models, memory_bytes=1 << 20).separate(mix)


# What it needs, and what it refuses.


def test_facts_and_identity(engine: DemucsEngine, models: Path) -> None:
    engine.separate(make_mix(0.1))
    facts = engine.facts
    assert (facts.device, facts.dtype, facts.runtime) == ("cpu", "float32", "demucs")
    assert "955717e8.safetensors" in facts.weights
    assert (engine.info.licence, engine.info.weights) == ("MIT", ("htdemucs",))
    six = make(models, "htdemucs_6s")
    assert six.stems[-2:] == ("guitar", "piano")
    assert six.facts.weights == {}
    # What every separator does is looked at in tests/ai/test_contract.py.
    assert isinstance(engine, StreamSeparator)
    assert isinstance(engine, Demanding)


def test_half_precision_stays_near(models: Path) -> None:
    mix = make_mix(0.8)
    exact, half = make(models).separate(mix), make(models, dtype="bfloat16").separate(mix)
    for stem, audio in exact.items():
        wrong = np.sqrt(np.mean((audio.samples - half[stem].samples) ** 2) / np.mean(audio.samples**2))
        assert 0.0 < wrong < 0.03


def test_overflow_in_half_precision_goes_on_in_float32(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    mix = make_mix(0.4)
    whole = make(models).separate(mix)
    engine = make(models, dtype="bfloat16", tell=told.append)
    plain = HTDemucs.forward

    def overflow(model: HTDemucs, x: torch.Tensor) -> torch.Tensor:
        made = plain(model, x)
        return made if not torch.is_autocast_enabled("cpu") else made * float("inf")

    monkeypatch.setattr(HTDemucs, "forward", overflow)
    # The weights were rounded to bfloat16 and stay so; float16 holds the published ones exactly.
    for stem, audio in engine.separate(mix).items():
        np.testing.assert_allclose(audio.samples, whole[stem].samples, atol=5e-3)
    assert told == ["bfloat16 overflowed; going on in float32"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Separation(shifts=-1), "-1 shifts"),
        (Separation(shifts=101), "101 shifts"),
        (Separation(overlap=1.0), "an overlap of 1"),
        (Separation(two_stems="guitar"), "makes no stem 'guitar'"),
    ],
)
def test_nonsense_is_refused(wanted: Separation, said: str, engine: DemucsEngine) -> None:
    with pytest.raises(UsageError, match=said):
        engine.separate(make_mix(0.1), wanted=wanted)


def test_weights_that_are_missing_or_wrong(models: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="the weights of htdemucs are not here") as caught:
        make(tmp_path).check_ready()
    assert caught.value.hint == "bf models pull htdemucs"
    shutil.copytree(models / "htdemucs_6s", tmp_path / "htdemucs")
    with pytest.raises(EngineError, match="of another model than htdemucs"):
        make(tmp_path).separate(make_mix(0.1))


def test_int8_is_refused(models: Path) -> None:
    with pytest.raises(EngineError, match="int8"):
        make(models, dtype="int8").separate(make_mix(0.1))


def test_values_that_are_not_finite_are_an_error(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        HTDemucs, "forward", lambda model, x: torch.full((len(x), 4, *x.shape[1:]), float("nan"))
    )
    with pytest.raises(EngineError, match="not finite"):
        make(models).separate(make_mix(0.1))
