"""Recipes: everything that is needed to make a sound again and to judge it, as its provenance record tells it.

Knows no files and no repository. ``docs/lineage.md`` describes the records.
"""

import platform
import sys
from dataclasses import asdict
from typing import Any

from beatflow import __version__
from beatflow.ai.engine import Brief
from beatflow.ai.table import Choice
from beatflow.making.structure import format_structure
from beatflow.making.take import Made
from beatflow.sound.audio import Audio

_PACKAGES = ("numpy", "scipy")
_NEURAL_PACKAGES = (
    "torch", "transformers", "tokenizers", "safetensors", "demucs", "audiocraft", "torchaudio", "xformers",
)  # fmt: skip
"""What may have a say in the samples; recorded where it was loaded."""


def describe(made: Made, kind: str | None = None) -> dict[str, Any]:
    """The record of a performance: of its mix and its stems alike."""
    performance, source = made.performance, made.source
    record = {
        "kind": kind or ("hum" if source else "generate"),
        **describe_engine(made.choice),
        **describe_brief(made.brief),
        "sampling": {**made.request.drawing, **_mapping(performance.parameters.get("sampling"))},
        "tempo": performance.tempo,
        "key": performance.key,
        "bars": performance.bars,
        "meter": performance.meter,
        "parameters": dict(performance.parameters),
        "inputs": [dict(item) for item in source.inputs] if source else [],
        **surroundings(made.choice, made.seconds, performance.mix),
    }
    if made.contract:
        record["contract"] = made.contract.to_json()
    if source and source.heard:
        record["heard"] = dict(source.heard)
    # An engine that was short of memory tells itself which takes it really drew at once.
    batch = _mapping(performance.parameters.get("batch")) or (asdict(made.batch) if made.batch else {})
    if len(batch.get("seeds", ())) > 1:
        record["batch"] = {"seeds": list(batch["seeds"]), "index": batch["index"]}
    return record


def describe_engine(choice: Choice) -> dict[str, Any]:
    """Which engine it was, and under which licence its weights are."""
    info = choice.info
    return {
        "engine": info.name,
        "engine_version": info.version,
        "licence": info.licence,
        "weights": list(info.weights),
    }


def describe_brief(brief: Brief) -> dict[str, Any]:
    """What the engine was asked for."""
    playing = {
        "loudness_lufs": brief.loudness_lufs,
        "swing": brief.swing,
        "humanize": brief.humanize,
        "structure": format_structure(brief.structure) or None,
    }
    return {
        "prompt": brief.prompt,
        "seed": brief.seed,
        "asked": {
            "tempo": brief.tempo,
            "key": brief.key,
            "bars": brief.bars,
            "duration_s": brief.duration_s,
            "meter": brief.meter,
            "loop": brief.loop,
            **{name: value for name, value in playing.items() if value is not None},
        },
        **({"context": asdict(brief.context)} if brief.context else {}),
    }


def surroundings(choice: Choice, seconds: float, audio: Audio | float) -> dict[str, Any]:
    """On what and how fast something was made; ``audio`` is the result or its length in seconds.

    To be asked once the engine has worked: before, it may not know its device.
    """
    duration_s = audio.duration_s if isinstance(audio, Audio) else audio
    facts = choice.facts
    return {
        "device": facts.device,
        "dtype": facts.dtype,
        "runtime": facts.runtime,
        "weight_digests": dict(facts.weights),
        "packages": _list_packages(choice),
        "seconds": round(seconds, 3),
        "real_time_factor": round(duration_s / max(seconds, 1e-6), 2),
    }


def _list_packages(choice: Choice) -> dict[str, str]:
    """Versions of what the engine computes with: loaded, and not merely installed."""
    neural = choice.info.extra is not None or bool(choice.info.weights)
    own = type(choice.engine).__module__.partition(".")[0]
    names = [*_PACKAGES, *(_NEURAL_PACKAGES if neural else ()), *([own] if own != "beatflow" else [])]
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in names}
    found = {name: str(version) for name, version in versions.items() if version is not None}
    return {"beatflow": __version__, "python": platform.python_version(), **found}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
