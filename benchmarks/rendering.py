"""Time and weigh what ``synth`` renders: ``python -m benchmarks.rendering``.

Every piece in a process of its own, once with one thread and once with two, the better of ``--rounds`` rounds taken in
turns; peak memory is that of the whole process, numpy included. ``--longest`` adds ten minutes.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import format_table, replace_part

HEAD = (
    "piece",
    "seconds",
    "stems",
    "CPU s",
    "one thread, s",
    "two threads, s",
    "gain",
    "real time",
    "peak, MiB",
)
SHORT_S, LONGEST_S = 30.0, 590.0
GENRES = (
    "lofi vinyl",
    "house",
    "jazz",
    "rock",
    "cinematic",
    "dubstep",
    "bossa nova",
    "funk",
    "drill",
    "ambient",
)


def measure(prompt: str, seconds: float, threads: int) -> dict[str, Any]:
    """Render one piece here, and say what it took."""
    import os

    os.cpu_count = lambda: threads
    from beatflow.ai.engine import Brief
    from beatflow.ai.synth.engine import SynthEngine

    wall, processor = time.perf_counter(), time.process_time()
    made = SynthEngine().generate(Brief(prompt, seed=1, duration_s=seconds))
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - processor,
        "seconds": made.mix.duration_s,
        "stems": len(made.stems),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run(prompt: str, seconds: float, threads: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.rendering",
        "--one",
        prompt,
        "--seconds",
        str(seconds),
        "--threads",
        str(threads),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(prompt: str, seconds: float, rounds: int) -> tuple[str, ...]:
    """One row of the table."""
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(rounds):
        for threads, results in found.items():
            results.append(run(prompt, seconds, threads))
    one, two = (min(results, key=lambda result: result["wall"]) for results in found.values())
    return (
        prompt,
        f"{two['seconds']:.0f}",
        str(two["stems"]),
        f"{min(result['cpu'] for result in found[1]):.1f}",
        f"{one['wall']:.1f}",
        f"{two['wall']:.1f}",
        f"{one['wall'] / two['wall']:.2f}",
        f"{two['seconds'] / two['wall']:.0f}x",
        f"{two['peak']:.0f}",
    )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rendering", description=__doc__)
    parser.add_argument("--genres", nargs="+", default=GENRES)
    parser.add_argument("--seconds", type=float, default=SHORT_S)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest", action="store_true", help="ten minutes as well")
    parser.add_argument("--update", type=Path, help="page whose table to replace")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=2, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure and print."""
    options = parse()
    if options.one:
        print(json.dumps(measure(options.one, options.seconds, options.threads)))
        return
    rows = [compare(prompt, options.seconds, options.rounds) for prompt in options.genres]
    if options.longest:
        rows += [compare(options.genres[0], seconds, 1) for seconds in (180.0, LONGEST_S)]
    table = format_table(HEAD, rows)
    print(table)
    if options.update:
        replace_part(options.update, "rendering", table)


if __name__ == "__main__":
    main()
