"""Cutting a prompt to what a text encoder reads."""

from hypothesis import given
from hypothesis import strategies as st

from beatflow.ai.musicgen.words import fit_words


def tokenize(text):
    """One token for each word, and an end; 2 for what is no word."""
    return [3 if word.isascii() else 2 for word in text.split()] + [1]


def test_what_fits_stays_as_it_is():
    fit = fit_words("lofi piano 夜", tokenize, 2)
    assert (fit.text, fit.pieces, fit.unknown) == ("lofi piano 夜", 4, 1)


def test_the_start_of_a_long_prompt_is_kept():
    fit = fit_words("a b c d e f", tokenize, 2, most=4)
    assert (fit.text, fit.pieces) == ("a b c", 7)


@given(st.text(max_size=60), st.integers(1, 12))
def test_it_always_fits_and_is_never_shorter_than_it_must(prompt, most):
    fit = fit_words(prompt, tokenize, 2, most)
    assert prompt.startswith(fit.text)
    assert len(tokenize(fit.text)) <= most
    longer = prompt[
        : len(fit.text) + 1 + (len(prompt[len(fit.text) :]) - len(prompt[len(fit.text) :].lstrip()))
    ]
    assert fit.text == prompt.rstrip() or fit.text == prompt or len(tokenize(longer)) > most
