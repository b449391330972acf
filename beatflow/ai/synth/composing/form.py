"""The form: sections, who plays in them, how their energy runs, where a fill leads on. Knows no notes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beatflow.ai.synth.randomness import Stream

Structure = Sequence[tuple[str, int]]
ALL = frozenset(("drums", "bass", "chords", "melody", "texture"))


@dataclass(frozen=True, slots=True)
class Role:
    """What a kind of section is there for.

    Parameters
    ----------
    energy : float
        0..1 where it begins.
    rise : float
        By how much the energy has changed at its end.
    slot : str
        Whose chords, grooves and motifs it uses: ``a`` the verse's, ``b`` the chorus', ``c`` another's.
    melody : str
        ``theme``, ``hook``, ``solo``, ``sparse`` or ``none``.
    register : int
        Scale steps by which the melody lies higher.
    """

    energy: float
    rise: float = 0.1
    slot: str = "a"
    melody: str = "theme"
    register: int = 0


ROLES: Mapping[str, Role] = {
    "intro": Role(0.35, 0.15, melody="none"),
    "main": Role(0.55),
    "verse": Role(0.5),
    "prechorus": Role(0.55, 0.2, "c", "sparse"),
    "chorus": Role(0.85, 0.05, "b", "hook", 2),
    "lift": Role(0.8),
    "drop": Role(0.95, 0.0, "a", "hook", 0),
    "build": Role(0.4, 0.45, "a", "sparse"),
    "break": Role(0.3, 0.15, "a", "sparse"),
    "bridge": Role(0.5, 0.2, "c", "theme", -1),
    "solo": Role(0.75, 0.1, "a", "solo", 2),
    "interlude": Role(0.45, 0.05, "a", "none"),
    "outro": Role(0.4, -0.2, melody="sparse"),
    "part": Role(0.6, 0.1),
}
_ROLE_WORDS: Mapping[str, str] = {
    "introduction": "intro", "opening": "intro", "start": "intro", "theme": "main", "head": "main", "groove": "main",
    "loop": "main", "hook": "chorus", "refrain": "chorus", "pre": "prechorus", "prehook": "prechorus",
    "rise": "build", "buildup": "build", "riser": "build", "breakdown": "break", "middle": "bridge",
    "middleeight": "bridge", "instrumental": "interlude", "turnaround": "interlude", "tag": "outro", "coda": "outro",
    "ending": "outro", "end": "outro", "finale": "outro", "strophe": "verse", "couplet": "verse", "climax": "drop",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar's place in the form.

    Parameters
    ----------
    index : int
    section : str
        As it was asked for.
    role : str
        A key of ``ROLES``.
    material : str
        Bars of equal material and ``inside`` play the same.
    slot : str
        Whose chords, grooves and motifs.
    inside, size : int
        Place in the section, and the section's bars.
    energy : float
    fill : str
        ``""``, ``small``, ``large``, ``build`` or ``end``.
    parts : frozenset of str
        Who plays.
    opens : bool
        A cymbal marks it.
    """

    index: int
    section: str
    role: str
    material: str
    slot: str
    inside: int
    size: int
    energy: float
    fill: str
    parts: frozenset[str]
    opens: bool = False

    @property
    def phrase(self) -> int:
        """0..3 within four bars."""
        return self.inside % 4

    @property
    def lifted(self) -> bool:
        """Everything plays out."""
        return self.role in ("lift", "chorus", "drop", "solo") or self.energy > 0.72


def find_role(name: str) -> tuple[str, str]:
    """A section's role and its material: ``verse 2`` is a verse, and the same as ``verse 1``."""
    plain = re.sub(r"[^a-z]", "", name.lower()) or name.lower()
    role = plain if plain in ROLES else _ROLE_WORDS.get(plain, "")
    if not role:
        # The longest known word that it begins or ends with: "final chorus", "chorus out", "postchorus".
        known = sorted((*ROLES, *_ROLE_WORDS), key=lambda word: (-len(word), word))
        found = next(
            (word for word in known if len(word) > 3 and (plain.startswith(word) or plain.endswith(word))), ""
        )
        role = _ROLE_WORDS.get(found, found) or "part"
        return role, role if role in ("chorus", "verse") else plain
    return role, role if role in ("chorus", "verse", "main") else plain


