"""MusicGen (Copet and others 2023): words, a melody or the end of a piece to music, on whichever runtime runs it.

Speaks `runtime.Runtime` and numpy alone; importing this, or making the engine, imports no torch. The order of things is
here; what the words mean is `prompting`'s, how long pieces hold together `windows`', how loud they get `level`'s.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from beatflow.ai.device import Device, choose_device, choose_dtype, is_out_of_memory, memory_guard
from beatflow.ai.engine import (
    Brief,
    EngineInfo,
    Guide,
    Performance,
    Progress,
    RunFacts,
    Setup,
    no_progress,
)
from beatflow.ai.musicgen.audiocraft_install import INSTALL_AUDIOCRAFT, check_installed
from beatflow.ai.musicgen.budget import Budget, advise, check_fits, reckon
from beatflow.ai.musicgen.checkpoint import read_checkpoint
from beatflow.ai.musicgen.guide import hear_guide
from beatflow.ai.musicgen.level import SUBTYPE, TARGET_LUFS, Level, master, match_level
from beatflow.ai.musicgen.prompting import Order, read_brief
from beatflow.ai.musicgen.runtime import Geometry, Runtime, Tokens, Wave
from beatflow.ai.musicgen.takes import MADE_ROOM, Effort, Job, Take, draw_takes
from beatflow.ai.musicgen.windows import STRIDE
from beatflow.ai.weights.catalogue import MODELS
from beatflow.ai.weights.shelf import get_weights
from beatflow.errors import AudioError, EngineError, UsageError
from beatflow.sound.audio import Audio, Samples
from beatflow.sound.loudness import measure_loudness
from beatflow.sound.resample import resample

INSTALL = 'pip install "beatflow[ai]"'
LICENCE = "CC-BY-NC-4.0"
SAMPLE_RATE = 32000
_PACKAGES = {"transformers": ("torch", "transformers"), "audiocraft": ("torch", "audiocraft")}
_LEAD_S = 2.0
"""How much of a piece's end a continuation renders once more."""

QUICKER = "on the CPU --dtype int8 is about three times as fast, and costs what bfloat16 does"

_LOADING, _DRAWING = 0.03, 0.93
"""Shares of the progress at which loading and drawing are over."""


