"""The folders of ``synth`` import one way, so that a stranger can read them one by one."""

import ast
from pathlib import Path

import pytest

import beatflow.ai.synth

ROOT = Path(beatflow.ai.synth.__file__).parent
SEES = {
    "": set(),
    "genres": set(),
    "words": {"genres"},
    "composing": {"genres", "words"},
    "sounds": set(),
    "mixing": {"composing", "sounds"},
}


def _folder(dotted: str) -> str:
    """``beatflow.ai.synth.sounds.fm`` lies in ``sounds``, ``beatflow.ai.synth.grid`` in none."""
    first = dotted.removeprefix("beatflow.ai.synth").lstrip(".").partition(".")[0]
    return first if (ROOT / first).is_dir() else ""


@pytest.mark.parametrize("folder", SEES)
def test_a_folder_imports_only_those_it_builds_on(folder: str) -> None:
    # The engine joins them all.
    modules = [path for path in (ROOT / folder).glob("*.py") if path.name != "engine.py"]
    assert modules
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("beatflow.ai.synth"):
                assert _folder(str(node.module)) in SEES[folder] | {folder, ""}, f"{path}: {node.module}"


def test_every_folder_is_listed() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}
    assert folders - {"."} == set(SEES) - {""}
