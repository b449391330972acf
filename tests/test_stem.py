"""Stems made beside others: what is listened to, what they are told, and the exact sum with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import Brief, Performance, Progress, no_progress
from beatflow.ai.table import Choice
from beatflow.delivery import Handover, digest
from beatflow.errors import AudioError, NotFoundError, UsageError
from beatflow.lineage.recipe import read_recipe
from beatflow.making.production import produce
from beatflow.making.request import Request
from beatflow.making.stem import remake_stem
from beatflow.making.stemfit import BELOW_LU, fit_stem, read_like
from beatflow.objects.git.value import Signature
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.writing import write_audio
from beatflow.track import parse_track
from tests.toys import SAMPLE_RATE, STEMS, ToyProducer


class Listener(ToyProducer):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.briefs: list[Brief] = []

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Draw noise."""
        self.briefs.append(brief)
        return super().generate(brief, progress)


TOY = Choice(ToyProducer(), "test")


@pytest.fixture
def track(tmp_path: Path) -> Repository:
    root = tmp_path / "track"
    root.mkdir()
    return Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))


def stems_of(folder: Path) -> dict[str, Audio]:
    return {path.stem: read_audio(path) for path in sorted(folder.glob("*.wav"))}


def test_remaking_a_stem(track: Repository) -> None:
    produce(TOY, Request("lofi", 7, tempo=240, bars=2), Handover(track.root, track))
    before = {name: digest(track.root / "stems" / f"{name}.wav") for name in STEMS}
    take = remake_stem(TOY, Request("other", 8), "drums", Handover(track.root, track))
    after = {name: digest(track.root / "stems" / f"{name}.wav") for name in STEMS}
    assert {name for name in STEMS if before[name] != after[name]} == {"drums"}
    mix = read_audio(track.root / "mix.wav")
    assert check_sum(stems_of(track.root / "stems"), mix, "PCM_16") == 0
    assert mix.frames == SAMPLE_RATE * 2
    record = find_record(track, digest(track.root / "mix.wav"))
    assert record is not None
    assert record["stems"] == after
    made = find_record(track, after["drums"])
    assert made is not None
    assert made["inputs"] == []
    assert made["remade"]["replaced"] == {"path": "stems/drums.wav", "oid": before["drums"]}
    assert made["remade"]["beside"] == {name: after[name] for name in STEMS if name != "drums"}
    assert (take.bars, take.tempo, [stem.name for stem in take.stems]) == (2, 240.0, ["drums"])


@pytest.mark.parametrize(
    ("request_", "stem", "message"),
    [
        (Request("x"), "flute", r"made no stem 'flute'"),
        (Request("x", tempo=90.0), "drums", "keeps the track's tempo, 240 BPM"),
        (Request("x", key="F#m"), "drums", "keeps the track's key, C:maj"),
        (Request("x", bars=4), "drums", "keeps the track's length"),
    ],
)
def test_stems_that_cannot_be_remade(request_: Request, stem: str, message: str, track: Repository) -> None:
    produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(track.root, track))
    with pytest.raises(UsageError, match=message):
        remake_stem(TOY, request_, stem, Handover(track.root, track))


def test_remaking_wants_stems_and_faders_at_zero(track: Repository) -> None:
    with pytest.raises(NotFoundError, match="no stems in"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))
    produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(track.root, track))
    score = track.root / "track.toml"
    plain = score.read_text()
    score.write_text(plain.replace('file = "stems/bass.wav"', 'file = "stems/bass.wav"\ngain_db = -2.0'))
    with pytest.raises(UsageError, match="faders of bass are not at zero"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))
    score.write_text(plain)
    (track.root / "stems" / "bass.wav").unlink()
    with pytest.raises(NotFoundError, match=r"stems/bass.wav is not here"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))


