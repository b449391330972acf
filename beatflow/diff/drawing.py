"""What pictures of a difference are drawn from: the outlines of both sounds and of what is left, and the residual
itself as a file.

Joins files, the explainer and outlines; draws nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from beatflow.diff.comparison import Lent
from beatflow.sound.explain.explain import iter_residual
from beatflow.sound.explanation import Explanation
from beatflow.sound.files import AudioReader, read_info
from beatflow.sound.outline import Outline, choose_step, trace
from beatflow.sound.writing import AudioWriter


@dataclass(frozen=True, slots=True)
class Drawing:
    """The outlines of a sound before and after, and of what is left when all that is explained is taken away.

    ``rest`` is None for a new take, of which nothing is explained, and where the samples are the same.
    """

    before: Outline
    after: Outline
    rest: Outline | None


def draw(lent: Lent, explanation: Explanation, columns: int) -> Drawing:
    """Trace both sounds and the residual, the longer one in so many columns, the others on the same scale of time."""
    old, new = read_info(lent.before), read_info(lent.after)
    longest_s = max(old.duration_s, new.duration_s)
    outlines = []
    for path, info in ((lent.before, old), (lent.after, new)):
        step = choose_step(round(longest_s * info.sample_rate), columns)
        with AudioReader(path) as reader:
            outlines.append(trace(reader.blocks(), info.sample_rate, info.frames, step))
    rest = None
    if not (explanation.identical or explanation.new_take):
        step = outlines[1].step
        blocks = iter_residual(lent.before, lent.after, explanation)
        rest = trace(blocks, new.sample_rate, new.frames, step)
    return Drawing(outlines[0], outlines[1], rest)


def write_residual(lent: Lent, explanation: Explanation, path: Path) -> None:
    """Write the new sound minus what is explained of it, as long as it, in 32-bit float: no residual is too small."""
    info = read_info(lent.after)
    with AudioWriter(path, info.sample_rate, info.channels, "FLOAT", "WAV", info.frames) as writer:
        for block in iter_residual(lent.before, lent.after, explanation):
            writer.write(block)
