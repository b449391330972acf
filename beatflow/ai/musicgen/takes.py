"""Drawing the takes of one request: as many at once as memory holds, and smaller where it does not.

Knows the runtime, and neither prompts nor levels.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from beatflow.ai.device import is_out_of_memory, release_memory
from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.runtime import Runtime, Tokens, Wave
from beatflow.ai.musicgen.windows import Window, plan_windows, sample_windows
from beatflow.errors import MemoryShortError

MADE_ROOM = "memory ran out: trying again with the text encoder on the CPU"
_SHORTEST_S = 6.0


@dataclass(frozen=True, slots=True)
class Job:
    """What all takes of a request have in common.

    ``steps`` is how many new ones each gets; ``lead`` what they continue, shape (1, codebooks, steps); ``melody`` what
    they follow, shape (1, frames).
    """

    prompt: str
    steps: int
    sampling: Sampling
    lead: Tokens | None = None
    melody: Wave | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done at once: takes, and the length of a window."""

    takes: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Take:
    """The tokens of one take, shape (codebooks, steps), and how they were drawn."""

    tokens: Tokens
    windows: tuple[Window, ...]
    effort: Effort
    batch: tuple[int, ...]
    index: int


def draw_takes(
    runtime: Runtime,
    job: Job,
    seeds: Sequence[int],
    effort: Effort,
    report: Callable[[int], None],
    tell: Callable[[str], None],
    advice: str,
) -> tuple[list[Take], Effort]:
    """Draw one take per seed.

    Parameters
    ----------
    runtime : Runtime
    job : Job
    seeds : sequence of int
    effort : Effort
        To begin with.
    report : callable
        Told how many steps of all takes together are done.
    tell : callable
        Told in a line when memory runs out and less is tried.
    advice : str
        The hint where nothing smaller is left.

    Returns
    -------
    list of Take
    Effort
        What it came to, for the next request.

    Raises
    ------
    MemoryShortError
        Not even the smallest way fits.
    """
    done: list[Take] = []
    while len(done) < len(seeds):
        batch = tuple(seeds[len(done) : len(done) + effort.takes])
        known = 0 if job.lead is None else job.lead.shape[2]
        length = round(effort.window_s * runtime.geometry.token_rate)
        windows = plan_windows(job.steps, max(2, length), known)
        before = len(done) * job.steps

        def count(steps: int, before: int = before, takes: int = len(batch)) -> None:
            report(before + steps * takes)

        try:
            tokens = sample_windows(
                runtime, windows, [job.prompt] * len(batch), job.sampling, batch, job.lead, job.melody, count
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what did not fit
            failure = error
        else:
            done += [Take(one, tuple(windows), effort, batch, index) for index, one in enumerate(tokens)]
            continue
        release_memory()
        effort = _lessen(runtime, replace(effort, takes=len(batch)), job, tell, failure, advice)
    return done, effort


def _lessen(
    runtime: Runtime, effort: Effort, job: Job, tell: Callable[[str], None], failure: Exception, advice: str
) -> Effort:
    """Find something smaller: what only saves time goes first, then the batch, then the windows' length."""
    if runtime.make_room():
        tell(MADE_ROOM)
        return effort
    if effort.takes > 1:
        fewer = effort.takes // 2
        tell(f"memory ran out: trying again with {fewer} {'take' if fewer == 1 else 'takes'} at once")
        return replace(effort, takes=fewer)
    longest_s = job.steps / runtime.geometry.token_rate
    if job.lead is not None:
        longest_s += job.lead.shape[2] / runtime.geometry.token_rate
    shorter = min(effort.window_s, longest_s) / 2
    if shorter >= min(_SHORTEST_S, runtime.geometry.window_s / 4):
        tell(f"memory ran out: trying again with windows of {shorter:g} s, which hold together less well")
        return replace(effort, window_s=shorter)
    raise MemoryShortError(
        "there is not enough memory for this, not even for short windows", advice
    ) from failure
