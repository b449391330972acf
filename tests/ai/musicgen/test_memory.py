"""Memory that really runs out: a process that may not have more address space than it has."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

resource = pytest.importorskip("resource")

PROGRAM = """
    import resource, sys
    from pathlib import Path
    from beatflow.ai.engine import Brief, Setup
    from beatflow.ai.musicgen.engine import MusicgenEngine
    from beatflow.errors import BeatFlowError
    told = []
    setup = Setup(engine="musicgen-small", models=Path(sys.argv[1]), device="cpu", tell=told.append)
    engine = MusicgenEngine(setup)
    engine.generate(Brief("lofi", duration_s=float(sys.argv[3])))
    briefs = [Brief("lofi", seed=seed, duration_s=float(sys.argv[3])) for seed in range(int(sys.argv[4]))]
    here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    room = here + (int(sys.argv[2]) << 20)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (room, hard))
    try:
        takes = engine.generate_batch(briefs)
    except BeatFlowError as error:
        print("error", error.exit_code, error.message, "|", error.hint)
        takes = []
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    for line in told:
        print("told", line)
    print("made", len(takes), sorted({len(take.parameters["batch"]["seeds"]) for take in takes}))
"""


def run(shelf: Path, room_mib: int, seconds: float, takes: int) -> list[str]:
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(PROGRAM),
        str(shelf),
        str(room_mib),
        str(seconds),
        str(takes),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="address space is told by Linux alone")
def test_less_is_tried_and_then_it_is_an_error_with_advice(shelf: Path) -> None:
    lines = run(shelf, 1, 1.0, 64)
    assert lines[-1].startswith("made ")
    failed = [line for line in lines if line.startswith("error ")]
    # Whether the smaller batches then fit depends on what the allocators of this machine have left over.
    assert lines[-1].startswith("made 64") or failed[0].startswith("error 6 ")
    assert failed or "told memory ran out: trying again with 32 takes at once" in lines
    assert all(line.endswith("close other programs") for line in failed)
