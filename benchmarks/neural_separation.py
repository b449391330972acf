"""Time Demucs in BeatFlow beside Demucs's own loop: ``python -m benchmarks.neural_separation [--device cuda] …``.

Full-size htdemucs with random weights (speed does not depend on them), one process per row, so that peaks of memory are
its own. On a machine where other programs run, compare the CPU seconds.

The rows: ``demucs`` is ``demucs.apply.apply_model`` over the whole mix in memory, as ``demucs.api.Separator`` calls it;
``beatflow`` is the engine over a stream of 65,536-frame blocks; ``split`` is that with the exact sum and four files.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from beatflow.sound.audio import Audio

RATE = 44100
BLOCK = 65_536


def make_music(seconds: float) -> Audio:
    """Noise that swells four times a second over a bass: dense, and never silent."""
    rng = np.random.default_rng(0)
    clock = np.arange(round(seconds * RATE)) / RATE
    noise = rng.standard_normal((clock.size, 2)) * (0.02 + 0.1 * np.exp(-20.0 * (clock % 0.25)))[:, None]
    return Audio((noise + 0.2 * np.sin(2 * np.pi * 55.0 * clock)[:, None]).astype(np.float32), RATE)


def cut(mix: Audio) -> Iterator[Audio]:
    """The mix as a file would give it."""
    for start in range(0, mix.frames, BLOCK):
        yield Audio(mix.samples[start : start + BLOCK], RATE)


def load_theirs(folder: Path, device: str, dtype: str) -> Callable[[Audio], None]:
    """Demucs's own loop; in half precision under autocast, which it has no option for."""
    import torch
    import yaml
    from demucs.apply import BagOfModels, apply_model
    from demucs.hf import load_safetensors_model

    listed = yaml.safe_load(next(folder.glob("*.yaml")).read_text())
    models = [load_safetensors_model(folder / f"{name}.safetensors") for name in listed["models"]]
    bag = BagOfModels(models, listed.get("weights"))

    def run(mix: Audio) -> None:
        wave = torch.from_numpy(mix.samples.T.copy())
        reference = wave.mean(0)
        level = (wave - reference.mean()) / reference.std()
        half = dtype != "float32"
        with torch.autocast(device.split(":")[0], getattr(torch, dtype), enabled=half):
            apply_model(bag, level[None], shifts=0, overlap=0.25, device=device)

    return run


def load_ours(folder: Path, name: str, device: str, dtype: str, files: bool) -> Callable[[Audio], None]:
    """BeatFlow's engine, and with ``files`` all that ``bf split`` does after it."""
    from beatflow.ai.demucs.engine import DemucsEngine
    from beatflow.ai.engine import Setup
    from beatflow.ai.separation import measure_moments, separate_stream
    from beatflow.sound.exact import quantize
    from beatflow.sound.writing import AudioWriter

    setup = Setup(
        engine=name,
        models=folder.parent,
        device=device,
        dtype=dtype,
        tell=lambda text: print(text, file=sys.stderr),
    )
    engine = DemucsEngine(setup)

    def run(mix: Audio) -> None:
        if not files:
            for _ in engine.separate_blocks(cut(mix), measure_moments(cut(mix)), mix.frames):
                pass
            return
        grid = quantize(mix, "PCM_24")
        with tempfile.TemporaryDirectory() as scratch:
            writers = {
                stem: AudioWriter(Path(scratch, f"{stem}.wav"), RATE, 2, "PCM_24") for stem in engine.stems
            }
            parts = separate_stream(
                cut(grid), engine, "PCM_24", frames=mix.frames, moments=measure_moments(cut(grid))
            )
            for part in parts:
                for stem, audio in part.items():
                    writers[stem].write(audio)
            for writer in writers.values():
                writer.close()

    return run


def measure(args: argparse.Namespace) -> dict[str, float]:
    """One row, in this process."""
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    cuda = args.device.startswith("cuda")
    folder = args.folder / args.model
    if args.row == "demucs":
        run = load_theirs(folder, args.device, args.dtype)
    else:
        run = load_ours(folder, args.model, args.device, args.dtype, args.row == "split")
    run(make_music(min(args.seconds, 30.0 if cuda else 1.0)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mix = make_music(args.seconds)
    walls, cpus = [], []
    for _ in range(args.runs):
        if cuda:
            torch.cuda.synchronize()
        wall, cpu = time.perf_counter(), time.process_time()
        run(mix)
        if cuda:
            torch.cuda.synchronize()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else max(before, after) / 1024
    return {"wall_s": min(walls), "cpu_s": min(cpus), "peak_mib": peak}


def main() -> None:
    """Print the table, or with ``--row`` one row as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="", help="by default float32, and on a GPU float16 as well")
    parser.add_argument("--model", default="htdemucs", choices=("htdemucs", "htdemucs_ft", "htdemucs_6s"))
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="of music; by default 300 on a GPU, else 30"
    )
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--row", default="")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    cuda = args.device.startswith("cuda")
    args.seconds = args.seconds or (300.0 if cuda else 30.0)
    if args.row:
        print(json.dumps(measure(args)))
        return
    from tests.ai.demucs.checkpoints import FULL, build_demucs

    with tempfile.TemporaryDirectory() as scratch:
        build_demucs(Path(scratch, args.model), args.model, size=FULL)
        print(f"{args.model} on {args.device}, {args.seconds:g} s of stereo at 44.1 kHz")
        print(f"{'':10}{'dtype':>10}{'wall s':>9}{'x real time':>13}{'CPU s':>8}{'peak MiB':>10}")
        for dtype in [args.dtype] if args.dtype else (["float32", "float16"] if cuda else ["float32"]):
            for row in ("demucs", "beatflow", "split"):
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.neural_separation",
                    "--row",
                    row,
                    "--folder",
                    scratch,
                ]
                command += ["--device", args.device, "--dtype", dtype, "--model", args.model]
                command += [
                    "--seconds",
                    str(args.seconds),
                    "--runs",
                    str(args.runs),
                    "--threads",
                    str(args.threads),
                ]
                found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                pace = args.seconds / found["wall_s"]
                print(
                    f"{row:10}{dtype:>10}{found['wall_s']:9.2f}{pace:13.2f}{found['cpu_s']:8.2f}{found['peak_mib']:10.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
