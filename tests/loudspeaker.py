"""A loudspeaker that writes down what it is given: a real ALSA device, made of a file.

The plugin ``file`` over ``null`` takes samples as any card does, at once, and keeps them as they are. Where there is no
PortAudio the tests that need it do not exist; ``.ci/run`` installs it.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

_SYSTEM = Path("/usr/share/alsa/alsa.conf")


def has_portaudio() -> bool:
    """Tell whether sounds can be played here through ALSA."""
    try:
        import sounddevice  # noqa: F401 - whether it finds its library is the question
    except (ImportError, OSError):
        return False
    return sys.platform == "linux" and _SYSTEM.is_file()


def has_cards() -> bool:
    """Tell whether there are real ones, which a test that wants none cannot take away."""
    cards = Path("/proc/asound/cards")
    return cards.is_file() and "no soundcards" not in cards.read_text()


HAS_PORTAUDIO = has_portaudio()
HAS_CARDS = has_cards()


@dataclass
class Loudspeaker:
    """Where samples come out; ``environment`` makes it the system's device."""

    file: Path
    environment: dict[str, str]

    def heard(self, channels: int = 2) -> np.ndarray:
        """Return what was played so far, shape (frames, channels)."""
        if not self.file.exists():
            return np.zeros((0, channels), np.float32)
        return np.fromfile(self.file, "<f4").reshape(-1, channels)

    def forget(self) -> None:
        """Begin anew."""
        self.file.unlink(missing_ok=True)


def make_loudspeaker(folder: Path) -> Loudspeaker:
    """Make one in a folder."""
    config, out = folder / "asound.conf", folder / "heard.raw"
    config.write_text(
        f"<{_SYSTEM}>\npcm.!default {{\n  type file\n  slave.pcm null\n  file {out}\n  format raw\n}}\n"
    )
    return Loudspeaker(out, {"ALSA_CONFIG_PATH": str(config)})


@pytest.fixture
def loudspeaker(tmp_path: Path) -> Iterator[Loudspeaker]:
    """The device of this process, for one test."""
    import sounddevice

    made = make_loudspeaker(tmp_path)
    before = os.environ.get("ALSA_CONFIG_PATH")
    os.environ |= made.environment
    sounddevice._terminate()
    sounddevice._initialize()
    yield made
    if before is None:
        del os.environ["ALSA_CONFIG_PATH"]
    else:
        os.environ["ALSA_CONFIG_PATH"] = before
    sounddevice._terminate()
    sounddevice._initialize()
