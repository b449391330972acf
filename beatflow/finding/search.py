"""The search itself: cheap questions first, then figures, then listening; every find ranked, with where and when.

Joins versions, figures and the index. Knows no terminal; what cannot be read is told, and stops nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from beatflow.errors import BeatFlowError
from beatflow.finding.card import Card
from beatflow.finding.facts import Figures, Teller
from beatflow.finding.ranking import Likening, Match, Using
from beatflow.finding.request import Request
from beatflow.finding.threads import iter_done
from beatflow.finding.versions import Place, Version
from beatflow.soundfolder import Mishap

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Find:
    """A version that fits.

    Parameters
    ----------
    version : Version
    figures : Figures
        What it was found by, as far as it was asked for or known.
    match : Match or None
        How it is like, or uses, what was given.
    octave : bool
        Only one of its other possible tempi is in the range.
    """

    version: Version
    figures: Figures
    match: Match | None = None
    octave: bool = False


@dataclass(slots=True)
class Findings:
    """What was found, best first; how many versions were looked at; what could not be read.

    ``unheard`` says how many sounds there was no time to listen to, since the search was broken off; ``elsewhere`` how
    many a partial clone does not have.
    """

    finds: list[Find] = field(default_factory=list)
    looked_at: int = 0
    mishaps: list[Mishap] = field(default_factory=list)
    unheard: int = 0
    elsewhere: int = 0


def find(
    request: Request, places: Sequence[Place], sample: Likening | Using | None, progress: Progress
) -> Findings:
    """Find versions of sounds.

    Parameters
    ----------
    request : Request
    places : sequence of Place
    sample : Likening, Using or None
        What sounds have to be like, or to use.
    progress : callable
        Told how much of the listening is done; Ctrl-C ends it, and what was found until then is given.
    """
    found = Findings(elsewhere=sum(place.elsewhere for place in places))
    try:
        for number, place in enumerate(places):
            found.looked_at += len(place.versions)
            report = partial(_report, progress, number, len(places))
            # What is found is in the list at once: Ctrl-C shows it.
            finds = found.finds if sample is None else []
            _by_figures(place, request, found, finds, report)
            if sample:
                _by_sample(place, finds, sample, found, report)
    except KeyboardInterrupt:
        found.unheard = max(1, found.unheard)
    found.finds.sort(key=partial(_rank, request))
    return found


def _report(progress: Progress, number: int, count: int, done: float, what: str) -> None:
    progress((number + done) / count, what)


def _rank(request: Request, find: Find) -> tuple[float, ...]:
    """The best first: by likeness, by how surely the figures fit, the newest first of those that fit alike."""
    time_s = find.version.commit.time_s if find.version.commit else 1 << 60
    likeness = -find.match.score if find.match else 0.0
    mood = -find.figures.mood.scores[request.mood] if request.mood and find.figures.mood else 0.0
    return float(find.octave), likeness, mood, -float(time_s)


# By words and figures ------------------------------------------------------------------------------------


def _by_figures(
    place: Place, request: Request, found: Findings, finds: list[Find], progress: Progress
) -> None:
    """Add the versions that words and figures fit; what is not known of them is measured."""
    teller = Teller(place.repository)
    teller.prepare(place.versions)
    told = [(version, teller.tell(version)) for version in place.versions]
    rest = [
        (version, figures)
        for version, figures in told
        if _fits_words(version, figures, teller.title(version), request) and _may_fit(figures, request)
    ]
    result: dict[str, Figures | None] = {}
    found.unheard = len(rest) if request.mood or request.tempo or request.key else 0
    for number, (version, _) in enumerate(rest):
        progress(number / len(rest), version.path)
        octave, figures = False, _complete(teller, version, request, result, found)
        found.unheard = max(0, found.unheard - 1)
        if figures is None or not _fits(figures, request):
            continue
        octave = request.tempo is not None and (figures.tempo or 0.0) not in request.tempo
        finds.append(Find(version, figures, None, octave))


def _fits_words(version: Version, figures: Figures, title: str | None, request: Request) -> bool:
    if request.engine and request.engine not in (figures.engine or "").casefold():
        return False
    message = version.commit.message if version.commit else ""
    text = "\n".join((version.path, message, figures.prompt or "", title or "")).casefold()
    return all(word in text for word in request.words)


def _may_fit(figures: Figures, request: Request) -> bool:
    """Whether nothing that is known already speaks against it."""
    if request.key and figures.key is not None and figures.key != request.key:
        return False
    if request.tempo and figures.tempo is not None and not _is_in(figures, request):
        return False
    known = figures.duration_s is None or not request.duration_s
    return known or (figures.duration_s or 0.0) in (request.duration_s or ())


def _is_in(figures: Figures, request: Request) -> bool:
    assert request.tempo is not None
    return any(tempo in request.tempo for tempo in (figures.tempo or 0.0, *figures.alternatives))


def _complete(
    teller: Teller, version: Version, request: Request, done: dict[str, Figures | None], found: Findings
) -> Figures | None:
    """All figures that are asked for, measured where need be; None for what cannot be read."""
    try:
        figures = teller.tell(version)
        if teller.needs_listening(version, figures, request) and version.card_id not in done:
            teller.listen(version)
            done[version.card_id] = None
            figures = teller.tell(version)
        if not _may_fit(figures, request):
            return figures
        if request.duration_s and figures.duration_s is None:
            figures = replace(figures, duration_s=teller.measure_length(version))
        if request.mood and (not request.duration_s or _may_fit(figures, request)):
            figures = replace(figures, mood=teller.rate(version))
        return figures
    except (BeatFlowError, OSError) as error:
        found.mishaps.append(_tell(version, error))
        return None


def _fits(figures: Figures, request: Request) -> bool:
    if request.tempo and not _is_in(figures, request):
        return False
    if request.key and figures.key != request.key:
        return False
    if request.duration_s and (figures.duration_s is None or figures.duration_s not in request.duration_s):
        return False
    return not request.mood or (figures.mood is not None and figures.mood.best == request.mood)


def _tell(version: Version, error: BaseException) -> Mishap:
    if isinstance(error, BeatFlowError):
        return Mishap(version.path, error.message, error.hint)
    return Mishap(version.path, str(error))


# By sound ------------------------------------------------------------------------------------------------


def _by_sample(
    place: Place, finds: Sequence[Find], sample: Likening | Using, found: Findings, progress: Progress
) -> None:
    """Add those of some finds that match what was given, each with its match."""
    by_card: dict[str, list[Find]] = {}
    for find in finds:
        # A sound neither uses nor is like itself.
        if sample.oid is None or find.version.oid != sample.oid:
            by_card.setdefault(find.version.card_id, []).append(find)
    matches: dict[str, Match] = {}
    lengths: dict[str, float] = {}
    found.unheard = len(by_card)
    try:
        for card_id, card in _iter_cards(place, by_card, partial(_report, progress, 0, 2)):
            # One content has one record: what holds for one of its versions holds for all.
            first = by_card[card_id][0]
            if isinstance(card, BaseException):
                found.mishaps.append(_tell(first.version, card))
                found.unheard -= 1
                continue
            lengths[card_id] = card.duration_s
            match = sample.match(card, first.figures)
            if match:
                matches[card_id] = match
            found.unheard -= isinstance(sample, Likening)
        if isinstance(sample, Using):
            # What can be read has a card by now.
            readable = {card_id: by_card[card_id] for card_id in lengths}
            _by_waveform(readable, sample, lengths, matches, found, partial(_report, progress, 1, 2))
    finally:
        for card_id, match in matches.items():
            for find in by_card[card_id]:
                figures = replace(find.figures, duration_s=lengths[card_id])
                found.finds.append(replace(find, match=match, figures=figures))


def _by_waveform(
    by_card: dict[str, list[Find]],
    sample: Using,
    lengths: dict[str, float],
    matches: dict[str, Match],
    found: Findings,
    progress: Progress,
) -> None:
    """Look for a sample's very waveform, and put what is found in place of what landmarks told."""
    wanted = [
        (card_id, members[0].version.path, partial(sample.hear, members[0].version))
        for card_id, members in by_card.items()
        if sample.parts
    ]
    for card_id, heard in iter_done(wanted, progress, "comparing with"):
        found.unheard -= 1
        if isinstance(heard, BaseException):
            found.mishaps.append(_tell(by_card[card_id][0].version, heard))
        elif heard:
            matches[card_id] = sample.prove(matches.get(card_id), heard, lengths[card_id])
    found.unheard = 0


def _iter_cards(
    place: Place, by_card: dict[str, list[Find]], progress: Progress
) -> Iterator[tuple[str, Card | BaseException]]:
    """The cards of some sounds: those that are kept already, then those that have to be made."""
    missing = []
    for number, (card_id, members) in enumerate(by_card.items()):
        progress(number / len(by_card), "comparing")
        card = place.shelf.get(card_id)
        if card:
            yield card_id, card
        else:
            version = members[0].version
            make = partial(place.shelf.make, card_id, version.path, version.subject.open)
            missing.append((card_id, version.path, make))
    yield from iter_done(missing, progress, "listening to")
