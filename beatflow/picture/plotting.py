"""Draws what was ordered: finds the sounds, measures them, and writes the picture in its format."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from beatflow.mood.remembering import find_memory
from beatflow.picture.colour import DARK
from beatflow.picture.composing import compose
from beatflow.picture.data import describe_traces
from beatflow.picture.embedding import LONGEST_S, Clip, encode_clip
from beatflow.picture.figure import Figure
from beatflow.picture.layout import lay_out
from beatflow.picture.order import USUAL, Order
from beatflow.picture.subject import Cast, find_subjects, tell_mishaps
from beatflow.picture.tracing import Trace, trace_sounds
from beatflow.repository import Repository
from beatflow.wording import format_duration

Progress = Callable[[float, str], None]
_PIXEL_COLUMNS = 84
"""What a file's edges take."""
_JSON_COLUMNS = 400
_ENCODERS = 2
"""So many sounds of a page are encoded at once; each of them keeps a core busy."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture that is ready to be written.

    ``remarks`` say what was left out.
    """

    order: Order
    kinds: tuple[str, ...]
    traces: Sequence[Trace]
    stems: Sequence[Trace]
    figure: Figure
    remarks: list[str]

    def describe(self) -> dict[str, Any]:
        """Return what it is drawn from."""
        return describe_traces(self.traces, self.kinds, self.stems)

    def write(self, progress: Progress) -> bytes:
        """Return the file."""
        order = self.order
        if order.format == "html":
            from beatflow.picture.page import write_page

            return write_page(self.figure, order.size, self._encode(progress))
        scene = lay_out(self.figure, order.size)
        if order.format == "svg":
            from beatflow.picture.svg import write_svg

            return write_svg(scene, order.chosen)
        from beatflow.picture.png import write_png

        return write_png(scene, order.chosen or DARK)

    def _encode(self, progress: Progress) -> list[Clip | None]:
        everything = [*self.traces, *self.stems]
        if self.order.audio == "none":
            return [None] * len(everything)
        clips: list[Clip | None] = [None] * len(everything)
        done = [0.0] * len(everything)
        given_up = Event()

        def encode(number: int) -> Clip:
            trace = everything[number]

            def report(fraction: float) -> None:
                if given_up.is_set():
                    raise CancelledError
                done[number] = fraction
                progress(sum(done) / len(done), f"encoding {trace.subject.name}")

            return encode_clip(trace, self.order.audio, report)

        fitting = _choose_fitting(everything)
        # Of one store only one sound is read at a time.
        apart = all(trace.subject.file for trace in everything)
        with ThreadPoolExecutor(_ENCODERS if apart else 1) as pool:
            try:
                for number, clip in zip(fitting, pool.map(encode, fitting), strict=True):
                    clips[number] = clip
            except BaseException:
                # With Ctrl-C nobody waits for sounds that are half encoded.
                given_up.set()
                raise
        silent = [trace for trace, clip in zip(everything, clips, strict=True) if clip is None]
        if silent:
            self.remarks.append(
                f"{silent[0].subject.name} is not in the page to be heard: a page holds {LONGEST_S / 60:.0f} minutes, "
                f"and it has {format_duration(silent[0].span_s)}; --from and --to choose a stretch"
            )
        return clips


def _choose_fitting(traces: Sequence[Trace]) -> list[int]:
    """Say which sounds a page holds: in their order, what there is still room for."""
    fitting = []
    left_s = LONGEST_S
    for number, trace in enumerate(traces):
        if trace.span_s <= left_s:
            fitting.append(number)
            left_s -= trace.span_s
    return fitting


def make_plot(
    words: Sequence[str],
    directory: Path,
    repository: Repository | None,
    order: Order,
    progress: Progress,
    piped: Path | None = None,
    for_json: bool = False,
) -> Plot:
    """Find the sounds and measure what is to be seen of them.

    Raises
    ------
    UsageError, NotFoundError
        As for `find_subjects`; or the stretch makes no sense.
    AudioError
        A sound cannot be read, holds no samples, or samples that are not numbers.
    """
    cast: Cast = find_subjects(words, directory, repository, piped=piped, stems=order.stems)
    kinds = order.kinds or (USUAL if len(cast.sounds) <= 2 else ("wave",))
    wanted = [(subject, frozenset(kinds)) for subject in cast.sounds]
    wanted += [(subject, frozenset({"wave"})) for subject in cast.stems]
    if order.format:
        columns = order.size.width - _PIXEL_COLUMNS
    else:
        # Two dots of Braille to a character.
        columns = _JSON_COLUMNS if for_json else 2 * order.columns
    traces = trace_sounds(wanted, order.stretch, columns, progress, find_memory(repository))
    count = len(cast.sounds)
    sounds, stems = traces[:count], traces[count:]
    remarks = [tell_mishaps(cast.mishaps)] if cast.mishaps else []
    remarks += [
        f"{trace.subject.name} is drawn from its small copy: the sound itself is elsewhere"
        for trace in traces
        if trace.subject.small
    ]
    remarks += [
        f"{trace.subject.name} breaks off before its announced end"
        for trace in traces
        if trace.info.truncated
    ]
    return Plot(order, kinds, sounds, stems, compose(sounds, kinds, stems), remarks)
