"""How much memory the machine has and how much of it may still be used; containers' limits count.

Asks the operating system alone: no torch, no packages. Quick enough for ``bf doctor``.
"""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """Bytes: of the machine (or of the container that we are in), and what may still be taken."""

    total_bytes: int
    free_bytes: int


def read_memory(root: Path = Path("/")) -> Memory:
    """Ask the operating system; zeros where it does not tell.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` lie, on Linux.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return _linux(root)


def _linux(root: Path) -> Memory:
    figures = {
        match[1]: int(match[2]) * 1024
        for match in re.finditer(r"^(\w+):\s+(\d+) kB$", _text(root / "proc" / "meminfo"), re.M)
    }
    total = figures.get("MemTotal", 0)
    free = figures.get("MemAvailable", figures.get("MemFree", 0))
    for limit, used in _group_limits(root):
        total = min(total, limit) if total else limit
        free = min(free, max(limit - used, 0))
    return Memory(total, free)


def _group_limits(root: Path) -> list[tuple[int, int]]:
    """Limit and use of every control group that this process is in, both generations.

    The page cache counts as used there, and is given up when memory is needed: what is inactive of it is free.
    """
    found = []
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        parts = line.split(":", 2)
        if len(parts) < 3 or (parts[1] and "memory" not in parts[1].split(",")):
            continue
        second = not parts[1]
        top = root / "sys" / "fs" / "cgroup" / ("" if second else "memory")
        limit_name, used_name = (
            ("memory.max", "memory.current") if second else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        )
        group = top / parts[2].strip("/")
        # A limit higher up binds as well. In a container the path may be the host's: then only the top is there.
        for folder in {group, *group.parents} & {top, *_below(top, group)}:
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            # The first generation writes a number near 2**63 for "none".
            if limit is None or used is None or limit >= 1 << 60:
                continue
            cache = re.search(r"^(?:total_)?inactive_file (\d+)$", _text(folder / "memory.stat"), re.M)
            found.append((limit, max(used - (int(cache[1]) if cache else 0), 0)))
    return found


def _below(top: Path, group: Path) -> set[Path]:
    return {group, *(parent for parent in group.parents if top in parent.parents)}


def _macos() -> Memory:
    total = 0
    with suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        told = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return Memory(total, total)
    return Memory(total, parse_vm_stat(told.stdout))


def parse_vm_stat(text: str) -> int:
    """Bytes that macOS would give to who asks: free pages and those that can be dropped at once."""
    size = re.search(r"page size of (\d+) bytes", text)
    pages = sum(
        int(match[1])
        for match in re.finditer(r"^Pages (?:free|inactive|speculative|purgeable):\s+(\d+)\.", text, re.M)
    )
    return pages * (int(size[1]) if size else 4096)


def _windows() -> Memory:
    import ctypes

    class Status(ctypes.Structure):
        # MEMORYSTATUSEX in sysinfoapi.h
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "page_total", "page_free", "virtual", "virtual_free", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    kernel = ctypes.__dict__["windll"].kernel32  # only there on Windows
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return Memory(0, 0)
    return Memory(int(status.total), int(status.free))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None
