"""The grammar of sets of commits."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.errors import UsageError
from beatflow.revision.revset import And, Between, Call, Not, Or, Way, Word, is_set, parse_set

A, B, C = Word("a"), Word("b"), Word("c")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a", A),
        ("HEAD~2", Word("HEAD~2")),
        ("main@{2 days ago}~1", Word("main@{2 days ago}~1")),
        ("a | b & c", Or(A, And(B, C))),
        ("(a|b)&c", And(Or(A, B), C)),
        ("a and not b or c", Or(And(A, Not(B)), C)),
        ("a & ~~b", And(A, B)),
        ("a & ^b", And(A, Not(B))),
        ("a..b", Between(A, B, False)),
        ("a...", Between(A, Word("HEAD"), True)),
        ("..b & c", And(Between(Word("HEAD"), B, False), C)),
        ("~a..b", Not(Between(A, B, False))),
        ("tempo(118..124)", Call("tempo", "118..124")),
        ("tempo(120)..a", Between(Call("tempo", "120"), A, False)),
        ("tempo(120)~1", Way(Call("tempo", "120"), "~1")),
        ("(a | b)^2~", Way(Or(A, B), "^2~")),
        ("message(fix (drums))", Call("message", "fix (drums)")),
        ('message("a ) b")', Call("message", "a ) b")),
        ("message(don't)", Call("message", "don't")),
        ('"drums & bass" | a', Or(Word("drums & bass"), A)),
        ("merges()", Call("merges", "")),
    ],
)
def test_reads(text: str, node: object) -> None:
    assert parse_set(text) == node


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a name is missing"),
        ("a b", "& or | is missing at 'b'"),
        ("a &", "a name is missing after 'a &'"),
        ("(a", r"\) is missing"),
        ("a)", "& or | is missing"),
        ("tempo(120", r"\) is missing"),
        ("tempo(120) ~ a", "& or | is missing at '~'"),
        ('"a', "a quote is not closed"),
        ("a@{b", "} is missing"),
        ("HEAD~2(a)", "is no function"),
        ("(" * 2000 + "a" + ")" * 2000, "too deep"),
    ],
)
def test_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_set(text)


def test_tells_names_from_sets() -> None:
    assert not any(is_set(name) for name in ("main", "HEAD~2", "v1^2", "@{2 days ago}", "a..b"))
    assert all(is_set(text) for text in ("a b", "tempo(1)", "a|b", "~a", "^a"))


@given(st.text(alphabet="ab()&|~^.\"'{} @-", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UsageError):
        parse_set(text)
