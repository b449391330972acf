"""CUDA graphs: a step's kernels recorded once, launched as one. Knows nothing of what the step does."""

from collections.abc import Callable

import torch


def record(step: Callable[[], None], like: torch.cuda.CUDAGraph | None = None) -> torch.cuda.CUDAGraph:
    """Record what a step launches, without running it.

    Parameters
    ----------
    step : callable
        Works on tensors that stay where they are, has run once before, and never looks at a result.
    like : CUDAGraph, optional
        A graph that never runs at the same time: they share their scratch memory.
    """
    graph = torch.cuda.CUDAGraph()
    pool = None if like is None else like.pool()
    # Only this thread's calls are watched: others may free or allocate meanwhile.
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
        step()
    return graph
