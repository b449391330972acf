"""Pieces longer than what the model was trained on: windows that continue each other.

As audiocraft does it: a window of 30 s, the next one 18 s later, so that each is led by the last 12 s before it. All
tokens are joined before anything is decoded, so there is no seam to hide. Pure arithmetic, and a loop around the
runtime.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.runtime import Runtime, Tokens, Wave

STRIDE = 0.6
"""Share of a window by which the next one is later: 18 s of 30."""


@dataclass(frozen=True, slots=True)
class Window:
    """One call of the model, in steps from the start of the piece (a continuation's lead is before it, negative).

    ``start`` is where its lead begins, ``lead`` how long that is, ``steps`` how many are new.
    """

    start: int
    lead: int
    steps: int


def plan_windows(steps: int, length: int, lead: int = 0) -> list[Window]:
    """Cut a piece into windows.

    Parameters
    ----------
    steps : int
        How many new ones the piece has.
    length : int
        Steps of a window, at least 2.
    lead : int
        Known steps before the first; of these the last ``length - stride`` at most are used.

    Returns
    -------
    list of Window
        Their new steps, one after another, are the piece.
    """
    stride = max(1, round(length * STRIDE))
    windows = []
    done = 0
    while done < steps:
        known = lead + done
        led = min(known, length - stride)
        new = min(steps - done, length - led)
        windows.append(Window(done - led, led, new))
        done += new
    return windows


def derive_seed(seed: int, window: int) -> int:
    """The seed of a take's window: 32 bits, since torch's generator on the CPU takes no more.

    The first window of a small seed keeps it, so that it draws what the libraries draw.

    >>> derive_seed(7, 0), derive_seed(7, 1) == derive_seed(7, 1), derive_seed(7 + 2**32, 0) == 7
    (7, True, False)
    """
    if window == 0 and seed < 2**32:
        return seed
    digest = hashlib.blake2b(f"{seed}/{window}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def sample_windows(
    runtime: Runtime,
    windows: Sequence[Window],
    prompts: Sequence[str],
    sampling: Sampling,
    seeds: Sequence[int],
    lead: Tokens | None = None,
    melody: Wave | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Tokens:
    """Draw a piece, window by window.

    Parameters
    ----------
    runtime : Runtime
    windows : sequence of Window
        From `plan_windows`.
    prompts : sequence of str
        One per take.
    sampling : Sampling
    seeds : sequence of int
        One per take.
    lead : Tokens, optional
        What the takes continue, the same for all, shape (1, codebooks, steps).
    melody : Wave, optional
        What they follow, from the start of the piece, shape (1, frames). The melody's window moves along; where it is
        over it starts again.
    report : callable
        Told how many of the new steps are done.

    Returns
    -------
    Tokens
        The new steps, shape (takes, codebooks, steps).
    """
    takes = len(prompts)
    known = 0 if lead is None else lead.shape[2]
    made: list[Tokens] = []
    if lead is not None:
        made.append(np.repeat(lead, takes, axis=0))
    before = 0
    for number, window in enumerate(windows):
        so_far = np.concatenate(made, axis=2) if made else None
        led = None if so_far is None or not window.lead else so_far[:, :, so_far.shape[2] - window.lead :]
        heard = None if melody is None else cut_melody(runtime, melody, window)
        made.append(
            runtime.sample_tokens(
                prompts,
                window.steps,
                sampling,
                [derive_seed(seed, number) for seed in seeds],
                led,
                None if heard is None else [heard] * takes,
                lambda done, before=before: report(before + done),  # type: ignore[misc]  # mypy cannot infer the default
            )
        )
        before += window.steps
    return np.concatenate(made, axis=2)[:, :, known:]


def cut_melody(runtime: Runtime, melody: Wave, window: Window) -> Wave:
    """The stretch of a melody that belongs to a window.

    The first window gets what there is of it, and the runtime repeats what is short; later ones get a whole window, in
    which the melody begins again where it ends, so that it stays in step.
    """
    rate, length_s = runtime.geometry.sample_rate, runtime.geometry.window_s
    wanted = round(length_s * rate)
    start = round(max(0, window.start) / runtime.geometry.token_rate * rate)
    frames = melody.shape[1]
    if start + wanted <= frames or start == 0:
        return melody[:, start : start + wanted]
    return melody[:, np.arange(start, start + wanted) % frames]
