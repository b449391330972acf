"""One file as it was in a commit: what it is, how it sounds, which commit brought it, and where it comes from."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from beatflow.changetext import name_channels, name_depth
from beatflow.diff.text import tell_explanation
from beatflow.errors import AudioError, DamagedError, NotFoundError
from beatflow.explaining import Explainer, make_clock
from beatflow.history import iter_commits, read_track
from beatflow.log.listening import learn
from beatflow.log.logbook import Logbook, LogEntry
from beatflow.log.showtext import format_wave
from beatflow.log.text import Sheet, format_origin, format_title
from beatflow.objects.git.value import Commit
from beatflow.objects.pointer import read_pointer
from beatflow.provenance import Record, find_record, known_facts
from beatflow.repository import Repository
from beatflow.revision.revision import find_commit, get_entry, split_path
from beatflow.sound.silhouette import Silhouette
from beatflow.track import TRACK_FILE
from beatflow.wording import format_duration, format_loudness, format_size, format_tempo, format_time

if TYPE_CHECKING:
    from beatflow.sound.files import SoundInfo

MAX_LINES = 200
"""Lines of a text that are shown; ``bf cat`` gives it all."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a file.

    Parameters
    ----------
    commit, path : Commit, str
        Where it was asked for.
    oid, size : str, int
        Its sha256, or git's id of what is no sound; bytes.
    sound : bool
        It is kept as sound, or as another large file.
    since : LogEntry or None
        The newest commit, from there on back, that changed it.
    info : SoundInfo or None
        What a sound says of itself; None where it cannot be decoded.
    facts : dict
        What was measured.
    problem : str or None
        Why it could not be read.
    """

    commit: Commit
    path: str
    oid: str
    size: int
    sound: bool
    since: LogEntry | None = None
    info: "SoundInfo | None" = None
    facts: dict[str, Any] = field(default_factory=dict)
    meter: str | None = None
    silhouette: Silhouette | None = None
    record: Record | None = None
    text: str | None = None
    problem: str | None = None


def find_file(repository: Repository, words: Sequence[str]) -> tuple[str, str] | None:
    """Return the commit and the path that ``REV:PATH`` names; None where the words are no such thing.

    Raises
    ------
    NotFoundError
        The revision has no such file.
    """
    if (
        len(words) != 1
        or ":" not in words[0]
        or words[0].startswith(":/")
        or find_commit(repository, words[0])
    ):
        return None
    revision, _ = split_path(words[0])
    commit = find_commit(repository, revision)
    if commit is None or not repository.git.has(commit):
        return None
    path, _ = get_entry(repository, words[0])
    return commit, path


def read_card(repository: Repository, commit: str, path: str) -> Card:
    """Find out what is known of a file; a sound that nobody measured is measured.

    Raises
    ------
    DamagedError
        History cannot be read.
    """
    git = repository.git
    found = git.read_commit(commit)
    entry = git.find_entry(found.tree, path)
    assert entry is not None
    last = next(iter_commits(repository, [commit], (), path), None)
    since = _read_since(repository, last, path) if last else None
    pointer = read_pointer(git, entry)
    if pointer is None:
        data = git.read_blob(entry.oid)
        text = None if b"\0" in data else data.decode("utf-8", "replace")
        return Card(found, path, entry.oid, len(data), False, since, text=text)
    track_entry = git.find_entry(found.tree, TRACK_FILE)
    meter = read_track(repository, {TRACK_FILE: track_entry} if track_entry else {}).meter
    info, silhouette, problem = None, None, None
    try:
        if pointer.oid in repository.audio:
            info = _read_info(repository, pointer.oid, path)
            _, silhouette = learn(repository, pointer.oid)
        else:
            info, silhouette = _read_preview(repository, pointer.oid)
    except (AudioError, DamagedError, NotFoundError) as error:
        problem = error.message
    record = find_record(repository, pointer.oid, commit)
    facts = known_facts(repository, pointer.oid, commit)
    return Card(
        found,
        path,
        pointer.oid,
        pointer.size,
        True,
        since,
        info,
        facts,
        meter,
        silhouette,
        record,
        None,
        problem,
    )


def _read_since(repository: Repository, commit: Commit, path: str) -> LogEntry:
    """Return the entry of the commit that brought a file, in which that is explained if it can be."""
    book, explainer = Logbook(repository, lambda name: name == path), Explainer(repository)
    entry = book.read(commit)
    for pair in entry.pairs:
        here = pair.before in repository.audio and pair.after in repository.audio
        if not here and explainer.known(pair.before, pair.after) is None:
            continue
        with suppress(AudioError, DamagedError, NotFoundError):
            return replace(entry, explained={path: explainer.explain(pair.before, pair.after)})
    return entry


def _read_preview(repository: Repository, oid: str) -> tuple["SoundInfo", Silhouette]:
    """Return what is known of a sound that is not here, without fetching it.

    Raises
    ------
    NotFoundError
        There is no preview of it.
    """
    from beatflow.sharing.partial.previews import find_preview

    preview = find_preview(repository, oid)
    if preview is None:
        raise NotFoundError(
            "the sound is not here: bf fetch PATH brings it, bf check says whether it is elsewhere"
        )
    return preview.info, preview.silhouette


def _read_info(repository: Repository, oid: str, name: str) -> "SoundInfo":
    from beatflow.sound.files import read_info

    with repository.audio.open(oid) as file:
        return read_info(file, name)


def describe_card(card: Card) -> dict[str, Any]:
    """Return it as a document for JSON."""
    info = card.info
    result: dict[str, Any] = {
        "path": card.path,
        "commit": card.commit.oid,
        "oid": card.oid,
        "size": card.size,
        "sound": card.sound,
        "since": card.since.oid if card.since else None,
        "problem": card.problem,
    }
    if info:
        result |= {
            "format": info.format,
            "subtype": info.subtype,
            "sample_rate": info.sample_rate,
            "channels": info.channels,
            "frames": info.frames,
            "duration_s": info.duration_s,
        }
    if card.sound:
        names = ("loudness_lufs", "true_peak_dbtp", "tempo", "key")
        result |= {name: card.facts.get(name) for name in names} | {"provenance": card.record}
    return result


def format_card(card: Card, sheet: Sheet) -> Iterator[str]:
    """Yield what is known of a file as lines."""
    style, clean = sheet.style, sheet.clean
    yield f"{style(clean(card.path), 'strong')} in {style(card.commit.oid[:7], 'oid')}"
    for name, text in _rows(card, sheet):
        yield f"  {style(f'{name:9}', 'dim')}{text}"
    if card.silhouette and card.silhouette.peaks:
        yield ""
        clock = make_clock(
            1, card.facts.get("tempo") or (card.since.tempo if card.since else None), card.meter
        )
        yield from format_wave(card.silhouette, "", [], clock, sheet)
    if card.text is not None:
        yield ""
        lines = card.text.splitlines()
        for line in lines[:MAX_LINES]:
            yield f"  {clean(line)}"
        if len(lines) > MAX_LINES:
            yield style(f"  … {len(lines) - MAX_LINES} more lines: bf cat gives them", "dim")


def _rows(card: Card, sheet: Sheet) -> Iterator[tuple[str, str]]:
    info, facts = card.info, card.facts
    if info:
        depth = name_depth(info.subtype)
        yield (
            "sound",
            (
                f"{format_duration(info.duration_s)} · {info.format} · {info.sample_rate} Hz · {depth} · "
                f"{name_channels(info.channels)}"
            ),
        )
    if card.problem:
        yield "problem", sheet.style(sheet.clean(card.problem), "removed")
    known = []
    if info and "loudness_lufs" in facts:
        known.append(format_loudness(facts["loudness_lufs"]))
    if isinstance(facts.get("true_peak_dbtp"), int | float):
        known.append(f"{facts['true_peak_dbtp']:.1f} dBTP".replace("-", "−"))
    if facts.get("tempo") is not None:
        known.append(format_tempo(facts["tempo"]))
    if facts.get("key"):
        known.append(sheet.clean(str(facts["key"])))
    if known:
        yield "figures", " · ".join(known)
    kind = "sha256" if card.sound else "git blob"
    yield "size", f"{format_size(card.size)} · {kind} {card.oid[:16]}"
    if card.since:
        author = card.since.commit.author
        signature = sheet.clean(f"{author.name}, {format_time(author)}")
        yield "since", f"{format_title(card.since, sheet)}  {sheet.style(signature, 'dim')}"
        found = card.since.explained.get(card.path)
        if found:
            clock = make_clock(found.sample_rate, card.since.tempo, card.since.meter)
            yield "change", sheet.clean("; ".join(tell_explanation(found, clock)))
    if card.record:
        yield "made by", format_origin(card.record, sheet)
