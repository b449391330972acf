"""Asking packages about themselves in a process of its own, so that none of them can take ``bf doctor`` down with it.

A torch that aborts the process, a PortAudio that hangs, a numpy that does not import: each is an answer. The answers
are JSON on the child's standard output.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

TIMEOUT_S = 90.0
_CODE = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from beatflow.readiness.probe import answer; answer(sys.argv[2], sys.argv[3:])"
)


class Question:
    """A question that was put to a child process; `wait` gives the answer."""

    def __init__(self, what: str, arguments: Sequence[str] = ()) -> None:
        # The same modules as here, and none from the folder that we happen to be in.
        command = [sys.executable, "-P", "-c", _CODE, json.dumps(sys.path), what, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._failure = ""
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            self._failure = str(error)

    def wait(self) -> dict[str, Any]:
        """The answer; ``{"error": words}`` where there is none."""
        if self._process is None:
            return {"error": self._failure}
        try:
            out, err = self._process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.close()
            return {"error": f"no answer within {TIMEOUT_S:.0f} s"}
        with suppress(ValueError):
            answered = json.loads(out.decode("utf-8", "replace").strip().rpartition("\n")[2])
            if isinstance(answered, dict):
                return answered
        code = self._process.returncode
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        how = f"killed by signal {-code}" if code < 0 else f"ended with {code}"
        return {"error": f"it took its process down ({how})" + (f": {last}" if last else "")}

    def close(self) -> None:
        """End the child."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def answer(what: str, arguments: Sequence[str]) -> None:
    """Run in the child: answer one question on standard output, whatever the packages print."""
    # Native libraries print to descriptor 1 as they like: it becomes the errors', and the answer gets one of its own.
    channel = os.dup(1)
    os.dup2(2, 1)
    questions = {"torch": _ask_torch, "audio": _ask_audio, "packages": _ask_packages}
    text = json.dumps(questions[what](*arguments))
    with os.fdopen(channel, "w", encoding="utf-8") as out:
        out.write(text + "\n")
    # Some drivers crash at exit; the answer has been given.
    os._exit(0)


def _ask_torch(wanted: str = "auto", dtype: str = "auto") -> Mapping[str, Any]:
    """Which torch it is, which devices it can use, and which one would be taken."""
    from beatflow.ai.device import choose_device, choose_dtype, explain_unfit, import_torch
    from beatflow.errors import BeatFlowError

    try:
        torch = import_torch()
    except BeatFlowError as error:
        return {"error": error.message, "fix": error.hint}
    found: dict[str, Any] = {"version": str(torch.__version__), "cuda": torch.version.cuda, "unfit": []}
    with suppress(Exception):
        for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
            if unfit := explain_unfit(torch, index):
                found["unfit"].append({"message": unfit[0], "fix": unfit[1]})
    try:
        device = choose_device(wanted)
        found["device"] = {
            "name": device.torch_name,
            "kind": device.kind,
            "model": device.name,
            "total_bytes": device.total_bytes,
            "free_bytes": device.free_bytes,
            "dtype": choose_dtype(device, dtype),
        }
    except BeatFlowError as error:
        found["refused"] = {"message": error.message, "fix": error.hint}
    except Exception as error:
        found["refused"] = {"message": f"torch fails: {' '.join(str(error).split())}", "fix": "--device cpu"}
    return found


def _ask_audio() -> Mapping[str, Any]:
    """Which device sounds would be played on."""
    try:
        sounddevice: Any = import_module("sounddevice")
    except ModuleNotFoundError as error:
        return {"error": str(error), "absent": True}
    except Exception as error:
        return {"error": " ".join(str(error).split()) or type(error).__name__}
    try:
        device = sounddevice.query_devices(kind="output")
        return {
            "device": str(device["name"]),
            "sample_rate": float(device["default_samplerate"]),
            "channels": int(device["max_output_channels"]),
        }
    except Exception as error:
        return {"error": " ".join(str(error).split()) or type(error).__name__, "none": True}


def _ask_packages(*names: str) -> Mapping[str, Any]:
    """Which packages do not import, and why."""
    broken = {}
    for name in names:
        try:
            import_module(name)
        except (Exception, SystemExit) as error:
            broken[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return {"broken": broken}
