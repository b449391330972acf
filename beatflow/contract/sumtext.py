"""The proof of a sum, in words. Pure text; knows no terminal."""

import math
from collections.abc import Iterator

from beatflow.contract.summing import SumProof
from beatflow.track import TRACK_FILE
from beatflow.wording import plural


def format_sum(proof: SumProof) -> Iterator[str]:
    """Write a proof in a line or two."""
    count = plural(len(proof.stems), "stem")
    through = f" through the faders of {TRACK_FILE}" if proof.faders else ""
    figures = (
        f"{proof.subtype}, {proof.sample_rate} Hz, {plural(proof.channels, 'channel')}, "
        f"{plural(proof.frames, 'frame')}"
    )
    if proof.held:
        how = {
            "exact": ", sample for sample",
            "rounded": ", rounded to its steps",
            "float": ", within the rounding of 32-bit float",
        }[proof.promise]
        left = "" if proof.null_depth_db is None else f", null depth {proof.null_depth_db:.1f} dB"
        clipped = f"; {plural(proof.clipped_samples, 'sample')} clipped" if proof.clipped_samples else ""
        yield f"{proof.mix} is the sum of its {count}{through}{how} ({figures}{left}{clipped})"
        return
    yield f"{proof.mix} is not the sum of its {count}{through} ({figures})"
    yield from (f"  {reason}" for reason in proof.reasons)
    if proof.first_frame is not None and proof.first_difference is not None:
        second = proof.first_frame / proof.sample_rate
        where = f"frame {proof.first_frame} ({second:.3f} s)"
        if proof.channels > 1 and proof.first_channel is not None:
            where += f", channel {proof.first_channel + 1}"
        yield f"  first differs at {where}, by {_tell_difference(proof.first_difference, proof)}"
        yield (
            f"  {proof.differing_samples} of {proof.frames * proof.channels} samples differ, "
            f"by at most {_tell_difference(proof.largest_difference or 0.0, proof)}"
        )
    if proof.null_depth_db is not None:
        yield f"  null depth {proof.null_depth_db:.1f} dB"


def _tell_difference(difference: float, proof: SumProof) -> str:
    level = 20.0 * math.log10(max(abs(difference), 1e-20))
    if proof.step is None:
        return f"{level:.1f} dBFS"
    steps = abs(difference) / proof.step
    count = f"{steps:.0f}" if steps == round(steps) else f"{steps:.3g}"
    return f"{count} {'step' if steps == 1 else 'steps'} of {proof.subtype} ({level:.1f} dBFS)"
