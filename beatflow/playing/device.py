"""The audio device of this machine, through PortAudio (the package sounddevice), and what it takes.

Samples go out as 32-bit floats at the sound's own rate where the device takes that, so that nothing stands between the
file and the device's driver. Knows no files.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from beatflow.errors import BeatFlowError, EngineError, UsageError
from beatflow.sound.audio import Samples

LATENCY_S = 0.15
"""How much the device has in hand: enough for reading a block from a busy disk, little enough for a key to act."""
INSTALL = "pip install 'beatflow[play]'"
NO_DEVICE = "bf preview FILE -o listen.mp3 makes something to listen to elsewhere"
_PREFERRED_CHANNELS = 2


class Output(Protocol):
    """Something that plays samples."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def sample_rate(self) -> int:
        """Frames per second."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def latency_s(self) -> float:
        """How long after it was given a sample is heard."""
        ...

    @property
    def gaps(self) -> int:
        """How often it had nothing to play so far."""
        ...

    def write(self, samples: Samples) -> None:
        """Play these next, shape (frames, channels); returns when there is room for more."""
        ...

    def drain(self) -> None:
        """Wait until all of it was heard."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What a device is opened with."""

    sample_rate: int
    channels: int


class DeviceOutput(AbstractContextManager["DeviceOutput"]):
    """A device, open.

    Parameters
    ----------
    sample_rate, channels : int
        Of the sound; the device may be opened otherwise, see its attributes.
    device : str, optional
        Its number, or part of its name; the system's own choice otherwise.

    Raises
    ------
    EngineError
        There is no sounddevice, no PortAudio, no device, or it cannot be opened.
    UsageError
        No device is called that, or several are.
    """

    def __init__(self, sample_rate: int, channels: int, device: str | None = None) -> None:
        self._library = library = _load()
        found = _find(library, device)
        self.name = str(found["name"])
        self.gaps = 0

        def accepts(shape: Shape) -> bool:
            try:
                library.check_output_settings(
                    device=found["index"],
                    channels=shape.channels,
                    dtype="float32",
                    samplerate=shape.sample_rate,
                )
            except library.PortAudioError:
                return False
            return True

        shape = choose_shape(accepts, Shape(sample_rate, channels), round(found["default_samplerate"]))
        self.sample_rate, self.channels = shape.sample_rate, shape.channels
        try:
            self._stream: Any = library.OutputStream(
                samplerate=shape.sample_rate,
                device=found["index"],
                channels=shape.channels,
                dtype="float32",
                latency=LATENCY_S,
            )
            self._stream.start()
        except library.PortAudioError as error:
            raise EngineError(
                f"the device {self.name} cannot be opened: {_reason(error)}", NO_DEVICE
            ) from error
        self.latency_s = float(self._stream.latency)

    def write(self, samples: Samples) -> None:
        """Play these next."""
        try:
            self.gaps += bool(self._stream.write(np.ascontiguousarray(samples, np.float32)))
        except self._library.PortAudioError as error:
            raise EngineError(
                f"the device {self.name} went away: {_reason(error)}", "plug it in again"
            ) from error

    def drain(self) -> None:
        """Wait until all of it was heard."""
        self._stream.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Stopping would play what is still in hand; after an error or Ctrl-C nobody wants to hear that.
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


def list_devices() -> list[dict[str, Any]]:
    """Return the devices that can play: ``index``, ``name``, ``channels``, ``sample_rate``, ``default``.

    Raises
    ------
    EngineError
        There is no sounddevice or no PortAudio.
    """
    library = _load()
    chosen = library.default.device[1]
    if chosen < 0:
        chosen = next((api["default_output_device"] for api in library.query_hostapis()), -1)
    return [
        {
            "index": found["index"],
            "name": found["name"],
            "channels": found["max_output_channels"],
            "sample_rate": round(found["default_samplerate"]),
            "default": found["index"] == chosen,
        }
        for found in library.query_devices()
        if found["max_output_channels"] > 0
    ]


def choose_shape(accepts: Callable[[Shape], bool], wanted: Shape, own_rate: int) -> Shape:
    """Choose how a device is opened for a sound: as the sound is, with two channels, at the device's own rate.

    The first that the device accepts is taken; where it accepts nothing, the last is tried all the same, and opening it
    tells why not.
    """
    tries = [
        Shape(rate, channels)
        for rate in dict.fromkeys((wanted.sample_rate, own_rate, 48_000))
        for channels in dict.fromkeys((wanted.channels, _PREFERRED_CHANNELS))
    ]
    return next((shape for shape in tries if accepts(shape)), Shape(own_rate, _PREFERRED_CHANNELS))


def _load() -> Any:
    """Load sounddevice.

    Raises
    ------
    EngineError
        It is not installed, finds no PortAudio, or would not survive the system's configuration.
    """
    if sys.platform == "linux":
        _check_alsa()
    try:
        import sounddevice
    except ImportError as error:
        raise EngineError("playing needs the package sounddevice, which is not here", INSTALL) from error
    except OSError as error:
        raise EngineError(
            "playing needs the library PortAudio, which is not here",
            "apt install libportaudio2, or whatever it is called on this system",
        ) from error
    return sounddevice


def _check_alsa() -> None:
    """See that ALSA's configuration names a default device.

    PortAudio asserts that it does (``BuildDeviceList`` in pa_linux_alsa.c), and where the configuration is missing or
    broken it takes the whole process with it. What is read here is not read again: it is the same library.

    Raises
    ------
    EngineError
        There is no such configuration.
    """
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:
        return  # a PortAudio without ALSA, or none
    with _hushed(alsa):
        if alsa.snd_config_update() >= 0:
            root, found = ctypes.c_void_p.in_dll(alsa, "snd_config"), ctypes.c_void_p()
            search = alsa.snd_config_search
            search.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
            if any(search(root, name, ctypes.byref(found)) >= 0 for name in (b"pcm.default", b"pcm.dmix")):
                return
    raise EngineError(
        "there is no audio device to play on: ALSA's configuration is missing or broken",
        "apt install libasound2-data, or mend ~/.asoundrc; " + NO_DEVICE,
    )


@contextmanager
def _hushed(alsa: ctypes.CDLL) -> Iterator[None]:
    """Have ALSA write nothing to standard error of its own accord, for a ``with`` block."""
    ignore = ctypes.CFUNCTYPE(None)(lambda: None)
    alsa.snd_lib_error_set_handler(ignore)
    try:
        yield
    finally:
        alsa.snd_lib_error_set_handler(None)


def _find(library: Any, wanted: str | None) -> Any:
    try:
        return library.query_devices(int(wanted) if wanted and wanted.isdigit() else wanted, "output")
    except ValueError as error:
        devices = list_devices()
        if wanted is not None and devices:
            names = "; ".join(f"{found['index']} {found['name']}" for found in devices)
            raise UsageError(
                f"no device {wanted!r} to play on, or more than one", f"there are: {names}"
            ) from error
        raise EngineError("there is no audio device to play on", NO_DEVICE) from error
    except library.PortAudioError as error:
        raise EngineError("there is no audio device to play on", NO_DEVICE) from error


def _reason(error: BeatFlowError | Exception) -> str:
    return str(error.args[0] if error.args else error).rstrip(".")
