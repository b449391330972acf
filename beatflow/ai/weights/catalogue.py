"""The weights that BeatFlow knows: where the hub has them, what they are for, their licence and size.

A table and no more: loads nothing and touches neither disk nor network.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """Weights that can be pulled.

    Parameters
    ----------
    name : str
        As in ``bf models`` and ``EngineInfo.weights``.
    task : str
        Of the engine's tasks.
    repository : str
        On the Hugging Face hub.
    files : tuple of str
        What is needed of it for the default runtime; patterns as in ``fnmatch``.
    size_bytes : int
        To download.
    memory_bytes : int
        To run on a GPU in half precision; about twice that on a CPU.
    licence : str
        SPDX expression of the weights.
    words : str
        What it is, in a few words.
    """

    name: str
    task: str
    repository: str
    files: tuple[str, ...]
    size_bytes: int
    memory_bytes: int
    licence: str
    words: str
