"""``bf doctor``: on this machine, and on machines where something is broken."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from beatflow.ai.memory import Memory
from beatflow.readiness import probe
from beatflow.readiness.diagnosis import _CORE, Ability, Diagnosis, Finding
from beatflow.readiness.probe import Question
from beatflow.readiness.text import format_diagnosis
from tests.ai.weights.world import musicgen_files, write
from tests.conftest import Bf


@pytest.fixture(autouse=True)
def few_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages that every command needs take a second to import; most tests are of other parts."""
    monkeypatch.setattr("beatflow.readiness.diagnosis._CORE", ("json",))


@pytest.fixture(autouse=True)
def no_weights(bf: Bf, tmp_path: Path) -> Path:
    """A folder for weights with nothing in it."""
    folder = tmp_path / "models"
    bf.environment |= {"BF_MODELS": str(folder), "BF_DEVICE": "cpu"}
    return folder


def findings(bf: Bf, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Part to what was found of it; of several the last."""
    done = bf("doctor", "--json", *arguments)
    assert done.code == code, done.stderr
    assert done.json["schema"] == "beatflow.doctor/1"
    assert done.json["healthy"] is (code == 0)
    return {finding["part"]: finding for finding in done.json["findings"]}


def package(folder: Path, name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package before all others, here and in every child."""
    write(folder / name, {"__init__.py": code.encode()})
    monkeypatch.syspath_prepend(folder)
    # What this process has of the real one must not be mistaken for it.
    monkeypatch.setattr("beatflow.readiness.diagnosis.is_installed", lambda _: True)


def program(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program before all others."""
    write(folder, {name: f"#!/bin/sh\n{script}\n".encode()})
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_this_machine_works(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.readiness.diagnosis._CORE", _CORE)
    found = findings(bf)
    assert found["beatflow"]["state"] == found["python"]["state"] == found["packages"]["state"] == "ok"
    assert found["torch"]["words"].startswith("2.")
    assert found["device"]["words"].startswith("cpu, float32")
    assert "free" in found["memory"]["words"]
    assert found["weights"]["fix"] == "bf models pull musicgen-small htdemucs"


def test_what_each_work_would_get_and_what_would_be_better(bf: Bf) -> None:
    abilities = {one["task"]: one for one in bf.ok("doctor", "--quick", "--json").json["abilities"]}
    assert abilities["generate"]["engine"] == "synth"
    assert abilities["separate"]["engine"] == "dsp"
    assert abilities["separate"]["better"] == "bf models pull htdemucs"
    ours, theirs = abilities["separate"]["quality"]
    assert ours.startswith("dsp: SI-SDR in dB: drums ")
    assert "(measured, " in ours
    assert theirs == "htdemucs: SDR in dB: all stems 9.0 (published by its authors, MUSDB18-HQ)"
    assert abilities["generate"]["quality"] == []
    assert abilities["transcribe"]["engine"] == "yin"
    assert abilities["transcribe"]["better"] is None


def test_text_fits_a_terminal_and_names_the_fixes(bf: Bf) -> None:
    out = bf.ok("doctor", "--quick").stdout
    assert max(map(len, out.splitlines())) <= 80
    assert "fix: bf models pull musicgen-small htdemucs" in out
    assert "\nbf split      dsp    " in out
    assert "\nok      audio  " in out
    assert "better: bf models pull htdemucs" in out
    assert "\x1b" not in out


def test_ways_out_in_words_are_wrapped_and_commands_are_not() -> None:
    words = "install the torch for your GPU (pytorch.org), or leave it and have --device cpu everywhere"
    command = 'pip install --force-reinstall --upgrade --no-cache-dir "beatflow[ai,audiocraft,beatoven,play]"'
    ability = Ability("juggle", None, "nothing here can", command)
    diagnosis = Diagnosis((Finding("device", "broken", "-", words),), (ability,))
    lines = list(format_diagnosis(diagnosis, 60, lambda text, name: text))
    assert lines[:3] == [
        "broken  device  -",
        "                fix: install the torch for your GPU",
        "                (pytorch.org), or leave it and have --device",
    ]
    assert lines[-1].endswith(f"fix: {command}")
    assert lines[-2].startswith("juggle  nothing  nothing here can")
    assert list(format_diagnosis(Diagnosis(diagnosis.findings, ()), 60, lambda text, name: text))[-1] != ""


def test_a_package_that_takes_the_process_down_is_not_imported_here(
    bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "lib", "burst", "import os; os.abort()", monkeypatch)
    monkeypatch.setattr("beatflow.readiness.diagnosis._CORE", ("burst",))
    document = bf("doctor", "--quick", "--json").json
    assert document["abilities"] == []
    assert document["healthy"] is False


def test_quick_does_not_start_torch(bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path / "lib", "torch", "import os; os.abort()", monkeypatch)
    assert "not tried" in findings(bf, "--quick")["torch"]["words"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise OSError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12"),
        ("import no_such_module", "no_such_module"),
        ("import os; os.abort()", "it took its process down (killed by signal 6)"),
        ("raise SystemExit(3)", "cannot be imported: 3"),
        ("import os; os._exit(4)", "ended with 4"),
        ("raise AttributeError()", "AttributeError"),
    ],
)
def test_a_torch_that_does_not_import(
    code: str, words: str, bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "lib", "torch", f"print('chatter')\n{code}", monkeypatch)
    torch = findings(bf, code=1)["torch"]
    assert torch["state"] == "broken"
    assert words in torch["words"]
    assert torch["fix"] == 'pip install --force-reinstall "beatflow[ai]"'


_CARD = "NVIDIA GeForce RTX 5090, 32607, 31000, 12.0, 570.86"
_TORCH = """
from types import SimpleNamespace as N
__version__ = "2.7.0+cu126"
version = N(cuda="12.6", hip=None)
cuda = N(
    is_available=lambda: True, device_count=lambda: 1, get_device_name=lambda index: "NVIDIA GeForce RTX 5090",
    get_arch_list=lambda: [ARCH], get_device_capability=lambda index: (12, 0),
    mem_get_info=lambda index: (31 << 30, 32 << 30),
)
backends = N(mps=N(is_available=lambda: False))
"""


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for programs")
def test_a_card_that_torch_has_no_kernels_for(
    bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "nvidia-smi", f"echo '{_CARD}'", monkeypatch)
    package(tmp_path / "lib", "torch", _TORCH.replace("ARCH", "'sm_90'"), monkeypatch)
    bf.environment["BF_DEVICE"] = "auto"
    done = bf("doctor", "--json")
    assert done.code == 1
    broken = [one for one in done.json["findings"] if one["state"] == "broken"]
    assert [one["part"] for one in broken] == ["device"]
    assert "no kernels for NVIDIA GeForce RTX 5090 (sm_120)" in broken[0]["words"]
    assert "CUDA 12.8" in broken[0]["fix"]


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for programs")
def test_a_card_that_works(bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "nvidia-smi", f"echo '{_CARD}'", monkeypatch)
    package(tmp_path / "lib", "torch", _TORCH.replace("ARCH", "'sm_120'"), monkeypatch)
    bf.environment["BF_DEVICE"] = "auto"
    device = findings(bf)["device"]
    assert device["state"] == "ok"
    assert device["words"] == "cuda:0 NVIDIA GeForce RTX 5090, float16, 34.4 GB, 33.3 GB free"
    assert findings(bf, "--quick")["device"]["words"] == "NVIDIA GeForce RTX 5090, 34.2 GB"


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for programs")
@pytest.mark.parametrize(
    ("cuda", "words"), [("'12.6'", "torch cannot use"), ("None", "this torch cannot use")]
)
def test_a_card_that_torch_does_not_see(
    cuda: str, words: str, bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "nvidia-smi", f"echo '{_CARD}'", monkeypatch)
    code = _TORCH.replace("lambda: True", "lambda: False").replace("ARCH", "''").replace("'12.6'", cuda)
    package(tmp_path / "lib", "torch", code.replace('cuda="12.6"', f"cuda={cuda}"), monkeypatch)
    bf.environment["BF_DEVICE"] = "auto"
    device = findings(bf)["device"]
    assert device["state"] == "gap"
    assert words in device["words"]
    assert device["fix"]


def test_a_device_that_was_asked_for_and_is_not_there(
    bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "lib", "torch", _TORCH.replace("ARCH", "'sm_120'"), monkeypatch)
    bf.environment["BF_DEVICE"] = "cuda:3"
    assert "the last is cuda:0" in findings(bf, code=1)["device"]["words"]


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        ("raise OSError('PortAudio library not found')", None, "PortAudio library not found"),
        ("import os; os.abort()", None, "killed by signal 6"),
        ("def query_devices(kind): raise ValueError('no default device')", "note", "no default device"),
        (
            "def query_devices(kind): return dict(name='Speakers', default_samplerate=48e3, max_output_channels=2)",
            "ok",
            "Speakers, 48000 Hz",
        ),
    ],
)
def test_audio_device(
    code: str, state: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beatflow.readiness.diagnosis import _audio

    package(tmp_path / "lib", "sounddevice", code, monkeypatch)
    finding = _audio(Question("audio").wait())
    assert words in finding.words
    assert state is None or finding.state == state


def test_the_questions_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in the children, run here."""
    torch = probe._ask_torch("cpu")
    assert torch["device"]["kind"] == "cpu"
    assert torch["device"]["dtype"] == "float32"
    assert "float16" in probe._ask_torch("cpu", "float16")["refused"]["message"]
    assert probe._ask_packages("json", "no_such_module") == {
        "broken": {"no_such_module": "ModuleNotFoundError: No module named 'no_such_module'"}
    }
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert probe._ask_audio()["absent"]
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "beatflow[ai]" in probe._ask_torch()["fix"]


def test_audio_without_a_device_and_with_players(monkeypatch: pytest.MonkeyPatch) -> None:
    from beatflow.readiness.diagnosis import _audio

    for there, states in ((None, ["gap", "broken"]), ("/usr/bin/ffplay", ["ok", "note"])):
        monkeypatch.setattr("shutil.which", lambda name, there=there: there)
        found = [_audio({"error": "x", "absent": True}), _audio({"error": "x"})]
        assert [one.state for one in found] == states


def test_a_machine_without_torch(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatflow.readiness.diagnosis.is_installed", lambda name: False)
    found = findings(bf)
    assert found["torch"]["state"] == "gap"
    assert found["torch"]["fix"] == 'pip install "beatflow[ai]"'
    # Nobody without torch needs weights.
    assert found["weights"]["state"] == "note"
    assert "libraries" not in found


def test_little_memory(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    for memory, state in ((Memory(4 << 30, 1 << 30), "gap"), (Memory(0, 0), "note")):
        monkeypatch.setattr("beatflow.readiness.diagnosis.read_memory", lambda memory=memory: memory)
        assert findings(bf, "--quick")["memory"]["state"] == state


def test_audiocraft_is_looked_for_where_it_is_asked_for(bf: Bf) -> None:
    assert "audiocraft" not in findings(bf, "--quick")
    bf.environment["BF_RUNTIME"] = "audiocraft"
    assert findings(bf, "--quick")["audiocraft"]["state"] in ("ok", "gap")


def test_a_package_that_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from beatflow.readiness.diagnosis import _packages

    package(tmp_path / "lib", "soxr", "raise ImportError('DLL load failed')", monkeypatch)
    (finding,) = _packages(Question("packages", ("json", "soxr")).wait())
    assert (finding.state, finding.fix) == ("broken", "pip install --force-reinstall soxr")
    assert "DLL load failed" in finding.words


def test_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package(tmp_path / "lib", "sounddevice", "while True: pass", monkeypatch)
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.3)
    assert Question("audio").wait() == {"error": "no answer within 0 s"}
    monkeypatch.setattr(probe.sys, "executable", str(tmp_path / "no python"))
    assert "error" in Question("audio").wait()


def test_weights_that_are_not_whole(bf: Bf, no_weights: Path) -> None:
    folder = write(no_weights / "musicgen-small", musicgen_files(100))
    bf.ok("models", "verify")
    weights = findings(bf, "--quick")["weights"]
    assert weights["words"].startswith("1 model here, ")
    (folder / "tokenizer.json").unlink()
    weights = findings(bf, "--quick")["weights"]
    assert (weights["state"], weights["fix"]) == ("gap", "bf models pull musicgen-small")


def test_a_folder_of_weights_that_is_a_file(bf: Bf, no_weights: Path) -> None:
    no_weights.write_text("")
    out = bf("doctor", "--quick").stdout
    assert f"{no_weights.name} is no folder" in " ".join(out.split())


def test_a_disk_that_is_full(bf: Bf, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    usage = shutil.disk_usage(Path(__file__))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert findings(bf, "--quick", code=1)["disk"]["state"] == "broken"


def test_programs_that_are_not_there(bf: Bf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = findings(bf, "--quick")
    assert found["ffmpeg"]["state"] == found["git"]["state"] == "note"
    assert "ffmpeg" in found["ffmpeg"]["fix"]


def test_a_folder_that_shadows_modules_is_not_looked_into(bf: Bf) -> None:
    (bf.directory / "json.py").write_text("raise SystemExit('shadowed')")
    assert bf.spawn("doctor", "--quick").code in (0, 1)
    assert findings(bf, "--quick")["packages"]["state"] == "ok"
