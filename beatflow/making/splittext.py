"""What came of splitting, in words. Pure text; knows no terminal."""

from collections.abc import Iterator

from beatflow.making.splitting import Batch
from beatflow.soundfolder import Mishap


def describe_mishap(mishap: Mishap) -> str:
    """Tell of a file without stems: that it is no sound at all, or what is wrong with it."""
    if not mishap.broken:
        return f"{mishap.path}: {mishap.message}, skipped"
    return mishap.message if mishap.path in mishap.message else f"{mishap.path}: {mishap.message}"


def summarize_batch(batch: Batch) -> Iterator[str]:
    """Tell in a line what came of a folder, and in another how to have done again what was done."""
    counts = {
        "done before": len(batch.done),
        "skipped": len(batch.skipped),
        "failed": len(batch.failed),
    }
    mixes = "1 mix" if len(batch.splits) == 1 else f"{len(batch.splits)} mixes"
    yield ", ".join([f"{mixes} split", *(f"{count} {word}" for word, count in counts.items() if count)])
    if batch.done and not batch.splits:
        yield "--force splits again what was done before"
