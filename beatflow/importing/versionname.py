"""What a file's name says of its version: ``song_v2 final.wav`` is *song*, version 2, final.

Pure text. Dates, numbers (``v2``, ``take 3``, ``(1)``) and words (``final``, ``old``, ``master``) are taken out of a
name; what is left is whose version it is. Names that say the same of their version are of the same version.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

OLD, DRAFT, PLAIN, EDIT, MIX, FINAL, MASTER, LAST = -3, -2, 0, 1, 2, 3, 4, 5

_WORDS = {
    OLD: "old older orig original backup bak archive archived previous prev copy",
    DRAFT: "sketch idea demo draft rough wip scratch jam tmp temp",
    EDIT: "edit edited fix fixed new newer update updated tweak tweaked",
    MIX: "mix mixed mixdown bounce bounced export render rendered premaster",
    FINAL: "final finals finished done",
    MASTER: "master mastered remaster remastered",
    LAST: "last latest newest real really approved release released definitive",
}
_STAGES = {word: stage for stage, words in _WORDS.items() for word in words.split()}
_STAGE_NAMES = {
    OLD: "old",
    DRAFT: "draft",
    EDIT: "edit",
    MIX: "mix",
    FINAL: "final",
    MASTER: "master",
    LAST: "last",
}

# A word begins behind anything that is no letter or digit, or as a capital behind a small letter.
_BEGIN = r"(?:(?<![^\W_])|(?<=[a-z0-9])(?=(?-i:[A-Z])))"
_END = r"(?![^\W\d_])"
_GAP = r"[\s_.-]{0,2}"
_NUMBER = r"\d{1,3}(?:\.\d{1,3}){0,2}(?!\d)"
_STAGE = re.compile(
    rf"{_BEGIN}({'|'.join(sorted(_STAGES, key=len, reverse=True))})(?:{_GAP}v?(?P<number>{_NUMBER}))?{_END}",
    re.IGNORECASE,
)
_VERSION = re.compile(
    rf"(?:{_BEGIN}(?:version|vers|ver|revision|rev|take|tk|v|r)|(?<=[a-z]{{3}})v(?=\d+$)){_GAP}"
    rf"(?P<number>\d{{1,4}}(?:\.\d{{1,3}}){{0,2}}(?!\d))(?P<letter>[a-z])?{_END}",
    re.IGNORECASE,
)
_COPY = re.compile(r"\((\d{1,3})\)")
_BARE = re.compile(r"(?<=[\s_.#-])(\d{1,3})$")
_TIME = r"(?:[\sT_-]{1,3}(?P<hour>[01]\d|2[0-3])[.:h-]?(?P<minute>[0-5]\d)(?:[.:m-]?(?P<second>[0-5]\d))?s?(?!\d))?"
_DATES = (
    re.compile(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_. ]?(?P<month>\d\d)[-_. ]?(?P<day>\d\d)(?!\d)" + _TIME, re.I
    ),
    re.compile(
        r"(?<!\d)(?P<day>\d{1,2})[-_.](?P<month>\d{1,2})[-_.](?P<year>(?:19|20)\d\d)(?!\d)" + _TIME, re.I
    ),
    re.compile(r"(?<!\d)(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)(?!\d)" + _TIME, re.I),
)
# Another piece of work, no version: the radio edit, the club mix.
_VARIANT = re.compile(
    r"(?:radio|club|dub|extended|short|long|vocal|tv|dance|acoustic|live)[\s_-]+(?:edit|mix|version|master|final)\b",
    re.IGNORECASE,
)
# What may stand among the words behind a name without being part of it.
_TECHNICAL = re.compile(
    r"\d+\s?(?:bit|khz|k|hz|bpm|kbps)|-?\d+\s?lufs|wav|mp3|flac|stereo|mono", re.IGNORECASE
)
_NEEDS_MORE = {"real", "really"}
_TRIM = " _.-+#,"
_PICTURES = ("So", "Sk", "Cf", "Me")


class Mark(NamedTuple):
    """One thing that a name says of its version; marks of one kind sort as the versions do.

    ``stage`` is 0 for a version number; ``times`` tells ``final final`` from ``final``.
    """

    stage: int
    times: int
    number: tuple[int, ...]


END = Mark(PLAIN, 0, ())
"""Stands behind a name's last mark: ``v2`` comes before ``v2 final`` and behind ``v2 old``."""


