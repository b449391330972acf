"""The transformers library without its talk: what matters of it becomes an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transformers


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from logging and drawing bars on stderr."""
    logging: Any = transformers.utils.logging  # partly untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def summarize_error(error: BaseException) -> str:
    """Say in one line what the library told when it could not read a checkpoint."""
    text = str(error)
    if "ignore_mismatched_sizes" in text:
        return "their shapes are not those that config.json tells"
    return " ".join(text.split("\n")[0].split())[:200] or type(error).__name__
