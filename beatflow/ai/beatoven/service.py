"""Beatoven's public API in two verbs: order a track, and ask what became of it.

Source: https://github.com/Beatoven/public-api/blob/main/docs/api-spec.md. An answer that lacks what the API promises is
an error here and nothing worse. Knows no samples.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beatflow.ai.beatoven.transport import RefusedError, Transport, UnclearError
from beatflow.errors import EngineError

FAILED = ("failed", "failure", "error", "cancelled", "canceled")

_TASK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
# Stems become names of files: nothing that could lead out of a folder.
_STEM = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Task:
    """What became of an order; ``track_url`` is None until it is composed."""

    name: str
    status: str
    track_url: str | None = None
    stem_urls: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


def make_order(prompt: str, looping: bool) -> dict[str, Any]:
    """The body of an order: lossless, since the stems are to sum to the track."""
    return {"prompt": {"text": prompt}, "format": "wav", "looping": looping}


def order_track(transport: Transport, order: Mapping[str, Any]) -> str:
    """Order a track, which costs money, and return the task's name.

    Raises
    ------
    UnclearError
        The order was sent, and no task came back.
    EngineError
        It was not taken.
    """
    try:
        answer = transport.post("/api/v1/tracks/compose", order)
    except RefusedError as error:
        if error.status < 500:
            raise
        raise UnclearError(error.message) from error  # it may have stumbled after it took the order
    task = answer.get("task_id") if isinstance(answer, dict) else None
    if not isinstance(task, str) or not _TASK.fullmatch(task):
        raise UnclearError("Beatoven's answer names no task")
    return task


def ask_task(transport: Transport, task: str) -> Task:
    """Ask what became of an order.

    Raises
    ------
    RefusedError
        404: there is no such task (any more).
    EngineError
    """
    if not _TASK.fullmatch(task):
        raise EngineError(f"{task!r} is no task of Beatoven's")
    answer = transport.get(f"/api/v1/tasks/{task}")
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, str):
        raise EngineError("Beatoven's answer has no status", hint="run the same command again later")
    meta = answer.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    status = status.lower()
    if status != "composed":
        words = meta.get("message") or answer.get("message") or ""
        return Task(task, status, message=" ".join(str(words).split())[:200])
    url, stems = meta.get("track_url"), meta.get("stems_url")
    if not isinstance(url, str) or not url:
        raise EngineError("Beatoven's answer names no track", hint="run the same command again later")
    stems = stems if isinstance(stems, dict) else {}
    return Task(task, status, url, {name: at for name, at in stems.items() if _is_stem(name, at)})


def _is_stem(name: str, url: object) -> bool:
    return bool(_STEM.fullmatch(name)) and name != "mix" and isinstance(url, str) and url != ""