@dataclass(frozen=True, slots=True)
class VersionName:
    """A name taken apart.

    Parameters
    ----------
    base : str
        What is left of it; empty where all of it told the version.
    marks : tuple of Mark
        In order.
    moment : datetime or None
        The date in it, without a zone.
    timed : bool
        Whether that has a time of day.
    weak : bool
        Nothing but a bare number behind the name, which may well be part of it: ``guitar 2``.
    label : str
        What was taken out, as it was written.
    head, tail : str or None, str
        What stands before and behind the first version number or date, where there is one, less what was taken out.
    written : str
        All from there on, as it was written.
    """

    base: str
    marks: tuple[Mark, ...] = ()
    moment: datetime | None = None
    timed: bool = False
    weak: bool = False
    label: str = ""
    head: str | None = None
    tail: str = ""
    written: str = ""

    @property
    def key(self) -> tuple[Mark, ...]:
        """What to sort names of one thing by, as far as they say."""
        return (*self.marks, END)

    @property
    def numbered(self) -> bool:
        """Whether it has a version number before anything else."""
        return bool(self.marks) and self.marks[0].stage == PLAIN

    @property
    def says_nothing(self) -> bool:
        """Whether it tells nothing of a version."""
        return not self.marks and self.moment is None

    def tell(self) -> str:
        """Say in words what it tells: ``version 2, final``."""
        told = []
        for mark in self.marks:
            number = ".".join(map(str, mark.number))
            if mark.stage == PLAIN:
                told.append(f"{'number' if self.weak else 'version'} {number}")
            else:
                word = f'"{" ".join([_STAGE_NAMES[mark.stage]] * mark.times)}"'
                told.append(f"{word} {number}".rstrip())
        if self.moment:
            told.append(
                f"dated {self.moment:%Y-%m-%d %H:%M}" if self.timed else f"dated {self.moment:%Y-%m-%d}"
            )
        return ", ".join(told)


def parse_names(names: Iterable[str]) -> dict[str, VersionName]:
    """Take the names of one folder apart.

    Words behind a number (``song_v3 louder bass``) describe the version, if no two files share them and no two share
    the number; otherwise they are a part of the name: ``song_v3_drums``, ``song_v3_bass``.
    """
    parsed = {name: parse_name(name) for name in names}
    alike: dict[str, list[str]] = {}
    for name, found in parsed.items():
        if found.head is not None:
            alike.setdefault(fold(found.head), []).append(name)
    for members in alike.values():
        tails = [fold(parsed[name].tail) for name in members if parsed[name].tail]
        versions = {(parsed[name].marks, parsed[name].moment) for name in members}
        if len(members) > 1 and len(set(tails)) == len(tails) and len(versions) == len(members):
            for name in members:
                found = parsed[name]
                parsed[name] = replace(found, base=found.head or "", label=found.written)
    return parsed


def parse_name(name: str) -> VersionName:
    """Take a file's or folder's name, without its suffix, apart."""
    # What is found is blanked, so that nothing is found twice and every place stays where it was.
    rest = list(name)
    hidden = _VARIANT.sub(lambda match: "x" * len(match[0]), name)
    found: list[tuple[int, int, Mark | None]] = []
    moment, timed = None, False
    for pattern in _DATES:
        match = next((match for match in pattern.finditer(hidden) if _read_date(match)), None)
        if match:
            moment, timed = _read_date(match), match["hour"] is not None
            hidden = _blank(hidden, match.start(), match.end())
            found.append((match.start(), match.end(), None))
            break
    for pattern, read in ((_VERSION, _read_version), (_COPY, _read_copy)):
        for match in pattern.finditer(hidden):
            found.append((match.start(), match.end(), read(match)))
            hidden = _blank(hidden, match.start(), match.end())
    for match in _find_stages(hidden):
        found.append((match.start(), match.end(), _read_stage(match)))
        hidden = _blank(hidden, match.start(), match.end())
    weak = False
    bare = _BARE.search(hidden.rstrip()) if not any(mark for _, _, mark in found) else None
    if bare:
        weak = True
        found.append((bare.start(), bare.end(), Mark(PLAIN, 1, (int(bare[1]),))))
    found.sort(key=lambda item: item[:2])
    for start, end, _ in found:
        rest[start:end] = "\0" * (end - start)
    firm = [
        (start, end)
        for start, end, mark in found
        if mark is None or (mark.stage == PLAIN and name[start] != "(")
    ]
    head, tail = (
        ("".join(rest[: firm[0][0]]), "".join(rest[firm[0][1] :])) if firm and not weak else (None, "")
    )
    return VersionName(
        head=None if head is None else _tidy(head),
        tail=_tidy(tail),
        written=name[firm[0][0] :].replace("_", " ").strip(_TRIM) if head is not None else "",
        base=_tidy("".join(rest)),
        marks=_join([mark for _, _, mark in found if mark]),
        moment=moment,
        timed=timed,
        weak=weak,
        label=" ".join(name[start:end].strip(_TRIM) for start, end, _ in found),
    )


