"""What a generator gave: refused where nothing could be made of it, or where it would do harm."""

from typing import Any

import numpy as np
import pytest

from beatflow.ai.engine import Performance
from beatflow.ai.performance import check_performance
from beatflow.errors import ContractError
from beatflow.sound.audio import Audio
from beatflow.sound.note import Note

QUIET = Audio(np.zeros((80, 2), np.float32), 8000)
PLAIN: dict[str, Any] = {
    "stems": {"bass": QUIET, "no_vocals": QUIET},
    "mix": QUIET,
    "subtype": "PCM_16",
    "tempo": 92.5,
    "key": "A:min",
    "bars": 4,
    "meter": "4/4",
    "notes": {"bass": [Note(0.0, 1.0, 40)]},
    "parameters": {"genre": "lofi", "swing": [0.1, None]},
}


def test_good_ones_pass() -> None:
    unknown: dict[str, Any] = dict.fromkeys(("tempo", "key", "bars", "meter"))
    changed: list[dict[str, Any]] = [{}, unknown, {"stems": {}, "notes": {}}, {"tempo": 90}]
    for changes in changed:
        performance = Performance(**(PLAIN | changes))
        assert check_performance(performance, "toy") is performance


def loud(value: float) -> Audio:
    return Audio(np.full((80, 2), value, np.float32), 8000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mix": None}, "no mix"),
        ({"mix": Audio(np.zeros((0, 2), np.float32), 8000)}, "no mix"),
        ({"mix": loud(float("nan"))}, "samples that are not numbers"),
        ({"mix": loud(float("-inf"))}, "samples that are not numbers"),
        ({"subtype": "FLOAT"}, "samples as 'FLOAT', not PCM_16 or PCM_24"),
        ({"stems": [QUIET]}, "stems as list"),
        ({"stems": {"../../x": QUIET}}, r"a stem that is called '\.\./\.\./x'"),
        ({"stems": {"mix": QUIET}}, "a stem that is called 'mix'"),
        ({"stems": {"": QUIET}}, "a stem that is called ''"),
        ({"stems": {5: QUIET}}, "a stem that is called '5'"),
        ({"stems": {"a.b": QUIET}}, "a stem that is called 'a.b'"),
        ({"stems": {"bass": QUIET.samples}}, "a stem bass that is no sound"),
        ({"stems": {"bass": Audio(QUIET.samples[:9], 8000)}}, r"bass as \(9, 2\) at 8000 Hz"),
        ({"stems": {"bass": Audio(QUIET.samples, 44100)}}, r"bass as \(80, 2\) at 44100 Hz"),
        ({"tempo": "fast"}, "tempo 'fast'"),
        ({"tempo": float("nan")}, "tempo nan"),
        ({"tempo": -3.0}, "tempo -3.0"),
        ({"bars": 1.5}, "bars 1.5"),
        ({"bars": True}, "bars True"),
        ({"lead": -1}, "lead -1"),
        ({"key": "H:dur"}, "key 'H:dur'"),
        ({"key": 5}, "key 5"),
        ({"meter": 4}, "meter 4"),
        ({"notes": {"bass": [60]}}, "notes that are none"),
        ({"notes": None}, "notes that are none"),
        ({"parameters": {"x": object()}}, "parameters that no record can hold: .*object"),
        ({"parameters": {"x": float("inf")}}, "parameters that no record can hold"),
    ],
)
def test_bad_ones_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=f"^engine toy gave {message}"):
        check_performance(Performance(**(PLAIN | changes)), "toy")


def test_nothing_is_no_performance() -> None:
    with pytest.raises(ContractError, match="engine toy gave NoneType, not a Performance"):
        check_performance(None, "toy")
