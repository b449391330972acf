"""What may be sold, told on a terminal: a tree of what each sound was made of, and what is in the way. Pure text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from beatflow.columns import Style, cell_width, pad, shorten
from beatflow.lineage.ancestry import iter_reached, read_text
from beatflow.lineage.clearance import DECLARE, Source, Survey
from beatflow.lineage.licence import Verdict
from beatflow.wording import plural

WORDS = {Verdict.FREE: "may be sold", Verdict.UNKNOWN: "not known", Verdict.BARRED: "not for sale"}
STYLES = {Verdict.FREE: "added", Verdict.UNKNOWN: "warning", Verdict.BARRED: "removed"}

MAX_ROWS = 200
"""How much of a tree is shown; ``--json`` has it all."""

_MAX_NAME, _MAX_LEAD = 44, 30  # columns


@dataclass(frozen=True, slots=True)
class Page:
    """How lines are to look: colours, a cleaner of names, the columns there are (None for any)."""

    style: Style
    clean: Callable[[str], str]
    width: int | None = None


@dataclass(slots=True)
class _Rows:
    survey: Survey
    rows: list[tuple[str, str, Verdict]] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


def format_survey(survey: Survey, page: Page) -> Iterator[str]:
    """Yield what may be sold as lines."""
    yield from _format_tree(survey, page)
    for verdict, title in ((Verdict.BARRED, "in the way"), (Verdict.UNKNOWN, "to be cleared up")):
        sources = survey.list_sources(verdict)
        if sources:
            yield ""
            yield page.style(title, "heading")
        silent = [source for source in sources if not (source.engine or source.declared or source.licence)]
        for source in sources:
            if source not in silent:
                yield from _format_obstacle(source, page)
        for reason in dict.fromkeys(source.judgement.reason for source in silent):
            yield from _format_silent([one for one in silent if one.judgement.reason == reason], page)
    conditions = [source for source in survey.list_sources(Verdict.FREE) if source.judgement.conditions]
    if conditions:
        yield ""
        yield page.style("on condition", "heading")
    for source in conditions:
        terms = ", ".join(sorted(source.judgement.conditions))
        yield f"  {page.clean(source.name)}: {terms} ({page.clean(source.licence)})"
    yield ""
    yield _conclude(survey, page)


def _conclude(survey: Survey, page: Page) -> str:
    verdict = survey.verdict
    count = len(survey.clearances)
    if verdict == Verdict.FREE:
        what = "this sound" if count == 1 else f"all {plural(count, 'sound')}"
        return page.style(f"{what} may be sold, as far as the records tell", STYLES[verdict])
    hit = [one for one in survey.clearances if one.verdict == verdict]
    what = page.clean(hit[0].path) if len(hit) == 1 else f"{len(hit)} of {plural(count, 'sound')}"
    verb = "is" if len(hit) == 1 else "are"
    tail = "not for sale" if verdict == Verdict.BARRED else "of unknown origin"
    return page.style(f"{what} {verb} {tail}", STYLES[verdict])


def _format_obstacle(source: Source, page: Page) -> Iterator[str]:
    name = page.clean(source.name)
    if source.declared:
        why = f"is declared {page.clean(source.licence)}: {source.judgement.reason}"
    else:
        licence = f"{page.clean(source.licence)}: " if source.licence else ""
        engine = page.clean(source.engine) or "an engine that is not named"
        why = f"was made with {engine} ({licence}{source.judgement.reason})"
    yield f"  {name} {why}"
    if source.fix:
        yield "    " + page.style(page.clean(source.fix), "hint")


def _format_silent(sources: Sequence[Source], page: Page) -> Iterator[str]:
    """Yield the sounds of which nothing is recorded: one command declares them all."""
    for source in sources:
        yield f"  {page.clean(source.name)}: {source.judgement.reason}"
    fixes = [source.fix for source in sources if source.fix]
    if fixes:
        words = [fix.removeprefix(DECLARE) for fix in fixes]
        same = len({word.partition(" ")[0] for word in words}) == 1
        lines = (
            [DECLARE + " ".join([words[0], *(word.partition(" ")[2] for word in words[1:])])]
            if same
            else fixes
        )
        yield from (f"    {page.style(page.clean(line), 'hint')}" for line in lines)


def _format_tree(survey: Survey, page: Page) -> Iterator[str]:
    found = _Rows(survey)
    for oid in _find_roots(survey):
        if len(found.rows) >= MAX_ROWS:
            break
        _add(found, oid, "", "", ())
    cut = [
        (shorten(page.clean(name), _MAX_NAME), page.clean(what), verdict)
        for name, what, verdict in found.rows
    ]
    width = max((cell_width(name) for name, _, _ in cut), default=0)
    last = max(map(len, WORDS.values()))
    room = None if page.width is None else max(page.width - width - last - 4, 10)
    texts = [shorten(what, room) for _, what, _ in cut]
    middle = max(map(cell_width, texts), default=0)
    for (name, _, verdict), text in zip(cut, texts, strict=True):
        word = page.style(WORDS[verdict], STYLES[verdict])
        yield f"{pad(name, width)}  {page.style(pad(text, middle), 'dim')}  {word}"
    if len(found.rows) >= MAX_ROWS:
        yield page.style("… more: --json has it all", "dim")


def _find_roots(survey: Survey) -> list[str]:
    """Return the sounds asked for that no other one asked for was made of, each once; all where they go in circles."""
    asked = dict.fromkeys(one.oid for one in survey.clearances)
    below: set[str] = set()
    for oid in asked:
        if oid not in below:
            below |= {one for one, _ in iter_reached(survey.origins, oid) if one != oid}
    return [oid for oid in asked if oid not in below] or list(asked)[:1]


def _add(found: _Rows, oid: str, lead: str, branch: str, above: tuple[str, ...]) -> None:
    """Add a sound and what it was made of, but for what stands right ``above`` it: what its mix was made of, too."""
    if len(found.rows) >= MAX_ROWS:
        return
    survey = found.survey
    again = oid in found.shown and bool(survey.origins[oid].parents if oid in survey.origins else ())
    found.rows.append(
        (
            lead + branch + survey.names.get(oid, oid[:12]),
            "as above" if again else _describe(survey, oid),
            survey.judge(oid),
        )
    )
    origin = survey.origins.get(oid)
    if again or origin is None or len(lead) >= _MAX_LEAD:
        return
    found.shown.add(oid)
    lead += {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    parents = [parent for parent in origin.parents if parent not in above]
    for number, parent in enumerate(parents, 1):
        _add(found, parent, lead, "└─ " if number == len(parents) else "├─ ", origin.parents)


def _describe(survey: Survey, oid: str) -> str:
    """Say in a few words what made a sound, and under which licence."""
    origin, source = survey.origins.get(oid), survey.sources.get(oid)
    if origin is None:
        return "too far to follow"
    if source and source.declared:
        return f"declared {source.licence}"
    if origin.record is None:
        return origin.presumed or "no record"
    engine = read_text(origin.record, "engine")
    words = {"split": f"split by {engine}", "merge": "merged", "extend": f"extended by {engine}"}
    words |= {"cut": "cut out", "convert": "converted", "loop": "cut out as a loop"}
    words |= {"remix": f"remixed by {engine}" if engine else "remixed"}
    what = words.get(origin.kind, engine or "its record names no engine")
    if origin.kind == "mix":
        what = "mixed"
    return f"{what} · {source.licence}" if source and source.licence else what


def describe_survey(survey: Survey) -> dict[str, Any]:
    """Return it as a document for JSON."""
    return {
        "commit": survey.state.commit,
        "verdict": survey.verdict.word,
        "sounds": [
            {
                "path": one.path,
                "oid": one.oid,
                "verdict": one.verdict.word,
                "sources": [source.oid for source in one.sources],
                "made_of": _describe_parents(survey, one.oid),
            }
            for one in survey.clearances
        ],
        "sources": [
            _describe_source(source)
            for verdict in reversed(Verdict)
            for source in survey.list_sources(verdict)
        ],
        "origins": [
            {
                "oid": oid,
                "name": survey.names[oid],
                "kind": origin.kind or None,
                "engine": read_text(origin.record, "engine") or None,
                "presumed": origin.presumed or None,
                "inputs": list(origin.parents),
            }
            for oid, origin in survey.origins.items()
        ],
    }


def _describe_parents(survey: Survey, oid: str) -> list[str]:
    return [survey.names.get(parent, parent[:12]) for parent in survey.origins[oid].parents]


def _describe_source(source: Source) -> dict[str, Any]:
    return {
        "oid": source.oid,
        "name": source.name,
        "engine": source.engine or None,
        "licence": source.licence or None,
        "declared": source.declared,
        "verdict": source.judgement.verdict.word,
        "reason": source.judgement.reason or None,
        "conditions": sorted(source.judgement.conditions),
        "fix": source.fix or None,
    }