def fold(base: str) -> str:
    """Return what two spellings of one name have in common: neither case nor separators nor emoji count."""
    words = "".join(sign for sign in base if unicodedata.category(sign) not in _PICTURES and sign != "\ufe0f")
    return re.sub(r"[\s_.+-]+", " ", (words.strip() or base).casefold()).strip()


def _find_stages(hidden: str) -> list[re.Match[str]]:
    """Return the words that stand behind all of the name: *Last Christmas* is a title, *Christmas last* a version."""
    chosen: list[re.Match[str]] = []
    end = len(hidden)
    for match in reversed(list(_STAGE.finditer(hidden))):
        between = _TECHNICAL.sub("", hidden[match.end() : end])
        if re.search(r"[^\W_]", between) or (match[1].lower() in _NEEDS_MORE and not chosen):
            break
        chosen.append(match)
        end = match.start()
    return chosen


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]


def _tidy(text: str) -> str:
    """Close the gaps that marks left, with one of the separators that stood there."""
    text = re.sub(r"[\s_.,+-]*[(\[{]*\0[\0\s]*[)\]}]*", "\0", text)
    text = re.sub(r"\0+([\s_.-])", r"\1", text)
    text = text.replace("\0", "").strip(_TRIM)
    for opening, closing in ("()", "[]", "{}"):
        if text.count(opening) != text.count(closing):
            text = text.strip(opening + closing + _TRIM)
    return text


def _join(marks: list[Mark]) -> tuple[Mark, ...]:
    """Put the marks of a name in the order of their weight.

    Words before a word are part of it (*final mix 2* is a second final); *old* comes last whatever it stands beside.
    """
    joined: list[Mark] = []
    for mark in (mark for mark in marks if mark.stage != OLD):
        before = joined[-1] if joined else None
        if before and before.stage != PLAIN and mark.stage != PLAIN and not before.number:
            stage = max(before.stage, mark.stage)
            times = before.times * (before.stage == stage) + mark.times * (mark.stage == stage)
            joined[-1] = Mark(stage, times, mark.number)
        elif before and before.stage != PLAIN and mark.stage == PLAIN and not before.number:
            joined[-1] = before._replace(number=mark.number)
        else:
            joined.append(mark)
    old = [mark for mark in marks if mark.stage == OLD]
    return (*joined, *old[:1])


def _read_version(match: re.Match[str]) -> Mark:
    number = tuple(int(part) for part in match["number"].split("."))
    letter = match["letter"]
    return Mark(PLAIN, 1, (*number, ord(letter.lower()) - ord("a") + 1) if letter else number)


def _read_stage(match: re.Match[str]) -> Mark:
    number = tuple(int(part) for part in match["number"].split(".")) if match["number"] else ()
    return Mark(_STAGES[match[1].lower()], 1, number)


def _read_copy(match: re.Match[str]) -> Mark:
    return Mark(PLAIN, 1, (int(match[1]),))


def _read_date(match: re.Match[str]) -> datetime | None:
    """Return the date that digits are, None where there is no such day."""
    year = int(match["year"])
    year += 2000 if year < 100 else 0
    month, day = int(match["month"]), int(match["day"])
    # 05.13.2024 can only be American.
    if month > 12 >= day:
        month, day = day, month
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    return datetime(found.year, found.month, found.day, hour, minute, second)
