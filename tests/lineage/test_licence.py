"""What licences say of selling, by their SPDX names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatflow.errors import UsageError
from beatflow.lineage.licence import ATTRIBUTION, SHARE_ALIKE, Verdict, check_expression, judge_licence

FREE, UNKNOWN, BARRED = Verdict.FREE, Verdict.UNKNOWN, Verdict.BARRED


@pytest.mark.parametrize(
    ("expression", "verdict", "conditions"),
    [
        ("own", FREE, set()),
        ("MIT", FREE, set()),
        ("apache-2.0", FREE, set()),
        ("CC0-1.0", FREE, set()),
        ("CC-BY-4.0", FREE, {ATTRIBUTION}),
        ("CC-BY-3.0-DE", FREE, {ATTRIBUTION}),
        ("CC-BY-SA-4.0", FREE, {ATTRIBUTION, SHARE_ALIKE}),
        ("GPL-3.0-or-later", FREE, {SHARE_ALIKE}),
        ("CC-BY-NC-4.0", BARRED, set()),
        ("CC-BY-NC-SA-4.0", BARRED, set()),
        ("CC-BY-NC-ND-3.0-IGO", BARRED, set()),
        ("CC-BY-ND-4.0", BARRED, set()),
        ("PolyForm-Noncommercial-1.0.0", BARRED, set()),
        ("NONE", BARRED, set()),
        ("LicenseRef-Beatoven", UNKNOWN, set()),
        ("NOASSERTION", UNKNOWN, set()),
        ("MIT OR CC-BY-NC-4.0", FREE, set()),
        ("CC-BY-4.0 OR MIT", FREE, set()),
        ("MIT AND CC-BY-NC-4.0", BARRED, set()),
        ("CC-BY-4.0 AND MIT", FREE, {ATTRIBUTION}),
        ("(MIT OR CC-BY-NC-4.0) AND CC-BY-4.0", FREE, {ATTRIBUTION}),
        ("MIT or (Apache-2.0 and CC-BY-NC-4.0)", FREE, set()),
        ("GPL-2.0-only WITH Classpath-exception-2.0", FREE, {SHARE_ALIKE}),
        ("", UNKNOWN, set()),
        ("free for all!", UNKNOWN, set()),
        ("(MIT", UNKNOWN, set()),
        ("MIT MIT", UNKNOWN, set()),
        ("AND MIT", UNKNOWN, set()),
        ("(MIT) WITH (CC-BY-NC-4.0)", UNKNOWN, set()),
        ("(" * 50 + "MIT" + ")" * 50, UNKNOWN, set()),
        ("MIT OR " * 200 + "MIT", UNKNOWN, set()),
    ],
)
def test_judges(expression: str, verdict: Verdict, conditions: set[str]) -> None:
    found = judge_licence(expression)
    assert (found.verdict, found.conditions if verdict == FREE else set()) == (verdict, conditions)
    assert bool(found.reason) == (verdict != FREE)


NAMES = st.sampled_from(["MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "LicenseRef-x"])
EXPRESSIONS = st.recursive(
    NAMES,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({' '.join(t)})"),
)


@settings(deadline=None)
@given(EXPRESSIONS)
def test_reads_what_can_be_written(expression: str) -> None:
    if expression.count("(") <= 20 and len(expression) <= 500:
        check_expression(expression)
    if "OR" not in expression and "CC-BY-NC-4.0" in expression:
        assert judge_licence(expression).verdict != FREE


@settings(deadline=None)
@given(st.text(max_size=40))
def test_reads_anything(text: str) -> None:
    judge_licence(text)


def test_says_what_a_licence_looks_like() -> None:
    with pytest.raises(UsageError, match="'all mine' is no licence"):
        check_expression("all mine")
