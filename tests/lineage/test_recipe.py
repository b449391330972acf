"""Records read as recipes: what is in them is believed only when it makes sense."""

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatflow.errors import DamagedError, UsageError
from beatflow.lineage.recipe import read_recipe
from beatflow.provenance import decode_record, encode_record

OID = "ab" * 32
PLAIN: dict[str, Any] = {
    "kind": "generate",
    "engine": "synth",
    "engine_version": "1",
    "prompt": "lofi",
    "seed": 7,
    "asked": {"tempo": 90.0, "key": "A:min", "bars": 4, "duration_s": None, "meter": "3/4", "loop": True},
    "sampling": {"temperature": 1.5, "top_k": 250, "cfg": "x"},
    "inputs": [{"path": "hum.wav", "oid": OID}],
}


def test_reads_a_request() -> None:
    recipe = read_recipe(PLAIN, "mix.wav")
    request = recipe.request
    assert (request.prompt, request.seed, request.tempo, request.key) == ("lofi", 7, 90.0, "A:min")
    assert (request.bars, request.duration_s, request.meter, request.stems) == (4, None, "3/4", None)
    assert (request.sampling.temperature, request.sampling.top_k, request.sampling.top_p) == (1.5, 250, None)
    assert (recipe.inputs[0].oid, recipe.inputs[0].path) == (OID, "hum.wav")
    assert (recipe.seeds, recipe.index, recipe.stem) == ((7,), 0, None)
    assert request.loop is None, "before there were contracts every record said that it loops"


def test_reads_what_was_promised() -> None:
    asked = {
        "loop": True,
        "loudness_lufs": -14.0,
        "swing": 60.0,
        "humanize": 0.5,
        "structure": "a:1,b:3",
        "bars": 4,
    }
    record = {**PLAIN, "asked": asked, "contract": {"tolerance": 0.5, "seed": 7}}
    request = read_recipe(record, "mix.wav").request
    assert (request.loop, request.loudness_lufs, request.tolerance) == (True, -14.0, 0.5)
    assert (request.swing, request.humanize, request.structure) == (60.0, 0.5, (("a", 1), ("b", 3)))


def test_reads_a_batch() -> None:
    recipes = [
        read_recipe({**PLAIN, "seed": seed, "batch": {"seeds": [7, 8, 9], "index": index}}, "x")
        for index, seed in enumerate((7, 8, 9))
    ]
    assert {(one.seeds, one.request.seed) for one in recipes} == {((7, 8, 9), 7)}
    assert [one.index for one in recipes] == [0, 1, 2]
    assert len({one.run for one in recipes}) == 1


def test_knows_which_sounds_one_run_gives() -> None:
    mix = read_recipe({**PLAIN, "stems": {"drums": OID}, "measured": {"tempo": 90}}, "mix.wav")
    drums = read_recipe({**PLAIN, "stem": "drums", "mix": OID, "seconds": 5}, "drums.wav")
    other = read_recipe({**PLAIN, "seed": 8}, "x")
    assert mix.run == drums.run != other.run


def test_reads_a_stem_that_was_made_anew() -> None:
    remade = {"replaced": {"path": "stems/drums.wav", "oid": OID}, "beside": {"bass": "cd" * 32}}
    recipe = read_recipe({**PLAIN, "stem": "drums", "remade": remade}, "x")
    assert recipe.request.stems == ("drums",)
    assert recipe.replaced is not None
    assert (recipe.replaced.path, recipe.beside) == ("stems/drums.wav", {"bass": "cd" * 32})


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": None},
        {"engine": 5},
        {"seed": "7"},
        {"seed": True},
        {"seed": -1},
        {"prompt": ["x"]},
        {"asked": []},
        {"asked": {"tempo": "fast"}},
        {"asked": {"tempo": float("nan")}},
        {"asked": {"tempo": 5000}},
        {"asked": {"tempo": 10**400}},
        {"context": {"energy": [10**400]}},
        {"asked": {"bars": 2.5}},
        {"asked": {"key": "H:dur"}},
        {"asked": {"bars": 8, "duration_s": 3.0}},
        {"asked": {"structure": "verse:"}},
        {"asked": {"loudness_lufs": 3.0}},
        {"asked": {"loop": "yes"}, "contract": {"promises": []}},
        {"sampling": {"temperature": "hot"}},
        {"sampling": {"temperature": -1}},
        {"inputs": [{"path": "hum.wav"}]},
        {"inputs": [{"oid": "../../x"}]},
        {"stem": 5},
        {"stems": {"drums": "x"}},
        {"stems": [OID]},
        {"remade": 5},
        {"remade": {"replaced": {"oid": OID}, "beside": {"bass": 5}}},
        {"remade": {"replaced": 5, "beside": {}}},
        {"remade": {"beside": {}}},
        {"context": {"chords": [[-1e12, "Am"]]}},
        {"context": {"chords": [["soon", "Am"]]}},
        {"batch": 5},
        {"batch": {"seeds": [], "index": 0}},
        {"batch": {"seeds": [1, 1], "index": 0}},
        {"batch": {"seeds": [1, 2], "index": 2}},
        {"batch": {"seeds": [1, "2"], "index": 0}},
    ],
)
def test_refuses_what_makes_no_sense(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedError, match="the record of a"):
        read_recipe({**PLAIN, **changes}, "a.wav")


@pytest.mark.parametrize("kind", ["recording", ""])
def test_refuses_what_nothing_makes(kind: str) -> None:
    with pytest.raises(UsageError):
        read_recipe({**PLAIN, "kind": kind}, "a.wav")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(OID),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PLAIN, "oid", "path"]), inner)
    ),
    max_leaves=4,
)
KEYS = [*PLAIN, "stem", "stems", "remade", "batch", "heard", "mix"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    st.sampled_from(["generate", "mix", "split", "hum"]),
)
def test_reads_or_refuses_anything(changes: dict[str, Any], kind: str) -> None:
    record = decode_record(encode_record({**PLAIN, "kind": kind, **changes}))
    assert record is not None
    with contextlib.suppress(DamagedError, UsageError):
        assert read_recipe(record, "a.wav").run
