"""Memory and cards as operating systems tell of them, from what they print."""

import ctypes
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from beatflow.ai import memory
from beatflow.ai.graphics import Card, find_cards, parse_cards
from beatflow.ai.memory import parse_vm_stat, read_memory

KIB, MIB = 1 << 10, 1 << 20
MEMINFO = (
    "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\nHugePages_Total:  0\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Linux with 16000 kB, 9000 of them to be had."""
    write(tmp_path / "proc" / "meminfo", MEMINFO)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine() -> None:
    memory = read_memory()
    assert 0 < memory.free_bytes <= memory.total_bytes


def test_no_group(root: Path) -> None:
    assert read_memory(root) == (16000 * KIB, 9000 * KIB)


def test_nothing_is_told(tmp_path: Path) -> None:
    assert read_memory(tmp_path) == (0, 0)


def test_second_generation_counts_the_tightest_group_and_not_its_cache(root: Path) -> None:
    write(root / "proc" / "self" / "cgroup", "0::/user/job\n")
    groups = root / "sys" / "fs" / "cgroup"
    write(groups / "user" / "job" / "memory.max", "max\n")
    write(groups / "user" / "job" / "memory.current", "0\n")
    write(groups / "user" / "memory.max", f"{8000 * KIB}\n")
    write(groups / "user" / "memory.current", f"{6000 * KIB}\n")
    write(groups / "user" / "memory.stat", f"anon 1\ninactive_file {1000 * KIB}\n")
    assert read_memory(root) == (8000 * KIB, 3000 * KIB)


def test_inside_a_container_the_limit_is_at_the_top(root: Path) -> None:
    write(root / "proc" / "self" / "cgroup", "0::/system.slice/docker-4711.scope\n")
    groups = root / "sys" / "fs" / "cgroup"
    write(groups / "memory.max", f"{4000 * KIB}\n")
    write(groups / "memory.current", f"{5000 * KIB}\n")
    assert read_memory(root) == (4000 * KIB, 0)


def test_first_generation(root: Path) -> None:
    write(root / "proc" / "self" / "cgroup", "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n")
    groups = root / "sys" / "fs" / "cgroup" / "memory"
    write(groups / "job" / "memory.limit_in_bytes", f"{2000 * KIB}\n")
    write(groups / "job" / "memory.usage_in_bytes", f"{1500 * KIB}\n")
    write(groups / "job" / "memory.stat", f"total_inactive_file {500 * KIB}\n")
    write(groups / "memory.limit_in_bytes", "9223372036854771712\n")
    write(groups / "memory.usage_in_bytes", "1\n")
    assert read_memory(root) == (2000 * KIB, 1000 * KIB)


def test_vm_stat() -> None:
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:   10.\nPages active:  99.\n"
        "Pages inactive:  20.\nPages speculative:  3.\nPages wired down:  99.\nPages purgeable:  7.\n"
    )
    assert parse_vm_stat(text) == 40 * 16384


def test_macos_without_its_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert read_memory() == (4096000, 4096000)


def test_macos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = subprocess.CompletedProcess([], 0, stdout="(page size of 4096 bytes)\nPages free:   10.\n")
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.subprocess, "run", lambda *args, **options: told)
    assert read_memory().free_bytes == 40960


@pytest.mark.parametrize(("answer", "expected"), [(1, (800, 300)), (0, (0, 0))])
def test_windows(answer: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(reference: Any) -> int:
        status = reference._obj
        # Two 32-bit words and seven 64-bit ones, as sysinfoapi.h has them.
        assert status.length == ctypes.sizeof(status) == 2 * ctypes.sizeof(ctypes.c_ulong) + 56
        status.total, status.free = 800, 300
        return answer

    kernel = SimpleNamespace(GlobalMemoryStatusEx=fill)
    monkeypatch.setattr(memory.sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert read_memory() == expected


def test_cards() -> None:
    text = (
        "NVIDIA GeForce RTX 5090, 32607, 31000, 12.0, 570.86\n"
        "NVIDIA H100, 81559, 100, [N/A], 550.1\n"
        "NVIDIA Old, [N/A], [N/A], 3.5, 390\nNo devices were found\n"
    )
    assert parse_cards(text) == [
        Card("NVIDIA GeForce RTX 5090", 32607 * MIB, 31000 * MIB, (12, 0), "570.86"),
        Card("NVIDIA H100", 81559 * MIB, 100 * MIB, None, "550.1"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the tool")
@pytest.mark.parametrize(
    ("script", "count"), [("echo 'A, 100, 50, 8.6, 550'", 1), ("exit 9", 0), ("echo 'driver mismatch'", 0)]
)
def test_nvidias_tool(script: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(find_cards()) == count
    program.unlink()
    assert find_cards() == []
