"""What becomes of an engine's music: files, records, the score."""

import json
from pathlib import Path

import numpy as np
import pytest

from beatflow.ai.engine import BatchGenerator, Demanding, Sampling
from beatflow.ai.table import Choice
from beatflow.delivery import Delivery, Handover, Place, digest, find_place
from beatflow.errors import AudioError, ConflictError, NotFoundError, UsageError
from beatflow.making.hearing import hear
from beatflow.making.production import compose, produce
from beatflow.making.request import Request, folder_name, shorten
from beatflow.making.separation import split_file, stem_subtype, write_true_stems
from beatflow.making.stem import remake_stem
from beatflow.making.take import Source, Take, describe_take
from beatflow.making.truestems import TrueStemFinder
from beatflow.objects.git.value import Signature
from beatflow.provenance import find_record
from beatflow.repository import Repository
from beatflow.sound.audio import Audio
from beatflow.sound.exact import check_sum
from beatflow.sound.files import read_audio, read_info
from beatflow.sound.midi import read_midi
from beatflow.sound.writing import write_audio
from beatflow.track import parse_track
from tests.toys import SAMPLE_RATE, STEMS, ToyDreamer, ToyProducer, ToySeparator, ToyTracker

TOY = Choice(ToyProducer(), "test")
HALVES = Choice(ToySeparator(), "test")


@pytest.fixture
def track(tmp_path: Path) -> Repository:
    root = tmp_path / "track"
    root.mkdir()
    return Repository.create(root, lambda: Signature("Ada", "ada@example.com", 1_700_000_000, 0))


def stems_of(folder: Path) -> dict[str, Audio]:
    return {path.stem: read_audio(path) for path in sorted(folder.glob("*.wav"))}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            Request("x", bars=4, duration_s=3.0),
            "4 bars of 4/4 in 3 s would be 320 BPM; the tempo must be 40 to 300",
        ),
        (
            Request("x", tempo=90.0, bars=8, duration_s=5.0),
            "--bars 8, --duration 5 and --bpm 90 contradict each other: 8 bars of 4/4 at 90 BPM last 21.33 s, 16.33 s",
        ),
        (
            Request("x", bars=5, structure=(("verse", 4),)),
            "--structure adds up to 4 bars, --bars says 5: 1 apart",
        ),
        (
            Request("x", loop=True, structure=(("verse", 4), ("outro", 4))),
            "--loop and a structure with an outro",
        ),
        (Request("x", structure=(("verse", 600),)), "the bars of the structure together must be 1 to 512"),
        (Request("x", loudness_lufs=0.0), "the loudness must be -40 to -6 LUFS, not 0"),
        (Request("x", swing=80.0), "the swing must be 50 to 75 percent, not 80"),
        (Request("x", humanize=-1.0), "--humanize must be 0 to 2, not -1"),
        (Request("x", tries=0), "the number of tries must be 1 to 20, not 0"),
        (Request("x", tolerance=0.0), "the tolerance must be 0.001 to 10 BPM, not 0"),
        (Request("x", tempo=0.0), "the tempo must be 40 to 300 BPM, not 0"),
        (Request("x", tempo=float("nan")), "the tempo must be 40 to 300 BPM, not nan"),
        (Request("x", bars=0), "the number of bars must be 1 to 512, not 0"),
        (Request("x", duration_s=3600.0), "the duration must be 1 to 900 s, not 3600"),
        (Request("x", seed=-1), "the seed must be 0 to"),
        (Request("x", key="H"), "'H' is not a key"),
        (Request("x", meter="7/8"), "no meter '7/8'"),
        (Request("x", sampling=Sampling(temperature=0.0)), "the temperature must be 0.01 to 10, not 0"),
        (Request("x", sampling=Sampling(temperature=float("nan"))), "the temperature must be"),
        (Request("x", sampling=Sampling(top_k=-1)), "--top-k must be 0 to 2048, not -1"),
        (Request("x", sampling=Sampling(top_p=1.5)), "--top-p must be 0 to 1, not 1.5"),
        (Request("x", sampling=Sampling(guidance=0.5)), "the guidance must be 1 to 20, not 0.5"),
    ],
)
def test_requests_that_make_no_sense(request_: Request, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        request_.check()


def test_brief_draws_a_seed_and_writes_the_key_out() -> None:
    brief = compose(TOY, Request("x", key="am")).brief
    assert brief.key == "A:min"
    assert 0 <= brief.seed < 2**31


def test_duration_becomes_bars() -> None:
    assert compose(TOY, Request("x", tempo=60, duration_s=9.0)).performance.bars == 2
    assert compose(TOY, Request("x", tempo=60, duration_s=1.0)).performance.bars == 1


@pytest.mark.parametrize(
    ("prompt", "name"), [("Lofi, rainy night!", "lofi-rainy-night-7"), ("../..", "take-7"), ("é音", "é音-7")]
)
def test_folder_name(prompt: str, name: str) -> None:
    assert folder_name(prompt, 7) == name


def test_outside_a_track_takes_get_a_folder(tmp_path: Path) -> None:
    (take,) = produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(tmp_path))
    folder = tmp_path / "lofi-7"
    assert take.mix is not None
    assert take.mix.path == folder / "mix.wav"
    assert check_sum(stems_of(folder / "stems"), read_audio(folder / "mix.wav"), "PCM_16") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lofi-7"]
    with pytest.raises(ConflictError, match="is there already"):
        produce(TOY, Request("lofi", 7), Handover(tmp_path))
    produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(tmp_path, force=True))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff", "a.mp3"])
