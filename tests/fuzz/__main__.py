"""Fuzzes one target with atheris, keeping what it finds: ``python -m tests.fuzz TARGET FOLDER [libFuzzer options]``.

``pip install atheris`` first; for example ``python -m tests.fuzz pack /tmp/pack -max_total_time=300``.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["beatflow"]):
    from tests.fuzz.shelves import make_shelf_seeds, pack_on_shelf
    from tests.fuzz.targets import TARGETS, make_seeds

if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    # Apart, since one run takes a hundred times as long as one of the others.
    targets = TARGETS | {"shelf": pack_on_shelf}
    seeds = make_seeds() | {"shelf": make_shelf_seeds()}
    for number, seed in enumerate(seeds[name]):
        (folder / f"seed{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(folder), f"-artifact_prefix={folder}/", *sys.argv[3:]], targets[name])
    atheris.Fuzz()
