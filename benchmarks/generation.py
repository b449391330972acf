"""Time the drawing of MusicGen's tokens: ``python -m benchmarks.generation``.

BeatFlow's loop, transformers' own ``generate`` and, where ``--audiocraft`` names an interpreter that has it,
audiocraft's own loop, side by side: each in a process of its own with random weights of full size, taking turns. The
better time of each counts.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.generation_worker import TOKEN_RATE
from benchmarks.table import format_table, replace_part

HEAD = (
    "loop",
    "takes",
    "steps/s",
    "CPU s/step",
    "tokens/s",
    "real time",
    "first second, s",
    "peak, GiB",
    "times transformers",
)
REFERENCE = "transformers"


@dataclass
class Contender:
    """A loop in its own process, and what was measured of it.

    Parameters
    ----------
    label : str
    process : Popen
        Of `benchmarks.generation_worker`.
    """

    label: str
    process: "subprocess.Popen[str]"
    facts: dict[str, str] = field(default_factory=dict)
    first: dict[str, Any] | None = None
    best: dict[int, dict[str, Any]] = field(default_factory=dict)

    def ask(self, **task: object) -> dict[str, Any]:
        """Have it do a task, and return what it took."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Wait for its next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label} ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def take_turn(self, steps: int, takes: int) -> None:
        """Draw, and keep the better of this time and those before."""
        took = self.ask(steps=steps, takes=takes, sound=False)
        before = self.best.setdefault(takes, took)
        for figure in ("wall_s", "cpu_s"):
            before[figure] = min(before[figure], took[figure])


def start(options: argparse.Namespace, kind: str, dtype: str) -> Contender:
    """Start a contender, and wait until its model is built."""
    python = options.audiocraft if kind == "audiocraft" else sys.executable
    command = [
        python,
        "-m",
        "benchmarks.generation_worker",
        kind,
        options.variant,
        options.model,
        options.device,
    ]
    process = subprocess.Popen(
        [*command, dtype, str(options.threads)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if options.verbose else subprocess.DEVNULL,
        text=True,
    )
    contender = Contender(f"{kind}, {dtype}", process)
    contender.facts = contender.hear()
    print(f"{contender.label}: ready", file=sys.stderr)
    return contender


def measure(contenders: list[Contender], options: argparse.Namespace) -> None:
    """Take turns: first a second of sound from cold, then the loop alone."""
    if not options.no_sound:
        for contender in contenders:
            contender.first = contender.ask(steps=TOKEN_RATE, takes=1, sound=True)
    for takes in options.takes:
        for _ in range(options.runs):
            for contender in contenders:
                contender.take_turn(options.steps, takes)
                print(f"{contender.label}, {takes}: {contender.best[takes]}", file=sys.stderr)


def tabulate(contenders: list[Contender], options: argparse.Namespace) -> str:
    """Return the table in Markdown."""
    codebooks = 8 if options.variant.startswith("stereo") else 4
    reference = next(each for each in contenders if each.label.startswith(REFERENCE))
    rows = []
    for contender in contenders:
        for takes in options.takes:
            took, other = contender.best[takes], reference.best[takes]
            pace = options.steps / took["wall_s"]
            figure = "cpu_s" if options.device == "cpu" else "wall_s"
            first = contender.first or {}
            rows.append(
                (
                    contender.label,
                    str(takes),
                    f"{pace:.2f}",
                    f"{took['cpu_s'] / options.steps:.3f}",
                    f"{pace * takes * codebooks:.0f}",
                    f"{pace * takes / TOKEN_RATE:.3f}",
                    f"{first['wall_s']:.1f}" if first.get("sound") else "",
                    f"{took['peak_bytes'] / 2**30:.2f}",
                    f"{other[figure] / took[figure]:.2f}",
                )
            )
    return format_table(HEAD, rows)


def describe(contenders: list[Contender], options: argparse.Namespace) -> str:
    """Return a line about what was measured."""
    versions = ", ".join(f"{each.label}: torch {each.facts['torch']}" for each in contenders)
    return (
        f"musicgen-{options.model} ({options.variant}) with random weights on {contenders[0].facts['device']}, "
        f"{options.threads} threads; {options.steps} steps after 12 tokens of text, guidance, top k 250; "
        f"best of {options.runs}. {versions}."
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--model", default="small", choices=("tiny", "small", "medium", "large"))
    parser.add_argument("--variant", default="plain", choices=("plain", "melody", "stereo", "stereo-melody"))
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0, mps")
    parser.add_argument(
        "--dtypes", nargs="+", help="of our loop; float32 int8 on a CPU, float16 bfloat16 on a GPU"
    )
    parser.add_argument("--steps", type=int, help="50 make a second; 30 on a CPU, 1500 elsewhere")
    parser.add_argument("--takes", type=int, nargs="+", default=[1], help="batch sizes")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-sound", action="store_true", help="leave out the first second of sound")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--audiocraft", metavar="PYTHON", help="an interpreter that has audiocraft")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the table into docs/benchmarks.md")
    parser.add_argument("--verbose", action="store_true", help="let the libraries talk")
    options = parser.parse_args(arguments)
    on_cpu = options.device == "cpu"
    options.dtypes = options.dtypes or (["float32", "int8"] if on_cpu else ["float16", "bfloat16"])
    options.steps = options.steps or (30 if on_cpu else 1500)
    return options


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    options = parse(arguments)
    float_dtypes = [dtype for dtype in options.dtypes if dtype != "int8"]
    contenders = [start(options, "ours", dtype) for dtype in options.dtypes]
    try:
        contenders.append(start(options, REFERENCE, (float_dtypes or ["float32"])[0]))
        if options.audiocraft:
            contenders.append(start(options, "audiocraft", (float_dtypes or ["float32"])[0]))
        measure(contenders, options)
    finally:
        for contender in contenders:
            contender.process.kill()
            contender.process.communicate()
    table = f"{describe(contenders, options)}\n\n{tabulate(contenders, options)}"
    print(table)
    if options.update:
        replace_part(options.update, f"generation-{options.device.split(':')[0]}", table)


if __name__ == "__main__":
    main()
