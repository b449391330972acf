"""The page names every effect with its ranges as they are."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_lists_every_effect_as_it_is():
    markdown = runpy.run_path(str(DOCS / "build_effects.py"))["markdown"]
    assert markdown() in (DOCS / "effects.md").read_text(encoding="utf-8"), "run python docs/build_effects.py"