def pulse(chords: list[tuple[int, ...]], bar_s: float, rate: int, late_s: float = 0.0) -> np.ndarray:
    """A chord for each bar, struck on every beat; the first bar begins late. Shape (frames,)."""
    frames = round((late_s + len(chords) * bar_s) * rate)
    out = np.zeros(frames)
    for bar, notes in enumerate(chords):
        for beat in range(4):
            start = round((late_s + bar * bar_s + beat * bar_s / 4) * rate)
            t = np.arange(min(round(bar_s / 4 * rate), frames - start)) / rate
            tone = sum(np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t) for note in notes)
            out[start : start + len(t)] += (0.09 if beat else 0.16) * tone * np.exp(-4 * t)
    return out


AM, F, C, G = (45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)


def write_track(root: Path, subtype: str, rate: int, channels: int) -> None:
    """Two stems of four bars at 100 BPM that nobody knows anything about."""
    keys = pulse([AM, F, C, G] * 2, 2.4, rate)
    bass = pulse([chord[:1] for chord in [AM, F, C, G] * 2], 2.4, rate)
    (root / "stems").mkdir()
    sounds = {"keys": keys, "bass": bass}
    for name, sound in sounds.items():
        samples = np.repeat(sound[:, None], channels, axis=1).astype(np.float32)
        write_audio(root / "stems" / f"{name}.wav", Audio(samples, rate), subtype)
    lines = [f'[stems.{name}]\nfile = "stems/{name}.wav"\n' for name in sounds]
    (root / "track.toml").write_text("# by hand\n" + "".join(lines))


@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_16", 22_050, 1), ("PCM_24", 44_100, 2), ("FLOAT", 48_000, 2), ("PCM_U8", 22_050, 2)],
)
def test_a_new_stem_beside_what_was_played_by_somebody(
    subtype: str, rate: int, channels: int, track: Repository
) -> None:
    write_track(track.root, subtype, rate, channels)
    engine = Listener()
    take = remake_stem(Choice(engine, "test"), Request("x", 8), "drums", Handover(track.root, track))
    (brief,) = engine.briefs
    assert brief.tempo == pytest.approx(100, abs=0.1)
    assert brief.key in ("A:min", "C:maj")
    assert (brief.meter, brief.bars, brief.stems) == ("4/4", 8, ("drums",))
    assert brief.context is not None
    assert [chord for _, chord in brief.context.chords] == ["Am", "F", "C", "G"] * 2
    assert brief.context.phase == 0
    assert len(brief.context.energy) == 8
    score = track.root / "track.toml"
    assert score.read_text().startswith("# by hand\n")
    assert list(parse_track(score.read_bytes()).stems) == ["keys", "bass", "drums"]
    info = read_info(track.root / "stems" / "drums.wav")
    assert (info.subtype, info.sample_rate, info.channels) == (subtype, rate, channels)
    assert info.frames == read_info(track.root / "stems" / "keys.wav").frames
    mix = read_audio(track.root / "mix.wav")
    if subtype == "FLOAT":
        total = sum(audio.samples.astype(np.float64) for audio in stems_of(track.root / "stems").values())
        assert np.array_equal(mix.samples, total.astype(np.float32))
    else:
        assert check_sum(stems_of(track.root / "stems"), mix, subtype) == 0
    assert [stem.name for stem in take.stems] == ["drums"]


def test_a_new_stem_can_be_made_again_from_its_record(track: Repository) -> None:
    write_track(track.root, "PCM_16", 22_050, 1)
    engine = Listener()
    remake_stem(Choice(engine, "test"), Request("x", 8), "drums", Handover(track.root, track))
    record = find_record(track, digest(track.root / "stems" / "drums.wav"))
    assert record is not None
    recipe = read_recipe(record, "drums.wav")
    (brief,) = engine.briefs
    assert recipe.fitted
    assert recipe.replaced is None
    assert set(recipe.beside) == {"keys", "bass"}
    asked = recipe.request
    assert (asked.tempo, asked.key, asked.bars, asked.context) == (100.0, brief.key, 8, brief.context)


