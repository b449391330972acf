"""True stems of a mix: known by its bytes or its samples, whatever it is called now, and proven by their sum."""

from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.table import Choice
from beatflow.contract.summing import verify_sum
from beatflow.delivery import Handover, Place, digest
from beatflow.making.production import produce
from beatflow.making.request import Request
from beatflow.making.separation import write_true_stems
from beatflow.making.take import Take
from beatflow.making.truestems import TrueStemFinder
from beatflow.objects.git.value import Signature
from beatflow.provenance import RecordFinder, find_record, write_pending
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.files import read_audio
from beatflow.sound.writing import write_audio
from tests.toys import SAMPLE_RATE, ToyProducer

TOY = Choice(ToyProducer(), "test")


@pytest.fixture
def track(tmp_path: Path) -> Repository:
    root = tmp_path / "track"
    root.mkdir()
    return Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))


@pytest.fixture
def take(track: Repository) -> Take:
    """Four bars, made after another piece of the same length, so that the shape alone tells nothing."""
    produce(TOY, Request("other", 3, tempo=240, bars=4), Handover(track.root, track))
    (take,) = produce(TOY, Request("lofi", 7, tempo=240, bars=4), Handover(track.root, track))
    return take


def oids(take: Take) -> dict[str, str]:
    return {stem.name: stem.oid for stem in take.stems}


def test_a_copy_in_another_format_is_known(track: Repository, take: Take, tmp_path: Path) -> None:
    mix = read_audio(track.root / "mix.wav")
    for name in ("renamed.wav", "packed.flac", "other.aiff"):
        write_audio(tmp_path / name, mix, "PCM_16")
        found = TrueStemFinder(track).find(tmp_path / name)
        assert found is not None, name
        assert (found.oids, found.start, found.whole) == (oids(take), 0, True)
    write_audio(tmp_path / "deep.wav", mix, "PCM_24")
    assert TrueStemFinder(track).find(tmp_path / "deep.wav") is not None


def test_a_stretch_cut_out_is_known(track: Repository, take: Take, tmp_path: Path) -> None:
    mix = read_audio(track.root / "mix.wav")
    start = 9_001
    write_audio(tmp_path / "cut.flac", Audio(mix.samples[start : start + 5_000], SAMPLE_RATE), "PCM_16")
    known = TrueStemFinder(track).find(tmp_path / "cut.flac")
    assert known is not None
    assert (known.oids, known.start, known.frames, known.whole) == (oids(take), start, 5_000, False)
    handover = Handover(track.root, track, Place(track.root / "cut"))
    split = write_true_stems(tmp_path / "cut.flac", "cut.flac", known, handover)
    assert verify_sum(tmp_path / "cut.flac", [stem.path for stem in split.stems]).held
    record = find_record(track, split.stems[0].oid)
    assert record is not None
    assert (record["kind"], record["start_frame"], record["frames"]) == ("cut", start, 5_000)
    assert record["inputs"][0]["oid"] == known.oids[split.stems[0].name]


def test_what_only_looks_alike_is_not_known(track: Repository, take: Take, tmp_path: Path) -> None:
    """Proof, not faith: one step in one sample, another level, silence, a lossy copy, a longer piece."""
    mix = read_audio(track.root / "mix.wav")
    touched = mix.samples.copy()
    touched[-1, 0] += np.float32(2.0**-15)
    sounds = {
        "touched.wav": touched,
        "quiet.wav": mix.samples * np.float32(0.5),
        "silent.wav": mix.samples[:4000] * np.float32(0.0),
        "long.wav": np.concatenate([mix.samples, mix.samples[:10]]),
        "left.wav": mix.samples[:, :1],
        "stretch.wav": touched[-4000:],
    }
    for name, samples in sounds.items():
        write_audio(tmp_path / name, Audio(np.ascontiguousarray(samples), SAMPLE_RATE), "PCM_16")
        assert TrueStemFinder(track).find(tmp_path / name) is None, name
    write_audio(tmp_path / "lossy.ogg", mix, "VORBIS")
    assert TrueStemFinder(track).find(tmp_path / "lossy.ogg") is None
    assert TrueStemFinder(None).find(track.root / "mix.wav") is None


def test_a_record_that_is_not_true_is_not_believed(track: Repository, take: Take, tmp_path: Path) -> None:
    path = tmp_path / "claimed.wav"
    write_audio(path, Audio(np.full((32_000, 2), 0.25, np.float32), SAMPLE_RATE), "PCM_16")
    for stems in (oids(take), {"drums": "not an oid"}, {"drums": "0" * 64}, ["drums"]):
        write_pending(track, digest(path), {"kind": "mix", "stems": stems})
        assert TrueStemFinder(track).find(path) is None


def test_every_record_is_gone_through_once(track: Repository, take: Take) -> None:
    told = [oid for oid, _ in RecordFinder(track).all()]
    assert len(told) == len(set(told))
    assert {take.mix.oid, *oids(take).values()} <= set(told) if take.mix else False
