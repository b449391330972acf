"""A diff as one page of HTML that needs nothing else: words, figures, waveforms, curves and faders.

Text from what was found; reads no file. The page loads nothing and forbids itself to: it can be mailed as it is.
"""

from collections.abc import Iterator

from beatflow.changetext import tell_briefly
from beatflow.diff.answer import Answer
from beatflow.diff.comparison import Difference
from beatflow.diff.graphics import draw_eq, draw_faders, draw_level, draw_time
from beatflow.diff.style import SCRIPT, STYLE
from beatflow.diff.text import (
    format_figures,
    list_figures,
    tell_difference,
    tell_moves,
    tell_rest,
)
from beatflow.picture.document import write_document
from beatflow.picture.svg import write_text
from beatflow.wording import format_tempo, plural, short_name

_WORDS = {"added": "new", "deleted": "removed", "renamed": "renamed", "modified": "changed"}


def write_page(answer: Answer) -> bytes:
    """Return the page."""
    question = answer.question
    title = f"{question.old.name} → {question.new.name}"
    body = "".join(
        [
            _write_head(answer, title),
            *(_write_card(number, item, answer) for number, item in enumerate(answer.items)),
        ]
    )
    return write_document(title, body, style=STYLE, script=SCRIPT, footer="made by bf diff")


def _write_head(answer: Answer, title: str) -> str:
    old, _, new = title.partition(" → ")
    items = answer.items
    clock = answer.question.clock
    facts = [plural(len(items), "file") if items else "nothing differs"]
    if clock.tempo:
        facts.append(f"{format_tempo(clock.tempo)} · {clock.meter}")
    links = "".join(
        f'<a class="{item.state}" href="#f{number}">{write_text(_summarize(item, answer))}</a>'
        for number, item in enumerate(items)
    )
    if answer.mix and answer.mix.fits:
        links += '<a href="#mix">faders</a>'
    return (
        f'<header><h1><span class="old">{write_text(old)}</span> <i>→</i> '
        f'<span class="new">{write_text(new)}</span></h1>'
        f"<p>{write_text(' · '.join(facts))}</p><nav>{links}</nav></header>\n"
    )


def _summarize(item: Difference, answer: Answer) -> str:
    name = short_name(item.path)
    if item.problem:
        return f"{name} unreadable"
    if item.explanation:
        return tell_briefly(name, item.explanation, answer.clock_of(item))
    return f"{name} {_WORDS[item.state]}"


def _write_card(number: int, item: Difference, answer: Answer) -> str:
    clock = answer.clock_of(item)
    was = f" <small>was {write_text(item.source)}</small>" if item.source else ""
    badge = "unreadable" if item.problem else "same samples" if item.same else _WORDS[item.state]
    name = short_name(item.path)
    path = f" <small>{write_text(item.path)}</small>" if name != item.path else ""
    parts = [
        f"<h2>{write_text(name)}{path}{was}"
        f'<span class="badge {"problem" if item.problem else item.state}">{badge}</span></h2>'
    ]
    if item.problem:
        parts.append(f'<p class="problem">cannot be compared: {write_text(item.problem)}</p>')
    phrases = [] if item.problem else tell_difference(item, clock)
    words = "".join(f"<li>{write_text(phrase)}</li>" for phrase in phrases)
    parts.append(f'<div class="told">{f"<ul>{words}</ul>" if words else ""}{_write_figures(item)}</div>')
    parts.extend(_draw(item, answer))
    if item.lines:
        lines = "".join(
            f'<span class="{_LINES.get(line[:1], "same")}">{write_text(line)}</span>\n' for line in item.lines
        )
        parts.append(f"<pre>{lines}</pre>")
    mix = _write_mix(answer) if answer.mix and answer.mix.path == item.path else ""
    return f'<section id="f{number}">{"".join(parts)}</section>\n{mix}'


_LINES = {"+": "plus", "-": "minus", "@": "where"}


def _write_figures(item: Difference) -> str:
    one, two = item.before, item.after
    if one and two and item.state == "modified":
        rows = "".join(
            f"<tr{' class=differs' if old != new else ''}><th>{name}</th>"
            f"<td>{write_text(old)}</td><td>{write_text(new)}</td></tr>"
            for name, old, new in list_figures(one, two)
        )
        return f"<table><tr><th></th><th>before</th><th>after</th></tr>{rows}</table>"
    figures = format_figures(item)
    return f"<p>{write_text(figures)}</p>" if figures else ""


def _draw(item: Difference, answer: Answer) -> Iterator[str]:
    drawing = answer.drawings.get(item.path)
    if drawing is None or item.explanation is None:
        return
    clock = answer.clock_of(item)
    yield draw_time(drawing, item.explanation, clock)
    curves = [draw_eq(change["curve"]) for change in item.explanation.find("eq")]
    span_s = drawing.after.duration_s or 1.0
    curves += [draw_level(change["curve"], span_s, clock) for change in item.explanation.find("level")]
    if curves:
        yield f'<div class="curves">{"".join(curves)}</div>'


def _write_mix(answer: Answer) -> str:
    mix = answer.mix
    if mix is None or not mix.fits:
        return ""
    return (
        f'<section id="mix"><h2>faders <small>{write_text(mix.path)} as the sum of its stems</small></h2>'
        f'<div class="told"><ul><li>{write_text(tell_moves(mix))}</li></ul></div>{draw_faders(mix)}'
        f"<p>{write_text(tell_rest(mix))}</p></section>\n"
    )
