"""The figures that ``bf doctor`` tells of separators are those of the documentation."""

from pathlib import Path

import pytest

from beatflow.ai.dsp import DspSeparator
from beatflow.readiness.quality import QUALITY, Quality

PAGE = (Path(__file__).parents[1] / "docs" / "engines.md").read_text(encoding="utf-8")


def test_what_was_measured_of_the_embedded_separator() -> None:
    figures = QUALITY["dsp"].figures_db
    assert tuple(figures) == DspSeparator.stems
    assert f"| `dsp` | {' | '.join(f'{figure:.1f}' for figure in figures.values())} |" in PAGE


def test_what_others_published() -> None:
    assert QUALITY["htdemucs"].published
    assert f"{QUALITY['htdemucs'].figures_db['all stems']:.1f} dB SDR on MUSDB18-HQ" in PAGE


@pytest.mark.parametrize("published", [False, True])
def test_words_name_the_source(published: bool) -> None:
    words = Quality("SDR", {"drums": 5.04}, "ten songs", published).words
    assert (
        words
        == f"SDR in dB: drums 5.0 ({'published by its authors' if published else 'measured'}, ten songs)"
    )