def plan_bars(
    count: int, loop: bool, energy: float, stream: Stream, structure: Structure = (), going_on: bool = False
) -> list[Bar]:
    """The form, bar by bar.

    Parameters
    ----------
    count : int
    loop : bool
        It flows round; otherwise its last bar is an ending.
    energy : float
        The mood's, -1..1.
    stream : Stream
        Draws who begins.
    structure : sequence of (str, int)
        Sections asked for; without them short pieces are one section that grows, long ones have an intro, lifts,
        breaks and an ending.
    going_on : bool
        It goes on with a piece that is there: no intro.
    """
    sections = list(structure) or _sections(count, loop, going_on)
    bars: list[Bar] = []
    visits: dict[str, int] = {}
    for place, (name, size) in enumerate(sections):
        role, material = find_role(name)
        following = find_role(sections[place + 1][0])[0] if place + 1 < len(sections) else ""
        if not following and loop:
            following = find_role(sections[0][0])[0]
        visit = visits[material] = visits.get(material, -1) + 1
        slot = ROLES[role].slot if role != "part" else "abc"[(len(visits) - 1) % 3]
        made = _section(name, role, material, slot, size, following, stream)
        lift = 0.04 * min(visit, 2)
        for bar in made:
            level = max(0.1, min(1.0, bar.energy + lift + energy * 0.25))
            bars.append(replace(bar, index=len(bars), energy=level))
    bars = bars[:count]
    return _close(bars, loop, going_on)


def _sections(count: int, loop: bool, going_on: bool) -> list[tuple[str, int]]:
    """Sections of eight bars."""
    blocks = -(-count // 8)
    if blocks <= 2:
        names = ["main", "lift"][:blocks]
    else:
        middle = ["main", "lift", "break", "lift"]
        plain = loop or going_on
        names = [middle[(i - (not plain)) % 4] for i in range(blocks)]
        if not loop:
            names[0] = names[0] if going_on else "intro"
            if blocks >= 4:
                names[-1] = "outro"
    return [(name, min(8, count - 8 * place)) for place, name in enumerate(names)]


def _section(
    name: str, role: str, material: str, slot: str, size: int, following: str, stream: Stream
) -> list[Bar]:
    """The bars of one section, with its fills."""
    plan, bars = ROLES[role], []
    lifts_after = following in ("lift", "chorus", "drop")
    own = stream.fork(material)
    first = own.choice([("chords",), ("chords", "melody"), ("drums", "chords")])
    for inside in range(size):
        share = inside / max(size - 1, 1)
        # Eight bars step up in their middle, as a second line does.
        level = plan.energy + (plan.rise * share if abs(plan.rise) > 0.1 else plan.rise * (inside % 8 >= 4))
        fill = ""
        if inside == size - 1:
            fill = "build" if role in ("break", "build") and lifts_after else "large"
        elif inside % 8 == 7:
            fill = "large"
        elif inside % 4 == 3:
            fill = "small"
        parts = _parts_of(role, inside, size, first)
        opens = inside == 0 and role not in ("break", "outro", "intro", "bridge")
        bars.append(Bar(0, name, role, material, slot, inside, size, level, fill, parts, opens))
    return bars


def _parts_of(role: str, inside: int, size: int, first: tuple[str, ...]) -> frozenset[str]:
    """Who plays in a bar of a section; half-way through, players come in or leave."""
    late = 2 * inside >= size
    if role == "intro":
        return frozenset({"texture", *first, *({"drums", "chords", "bass"} if late and size > 1 else ())})
    if role == "break":
        return frozenset({"chords", "melody", "texture"} | ({"drums", "bass"} if late else set()))
    if role == "build":
        return ALL - {"bass"} if late and size > 1 else ALL
    if role == "outro":
        return frozenset({"chords", "bass", "texture"} | (set() if late else {"drums", "melody"}))
    if role == "interlude":
        return ALL - {"melody"}
    return ALL


def _close(bars: list[Bar], loop: bool, going_on: bool) -> list[Bar]:
    """The first and the last bar: a loop has neither, a piece ends."""
    if bars[0].opens and (going_on or not (loop and len(bars) >= 4)):
        bars[0] = replace(bars[0], opens=False)
    if not loop and len(bars) > 1:
        bars[-1] = replace(bars[-1], fill="end", parts=bars[-1].parts | {"chords", "bass"})
        if bars[-1].role not in ("outro", "intro", "break", "interlude"):
            bars[-1] = replace(bars[-1], parts=ALL)
    return bars


def follow_energy(bars: Sequence[Bar], energy: Sequence[float]) -> list[Bar]:
    """Bars that play as hard as what they run beside; all of the players are at hand."""
    followed = []
    for bar in bars:
        if bar.index < len(energy):
            level = max(0.1, min(1.0, 0.1 + 0.9 * energy[bar.index]))
            role = "main" if bar.fill != "end" else bar.role
            bar = replace(bar, energy=level, role=role, parts=ALL)
        followed.append(bar)
    return followed