def test_what_the_engine_wrote_down_goes_before_what_is_heard(track: Repository) -> None:
    produce(TOY, Request("lofi", 7, tempo=240, key="Em", bars=2), Handover(track.root, track))
    engine = Listener()
    remake_stem(Choice(engine, "test"), Request("other", 8), "drums", Handover(track.root, track))
    (brief,) = engine.briefs
    assert (brief.tempo, brief.key, brief.meter) == (240.0, "E:min", "4/4")
    assert brief.context is not None
    assert brief.context.parameters == {"colour": "white"}


def test_a_piece_without_a_beat(track: Repository) -> None:
    (track.root / "stems").mkdir()
    hiss = np.random.default_rng(1).normal(0, 0.05, (SAMPLE_RATE * 5, 1)).astype(np.float32)
    write_audio(track.root / "stems" / "wind.wav", Audio(hiss, SAMPLE_RATE))
    (track.root / "track.toml").write_text('[stems.wind]\nfile = "stems/wind.wav"\n')
    with pytest.raises(UsageError, match="no steady beat to play to"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))
    remake_stem(TOY, Request("x", 1, tempo=96.0, key="Em"), "drums", Handover(track.root, track))
    record = find_record(track, digest(track.root / "stems" / "drums.wav"))
    assert record is not None
    assert (record["asked"]["tempo"], record["asked"]["key"]) == (96.0, "E:min")
    (track.root / "stems" / "drums.wav").unlink()
    (track.root / "track.toml").write_text('tempo = 120.0\n[stems.wind]\nfile = "stems/wind.wav"\n')
    remake_stem(TOY, Request("x", 1), "drums", Handover(track.root, track))
    assert read_info(track.root / "stems" / "drums.wav").frames == SAMPLE_RATE * 5


def test_stems_that_differ_have_no_exact_sum(track: Repository) -> None:
    write_track(track.root, "PCM_16", 22_050, 1)
    write_audio(track.root / "stems" / "keys.wav", Audio(np.zeros((100, 1), np.float32), 22_050))
    with pytest.raises(AudioError, match="stem bass has another rate, depth, length"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))
    whole = track.root / "stems" / "whole.wav"
    write_audio(whole, Audio(np.zeros((100, 1), np.float32), 22_050), "PCM_32")
    with pytest.raises(AudioError, match="PCM_32 have no exact sum"):
        read_like({"whole": whole}, "drums")


def test_levels() -> None:
    rng = np.random.default_rng(1)
    loud = Audio(rng.uniform(-1, 1, (8000, 1)).astype(np.float32), 8000)
    soft = Audio(loud.samples * np.float32(0.1), 8000)
    nothing = np.zeros((8000, 1))
    assert np.abs(fit_stem(loud, soft, nothing, "PCM_16")[0].samples - soft.samples).max() < 1 / 32_768
    # Where the others leave little room, it is turned down until it fits.
    others = np.full((8000, 1), 30_000 / 32_768)
    stem, mix = fit_stem(loud, loud, others, "PCM_16")
    assert mix.samples.max() <= 32_767 / 32_768
    assert stem.samples.std() > 500 / 32_768
    assert fit_stem(loud, loud, others, "FLOAT")[1].samples.max() > 1.5
    with pytest.raises(AudioError, match="too loud together"):
        fit_stem(loud, loud, np.full((8000, 1), 3.0), "PCM_16")
    # One that is new lies below the others.
    stem, _ = fit_stem(loud, None, soft.samples.astype(np.float64), "FLOAT")
    levels = [measure_loudness(audio).integrated_lufs or 0.0 for audio in (soft, stem)]
    assert levels[0] - levels[1] == pytest.approx(BELOW_LU, abs=0.1)
    silent = replace(loud, samples=np.zeros((8000, 1), np.float32))
    assert not fit_stem(silent, None, nothing, "PCM_16")[0].samples.any()
