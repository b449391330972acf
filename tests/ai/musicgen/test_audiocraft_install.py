"""What is said where audiocraft is not installed; with it, see ``tests/audiocraft``."""

import subprocess
import sys

import pytest

from beatflow.ai.engine import Setup
from beatflow.ai.musicgen import audiocraft_install
from beatflow.ai.musicgen.engine import MusicgenEngine
from beatflow.errors import EngineError


def test_what_is_missing_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(audiocraft_install, "NEEDED", ("json", "no_such_package", "nor_this"))
    with pytest.raises(EngineError, match="lacks no_such_package, nor_this") as caught:
        audiocraft_install.check_installed()
    assert caught.value.hint.endswith("pip install --no-deps audiocraft==1.3.0")
    with pytest.raises(EngineError, match="no_such_package"):
        MusicgenEngine(Setup(engine="musicgen-small", runtime="audiocraft")).check_ready()


def test_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(audiocraft_install, "NEEDED", ("json",))
    audiocraft_install.check_installed()


def test_asking_imports_nothing_of_it():
    code = (
        "import sys; import beatflow.ai.musicgen.audiocraft_runtime as r\n"
        "try: r.check_installed()\n"
        "except Exception: pass\n"
        "print(sorted({'torch', 'audiocraft', 'torchaudio', 'transformers'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
