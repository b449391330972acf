"""How a blame is told: lines for people, lines for scripts, and the object that ``--json`` gives. Pure text."""

from collections.abc import Callable, Iterator
from typing import Any

from beatflow.blame.blame import Blame
from beatflow.blame.story import Stretch, Work
from beatflow.changetext import tell_change
from beatflow.objects.git.value import Commit
from beatflow.timecode import Clock
from beatflow.wording import format_duration, format_iso_time, format_time

Style = Callable[[str, str], str]

_KINDS = {"new_take": "a new take", "unknown": "nothing before it can be read"}
_MOVED_S = 0.001


def format_stretch(stretch: Stretch, path: str, clock: Clock, strip: str, style: Style) -> Iterator[str]:
    """Write a stretch as lines: where it is and how it looks, then each commit that made it what it is, in order.

    Parameters
    ----------
    path, clock : str, Clock
        The sound's that was asked for.
    strip : str
        Its waveform as a line of blocks; empty for none.
    """
    where = style(clock.format_span(stretch.start, stretch.frames), "heading")
    yield f"{where}  {strip}".rstrip()
    yield _format_commit(stretch.commit, tell_origin(stretch, path, clock), style)
    for work in stretch.works:
        yield _format_commit(work.commit, tell_work(work, clock), style)


def tell_origin(stretch: Stretch, path: str, clock: Clock) -> str:
    """Say how a stretch came in, and where it was then if not here: ``added, as low.wav, then at 0:08.000``."""
    said = _KINDS.get(stretch.kind, stretch.kind)
    if stretch.path != path:
        said += f", as {stretch.path}"
    then_s, now_s = stretch.start_frame / stretch.sample_rate, stretch.start / clock.sample_rate
    if abs(then_s - now_s) > _MOVED_S:
        said += f", then at {format_duration(then_s)}"
    return said


def tell_work(work: Work, clock: Clock) -> str:
    """Say what a commit did to a stretch: ``−1.50 dB, fade-out, bars 33–34``."""
    return ", ".join(tell_change(change, clock) for change in work.changes)


def _format_commit(commit: Commit, said: str, style: Style) -> str:
    who = style(f"{commit.author.name}, {format_time(commit.author)}", "dim")
    return f"  {style(commit.oid[:7], 'oid')} {said} · {commit.title} · {who}"


def format_porcelain(stretch: Stretch, clock: Clock) -> str:
    """Write a stretch as one line of fields with tabs between: start and length in frames, both in seconds, commit,
    author, address, time, kind, start in the file of that commit, its path, and ``commit:kind`` of each later change.
    """
    author = stretch.commit.author
    works = [f"{work.commit.oid}:{change.kind}" for work in stretch.works for change in work.changes]
    fields = [
        stretch.start,
        stretch.frames,
        f"{stretch.start / clock.sample_rate:.6f}",
        f"{stretch.frames / clock.sample_rate:.6f}",
        stretch.commit.oid,
        author.name,
        author.email,
        format_iso_time(author),
        stretch.kind,
        stretch.start_frame,
        stretch.path,
        " ".join(works),
    ]
    return "\t".join(str(field).replace("\t", "\\t").replace("\n", "\\n") for field in fields)


def describe_blame(blame: Blame, clock: Clock) -> dict[str, Any]:
    """Return a blame as the object that ``--json`` gives."""
    return {
        "path": blame.version.path,
        "commit": blame.version.commit,
        "oid": blame.version.oid,
        "sample_rate": blame.sample_rate,
        "frames": blame.frames,
        "tempo": clock.tempo,
        "meter": clock.meter,
        "stretches": [_describe_stretch(stretch, clock) for stretch in blame.stretches],
    }


def _describe_stretch(stretch: Stretch, clock: Clock) -> dict[str, Any]:
    return {
        "start_frame": stretch.start,
        "frames": stretch.frames,
        "start_s": stretch.start / clock.sample_rate,
        "duration_s": stretch.frames / clock.sample_rate,
        "kind": stretch.kind,
        **_describe_commit(stretch.commit),
        "source": {
            "path": stretch.path,
            "start_frame": stretch.start_frame,
            "start_s": stretch.start_frame / stretch.sample_rate,
        },
        "works": [
            {
                **_describe_commit(work.commit),
                "changes": [{"kind": change.kind, **change.figures} for change in work.changes],
            }
            for work in stretch.works
        ],
        "problem": stretch.problem,
    }


def _describe_commit(commit: Commit) -> dict[str, Any]:
    author = commit.author
    return {
        "commit": commit.oid,
        "author": author.name,
        "email": author.email,
        "time": format_iso_time(author),
        "message": commit.title,
    }
