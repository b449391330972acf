"""Waveforms of stretches of a stored sound, as lines of blocks for a terminal."""

from collections.abc import Iterable

from beatflow.repository import Repository

_BLOCK_FRAMES = 65_536


def draw_strips(
    repository: Repository, oid: str, stretches: Iterable[tuple[int, int]], width: int
) -> list[str]:
    """Draw the level over time of stretches of a sound, block by block.

    Parameters
    ----------
    oid : str
        The sound.
    stretches : iterable of (start, frames)
    width : int
        Columns of the longest; the others are in proportion, and at least one.

    Raises
    ------
    AudioError, DamagedError
        The sound cannot be read.
    """
    import numpy as np

    from beatflow.sound.files import AudioReader
    from beatflow.sound.picture import format_levels

    wanted = list(stretches)
    longest = max((frames for _, frames in wanted), default=0)
    lines = []
    with repository.audio.open(oid) as file, AudioReader(file) as reader:
        for start, frames in wanted:
            columns = max(1, min(frames, round(width * frames / longest)))
            power = np.zeros(columns)
            reader.seek(start)
            done = 0
            while done < frames and (block := reader.read(min(_BLOCK_FRAMES, frames - done))).frames:
                column = (done + np.arange(block.frames)) * columns // frames
                power += np.bincount(
                    column, np.einsum("fc,fc->f", block.samples, block.samples), minlength=columns
                )
                done += block.frames
            lines.append(format_levels(np.sqrt(power * columns / frames / reader.info.channels)))
    return lines