def test_one_file_in_any_format(name: str, tmp_path: Path) -> None:
    (take,) = produce(
        TOY, Request("x", 7, tempo=240, bars=1), Handover(tmp_path, place=Place(tmp_path, name))
    )
    assert take.stems == ()
    assert read_info(tmp_path / name).frames == SAMPLE_RATE
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_unknown_format_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"no sound can be written as \.xyz"):
        produce(TOY, Request("x", 7), Handover(tmp_path, place=Place(tmp_path, "a.xyz")))
    assert not list(tmp_path.iterdir())


def test_several_takes(tmp_path: Path) -> None:
    seen: list[float] = []
    request = Request("x", 7, tempo=240, bars=1)
    takes = produce(
        TOY,
        request,
        Handover(tmp_path, place=Place(tmp_path / "o")),
        count=2,
        progress=lambda part, _: seen.append(part),
    )
    assert [take.seed for take in takes] == [7, 8]
    assert (tmp_path / "o" / "takes" / "8" / "stems" / "bass.wav").is_file()
    assert seen == [0.25, 0.5, 0.75, 1.0], "drawn, then measured"
    handover = Handover(tmp_path, place=Place(tmp_path, "a.wav"), midi=tmp_path / "a.mid")
    produce(TOY, request, handover, count=2)
    assert {path.name for path in tmp_path.iterdir()} == {"o", "a-7.wav", "a-8.wav", "a-7.mid", "a-8.mid"}
    with pytest.raises(UsageError, match="number of takes must be 1 to 100"):
        produce(TOY, request, Handover(tmp_path), count=0)


def test_in_a_track(track: Repository) -> None:
    request = Request("lofi", 7, tempo=240, key="Am", bars=1)
    (take,) = produce(TOY, request, Handover(track.root, track, midi=track.root / "notes.mid"))
    assert take.mix is not None
    score = parse_track((track.root / "track.toml").read_bytes())
    assert (score.title, score.tempo, score.key, score.meter) == ("lofi", 240.0, "A:min", "4/4")
    assert {name: stem.file for name, stem in score.stems.items()} == {
        name: f"stems/{name}.wav" for name in STEMS
    }
    assert set(read_midi(track.root / "notes.mid").tracks) == set(STEMS)
    record = find_record(track, take.mix.oid)
    assert record is not None
    assert record["stems"] == {stem.name: stem.oid for stem in take.stems}
    assert record["asked"]["tempo"] == 240
    assert record["packages"]["numpy"] == np.__version__
    assert (record["engine"], record["engine_version"], record["seed"]) == ("toy", "3", 7)
    stem = find_record(track, take.stems[0].oid)
    assert stem is not None
    assert (stem["mix"], stem["stem"]) == (take.mix.oid, "bass")
    json.dumps(record, allow_nan=False)
    assert not list(track.scratch.iterdir())


