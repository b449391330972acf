"""Whether audiocraft is here, and how it gets here; imports none of it."""

import importlib.util

from beatflow.errors import EngineError

INSTALL_AUDIOCRAFT = 'pip install "beatflow[audiocraft]" && pip install --no-deps audiocraft==1.3.0'
"""audiocraft's own requirements cannot be met beside a current torch, so it is installed without them."""

NEEDED = (
    "audiocraft",
    "torchaudio",
    "xformers",
    "av",
    "einops",
    "flashy",
    "julius",
    "num2words",
    "omegaconf",
    "sentencepiece",
    "spacy",
    "torchmetrics",
)
"""What ``audiocraft.models`` imports beyond BeatFlow's ``ai`` extra."""


def check_installed() -> None:
    """See whether audiocraft and what it needs are installed.

    Raises
    ------
    EngineError
        Something is not; the hint is the command.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(f"the audiocraft runtime lacks {', '.join(missing)}", INSTALL_AUDIOCRAFT)
