"""Training a model of one's own, and what is refused when one is read."""

import io as streams
import os
import zipfile
from copy import deepcopy
from pathlib import Path, PurePath

import numpy as np
import pytest

from beatflow.errors import DamagedError, EngineError, UsageError
from beatflow.mood.model import MoodModel, load_model, save_model, vectorize
from beatflow.mood.training import Example, Training, gather, train
from beatflow.sound.mood.features import FEATURES
from beatflow.soundfolder import Mishap
from tests.mood.pieces import merry, mournful, write


def make_examples(apart: float, count: int = 20, seed: int = 0) -> list[Example]:
    """Two labels whose first three features lie so many standard deviations apart; now and then one is missing."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(2 * count):
        label = ("low", "high")[number % 2]
        row = rng.normal(0, 1, len(FEATURES))
        row[:3] += apart * (number % 2)
        features = dict(zip(FEATURES, map(float, row), strict=True))
        if number % 7 == 0:
            del features["tempo"]
        examples.append(Example(f"{number}.wav", label, features))
    return examples


@pytest.fixture(scope="module")
def trained() -> Training:
    return train(make_examples(3.0))


def test_what_can_be_told_is_told_and_what_cannot_is_not(trained: Training) -> None:
    """Labels that mean nothing must come out near chance: the cross-validation leaks nothing."""
    assert trained.accuracy > 0.85
    nothing = train(make_examples(0.0, 30))
    assert nothing.accuracy < 0.5 + 3 * nothing.error
    assert nothing.baseline == 0.5


def test_figures_fit_together(trained: Training) -> None:
    confusion = np.array(trained.confusion)
    assert confusion.sum() == 40
    assert trained.accuracy == pytest.approx(np.trace(confusion) / 40, abs=1e-4)
    recalls = [trained.per_label[label]["recall"] for label in trained.model.labels]
    assert trained.balanced_accuracy == pytest.approx(np.mean(recalls), abs=1e-4)
    assert len(trained.wrong) == 40 - np.trace(confusion)
    document = trained.to_json()
    assert document["labels"] == ["high", "low"]
    assert document["sounds"] == {"high": 20, "low": 20}


def test_a_model_comes_back_as_it_was(trained: Training, tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    save_model(trained.model, path)
    model = load_model(path, "m.skops")
    assert model.labels == ("high", "low")
    assert model.facts["accuracy"] == trained.accuracy
    assert len(model.version) == 12
    features = make_examples(3.0)[3].features
    mood = model.rate(features)
    assert mood.scores == trained.model.rate(features).scores
    assert sum(mood.scores.values()) == pytest.approx(1)
    assert mood.best == "high"
    assert set(model.rate({}).scores) == {"high", "low"}


def test_it_is_no_pickle(trained: Training, tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    save_model(trained.model, path)
    with zipfile.ZipFile(path) as archive:
        assert "schema.json" in archive.namelist()
        assert not [name for name in archive.namelist() if name.endswith((".pkl", ".pickle"))]


def test_types_that_are_not_trusted_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer
    from skops import io

    path = tmp_path / "evil.skops"
    io.dump({"schema": "beatflow.mood-model/1", "pipeline": FunctionTransformer(func=_explode)}, path)
    with pytest.raises(EngineError, match="not trusted"):
        load_model(path, "evil.skops")


def _explode(rows: object) -> object:
    raise AssertionError("ran what a file asked for")


def test_other_files_are_told_apart(trained: Training, tmp_path: Path) -> None:
    from skops import io

    with pytest.raises(UsageError, match="cannot be read"):
        load_model(tmp_path / "none.skops", "none.skops")
    (tmp_path / "text.skops").write_text("text")
    with pytest.raises(UsageError, match="is no mood model"):
        load_model(tmp_path / "text.skops", "text.skops")
    io.dump({"schema": "something else"}, tmp_path / "other.skops")
    with pytest.raises(UsageError, match="of this version"):
        load_model(tmp_path / "other.skops", "other.skops")
    save_model(trained.model, tmp_path / "m.skops")
    data = (tmp_path / "m.skops").read_bytes()
    (tmp_path / "cut.skops").write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedError, match="truncated"):
        load_model(tmp_path / "cut.skops", "cut.skops")
    foreign = MoodModel(trained.model.pipeline, ("high", "low"), ("shoe_size",), trained.model.facts)
    save_model(foreign, tmp_path / "foreign.skops")
    with pytest.raises(UsageError, match="shoe_size"):
        load_model(tmp_path / "foreign.skops", "foreign.skops")
    mixed = MoodModel(trained.model.pipeline, ("low", "high"), FEATURES, trained.model.facts)
    save_model(mixed, tmp_path / "mixed.skops")
    with pytest.raises(DamagedError, match="other labels"):
        load_model(tmp_path / "mixed.skops", "mixed.skops")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    data = streams.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * (65 << 20))
    (tmp_path / "bomb.skops").write_bytes(data.getvalue())
    with pytest.raises(UsageError, match="unpacks to more"):
        load_model(tmp_path / "bomb.skops", "bomb.skops")


def test_rows_keep_their_columns() -> None:
    rows = vectorize([{"tempo": 90.0}, {}])
    assert rows.shape == (2, len(FEATURES))
    assert rows[0, FEATURES.index("tempo")] == 90
    assert np.isnan(rows[1]).all()


def test_folders_are_the_labels(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "set/glad" / f"{number}.wav", merry(1.5, number))
        write(tmp_path / "set/sad/deeper" / f"{number}.wav", mournful(1.5, number))
    (tmp_path / "set/sad/broken.wav").write_text("no sound")
    (tmp_path / "set/sad/notes.txt").write_text("not meant")
    (tmp_path / "set/.hidden").mkdir()
    mishaps: list[Mishap] = []
    examples = gather(tmp_path / "set", "set", None, mishaps.append)
    assert sorted({(one.label, one.name.split("/")[1]) for one in examples}) == [
        ("glad", "glad"),
        ("sad", "sad"),
    ]
    assert len(examples) == 8
    assert [one.path for one in mishaps if one.broken] == ["set/sad/broken.wav"]


def test_too_little_to_train_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        gather(tmp_path / "none", "none", None, lambda _: None)
    with pytest.raises(UsageError, match="no folder with sounds"):
        gather(tmp_path, "x", None, lambda _: None)
    write(tmp_path / "glad/a.wav", merry(1.5))
    with pytest.raises(UsageError, match="only one folder with sounds, glad"):
        gather(tmp_path, "x", None, lambda _: None)
    write(tmp_path / "sad/a.wav", mournful(1.5))
    with pytest.raises(UsageError, match="has 1 of the 4"):
        gather(tmp_path, "x", None, lambda _: None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": None}, "lacks what a mood model has"),
        ({"labels": 3}, "lacks"),
        ({"features": [["a"]]}, "lacks"),
        ({"facts": "x"}, "lacks"),
        ({"facts": {"sounds": {"a": "b"}, "accuracy": 1.0}}, "lacks"),
        ({"facts": {"sounds": {"a": 1}, "accuracy": "x"}}, "holds no model"),
        ({"pipeline": "x"}, "holds no model"),
    ],
)
def test_a_document_that_is_no_model_is_refused(
    trained: Training, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    from skops import io

    model = trained.model
    document = {
        "schema": "beatflow.mood-model/1",
        "pipeline": model.pipeline,
        "labels": list(model.labels),
        "features": list(model.features),
        "facts": dict(model.facts),
    }
    io.dump(document | change, tmp_path / "m.skops")
    with pytest.raises(DamagedError, match=said):
        load_model(tmp_path / "m.skops", "m.skops")


def test_a_pipeline_of_something_else_or_with_absurd_numbers_is_refused(
    trained: Training, tmp_path: Path
) -> None:
    from sklearn.preprocessing import FunctionTransformer

    def load(pipeline: object) -> None:
        model = trained.model
        save_model(MoodModel(pipeline, model.labels, model.features, model.facts), tmp_path / "m.skops")
        load_model(tmp_path / "m.skops", "m.skops")

    other = deepcopy(trained.model.pipeline)
    other.steps[1] = ("scale", FunctionTransformer(np.exp))  # a type and a function that skops trusts
    with pytest.raises(DamagedError, match="holds no model"):
        load(other)
    nowhere = deepcopy(trained.model.pipeline)
    nowhere[-1].coef_ = nowhere[-1].coef_ * np.nan
    with pytest.raises(DamagedError, match="no shares"):
        load(nowhere)
    narrow = deepcopy(trained.model.pipeline)
    narrow[-1].coef_ = np.ones((1, 9))
    with pytest.raises(EngineError, match="cannot be used"):
        load(narrow)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("schema.json", b"[" * 100_000),
        (
            "*.npy",
            b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,)}\n",
        ),
    ],
    ids=["nested deep", "an array of 700 TiB"],
)
def test_a_file_that_asks_for_too_much_is_refused(
    trained: Training, tmp_path: Path, name: str, content: bytes
) -> None:
    save_model(trained.model, tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops") as good, zipfile.ZipFile(tmp_path / "bad.skops", "w") as bad:
        for one in good.namelist():
            bad.writestr(one, content if PurePath(one).match(name) else good.read(one))
    with pytest.raises(EngineError, match="cannot be read"):
        load_model(tmp_path / "bad.skops", "bad.skops")


def test_a_copy_counts_once_and_labels_need_not_be_utf_8(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    for number in range(4):
        write(tmp_path / "set/glad" / f"{number}.wav", merry(1.1, number))
        write(tmp_path / "set" / odd / f"{number}.wav", mournful(1.1, number))
    write(tmp_path / "set/glad/4.wav", merry(1.1, 4))
    write(tmp_path / "set/glad/again.wav", merry(1.1, 0))
    write(tmp_path / "set" / odd / "wrong.wav", merry(1.1, 1))
    mishaps: list[Mishap] = []
    examples = gather(tmp_path / "set", "set", None, mishaps.append)
    labels = [one.label for one in examples]
    assert sorted(set(labels)) == ["caf\N{REPLACEMENT CHARACTER}", "glad"]
    assert len(examples) == 9
    copies = {mishap.message: mishap.broken for mishap in mishaps}
    assert list(copies.values()) == [True, False] or list(copies.values()) == [False, True]
    assert all(message.startswith("the same sound as set/") for message in copies)