def test_new_music_resets_the_old_faders_but_keeps_the_title(track: Repository) -> None:
    toml = '# mine\ntitle = "night"\n[mix]\nmaster_db = -3.0\n[stems.old]\nfile = "stems/old.wav"\ngain_db = -1.5\n'
    (track.root / "track.toml").write_text(toml)
    produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(track.root, track))
    text = (track.root / "track.toml").read_text()
    score = parse_track(text.encode())
    assert text.startswith('# mine\ntitle = "night"')
    assert (set(score.stems), score.master_db) == (set(STEMS), 0.0)


def test_places(tmp_path: Path) -> None:
    (tmp_path / "there.d").mkdir()
    (tmp_path / "file").touch()
    assert find_place("x.wav", tmp_path) == Place(tmp_path, "x.wav")
    assert find_place("x", tmp_path) == Place(tmp_path / "x")
    assert find_place("a/x.d/", tmp_path) == Place(tmp_path / "a" / "x.d")
    assert find_place("there.d", tmp_path) == Place(tmp_path / "there.d")
    assert find_place("../x.wav", tmp_path) == Place(tmp_path.parent, "x.wav")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        find_place("file/", tmp_path)


def test_nothing_is_delivered_when_the_work_fails(tmp_path: Path) -> None:
    def work() -> None:
        with Delivery(Handover(tmp_path / "a" / "b"), "generate", "") as delivery:
            delivery.new_file("x.wav").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "mix.wav").mkdir()
    with pytest.raises(ConflictError, match="is a folder"):
        Delivery(Handover(tmp_path, force=True), "generate", "").check_free("mix.wav")


def test_the_repository_itself_is_no_place(track: Repository) -> None:
    with pytest.raises(UsageError, match="belongs to BeatFlow"):
        Delivery(Handover(track.root, track, Place(track.directory / "audio")), "generate", "")


def test_splitting_keeps_shape_and_sum(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    mix = Audio(rng.uniform(-0.9, 0.9, (11_111, 2)).astype(np.float32), SAMPLE_RATE)
    for subtype in ("PCM_16", "PCM_24", "FLOAT", "PCM_U8"):
        path = tmp_path / f"{subtype}.wav"
        write_audio(path, mix, subtype)
        found = split_file(path, path.name, HALVES, Handover(tmp_path / subtype))
        assert (found.engine, found.known, found.subtype, found.frames) == ("halves", False, subtype, 11_111)
        stems = stems_of(tmp_path / subtype)
        assert list(stems) == ["left", "right"]
        assert check_sum(stems, read_audio(path), subtype) == 0
        assert read_info(tmp_path / subtype / "left.wav").subtype == subtype
    with pytest.raises(ConflictError, match=r"left\.wav is there already"):
        split_file(path, path.name, HALVES, Handover(tmp_path / subtype))


@pytest.mark.parametrize(
    ("subtype", "expected"),
    [
        ("PCM_S8", "PCM_16"),
        ("ALAC_24", "PCM_24"),
        ("PCM_32", "FLOAT"),
        ("VORBIS", "FLOAT"),
        ("PCM_24", "PCM_24"),
    ],
)
def test_stem_subtype(subtype: str, expected: str) -> None:
    assert stem_subtype(subtype) == expected


def test_splitting_in_a_track_is_recorded(track: Repository) -> None:
    mix = track.root / "song.wav"
    write_audio(mix, Audio(np.full((900, 1), 0.5, np.float32), SAMPLE_RATE))
    found = split_file(mix, "song.wav", HALVES, Handover(track.root, track, Place(track.root / "parts")))
    record = find_record(track, found.stems[0].oid)
    assert record is not None
    assert record["inputs"] == [{"path": "song.wav", "oid": found.mix_oid}]
    assert (record["mix"], record["engine"]) == (found.mix_oid, "halves")


def test_true_stems_are_given_back(track: Repository, tmp_path: Path) -> None:
    (take,) = produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(track.root, track))
    mix = track.root / "mix.wav"
    for path in (track.root / "stems").iterdir():
        path.unlink()
    known = TrueStemFinder(track).find(mix)
    assert known is not None
    assert known.oids == {stem.name: stem.oid for stem in take.stems}
    found = write_true_stems(mix, "mix.wav", known, Handover(track.root, track, Place(tmp_path / "out")))
    assert found.known
    assert {stem.name: digest(stem.path) for stem in found.stems} == known.oids
    assert TrueStemFinder(None).find(mix) is None
    assert TrueStemFinder(track).find(track.root / "track.toml") is None