class MusicgenEngine:
    """One of the published MusicGen models; which one, `Setup.engine` tells. It stays loaded between calls.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self._setup = setup or Setup()
        name = self._setup.engine or "musicgen-small"
        tasks = {"generate", "extend", *(("accompany",) if "melody" in name else ())}
        self.info = EngineInfo(
            name=name,
            version="1",
            tasks=frozenset(tasks),
            licence=MODELS[name].licence if name in MODELS else LICENCE,
            sample_rate=SAMPLE_RATE,
            extra="ai",
            weights=(name,),
            options=frozenset({"temperature", "top_k", "top_p", "guidance"}),
            promises=frozenset({"duration"}),
        )
        self._loaded: _Loaded | None = None

    def check_ready(self) -> None:
        """See whether the packages and the weights are here; imports and loads nothing.

        Raises
        ------
        EngineError
            One of them is not.
        """
        if self._runtime_name == "audiocraft":
            check_installed()
        for package in _PACKAGES[self._runtime_name]:
            if find_spec(package) is None:
                raise EngineError(f"{package} is not installed", hint=_install_hint(package))
        get_weights(self.info.name, self._setup)

    @property
    def facts(self) -> RunFacts:
        """On what it runs, or, before it has run, what was asked for."""
        if self._loaded:
            return replace(self._loaded.runtime.facts, loading_s=self._loaded.loading_s)
        return RunFacts(self._setup.device, self._setup.dtype, self._runtime_name)

    def generate(self, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece of music from words.

        Raises
        ------
        UsageError
            The brief asks for what cannot be (`prompting.read_brief`).
        EngineError
            A package or the weights are missing or broken.
        MemoryShortError
            It does not fit, however small the pieces.
        """
        return self.generate_batch([brief], None, progress)[0]

    def accompany(self, guide: Guide, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Make a piece whose melody follows a recording, or notes; raises what `generate` does."""
        return self.generate_batch([brief], guide, progress)[0]

    def generate_batch(
        self, briefs: Sequence[Brief], guide: Guide | None = None, progress: Progress = no_progress
    ) -> list[Performance]:
        """Make a piece for each brief, as many at once as fit; they differ in nothing but their seeds."""
        if not briefs:
            return []
        order = read_brief(briefs[0])
        loaded = self._load(order, _Rising(progress))
        runtime, geometry = loaded.runtime, loaded.runtime.geometry
        rising = _Rising(progress, _LOADING)
        text = self._fit(runtime, order)
        frames = max(1, round(order.duration_s * geometry.sample_rate))
        melody, heard = (None, None) if guide is None else self._hear(guide, order, geometry, rising)
        steps = -(-frames * round(geometry.token_rate) // geometry.sample_rate)
        job = Job(text, steps, order.sampling, None, melody)
        takes = self._draw(loaded, job, [brief.seed for brief in briefs], rising)
        made = []
        for number, take in enumerate(takes):
            rising(_DRAWING + (0.99 - _DRAWING) * number / len(takes), "decoding")
            with memory_guard("decoding", advise(self.info.name, loaded.device)):
                wave = runtime.decode_tokens(take.tokens[None])[0]
            starts = _starts(take, geometry.sample_rate / geometry.token_rate, frames)
            mix, level = master(_finite(wave.T[:frames], self.info.name), geometry.sample_rate, starts)
            parameters = self._parameters(order, job, take, level, runtime) | {"melody": heard}
            made.append(_perform(mix, parameters))
        rising(1.0, "done")
        return made

    def extend(self, audio: Audio, brief: Brief, progress: Progress = no_progress) -> Performance:
        """Continue a piece; raises what `generate` does, and AudioError where there is next to nothing to continue."""
        order = read_brief(brief)
        loaded = self._load(order, _Rising(progress))
        runtime, geometry = loaded.runtime, loaded.runtime.geometry
        rising = _Rising(progress, _LOADING)
        text = self._fit(runtime, order)
        end = prepare_end(audio, geometry.sample_rate, geometry.channels, geometry.window_s * (1 - STRIDE),
                          round(geometry.sample_rate / geometry.token_rate))  # fmt: skip
        gain = _encoding_gain(end)
        lead = self._encode(loaded, np.ascontiguousarray((end.samples * np.float32(gain)).T))
        frames = max(1, round(order.duration_s * geometry.sample_rate))
        steps = -(-frames * round(geometry.token_rate) // geometry.sample_rate)
        job = Job(text, steps, order.sampling, lead)
        take = self._draw(loaded, job, [brief.seed], rising)[0]
        rising(_DRAWING, "decoding")
        with memory_guard("decoding", advise(self.info.name, loaded.device)):
            wave = runtime.decode_tokens(np.concatenate([lead, take.tokens[None]], axis=2))[0]
        again = min(end.frames, round(_LEAD_S * geometry.sample_rate))
        samples = _finite(wave.T[end.frames - again : end.frames + frames], self.info.name) / np.float32(gain)
        hop = geometry.sample_rate / geometry.token_rate
        starts = [0, *(again + start for start in _starts(take, hop, frames)[1:])]
        original = Audio(end.samples[end.frames - again :], end.sample_rate)
        mix, level = match_level(samples, geometry.sample_rate, again, original, starts)
        parameters = self._parameters(order, job, take, level, runtime)
        parameters["lead_s"] = lead.shape[2] / geometry.token_rate
        rising(1.0, "done")
        return _perform(mix, parameters, again)

    @property
    def _runtime_name(self) -> str:
        asked = self._setup.runtime
        if asked not in ("auto", *_PACKAGES):
            raise UsageError(f"no runtime is called {asked!r}", hint=f"auto, {', '.join(_PACKAGES)}")
        return "transformers" if asked == "auto" else asked

    def _load(self, order: Order, progress: Progress) -> "_Loaded":
        """Load the weights if they are not, after seeing that they fit."""
        progress(0.0, f"loading {self.info.name}")
        if self._loaded:
            return self._loaded
        started = time.perf_counter()
        self.check_ready()
        folder = get_weights(self.info.name, self._setup)
        device = choose_device(self._setup.device)
        dtype = choose_dtype(device, self._setup.dtype)
        if (device.kind, self._setup.dtype, self._runtime_name) == ("cpu", "auto", "transformers"):
            self._setup.tell(QUICKER)
        budget = None
        if (folder / "config.json").is_file():
            checkpoint = read_checkpoint(folder, self.info.name)
            budget = reckon(
                checkpoint, device, dtype, self._setup.memory_bytes, order.sampling.guidance != 1.0
            )
            window = min(order.duration_s, checkpoint.geometry.window_s / 4)
            check_fits(budget, self.info.name, device, round(window * checkpoint.geometry.token_rate))
        make = _get_runtime(self._runtime_name)
        with memory_guard(self.info.name, advise(self.info.name, device)):
            runtime = make(folder, device, dtype, self.info.name)
        self._loaded = _Loaded(runtime, device, budget, time.perf_counter() - started)
        return self._loaded

    def _fit(self, runtime: Runtime, order: Order) -> str:
        """Cut the words to what is read, and say what was assumed of the brief."""
        for remark in order.remarks:
            self._setup.tell(remark)
        fit = runtime.fit_prompt(order.text)
        if fit.text != order.text:
            self._setup.tell(
                f"the prompt is too long: of {len(order.text)} characters the first {len(fit.text)} are read"
            )
        elif order.text and 2 * fit.unknown >= fit.pieces - 1:
            self._setup.tell("the model reads English: it knows hardly a word of this prompt")
        return fit.text

    def _hear(
        self, guide: Guide, order: Order, geometry: Geometry, progress: Progress
    ) -> tuple[Wave, dict[str, object]]:
        """Turn a guide into what the model follows."""
        if not geometry.melody:
            raise UsageError(f"{self.info.name} follows no melody", hint="--engine musicgen-melody")

        def listen(fraction: float, what: str) -> None:
            progress(_LOADING, "hearing the melody")

        longest_s = max(order.duration_s, geometry.window_s)
        return hear_guide(guide, geometry.sample_rate, self._setup, longest_s, listen)

    def _encode(self, loaded: "_Loaded", wave: Wave) -> Tokens:
        """Turn a sound into tokens; where memory is short, once more with the room that can be made."""
        with memory_guard("encoding", advise(self.info.name, loaded.device)):
            try:
                return loaded.runtime.encode_audio(wave)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                traceback.clear_frames(error.__traceback__)  # they hold what did not fit
                if not loaded.runtime.make_room():
                    raise
            self._setup.tell(MADE_ROOM)
            return loaded.runtime.encode_audio(wave)

    def _draw(self, loaded: "_Loaded", job: Job, seeds: Sequence[int], progress: Progress) -> list[Take]:
        """Draw all takes, with as much at once as the budget holds."""
        geometry = loaded.runtime.geometry
        total = max(1, job.steps * len(seeds))
        effort = loaded.effort or Effort(len(seeds), geometry.window_s)
        if loaded.budget is not None:
            known = 0 if job.lead is None else job.lead.shape[2]
            window = min(job.steps + known, round(effort.window_s * geometry.token_rate))
            most = loaded.budget.most_takes(min(effort.takes, len(seeds)), window)
            if most < min(effort.takes, len(seeds)):
                self._setup.tell(f"memory is short: {most} of {len(seeds)} takes at once")
            effort = Effort(most, effort.window_s)

        def report(steps: int) -> None:
            share = min(1.0, steps / total)
            seconds = steps / len(seeds) / geometry.token_rate
            progress(_LOADING + (_DRAWING - _LOADING) * share, f"playing {seconds:.1f} s")

        report(0)
        advice = advise(self.info.name, loaded.device)
        takes, came_to = draw_takes(loaded.runtime, job, seeds, effort, report, self._setup.tell, advice)
        if came_to != effort:
            loaded.effort = came_to
        return takes

    def _parameters(
        self, order: Order, job: Job, take: Take, level: Level, runtime: Runtime
    ) -> dict[str, object]:
        """Every choice, ready for JSON."""
        rate = runtime.geometry.token_rate
        return {
            "prompt_sent": job.prompt,
            "duration_s": order.duration_s,
            "bars_counted": order.bars,
            "tempo_worded": order.tempo,
            "sampling": asdict(order.sampling),
            "window_s": take.effort.window_s,
            "windows": [
                {"start_s": one.start / rate, "lead_s": one.lead / rate, "steps": one.steps} for one in take.windows
            ],
            "batch": {"seeds": list(take.batch), "index": take.index},
            "loudness_target_lufs": TARGET_LUFS if job.lead is None else None,
            "level": {**asdict(level), "window_lufs": list(level.window_lufs),
                      "window_gains_db": list(level.window_gains_db)},
        }  # fmt: skip


@dataclass(slots=True)
class _Loaded:
    """A model in memory; ``effort`` is what the last call came to when memory was short."""

    runtime: Runtime
    device: Device
    budget: Budget | None
    loading_s: float
    effort: Effort | None = None


class _Rising:
    """Progress that never goes back, however often something is tried again."""

    def __init__(self, progress: Progress, least: float = 0.0) -> None:
        self._progress, self._most = progress, least

    def __call__(self, fraction: float, what: str) -> None:
        self._most = max(self._most, fraction)
        self._progress(self._most, what)


def prepare_end(audio: Audio, sample_rate: int, channels: int, longest_s: float, hop: int) -> Audio:
    """The end of a piece as the codec takes it: its rate and channels, a whole number of steps.

    Raises
    ------
    AudioError
        It is shorter than one step.
    """
    wanted = int(longest_s * sample_rate) // hop * hop
    # A little more than is wanted, so that the resampler's start is behind what is kept.
    kept = audio.samples[max(0, audio.frames - round((longest_s + 0.2) * audio.sample_rate)) :]
    if kept.shape[1] != channels:
        mono = kept.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
        kept = np.repeat(mono, channels, axis=1)
    there = resample(Audio(np.ascontiguousarray(kept), audio.sample_rate), sample_rate).samples
    frames = min(wanted, len(there) // hop * hop)
    if not frames:
        raise AudioError(f"{audio.frames} frames are too little to continue", hint="give at least a second")
    return Audio(there[len(there) - frames :], sample_rate)


def _encoding_gain(end: Audio) -> float:
    """What brings the end of a piece to the level of the music that the codec was trained on; undone afterwards."""
    loud = measure_loudness(end)
    if loud.integrated_lufs is None or loud.sample_peak_dbfs is None or loud.integrated_lufs < -60:
        return 1.0
    wanted_db = min(TARGET_LUFS - loud.integrated_lufs, -loud.sample_peak_dbfs)
    return float(10 ** (wanted_db / 20))


def _starts(take: Take, hop: float, frames: int) -> list[int]:
    """Frames at which the stretches that the windows added begin."""
    starts, steps = [], 0
    for window in take.windows:
        starts.append(min(frames, round(steps * hop)))
        steps += window.steps
    return starts


def _finite(samples: Samples, name: str) -> Samples:
    if not np.isfinite(samples).all():
        raise EngineError(
            f"{name} made what is no sound", hint=f"bf models verify {name}, or --dtype float32"
        )
    return np.ascontiguousarray(samples)


def _perform(mix: Audio, parameters: dict[str, object], lead: int = 0) -> Performance:
    return Performance({}, mix, SUBTYPE, None, None, None, None, {}, parameters, lead)


def _get_runtime(name: str) -> Callable[[Path, Device, str, str], Runtime]:
    try:
        if name == "audiocraft":
            from beatflow.ai.musicgen.audiocraft_runtime import AudiocraftRuntime

            return AudiocraftRuntime
        from beatflow.ai.musicgen.transformers_runtime import TransformersRuntime

        return TransformersRuntime
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise EngineError(f"{name} cannot be imported: {reason}", hint=_install_hint(name)) from error


def _install_hint(package: str) -> str:
    return INSTALL_AUDIOCRAFT if package == "audiocraft" else INSTALL
