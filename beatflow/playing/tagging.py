"""What is written into a preview about its sound: the track's title and the commit's author, or the file's own name."""

import datetime
from pathlib import PurePosixPath
from typing import Any

from beatflow.daw.tagging.tags import SOFTWARE, Tags
from beatflow.history import read_content, read_track
from beatflow.objects.git.value import Signature
from beatflow.playing.naming import Named
from beatflow.provenance import known_facts
from beatflow.repository import Repository
from beatflow.track import Track
from beatflow.wording import short_name


def make_tags(repository: Repository | None, sound: Named, now: Signature) -> Tags:
    """Return the tags of a sound's preview.

    Parameters
    ----------
    repository : Repository or None
        The track, where there is one.
    sound : Named
    now : Signature
        Who makes it and when; stands in for the commit's author where there is no commit.
    """
    track, facts, author, message = Track(), {}, now, ""
    if repository and sound.commit:
        commit = repository.git.read_commit(sound.commit)
        track = read_track(repository, read_content(repository, sound.commit))
        author, message = commit.author, commit.title
    if repository and sound.oid:
        facts = known_facts(repository, sound.oid, sound.commit)
    zone = datetime.timezone(datetime.timedelta(minutes=author.offset_min))
    moment = datetime.datetime.fromtimestamp(author.time_s, zone)
    is_mix = bool(sound.commit) and (sound.path is None or sound.path == track.mix_file)
    own = short_name(PurePosixPath(sound.path or sound.name).name)
    title = (track.title or (repository.root.name if repository else own)) if is_mix else own
    what = f"{sound.commit[:12]} {message}" if sound.commit else sound.name
    return Tags(
        title=title,
        artist=author.name if sound.commit else "",
        album=track.title if sound.commit and not is_mix else None,
        date=moment.strftime("%Y-%m-%d"),
        clock=moment.strftime("%H:%M:%S"),
        comment=f"{SOFTWARE} preview of {what}",
        commit=sound.commit or "",
        oid=sound.oid or "",
        tempo=track.tempo or _number(facts.get("tempo")),
        key=track.key or _text(facts.get("key")),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