def test_hearing(tmp_path: Path) -> None:
    path = tmp_path / "hum.wav"
    write_audio(path, Audio(np.full((900, 1), 0.5, np.float32), SAMPLE_RATE))
    ear = Choice(ToyTracker(), "test")
    heard = hear(ear, path, "hum.wav")
    assert heard.tempo is None
    assert heard.source.inputs == ({"path": "hum.wav", "oid": digest(path)},)
    heard.write_midi(tmp_path / "hum.mid")
    assert read_midi(tmp_path / "hum.mid").tracks["melody"][0].midi == 69
    with path.open("rb") as stream:
        assert hear(ear, stream, "standard input").transcription == heard.transcription
    (take,) = produce(
        TOY, Request("x", 7, bars=1), Handover(tmp_path, place=Place(tmp_path / "o")), heard.source
    )
    assert take.mix is not None


def test_a_hum_is_no_album(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_audio(path, Audio(np.zeros((8000 * 601, 1), np.float32), SAMPLE_RATE))
    with pytest.raises(AudioError, match="a hum is at most 10"):
        hear(Choice(ToyTracker(), "test"), path, "long.wav")


def test_what_a_request_needs() -> None:
    assert Request("x").needs == frozenset()
    full = Request("x", 1, 90.0, "Am", 4, sampling=Sampling(top_k=5))
    assert full.needs == {"top_k"}, "what does not come out right is corrected"
    assert full.asked == {"tempo": 90.0, "key": "A:min", "bars": 4}
    form = Request("x", duration_s=2.0, meter="3/4", swing=60.0, structure=(("verse", 2),))
    assert form.needs == {"bars", "swing", "structure"}
    assert form.asked["structure"] == "verse:2"


def test_what_follows_from_a_request() -> None:
    assert Request("x", bars=8, duration_s=20.0).settle() == Request("x", tempo=96.0, bars=8)
    assert Request("x", bars=8, duration_s=18.0, meter="3/4").settle().tempo == 80.0
    rounded = Request("x", tempo=90.0, bars=8, duration_s=21.3)
    rounded.check()
    assert rounded.settle() == Request("x", tempo=90.0, bars=8)
    form = Request("x", structure=(("intro", 4), ("verse", 8)))
    assert form.settle().bars == 12
    assert Request("x", duration_s=9.0).settle() == Request("x", duration_s=9.0)


def test_a_prompt_on_one_line() -> None:
    assert shorten("a\nb") == "a b"
    assert shorten("夜" * 500) == "夜" * 71 + "…"


def test_takes_of_one_batch_say_so(track: Repository) -> None:
    engine = ToyDreamer()
    assert isinstance(engine, BatchGenerator)
    assert isinstance(engine, Demanding)
    seen: list[tuple[float, str]] = []
    takes = produce(
        Choice(engine, "test"),
        Request("x", 7, duration_s=1.0, sampling=Sampling(temperature=1.5)),
        Handover(track.root, track),
        count=3,
        progress=lambda part, what: seen.append((part, what)),
    )
    assert engine.batches == [3]
    assert seen == [(0.5, "drawing"), *[(1.0, "measuring")] * 3]
    assert [take.mix.path.parent.name for take in takes if take.mix] == ["7", "8", "9"]
    assert takes[1].mix is not None
    record = find_record(track, takes[1].mix.oid)
    assert record is not None
    assert record["batch"] == {"seeds": [7, 8, 9], "index": 1}
    assert record["seed"] == 8
    assert (record["device"], record["dtype"], record["runtime"]) == ("cuda:0 Toy", "float16", "transformers")
    assert record["weight_digests"] == {"model.safetensors": "ab" * 32}
    assert record["sampling"] == {"temperature": 1.5}
    assert (record["tempo"], record["key"], record["bars"]) == (None, None, None)
    assert record["asked"]["duration_s"] == 1.0
    assert not (track.root / "track.toml").exists()


def test_long_takes_come_in_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.making.production._BATCH_S", 8.0)
    engine = ToyDreamer()
    produce(Choice(engine, "test"), Request("x", 1, duration_s=2.0), Handover(tmp_path), count=5)
    assert engine.batches == [4, 1]


def test_a_mix_without_stems_in_a_track(track: Repository) -> None:
    produce(TOY, Request("lofi", 7, tempo=240, bars=1), Handover(track.root, track))
    choice = Choice(ToyDreamer(), "test")
    (take,) = produce(choice, Request("夜" * 400, 7, duration_s=2.0), Handover(track.root, track))
    assert (take.stems, take.estimated) == ((), ("tempo", "key"))
    score = parse_track((track.root / "track.toml").read_bytes())
    assert (dict(score.stems), score.tempo, score.meter, score.title) == ({}, None, None, "lofi")
    assert not (track.root / "stems").exists()
    with pytest.raises(NotFoundError, match="no stems in"):
        remake_stem(TOY, Request("x"), "drums", Handover(track.root, track))


def test_what_an_engine_cannot_give_is_told_before_the_work(tmp_path: Path) -> None:
    engine = ToyDreamer()
    handover = Handover(tmp_path, midi=tmp_path / "x.mid")
    with pytest.raises(UsageError, match="engine dreamer makes no notes"):
        produce(Choice(engine, "test"), Request("x"), handover)
    with pytest.raises(UsageError, match="engine dreamer has no use for --top-p"):
        produce(Choice(engine, "test"), Request("x", sampling=Sampling(top_p=0.5)), Handover(tmp_path))
    with pytest.raises(UsageError, match="engine toy has no use for --temperature"):
        produce(TOY, Request("x", sampling=Sampling(temperature=1.0)), Handover(tmp_path))
    assert engine.batches == []
    assert not list(tmp_path.iterdir())


def test_around_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "hum.wav"
    write_audio(path, Audio(np.full((SAMPLE_RATE * 3, 1), 0.5, np.float32), SAMPLE_RATE))
    source = hear(Choice(ToyTracker(), "test"), path, "hum.wav").source
    engine = ToyDreamer()
    handover = Handover(tmp_path, place=Place(tmp_path / "o"), midi=tmp_path / "o.mid")
    (take,) = produce(Choice(engine, "test"), Request("x", 7), handover, source)
    assert take.duration_s == 3.0
    assert engine.heard[0].audio is not None
    assert engine.heard[0].audio.frames == SAMPLE_RATE * 3
    assert source.heard == {"engine": "ear", "engine_version": "1"}
    assert [note.midi for note in read_midi(tmp_path / "o.mid").tracks["melody"]] == [69]
    long = Source(source.melody, source.inputs, source.audio, 600.0)
    assert compose(Choice(engine, "test"), Request("x"), source=long).brief.duration_s == 30.0
    assert compose(TOY, Request("x"), source=long).brief.duration_s is None


def _take(**fields: object) -> Take:
    values = {
        "prompt": "x", "seed": 7, "engine": "e", "engine_version": "1", "tempo": 91.26, "key": "C:maj",
        "meter": None, "bars": None, "frames": 8000, "sample_rate": 8000, "duration_s": 1.0, "seconds": 1.0,
        "real_time_factor": 1.0, "mix": None, "estimated": ("tempo", "key"),
    }  # fmt: skip
    return Take(**(values | fields))  # type: ignore[arg-type]  # the fields are of many kinds


def test_a_take_in_a_line() -> None:
    assert describe_take(_take()) == "measured 91.3 BPM, C:maj, 1.0 s, seed 7"
    assert describe_take(_take(tempo=None)) == "measured C:maj, 1.0 s, seed 7"
    assert describe_take(_take(tempo=90.0, estimated=(), meter="4/4", bars=1)) == (
        "90 BPM, C:maj, 4/4, 1 bar, 1.0 s, seed 7"
    )
