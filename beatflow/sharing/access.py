"""What remotes are given of their surroundings: who asks, from where, and what opens doors. Read by the settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beatflow.repository import Signer


@dataclass(frozen=True, slots=True)
class Access:
    """The surroundings in which remotes are opened.

    Parameters
    ----------
    signer : callable
        Who changes something, and when.
    directory : Path
        What relative addresses start from.
    home : Path or None
        The user's home, for ``~`` and what lies there by custom.
    environment : mapping
        The variables that services are used with (``AWS_…``, ``BF_TOKEN_…`` …); secrets, so never shown.
    endpoint : str or None
        Where an S3-compatible service answers, in place of the usual one.
    offline : bool
        Nothing that is not on this machine may be reached.
    tell : callable
        Says a line to the user.
    """

    signer: Signer
    directory: Path
    home: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    endpoint: str | None = None
    offline: bool = False
    tell: Callable[[str], None] = lambda text: None
