"""The tags of each exported file: what a session and the repository know of a lane, put into frames of the file."""

from collections.abc import Sequence

from beatflow.daw.session import Lane, Session
from beatflow.daw.tagging.tags import SOFTWARE, Cue, Levels, Tags
from beatflow.provenance import known_facts
from beatflow.repository import Repository


def shift_of(lanes: Sequence[Lane]) -> float:
    """Return by how many seconds all time stamps must be later for none to be before 0."""
    return max((-lane.offset / lane.sample_rate for lane in lanes if lane.offset < 0), default=0.0)


def tags_of(
    repository: Repository, session: Session, lane: Lane, is_mix: bool, shift_s: float, sample_rate: int
) -> Tags:
    """Return a lane's tags.

    Parameters
    ----------
    is_mix : bool
        It stands for the whole piece: it has the piece's title, and all markers.
    shift_s : float
        See `shift_of`.
    sample_rate : int
        Of the file that is written.
    """
    whole = is_mix or len(session.lanes) == 1
    start_s = lane.offset / lane.sample_rate
    named = [(part.start_s, part.name) for part in session.parts]
    named += [
        (marker.start_s, marker.name)
        for marker in session.markers
        if whole or marker.name.startswith(f"{lane.name}: ")
    ]
    facts = known_facts(repository, lane.oid, session.commit)
    return Tags(
        title=session.title if whole else f"{session.title} ({lane.name})",
        artist=session.artist,
        album=session.album,
        date=session.date,
        clock=session.clock,
        comment=f"{SOFTWARE} {session.commit[:12]} {session.message}",
        commit=session.commit,
        oid=lane.oid,
        tempo=session.tempo_map.tempo if session.tempo_map.known else None,
        key=session.key,
        time_reference=round((start_s + shift_s) * sample_rate),
        frames=round(lane.duration_s * sample_rate),
        cues=[
            Cue(round((at_s - start_s) * sample_rate), name)
            for at_s, name in sorted(named)
            if 0 <= at_s - start_s < lane.duration_s
        ],
        levels=Levels(
            _number(facts.get("loudness_lufs")),
            _number(facts.get("loudness_range_lu")),
            _number(facts.get("true_peak_dbtp")),
            _number(facts.get("momentary_max_lufs")),
            _number(facts.get("short_term_max_lufs")),
        ),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
