"""The graphics cards of a machine, without torch: NVIDIA's own tool tells in a tenth of a second. May find none."""

import shutil
import subprocess
from dataclasses import dataclass

_QUERY = "name,memory.total,memory.free,compute_cap,driver_version"


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card: its memory in bytes, and what it can compute (``(12, 0)``), where that is told."""

    name: str
    total_bytes: int
    free_bytes: int
    capability: tuple[int, int] | None
    driver: str


def find_cards() -> list[Card]:
    """Ask ``nvidia-smi``; none where there is no such tool, or it fails."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    try:
        told = subprocess.run(
            [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_cards(told.stdout)


def parse_cards(text: str) -> list[Card]:
    """Read what ``nvidia-smi`` tells, a card a line, in MiB; lines that it cannot fill in are left out."""
    cards = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        try:
            name, total, free, capability, driver = parts
            major, _, minor = capability.partition(".")
            known = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
            cards.append(Card(name, int(total) << 20, int(free) << 20, known, driver))
        except ValueError:
            continue
    return cards
