"""A prompt and what a text encoder can read of it. Knows a tokenizer only as a function."""

from collections.abc import Callable, Sequence

from beatflow.ai.musicgen.runtime import PromptFit

TEXT_TOKENS = 512
"""What T5 was trained on; its tokenizer says so too."""

Tokenize = Callable[[str], Sequence[int]]


def fit_words(prompt: str, tokenize: Tokenize, unknown: int, most: int = TEXT_TOKENS) -> PromptFit:
    """Cut a prompt to the tokens that a text encoder reads.

    Parameters
    ----------
    prompt : str
    tokenize : callable
        A prompt to its tokens.
    unknown : int
        The token for what the tokenizer has no word for.
    most : int
        How many tokens it reads.
    """
    tokens = tokenize(prompt)
    told = PromptFit(prompt, len(tokens), sum(token == unknown for token in tokens))
    if len(tokens) <= most:
        return told
    shortest, longest = 0, len(prompt)  # more characters never make fewer tokens but by a few
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if len(tokenize(prompt[:middle])) <= most:
            shortest = middle
        else:
            longest = middle - 1
    return PromptFit(prompt[:shortest].rstrip(), told.pieces, told.unknown)
